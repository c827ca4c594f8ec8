import Basis
import Records
public import Trust
import Wire

/// Answers the queries of `ledger.md` 16 that need the log beside the state: histories, transactions, whole jobs.
///
/// Reads a store that holds at least the ledger's height.
public struct LedgerReader<Store: StoreReading> {
    public let ledger: Ledger
    let store: Store

    public init(ledger: Ledger, store: Store) {
        self.ledger = ledger
        self.store = store
    }

    /// An entry of the log; nil if this peer has executed none with that id.
    public func transaction(_ id: TransactionID) -> TransactionView? {
        for isFinal in [true, false] {
            guard let value = store.value(.index, IndexRows.transactionKey(id, isFinal: isFinal)),
                let place = try? OutcomePlace(decoding: value), let block = block(place.height),
                Int(place.txIndex) < block.entries.count,
                let entry = try? Entry(decoding: block.entries[Int(place.txIndex)])
            else { continue }
            var fee = CreditAmount.zero
            var effects: [LedgerEvent] = []
            var isOwn = false
            for event in events(of: place.height) {
                if case .outcome(let index, _, _, let taken) = event {
                    isOwn = index == place.txIndex
                    if isOwn { fee = taken }
                } else if case .offerChanged(_, _, _, .lapsed) = event {
                    isOwn = false
                } else if isOwn {
                    effects.append(event)
                }
            }
            return TransactionView(
                id: id, place: place, isFinal: isFinal, entry: entry, fee: fee,
                time: block.header.timestamp, effects: effects)
        }
        return nil
    }

    /// A job with its specification and every event; nil if this peer has executed none with that id.
    public func job(_ id: JobID) -> JobStory? {
        let events = jobEvents(id)
        guard let first = events.first, case .jobOpened(_, let submitter, _, _) = first.event else { return nil }
        return JobStory(
            id: id, record: ledger.job(id), leases: ledger.leaseList(of: id).map(\.lease),
            spec: ledger.job(id)?.spec ?? spec(id, submitter, first.height), submitter: submitter,
            openedAtHeight: first.height, openedTime: time(first.height),
            lastTime: time(events.last?.height ?? first.height), events: events)
    }

    /// Every event of a job in log order.
    public func jobEvents(_ id: JobID) -> [PlacedEvent] {
        let prefix = IndexRows.jobPrefix(id)
        return store.rows(.index, prefix: prefix, from: nil, limit: 4_096, descending: false).compactMap { row in
            let place = row.key.dropFirst(prefix.count)
            guard place.count == 12 else { return nil }
            let height = KeyBytes.read(UInt64.self, place, at: 0)
            let ordinal = KeyBytes.read(UInt32.self, place, at: 8)
            return event(height, ordinal).map { PlacedEvent(height: height, ordinal: ordinal, event: $0) }
        }
    }

    /// Jobs that an account submitted, newest first, ended ones of any age included. The cursor is the last key.
    public func submitted(by account: PublicKey, after cursor: [UInt8]? = nil, limit: Int) -> Page<JobID, [UInt8]> {
        jobIDs(IndexRows.submitterPrefix(account), cursor, limit)
    }

    /// Jobs in which an account had a lease, newest first.
    public func worked(by account: PublicKey, after cursor: [UInt8]? = nil, limit: Int) -> Page<JobID, [UInt8]> {
        jobIDs(IndexRows.workerPrefix(account), cursor, limit)
    }

    /// Events that moved an account's credit or offers, newest first, each with the spendable credit after it. Not for
    /// the treasury, whose fees are not listed one by one.
    public func history(
        of account: PublicKey, after cursor: HistoryCursor? = nil, limit: Int = QueryLimits.itemsMax
    ) -> Page<HistoryItem, HistoryCursor> {
        let prefix = IndexRows.accountPrefix(account)
        let most = min(limit, QueryLimits.itemsMax)
        let rows = store.rows(.index, prefix: prefix, from: cursor?.key, limit: most, descending: true)
        var available = cursor?.available ?? ledger.account(account)?.available ?? .zero
        var items: [HistoryItem] = []
        for row in rows {
            let place = row.key.dropFirst(prefix.count)
            guard place.count == 12 else { continue }
            let height = KeyBytes.read(UInt64.self, place, at: 0)
            let ordinal = KeyBytes.read(UInt32.self, place, at: 8)
            guard let event = event(height, ordinal) else { continue }
            let change = change(of: account, by: event)
            items.append(
                HistoryItem(
                    height: height, time: time(height), ordinal: ordinal, event: event,
                    transaction: transaction(of: row.value, height), change: change, availableAfter: available))
            let (before, overflow) = Int64(clamping: available.micro).subtractingReportingOverflow(change)
            available = CreditAmount(micro: overflow || before < 0 ? 0 : UInt64(before))
        }
        let next = rows.count == most ? rows.last.map { HistoryCursor(key: $0.key, available: available) } : nil
        return Page(items: items, next: next)
    }

    // MARK: below their use

    /// What an event did to the spendable credit of an account that index 2 names for it.
    private func change(of account: PublicKey, by event: LedgerEvent) -> Int64 {
        func paid(_ job: JobID, _ pays: [(UInt16, CreditAmount)], _ refund: CreditAmount) -> Int64 {
            var submitter: PublicKey?
            var workers: [PublicKey] = []
            for placed in jobEvents(job) {
                if case .jobOpened(_, let who, _, _) = placed.event { submitter = who }
                if case .drawn(let drawn) = placed.event { workers += drawn.leases.map(\.account) }
            }
            var sum = submitter == account ? Int64(clamping: refund.micro) : 0
            for (lease, pay) in pays where Int(lease) < workers.count && workers[Int(lease)] == account {
                sum += Int64(clamping: pay.micro)
            }
            return sum
        }
        return switch event {
        case .outcome(_, _, _, let fee): -Int64(clamping: fee.micro)
        case .admitted(_, _, _, let welcome): Int64(clamping: welcome.micro)
        case .transferred(let from, _, let amount):
            from == account ? -Int64(clamping: amount.micro) : Int64(clamping: amount.micro)
        case .jobOpened(_, _, let funded, _): -Int64(clamping: funded.micro)
        case .settled(let one): paid(one.job, one.winners.map { ($0.lease, $0.pay) }, one.refund)
        case .refunded(let job, _, let attempts, let refund), .cancelled(let job, let attempts, let refund):
            paid(job, attempts.map { ($0.lease, $0.pay) }, refund)
        default: 0
        }
    }

    /// The entry whose outcome the index row points to.
    private func transaction(of value: [UInt8], _ height: UInt64) -> TransactionID? {
        var reader = WireReader(value)
        guard let ordinal = try? reader.u32(), ordinal != IndexRows.noOutcome,
            case .outcome(_, let id, _, _)? = event(height, ordinal)
        else { return nil }
        return id
    }

    private func spec(_ id: JobID, _ submitter: PublicKey, _ height: UInt64) -> JobSpec? {
        for bytes in block(height)?.entries ?? [] {
            guard let entry = try? Entry(decoding: bytes), entry.account == submitter,
                case .openJob(let spec) = entry.body, case .owner(_, let nonce, _) = entry.envelope,
                spec.id(network: ledger.network, submitter: submitter, nonce: nonce, hashing: ledger.hashing) == id
            else { continue }
            return spec
        }
        return nil
    }

    private func jobIDs(_ prefix: [UInt8], _ cursor: [UInt8]?, _ limit: Int) -> Page<JobID, [UInt8]> {
        let most = min(limit, QueryLimits.itemsMax)
        let rows = store.rows(.index, prefix: prefix, from: cursor, limit: most, descending: true)
        let ids = rows.compactMap { row in
            row.key.count >= prefix.count + 40 ? JobID(KeyBytes.slice(row.key[...], prefix.count + 8, 32)) : nil
        }
        return Page(items: ids, next: rows.count == most ? rows.last?.key : nil)
    }

    private func event(_ height: UInt64, _ ordinal: UInt32) -> LedgerEvent? {
        store.value(.events, IndexRows.place(height, ordinal)).flatMap { try? NumberedEvent(decoding: $0).event }
    }

    private func events(of height: UInt64) -> [LedgerEvent] {
        store.rows(
            .events, prefix: Array(IndexRows.place(height, 0).prefix(8)), from: nil, limit: 1 << 20,
            descending: false
        ).compactMap { try? NumberedEvent(decoding: $0.value).event }
    }

    private func block(_ height: UInt64) -> Block? { store.block(height) }

    /// T of a block, from its header alone.
    private func time(_ height: UInt64) -> UInt64 {
        guard let bytes = store.value(.blocks, JournalKey.height(height)) else { return 0 }
        return (try? BlockHeader(decoding: Array(bytes.prefix(BlockHeader.bytes))))?.timestamp ?? 0
    }
}
