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
public struct HashTag: Sendable, ExpressibleByStringLiteral {
    let text: StaticString

    /// The tag and its zero byte.
    public var framed: [UInt8] { text.octets + [0] }

    public init(stringLiteral text: StaticString) {
        let isTag = text.withUTF8Buffer { name in
            let count = name.count
            if count < 3 { return false }
            if unsafe name[count - 3] != 0x2f || name[count - 2] != 0x76 || name[count - 1] != 0x31 { return false }
            for i in 0..<count {
                let byte = unsafe name[i]
                if !(0x61...0x7a).contains(byte) && !(0x2f...0x39).contains(byte) && byte != 0x2d { return false }
            }
            return true
        }
        invariant(isTag, "hash tag \(text)")
        self.text = text
    }
}

extension Hashing {
    /// `H(tag, parts…)`: the parts are what `encode` writes, simply concatenated.
    public func hash(_ tag: HashTag, _ encode: (inout WireWriter) -> Void) -> Digest {
        var writer = WireWriter(capacity: 160)
        writer.tag(tag)
        encode(&writer)
        return digest(writer.finish())
    }

    /// `H(tag, bytes)`.
    public func hash(_ tag: HashTag, _ bytes: [UInt8]) -> Digest {
        var writer = WireWriter(capacity: 40 + bytes.count)
        writer.tag(tag)
        writer.fixed(bytes)
        return digest(writer.finish())
    }

    /// The id of the peer whose identity key this is.
    public func peerID(of key: PublicKey) -> PeerID {
        PeerID(hash("peernode/peer-id/v1") { $0.bytes32(key.raw) }.raw)
    }
}

extension WireWriter {
    mutating func tag(_ tag: HashTag) {
        tag.text.withUTF8Buffer { unsafe fixed($0) }
        u8(0)
    }
}
