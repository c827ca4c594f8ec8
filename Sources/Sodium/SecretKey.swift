public import Basis
import CSodium
public import Trust

/// One Ed25519 secret key in guarded memory of libsodium: not swapped, not in core dumps, wiped when let go.
///
/// A class because the memory has an identity and an end. It is written in `init` alone and read-only afterwards
/// (also to the processor), so every thread may sign with it.
public final class SecretKey: Signing, @unchecked Sendable {
    /// 64 bytes as libsodium wants them: seed, then public key.
    let memory: UnsafeMutablePointer<UInt8>
    public let publicKey: PublicKey

    /// The key of a 32-byte seed. The same seed gives the same key for ever.
    ///
    /// The caller's copy of the seed stays in the caller's memory; prefer `random()` and `load(from:)`.
    public convenience init(seed: Bytes32) {
        var bytes = seed.bytes
        defer { sodium_memzero(&bytes, bytes.count) }
        self.init(seedAt: bytes)
    }

    init(seedAt seed: UnsafePointer<UInt8>) {
        // Guarded memory needs the page size and canary that `sodium_init` finds; further calls cost nothing.
        let ready = sodium_init()
        invariant(ready >= 0, "libsodium answered \(ready): call sodiumReady() first")
        guard let raw = sodium_malloc(Int(crypto_sign_SECRETKEYBYTES)) else {
            unreachable("no memory for a secret key")
        }
        memory = raw.assumingMemoryBound(to: UInt8.self)
        var open = [UInt8](repeating: 0, count: 32)
        let code = crypto_sign_seed_keypair(&open, memory, seed)
        guard code == 0, let key = PublicKey(open) else {
            unreachable("crypto_sign_seed_keypair answered \(code)")
        }
        publicKey = key
        sodium_mprotect_readonly(raw)
    }

    /// A new key from the system's randomness.
    public static func random() -> SecretKey {
        var seed = randomBytes(32)
        defer { sodium_memzero(&seed, seed.count) }
        return SecretKey(seedAt: seed)
    }

    /// 12 µs.
    public func sign(_ message: [UInt8]) -> Signature {
        var out = [UInt8](repeating: 0, count: 64)
        let code = crypto_sign_detached(&out, nil, message, UInt64(message.count), memory)
        guard code == 0, let signature = Signature(out) else {
            unreachable("crypto_sign_detached answered \(code)")
        }
        return signature
    }

    /// The 32-byte seed, for an export that the owner asked for.
    public func exportSeed() -> Bytes32 {
        guard let seed = Bytes32(UnsafeBufferPointer(start: memory, count: 32)) else {
            unreachable("a seed has 32 bytes")
        }
        return seed
    }

    /// `sodium_free` wipes before it frees.
    deinit { sodium_free(memory) }
}
