import Basis
public import Trust

/// A hash for tests of pure modules: a 64-bit mix spread over 32 bytes, as in the simulator. Not for secrets.
public struct MixHashing: Hashing {
    public init() {}

    public func digest(_ bytes: [UInt8]) -> Digest {
        var state: UInt64 = 0xcbf2_9ce4_8422_2325 ^ UInt64(bytes.count)
        for byte in bytes { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        func mix(_ k: UInt64) -> UInt64 {
            var z = state &+ k &* 0x9e37_79b9_7f4a_7c15
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
        return Digest(Bytes32(w0: mix(1), w1: mix(2), w2: mix(3), w3: mix(4)))
    }
}

/// A signer whose signature is a hash of key and message: any holder of the public key could make it, so it stands in
/// only where nobody forges on purpose.
public struct MixSigner: Signing {
    public let publicKey: PublicKey

    public init(seed: UInt64) {
        publicKey = PublicKey(MixHashing().digest(Array("key".utf8) + Array(String(seed).utf8)).raw)
    }

    public func sign(_ message: [UInt8]) -> Signature {
        MixVerifier.tag(message, publicKey)
    }
}

public struct MixVerifier: Verifying {
    public init() {}

    static func tag(_ message: [UInt8], _ key: PublicKey) -> Signature {
        let once = MixHashing().digest(key.bytes + message)
        return Signature(high: once.raw, low: MixHashing().digest(once.bytes).raw)
    }

    public func isValid(_ signature: Signature, of message: [UInt8], by key: PublicKey) -> Bool {
        signature == MixVerifier.tag(message, key)
    }
}
