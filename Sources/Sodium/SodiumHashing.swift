public import Basis
import CSodium
public import Trust

/// BLAKE2b-256 of libsodium: the hash of every network (`ledger.md` 1.2). 176 ns for 100 bytes.
public struct SodiumHashing: Hashing {
    public init() {}

    public func digest(_ bytes: [UInt8]) -> Digest { Digest(blake2b(bytes, key: [])) }

    /// `K(key, …)` of `gossip.md` 0 over exactly these bytes; the caller frames the domain tag.
    public func keyed(_ key: Bytes32, _ bytes: [UInt8]) -> Digest {
        Digest(blake2b(bytes, key: key.bytes))
    }
}

func blake2b(_ bytes: [UInt8], key: [UInt8]) -> Bytes32 {
    var out = [UInt8](repeating: 0, count: 32)
    let code = crypto_generichash(&out, 32, bytes, UInt64(bytes.count), key, key.count)
    guard code == 0, let raw = Bytes32(out) else {
        unreachable("crypto_generichash answered \(code) for \(bytes.count) bytes")
    }
    return raw
}
