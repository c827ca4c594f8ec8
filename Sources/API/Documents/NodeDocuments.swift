/// What this node does.
public enum NodeState: String, Choice {
    case starting, catchingUp, working, idle, paused, draining, halted
}

/// This node.
public struct NodeDocument: Document {
    public static let documentType = "node"

    public private(set) var schema = SchemaTag<NodeDocument>()
    public var peer: String
    public var account: String
    /// The account that submits, if an owner key is configured.
    public var owner: String?
    public var name: Known<String>?
    public var network: Network
    public var version: String
    public var state: NodeState
    public var reason: Known<String>?
    public var links: Links
    public var lending: Lending
    public var sandbox: Sandbox
    public var ledger: Ledger
    public var credit: Credit?
    /// Results certified since midnight UTC in which this node took part.
    public var certifiedToday: Int?
    public var uptimeMs: Int64
    public var dashboard: Known<String>?
    public var peerAddresses: [String]

    public init(
        peer: String, account: String, owner: String? = nil, name: Known<String>? = nil,
        network: Network, version: String, state: NodeState, reason: Known<String>? = nil,
        links: Links,
        lending: Lending, sandbox: Sandbox, ledger: Ledger, credit: Credit? = nil,
        certifiedToday: Int? = nil, uptimeMs: Int64, dashboard: Known<String>? = nil,
        peerAddresses: [String] = []
    ) {
        self.peer = peer
        self.account = account
        self.owner = owner
        self.name = name
        self.network = network
        self.version = version
        self.state = state
        self.reason = reason
        self.links = links
        self.lending = lending
        self.sandbox = sandbox
        self.ledger = ledger
        self.credit = credit
        self.certifiedToday = certifiedToday
        self.uptimeMs = uptimeMs
        self.dashboard = dashboard
        self.peerAddresses = peerAddresses
    }

    /// The network that the home belongs to.
    public struct Network: Codable, Sendable, Equatable {
        public var id: String
        public var name: String

        public init(
            id: String, name: String
        ) {
            self.id = id
            self.name = name
        }
    }

    /// Links that are up.
    public struct Links: Codable, Sendable, Equatable {
        public var total: Int
        public var inbound: Int
        public var outbound: Int

        public init(
            total: Int, inbound: Int, outbound: Int
        ) {
            self.total = total
            self.inbound = inbound
            self.outbound = outbound
        }
    }

    /// What is lent.
    public struct Lending: Codable, Sendable, Equatable {
        public var enabled: Bool
        public var consented: Bool
        public var cores: Int?
        public var memoryBytes: Int64?
        public var diskBytes: Int64?
        public var runtimes: [String]
        public var slots: SlotUse

        public init(
            enabled: Bool, consented: Bool, cores: Int? = nil, memoryBytes: Int64? = nil,
            diskBytes: Int64? = nil, runtimes: [String] = [], slots: SlotUse
        ) {
            self.enabled = enabled
            self.consented = consented
            self.cores = cores
            self.memoryBytes = memoryBytes
            self.diskBytes = diskBytes
            self.runtimes = runtimes
            self.slots = slots
        }
    }

    /// What keeps tasks in.
    public struct Sandbox: Codable, Sendable, Equatable {
        public var tier: SandboxTier
        public var meter: String
        public var walls: [Wall]

        public init(
            tier: SandboxTier, meter: String, walls: [Wall] = []
        ) {
            self.tier = tier
            self.meter = meter
            self.walls = walls
        }
    }

    /// One wall and whether it stands.
    public struct Wall: Codable, Sendable, Equatable {
        public var id: String
        public var ok: Bool
        public var detail: String?

        public init(
            id: String, ok: Bool, detail: String? = nil
        ) {
            self.id = id
            self.ok = ok
            self.detail = detail
        }
    }

    /// The log as seen here.
    public struct Ledger: Codable, Sendable, Equatable {
        public var height: UInt64
        public var certifiedHeight: UInt64
        public var epoch: UInt64
        public var seats: Int
        public var behindMs: Int64?
        public var halted: Bool

        public init(
            height: UInt64, certifiedHeight: UInt64, epoch: UInt64, seats: Int,
            behindMs: Int64? = nil,
            halted: Bool
        ) {
            self.height = height
            self.certifiedHeight = certifiedHeight
            self.epoch = epoch
            self.seats = seats
            self.behindMs = behindMs
            self.halted = halted
        }
    }

    /// The node's own account.
    public struct Credit: Codable, Sendable, Equatable {
        public var availableMicro: Micro
        public var heldMicro: Micro
        public var earnedMicro: Micro

        public init(
            availableMicro: Micro, heldMicro: Micro, earnedMicro: Micro
        ) {
            self.availableMicro = availableMicro
            self.heldMicro = heldMicro
            self.earnedMicro = earnedMicro
        }
    }
}

/// Whether the process answers.
public struct HealthDocument: Document {
    public static let documentType = "health"

    public private(set) var schema = SchemaTag<HealthDocument>()
    public var status: String

    public init(
        status: String
    ) {
        self.status = status
    }
}

/// Whether the node is ready, and what is not.
public struct ReadinessDocument: Document {
    public static let documentType = "readiness"

    public private(set) var schema = SchemaTag<ReadinessDocument>()
    public var ready: Bool
    public var checks: [Check]

    public init(
        ready: Bool, checks: [Check] = []
    ) {
        self.ready = ready
        self.checks = checks
    }

    /// One condition.
    public struct Check: Codable, Sendable, Equatable {
        public var name: String
        public var ok: Bool
        public var detail: String?

        public init(
            name: String, ok: Bool, detail: String? = nil
        ) {
            self.name = name
            self.ok = ok
            self.detail = detail
        }
    }
}

/// A blob of the store.
public struct BlobDocument: Document {
    public static let documentType = "blob"

    public private(set) var schema = SchemaTag<BlobDocument>()
    public var id: String
    public var bytes: Int64
    public var pinned: Bool
    public var expiresAt: Known<Timestamp>?
    /// Peers known to hold it.
    public var holders: [String]

    public init(
        id: String, bytes: Int64, pinned: Bool, expiresAt: Known<Timestamp>? = nil,
        holders: [String] = []
    ) {
        self.id = id
        self.bytes = bytes
        self.pinned = pinned
        self.expiresAt = expiresAt
        self.holders = holders
    }
}

/// What happened, once, in order within its subject.
public struct EventDocument: Document {
    public static let documentType = "event"

    public private(set) var schema = SchemaTag<EventDocument>()
    /// Increasing per home, also across restarts.
    public var id: Int64
    public var type: EventType
    public var at: Timestamp
    /// The id of what it is about.
    public var subject: String
    public var height: UInt64?
    public var data: JSONValue

    public init(
        id: Int64, type: EventType, at: Timestamp, subject: String, height: UInt64? = nil,
        data: JSONValue
    ) {
        self.id = id
        self.type = type
        self.at = at
        self.subject = subject
        self.height = height
        self.data = data
    }
}
