import Basis
public import Records
public import Trust

/// What the store gave back at start (`gossip.md` 10.4, 14).
public struct RestoredMembership: Sendable {
    /// The network of this data directory; nil before the first join.
    public var network: NetworkID?
    /// The last sequence of an own record, as stored; 0 if there is none.
    public var ownSequence: UInt64
    /// Saved rows, as the store returned them: a row that does not decode is skipped and counted.
    public var rows: [[UInt8]]
    /// Seeds of an earlier join.
    public var seeds: [Seed]
    public var policy: PeerPolicy
    /// Whether the genesis document is here.
    public var hasGenesis: Bool
    /// Whether this node made the network or was given its genesis file: it needs nobody to be joined.
    public var ownsGenesis: Bool
    /// False after a `leave`: the node stays out until `join`.
    public var joinsAutomatically: Bool
    /// What this build speaks.
    public var protocolMin: UInt8
    public var protocolMax: UInt8

    public init(
        network: NetworkID? = nil, ownSequence: UInt64 = 0, rows: [[UInt8]] = [],
        seeds: [Seed] = [], policy: PeerPolicy = PeerPolicy(), hasGenesis: Bool = false,
        ownsGenesis: Bool = false, joinsAutomatically: Bool = true, protocolMin: UInt8 = 1,
        protocolMax: UInt8 = 1
    ) {
        self.network = network
        self.ownSequence = ownSequence
        self.rows = rows
        self.seeds = seeds
        self.policy = policy
        self.hasGenesis = hasGenesis
        self.ownsGenesis = ownsGenesis
        self.joinsAutomatically = joinsAutomatically
        self.protocolMin = protocolMin
        self.protocolMax = protocolMax
    }
}

/// A host name or address to join through, and its port.
public struct Seed: Sendable, Hashable {
    public var host: String
    public var port: UInt16

    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }
}

/// What `peernode join` asks for (`gossip.md` 10.1).
public struct JoinTarget: Sendable, Hashable {
    public var seeds: [Seed]
    /// The first characters (20 to 52) of the network's id in base32; nil = first contact or the stored one.
    public var networkPrefix: String?
    /// Pins the id of the first seed.
    public var peer: PeerID?

    public init(seeds: [Seed], networkPrefix: String? = nil, peer: PeerID? = nil) {
        self.seeds = seeds
        self.networkPrefix = networkPrefix
        self.peer = peer
    }
}

/// What the own record says of the own capabilities (11.1); all zero without a document.
public struct CapabilitySummary: Sendable, Hashable {
    public var classes: CapabilityClasses
    public var digest: Digest
    /// Size of the document.
    public var bytes: UInt16

    public init(classes: CapabilityClasses = [], digest: Digest = .zero, bytes: UInt16 = 0) {
        self.classes = classes
        self.digest = digest
        self.bytes = bytes
    }
}

/// How available this node is (10.5). Precedence: left > draining > silent > offSchedule > accepting.
public enum AvailabilityState: Sendable, Hashable {
    case accepting, silent, offSchedule, draining, left
}

/// Two ways to go: `now` signs a leave record, `stopping` only says goodbye and is expected again.
public enum LeaveMode: Sendable, Hashable {
    case now, stopping
}

/// Why a peer is kept connected (14).
public enum PinPurpose: UInt8, Sendable, Hashable, Comparable, CaseIterable {
    case seat = 1, job, transaction, transfer
    /// A seat that is asked where somebody is.
    case find
    public static func < (a: PinPurpose, b: PinPurpose) -> Bool { a.rawValue < b.rawValue }
}
