public import Basis
public import Records
public import Trust
public import Wire

/// The entries that this node made, until what became of them is certain (`ledger.md` 6.4).
///
/// The pool of the seats is memory only, so the origin keeps each entry on disk before it first leaves, sends it again
/// until it was executed, and forgets it when its outcome is certified or it can no longer apply. A client's key names
/// its entry, so that a repeated request finds the first one, also after a crash.
public struct Outbox: Sendable {
    /// One entry of ours.
    public struct Item: Sendable, Hashable, WireCodable {
        public let entry: [UInt8]
        public let id: TransactionID
        /// The client's idempotency key; empty if there was none.
        public let key: [UInt8]
        /// Last T at which it can apply; `.max` for entries without one.
        public let validUntil: UInt64
        /// Height and outcome once executed.
        public var executed: Executed?

        public struct Executed: Sendable, Hashable {
            public let height: UInt64
            public let code: OutcomeCode
        }

        public static let keyBytesMax = 160

        public init(entry: CheckedEntry, key: [UInt8]) {
            self.entry = entry.bytes
            id = entry.id
            self.key = key
            if case .owner(_, _, let validUntil) = entry.entry.envelope {
                self.validUntil = validUntil
            } else {
                validUntil = .max
            }
        }

        public func encode(to w: inout WireWriter) {
            w.bytes(entry)
            w.value(id)
            w.bytes(key)
            w.u64(validUntil)
            w.optional(executed) {
                $0.u64($1.height)
                $0.u8($1.code.rawValue)
            }
        }

        public init(from r: inout WireReader) throws(WireError) {
            entry = try r.bytes(max: LedgerLimits.entryBytesMax)
            id = try r.value()
            key = try r.bytes(max: Item.keyBytesMax)
            validUntil = try r.u64()
            executed = try r.optional { (r) throws(WireError) in
                let height = try r.u64()
                let tag = try r.u8()
                guard let code = OutcomeCode(rawValue: tag) else { throw .unknownTag(UInt64(tag)) }
                return Executed(height: height, code: code)
            }
        }
    }

    struct Waiting: Sendable {
        var item: Item
        /// Sends so far; 0 until its journal record is durable.
        var sends = 0
    }

    /// 4,096 entries of one account in flight (`poolPerAccountMax`), and as many of the node's lane.
    static let itemsMax = 8_192
    static let firstRetry = Interval.seconds(2)
    static let laterRetry = Interval.seconds(5)

    var items = SortedMap<TransactionID, Waiting>()
    /// Idempotency keys of items here.
    var byKey: [[UInt8]: TransactionID] = [:]
    var deadlines = DeadlineTable<TransactionID>()
    /// Items executed at a height, waiting for its certificate.
    var executedAt = SortedMap<UInt64, [TransactionID]>()

    public init() {}

    /// Takes over what an earlier process left; everything is due at once.
    public init(restoring stored: [Item], now: Instant) {
        for item in stored {
            items[item.id] = Waiting(item: item, sends: 1)
            if !item.key.isEmpty { byKey[item.key] = item.id }
            if let executed = item.executed {
                executedAt[executed.height, default: []].append(item.id)
            } else {
                deadlines.set(item.id, at: now)
            }
        }
    }

    public var nextDeadline: Instant? { deadlines.next }
    public var count: Int { items.count }
    public var isFull: Bool { items.count >= Outbox.itemsMax }

    var all: [Item] { items.values.map(\.item) }
    public subscript(id: TransactionID) -> Item? { items[id]?.item }
    public func id(forKey key: [UInt8]) -> TransactionID? { byKey[key] }

    static func rowKey(_ id: TransactionID) -> [UInt8] { [1] + id.bytes }
    /// Family local, prefix 4: the id that a client's key was answered with. Whoever composes for a client looks here
    /// first, since an outcome that is certified leaves this table.
    public static func keyRow(_ key: [UInt8]) -> [UInt8] { [4] + key }

    /// Keeps a new entry; the returned writes must be durable before `begin`.
    mutating func add(_ item: Item, into batch: inout StoreBatch) {
        items[item.id] = Waiting(item: item)
        batch.put(.local, Outbox.rowKey(item.id), item.encoded)
        if !item.key.isEmpty {
            byKey[item.key] = item.id
            batch.put(.local, Outbox.keyRow(item.key), item.id.bytes)
        }
    }

    /// The entry is on the disk: it may leave now.
    mutating func begin(_ id: TransactionID, now: Instant) -> [UInt8]? {
        guard items[id] != nil else { return nil }
        items.update(id) { $0.sends = 1 }
        deadlines.set(id, at: now + Outbox.firstRetry)
        return items[id]?.item.entry
    }

    /// Entries whose answer is overdue: to be sent again.
    mutating func due(now: Instant) -> [[UInt8]] {
        var out: [[UInt8]] = []
        while let id = deadlines.popDue(now) {
            guard let waiting = items[id], waiting.item.executed == nil else { continue }
            items.update(id) { $0.sends += 1 }
            out.append(waiting.item.entry)
            deadlines.set(id, at: now + Outbox.laterRetry)
        }
        return out
    }

    /// The entry was executed with this outcome. A client is told; the row stays until the outcome is certified.
    mutating func executed(
        _ id: TransactionID, height: UInt64, code: OutcomeCode, into batch: inout StoreBatch
    ) -> Bool {
        guard let waiting = items[id], waiting.item.executed == nil else { return false }
        deadlines.cancel(id)
        items.update(id) { $0.item.executed = Item.Executed(height: height, code: code) }
        executedAt[height, default: []].append(id)
        if let item = items[id]?.item { batch.put(.local, Outbox.rowKey(id), item.encoded) }
        return true
    }

    /// Everything up to `height` is certified: those items are done and forgotten.
    mutating func certified(upTo height: UInt64, into batch: inout StoreBatch) -> [Item] {
        var done: [Item] = []
        while let first = executedAt.first, first.key <= height {
            executedAt.popFirst()
            for id in first.value { if let item = forget(id, into: &batch) { done.append(item) } }
        }
        return done
    }

    /// Items that can no longer apply at ledger time `time`.
    mutating func expired(time: UInt64, into batch: inout StoreBatch) -> [Item] {
        var gone: [Item] = []
        for (id, waiting) in items
        where waiting.item.executed == nil && waiting.item.validUntil < time {
            if let item = forget(id, into: &batch) { gone.append(item) }
        }
        return gone
    }

    /// Drops an item that will never be executed (its lease ended, the ledger refuses it for good).
    mutating func forget(_ id: TransactionID, into batch: inout StoreBatch) -> Item? {
        deadlines.cancel(id)
        guard let waiting = items.remove(id) else { return nil }
        if !waiting.item.key.isEmpty { byKey[waiting.item.key] = nil }
        batch.delete(.local, Outbox.rowKey(id))
        return waiting.item
    }
}
