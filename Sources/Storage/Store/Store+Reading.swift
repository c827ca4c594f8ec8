public import Records

/// One row of a scan.
public struct StoreRow: Sendable, Hashable {
    public let key: [UInt8]
    public let value: [UInt8]
}

extension Store {
    /// The value of `key`, or nil. Any thread; a few microseconds unless a file must be read.
    ///
    /// Throws `corrupt` if the bytes on the disk fail their checksum: they are never returned.
    public func get(_ family: Family, _ key: [UInt8]) throws(StoreError) -> [UInt8]? {
        try reading { (database) throws(StoreError) in try database.get(family, key) }
    }

    /// At most `limit` rows whose keys begin with `prefix` and lie in `from` (included) … `to` (excluded), in the
    /// order of their keys, or in the opposite order with `reverse`. They are of one moment: later writes are not seen.
    public func scan(
        _ family: Family, prefix: [UInt8] = [], from: [UInt8]? = nil, to: [UInt8]? = nil,
        reverse: Bool = false, limit: Int = .max
    ) throws(StoreError) -> [StoreRow] {
        var rows: [StoreRow] = []
        if limit <= 0 { return rows }
        try forEach(family, prefix: prefix, from: from, to: to, reverse: reverse) {
            rows.append(StoreRow(key: $0, value: $1))
            return rows.count < limit
        }
        return rows
    }

    /// Calls `body` with the rows of `scan` until it answers false, holding only one row at a time.
    public func forEach(
        _ family: Family, prefix: [UInt8] = [], from: [UInt8]? = nil, to: [UInt8]? = nil,
        reverse: Bool = false, isBulk: Bool = false,
        _ body: (_ key: [UInt8], _ value: [UInt8]) -> Bool
    ) throws(StoreError) {
        let (low, high) = Store.bounds(prefix, from, to)
        try reading { (database) throws(StoreError) in
            let cursor = database.cursor(family, from: low, to: high, isBulk: isBulk)
            if reverse { cursor.seekToLast() } else { cursor.seekToFirst() }
            while cursor.isValid {
                if !body(cursor.key, cursor.value) { return }
                if reverse { cursor.previous() } else { cursor.next() }
            }
            try cursor.check()
        }
    }

    /// Runs `body` with the open database; `closed` if there is none.
    func reading<R>(_ body: (Database) throws(StoreError) -> R) throws(StoreError) -> R {
        try gate.read { (database) throws(StoreError) in
            guard let database = copy database else { throw .closed }
            return try body(database)
        }
    }

    /// The narrowest bounds that prefix and range allow.
    static func bounds(
        _ prefix: [UInt8], _ from: [UInt8]?, _ to: [UInt8]?
    ) -> (low: [UInt8]?, high: [UInt8]?) {
        var low = from
        var high = to
        if !prefix.isEmpty {
            if low.map({ $0.lexicographicallyPrecedes(prefix) }) ?? true { low = prefix }
            if let end = successor(ofPrefix: prefix),
                high.map({ end.lexicographicallyPrecedes($0) }) ?? true
            {
                high = end
            }
        }
        // A range that runs backwards is empty, not an error.
        if let low, let end = high, end.lexicographicallyPrecedes(low) { high = low }
        return (low, high)
    }

    /// The least key above all keys that begin with `prefix`; nil if there is none (all bytes are 255).
    public static func successor(ofPrefix prefix: [UInt8]) -> [UInt8]? {
        var end = prefix
        while let last = end.last {
            if last < 255 {
                end[end.count - 1] = last + 1
                return end
            }
            end.removeLast()
        }
        return nil
    }
}
