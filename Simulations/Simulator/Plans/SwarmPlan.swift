import Basis

/// Runs that nobody thought of (`simulation.md` 18): a seed picks size, weather, liars, faults and work.
///
/// Nine in ten stay within what the protocol tolerates, so they must pass. In one of ten so many seats are lost for
/// good that nothing can be finalised any more, and it must halt safely. What counts against tolerance for good: seats
/// that lie, are lost, or whose clocks jump far. Crashes, partitions and pauses may meet more seats at once, since they
/// are over before calm.
public enum SwarmPlan {
    /// Tiers S and M; larger ones are drawn as M. Same seed, tier and size, same plan.
    ///
    /// - Parameter peers: how many, of `sizes(tier)`; nil: as the seed has it.
    public static func make(seed: UInt64, tier: Plan.Tier, peers: Int? = nil) -> Plan {
        var draft = SwarmDraft(seed: seed, isSmall: tier == .small, size: peers)
        draft.drawWorld()
        draft.drawCoalitions()
        draft.drawWork()
        draft.drawFaults()
        return draft.scenario.expand(seed: seed)
    }
}

extension SwarmPlan {
    /// How many peers a network of this tier has.
    public static func sizes(_ tier: Plan.Tier) -> ClosedRange<Int> { tier == .small ? 3...9 : 32...128 }

    /// What the plan of a seed is called.
    public static func name(seed: UInt64, tier: Plan.Tier) -> String {
        let digits = String(seed, radix: 16)
        return "swarm-\(tier == .small ? "S" : "M")-" + String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// One swarm run being put together.
struct SwarmDraft {
    let isSmall: Bool
    /// How many peers somebody asked for.
    let size: Int?
    var stream: SeededGenerator
    var scenario: Scenario
    var peers = 0
    var seats = 0
    /// Whether it goes beyond tolerance.
    var halts = false
    /// How many seats may still lie or go for good.
    var budget = 0
    /// By number: already lying or gone for good.
    var isSpent: [Bool] = []
    /// By number: when the peer is up again for 5 s after its last crash.
    var crashableFrom: [Interval] = []
    /// The last peers, whom a join storm starts.
    var newcomers = 0

    init(seed: UInt64, isSmall: Bool, size: Int? = nil) {
        self.isSmall = isSmall
        self.size = size
        stream = Seeding(seed).stream("swarm")
        scenario = Scenario(
            name: SwarmPlan.name(seed: seed, tier: isSmall ? .small : .medium),
            why: "Whatever a seed makes of weather, faults and liars within tolerance, no promise breaks, and "
                + "everything that was begun ends once the network is calm.")
    }

    // MARK: draws

    mutating func oneIn(_ count: UInt64) -> Bool { stream.next().multipliedFullWidth(by: count).high == 0 }
    mutating func whole(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &stream) }

    /// Between 2^low and 2^high, each doubling equally likely.
    mutating func wild(_ low: Int, _ high: Int) -> Int64 {
        let exponent = whole(low...(high - 1))
        return Int64.random(in: (1 << exponent)...(2 << exponent), using: &stream)
    }

    /// From a thousandth to a half.
    mutating func wildChance() -> Chance { Chance(UInt32(wild(10, 19)), in: 1_048_576) }

    mutating func pick<T>(_ items: [T]) -> T { items[whole(0...items.count - 1)] }

    mutating func some(_ count: Int, of pool: [Int]) -> [Int] {
        var pool = pool
        let count = min(count, pool.count)
        for index in 0..<count { pool.swapAt(index, whole(index...pool.count - 1)) }
        return pool.prefix(count).sorted()
    }

    // MARK: the world

    mutating func drawWorld() {
        halts = oneIn(10)
        let drawn = whole(SwarmPlan.sizes(isSmall ? .small : .medium))
        peers = size ?? drawn
        if halts { peers = max(peers, 4) }
        seats = isSmall ? min(peers, oneIn(4) ? whole(1...3) : whole(4...7)) : whole(4...10)
        // A genesis has one seat or at least three.
        if seats == 2 { seats = 1 }
        if halts { seats = max(seats, 4) }
        budget = (seats + 2) / 3 - 1
        isSpent = Array(repeating: false, count: peers)
        crashableFrom = Array(repeating: .zero, count: peers)
        var census = Scenario.Census()
        census.peers = peers
        census.seats = seats
        if oneIn(3) {
            census.slowCPUs = Chance(1, in: 8)
            census.slowCPUFactor = Int64(whole(2...16))
        }
        scenario.population = .drawn(census)
        scenario.tier = isSmall ? .small : .medium
        scenario.limits = oneIn(4) ? .production : .tiny
        scenario.ties = oneIn(2) ? .seeded : .insertion
        scenario.network = pick([.internet, .internet, .internet, .internet, .hostile, .hostile, .lan, .perfect])
        scenario.diskLatency = .microseconds(wild(6, 13))
        if !isSmall, oneIn(3) {
            scenario.regions = [[10, 45, 110], [45, 10, 90], [110, 90, 10]].map { row in
                row.map { Interval.milliseconds($0) }
            }
        }
        scenario.boot = .seconds(isSmall ? 8 : 30)
        scenario.calmAt = .seconds(isSmall ? Int64(whole(60...80)) : Int64(whole(300...360)))
        scenario.duration = .seconds(isSmall ? 180 : 600)
        if halts { scenario.expects = .halt }
    }

    var calm: Interval { scenario.effectiveCalmAt }
    /// Peers that are neither seats nor start later.
    var observers: [Int] { Array(seats..<max(seats, peers - newcomers)) }
    /// Seats and observers that keep to the protocol and stay.
    func honest(_ pool: [Int]) -> [Int] { pool.filter { !isSpent[$0] } }

    // MARK: liars

    static let seatLiars = AdversaryType.allCases.filter { $0.home == .seats }
    static let workLiars = AdversaryType.allCases.filter { $0.home == .workers }
    static let submitLiars = AdversaryType.allCases.filter { $0.home == .submitters }
    static let anyLiars = AdversaryType.allCases.filter { $0.home == .anyone }

    mutating func drawCoalitions() {
        if !halts, budget > 0, oneIn(2) {
            let members = some(whole(1...budget), of: Array(0..<seats))
            enlist("seats", pick(Self.seatLiars), members)
            budget -= members.count
        }
        let most = max(1, observers.count / 5)
        for (name, types) in [("workers", Self.workLiars), ("submitters", Self.submitLiars), ("peers", Self.anyLiars)]
        where oneIn(3) {
            let pool = honest(observers)
            if pool.count < 2 { continue }
            // Nobody walks the edge of a tolerance while comparators have none: the next worse that can act does.
            let type = pick(types)
            let members = some(whole(1...max(1, min(most, pool.count / 2))), of: pool)
            enlist(name, type.missing == nil ? type : .wrongResult, members)
        }
    }

    mutating func enlist(_ name: String, _ type: AdversaryType, _ members: [Int]) {
        for member in members { isSpent[member] = true }
        var spec = AdversarySpec(name: name, type: type, members: .peers(members))
        if type == .censor || type == .selectiveDropper {
            spec.victims = .peers(some(max(1, peers / 16), of: honest(Array(0..<peers))))
        }
        if oneIn(2) { spec.intensity = wildChance() }
        scenario.adversaries.append(spec)
    }

    // MARK: work

    mutating func drawWork() {
        let amounts: ClosedRange<UInt64> = 1...UInt64(wild(1, 20))
        scenario.workload.append(
            WorkloadSpec(
                .transfer(amounts), arrivals: pick([.steady, .poisson, .bursts, .hot]),
                rate: .init(UInt64(wild(4, 8)), per: .seconds(60))))
        let longest: Int64 = isSmall ? 12 : 14
        var jobs = WorkloadSpec(
            .openJob(
                taskClass: pick([.exact, .exact, .numeric, .flaky]),
                replicas: min(pick([1, 3, 3, 5]), max(1, peers - 2)),
                runs: .milliseconds(100) ... .milliseconds(wild(8, Int(longest))),
                unservable: oneIn(3) ? Chance(1, in: 10) : .never, cancelled: oneIn(3) ? Chance(1, in: 10) : .never),
            arrivals: pick([.steady, .poisson, .bursts]), rate: .init(UInt64(wild(1, 5)), per: .seconds(60)))
        // The last job has time to end before its calm limit.
        jobs.until = calm - .seconds(5)
        scenario.workload.append(jobs)
        if let liars = scenario.adversaries.first(where: { $0.name == "submitters" }) {
            jobs.by = .adversary(liars.name)
            jobs.rate = .init(4, per: .seconds(60))
            scenario.workload.append(jobs)
        }
        if oneIn(2) {
            scenario.workload.append(WorkloadSpec(.lookup, rate: .init(UInt64(wild(1, 5)), per: .seconds(60))))
        }
        if oneIn(2) {
            scenario.workload.append(WorkloadSpec(.readBalance, rate: .init(UInt64(wild(1, 5)), per: .seconds(60))))
        }
    }
}
