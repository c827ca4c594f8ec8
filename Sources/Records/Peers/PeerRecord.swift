import Basis
public import Trust
public import Wire

/// What a peer says about itself, before it signs (`gossip.md` 3.3).
public struct UnsignedRecord: Sendable, Hashable {
    public struct Status: OptionSet, Sendable, Hashable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let acceptingWork = Status(rawValue: 1)
        public static let draining = Status(rawValue: 2)
        /// The record is a leave: no other bit, no endpoints.
        public static let left = Status(rawValue: 4)
        public static let relaying = Status(rawValue: 8)
        public static let registrar = Status(rawValue: 16)
    }

    public enum Reach: UInt8, Sendable {
        case unknown = 0, open, punchable, relayed
        /// Outbound only.
        case client
    }

    /// First 4 bytes of the `NetworkID`.
    public var networkTag: NetworkTag
    public var key: PublicKey
    /// `max(last + 1, unixNow in ms)`.
    public var sequence: UInt64
    /// 1…1,440; the record dies at `sequence + lifetime`.
    public var lifetimeMinutes: UInt16
    public var status: Status
    public var reach: Reach
    /// Session protocol versions spoken; 1 ≤ min ≤ max.
    public var protocolMin: UInt8
    public var protocolMax: UInt8
    /// Capability bitmap of 11.1.
    public var classes: UInt64
    /// `H("peernode/capability/v1", document)`; zero exactly when `capabilityBytes` is 0.
    public var capabilityDigest: Digest
    public var capabilityBytes: UInt16
    /// At most 3, sorted bytewise.
    public var endpoints: [Endpoint]

    public init(
        networkTag: NetworkTag, key: PublicKey, sequence: UInt64, lifetimeMinutes: UInt16 = 1_440,
        status: Status = [], reach: Reach = .unknown, protocolMin: UInt8 = 1, protocolMax: UInt8 = 1,
        classes: UInt64 = 0, capabilityDigest: Digest = .zero, capabilityBytes: UInt16 = 0,
        endpoints: [Endpoint] = []
    ) {
        self.networkTag = networkTag
        self.key = key
        self.sequence = sequence
        self.lifetimeMinutes = lifetimeMinutes
        self.status = status
        self.reach = reach
        self.protocolMin = protocolMin
        self.protocolMax = protocolMax
        self.classes = classes
        self.capabilityDigest = capabilityDigest
        self.capabilityBytes = capabilityBytes
        self.endpoints = endpoints.sorted { $0.encoded.lexicographicallyPrecedes($1.encoded) }
    }

    public var isLeave: Bool { status.contains(.left) }

    /// The record with its author's signature.
    public func signed(by key: some Signing, network: NetworkID) -> PeerRecord {
        PeerRecord(self, signature: key.sign(.record, network: network, body: encoded))
    }
}

/// `NetworkTag`: the first 4 bytes of a `NetworkID`; all zero stands for "none yet".
public struct NetworkTag: Sendable, Hashable, Comparable, WireEncodable, WireDecodable {
    /// The bytes read big-endian.
    public let word: UInt32

    public init(_ id: NetworkID) { word = UInt32(truncatingIfNeeded: id.raw.w0 >> 32) }
    public static let none = NetworkTag(.zero)

    public static func < (a: NetworkTag, b: NetworkTag) -> Bool { a.word < b.word }
    public func encode(to writer: inout WireWriter) { writer.u32(word.byteSwapped) }
    public init(from reader: inout WireReader) throws(WireError) {
        word = try reader.u32().byteSwapped
    }
}

extension UnsignedRecord: WireEncodable, WireDecodable {
    /// Bits of 11.1 that have a meaning.
    static let classBits: UInt64 = 0x00ff_ff3f_f7ff_ff7f
    static let endpointsMax = 3
    static let capabilityDocumentBytesMax: UInt16 = 8_192

    public func encode(to writer: inout WireWriter) {
        writer.u8(1)
        writer.value(networkTag)
        writer.value(key)
        writer.u64(sequence)
        writer.u16(lifetimeMinutes)
        writer.u8(status.rawValue)
        writer.u8(reach.rawValue)
        writer.u8(protocolMin)
        writer.u8(protocolMax)
        writer.u64(classes)
        writer.value(capabilityDigest)
        writer.u16(capabilityBytes)
        writer.list8(endpoints) { $0.value($1) }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let version = try reader.u8()
        if version != 1 { throw .unknownTag(UInt64(version)) }
        networkTag = try reader.value()
        key = try reader.value()
        sequence = try reader.u64()
        lifetimeMinutes = try reader.u16()
        status = Status(rawValue: try reader.flags8(known: 0x1f))
        let reachTag = try reader.u8()
        guard let known = Reach(rawValue: reachTag) else { throw .unknownTag(UInt64(reachTag)) }
        reach = known
        protocolMin = try reader.u8()
        protocolMax = try reader.u8()
        classes = try reader.u64()
        capabilityDigest = try reader.value()
        capabilityBytes = try reader.u16()
        endpoints = try reader.list8(max: UnsignedRecord.endpointsMax) { (r) throws(WireError) in
            try r.value()
        }
        try check()
    }

    func check() throws(WireError) {
        if !(1...1_440).contains(lifetimeMinutes) || protocolMin < 1 || protocolMin > protocolMax
            || classes & ~UnsignedRecord.classBits != 0
            || capabilityBytes > UnsignedRecord.capabilityDocumentBytesMax
            || capabilityDigest.isZero != (capabilityBytes == 0)
        {
            throw .outOfRange
        }
        if isLeave ? status != .left || !endpoints.isEmpty
            : endpoints.isEmpty && reach != .client && reach != .unknown
        {
            throw .outOfRange
        }
        for endpoint in endpoints where endpoint.relay != nil && reach != .relayed { throw .outOfRange }
        if endpoints.count < 2 { return }
        var last: [UInt8]?
        for endpoint in endpoints {
            let bytes = endpoint.encoded
            if let last, !last.lexicographicallyPrecedes(bytes) { throw .unsorted }
            last = bytes
        }
    }
}

/// A member record: 158 bytes and its endpoints, at most 242 (`gossip.md` 3.3). Decoding does not check the signature.
///
/// Behind one reference, with its encoding: records lie in every row of every book, and are copied and sent on far more
/// often than they are made.
public struct PeerRecord: Sendable, Hashable, WireEncodable, WireDecodable {
    public static let bytesMin = 158
    /// 158 + 3 × 28.
    public static let bytesMax = 242

    /// A class, because that is what a reference is to; it never changes.
    private final class Parts: Sendable {
        let content: UnsignedRecord
        let signature: Signature
        let encoded: [UInt8]

        init(_ content: UnsignedRecord, _ signature: Signature) {
            self.content = content
            self.signature = signature
            var writer = WireWriter(capacity: PeerRecord.bytesMax)
            writer.value(content)
            writer.value(signature)
            encoded = writer.finish()
        }
    }

    private let parts: Parts

    public var content: UnsignedRecord { parts.content }
    public var signature: Signature { parts.signature }

    public init(_ content: UnsignedRecord, signature: Signature) { parts = Parts(content, signature) }

    public var key: PublicKey { parts.content.key }
    public var sequence: UInt64 { parts.content.sequence }
    /// The canonical bytes, made once.
    public var encoded: [UInt8] { parts.encoded }

    // The encoding is canonical: equal bytes are equal records.
    public static func == (a: PeerRecord, b: PeerRecord) -> Bool {
        a.parts === b.parts || a.parts.encoded.isSame(as: b.parts.encoded)
    }
    public func hash(into hasher: inout Hasher) { hasher.combine(parts.encoded) }

    /// The key in what may be the bytes of a record: behind version and network tag; nil if they are too few.
    public static func key(in bytes: [UInt8]) -> PublicKey? {
        var reader = WireReader(bytes)
        guard (try? reader.u8()) != nil, (try? reader.u32()) != nil else { return nil }
        return try? reader.value()
    }

    /// Whether the signature is that of the subject, in this network. One signature check.
    public func isAuthentic(network: NetworkID, by verifier: some Verifying) -> Bool {
        verifier.isValid(signature, .record, network: network, body: Array(parts.encoded.dropLast(64)), by: key)
    }

    public func encode(to writer: inout WireWriter) { writer.fixed(parts.encoded) }

    public init(from reader: inout WireReader) throws(WireError) {
        let content: UnsignedRecord = try reader.value()
        self.init(content, signature: try reader.value())
    }
}
