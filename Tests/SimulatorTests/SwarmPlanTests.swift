import Basis
import Simulator
import Testing

/// Runs that a seed makes up must be fair: within tolerance, or openly beyond it.
@Suite struct SwarmPlanTests {
    static let seeds: Range<UInt64> = 0..<300

    /// Shows that seed and tier decide the plan, and that it lies in its tier.
    @Test(arguments: [Plan.Tier.small, .medium])
    func sizes(tier: Plan.Tier) {
        var peers: Set<Int> = []
        for seed in Self.seeds {
            let plan = SwarmPlan.make(seed: seed, tier: tier)
            #expect(plan == SwarmPlan.make(seed: seed, tier: tier))
            #expect(plan.tier == tier)
            #expect(tier == .small ? (3...9).contains(plan.peers.count) : (32...128).contains(plan.peers.count))
            #expect(plan.boot < plan.calmAt && plan.calmAt + .seconds(100) <= plan.duration)
            #expect(plan.seatCount >= 1 && !plan.operations.isEmpty)
            peers.insert(plan.peers.count)
        }
        #expect(peers.count > (tier == .small ? 6 : 60))
    }

    /// Shows that seats that lie, are lost or have wrong clocks for good are at most f together, unless a halt is
    /// expected, and then more are lost than a quorum can do without: over seeds of both tiers.
    @Test(arguments: [Plan.Tier.small, .medium])
    func tolerance(tier: Plan.Tier) {
        var halting = 0
        var atLimit = 0
        for seed in Self.seeds {
            let plan = SwarmPlan.make(seed: seed, tier: tier)
            var isSpent = Array(repeating: false, count: plan.seatCount)
            func spend(_ peers: [Int]) { for peer in peers where peer < plan.seatCount { isSpent[peer] = true } }
            for adversary in plan.adversaries { spend(adversary.peers) }
            for fault in plan.faults {
                switch fault.kind {
                case .lose(let who), .leaveSilent(let who), .leaveSigned(let who), .turnByzantine(let who, _):
                    #expect(!who.listed.isEmpty)
                    spend(who.listed)
                case .clockJump(let who, let by) where by.milliseconds.magnitude > 256: spend(who.listed)
                case .crash(_, _, .wipe), .disk(_, .wipe), .crash(_, _, .lyingSync), .disk(_, .lyingSync):
                    Issue.record("a disk that lies or forgets in seed \(seed)")
                default: break
                }
            }
            let spent = isSpent.filter { $0 }.count
            let seats = plan.seatCount
            let quorum = (seats + (seats + 2) / 3 + 1) / 2
            if plan.expects == .halt {
                halting += 1
                #expect(seats - plan.seatsGone.lost < quorum, "seed \(seed): a quorum is left")
                #expect(plan.must.map(\.id) == [.haltsSafely])
            } else {
                #expect(spent <= plan.tolerated, "seed \(seed): \(spent) of \(seats) seats")
                if spent == plan.tolerated, spent > 0 { atLimit += 1 }
            }
        }
        #expect((15...50).contains(halting), "\(halting) halts")
        #expect(atLimit > 30)
    }

    /// Shows that everything is over by calm, that a peer is up for 5 s between two crashes, and that nobody who left
    /// crashes.
    @Test(arguments: [Plan.Tier.small, .medium])
    func faultsEnd(tier: Plan.Tier) {
        var crashes = 0
        for seed in Self.seeds {
            let plan = SwarmPlan.make(seed: seed, tier: tier)
            var upAt = Array(repeating: Interval.zero, count: plan.peers.count)
            for fault in plan.faults {
                #expect(fault.at >= plan.boot && fault.at < plan.calmAt)
                if let duration = fault.duration { #expect(fault.at + duration <= plan.calmAt) }
                guard case .crash(let who, let restart, let disk) = fault.kind else { continue }
                let end = fault.at + (fault.duration ?? .zero) + restart
                #expect(end <= plan.calmAt)
                if case .crashAtWrite = disk { #expect(fault.duration != nil) }
                for peer in who.listed {
                    crashes += 1
                    #expect(fault.at >= upAt[peer] || upAt[peer] == .zero, "seed \(seed), peer \(peer)")
                    upAt[peer] = end + .seconds(5)
                }
            }
        }
        #expect(crashes > 300)
    }

    /// Shows that over seeds every kind of fault that a swarm has occurs, in about half of the runs, and that ties and
    /// limits are drawn as section 18 says.
    @Test func variety() {
        var runs: [String: Int] = [:]
        var (seeded, tiny, liars) = (0, 0, 0)
        for seed in Self.seeds {
            let plan = SwarmPlan.make(seed: seed, tier: .medium)
            for name in Set(plan.faults.map(\.kind.name)) { runs[name, default: 0] += 1 }
            if plan.ties == .seeded { seeded += 1 }
            if plan.limits == .tiny { tiny += 1 }
            if !plan.adversaries.isEmpty { liars += 1 }
        }
        let out: Set = [
            "nat_rebind", "disk_wipe", "disk_lying_sync", "disk_lose_unsynced", "disk_crash_at_write", "turn_byzantine",
        ]
        for name in Fault.Kind.names where !out.contains(name) {
            let count = runs[name, default: 0]
            #expect(count > 60 && count < 260, "\(name) in \(count) of 300 runs")
        }
        #expect((120...180).contains(seeded) && (195...255).contains(tiny) && liars > 150)
    }
}
