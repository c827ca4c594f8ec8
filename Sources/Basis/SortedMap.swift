/// An ordered map with value semantics, for everything that a core iterates (STYLE 2.1).
///
/// Entries lie in sorted chunks of at most `chunkMax`, so that an insertion moves at most one chunk and the list of
/// chunks: look-up O(log n), insertion and removal O(chunkMax + n / chunkMax), iteration in ascending key order.
public struct SortedMap<Key: Comparable & Sendable, Value: Sendable>: Sendable {
    /// 128 entries of some 40 bytes: an insertion moves about 2.5 KiB on average, less than a page.
    static var chunkMax: Int { 128 }

    struct Chunk: Sendable {
        var keys: [Key]
        var values: [Value]
    }

    var chunks: [Chunk] = []
    public private(set) var count = 0

    public init() {}

    public var isEmpty: Bool { count == 0 }

    public subscript(key: Key) -> Value? {
        // Inlined, so that who reads one field copies one field.
        @inline(__always)
        get {
            guard let (c, i) = find(key) else { return nil }
            return chunks[c].values[i]
        }
        set {
            if let newValue { insert(newValue, for: key) } else { remove(key) }
        }
        _modify {
            if let (c, i) = find(key) {
                var slot: Value? = chunks[c].values[i]
                yield &slot
                if let slot { chunks[c].values[i] = slot } else { removeAt(c, i) }
            } else {
                var slot: Value?
                yield &slot
                if let slot { insert(slot, for: key) }
            }
        }
    }

    /// The value of `key`, or `fallback`, which is stored if it is changed.
    public subscript(key: Key, default fallback: @autoclosure () -> Value) -> Value {
        get { self[key] ?? fallback() }
        _modify {
            if find(key) == nil { insert(fallback(), for: key) }
            guard let (c, i) = find(key) else { unreachable("just inserted") }
            yield &chunks[c].values[i]
        }
    }

    public func contains(_ key: Key) -> Bool { find(key) != nil }

    /// Changes the value of `key` in place, without a copy; false if there is none.
    @discardableResult
    public mutating func update(_ key: Key, _ change: (inout Value) -> Void) -> Bool {
        guard let (c, i) = find(key) else { return false }
        change(&chunks[c].values[i])
        return true
    }

    public mutating func insert(_ value: Value, for key: Key) { updateValue(value, for: key) }

    /// Inserts, and gives back the value that was there.
    @discardableResult
    public mutating func updateValue(_ value: Value, for key: Key) -> Value? {
        if chunks.isEmpty {
            chunks.append(Chunk(keys: [key], values: [value]))
            count = 1
            return nil
        }
        let c = chunkIndex(of: key)
        let i = lowerBound(key, in: c)
        if i < chunks[c].keys.count, chunks[c].keys[i] == key {
            var old = value
            swap(&old, &chunks[c].values[i])
            return old
        }
        chunks[c].keys.insert(key, at: i)
        chunks[c].values.insert(value, at: i)
        count += 1
        if chunks[c].keys.count > Self.chunkMax { split(c) }
        return nil
    }

    @discardableResult
    public mutating func remove(_ key: Key) -> Value? {
        guard let (c, i) = find(key) else { return nil }
        return removeAt(c, i)
    }

    public var first: (key: Key, value: Value)? {
        guard let chunk = chunks.first else { return nil }
        return (chunk.keys[0], chunk.values[0])
    }

    public var firstKey: Key? { chunks.first?.keys[0] }

    public var last: (key: Key, value: Value)? {
        guard let chunk = chunks.last else { return nil }
        return (chunk.keys[chunk.keys.count - 1], chunk.values[chunk.values.count - 1])
    }

    @discardableResult
    public mutating func popFirst() -> (key: Key, value: Value)? {
        guard let entry = first else { return nil }
        removeAt(0, 0)
        return entry
    }

    /// The entry with the least key ≥ `key`.
    public func firstAtOrAfter(_ key: Key) -> (key: Key, value: Value)? {
        var cursor = Iterator(map: self, from: key)
        return cursor.next()
    }

    /// The entry with the greatest key < `key`.
    public func lastBefore(_ key: Key) -> (key: Key, value: Value)? {
        if chunks.isEmpty { return nil }
        var c = chunkIndex(of: key)
        var i = lowerBound(key, in: c) - 1
        if i < 0 {
            c -= 1
            if c < 0 { return nil }
            i = chunks[c].keys.count - 1
        }
        return (chunks[c].keys[i], chunks[c].values[i])
    }

    /// The entries from `key` on, in ascending order.
    public func from(_ key: Key) -> IteratorSequence<Iterator> {
        IteratorSequence(Iterator(map: self, from: key))
    }

    /// Keys from `low` (included) to `high` (excluded), ascending. O(log n + found).
    public func keys(in low: Key, _ high: Key) -> [Key] {
        var found: [Key] = []
        for (key, _) in from(low) {
            if key >= high { break }
            found.append(key)
        }
        return found
    }
    /// Every entry in ascending order, without a copy of its value: for scans of large values.
    @inline(__always)
    public func visit(_ body: (Key, borrowing Value) -> Void) {
        for c in chunks.indices {
            for i in chunks[c].keys.indices { body(chunks[c].keys[i], chunks[c].values[i]) }
        }
    }
    public var keys: [Key] { chunks.flatMap(\.keys) }
    public var values: [Value] { chunks.flatMap(\.values) }

    // MARK: below their use

    func find(_ key: Key) -> (Int, Int)? {
        if chunks.isEmpty { return nil }
        let c = chunkIndex(of: key)
        let i = lowerBound(key, in: c)
        return i < chunks[c].keys.count && chunks[c].keys[i] == key ? (c, i) : nil
    }

    /// The last chunk whose first key is ≤ `key`, or 0.
    func chunkIndex(of key: Key) -> Int {
        var low = 0
        var high = chunks.count
        while low < high {
            let middle = (low + high) / 2
            if chunks[middle].keys[0] <= key { low = middle + 1 } else { high = middle }
        }
        return Swift.max(0, low - 1)
    }

    func lowerBound(_ key: Key, in c: Int) -> Int {
        var low = 0
        var high = chunks[c].keys.count
        while low < high {
            let middle = (low + high) / 2
            if chunks[c].keys[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low
    }

    @discardableResult
    mutating func removeAt(_ c: Int, _ i: Int) -> Value {
        chunks[c].keys.remove(at: i)
        let value = chunks[c].values.remove(at: i)
        if chunks[c].keys.isEmpty { chunks.remove(at: c) }
        count -= 1
        return value
    }

    mutating func split(_ c: Int) {
        let half = chunks[c].keys.count / 2
        let tail = Chunk(
            keys: Array(chunks[c].keys[half...]), values: Array(chunks[c].values[half...]))
        chunks[c].keys.removeSubrange(half...)
        chunks[c].values.removeSubrange(half...)
        chunks.insert(tail, at: c + 1)
    }
}

extension SortedMap: Sequence {
    public struct Iterator: IteratorProtocol, Sendable {
        let map: SortedMap
        var chunk: Int
        var index: Int

        init(map: SortedMap) {
            self.map = map
            chunk = 0
            index = 0
        }

        init(map: SortedMap, from key: Key) {
            self.map = map
            if map.chunks.isEmpty {
                chunk = 0
                index = 0
            } else {
                chunk = map.chunkIndex(of: key)
                index = map.lowerBound(key, in: chunk)
            }
        }

        public mutating func next() -> (key: Key, value: Value)? {
            while chunk < map.chunks.count {
                if index < map.chunks[chunk].keys.count {
                    defer { index += 1 }
                    return (map.chunks[chunk].keys[index], map.chunks[chunk].values[index])
                }
                chunk += 1
                index = 0
            }
            return nil
        }
    }

    public func makeIterator() -> Iterator { Iterator(map: self) }
    public var underestimatedCount: Int { count }
}

extension SortedMap: Equatable where Value: Equatable {
    /// Equal content, whatever the division into chunks.
    public static func == (a: SortedMap, b: SortedMap) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { $0.key == $1.key && $0.value == $1.value }
    }
}
