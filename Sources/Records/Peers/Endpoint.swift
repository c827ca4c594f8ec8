import Basis
public import Trust
public import Wire

/// The first 8 bytes of a `PeerID`, where a message has no room for all 32.
public struct PeerPrefix: Sendable, Hashable, Comparable, WireEncodable, WireDecodable {
    /// The bytes read big-endian, so that numeric order is byte order.
    public let word: UInt64

    public init(word: UInt64) { self.word = word }
    public init(_ id: PeerID) { word = id.raw.w0 }

    public static func < (a: PeerPrefix, b: PeerPrefix) -> Bool { a.word < b.word }
    public func encode(to writer: inout WireWriter) { writer.bigEndian(word) }
    public init(from reader: inout WireReader) throws(WireError) { word = try reader.bigEndianWord() }
}

/// The id of an item of `gossip.md` 12.2: the first 8 bytes of its hash.
public struct ItemID: Sendable, Hashable, Comparable, WireEncodable, WireDecodable {
    public let word: UInt64

    public init(word: UInt64) { self.word = word }

    public static func < (a: ItemID, b: ItemID) -> Bool { a.word < b.word }
    public func encode(to writer: inout WireWriter) { writer.bigEndian(word) }
    public init(from reader: inout WireReader) throws(WireError) { word = try reader.bigEndianWord() }
}

extension WireWriter {
    /// `bytes[8]` held as a word.
    mutating func bigEndian(_ word: UInt64) { u64(word.byteSwapped) }

    /// `list8<T>` of `gossip.md` 0: u8 count, then the elements.
    public mutating func list8<T>(_ items: [T], _ encode: (inout WireWriter, T) -> Void) {
        invariant(items.count <= 255, "list8 of \(items.count)")
        u8(UInt8(items.count))
        for item in items { encode(&self, item) }
    }

    /// `blob16`: u16 length, then the bytes.
    public mutating func blob16(_ value: [UInt8]) {
        invariant(value.count <= 65_535, "blob16 of \(value.count) bytes")
        u16(UInt16(value.count))
        fixed(value)
    }
}

extension WireReader {
    mutating func bigEndianWord() throws(WireError) -> UInt64 { try u64().byteSwapped }

    public mutating func list8<T>(
        max: Int, _ decode: (inout WireReader) throws(WireError) -> T
    ) throws(WireError) -> [T] {
        let n = try u8()
        if n > max { throw .tooLong(UInt64(n), max: max) }
        var items: [T] = []
        items.reserveCapacity(Int(n))
        for _ in 0..<n { items.append(try decode(&self)) }
        return items
    }

    public mutating func blob16(max: Int) throws(WireError) -> [UInt8] {
        let n = try u16()
        if n > max { throw .tooLong(UInt64(n), max: max) }
        return try fixed(Int(n))
    }

    /// Flags of which only the bits of `known` may be set.
    public mutating func flags8(known: UInt8) throws(WireError) -> UInt8 {
        let bits = try u8()
        if bits & ~known != 0 { throw .unknownTag(UInt64(bits)) }
        return bits
    }
}

/// Where a peer can be dialled (`gossip.md` 3.2): 8, 20, 16 or 28 bytes.
public struct Endpoint: Sendable, Hashable {
    public struct Transports: OptionSet, Sendable, Hashable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// UDP.
        public static let datagram = Transports(rawValue: 1)
        /// TCP, same port.
        public static let stream = Transports(rawValue: 2)
        public static let both: Transports = [.datagram, .stream]
    }

    /// Not empty.
    public let transports: Transports
    /// The peer's own address, or that of its relay.
    public let address: SocketAddress
    /// Set when the address is that of a relay (stage 2).
    public let relay: PeerPrefix?

    public init(_ address: SocketAddress, _ transports: Transports = .both, relay: PeerPrefix? = nil) {
        self.transports = transports
        self.address = address
        self.relay = relay
    }

    /// 1 IPv4, 2 IPv6, 3 and 4 the same through a relay.
    public var kind: UInt8 { (address.family == .v4 ? 1 : 2) + (relay == nil ? 0 : 2) }
}

extension Endpoint: WireEncodable, WireDecodable {
    public func encode(to writer: inout WireWriter) {
        writer.u8(kind)
        writer.u8(transports.rawValue)
        address.encodeAddress(to: &writer)
        writer.u16(address.port)
        if let relay { writer.value(relay) }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let kind = try reader.u8()
        if !(1...4).contains(kind) { throw .unknownTag(UInt64(kind)) }
        let transports = Transports(rawValue: try reader.u8())
        if !(1...3).contains(transports.rawValue) { throw .outOfRange }
        let family: SocketAddress.Family = kind % 2 == 1 ? .v4 : .v6
        let host = try SocketAddress(family: family, port: 0, from: &reader)
        let port = try reader.u16()
        guard port != 0, host.family == family, host.scope != .invalid, !host.isLinkLocal else { throw .outOfRange }
        let address = host.with(port: port)
        let relay: PeerPrefix? = kind > 2 ? try reader.value() : nil
        self.init(address, transports, relay: relay)
    }
}
