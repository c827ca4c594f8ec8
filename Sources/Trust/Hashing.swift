import Basis
public import Wire

/// Makes digests. Production uses BLAKE2b-256 of libsodium, the simulator a mix: cores see only this.
public protocol Hashing: Sendable {
    /// The digest of exactly these bytes, without a domain tag. Use `hash(_:_:)` unless the framing is already there.
    func digest(_ bytes: [UInt8]) -> Digest
}

/// A domain of hashes: `ASCII(tag) ‖ 0x00` before what is hashed (`ledger.md` 1.2).
///
/// Tags use only `a–z 0–9 / -` and end in `/v1`, so that no framed tag is a prefix of another.
public struct HashTag: Sendable, Hashable, ExpressibleByStringLiteral {
    public let framed: [UInt8]

    public init(stringLiteral text: StaticString) {
        let name = text.octets
        invariant(
            name.count >= 3 && name[(name.count - 3)...] == [0x2f, 0x76, 0x31]
                && name.allSatisfy {
                    (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2f
                        || $0 == 0x2d
                }, "hash tag \(text)")
        framed = name + [0]
    }
}

extension Hashing {
    /// `H(tag, parts…)`: the parts are what `encode` writes, simply concatenated.
    public func hash(_ tag: HashTag, _ encode: (inout WireWriter) -> Void) -> Digest {
        var writer = WireWriter(capacity: 160)
        writer.fixed(tag.framed)
        encode(&writer)
        return digest(writer.bytes)
    }

    /// `H(tag, bytes)`.
    public func hash(_ tag: HashTag, _ bytes: [UInt8]) -> Digest { digest(tag.framed + bytes) }

    /// The id of the peer whose identity key this is.
    public func peerID(of key: PublicKey) -> PeerID {
        PeerID(hash("peernode/peer-id/v1", key.bytes).raw)
    }
}
