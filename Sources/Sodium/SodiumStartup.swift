public import Basis
import CSodium
import Trust

/// Why the cryptography of this machine cannot be used. Nothing was started.
public enum SodiumError: Error, Hashable, Sendable, CustomStringConvertible {
    /// `sodium_init` failed: no source of randomness.
    case unavailable
    /// A vector of the start-up self-test came out differently (`ledger.md` 1.3).
    case selfTest(String)

    public var description: String {
        switch self {
        case .unavailable: "libsodium did not start: this machine gives it no source of randomness"
        case .selfTest(let name):
            "libsodium decides differently from this network (self-test \"\(name)\"): "
                + "install libsodium 1.0.18 or a build of the same verdict"
        }
    }
}

/// Starts libsodium and compares its verdicts with the vectors of every rule of `ledger.md` 1.3.
///
/// Call it once before anything else of this module; further calls repeat the test and are harmless. About 2 ms.
/// A process that gets an error must not go on: it would disagree with its network on what is signed.
public func sodiumReady() throws(SodiumError) {
    if sodium_init() < 0 { throw .unavailable }
    let empty = SodiumHashing().hash("peernode/empty/v1", [])
    if empty.hex != selfTestEmptyHash { throw .selfTest("BLAKE2b-256") }
    try selfTest(SodiumVerifier())
}

/// The vectors against any verifier, so that tests can show that a wrong verdict is refused.
func selfTest(_ verifier: some Verifying) throws(SodiumError) {
    for vector in VerdictVector.all {
        guard let key = PublicKey(hex: vector.key), let bytes = [UInt8](hex: vector.signature),
            let signature = Signature(bytes)
        else { unreachable("self-test vector \(vector.name) is not hexadecimal") }
        let found = verifier.isValid(signature, of: Array(vector.message.utf8), by: key)
        if found != vector.isValid { throw .selfTest(vector.name) }
    }
}

/// `count` bytes of the system's randomness.
public func randomBytes(_ count: Int) -> [UInt8] {
    var out = [UInt8](repeating: 0, count: count)
    randombytes_buf(&out, count)
    return out
}

/// 32 bytes of the system's randomness: a seed of an ephemeral key, a ticket, a nonce.
public func randomSeed() -> Bytes32 {
    guard let seed = Bytes32(randomBytes(32)) else { unreachable("32 random bytes") }
    return seed
}
