import Basis
public import Wire

/// An IP address and port, as peers name them on the wire (`gossip.md` 0): family u8, 4 or 16 address bytes, port u16.
public struct SocketAddress: Sendable, Hashable, Comparable {
    public enum Family: UInt8, Sendable, Comparable {
        case v4 = 4
        case v6 = 6
        public static func < (a: Family, b: Family) -> Bool { a.rawValue < b.rawValue }
    }

    public let family: Family
    /// The first 8 bytes of an IPv6 address, big-endian; 0 for IPv4.
    public let high: UInt64
    /// The last 8 bytes of an IPv6 address, or the 4 bytes of an IPv4 address, big-endian.
    public let low: UInt64
    /// 0 only in an address to bind to; never on the wire.
    public let port: UInt16

    /// `address` reads the four bytes big-endian: 127.0.0.1 is 0x7f000001.
    public init(v4 address: UInt32, port: UInt16) {
        self.init(family: .v4, high: 0, low: UInt64(address), port: port)
    }

    /// An IPv4-mapped address becomes the IPv4 address that it stands for, so one address has one form.
    public init(v6High high: UInt64, low: UInt64, port: UInt16) {
        if high == 0, low >> 32 == 0xffff {
            self.init(v4: UInt32(truncatingIfNeeded: low), port: port)
            return
        }
        self.init(family: .v6, high: high, low: low, port: port)
    }

    init(family: Family, high: UInt64, low: UInt64, port: UInt16) {
        self.family = family
        self.high = high
        self.low = low
        self.port = port
    }

    /// 4 or 16 address bytes in network order; nil for any other count.
    public init?(bytes: [UInt8], port: UInt16) {
        func word(_ slice: ArraySlice<UInt8>) -> UInt64 { slice.reduce(0) { $0 << 8 | UInt64($1) } }
        switch bytes.count {
        case 4: self.init(v4: UInt32(word(bytes[...])), port: port)
        case 16: self.init(v6High: word(bytes[..<8]), low: word(bytes[8...]), port: port)
        default: return nil
        }
    }

    /// The address bytes in network order: 4 or 16.
    public var addressBytes: [UInt8] {
        func bytes(_ word: UInt64, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * (count - 1 - $0))) }
        }
        return family == .v4 ? bytes(low, 4) : bytes(high, 8) + bytes(low, 8)
    }

    public func with(port: UInt16) -> SocketAddress {
        family == .v4
            ? SocketAddress(v4: UInt32(truncatingIfNeeded: low), port: port)
            : SocketAddress(v6High: high, low: low, port: port)
    }

    public static func < (a: SocketAddress, b: SocketAddress) -> Bool {
        if a.family != b.family { return a.family < b.family }
        if a.high != b.high { return a.high < b.high }
        if a.low != b.low { return a.low < b.low }
        return a.port < b.port
    }
}

extension SocketAddress: WireEncodable, WireDecodable {
    public func encode(to writer: inout WireWriter) {
        writer.u8(family.rawValue)
        encodeAddress(to: &writer)
        writer.u16(port)
    }

    /// The address alone: 4 or 16 bytes.
    func encodeAddress(to writer: inout WireWriter) {
        if family == .v4 { return writer.u32(UInt32(truncatingIfNeeded: low).byteSwapped) }
        writer.u64(high.byteSwapped)
        writer.u64(low.byteSwapped)
    }

    /// The address of a family alone; as `init(bytes:port:)`.
    init(family: Family, port: UInt16, from reader: inout WireReader) throws(WireError) {
        if family == .v4 {
            self.init(v4: try reader.u32().byteSwapped, port: port)
        } else {
            let high = try reader.u64().byteSwapped
            self.init(v6High: high, low: try reader.u64().byteSwapped, port: port)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let tag = try reader.u8()
        guard let family = Family(rawValue: tag) else { throw .unknownTag(UInt64(tag)) }
        let address = try SocketAddress(family: family, port: 0, from: &reader)
        let port = try reader.u16()
        guard address.family == family, port != 0 else { throw .outOfRange }
        self = address.with(port: port)
    }
}

extension SocketAddress {
    /// How far an address reaches (`gossip.md` 0). `invalid` is never dialled.
    public enum Scope: UInt8, Sendable, Comparable {
        case invalid, host, site, global
        public static func < (a: Scope, b: Scope) -> Bool { a.rawValue < b.rawValue }
    }

    public var scope: Scope {
        switch family {
        case .v4:
            let (a, b) = (low >> 24, low >> 16 & 0xff)
            if a == 0 || a >= 224 { return .invalid }
            if a == 127 { return .host }
            if a == 10 || (a == 172 && (16...31).contains(b)) || (a == 192 && b == 168)
                || (a == 169 && b == 254) || (a == 100 && (64...127).contains(b))
            {
                return .site
            }
            return .global
        case .v6:
            if high == 0 && low == 0 || high >> 56 == 0xff { return .invalid }
            if high == 0 && low == 1 { return .host }
            if high >> 57 == 0xfc >> 1 || isLinkLocal { return .site }
            return .global
        }
    }

    /// fe80::/10, which needs a zone and so is invalid in records.
    public var isLinkLocal: Bool { family == .v6 && high >> 54 == 0xfe80 >> 6 }

    /// What counts as one place for quotas: IPv4 /16 or IPv6 /32. Host and site addresses are their own groups.
    public var coarseGroup: AddressGroup { group(v4Bits: 16, v6Bits: 32) }
    /// IPv4 /24 or IPv6 /48; host and site addresses are their own groups.
    public var fineGroup: AddressGroup { group(v4Bits: 24, v6Bits: 48) }

    func group(v4Bits: UInt64, v6Bits: UInt64) -> AddressGroup {
        if scope < .global { return AddressGroup(base: self) }
        switch family {
        case .v4:
            let kept = (low >> (32 - v4Bits)) << (32 - v4Bits)
            return AddressGroup(base: SocketAddress(v4: UInt32(truncatingIfNeeded: kept), port: 0))
        case .v6:
            let kept = (high >> (64 - v6Bits)) << (64 - v6Bits)
            return AddressGroup(base: SocketAddress(v6High: kept, low: 0, port: 0))
        }
    }
}

/// Addresses that probably have one owner (`gossip.md` 0).
public struct AddressGroup: Sendable, Hashable, Comparable {
    let base: SocketAddress
    public static func < (a: AddressGroup, b: AddressGroup) -> Bool { a.base < b.base }
}
