import Basis
import Session
import Simulator
import Sodium
import Synchronization
import Trust

/// Real signatures, seals and hashes for worlds of mode `real`: Ed25519, X25519, ChaCha20-Poly1305 and BLAKE2b by
/// libsodium, with keys that follow from seeds.
struct SodiumRealCrypto: RealCrypto {
    private static let any = SodiumSessionCrypto(key: SodiumRealCrypto.secret(0))

    private static func secret(_ seed: UInt64) -> SecretKey {
        var rng = SeededGenerator(seed: seed)
        return SecretKey(seed: Bytes32(w0: rng.next(), w1: rng.next(), w2: rng.next(), w3: rng.next()))
    }

    func publicKey(seed: UInt64) -> PublicKey { SodiumRealCrypto.secret(seed).publicKey }
    func sign(_ message: [UInt8], seed: UInt64) -> Signature { SodiumRealCrypto.secret(seed).sign(message) }
    func isValid(_ signature: Signature, of message: [UInt8], by key: PublicKey) -> Bool {
        SodiumRealCrypto.any.isValid(signature, of: message, by: key)
    }
    func digest(_ bytes: [UInt8]) -> Digest { SodiumRealCrypto.any.digest(bytes) }
    func keyed(_ key: Bytes32, _ bytes: [UInt8]) -> Digest { SodiumRealCrypto.any.keyed(key, bytes) }
    func ephemeralKey(seed: Bytes32) -> Bytes32 { SodiumRealCrypto.any.ephemeralKey(seed: seed) }
    func agree(seed: Bytes32, isInitiator: Bool, theirs: Bytes32) -> AgreedKeys? {
        SodiumRealCrypto.any.agree(seed: seed, isInitiator: isInitiator, theirs: theirs)
    }
    func seal(_ plaintext: [UInt8], key: Bytes32, counter: UInt64, associated: [UInt8]) -> [UInt8] {
        SodiumRealCrypto.any.seal(plaintext, key: key, counter: counter, associated: associated)
    }
    func open(_ sealed: [UInt8], key: Bytes32, counter: UInt64, associated: [UInt8]) -> [UInt8]? {
        SodiumRealCrypto.any.open(sealed, key: key, counter: counter, associated: associated)
    }
    func streamSender(key: Bytes32) -> (sender: any Sendable, header: [UInt8]) {
        let made = SodiumRealCrypto.any.streamSender(key: key)
        return (made.sender, made.header)
    }
    func streamReceiver(key: Bytes32, header: [UInt8]) -> any Sendable {
        SodiumRealCrypto.any.streamReceiver(key: key, header: header)
    }
    func push(_ plaintext: [UInt8], isFinal: Bool, with sender: inout any Sendable) -> [UInt8] {
        guard var state = sender as? SodiumSessionCrypto.StreamState else { return [] }
        defer { sender = state }
        return SodiumRealCrypto.any.push(plaintext, isFinal: isFinal, with: &state)
    }
    func pull(_ sealed: [UInt8], with receiver: inout any Sendable) -> PulledMessage? {
        guard var state = receiver as? SodiumSessionCrypto.StreamState else { return nil }
        defer { receiver = state }
        return SodiumRealCrypto.any.pull(sealed, with: &state)
    }
}
