public import Basis

/// Appends values in the canonical encoding of `ledger.md` 1.1: fixed-width little-endian integers, u32 lengths, no
/// padding, fields in table order.
///
/// A writer never fails: what it is given was validated before. Reserve with `init(capacity:)` where the size is known.
public struct WireWriter: Sendable {
    // Longer than what was written: a store into an array that is there costs a quarter of an append.
    @usableFromInline var storage: [UInt8]
    /// How many bytes were written.
    public internal(set) var count = 0

    public init(capacity: Int = 128) {
        // `init(repeating:count:)` is called in the standard library, which looks up the buffer's type each time.
        storage = []
        storage.reserveCapacity(capacity)
        storage.append(contentsOf: repeatElement(0, count: capacity))
    }

    /// A copy of what was written; `finish` takes it without one.
    public var bytes: [UInt8] { count == storage.count ? storage : Array(storage[..<count]) }

    /// What was written; the writer is empty afterwards.
    public mutating func finish() -> [UInt8] {
        var taken: [UInt8] = []
        swap(&taken, &storage)
        taken.removeLast(taken.count - count)
        count = 0
        return taken
    }

    @inlinable public mutating func u8(_ value: UInt8) { raw(value) }
    public mutating func u16(_ value: UInt16) { integer(value) }
    public mutating func u32(_ value: UInt32) { integer(value) }
    public mutating func u64(_ value: UInt64) { integer(value) }
    public mutating func i32(_ value: Int32) { integer(UInt32(bitPattern: value)) }
    public mutating func i64(_ value: Int64) { integer(UInt64(bitPattern: value)) }
    @inlinable public mutating func bool(_ value: Bool) { raw(value ? 1 : 0) }

    /// Bytes without a length: a fixed-size field.
    public mutating func fixed(_ value: some Collection<UInt8>) {
        let size = value.count
        makeRoom(size)
        let at = count
        let isCopied: Void? = value.withContiguousStorageIfAvailable { source in
            unsafe storage.withUnsafeMutableBytes { room in
                unsafe UnsafeMutableRawBufferPointer(rebasing: room[at..<at + size])
                    .copyBytes(from: UnsafeRawBufferPointer(source))
            }
        }
        if isCopied == nil {
            var place = at
            for byte in value {
                storage[place] = byte
                place += 1
            }
        }
        count = at + size
    }

    public mutating func bytes32(_ value: Bytes32) {
        makeRoom(32)
        let words = (value.w0.bigEndian, value.w1.bigEndian, value.w2.bigEndian, value.w3.bigEndian)
        let at = count
        unsafe storage.withUnsafeMutableBytes { unsafe $0.storeBytes(of: words, toByteOffset: at, as: Words.self) }
        count = at + 32
    }
    public mutating func amount(_ value: CreditAmount) { u64(value.micro) }

    /// `bytes≤n`: u32 length, then the bytes.
    public mutating func bytes(_ value: some Collection<UInt8>) {
        u32(UInt32(value.count))
        fixed(value)
    }

    /// `text`: UTF-8 behind a u32 length.
    public mutating func text(_ value: String) { bytes(Array(value.utf8)) }

    /// `list[T]≤n`: u32 count, then the items.
    public mutating func list<T>(_ items: [T], _ encode: (inout WireWriter, T) -> Void) {
        u32(UInt32(items.count))
        for item in items { encode(&self, item) }
    }

    public mutating func list(_ items: [some WireEncodable]) {
        u32(UInt32(items.count))
        for item in items { item.encode(to: &self) }
    }

    /// `opt[T]`: one byte 0 or 1, then T.
    public mutating func optional<T>(_ value: T?, _ encode: (inout WireWriter, T) -> Void) {
        bool(value != nil)
        if let value { encode(&self, value) }
    }

    public mutating func optional(_ value: (some WireEncodable)?) {
        bool(value != nil)
        value?.encode(to: &self)
    }

    public mutating func value(_ value: some WireEncodable) { value.encode(to: &self) }

    // MARK: below their use

    typealias Words = (UInt64, UInt64, UInt64, UInt64)

    @usableFromInline mutating func raw(_ byte: UInt8) {
        makeRoom(1)
        storage[count] = byte
        count += 1
    }

    @usableFromInline mutating func integer<T: FixedWidthInteger & UnsignedInteger>(_ value: T) {
        makeRoom(MemoryLayout<T>.size)
        let at = count
        // The bytes are there: `makeRoom` made them.
        unsafe storage.withUnsafeMutableBytes {
            unsafe $0.storeBytes(of: value.littleEndian, toByteOffset: at, as: T.self)
        }
        count = at + MemoryLayout<T>.size
    }

    @inline(__always)
    mutating func makeRoom(_ size: Int) { if storage.count - count < size { grow(size) } }

    @inline(never)
    mutating func grow(_ size: Int) {
        storage.append(contentsOf: repeatElement(0, count: max(size, storage.count, 32)))
    }

    /// `blob16` whose bytes `encode` writes: u16 length, then the bytes.
    public mutating func blob16(_ encode: (inout WireWriter) -> Void) {
        let start = count
        u16(0)
        encode(&self)
        let size = count - start - 2
        invariant(size <= 65_535, "blob16 of \(size) bytes")
        storage[start] = UInt8(truncatingIfNeeded: size)
        storage[start + 1] = UInt8(truncatingIfNeeded: size >> 8)
    }
}

/// Has one canonical encoding.
public protocol WireEncodable {
    func encode(to writer: inout WireWriter)
}

extension WireEncodable {
    /// The canonical bytes.
    public var encoded: [UInt8] {
        var writer = WireWriter()
        encode(to: &writer)
        return writer.finish()
    }
}
