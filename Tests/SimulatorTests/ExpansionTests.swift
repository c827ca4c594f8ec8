import Basis
import Records
import Simulator
import Testing

/// What a seed makes of a scenario.
@Suite struct ExpansionTests {
    static func scenario(peers: Int = 32, seats: Int = 4) -> Scenario {
        var census = Scenario.Census()
        census.peers = peers
        census.seats = seats
        return Scenario(name: "test", why: "A sentence of the test.", population: .drawn(census))
    }

    static let jobs = WorkloadSpec(
        .openJob(
            taskClass: .exact, replicas: 3, runs: .seconds(1) ... .seconds(2), unservable: .never, cancelled: .always),
        rate: .init(10, per: .seconds(60)))

    /// Shows that a plan is a function of scenario and seed, by expanding twice, and that the seed matters.
    @Test func sameSeedSamePlan() {
        var scenario = Self.scenario()
        scenario.workload = [Self.jobs, WorkloadSpec(.transfer(1...9), arrivals: .bursts)]
        scenario.faults = [
            FaultSpec(at: .seconds(50), kind: .lose(.peers([])), whom: .who(.random(.count(3), of: .observers)))
        ]
        #expect(scenario.expand(seed: 7) == scenario.expand(seed: 7))
        #expect(scenario.expand(seed: 7) != scenario.expand(seed: 8))
    }

    /// Shows that each purpose has its own stream: one more fault, operation or coalition moves no other draw.
    @Test func streamsAreApart() {
        var scenario = Self.scenario()
        scenario.workload = [Self.jobs]
        let crash = FaultSpec(
            at: .seconds(50), kind: .crash(.peers([]), restartAfter: .seconds(5), disk: .loseUnsynced(.seeded)),
            whom: .who(.random(.count(3), of: .all)))
        scenario.faults = [crash]
        let before = scenario.expand(seed: 3)
        scenario.faults = [crash, crash]
        scenario.workload = [Self.jobs, WorkloadSpec(.lookup)]
        scenario.adversaries = [AdversarySpec(name: "late", type: .delayer, members: .peers([]))]
        let after = scenario.expand(seed: 3)
        #expect(after.peers == before.peers)
        #expect(after.faults.first { $0.id == 0 } == before.faults.first)
        let jobs = after.operations.filter { if case .lookup = $0.kind { false } else { true } }
        #expect(jobs == before.operations)
        #expect(after.faults[0].kind != after.faults[1].kind, "two faults drew the same peers")
    }

    /// Shows that addresses are unique and public, and that small worlds have a /16 for each peer while larger ones
    /// meet in few: over sizes and seeds.
    @Test(arguments: [4, 9, 32, 128, 1_000, 10_000])
    func addresses(peers: Int) {
        for seed in 1...(peers > 1_000 ? 2 : 10) as ClosedRange<UInt64> {
            let plan = Self.scenario(peers: peers).expand(seed: seed)
            let addresses = plan.peers.map(\.address)
            #expect(Set(addresses).count == peers)
            #expect(addresses.allSatisfy { $0.port == 7_717 && $0.family == .v4 })
            let closed: Set<UInt64> = [0, 10, 100, 127, 169, 172, 192, 198, 203]
            for address in addresses {
                let first = address.low >> 24
                #expect(first < 224 && !closed.contains(first))
                #expect(address.low & 0xff != 0 && address.low & 0xff != 255)
            }
            var sizes: [UInt64: Int] = [:]
            for address in addresses { sizes[address.low >> 16, default: 0] += 1 }
            if peers <= 9 {
                #expect(sizes.count == peers)
            } else {
                let largest = sizes.values.max() ?? 0
                #expect(largest * 30 > peers, "the largest network has \(largest) of \(peers) peers")
                #expect(sizes.count >= min(8, peers / 4))
            }
        }
    }

    /// Shows roles, slots and starts by tier.
    @Test func peersByTier() {
        var scenario = Self.scenario(peers: 1_000)
        scenario.workload = [Self.jobs]
        let large = scenario.expand(seed: 1)
        #expect(large.peers.prefix(4).allSatisfy { $0.role == .seat })
        #expect(large.peers.filter { $0.role == .observer }.count == 3)
        #expect(large.peers.suffix(993).allSatisfy { $0.role == .member && $0.slots == 0 })

        scenario = Self.scenario()
        scenario.workload = [Self.jobs]
        let medium = scenario.expand(seed: 1)
        #expect(medium.peers.dropFirst(4).allSatisfy { $0.role == .observer && $0.slots == 2 })
        #expect(medium.peers.prefix(4).allSatisfy { $0.slots == 0 && $0.startsAt == .zero })
        #expect(medium.peers.allSatisfy { ($0.startsAt ?? .zero) <= .seconds(15) && $0.hasGenesis })
        #expect(Set(medium.peers.dropFirst(4).map(\.startsAt)).count > 20)
        #expect(medium.peers.allSatisfy { $0.clockOffset <= .milliseconds(200) && $0.driftPPM.magnitude <= 50 })
        #expect(Set(medium.peers.map(\.clockOffset)).count > 20)

        scenario.workload = []
        #expect(scenario.expand(seed: 1).peers.allSatisfy { $0.slots == 0 })
    }

    /// Shows that operations are ordered, lie in their window, are asked of honest peers that are there, and that a
    /// cancellation names its job.
    @Test func operations() {
        var scenario = Self.scenario()
        scenario.workload = [Self.jobs, WorkloadSpec(.transfer(5...6), arrivals: .hot)]
        scenario.adversaries = [AdversarySpec(name: "ring", type: .wrongResult, members: .peers([9, 10]))]
        scenario.faults = [FaultSpec(at: .seconds(60), kind: .joinStorm(.peers([]), over: .zero), whom: .newcomers(5))]
        let plan = scenario.expand(seed: 5)
        let times = plan.operations.map(\.at)
        #expect(times == times.sorted())
        #expect(Set(plan.operations.map(\.id)).count == plan.operations.count)
        #expect(plan.operations.count > 300)
        var asked: Set<Int> = []
        for operation in plan.operations {
            asked.insert(operation.by)
            #expect(operation.at >= plan.boot && operation.at < plan.calmAt + .seconds(10))
            switch operation.kind {
            case .transfer(let to, let micro):
                #expect(to != operation.by && (5...6).contains(micro) && to < 27)
            case .cancelJob(let other):
                let job = plan.operations.first { $0.id == other }
                #expect(job?.by == operation.by && job.map { $0.at < operation.at } == true)
            default: break
            }
        }
        #expect(asked.isDisjoint(with: [0, 1, 2, 3, 9, 10, 27, 28, 29, 30, 31]))
        #expect(asked.count == 21)
        #expect(plan.operations.filter { if case .cancelJob = $0.kind { true } else { false } }.count == 55)
    }

    /// Shows that selectors that only the moment can tell stay, and all others become peers.
    @Test func selectors() {
        var scenario = Self.scenario()
        scenario.groups = [.init(name: "a", members: .peers([4, 5, 6]))]
        scenario.adversaries = [
            AdversarySpec(name: "ring", type: .dropper, members: .random(.count(2), of: .group("a")))
        ]
        func pause(_ who: Selector) -> FaultSpec {
            FaultSpec(at: .seconds(40), duration: .seconds(1), kind: .pause(.peers([])), whom: .who(who))
        }
        scenario.faults = [
            pause(.leader), pause(.seats(2)), pause(.workers(1)),
            pause(.random(.share(Chance(1, in: 4)), of: .observers)),
            pause(.adversary("ring")), pause(.union([.peers([1]), .group("a")])), pause(.everySeat),
            pause(.random(.share(Chance(20, in: 100)), of: .all)), pause(.region("0")), pause(.nat(.symmetric)),
        ]
        let met = scenario.expand(seed: 2).faults.map(\.kind.targets.who)
        #expect(Array(met.prefix(3)) == [.leader, .seats(2), .workers(1)])
        #expect(met[3].listed.count == 7 && met[3].listed.allSatisfy { $0 >= 4 })
        #expect(met[4].listed.count == 2 && Set(met[4].listed).isSubset(of: [4, 5, 6]))
        #expect(met[5] == .peers([1, 4, 5, 6]))
        #expect(met[6] == .peers([0, 1, 2, 3]))
        #expect(met[7].listed.count == 6)
        #expect(met[8].listed.count == 32)
        #expect(met[9] == .peers([]))
    }

    /// Shows that the groups of a partition never overlap, and that `rest` is what no other side names.
    @Test func sides() {
        var scenario = Self.scenario(peers: 8)
        let none = Targets.peers([])
        scenario.faults = [
            FaultSpec(
                at: .seconds(40), kind: .partition(groups: []),
                whom: .groups([.rest, .peers([0, 1]), .peers([1, 2])])),
            FaultSpec(at: .seconds(41), kind: .partition(groups: []), whom: .split(Chance(1, in: 4))),
            FaultSpec(
                at: .seconds(42), kind: .partitionOneWay(from: none, to: none),
                whom: .pair(from: .rest, to: .peers([7]))),
        ]
        let kinds = scenario.expand(seed: 2).faults.map(\.kind)
        #expect(kinds[0] == .partition(groups: [[3, 4, 5, 6, 7], [0, 1], [2]]))
        if case .partition(let groups) = kinds[1] {
            #expect(groups.map(\.count) == [2, 6] && groups.flatMap { $0 }.sorted() == Array(0..<8))
        } else {
            Issue.record("no partition")
        }
        #expect(kinds[2] == .partitionOneWay(from: .peers([0, 1, 2, 3, 4, 5, 6]), to: .peers([7])))
    }

    /// Shows that newcomers neither start nor know the genesis, that two storms have different ones, and that
    /// departures and repeated crashes become one fault each.
    @Test func stormsAndRepetitions() {
        var scenario = Self.scenario()
        let storm = Fault.Kind.joinStorm(.peers([]), over: .seconds(5))
        let crash = Fault.Kind.crash(.peers([]), restartAfter: .seconds(1), disk: .crashAtWrite(1, after: true))
        scenario.faults = [
            FaultSpec(at: .seconds(60), kind: storm, whom: .newcomers(4)),
            FaultSpec(at: .seconds(70), kind: storm, whom: .newcomers(2)),
            FaultSpec(
                at: .seconds(80), over: .seconds(30), kind: .leaveSigned(.peers([])),
                whom: .who(.random(.count(3), of: .observers))),
            FaultSpec(
                at: .seconds(120), times: 5, every: .seconds(10), writes: 1...3, kind: crash, whom: .who(.peers([1]))),
        ]
        let plan = scenario.expand(seed: 1)
        #expect(plan.faults[0].kind == .joinStorm(.peers([28, 29, 30, 31]), over: .seconds(5)))
        #expect(plan.faults[1].kind == .joinStorm(.peers([26, 27]), over: .seconds(5)))
        #expect(plan.peers.indices.filter { plan.peers[$0].startsAt == nil } == Array(26..<32))
        #expect(plan.peers.allSatisfy { $0.hasGenesis == ($0.startsAt != nil) })
        #expect(plan.faults[2...4].map(\.at) == [.seconds(80), .seconds(90), .seconds(100)])
        #expect(plan.faults[2...4].allSatisfy { $0.kind.targets.who.listed.allSatisfy { (4..<26).contains($0) } })
        let writes = plan.faults[5...].map { fault in
            if case .crash(_, _, .crashAtWrite(let write, after: true)) = fault.kind { write } else { 0 }
        }
        #expect(writes == [1, 2, 3, 1, 2])
        #expect(plan.faults.map(\.at) == plan.faults.map(\.at).sorted())
        #expect(Set(plan.faults.map(\.id)).count == plan.faults.count)
    }

    /// Shows that a coalition may be given networks of its own.
    @Test func netgroups() {
        var scenario = Self.scenario(peers: 128)
        scenario.adversaries = [
            AdversarySpec(name: "ring", type: .sybilSwarm, members: .random(.count(20), of: .observers), netgroups: 2)
        ]
        let plan = scenario.expand(seed: 9)
        let members = plan.adversaries[0].peers
        let networks = Set(members.map { plan.peers[$0].address.low >> 16 })
        #expect(members.count == 20 && networks.count == 2)
        let others = plan.peers.indices.filter { !members.contains($0) }
        #expect(others.allSatisfy { !networks.contains(plan.peers[$0].address.low >> 16) })
        #expect(Set(plan.peers.map(\.address)).count == 128)
    }
}
