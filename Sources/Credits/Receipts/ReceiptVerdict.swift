public import Basis
public import Records
public import Trust

/// What a receipt proves, and the first check that failed if it does not.
public struct ReceiptVerdict: Sendable, Hashable {
    /// In the order in which they are made.
    public enum Check: String, Sendable, CaseIterable {
        case encoding
        /// The genesis is valid and every block belongs to its network.
        case network
        /// Entry hashes fold to the root in the header.
        case blocks
        /// Exactly Q seats of the genesis attested the state after each block, and its events.
        case stateCertificate = "state certificate"
        /// Every entry stands where it says and is signed.
        case entries
        /// The job's id is the hash of its specification, and its escrow is what that asks for.
        case job
        case draw
        case commits
        case reveals
        case merge
        case payments
        /// The entry's outcome.
        case outcome
    }

    public struct Line: Sendable, Hashable {
        public let check: Check
        public let isOK: Bool
        public let detail: String
    }

    /// One replica as the receipt shows it.
    public struct Replica: Sendable, Hashable {
        public let lease: UInt16
        public let account: PublicKey
        public let owner: PublicKey
        public let round: UInt32
        /// Nil if it never revealed.
        public let result: ReplicaResult?
        public let isWinner: Bool
        public let pay: CreditAmount
    }

    /// What was settled. Shown with r, q and eligible owners, as credibility must be.
    public struct JobSummary: Sendable, Hashable {
        public let job: JobID
        public let submitter: PublicKey
        public let spec: JobSpec
        public let settled: LedgerEvent.Settled
        public let height: UInt64
        /// T of the settlement, ms since 1970.
        public let time: UInt64
        public let funded: CreditAmount
        public let replicas: [Replica]
        /// Owners in the smallest eligible list.
        public let eligibleOwners: UInt32
    }

    public struct TransactionSummary: Sendable, Hashable {
        public let id: TransactionID
        public let entry: Entry
        public let code: OutcomeCode
        public let fee: CreditAmount
        public let height: UInt64
        /// T of its block, ms since 1970.
        public let time: UInt64
    }

    public internal(set) var lines: [Line] = []
    /// The network that the receipt is of. Whether that is the one meant is for the caller to ask.
    public internal(set) var network: NetworkID?
    public internal(set) var genesis: Genesis?
    public internal(set) var job: JobSummary?
    public internal(set) var transaction: TransactionSummary?

    /// Every check was made and passed.
    public var isSound: Bool { !lines.isEmpty && lines.allSatisfy(\.isOK) && (job != nil || transaction != nil) }
    public var firstFailure: Line? { lines.first { !$0.isOK } }
}
