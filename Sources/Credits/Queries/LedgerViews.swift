public import Basis
public import Records
public import Trust

/// A part of a list, and where the next part begins; nil after the last.
public struct Page<Item: Sendable, Cursor: Sendable>: Sendable {
    public let items: [Item]
    public let next: Cursor?
}

/// Most items of one answer (`ledger.md` 16).
public enum QueryLimits {
    public static let itemsMax = 1_000
}

/// Answer to `balance`.
public struct BalanceView: Sendable, Hashable {
    public struct Hold: Sendable, Hashable {
        public let job: JobID
        public let amount: CreditAmount
        public let sinceHeight: UInt64
        /// L of the job's deadline, milliseconds.
        public let deadline: UInt64
    }

    public let account: PublicKey
    /// Nil for an account that was never made: all amounts are 0.
    public let record: AccountRecord?
    /// The escrows that make up `held`.
    public let holds: [Hold]
}

/// One job in a list.
public struct JobView: Sendable, Hashable {
    public let id: JobID
    public let record: JobRecord
    public let leases: [LeaseRecord]
}

/// An event and where it stands.
public struct PlacedEvent: Sendable, Hashable {
    public let height: UInt64
    public let ordinal: UInt32
    public let event: LedgerEvent
}

/// Answer to `job`: the record while the state keeps it, and the whole story from the log.
public struct JobStory: Sendable {
    public let id: JobID
    /// Nil 7 days after the end.
    public let record: JobRecord?
    public let leases: [LeaseRecord]
    /// From the openJob entry, so that ended jobs have it too.
    public let spec: JobSpec?
    public let submitter: PublicKey
    public let openedAtHeight: UInt64
    /// T of its first and last event, ms since 1970.
    public let openedTime: UInt64
    public let lastTime: UInt64
    /// In log order.
    public let events: [PlacedEvent]
}

/// One line of an account's history.
public struct HistoryItem: Sendable, Hashable {
    public let height: UInt64
    /// T, ms since 1970.
    public let time: UInt64
    public let ordinal: UInt32
    public let event: LedgerEvent
    /// The entry it belongs to; nil for draws, timers and lapses.
    public let transaction: TransactionID?
    /// What the event added to the spendable credit, or took from it.
    public let change: Int64
    public let availableAfter: CreditAmount
}

/// Where a history goes on.
public struct HistoryCursor: Sendable, Hashable {
    /// Last key of index 2 that was shown.
    public let key: [UInt8]
    /// Spendable credit before that event.
    public let available: CreditAmount

    public init(key: [UInt8], available: CreditAmount) {
        self.key = key
        self.available = available
    }
}

/// Answer to `transaction` for an entry that the log holds.
public struct TransactionView: Sendable, Hashable {
    public let id: TransactionID
    public let place: OutcomePlace
    /// Whether the outcome cannot change any more.
    public let isFinal: Bool
    public let entry: Entry
    public let fee: CreditAmount
    /// T of its block, ms since 1970.
    public let time: UInt64
    /// What it did, in order.
    public let effects: [LedgerEvent]
}

/// One standing offer.
public struct OfferView: Sendable, Hashable {
    public let key: OfferKey
    public let record: OfferRecord
    public let owner: PublicKey
    /// Never negative.
    public let free: Int
    /// L until which the account is suspended; in the past if it is not.
    public let suspendedUntil: UInt64

    public init(key: OfferKey, record: OfferRecord, owner: PublicKey, free: Int, suspendedUntil: UInt64) {
        self.key = key
        self.record = record
        self.owner = owner
        self.free = free
        self.suspendedUntil = suspendedUntil
    }
}

/// Which offers to list; nil leaves a part open.
public struct OfferFilter: Sendable, Hashable {
    public var capabilities: UInt64 = 0
    public var runtime: Digest?
    public var rateCPUMax: CreditAmount?
    public var rateMemoryMax: CreditAmount?
    public init() {}
}

/// Answer to `seats`.
public struct SeatsView: Sendable, Hashable {
    public struct Seat: Sendable, Hashable {
        public let index: Int
        public let seat: SeatInit
        public let record: SeatRecord
        /// Elements of its beacon chain for the turns to come.
        public let beaconLeft: UInt64
    }

    public let epoch: UInt64
    public let seats: [Seat]
    public let quorum: Int
    /// Byzantine seats that safety bears, and seats that may be away.
    public let faulty: Int
    public let mayBeAway: Int
    /// Seat indices in the order of their next turns.
    public let leaderOrder: [Int]
}
