/// An account. One that was never used has `exists: false` and zero everywhere.
public struct AccountDocument: Document {
    public static let documentType = "account"

    public private(set) var schema = SchemaTag<AccountDocument>()
    public var id: String
    public var exists: Bool
    public var availableMicro: Micro
    public var grantedMicro: Micro
    public var heldMicro: Micro
    public var bondedMicro: Micro
    public var unbondingMicro: Micro
    /// The next.
    public var nonce: Digits<UInt64>
    /// The next of the node's own entries.
    public var nonceNode: Digits<UInt64>
    public var flags: [String]
    public var openJobs: Int
    public var height: UInt64
    public var assurance: Assurance

    public init(
        id: String, exists: Bool, availableMicro: Micro, grantedMicro: Micro, heldMicro: Micro,
        bondedMicro: Micro, unbondingMicro: Micro, nonce: Digits<UInt64>, nonceNode: Digits<UInt64>,
        flags: [String] = [], openJobs: Int, height: UInt64, assurance: Assurance
    ) {
        self.id = id
        self.exists = exists
        self.availableMicro = availableMicro
        self.grantedMicro = grantedMicro
        self.heldMicro = heldMicro
        self.bondedMicro = bondedMicro
        self.unbondingMicro = unbondingMicro
        self.nonce = nonce
        self.nonceNode = nonceNode
        self.flags = flags
        self.openJobs = openJobs
        self.height = height
        self.assurance = assurance
    }
}

/// Credit that is held for a job.
public struct HoldDocument: Document {
    public static let documentType = "hold"

    public private(set) var schema = SchemaTag<HoldDocument>()
    public var job: String
    public var amountMicro: Micro
    public var sinceHeight: UInt64
    public var expiresAt: Timestamp?

    public init(
        job: String, amountMicro: Micro, sinceHeight: UInt64, expiresAt: Timestamp? = nil
    ) {
        self.job = job
        self.amountMicro = amountMicro
        self.sinceHeight = sinceHeight
        self.expiresAt = expiresAt
    }
}

/// Why a balance changed.
public enum HistoryKind: String, Choice {
    case transferIn, transferOut, hold, refund, earned, attemptFee, fee, welcome, grant, bond
    case unbond, slash, mint
}

/// One change of an account.
public struct HistoryEntryDocument: Document {
    public static let documentType = "historyEntry"

    public private(set) var schema = SchemaTag<HistoryEntryDocument>()
    public var height: UInt64
    public var at: Timestamp
    public var kind: HistoryKind
    public var amountMicro: SignedMicro
    public var availableAfterMicro: Micro
    public var counterparty: Known<String>?
    public var job: Known<String>?
    public var tx: Known<String>?

    public init(
        height: UInt64, at: Timestamp, kind: HistoryKind, amountMicro: SignedMicro,
        availableAfterMicro: Micro, counterparty: Known<String>? = nil, job: Known<String>? = nil,
        tx: Known<String>? = nil
    ) {
        self.height = height
        self.at = at
        self.kind = kind
        self.amountMicro = amountMicro
        self.availableAfterMicro = availableAfterMicro
        self.counterparty = counterparty
        self.job = job
        self.tx = tx
    }
}

/// How far an entry came: `ordered` is executed, `final` has its state certificate.
public enum TransactionState: String, Choice {
    case pending, ordered, final, rejected, expired
}

/// An entry of the log.
public struct TransactionDocument: Document {
    public static let documentType = "transaction"

    public private(set) var schema = SchemaTag<TransactionDocument>()
    public var id: String
    public var kind: String
    public var account: String
    public var state: TransactionState
    /// The ledger's name of the outcome; null while it has none.
    public var reason: Known<String>?
    public var height: Known<UInt64>?
    public var feeMicro: Micro?
    public var effects: [Effect]

    public init(
        id: String, kind: String, account: String, state: TransactionState,
        reason: Known<String>? = nil, height: Known<UInt64>? = nil, feeMicro: Micro? = nil,
        effects: [Effect] = []
    ) {
        self.id = id
        self.kind = kind
        self.account = account
        self.state = state
        self.reason = reason
        self.height = height
        self.feeMicro = feeMicro
        self.effects = effects
    }

    /// One change of an account that it made.
    public struct Effect: Codable, Sendable, Equatable {
        public var kind: String
        public var account: String
        public var amountMicro: SignedMicro

        public init(
            kind: String, account: String, amountMicro: SignedMicro
        ) {
            self.kind = kind
            self.account = account
            self.amountMicro = amountMicro
        }
    }
}

/// What a client that signs needs to know.
public struct NextTransactionDocument: Document {
    public static let documentType = "nextTransaction"

    public private(set) var schema = SchemaTag<NextTransactionDocument>()
    public var account: String
    public var nonce: Digits<UInt64>
    public var validUntilAt: Timestamp
    public var feeMicro: Micro
    public var network: String
    public var rules: Int

    public init(
        account: String, nonce: Digits<UInt64>, validUntilAt: Timestamp, feeMicro: Micro,
        network: String, rules: Int
    ) {
        self.account = account
        self.nonce = nonce
        self.validUntilAt = validUntilAt
        self.feeMicro = feeMicro
        self.network = network
        self.rules = rules
    }
}
