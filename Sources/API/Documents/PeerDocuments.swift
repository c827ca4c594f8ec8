/// What this peer knows of another.
public enum PeerState: String, Choice {
    case own = "self"
    case linked, known, stale, left
}

/// What a machine can do.
public struct Capabilities: Codable, Sendable, Equatable {
    public var cores: Int?
    public var memoryBytes: Int64?
    public var diskBytes: Int64?
    public var gpus: [String]
    public var runtimes: [String]
    public var models: [String]
    public var tags: [String]

    public init(
        cores: Int? = nil, memoryBytes: Int64? = nil, diskBytes: Int64? = nil, gpus: [String] = [],
        runtimes: [String] = [], models: [String] = [], tags: [String] = []
    ) {
        self.cores = cores
        self.memoryBytes = memoryBytes
        self.diskBytes = diskBytes
        self.gpus = gpus
        self.runtimes = runtimes
        self.models = models
        self.tags = tags
    }
}

/// Places for tasks.
public struct SlotUse: Codable, Sendable, Equatable {
    public var total: Int
    public var busy: Int

    public init(
        total: Int, busy: Int
    ) {
        self.total = total
        self.busy = busy
    }
}

/// A peer, as far as it is known here. Names and labels are its own words.
public struct PeerDocument: Document {
    public static let documentType = "peer"

    public private(set) var schema = SchemaTag<PeerDocument>()
    public var id: String
    public var owner: Known<String>?
    public var name: Known<String>?
    public var labels: [String: String]
    public var state: PeerState
    public var endpoints: [String]
    public var reach: String?
    public var rttMs: Int?
    public var lastHeardAt: Timestamp?
    public var capabilities: Capabilities?
    public var tier: SandboxTier?
    public var slots: SlotUse?
    /// The index of its seat; null if it has none.
    public var seat: Known<Int>?
    public var `protocol`: Int?

    public init(
        id: String, owner: Known<String>? = nil, name: Known<String>? = nil,
        labels: [String: String] = [:], state: PeerState, endpoints: [String] = [],
        reach: String? = nil, rttMs: Int? = nil, lastHeardAt: Timestamp? = nil,
        capabilities: Capabilities? = nil, tier: SandboxTier? = nil, slots: SlotUse? = nil,
        seat: Known<Int>? = nil, protocol: Int? = nil
    ) {
        self.id = id
        self.owner = owner
        self.name = name
        self.labels = labels
        self.state = state
        self.endpoints = endpoints
        self.reach = reach
        self.rttMs = rttMs
        self.lastHeardAt = lastHeardAt
        self.capabilities = capabilities
        self.tier = tier
        self.slots = slots
        self.seat = seat
        self.protocol = `protocol`
    }
}

/// A standing offer to compute, as it stands in the ledger.
public struct OfferDocument: Document {
    public static let documentType = "offer"

    public private(set) var schema = SchemaTag<OfferDocument>()
    public var account: String
    public var slotClass: Int
    public var peer: Known<String>?
    public var owner: String
    public var runtimes: [String]
    public var classes: [String]
    public var capabilities: Capabilities
    /// Per CPU-second.
    public var rateCPUMicro: Micro
    /// Per GiB-second.
    public var rateMemoryMicro: Micro
    public var slots: Slots
    public var validUntilAt: Timestamp?
    public var registeredHeight: UInt64
    public var bondMicro: Micro?
    public var tier: SandboxTier
    public var meter: String

    public init(
        account: String, slotClass: Int, peer: Known<String>? = nil, owner: String,
        runtimes: [String] = [], classes: [String] = [], capabilities: Capabilities,
        rateCPUMicro: Micro, rateMemoryMicro: Micro, slots: Slots, validUntilAt: Timestamp? = nil,
        registeredHeight: UInt64, bondMicro: Micro? = nil, tier: SandboxTier, meter: String
    ) {
        self.account = account
        self.slotClass = slotClass
        self.peer = peer
        self.owner = owner
        self.runtimes = runtimes
        self.classes = classes
        self.capabilities = capabilities
        self.rateCPUMicro = rateCPUMicro
        self.rateMemoryMicro = rateMemoryMicro
        self.slots = slots
        self.validUntilAt = validUntilAt
        self.registeredHeight = registeredHeight
        self.bondMicro = bondMicro
        self.tier = tier
        self.meter = meter
    }

    /// Places offered and not leased.
    public struct Slots: Codable, Sendable, Equatable {
        public var total: Int
        public var free: Int

        public init(
            total: Int, free: Int
        ) {
            self.total = total
            self.free = free
        }
    }
}

/// Counts of peers, traffic, and who disagrees.
public struct NetworkDocument: Document {
    public static let documentType = "network"

    public private(set) var schema = SchemaTag<NetworkDocument>()
    public var peers: Counts
    public var traffic: Traffic
    /// The ledger heads that peers report; more than one hash at one height is a disagreement.
    public var views: [View]
    public var alarms: [AlarmDocument]

    public init(
        peers: Counts, traffic: Traffic, views: [View] = [], alarms: [AlarmDocument] = []
    ) {
        self.peers = peers
        self.traffic = traffic
        self.views = views
        self.alarms = alarms
    }

    /// Peers by state.
    public struct Counts: Codable, Sendable, Equatable {
        public var linked: Int
        public var known: Int
        public var stale: Int
        public var left: Int

        public init(
            linked: Int, known: Int, stale: Int, left: Int
        ) {
            self.linked = linked
            self.known = known
            self.stale = stale
            self.left = left
        }
    }

    /// Bytes a second over the last ten seconds.
    public struct Traffic: Codable, Sendable, Equatable {
        public var inBytesPerS: Int64
        public var outBytesPerS: Int64

        public init(
            inBytesPerS: Int64, outBytesPerS: Int64
        ) {
            self.inBytesPerS = inBytesPerS
            self.outBytesPerS = outBytesPerS
        }
    }

    /// One head and how many peers report it.
    public struct View: Codable, Sendable, Equatable {
        public var height: UInt64
        public var hash: String
        public var peers: Int

        public init(
            height: UInt64, hash: String, peers: Int
        ) {
            self.height = height
            self.hash = hash
            self.peers = peers
        }
    }
}

/// Peers and links known here, at most 5,000 of each.
public struct GraphDocument: Document {
    public static let documentType = "graph"

    public private(set) var schema = SchemaTag<GraphDocument>()
    public var peers: [Peer]
    public var links: [Link]
    public var truncated: Bool

    public init(
        peers: [Peer] = [], links: [Link] = [], truncated: Bool
    ) {
        self.peers = peers
        self.links = links
        self.truncated = truncated
    }

    /// A node of the picture.
    public struct Peer: Codable, Sendable, Equatable {
        public var id: String
        public var name: Known<String>?
        public var state: PeerState
        public var seat: Known<Int>?

        public init(
            id: String, name: Known<String>? = nil, state: PeerState, seat: Known<Int>? = nil
        ) {
            self.id = id
            self.name = name
            self.state = state
            self.seat = seat
        }
    }

    /// A link between two peers.
    public struct Link: Codable, Sendable, Equatable {
        public var from: String
        public var to: String
        public var rttMs: Int?

        public init(
            from: String, to: String, rttMs: Int? = nil
        ) {
            self.from = from
            self.to = to
            self.rttMs = rttMs
        }
    }
}
