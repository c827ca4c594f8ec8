import Basis
import Records

/// The store of one peer (`simulation.md` 7): batches become durable in order, each whole or not at all; a crash loses
/// a tail of what was not synced.
struct SimDisk: Sendable {
    /// Bytes in the order of a store.
    struct Key: Comparable, Hashable, Sendable {
        let bytes: [UInt8]
        /// The first 16 bytes, which mostly decide.
        private let head: UInt64
        private let second: UInt64

        init(_ bytes: [UInt8]) {
            self.bytes = bytes
            head = Key.word(bytes, 0)
            second = Key.word(bytes, 8)
        }

        private static func word(_ bytes: [UInt8], _ start: Int) -> UInt64 {
            if start + 8 <= bytes.count {
                return unsafe bytes.withUnsafeBytes {
                    UInt64(bigEndian: unsafe $0.loadUnaligned(fromByteOffset: start, as: UInt64.self))
                }
            }
            var word: UInt64 = 0
            for i in start..<start + 8 { word = word << 8 | (i < bytes.count ? UInt64(bytes[i]) : 0) }
            return word
        }

        static func < (a: Key, b: Key) -> Bool {
            if a.head != b.head { return a.head < b.head }
            if a.second != b.second { return a.second < b.second }
            // Missing bytes were read as zeros: of two short keys the shorter one comes first.
            if a.bytes.count <= 16 || b.bytes.count <= 16 { return a.bytes.count < b.bytes.count }
            return a.bytes.lexicographicallyPrecedes(b.bytes)
        }
        static func == (a: Key, b: Key) -> Bool {
            a.head == b.head && a.second == b.second && a.bytes.isSame(as: b.bytes)
        }
    }

    private var families: [SortedMap<Key, [UInt8]>]
    /// Written and not durable yet, oldest first.
    private var tail: [StoreBatch] = []
    /// Batches that were durable before `tail`.
    private(set) var durable: UInt64 = 0
    /// All that were written.
    private(set) var written: UInt64 = 0
    /// Of keys and values, durable.
    private(set) var bytes = 0
    /// When the last sync under way ends.
    var busyUntil = Instant.zero

    private static let places: [Family: Int] = Dictionary(
        uniqueKeysWithValues: Family.allCases.enumerated().map { ($1, $0) })

    init() { families = Array(repeating: SortedMap(), count: Family.allCases.count) }

    private static func place(_ family: Family) -> Int { places[family] ?? 0 }

    /// Appends a batch and returns its number: it is durable when `sync` was called with that number.
    mutating func append(_ batch: StoreBatch) -> UInt64 {
        tail.append(batch)
        written += 1
        return written
    }

    /// Makes everything up to batch `number` durable.
    mutating func sync(upTo number: UInt64) {
        guard number > durable else { return }
        let count = Int(number - durable)
        for batch in tail.prefix(count) { apply(batch) }
        tail.removeFirst(count)
        durable = number
    }

    /// The process died: of the tail, `kept` batches happen to be on the disk.
    mutating func crash(keeping kept: Int) {
        for batch in tail.prefix(kept) { apply(batch) }
        tail = []
        durable += UInt64(kept)
        written = durable
        busyUntil = .zero
    }

    /// A planted bug: half of the batch after those `kept` is on the disk, too.
    mutating func crashTearing(keeping kept: Int) {
        var torn: StoreBatch?
        if kept < tail.count {
            torn = tail[kept]
            torn?.operations.removeLast((tail[kept].operations.count + 1) / 2)
        }
        crash(keeping: kept)
        if let torn { apply(torn) }
    }

    var unsyncedCount: Int { tail.count }

    /// Of one row, for `fingerprint`.
    static func rowHash(_ family: Family, _ key: [UInt8], _ value: [UInt8]) -> UInt64 {
        var sip = SipHash(0x726f_7700, UInt64(place(family)))
        sip.add(key)
        sip.add(value)
        return sip.finished()
    }

    /// Of all durable rows, whatever their order.
    var fingerprint: UInt64 {
        var sum: UInt64 = 0
        for family in Family.allCases {
            for row in families[SimDisk.place(family)] { sum &+= SimDisk.rowHash(family, row.key.bytes, row.value) }
        }
        return sum
    }

    /// Whether a durable row has this key.
    func isDurable(_ family: Family, _ key: [UInt8]) -> Bool { families[SimDisk.place(family)].contains(Key(key)) }

    mutating func wipe() {
        self = SimDisk()
    }

    private mutating func apply(_ batch: StoreBatch) {
        for operation in batch.operations {
            switch operation {
            case .put(let family, let key, let value):
                let old = families[SimDisk.place(family)].updateValue(value, for: Key(key))
                bytes += value.count - (old?.count ?? -key.count)
            case .delete(let family, let key):
                if let old = families[SimDisk.place(family)].remove(Key(key)) { bytes -= old.count + key.count }
            case .deleteRange(let family, let from, let to): deleteRange(SimDisk.place(family), Key(from), Key(to))
            }
        }
    }

    private mutating func deleteRange(_ place: Int, _ from: Key, _ to: Key) {
        for key in families[place].keys(in: from, to) {
            if let old = families[place].remove(key) { bytes -= old.count + key.bytes.count }
        }
    }

    /// What readers see: durable rows and, over them, what was written since.
    func get(_ family: Family, _ key: [UInt8]) -> [UInt8]? {
        for batch in tail.reversed() {
            for operation in batch.operations.reversed() {
                switch operation {
                case .put(family, key, let value): return value
                case .delete(family, key): return nil
                case .deleteRange(family, let from, let to) where Key(key) >= Key(from) && Key(key) < Key(to):
                    return nil
                default: continue
                }
            }
        }
        return families[SimDisk.place(family)][Key(key)]
    }

    /// Durable rows whose key begins with `prefix`, in key order.
    func rows(_ family: Family, prefix: [UInt8]) -> [(key: [UInt8], value: [UInt8])] {
        var found: [(key: [UInt8], value: [UInt8])] = []
        for row in families[SimDisk.place(family)].from(Key(prefix)) {
            if !row.key.bytes.starts(with: prefix) { break }
            found.append((row.key.bytes, row.value))
        }
        return found
    }

    /// The durable value alone: what a crash cannot take.
    func durableValue(_ family: Family, _ key: [UInt8]) -> [UInt8]? { families[SimDisk.place(family)][Key(key)] }

    /// Durable rows in key order; what a process reads at its start.
    func rows(_ family: Family) -> [(key: [UInt8], value: [UInt8])] {
        families[SimDisk.place(family)].map { ($0.key.bytes, $0.value) }
    }
}
