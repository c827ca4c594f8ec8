import Basis
import Session
import Trust

/// One secret key of a world with everything that a node does with cryptography. Holding it is the only way to sign.
struct SimKey: SessionCrypto {
    /// One direction of a sealed stream.
    struct Stream: Sendable {
        var key: Bytes32
        var counter: UInt64 = 0
        var real: (any Sendable)?
    }

    let room: CryptoRoom
    private let seed: UInt64
    let publicKey: PublicKey

    init(room: CryptoRoom, seed: UInt64) {
        self.room = room
        self.seed = seed
        publicKey = room.publicKey(seed: seed)
    }

    func sign(_ message: [UInt8]) -> Signature { room.sign(message, seed: seed, key: publicKey) }

    func isValid(_ signature: Signature, of message: [UInt8], by key: PublicKey) -> Bool {
        room.isValid(signature, of: message, by: key)
    }

    func digest(_ bytes: [UInt8]) -> Digest {
        if room.isReal, let real = room.real { return real.digest(bytes) }
        return SimHashing().digest(bytes)
    }

    func keyed(_ key: Bytes32, _ bytes: [UInt8]) -> Digest {
        if room.isReal, let real = room.real { return real.keyed(key, bytes) }
        var sip = SipHash(key.w0, key.w1 ^ key.w2)
        sip.add(bytes)
        return Digest(SimHashing.spread(sip.finished()))
    }

    /// The "public key" adds a constant to the seed, so that both ends can find the sum of seeds.
    func ephemeralKey(seed: Bytes32) -> Bytes32 {
        if room.isReal, let real = room.real { return real.ephemeralKey(seed: seed) }
        return Bytes32(w0: seed.w0 &+ 7, w1: seed.w1 &+ 7, w2: seed.w2, w3: seed.w3)
    }

    func agree(seed: Bytes32, isInitiator: Bool, theirs: Bytes32) -> AgreedKeys? {
        if room.isReal, let real = room.real { return real.agree(seed: seed, isInitiator: isInitiator, theirs: theirs) }
        if theirs.isZero { return nil }
        let own = ephemeralKey(seed: seed)
        var sip = SipHash(room.secret, own.w0 &+ theirs.w0)
        sip.add(own.w1 &+ theirs.w1)
        sip.add(own.w2 &+ theirs.w2)
        let shared = sip.finished()
        return AgreedKeys(
            initiatorToResponder: SimHashing.spread(Seeding.mixed(shared ^ 1)),
            responderToInitiator: SimHashing.spread(Seeding.mixed(shared ^ 2)))
    }

    private func tag(_ key: Bytes32, _ counter: UInt64, _ text: [UInt8], _ associated: [UInt8]) -> UInt64 {
        var sip = SipHash(key.w0, key.w1)
        sip.add(counter)
        sip.add(associated)
        sip.add(text)
        return sip.finished()
    }

    func seal(_ plaintext: [UInt8], key: Bytes32, counter: UInt64, associated: [UInt8]) -> [UInt8] {
        if room.isReal, let real = room.real {
            return real.seal(plaintext, key: key, counter: counter, associated: associated)
        }
        var sealed: [UInt8] = []
        sealed.reserveCapacity(plaintext.count + SessionCryptoSizes.sealBytes)
        sealed.append(contentsOf: plaintext)
        finish(&sealed, tag(key, counter, plaintext, associated))
        return sealed
    }

    /// Appends the tag.
    private func finish(_ sealed: inout [UInt8], _ tag: UInt64) {
        let words = (tag.littleEndian, UInt64(0))
        unsafe withUnsafeBytes(of: words) { unsafe sealed.append(contentsOf: $0) }
    }

    func open(_ sealed: [UInt8], key: Bytes32, counter: UInt64, associated: [UInt8]) -> [UInt8]? {
        if room.isReal, let real = room.real {
            return real.open(sealed, key: key, counter: counter, associated: associated)
        }
        let length = sealed.count - SessionCryptoSizes.sealBytes
        if length < 0 || !endsInTag(sealed) { return nil }
        let plaintext = Array(sealed[..<length])
        return word(sealed, at: length) == tag(key, counter, plaintext, associated) ? plaintext : nil
    }

    func packet(_ head: [UInt8], _ plaintext: [UInt8], key: Bytes32, counter: UInt64) -> [UInt8] {
        if room.isReal, let real = room.real {
            return head + real.seal(plaintext, key: key, counter: counter, associated: head)
        }
        var packet: [UInt8] = []
        packet.reserveCapacity(head.count + plaintext.count + SessionCryptoSizes.sealBytes)
        packet.append(contentsOf: head)
        packet.append(contentsOf: plaintext)
        finish(&packet, tag(key, counter, plaintext, head))
        return packet
    }

    func open(packet: [UInt8], headBytes: Int, key: Bytes32, counter: UInt64) -> [UInt8]? {
        if room.isReal, let real = room.real {
            return real.open(
                Array(packet[headBytes...]), key: key, counter: counter, associated: Array(packet[..<headBytes]))
        }
        let end = packet.count - SessionCryptoSizes.sealBytes
        if end < headBytes || !endsInTag(packet) { return nil }
        var sip = SipHash(key.w0, key.w1)
        sip.add(counter)
        sip.add(packet, 0..<headBytes)
        sip.add(packet, headBytes..<end)
        return sip.finished() == word(packet, at: end) ? Array(packet[headBytes..<end]) : nil
    }

    /// Whether the second half of the seal is as `finish` makes it.
    private func endsInTag(_ sealed: [UInt8]) -> Bool { word(sealed, at: sealed.count - 8) == 0 }

    /// The little-endian word at a place; the bytes are there.
    private func word(_ bytes: [UInt8], at place: Int) -> UInt64 {
        unsafe bytes.withUnsafeBytes {
            UInt64(littleEndian: unsafe $0.loadUnaligned(fromByteOffset: place, as: UInt64.self))
        }
    }

    func streamSender(key: Bytes32) -> (sender: Stream, header: [UInt8]) {
        if room.isReal, let real = room.real {
            let made = real.streamSender(key: key)
            return (Stream(key: key, real: made.sender), made.header)
        }
        return (Stream(key: key), header(of: key))
    }

    func streamReceiver(key: Bytes32, header: [UInt8]) -> Stream {
        if room.isReal, let real = room.real {
            return Stream(key: key, real: real.streamReceiver(key: key, header: header))
        }
        // A foreign header gives a stream that opens nothing.
        return self.header(of: key) == header ? Stream(key: key) : Stream(key: .zero)
    }

    private func header(of key: Bytes32) -> [UInt8] {
        Array(SimHashing.spread(Seeding.mixed(key.w0 ^ 0x6865_6164)).bytes.prefix(SessionCryptoSizes.streamHeaderBytes))
    }

    func push(_ plaintext: [UInt8], isFinal: Bool, with sender: inout Stream) -> [UInt8] {
        if room.isReal, let real = room.real, var stream = sender.real {
            sender.real = nil
            defer { sender.real = stream }
            return real.push(plaintext, isFinal: isFinal, with: &stream)
        }
        defer { sender.counter += 1 }
        var sealed: [UInt8] = []
        sealed.reserveCapacity(plaintext.count + SessionCryptoSizes.streamMessageBytes)
        sealed.append(isFinal ? 1 : 0)
        sealed.append(contentsOf: plaintext)
        finish(&sealed, tag(sender.key, sender.counter, sealed, []))
        return sealed
    }

    func pull(_ sealed: [UInt8], with receiver: inout Stream) -> PulledMessage? {
        if room.isReal, let real = room.real, var stream = receiver.real {
            receiver.real = nil
            defer { receiver.real = stream }
            return real.pull(sealed, with: &stream)
        }
        let end = sealed.count - SessionCryptoSizes.sealBytes
        guard end > 0, endsInTag(sealed) else { return nil }
        var sip = SipHash(receiver.key.w0, receiver.key.w1)
        sip.add(receiver.counter)
        sip.add(sealed, 0..<0)
        sip.add(sealed, 0..<end)
        guard sip.finished() == word(sealed, at: end) else { return nil }
        receiver.counter += 1
        return PulledMessage(plaintext: Array(sealed[1..<end]), isFinal: sealed[0] == 1)
    }
}
