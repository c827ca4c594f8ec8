import Basis
public import Records
public import Trust
public import Wire

/// The rows of family `index` (`ledger.md` 14.1): pointers into blocks and events, outside the digest, made from
/// events and authors alone, so that a lost family is rebuilt from them.
///
/// 1 ‖ txID: an outcome that will not change (applied, or refused with nonce and fee taken) → height, txIndex, code.
/// 2 ‖ account ‖ height ‖ ordinal: an event that moved the account's credit or offer → ordinal of the outcome it
/// belongs to. 3 ‖ submitter ‖ height ‖ job. 4 ‖ worker ‖ height ‖ job ‖ lease.
/// 5 ‖ txID: like 1, the latest outcome that took nothing. An entry may meet such an outcome before and after its
/// final one, so it stands apart and never hides that. 6 ‖ job ‖ height ‖ ordinal: every event of a job.
public enum IndexRows {
    public struct Row: Sendable, Hashable {
        public let key: [UInt8]
        public let value: [UInt8]
    }

    /// Who wrote an entry, as far as the index needs it.
    public struct Author: Sendable, Hashable {
        public let account: PublicKey
        /// Class O: has a nonce, so that a refusal can be final.
        public let hasNonce: Bool

        public init(_ entry: Entry) {
            account = entry.account
            hasNonce = entry.kind.lane != nil
        }
    }

    /// Whose job it is, and who holds its leases by index.
    public struct Parties: Sendable, Hashable {
        public var submitter: PublicKey
        public var workers: [PublicKey]
        public init(submitter: PublicKey, workers: [PublicKey]) {
            self.submitter = submitter
            self.workers = workers
        }
    }

    /// No outcome: the event came from a draw, a timer or a lapse.
    public static let noOutcome = UInt32.max

    /// height ‖ ordinal: key of family `events`.
    public static func place(_ height: UInt64, _ ordinal: UInt32) -> [UInt8] {
        var key: [UInt8] = []
        key.reserveCapacity(12)
        KeyBytes.append(height, to: &key)
        KeyBytes.append(ordinal, to: &key)
        return key
    }

    public static func transactionKey(_ id: TransactionID, isFinal: Bool) -> [UInt8] {
        [isFinal ? 1 : 5] + id.bytes
    }

    public static func accountPrefix(_ account: PublicKey) -> [UInt8] { [2] + account.bytes }
    public static func submitterPrefix(_ account: PublicKey) -> [UInt8] { [3] + account.bytes }
    public static func jobPrefix(_ job: JobID) -> [UInt8] { [6] + job.bytes }
    public static func workerPrefix(_ account: PublicKey) -> [UInt8] { [4] + account.bytes }

    /// The rows of one block. `authors` are those of its entries; `parties` answers for the jobs that occur in it.
    public static func rows(
        height: UInt64, events: [LedgerEvent], authors: [Author?], parties: (JobID) -> Parties?
    ) -> [Row] {
        var rows: [Row] = []
        rows.reserveCapacity(2 * events.count)
        var outcome = noOutcome
        for (index, event) in events.enumerated() {
            let ordinal = UInt32(index)
            if case .outcome(let txIndex, let id, let code, let fee) = event {
                outcome = ordinal
                guard Int(txIndex) < authors.count, let author = authors[Int(txIndex)] else { continue }
                let isFinal = code == .applied || (author.hasNonce && code.takesNonceAndFee)
                rows.append(transaction(id, height, txIndex, code, isFinal: isFinal))
                if fee != .zero { rows.append(account(author.account, height, ordinal, outcome)) }
                continue
            }
            if case .offerChanged(_, _, _, .lapsed) = event { outcome = noOutcome }
            if let job = event.job { rows.append(Row(key: jobPrefix(job) + place(height, ordinal), value: [])) }
            for one in accounts(of: event, parties) { rows.append(account(one, height, ordinal, outcome)) }
            switch event {
            case .jobOpened(let job, let submitter, _, _):
                rows.append(Row(key: [3] + submitter.bytes + place(height, 0).prefix(8) + job.bytes, value: []))
            case .drawn(let drawn):
                for lease in drawn.leases {
                    var key = [4] + lease.account.bytes + place(height, 0).prefix(8) + drawn.job.bytes
                    KeyBytes.append(lease.lease, to: &key)
                    rows.append(Row(key: key, value: []))
                }
            default: break
            }
        }
        return rows
    }

    static func transaction(
        _ id: TransactionID, _ height: UInt64, _ txIndex: UInt32, _ code: OutcomeCode, isFinal: Bool
    ) -> Row {
        Row(
            key: transactionKey(id, isFinal: isFinal),
            value: OutcomePlace(height: height, txIndex: txIndex, code: code).encoded)
    }

    static func account(_ account: PublicKey, _ height: UInt64, _ ordinal: UInt32, _ outcome: UInt32) -> Row {
        var key: [UInt8] = []
        key.reserveCapacity(45)
        key.append(2)
        account.raw.append(to: &key)
        KeyBytes.append(height, to: &key)
        KeyBytes.append(ordinal, to: &key)
        var value = WireWriter(capacity: 4)
        value.u32(outcome)
        return Row(key: key, value: value.bytes)
    }

    /// The accounts whose credit or offers the event changed, each once.
    static func accounts(of event: LedgerEvent, _ parties: (JobID) -> Parties?) -> [PublicKey] {
        func paid(_ job: JobID, _ leases: [UInt16]) -> [PublicKey] {
            guard let known = parties(job) else { return [] }
            var out = [known.submitter]
            for lease in leases where Int(lease) < known.workers.count {
                let worker = known.workers[Int(lease)]
                if !out.contains(worker) { out.append(worker) }
            }
            return out
        }
        return switch event {
        case .admitted(let account, _, _, _), .offerChanged(let account, _, _, _), .suspended(let account, _):
            [account]
        case .transferred(let from, let to, _): [from, to]
        case .jobOpened(_, let submitter, _, _): [submitter]
        case .settled(let settled): paid(settled.job, settled.winners.map(\.lease))
        case .refunded(let job, _, let attempts, _), .cancelled(let job, let attempts, _):
            paid(job, attempts.map(\.lease))
        default: []
        }
    }

    /// Collects `Parties` from events, for a rebuild that has no state: feed it every event in order.
    public struct Rebuilding: Sendable {
        var jobs: [JobID: Parties] = [:]

        public init() {}

        /// The rows of one block; blocks come in height order from 1 on.
        public mutating func rows(height: UInt64, events: [LedgerEvent], authors: [Author?]) -> [Row] {
            for event in events {
                switch event {
                case .jobOpened(let job, let submitter, _, _):
                    jobs[job] = Parties(submitter: submitter, workers: [])
                case .drawn(let drawn):
                    // Leases are numbered in the order in which they were drawn.
                    jobs[drawn.job]?.workers.append(contentsOf: drawn.leases.map(\.account))
                default: break
                }
            }
            return IndexRows.rows(height: height, events: events, authors: authors) { jobs[$0] }
        }
    }
}

/// Where an entry stands and how it ended: value of index 1 and 5, 13 bytes.
public struct OutcomePlace: Sendable, Hashable, WireCodable {
    public let height: UInt64
    public let txIndex: UInt32
    public let code: OutcomeCode

    public init(height: UInt64, txIndex: UInt32, code: OutcomeCode) {
        self.height = height
        self.txIndex = txIndex
        self.code = code
    }

    public func encode(to w: inout WireWriter) {
        w.u64(height)
        w.u32(txIndex)
        w.u8(code.rawValue)
    }

    public init(from r: inout WireReader) throws(WireError) {
        height = try r.u64()
        txIndex = try r.u32()
        let tag = try r.u8()
        guard let code = OutcomeCode(rawValue: tag) else { throw .unknownTag(UInt64(tag)) }
        self.code = code
    }
}
