public import Basis

/// Appends values in the canonical encoding of `ledger.md` 1.1: fixed-width little-endian integers, u32 lengths, no
/// padding, fields in table order.
///
/// A writer never fails: what it is given was validated before. Reserve with `init(capacity:)` where the size is known.
public struct WireWriter: Sendable {
    public private(set) var bytes: [UInt8]

    public init(capacity: Int = 128) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    public var count: Int { bytes.count }

    @inlinable public mutating func u8(_ value: UInt8) { raw(value) }
    public mutating func u16(_ value: UInt16) { integer(value) }
    public mutating func u32(_ value: UInt32) { integer(value) }
    public mutating func u64(_ value: UInt64) { integer(value) }
    public mutating func i32(_ value: Int32) { integer(UInt32(bitPattern: value)) }
    public mutating func i64(_ value: Int64) { integer(UInt64(bitPattern: value)) }
    @inlinable public mutating func bool(_ value: Bool) { raw(value ? 1 : 0) }

    /// Bytes without a length: a fixed-size field.
    public mutating func fixed(_ value: some Collection<UInt8>) { bytes.append(contentsOf: value) }
    public mutating func bytes32(_ value: Bytes32) { value.append(to: &bytes) }
    public mutating func amount(_ value: CreditAmount) { u64(value.micro) }

    /// `bytes≤n`: u32 length, then the bytes.
    public mutating func bytes(_ value: some Collection<UInt8>) {
        u32(UInt32(value.count))
        bytes.append(contentsOf: value)
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

    @usableFromInline mutating func raw(_ byte: UInt8) { bytes.append(byte) }

    @usableFromInline mutating func integer<T: FixedWidthInteger & UnsignedInteger>(_ value: T) {
        unsafe withUnsafeBytes(of: value.littleEndian) { unsafe bytes.append(contentsOf: $0) }
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
        return writer.bytes
    }
}
