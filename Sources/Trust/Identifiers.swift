public import Basis
public import Wire

/// 32 bytes of one meaning. Each conforming type is its own kind, so a key cannot pass for a hash.
public protocol FixedBytes32: Sendable, Hashable, Comparable, WireEncodable, WireDecodable,
    CustomStringConvertible
{
    var raw: Bytes32 { get }
    init(_ raw: Bytes32)
}

extension FixedBytes32 {
    public static func < (a: Self, b: Self) -> Bool { a.raw < b.raw }
    public func encode(to writer: inout WireWriter) { writer.bytes32(raw) }
    public init(from reader: inout WireReader) throws(WireError) {
        self.init(try reader.bytes32())
    }
    public init?(_ bytes: some RandomAccessCollection<UInt8>) {
        guard let raw = Bytes32(bytes) else { return nil }
        self.init(raw)
    }
    public init?(hex: String) {
        guard let raw = Bytes32(hex: hex) else { return nil }
        self.init(raw)
    }
    /// `byte` 32 times.
    public init(repeating byte: UInt8) { self.init(Bytes32(repeating: byte)) }
    public static var zero: Self { Self(.zero) }
    public var isZero: Bool { raw.isZero }
    public var bytes: [UInt8] { raw.bytes }
    public var hex: String { raw.hex }
    public var description: String { String(raw.hex.prefix(12)) }
}

/// `h32`: a BLAKE2b-256 digest (`ledger.md` 1.2).
public struct Digest: FixedBytes32 {
    public let raw: Bytes32
    public init(_ raw: Bytes32) { self.raw = raw }
}

/// `key`: an Ed25519 public key. It names an account of the ledger; the key of an account that runs a node is the
/// node's identity key.
public struct PublicKey: FixedBytes32 {
    public let raw: Bytes32
    public init(_ raw: Bytes32) { self.raw = raw }
}

/// `H("peernode/peer-id/v1", key)`. Nothing else names a peer; addresses are hints (`gossip.md` 0).
public struct PeerID: FixedBytes32 {
    public let raw: Bytes32
    public init(_ raw: Bytes32) { self.raw = raw }

    /// One word of four: tables hold ids that follow from keys, and to find many keys whose ids share 64 bits of a
    /// digest is out of reach.
    public func hash(into hasher: inout Hasher) { hasher.combine(raw.w0) }
}

/// `H("peernode/genesis/v1", genesis bytes)`.
public struct NetworkID: FixedBytes32 {
    public let raw: Bytes32
    public init(_ raw: Bytes32) { self.raw = raw }
}

/// The content id of a blob (`compute.md` 6.1).
public struct BlobID: FixedBytes32 {
    public let raw: Bytes32
    public init(_ raw: Bytes32) { self.raw = raw }
}

/// Names a job: `H("peernode/job/v1", …)` of `ledger.md` 8.1.
public struct JobID: FixedBytes32 {
    public let raw: Bytes32
    public init(_ raw: Bytes32) { self.raw = raw }
}

/// Names an entry of the log by its unsigned bytes (`ledger.md` 6.1).
public struct TransactionID: FixedBytes32 {
    public let raw: Bytes32
    public init(_ raw: Bytes32) { self.raw = raw }
}

/// `sig`: 64 bytes of an Ed25519 signature, not yet verified.
public struct Signature: Sendable, Hashable, WireEncodable, WireDecodable {
    public let high: Bytes32
    public let low: Bytes32

    public init(high: Bytes32, low: Bytes32) {
        self.high = high
        self.low = low
    }

    public init?(_ bytes: [UInt8]) {
        guard bytes.count == 64, let high = Bytes32(bytes[..<32]), let low = Bytes32(bytes[32...])
        else { return nil }
        self.init(high: high, low: low)
    }

    public static let zero = Signature(high: .zero, low: .zero)
    public var bytes: [UInt8] { high.bytes + low.bytes }

    public func encode(to writer: inout WireWriter) {
        writer.bytes32(high)
        writer.bytes32(low)
    }
    public init(from reader: inout WireReader) throws(WireError) {
        self.init(high: try reader.bytes32(), low: try reader.bytes32())
    }
}
