public import Basis

/// A question to a simulated network, as a person writes it (`simulation.md` 13).
///
/// It names peers by selectors and work by rates; `expand(seed:)` decides everything and gives a `Plan`. A scenario in
/// which nothing is left to decide (every peer, operation and target listed) expands to the same plan for every seed:
/// that is how plans and regressions are kept in files of the same grammar.
public struct Scenario: Sendable, Hashable {
    /// Who takes part.
    public enum Population: Sendable, Hashable {
        case drawn(Census)
        /// Index = number of the peer; seats come first.
        case listed([Plan.Peer])

        /// How many peers there are.
        public var count: Int {
            switch self {
            case .drawn(let census): census.peers
            case .listed(let peers): peers.count
            }
        }
        public var seats: Int {
            switch self {
            case .drawn(let census): census.seats
            case .listed(let peers): peers.prefix { $0.role == .seat }.count
            }
        }
    }

    /// What the seed has to draw peers from.
    public struct Census: Sendable, Hashable {
        /// 1 to 100,000.
        public var peers = 32
        /// 1 to `peers`; they come first.
        public var seats = 4
        /// Shares of peers behind such a NAT; all others are public. Together at most all.
        public var nat: [NATShare] = []
        /// Wall clocks start within ± this of true time.
        public var clockOffset: Interval = .milliseconds(200)
        /// Clocks drift within ± this, parts in a million; 0 to 1,000.
        public var driftPPM: Int64 = 50
        /// Share of peers whose CPU is slower, and by how much.
        public var slowCPUs: Chance = .never
        public var slowCPUFactor: Int64 = 4
        /// Slots that each worker lends; nil: 2 in tiers S and M if jobs are opened, else 0.
        public var slots: Int?

        public init() {}
    }

    public struct NATShare: Sendable, Hashable {
        public var kind: NATKind
        public var share: Chance
        public init(kind: NATKind, share: Chance) {
            self.kind = kind
            self.share = share
        }
    }

    public struct Group: Sendable, Hashable {
        public var name: String
        public var members: Selector
        public init(name: String, members: Selector) {
            self.name = name
            self.members = members
        }
    }

    /// What makes a plan a regression: the run that found it, and why it went wrong (`simulation.md` 19).
    public struct Finding: Sendable, Hashable {
        public var seed: UInt64
        /// Id of an invariant or of a `must`.
        public var violated: String
        /// A sentence by whoever fixed it.
        public var cause: String
        public init(seed: UInt64, violated: String, cause: String) {
            self.seed = seed
            self.violated = violated
            self.cause = cause
        }
    }

    /// Of the file, without `.yaml`.
    public var name: String
    public var why: String
    public var population: Population
    /// nil: from the number of peers.
    public var tier: Plan.Tier?
    public var limits: Plan.LimitsName = .tiny
    /// nil: `none` in tier XL, else `sim`.
    public var crypto: Plan.Crypto?
    public var ties: Plan.Ties = .insertion
    public var network: NetworkProfile = .internet
    /// One-way medians between regions; empty: one region.
    public var regions: [[Interval]] = []
    /// As many as `regions`, or none.
    public var regionNames: [String] = []
    public var diskLatency: Interval = .microseconds(500)
    public var groups: [Group] = []
    public var workload: [WorkloadSpec] = []
    /// Operations that are listed rather than drawn; ids unique.
    public var operations: [Operation] = []
    public var adversaries: [AdversarySpec] = []
    public var faults: [FaultSpec] = []
    public var boot: Interval = .seconds(30)
    /// nil: at 60 % of the duration.
    public var calmAt: Interval?
    public var duration: Interval = .seconds(600)
    /// nil: the four of section 14, or `halts_safely` where a halt is expected.
    public var must: [Must]?
    public var holdFor: Interval = .seconds(5)
    public var worksInCalm = false
    public var waived: [Plan.Waiver] = []
    public var expects: Plan.Expectation = .pass
    /// Id of a bug of `Plant.catalogue`; nil for none.
    public var plant: String?
    public var golden: Plan.Golden?
    /// nil unless the file is a regression.
    public var finding: Finding?

    public init(name: String, why: String, population: Population = .drawn(Census())) {
        self.name = name
        self.why = why
        self.population = population
    }

    public var effectiveTier: Plan.Tier { tier ?? .of(peers: population.count) }
    public var effectiveCalmAt: Interval { calmAt ?? Interval(nanoseconds: duration.nanoseconds / 5 * 3) }
    public var effectiveMust: [Must] {
        if let must { return must }
        if expects == .halt { return [Must(.haltsSafely)] }
        return [Must(.jobsEnd), Must(.oneComponent), Must(.heightsEqual), Must(.owesNothing)]
    }

    /// Byzantine seats that its seats tolerate.
    public var tolerated: Int { (population.seats + 2) / 3 - 1 }

    /// The run that the seed decides: same scenario and seed, same plan, on every machine.
    ///
    /// The scenario must be one that its reader accepts; what a selector cannot find is left out.
    public func expand(seed: UInt64) -> Plan {
        var expansion = Expansion(self, seeding: Seeding(seed))
        return expansion.run()
    }
}
