import CSodium
public import Trust

/// Ed25519 by the one verdict of `ledger.md` 1.3. 34 µs each.
///
/// `crypto_sign_verify_detached` of libsodium 1.0.18 gives exactly that verdict: it refuses S ≥ group order, R of
/// small order, A of small order or not canonical, and compares R bytewise without cofactor. Other versions and
/// builds (`ED25519_COMPAT`) differ, so `sodiumReady()` holds the library to vectors of each rule before anything
/// trusts it.
public struct SodiumVerifier: Verifying {
    public init() {}

    public func isValid(_ signature: Signature, of message: [UInt8], by key: PublicKey) -> Bool {
        crypto_sign_verify_detached(
            signature.bytes, message, UInt64(message.count), key.bytes) == 0
    }
}
