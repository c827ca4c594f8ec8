import Basis
import Records
import Wire

/// A value of the state family.
protocol StateRecord: Equatable, Sendable, WireEncodable, WireDecodable {}

/// The value of a key that says everything itself.
struct Presence: StateRecord {
    init() {}
    func encode(to w: inout WireWriter) {}
    init(from r: inout WireReader) throws(WireError) {}
}

/// One changed record of a block: nil stands for a record that is gone.
struct StateChange: Sendable, Hashable {
    let key: [UInt8]
    let value: [UInt8]?
}

/// The records under one prefix: looked up by hash, walked in key order, with the values that each key had when the
/// block began, so that the delta holds exactly what differs after it (`ledger.md` 5.2).
struct Table<Key: StateKey, Record: StateRecord>: Sendable {
    enum Before: Sendable { case absent, present(Record) }

    let prefix: StatePrefix
    /// Looked up only: never iterated.
    private(set) var rows: [Key: Record] = [:]
    /// The keys in order. Changes only when a record appears or goes, never when it changes.
    private(set) var order = SortedMap<Key, Bool>()
    private var before: [Key: Before] = [:]
    private var touched: [Key] = []

    init(_ prefix: StatePrefix) { self.prefix = prefix }

    var count: Int { rows.count }

    subscript(key: Key) -> Record? { rows[key] }

    func contains(_ key: Key) -> Bool { rows[key] != nil }

    /// Sets the record of `key`, new or not.
    mutating func set(_ key: Key, _ record: Record) {
        note(key)
        if rows.updateValue(record, forKey: key) == nil { order.insert(true, for: key) }
    }

    /// Changes the record of `key` in place; false if there is none.
    @discardableResult
    mutating func update(_ key: Key, _ change: (inout Record) -> Void) -> Bool {
        guard let index = rows.index(forKey: key) else { return false }
        if before[key] == nil {
            before[key] = .present(rows.values[index])
            touched.append(key)
        }
        change(&rows.values[index])
        return true
    }

    @discardableResult
    mutating func remove(_ key: Key) -> Record? {
        guard rows[key] != nil else { return nil }
        note(key)
        order.remove(key)
        return rows.removeValue(forKey: key)
    }

    /// Puts a record that the store holds: no change of this block.
    mutating func restore(_ key: Key, _ record: Record) {
        if rows.updateValue(record, forKey: key) == nil { order.insert(true, for: key) }
    }

    /// Appends this block's changes in key order and forgets them.
    mutating func drainChanges(into changes: inout [StateChange]) {
        touched.sort()
        for key in touched {
            guard let old = before[key] else { unreachable("a touched key has a value from before") }
            let new = rows[key]
            switch old {
            case .absent where new == nil: continue
            case .present(let record) where new == record: continue
            default: changes.append(StateChange(key: bytes(of: key), value: new?.encoded))
            }
        }
        touched.removeAll(keepingCapacity: true)
        before.removeAll(keepingCapacity: true)
    }

    /// Appends every record in key order.
    func appendAll(to out: inout [StateChange]) {
        for (key, _) in order { out.append(StateChange(key: bytes(of: key), value: rows[key]?.encoded)) }
    }

    func bytes(of key: Key) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(44)
        out.append(prefix.rawValue)
        key.append(to: &out)
        return out
    }

    private mutating func note(_ key: Key) {
        guard before[key] == nil else { return }
        before[key] = rows[key].map { .present($0) } ?? .absent
        touched.append(key)
    }
}
