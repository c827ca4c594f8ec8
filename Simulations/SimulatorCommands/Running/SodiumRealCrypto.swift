import Basis
import Session
import Simulator
import Sodium
import Trust

/// Real signatures, seals and hashes for worlds of mode `real`: Ed25519, X25519, ChaCha20-Poly1305 and BLAKE2b by
/// libsodium, with keys that follow from seeds.
struct SodiumRealCrypto: RealCrypto {
    /// Secret keys by seed: each lies in guarded memory of its own, which is slow to get. One thread steps a world.
    private final class Keys: @unchecked Sendable {
        var bySeed: [UInt64: SecretKey] = [:]

        func secret(_ seed: UInt64) -> SecretKey {
            if let known = bySeed[seed] { return known }
            var rng = SeededGenerator(seed: seed)
            let made = SecretKey(seed: Bytes32(w0: rng.next(), w1: rng.next(), w2: rng.next(), w3: rng.next()))
            bySeed[seed] = made
            return made
        }
    }

    private let keys = Keys()
    private let any: SodiumSessionCrypto

    init() { any = SodiumSessionCrypto(key: keys.secret(0)) }

    func publicKey(seed: UInt64) -> PublicKey { keys.secret(seed).publicKey }
    func sign(_ message: [UInt8], seed: UInt64) -> Signature { keys.secret(seed).sign(message) }
    func isValid(_ signature: Signature, of message: [UInt8], by key: PublicKey) -> Bool {
        any.isValid(signature, of: message, by: key)
    }
    func digest(_ bytes: [UInt8]) -> Digest { any.digest(bytes) }
    func keyed(_ key: Bytes32, _ bytes: [UInt8]) -> Digest { any.keyed(key, bytes) }
    func ephemeralKey(seed: Bytes32) -> Bytes32 { any.ephemeralKey(seed: seed) }
    func agree(seed: Bytes32, isInitiator: Bool, theirs: Bytes32) -> AgreedKeys? {
        any.agree(seed: seed, isInitiator: isInitiator, theirs: theirs)
    }
    func seal(_ plaintext: [UInt8], key: Bytes32, counter: UInt64, associated: [UInt8]) -> [UInt8] {
        any.seal(plaintext, key: key, counter: counter, associated: associated)
    }
    func open(_ sealed: [UInt8], key: Bytes32, counter: UInt64, associated: [UInt8]) -> [UInt8]? {
        any.open(sealed, key: key, counter: counter, associated: associated)
    }
    func streamSender(key: Bytes32) -> (sender: any Sendable, header: [UInt8]) {
        let made = any.streamSender(key: key)
        return (made.sender, made.header)
    }
    func streamReceiver(key: Bytes32, header: [UInt8]) -> any Sendable {
        any.streamReceiver(key: key, header: header)
    }
    func push(_ plaintext: [UInt8], isFinal: Bool, with sender: inout any Sendable) -> [UInt8] {
        guard var state = sender as? SodiumSessionCrypto.StreamState else { return [] }
        defer { sender = state }
        return any.push(plaintext, isFinal: isFinal, with: &state)
    }
    func pull(_ sealed: [UInt8], with receiver: inout any Sendable) -> PulledMessage? {
        guard var state = receiver as? SodiumSessionCrypto.StreamState else { return nil }
        defer { receiver = state }
        return any.pull(sealed, with: &state)
    }
}
