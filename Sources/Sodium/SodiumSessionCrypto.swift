public import Basis
import CSodium
public import Session
public import Trust

/// The cryptography of sessions by libsodium: X25519 (`crypto_kx`), ChaCha20-Poly1305, secretstream, BLAKE2b, Ed25519.
public struct SodiumSessionCrypto: SessionCrypto {
    /// The state of one direction of a secretstream.
    public struct StreamState: @unchecked Sendable {
        // A plain C value without pointers; it is sent, never shared.
        var state: crypto_secretstream_xchacha20poly1305_state
    }

    let key: any Signing
    let hashing = SodiumHashing()
    let verifier = SodiumVerifier()

    /// - Parameter key: the identity key of this node.
    public init(key: any Signing) { self.key = key }

    public var publicKey: PublicKey { key.publicKey }
    public func sign(_ message: [UInt8]) -> Signature { key.sign(message) }
    public func digest(_ bytes: [UInt8]) -> Digest { hashing.digest(bytes) }
    public func keyed(_ key: Bytes32, _ bytes: [UInt8]) -> Digest { hashing.keyed(key, bytes) }
    public func isValid(_ signature: Signature, of message: [UInt8], by key: PublicKey) -> Bool {
        verifier.isValid(signature, of: message, by: key)
    }

    func pair(seed: Bytes32) -> (open: [UInt8], secret: [UInt8]) {
        var open = [UInt8](repeating: 0, count: 32)
        var secret = [UInt8](repeating: 0, count: 32)
        let code = crypto_kx_seed_keypair(&open, &secret, seed.bytes)
        invariant(code == 0, "crypto_kx_seed_keypair answered \(code)")
        return (open, secret)
    }

    func bytes32(_ bytes: [UInt8]) -> Bytes32 {
        guard let value = Bytes32(bytes) else { unreachable("\(bytes.count) bytes are not 32") }
        return value
    }

    public func ephemeralKey(seed: Bytes32) -> Bytes32 { bytes32(pair(seed: seed).open) }

    public func agree(seed: Bytes32, isInitiator: Bool, theirs: Bytes32) -> AgreedKeys? {
        var own = pair(seed: seed)
        defer { sodium_memzero(&own.secret, own.secret.count) }
        var receive = [UInt8](repeating: 0, count: 32)
        var send = [UInt8](repeating: 0, count: 32)
        let code =
            isInitiator
            ? crypto_kx_client_session_keys(&receive, &send, own.open, own.secret, theirs.bytes)
            : crypto_kx_server_session_keys(&receive, &send, own.open, own.secret, theirs.bytes)
        // -1: the shared secret is zero, so their key was of small order.
        if code != 0 { return nil }
        return AgreedKeys(
            initiatorToResponder: bytes32(isInitiator ? send : receive),
            responderToInitiator: bytes32(isInitiator ? receive : send))
    }

    func nonce(_ counter: UInt64) -> [UInt8] {
        [0, 0, 0, 0] + (0..<8).map { UInt8(truncatingIfNeeded: counter >> UInt64(8 * $0)) }
    }

    public func seal(
        _ plaintext: [UInt8], key: Bytes32, counter: UInt64, associated: [UInt8]
    ) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: plaintext.count + SessionCryptoSizes.sealBytes)
        var count: UInt64 = 0
        let code = crypto_aead_chacha20poly1305_ietf_encrypt(
            &out, &count, plaintext, UInt64(plaintext.count), associated, UInt64(associated.count), nil,
            nonce(counter), key.bytes)
        invariant(code == 0 && count == UInt64(out.count), "sealing gave \(code), \(count) bytes")
        return out
    }

    public func open(
        _ sealed: [UInt8], key: Bytes32, counter: UInt64, associated: [UInt8]
    ) -> [UInt8]? {
        if sealed.count < SessionCryptoSizes.sealBytes { return nil }
        var out = [UInt8](repeating: 0, count: sealed.count - SessionCryptoSizes.sealBytes)
        var count: UInt64 = 0
        let code = crypto_aead_chacha20poly1305_ietf_decrypt(
            &out, &count, nil, sealed, UInt64(sealed.count), associated, UInt64(associated.count),
            nonce(counter), key.bytes)
        return code == 0 ? out : nil
    }

    public func packet(_ head: [UInt8], _ plaintext: [UInt8], key: Bytes32, counter: UInt64) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(head.count + plaintext.count + SessionCryptoSizes.sealBytes)
        out.append(contentsOf: head)
        out.append(contentsOf: repeatElement(0, count: plaintext.count + SessionCryptoSizes.sealBytes))
        var count: UInt64 = 0
        let code = out.withUnsafeMutableBufferPointer { buffer in
            crypto_aead_chacha20poly1305_ietf_encrypt(
                buffer.baseAddress! + head.count, &count, plaintext, UInt64(plaintext.count), head, UInt64(head.count),
                nil, nonce(counter), key.bytes)
        }
        invariant(code == 0 && Int(count) == out.count - head.count, "sealing gave \(code), \(count) bytes")
        return out
    }

    public func open(packet: [UInt8], headBytes: Int, key: Bytes32, counter: UInt64) -> [UInt8]? {
        let sealedBytes = packet.count - headBytes
        if sealedBytes < SessionCryptoSizes.sealBytes { return nil }
        var out = [UInt8](repeating: 0, count: sealedBytes - SessionCryptoSizes.sealBytes)
        var count: UInt64 = 0
        let code = packet.withUnsafeBufferPointer { buffer in
            crypto_aead_chacha20poly1305_ietf_decrypt(
                &out, &count, nil, buffer.baseAddress! + headBytes, UInt64(sealedBytes), buffer.baseAddress!,
                UInt64(headBytes), nonce(counter), key.bytes)
        }
        return code == 0 ? out : nil
    }

    /// `init_push` of libsodium draws the header at random; the same state follows from `init_pull` with a header of
    /// our own, here derived from the key, which belongs to one direction of one connection alone.
    public func streamSender(key: Bytes32) -> (sender: StreamState, header: [UInt8]) {
        let header = Array(
            hashing.keyed(key, Array("peernode/stream-header/v1".utf8) + [0]).bytes.prefix(
                SessionCryptoSizes.streamHeaderBytes))
        return (streamReceiver(key: key, header: header), header)
    }

    public func streamReceiver(key: Bytes32, header: [UInt8]) -> StreamState {
        invariant(header.count == SessionCryptoSizes.streamHeaderBytes, "header of \(header.count) bytes")
        var state = crypto_secretstream_xchacha20poly1305_state()
        let code = crypto_secretstream_xchacha20poly1305_init_pull(&state, header, key.bytes)
        invariant(code == 0, "crypto_secretstream init answered \(code)")
        return StreamState(state: state)
    }

    static var finalTag: UInt8 { UInt8(crypto_secretstream_xchacha20poly1305_tag_final()) }
    static var messageTag: UInt8 { UInt8(crypto_secretstream_xchacha20poly1305_tag_message()) }

    public func push(_ plaintext: [UInt8], isFinal: Bool, with sender: inout StreamState) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: plaintext.count + SessionCryptoSizes.streamMessageBytes)
        var count: UInt64 = 0
        let code = crypto_secretstream_xchacha20poly1305_push(
            &sender.state, &out, &count, plaintext, UInt64(plaintext.count), nil, 0,
            isFinal ? Self.finalTag : Self.messageTag)
        invariant(code == 0 && count == UInt64(out.count), "push gave \(code), \(count) bytes")
        return out
    }

    public func pull(_ sealed: [UInt8], with receiver: inout StreamState) -> PulledMessage? {
        if sealed.count < SessionCryptoSizes.streamMessageBytes { return nil }
        var out = [UInt8](repeating: 0, count: sealed.count - SessionCryptoSizes.streamMessageBytes)
        var count: UInt64 = 0
        var tag: UInt8 = 0
        let code = crypto_secretstream_xchacha20poly1305_pull(
            &receiver.state, &out, &count, &tag, sealed, UInt64(sealed.count), nil, 0)
        if code != 0 || (tag != Self.finalTag && tag != Self.messageTag) { return nil }
        return PulledMessage(plaintext: out, isFinal: tag == Self.finalTag)
    }
}
