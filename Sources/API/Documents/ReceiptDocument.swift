/// A receipt, rendered: the certificate of a result that anybody can check offline. What counts is the file.
public struct ReceiptDocument: Document {
    public static let documentType = "receipt"

    public private(set) var schema = SchemaTag<ReceiptDocument>()
    public var id: String
    public var network: String
    public var job: String
    public var manifestHash: String
    public var inputs: [Item]
    public var outputs: [Item]
    public var leases: [Lease]
    public var commits: [Commit]
    public var reveals: [Reveal]
    public var verdict: Verdict
    public var payments: [Payment]
    public var height: UInt64
    public var epoch: UInt64
    public var seats: Seats
    public var eligibleOwners: Int
    /// The draw was limited to named peers or to few owners.
    public var restrictedSet: Bool
    public var fingerprint: String

    public init(
        id: String, network: String, job: String, manifestHash: String, inputs: [Item] = [],
        outputs: [Item] = [], leases: [Lease] = [], commits: [Commit] = [], reveals: [Reveal] = [],
        verdict: Verdict, payments: [Payment] = [], height: UInt64, epoch: UInt64, seats: Seats,
        eligibleOwners: Int, restrictedSet: Bool, fingerprint: String
    ) {
        self.id = id
        self.network = network
        self.job = job
        self.manifestHash = manifestHash
        self.inputs = inputs
        self.outputs = outputs
        self.leases = leases
        self.commits = commits
        self.reveals = reveals
        self.verdict = verdict
        self.payments = payments
        self.height = height
        self.epoch = epoch
        self.seats = seats
        self.eligibleOwners = eligibleOwners
        self.restrictedSet = restrictedSet
        self.fingerprint = fingerprint
    }

    /// A named blob that went in or came out.
    public struct Item: Codable, Sendable, Equatable {
        public var name: String
        public var blob: String
        public var bytes: Int64

        public init(
            name: String, blob: String, bytes: Int64
        ) {
            self.name = name
            self.blob = blob
            self.bytes = bytes
        }
    }

    /// A drawn replica.
    public struct Lease: Codable, Sendable, Equatable {
        public var index: Int
        public var round: Int
        public var account: String
        public var owner: String
        public var peer: Known<String>?

        public init(
            index: Int, round: Int, account: String, owner: String, peer: Known<String>? = nil
        ) {
            self.index = index
            self.round = round
            self.account = account
            self.owner = owner
            self.peer = peer
        }
    }

    /// A sealed answer.
    public struct Commit: Codable, Sendable, Equatable {
        public var index: Int
        public var hash: String
        public var height: UInt64

        public init(
            index: Int, hash: String, height: UInt64
        ) {
            self.index = index
            self.hash = hash
            self.height = height
        }
    }

    /// An opened answer.
    public struct Reveal: Codable, Sendable, Equatable {
        public var index: Int
        public var resultHash: String
        public var blob: Known<String>?
        public var height: UInt64

        public init(
            index: Int, resultHash: String, blob: Known<String>? = nil, height: UInt64
        ) {
            self.index = index
            self.resultHash = resultHash
            self.blob = blob
            self.height = height
        }
    }

    /// What the merge decided.
    public struct Verdict: Codable, Sendable, Equatable {
        public var code: String
        public var exitCode: Known<Int>?
        public var compare: String
        public var winners: [Int]
        public var minority: [Int]
        public var agreementPermille: Int?
        public var credibilityPermille: Int?

        public init(
            code: String, exitCode: Known<Int>? = nil, compare: String, winners: [Int] = [],
            minority: [Int] = [], agreementPermille: Int? = nil, credibilityPermille: Int? = nil
        ) {
            self.code = code
            self.exitCode = exitCode
            self.compare = compare
            self.winners = winners
            self.minority = minority
            self.agreementPermille = agreementPermille
            self.credibilityPermille = credibilityPermille
        }
    }

    /// What was paid to whom.
    public struct Payment: Codable, Sendable, Equatable {
        public var account: String
        public var kind: String
        public var amountMicro: Micro

        public init(
            account: String, kind: String, amountMicro: Micro
        ) {
            self.account = account
            self.kind = kind
            self.amountMicro = amountMicro
        }
    }

    /// How many seats signed.
    public struct Seats: Codable, Sendable, Equatable {
        public var of: Int
        public var signed: Int

        public init(
            of: Int, signed: Int
        ) {
            self.of = of
            self.signed = signed
        }
    }
}

/// What checking a receipt found; the checks in the order in which they ran.
public struct ReceiptVerdictDocument: Document {
    public static let documentType = "receiptVerdict"

    public private(set) var schema = SchemaTag<ReceiptVerdictDocument>()
    public var valid: Bool
    public var checks: [Check]
    public var receipt: Known<ReceiptDocument>?

    public init(
        valid: Bool, checks: [Check] = [], receipt: Known<ReceiptDocument>? = nil
    ) {
        self.valid = valid
        self.checks = checks
        self.receipt = receipt
    }

    /// One check.
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
