/// What has become of a replica. `fetching` and `running` are the ledger's active, `minority` its lost, `handedBack`
/// its declined; `silent` and `slashed` are stage 2.
public enum ReplicaState: String, Choice {
    case leased, fetching, running, committed, revealed, won, minority, expired, handedBack
    case noReveal, released, silent, slashed
}

/// Which programs a peer may run for others, by the walls that its sandbox has (`compute.md` 4.6).
public enum SandboxTier: String, Choice {
    case full, wasmOnly, builtinOnly, none
}

/// What an execution used.
public struct Usage: Codable, Sendable, Equatable {
    public var cpuMs: Int64?
    public var wallMs: Int64?
    public var memoryPeakBytes: Int64?
    public var diskPeakBytes: Int64?
    public var fuel: Digits<UInt64>?

    public init(
        cpuMs: Int64? = nil, wallMs: Int64? = nil, memoryPeakBytes: Int64? = nil,
        diskPeakBytes: Int64? = nil, fuel: Digits<UInt64>? = nil
    ) {
        self.cpuMs = cpuMs
        self.wallMs = wallMs
        self.memoryPeakBytes = memoryPeakBytes
        self.diskPeakBytes = diskPeakBytes
        self.fuel = fuel
    }
}

/// One execution of a job by one peer.
public struct ReplicaDocument: Document {
    public static let documentType = "replica"

    public private(set) var schema = SchemaTag<ReplicaDocument>()
    /// The lease's number in the job.
    public var index: Int
    public var round: Int
    /// Null when the drawn account has no known peer.
    public var peer: Known<String>?
    public var owner: String
    public var state: ReplicaState
    public var progressPermille: Int?
    /// The program's own words: text of another peer.
    public var note: String?
    public var heartbeatAt: Timestamp?
    public var tier: SandboxTier?
    public var `class`: String?
    public var commit: Known<String>?
    /// Known once revealed.
    public var resultHash: Known<String>?
    public var usage: Known<Usage>?
    public var paidMicro: Micro?
    /// The index of the replica that was drawn instead.
    public var replacedBy: Known<Int>?
    /// The ledger's name of why it ended.
    public var reason: Known<String>?

    public init(
        index: Int, round: Int, peer: Known<String>? = nil, owner: String, state: ReplicaState,
        progressPermille: Int? = nil, note: String? = nil, heartbeatAt: Timestamp? = nil,
        tier: SandboxTier? = nil, class: String? = nil, commit: Known<String>? = nil,
        resultHash: Known<String>? = nil, usage: Known<Usage>? = nil, paidMicro: Micro? = nil,
        replacedBy: Known<Int>? = nil, reason: Known<String>? = nil
    ) {
        self.index = index
        self.round = round
        self.peer = peer
        self.owner = owner
        self.state = state
        self.progressPermille = progressPermille
        self.note = note
        self.heartbeatAt = heartbeatAt
        self.tier = tier
        self.class = `class`
        self.commit = commit
        self.resultHash = resultHash
        self.usage = usage
        self.paidMicro = paidMicro
        self.replacedBy = replacedBy
        self.reason = reason
    }
}
