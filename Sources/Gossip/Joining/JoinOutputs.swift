public import Basis
public import Records
public import Trust

/// Why a join ended for good (10.2). Nothing was stored.
public enum JoinRefusal: Sendable, Hashable {
    case wrongNetwork(expected: NetworkID, found: NetworkID)
    case seedsDisagree([NetworkID])
    case wrongVersion(min: UInt8, max: UInt8)
    /// Their clock minus ours.
    case clockOutOfRange(milliseconds: Int64)
    case boundToOtherNetwork(NetworkID)
}

/// What became of one seed in a round of dials.
public struct SeedOutcome: Sendable, Hashable {
    public enum Result: Sendable, Hashable {
        case nameNotFound
        case failed(DialFailure)
    }
    public var seed: Seed
    public var result: Result

    public init(seed: Seed, result: Result) {
        self.seed = seed
        self.result = result
    }
}

/// State of a peer as people see it (7.1).
public enum MemberState: Sendable, Hashable {
    case heard, verified, unreachable(failures: Int), left, banned
}

/// What is known of one peer, for shells; no core decides by it.
public struct MemberView: Sendable, Hashable {
    public var index: PeerIndex
    public var id: PeerID
    public var key: PublicKey
    public var state: MemberState
    /// Whether a link is up, and whether we dialled it.
    public var link: LinkDirection?
    public var status: UnsignedRecord.Status
    public var reach: UnsignedRecord.Reach
    public var classes: CapabilityClasses
    public var sequence: UInt64
    public var endpoints: [Endpoint]
    public var roundTrip: Interval?
    /// When its key or a probe last proved that it lives; nil if never in this run.
    public var lastEvidence: Instant?
}

public enum LinkDirection: Sendable, Hashable {
    case inbound, outbound
}

/// Two valid records with one (key, sequence) and different bytes (3.6).
public struct EquivocationProof: Sendable, Hashable {
    public var first: PeerRecord
    public var second: PeerRecord
}

/// A record that someone told, before its signature is checked.
public struct RecordCandidate: Sendable, Hashable {
    public var record: PeerRecord
    public var teller: PeerIndex
}
