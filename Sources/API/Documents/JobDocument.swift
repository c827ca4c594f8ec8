/// Where a job stands, as its owner sees it (`surfaces.md` 0). "The program failed" and "the network gave no result"
/// are told apart by `certified`.
public enum JobState: String, Choice {
    case resolving, offered, funding, waiting, running, comparing, completed, failed, cancelled
    case expired
}

/// How strong a certified result is: exact and numeric comparators verify, similarity agrees, one replica alone is
/// unverified. No surface uses a stronger word.
public enum Verification: String, Choice {
    case verified, agreed, unverified
}

/// How sure a fact of the ledger is: this peer executed the log; certificate and path were checked; f + 1 seats said
/// so; one peer said so. Nothing shown as certain is `reported`.
public enum Assurance: String, Choice {
    case replayed, proven, attested, reported
}

/// A job: what was asked, where it stands, what it costs.
public struct JobDocument: Document {
    public static let documentType = "job"

    public private(set) var schema = SchemaTag<JobDocument>()
    public var id: String
    /// The alias of `compute.md` 2.3, which programs of a dialect see as `task_id`.
    public var uuid: String?
    public var name: Known<String>?
    public var labels: [String: String]
    /// The account that pays.
    public var owner: String
    /// Null when the owner signed without an entry peer.
    public var entryPeer: Known<String>?
    public var state: JobState
    /// Settled with a receipt.
    public var certified: Bool
    public var verification: Known<Verification>?
    /// How it ended (`compute.md` 3.1 and the codes of `surfaces.md` 0); null before.
    public var code: Known<String>?
    public var ledgerState: String?
    public var reason: Known<Reason>?
    public var runtime: String?
    public var verify: Verify?
    public var replicas: ReplicaCounts?
    public var progressPermille: Int?
    public var cost: Cost
    public var times: Times
    public var deadlineAt: Timestamp?
    public var array: Known<String>?
    /// The receipt's id; null until there is one.
    public var receipt: Known<String>?
    /// The height of the ledger at which this was read.
    public var height: UInt64?
    public var assurance: Assurance

    public init(
        id: String, uuid: String? = nil, name: Known<String>? = nil, labels: [String: String] = [:],
        owner: String, entryPeer: Known<String>? = nil, state: JobState, certified: Bool,
        verification: Known<Verification>? = nil, code: Known<String>? = nil,
        ledgerState: String? = nil, reason: Known<Reason>? = nil, runtime: String? = nil,
        verify: Verify? = nil, replicas: ReplicaCounts? = nil, progressPermille: Int? = nil,
        cost: Cost,
        times: Times, deadlineAt: Timestamp? = nil, array: Known<String>? = nil,
        receipt: Known<String>? = nil, height: UInt64? = nil, assurance: Assurance
    ) {
        self.id = id
        self.uuid = uuid
        self.name = name
        self.labels = labels
        self.owner = owner
        self.entryPeer = entryPeer
        self.state = state
        self.certified = certified
        self.verification = verification
        self.code = code
        self.ledgerState = ledgerState
        self.reason = reason
        self.runtime = runtime
        self.verify = verify
        self.replicas = replicas
        self.progressPermille = progressPermille
        self.cost = cost
        self.times = times
        self.deadlineAt = deadlineAt
        self.array = array
        self.receipt = receipt
        self.height = height
        self.assurance = assurance
    }

    /// Why a job waits or ended so.
    public struct Reason: Codable, Sendable, Equatable {
        public var code: String
        public var text: String

        public init(
            code: String, text: String
        ) {
            self.code = code
            self.text = text
        }
    }

    /// How results are compared.
    public struct Verify: Codable, Sendable, Equatable {
        public var mode: String
        public var replicas: Int
        public var quorum: Int
        public var compare: String

        public init(
            mode: String, replicas: Int, quorum: Int, compare: String
        ) {
            self.mode = mode
            self.replicas = replicas
            self.quorum = quorum
            self.compare = compare
        }
    }

    /// Replicas by how far they came.
    public struct ReplicaCounts: Codable, Sendable, Equatable {
        public var drawn: Int
        public var running: Int
        public var committed: Int
        public var revealed: Int
        public var replaced: Int

        public init(
            drawn: Int, running: Int, committed: Int, revealed: Int, replaced: Int
        ) {
            self.drawn = drawn
            self.running = running
            self.committed = committed
            self.revealed = revealed
            self.replaced = replaced
        }
    }

    /// Credit held and spent; a part that is not decided yet is absent.
    public struct Cost: Codable, Sendable, Equatable {
        public var heldMicro: Micro?
        public var paidMicro: Micro?
        public var refundMicro: Micro?
        public var feeMicro: Micro?
        public var maxMicro: Micro?

        public init(
            heldMicro: Micro? = nil, paidMicro: Micro? = nil, refundMicro: Micro? = nil,
            feeMicro: Micro? = nil, maxMicro: Micro? = nil
        ) {
            self.heldMicro = heldMicro
            self.paidMicro = paidMicro
            self.refundMicro = refundMicro
            self.feeMicro = feeMicro
            self.maxMicro = maxMicro
        }
    }

    /// When it reached each state; absent before.
    public struct Times: Codable, Sendable, Equatable {
        public var submittedAt: Timestamp?
        public var finalAt: Timestamp?
        public var drawnAt: Timestamp?
        public var startedAt: Timestamp?
        public var committedAt: Timestamp?
        public var revealedAt: Timestamp?
        public var endedAt: Timestamp?

        public init(
            submittedAt: Timestamp? = nil, finalAt: Timestamp? = nil, drawnAt: Timestamp? = nil,
            startedAt: Timestamp? = nil, committedAt: Timestamp? = nil,
            revealedAt: Timestamp? = nil,
            endedAt: Timestamp? = nil
        ) {
            self.submittedAt = submittedAt
            self.finalAt = finalAt
            self.drawnAt = drawnAt
            self.startedAt = startedAt
            self.committedAt = committedAt
            self.revealedAt = revealedAt
            self.endedAt = endedAt
        }
    }
}
