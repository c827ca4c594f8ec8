public import Basis
public import Trust

/// The keys of both directions that a key agreement gives.
public struct AgreedKeys: Sendable, Hashable {
    public let initiatorToResponder: Bytes32
    public let responderToInitiator: Bytes32

    public init(initiatorToResponder: Bytes32, responderToInitiator: Bytes32) {
        self.initiatorToResponder = initiatorToResponder
        self.responderToInitiator = responderToInitiator
    }
}

/// One opened message of a sealed stream.
public struct PulledMessage: Sendable, Hashable {
    public let plaintext: [UInt8]
    /// Whether it carried the final tag: nothing follows.
    public let isFinal: Bool

    public init(plaintext: [UInt8], isFinal: Bool) {
        self.plaintext = plaintext
        self.isFinal = isFinal
    }
}

/// The cryptography of sessions (`gossip.md` 4.2, 5.1) as pure functions: production uses libsodium, tests and the
/// simulator a stand-in. `digest` is unkeyed BLAKE2b-256, `sign` signs with the identity key.
public protocol SessionCrypto: Hashing, Signing, Verifying {
    /// State of one direction of a sealed stream, sending.
    associatedtype StreamSender: Sendable
    /// State of one direction of a sealed stream, receiving.
    associatedtype StreamReceiver: Sendable

    /// Keyed BLAKE2b-256 over exactly these bytes.
    func keyed(_ key: Bytes32, _ bytes: [UInt8]) -> Digest

    /// The X25519 public key of the pair that `seed` gives.
    func ephemeralKey(seed: Bytes32) -> Bytes32

    /// `crypto_kx` of our pair and their key; nil if the shared secret is zero.
    func agree(seed: Bytes32, isInitiator: Bool, theirs: Bytes32) -> AgreedKeys?

    /// ChaCha20-Poly1305 (IETF), nonce = 4 zero bytes ‖ counter; 16 bytes longer than the plaintext.
    func seal(_ plaintext: [UInt8], key: Bytes32, counter: UInt64, associated: [UInt8]) -> [UInt8]

    /// Nil if the tag does not verify or `sealed` is shorter than a tag.
    func open(_ sealed: [UInt8], key: Bytes32, counter: UInt64, associated: [UInt8]) -> [UInt8]?

    /// Head and sealed plaintext as one packet; the head is what is associated.
    func packet(_ head: [UInt8], _ plaintext: [UInt8], key: Bytes32, counter: UInt64) -> [UInt8]

    /// What `packet` sealed behind its first `headBytes` bytes, which are there; nil as `open`.
    func open(packet: [UInt8], headBytes: Int, key: Bytes32, counter: UInt64) -> [UInt8]?

    /// A secretstream for one direction and its 24-byte header.
    ///
    /// The header follows from the key, which no other stream has: a nonce need not be random under a key of its own.
    func streamSender(key: Bytes32) -> (sender: StreamSender, header: [UInt8])

    /// The other end; `header` has 24 bytes.
    func streamReceiver(key: Bytes32, header: [UInt8]) -> StreamReceiver

    /// One message, 17 bytes longer than the plaintext.
    func push(_ plaintext: [UInt8], isFinal: Bool, with sender: inout StreamSender) -> [UInt8]

    /// Nil if the message does not open; the stream is then useless.
    func pull(_ sealed: [UInt8], with receiver: inout StreamReceiver) -> PulledMessage?
}

/// Sizes that every `SessionCrypto` has.
public enum SessionCryptoSizes {
    public static let sealBytes = 16
    public static let streamHeaderBytes = 24
    public static let streamMessageBytes = 17
}

extension SessionCrypto {
    public func packet(_ head: [UInt8], _ plaintext: [UInt8], key: Bytes32, counter: UInt64) -> [UInt8] {
        head + seal(plaintext, key: key, counter: counter, associated: head)
    }

    public func open(packet: [UInt8], headBytes: Int, key: Bytes32, counter: UInt64) -> [UInt8]? {
        open(Array(packet[headBytes...]), key: key, counter: counter, associated: Array(packet[..<headBytes]))
    }

    /// `K(key, tag, x)` of `gossip.md` 0.
    func keyed(_ key: Bytes32, _ tag: HashTag, _ bytes: [UInt8]) -> Bytes32 {
        keyed(key, tag.framed + bytes).raw
    }
}
