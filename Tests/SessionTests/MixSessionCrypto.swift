import Basis
import Session
import TestKit
import Trust

/// A stand-in for tests of the core: agreement is a sum of seeds' images, seals are a mix of key, counter and bytes.
/// Anything altered, repeated under another key, or meant for another party fails to open as in the real thing.
struct MixSessionCrypto: SessionCrypto {
    struct Stream: Sendable {
        var key: Bytes32
        var counter: UInt64 = 0
    }

    let key: MixSigner
    /// Signs, but not what is asked: for tests of forged proofs.
    var forges = false
    let hashing = MixHashing()

    init(seed: UInt64) { key = MixSigner(seed: seed) }

    var publicKey: PublicKey { key.publicKey }
    func sign(_ message: [UInt8]) -> Signature { key.sign(forges ? message + [0] : message) }
    func digest(_ bytes: [UInt8]) -> Digest { hashing.digest(bytes) }
    func isValid(_ signature: Signature, of message: [UInt8], by key: PublicKey) -> Bool {
        MixVerifier().isValid(signature, of: message, by: key)
    }
    func keyed(_ key: Bytes32, _ bytes: [UInt8]) -> Digest { hashing.digest(key.bytes + bytes) }

    /// The "public key" adds a constant to the seed's first word, so that both ends can find the sum of seeds.
    func ephemeralKey(seed: Bytes32) -> Bytes32 {
        Bytes32(w0: seed.w0 &+ 7, w1: seed.w1 &+ 7, w2: seed.w2, w3: seed.w3)
    }

    func agree(seed: Bytes32, isInitiator: Bool, theirs: Bytes32) -> AgreedKeys? {
        if theirs.isZero { return nil }
        let own = ephemeralKey(seed: seed)
        let shared = Bytes32(
            w0: own.w0 &+ theirs.w0, w1: own.w1 &+ theirs.w1, w2: own.w2 &+ theirs.w2,
            w3: own.w3 &+ theirs.w3)
        return AgreedKeys(
            initiatorToResponder: digest([1] + shared.bytes).raw,
            responderToInitiator: digest([2] + shared.bytes).raw)
    }

    private func tag(_ key: Bytes32, _ counter: UInt64, _ text: [UInt8], _ associated: [UInt8]) -> [UInt8] {
        let words = withUnsafeBytes(of: counter) { Array($0) }
        return digest(key.bytes + words + associated + [0xff] + text).bytes
    }

    func seal(_ plaintext: [UInt8], key: Bytes32, counter: UInt64, associated: [UInt8]) -> [UInt8] {
        plaintext.map { $0 ^ 0x5a } + tag(key, counter, plaintext, associated).prefix(16)
    }

    func open(_ sealed: [UInt8], key: Bytes32, counter: UInt64, associated: [UInt8]) -> [UInt8]? {
        if sealed.count < 16 { return nil }
        let plaintext = sealed.dropLast(16).map { $0 ^ 0x5a }
        return tag(key, counter, plaintext, associated).prefix(16) == sealed.suffix(16) ? plaintext : nil
    }

    func streamSender(key: Bytes32) -> (sender: Stream, header: [UInt8]) {
        (Stream(key: key), Array(digest(key.bytes).bytes.prefix(24)))
    }

    func streamReceiver(key: Bytes32, header: [UInt8]) -> Stream {
        // A foreign header gives a stream that opens nothing.
        Array(digest(key.bytes).bytes.prefix(24)) == header ? Stream(key: key) : Stream(key: .zero)
    }

    func push(_ plaintext: [UInt8], isFinal: Bool, with sender: inout Stream) -> [UInt8] {
        defer { sender.counter += 1 }
        return seal([isFinal ? 1 : 0] + plaintext, key: sender.key, counter: sender.counter, associated: [])
    }

    func pull(_ sealed: [UInt8], with receiver: inout Stream) -> PulledMessage? {
        guard let opened = open(sealed, key: receiver.key, counter: receiver.counter, associated: []),
            let first = opened.first
        else { return nil }
        receiver.counter += 1
        return PulledMessage(plaintext: Array(opened.dropFirst()), isFinal: first == 1)
    }
}
