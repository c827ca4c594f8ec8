public import Basis
public import Records

/// Everything that a seed decides before a run, as a value (`simulation.md` 3): it can be printed, edited and run.
public struct Plan: Sendable, Hashable {
    public enum Tier: String, Sendable, CaseIterable {
        case small = "S", medium = "M", large = "L", extraLarge = "XL"

        /// S to 9 peers, M to 128, L to 1,999, XL above.
        public static func of(peers: Int) -> Tier {
            peers <= 9 ? .small : peers <= 128 ? .medium : peers < 2_000 ? .large : .extraLarge
        }
    }

    public enum Crypto: String, Sendable, CaseIterable { case real, sim, none }
    public enum Ties: String, Sendable, CaseIterable { case insertion, seeded }
    /// How large tables and queues of nodes are.
    public enum LimitsName: String, Sendable, CaseIterable { case tiny, production }

    public struct Peer: Sendable, Hashable {
        public enum Role: String, Sendable, CaseIterable {
            /// A voting seat; seats are the first peers.
            case seat
            /// Follows and executes the log.
            case observer
            /// Membership alone (tiers L and XL).
            case member
        }
        public var address: SocketAddress
        public var region: Int
        public var nat: NATKind
        public var role: Role
        /// When its process starts; nil if a fault or an operation starts it.
        public var startsAt: Interval?
        /// Whether it has the genesis from the start; else it fetches it from whom it meets.
        public var hasGenesis: Bool
        /// Its wall clock minus true time.
        public var clockOffset: Interval
        public var driftPPM: Int64
        /// How much slower than the reference it handles an event; 1 or more.
        public var cpuFactor: Int64
        /// Slots that it lends; 0 if it runs no jobs.
        public var slots: Int

        public init(
            address: SocketAddress, region: Int = 0, nat: NATKind = .public, role: Role, startsAt: Interval? = .zero,
            hasGenesis: Bool = true, clockOffset: Interval = .zero, driftPPM: Int64 = 0, cpuFactor: Int64 = 1,
            slots: Int = 0
        ) {
            self.address = address
            self.region = region
            self.nat = nat
            self.role = role
            self.startsAt = startsAt
            self.hasGenesis = hasGenesis
            self.clockOffset = clockOffset
            self.driftPPM = driftPPM
            self.cpuFactor = cpuFactor
            self.slots = slots
        }
    }

    public enum Expectation: Sendable, Hashable {
        case pass
        /// Beyond tolerance: finality is lost, and only `halts_safely` is demanded.
        case halt
        /// This invariant breaks, as it should.
        case violation(String)
    }

    /// An invariant that is not judged, and why.
    public struct Waiver: Sendable, Hashable {
        public var invariant: String
        public var reason: String
        public init(invariant: String, reason: String) {
            self.invariant = invariant
            self.reason = reason
        }
    }

    /// Of the scenario's file, without `.yaml`.
    public var name: String
    /// What must be true and why it might not be.
    public var why: String
    public var tier: Tier
    public var limits: LimitsName
    public var crypto: Crypto
    public var ties: Ties
    public var network: NetworkProfile
    public var regions: [[Interval]]
    /// Time from a synced write to its completion on an unhindered disk.
    public var diskLatency: Interval
    /// Index = number of the peer. Seats come first.
    public var peers: [Peer]
    /// Ascending by time.
    public var operations: [Operation]
    public var adversaries: [AdversaryPlan]
    /// Ascending by time.
    public var faults: [Fault]
    public var boot: Interval
    public var calmAt: Interval
    public var duration: Interval
    public var must: [Must]
    public var holdFor: Interval
    /// Whether operations go on in calm.
    public var worksInCalm: Bool
    public var waived: [Waiver]
    public var expects: Expectation
    /// Id of the bug of `Plant.catalogue` that the world has on purpose; nil for none.
    public var plant: String?
    /// The trace hash that seed `golden.seed` must give.
    public var golden: Golden?

    public struct Golden: Sendable, Hashable {
        public var seed: UInt64
        public var hash: UInt64
        public init(seed: UInt64, hash: UInt64) {
            self.seed = seed
            self.hash = hash
        }
    }

    public init(name: String, why: String, peers: [Peer]) {
        self.name = name
        self.why = why
        self.peers = peers
        tier = .of(peers: peers.count)
        limits = .tiny
        crypto = .sim
        ties = .insertion
        network = .internet
        regions = []
        diskLatency = .microseconds(500)
        operations = []
        adversaries = []
        faults = []
        boot = .seconds(30)
        calmAt = .seconds(360)
        duration = .seconds(600)
        must = [Must(.jobsEnd), Must(.oneComponent), Must(.heightsEqual), Must(.owesNothing)]
        holdFor = .seconds(5)
        worksInCalm = false
        waived = []
        expects = .pass
    }

    public var seatCount: Int { peers.prefix { $0.role == .seat }.count }
    /// Byzantine seats that N seats tolerate: ⌈N/3⌉ − 1.
    public var tolerated: Int { (seatCount + 2) / 3 - 1 }
}
