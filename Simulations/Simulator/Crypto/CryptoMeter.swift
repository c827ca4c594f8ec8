import Trust

/// Counts the cryptography of one call into a core, and keeps what was signed: a world reads it right after the call.
///
/// A class, because a core's crypto is a value that cannot change; a world and its copies use it one after another on
/// one thread, and every call begins with `begin`, so what an earlier call left is never read.
final class CryptoMeter: @unchecked Sendable {
    /// One signature that somebody made.
    struct Signed: Sendable {
        let key: PublicKey
        let message: [UInt8]
    }

    private(set) var signs = 0
    private(set) var verifies = 0
    private(set) var signed: [Signed] = []

    func begin() {
        signs = 0
        verifies = 0
        if !signed.isEmpty { signed.removeAll(keepingCapacity: true) }
    }

    func noteSign(_ key: PublicKey, _ message: [UInt8]) {
        signs += 1
        signed.append(Signed(key: key, message: message))
    }

    func noteVerify() { verifies += 1 }
}
