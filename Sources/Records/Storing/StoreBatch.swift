/// The column families of `ledger.md` 14.1, and those of the other parts that live in the same store.
public enum Family: String, Sendable, CaseIterable, Hashable {
    case meta, state, blocks, pending, certs, proofs, events, index, journal, local, evidence
    /// Rows of the book of peers (`gossip.md` 10.4).
    case book
    /// What the blob store knows of its files, and blobs of at most 4 KiB themselves (`compute.md` 6.2).
    case blobs
    /// The packed event log of decision D13.
    case packed
}

/// Writes that happen together or not at all, as data: a core emits it, the store carries it out.
public struct StoreBatch: Sendable, Hashable {
    public enum Operation: Sendable, Hashable {
        case put(Family, key: [UInt8], value: [UInt8])
        case delete(Family, key: [UInt8])
        /// Keys from `from` (included) to `to` (excluded).
        case deleteRange(Family, from: [UInt8], to: [UInt8])
    }

    public var operations: [Operation] = []
    /// Whether the write must be on the disk before it is answered (`ledger.md` 14.3).
    public var isSynced: Bool

    public init(isSynced: Bool) { self.isSynced = isSynced }

    public var isEmpty: Bool { operations.isEmpty }

    public mutating func put(_ family: Family, _ key: [UInt8], _ value: [UInt8]) {
        operations.append(.put(family, key: key, value: value))
    }
    public mutating func delete(_ family: Family, _ key: [UInt8]) {
        operations.append(.delete(family, key: key))
    }
    public mutating func deleteRange(_ family: Family, from: [UInt8], to: [UInt8]) {
        operations.append(.deleteRange(family, from: from, to: to))
    }

    /// Appends the writes of `other`; the result is synced if either was.
    public mutating func merge(_ other: StoreBatch) {
        operations.append(contentsOf: other.operations)
        isSynced = isSynced || other.isSynced
    }
}

/// Big-endian keys, so that byte order is numeric order (`ledger.md` 1.1).
public struct StoreKey: Sendable {
    public private(set) var bytes: [UInt8]

    public init(_ prefix: [UInt8] = []) { bytes = prefix }

    public func u8(_ value: UInt8) -> StoreKey { appending([value]) }
    public func u16(_ value: UInt16) -> StoreKey { appending(bigEndian(value)) }
    public func u32(_ value: UInt32) -> StoreKey { appending(bigEndian(value)) }
    public func u64(_ value: UInt64) -> StoreKey { appending(bigEndian(value)) }
    public func raw(_ value: [UInt8]) -> StoreKey { appending(value) }

    func bigEndian<T: FixedWidthInteger & UnsignedInteger>(_ value: T) -> [UInt8] {
        let size = MemoryLayout<T>.size
        return (0..<size).map { UInt8(truncatingIfNeeded: value >> T(8 * (size - 1 - $0))) }
    }

    func appending(_ more: [UInt8]) -> StoreKey {
        var copy = self
        copy.bytes.append(contentsOf: more)
        return copy
    }
}
