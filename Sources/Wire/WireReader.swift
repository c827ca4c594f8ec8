public import Basis

/// Why bytes were refused. Reading has no effect on state; the reader is thrown away after an error.
public enum WireError: Error, Hashable, Sendable {
    /// The bytes end inside a field.
    case truncated
    /// Bytes are left over after the last field.
    case trailing(Int)
    /// A length or count over the stated maximum.
    case tooLong(UInt64, max: Int)
    /// A tag, version, flag or boolean that no encoder writes.
    case unknownTag(UInt64)
    /// A list that stands for a set or map does not strictly ascend.
    case unsorted
    /// Not UTF-8, or a forbidden character.
    case badText
    /// A value outside its stated range.
    case outOfRange
}

/// Reads the canonical encoding of `ledger.md` 1.1 and refuses everything that `WireWriter` would not produce.
///
/// Counts are checked against the maximum and against the bytes left before anything is allocated, so memory stays
/// within a small multiple of the input. No input traps.
public struct WireReader: Sendable {
    @usableFromInline let bytes: [UInt8]
    @usableFromInline var position: Int
    @usableFromInline let end: Int

    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
        position = 0
        end = bytes.count
    }

    public init(_ slice: ArraySlice<UInt8>) { self.init(Array(slice)) }

    /// A reader of the next `count` bytes alone, which this one passes over. Its `offset` counts from where this one's
    /// does.
    public mutating func inner(_ count: Int) throws(WireError) -> WireReader {
        if count > remaining { throw .truncated }
        let reader = WireReader(bytes, from: position, to: position + count)
        position += count
        return reader
    }

    init(_ bytes: [UInt8], from position: Int, to end: Int) {
        self.bytes = bytes
        self.position = position
        self.end = end
    }

    public var remaining: Int { end - position }
    /// How many bytes were read.
    public var offset: Int { position }

    public mutating func u8() throws(WireError) -> UInt8 { try integer(UInt8.self) }
    public mutating func u16() throws(WireError) -> UInt16 { try integer(UInt16.self) }
    public mutating func u32() throws(WireError) -> UInt32 { try integer(UInt32.self) }
    public mutating func u64() throws(WireError) -> UInt64 { try integer(UInt64.self) }
    public mutating func i32() throws(WireError) -> Int32 { Int32(bitPattern: try u32()) }
    public mutating func i64() throws(WireError) -> Int64 { Int64(bitPattern: try u64()) }

    public mutating func bool() throws(WireError) -> Bool {
        let byte = try u8()
        if byte > 1 { throw .unknownTag(UInt64(byte)) }
        return byte == 1
    }

    public mutating func fixed(_ count: Int) throws(WireError) -> [UInt8] {
        if count > remaining { throw .truncated }
        let (from, to) = (position, position + count)
        position = to
        return unsafe bytes.withUnsafeBufferPointer { unsafe Array(UnsafeBufferPointer(rebasing: $0[from..<to])) }
    }

    public mutating func bytes32() throws(WireError) -> Bytes32 {
        Bytes32(
            w0: try bigEndian(), w1: try bigEndian(), w2: try bigEndian(), w3: try bigEndian())
    }

    public mutating func amount() throws(WireError) -> CreditAmount {
        CreditAmount(micro: try u64())
    }

    /// `bytes≤max`.
    public mutating func bytes(max: Int) throws(WireError) -> [UInt8] {
        try fixed(try length(max: max))
    }

    /// UTF-8 of at most `max` bytes; ill-formed sequences are refused, so `encode(decode(x)) == x`.
    public mutating func text(max: Int) throws(WireError) -> String {
        let raw = try bytes(max: max)
        guard let text = String(validating: raw, as: UTF8.self) else { throw .badText }
        return text
    }

    /// A u32 count of items of at least `itemBytesMin` bytes each, checked against `max` and the bytes left.
    public mutating func count(max: Int, itemBytesMin: Int = 1) throws(WireError) -> Int {
        let n = try u32()
        if n > UInt32(clamping: max) { throw .tooLong(UInt64(n), max: max) }
        if Int(n) > remaining / Swift.max(1, itemBytesMin) { throw .truncated }
        return Int(n)
    }

    /// `list[T]≤max` in the order given.
    public mutating func list<T>(
        max: Int, itemBytesMin: Int = 1, _ decode: (inout WireReader) throws(WireError) -> T
    ) throws(WireError) -> [T] {
        let n = try count(max: max, itemBytesMin: itemBytesMin)
        var items: [T] = []
        items.reserveCapacity(n)
        for _ in 0..<n { items.append(try decode(&self)) }
        return items
    }

    public mutating func list<T: WireDecodable>(
        _ type: T.Type = T.self, max: Int, itemBytesMin: Int = 1
    ) throws(WireError) -> [T] {
        try list(max: max, itemBytesMin: itemBytesMin) { (r) throws(WireError) in
            try T(from: &r)
        }
    }

    /// `list[T]≤max` that stands for a set or map: strictly ascending by `key`.
    public mutating func ascending<T, Key: Comparable>(
        max: Int, itemBytesMin: Int = 1, by key: (T) -> Key,
        _ decode: (inout WireReader) throws(WireError) -> T
    ) throws(WireError) -> [T] {
        let n = try count(max: max, itemBytesMin: itemBytesMin)
        var items: [T] = []
        items.reserveCapacity(n)
        for _ in 0..<n {
            let item = try decode(&self)
            if let last = items.last, key(last) >= key(item) { throw .unsorted }
            items.append(item)
        }
        return items
    }

    /// `opt[T]`.
    public mutating func optional<T>(
        _ decode: (inout WireReader) throws(WireError) -> T
    ) throws(WireError) -> T? {
        try bool() ? try decode(&self) : nil
    }

    public mutating func value<T: WireDecodable>(_ type: T.Type = T.self) throws(WireError) -> T {
        try T(from: &self)
    }

    /// Refuses bytes left over.
    public func finish() throws(WireError) {
        if position != end { throw .trailing(end - position) }
    }

    // MARK: below their use

    mutating func length(max: Int) throws(WireError) -> Int {
        let n = try u32()
        if n > UInt32(clamping: max) { throw .tooLong(UInt64(n), max: max) }
        return Int(n)
    }

    mutating func integer<T: FixedWidthInteger & UnsignedInteger>(
        _ type: T.Type
    ) throws(WireError) -> T {
        let size = MemoryLayout<T>.size
        if size > remaining { throw .truncated }
        let at = position
        position += size
        // The bytes are there: `remaining` says so.
        return unsafe bytes.withUnsafeBytes { T(littleEndian: unsafe $0.loadUnaligned(fromByteOffset: at, as: T.self)) }
    }

    mutating func bigEndian() throws(WireError) -> UInt64 {
        if remaining < 8 { throw .truncated }
        let at = position
        position += 8
        return unsafe bytes.withUnsafeBytes {
            UInt64(bigEndian: unsafe $0.loadUnaligned(fromByteOffset: at, as: UInt64.self))
        }
    }
}

/// Can be read from its canonical encoding, and from nothing else.
public protocol WireDecodable {
    init(from reader: inout WireReader) throws(WireError)
}

extension WireDecodable {
    /// Reads exactly `bytes`: anything left over is an error.
    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = WireReader(bytes)
        self = try Self(from: &reader)
        try reader.finish()
    }
}

public typealias WireCodable = WireEncodable & WireDecodable
