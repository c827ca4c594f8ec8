public import Basis
public import Session
public import Trust

/// Real cryptography behind a world, handed over by the shell (`simulation.md` 8, mode `real`). Keys follow from seeds,
/// so that a run can be repeated.
public protocol RealCrypto: Sendable {
    func publicKey(seed: UInt64) -> PublicKey
    func sign(_ message: [UInt8], seed: UInt64) -> Signature
    func isValid(_ signature: Signature, of message: [UInt8], by key: PublicKey) -> Bool
    func digest(_ bytes: [UInt8]) -> Digest
    func keyed(_ key: Bytes32, _ bytes: [UInt8]) -> Digest
    func ephemeralKey(seed: Bytes32) -> Bytes32
    func agree(seed: Bytes32, isInitiator: Bool, theirs: Bytes32) -> AgreedKeys?
    func seal(_ plaintext: [UInt8], key: Bytes32, counter: UInt64, associated: [UInt8]) -> [UInt8]
    func open(_ sealed: [UInt8], key: Bytes32, counter: UInt64, associated: [UInt8]) -> [UInt8]?
    /// Streams are values of the shell's own types.
    func streamSender(key: Bytes32) -> (sender: any Sendable, header: [UInt8])
    func streamReceiver(key: Bytes32, header: [UInt8]) -> any Sendable
    func push(_ plaintext: [UInt8], isFinal: Bool, with sender: inout any Sendable) -> [UInt8]
    func pull(_ sealed: [UInt8], with receiver: inout any Sendable) -> PulledMessage?
}

/// What the cryptography of one world shares: its secret, or the real thing.
///
/// In mode `sim` a signature is a SipHash tag under a secret that follows from the world's secret and the key, so only
/// code that was given a `SimKey` can make one: forging is impossible by construction.
struct CryptoRoom: Sendable {
    let secret: UInt64
    let real: (any RealCrypto)?
    /// Whether there is `real`: it is copied to be looked at.
    let isReal: Bool
    let meter: CryptoMeter
    /// A planted bug: zero passes for a signature of a transaction.
    let isLax: Bool

    init(seed: UInt64, real: (any RealCrypto)?, isLax: Bool = false) {
        self.isLax = isLax
        secret = seed
        self.real = real
        isReal = real != nil
        meter = CryptoMeter()
    }

    func publicKey(seed: UInt64) -> PublicKey {
        if let real { return real.publicKey(seed: seed) }
        return PublicKey(SimHashing.spread(Seeding.mixed(seed ^ 0x6b65_7900)))
    }

    func sign(_ message: [UInt8], seed: UInt64, key: PublicKey) -> Signature {
        meter.noteSign(key, message)
        if isReal, let real { return real.sign(message, seed: seed) }
        return tag(message, key)
    }

    func isValid(_ signature: Signature, of message: [UInt8], by key: PublicKey) -> Bool {
        meter.noteVerify()
        if isLax, signature == .zero { return true }
        return isSigned(signature, message, by: key)
    }

    /// What checkers ask: nothing is planted here.
    func isSigned(_ signature: Signature, _ message: [UInt8], by key: PublicKey) -> Bool {
        if isReal, let real { return real.isValid(signature, of: message, by: key) }
        return signature == tag(message, key)
    }

    private func tag(_ message: [UInt8], _ key: PublicKey) -> Signature {
        var sip = SipHash(secret ^ key.raw.w0, key.raw.w1)
        sip.add(message)
        let once = sip.finished()
        return Signature(
            high: Bytes32(w0: once, w1: Seeding.mixed(once), w2: 0, w3: 0), low: .zero)
    }
}

/// The digests of mode `sim`: 64 bits, spread over 32 bytes.
struct SimHashing: Hashing {
    func digest(_ bytes: [UInt8]) -> Digest {
        var sip = SipHash(0x6469_6765_7374_0001, 0x7065_6572_6e6f_6465)
        sip.add(bytes)
        return Digest(SimHashing.spread(sip.finished()))
    }

    static func spread(_ word: UInt64) -> Bytes32 {
        let second = Seeding.mixed(word)
        return Bytes32(w0: word, w1: second, w2: second &* 0x9e37_79b9_7f4a_7c15, w3: word ^ second)
    }
}
