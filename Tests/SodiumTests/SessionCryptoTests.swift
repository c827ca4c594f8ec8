import Basis
import Session
import Testing
import Trust

@testable import Sodium

/// Shows that the session cryptography meets its contract and standard vectors.
@Suite struct SessionCryptoTests {
    let crypto = SodiumSessionCrypto(key: SecretKey(seed: Bytes32(repeating: 1)))

    @Test func agreement() throws {
        let (a, b) = (Bytes32(repeating: 2), Bytes32(repeating: 3))
        let near = try #require(crypto.agree(seed: a, isInitiator: true, theirs: crypto.ephemeralKey(seed: b)))
        let far = try #require(crypto.agree(seed: b, isInitiator: false, theirs: crypto.ephemeralKey(seed: a)))
        #expect(near == far && near.initiatorToResponder != near.responderToInitiator)
        // Points of small order give a zero secret: refused.
        for low in [Bytes32.zero, Bytes32(w0: 1 << 56, w1: 0, w2: 0, w3: 0)] {
            #expect(crypto.agree(seed: a, isInitiator: true, theirs: low) == nil)
        }
    }

    /// Shows that only the same key, counter, associated data and bytes open a seal, and the nonce form of
    /// `gossip.md` 4.2: 4 zero bytes, then the counter.
    @Test func seals() {
        let key = Bytes32(repeating: 7)
        let sealed = crypto.seal([1, 2, 3], key: key, counter: 5, associated: [9])
        #expect(sealed.count == 19)
        #expect(crypto.open(sealed, key: key, counter: 5, associated: [9]) == [1, 2, 3])
        #expect(crypto.open(sealed, key: key, counter: 6, associated: [9]) == nil)
        #expect(crypto.open(sealed, key: key, counter: 5, associated: [8]) == nil)
        #expect(crypto.open(sealed, key: Bytes32(repeating: 8), counter: 5, associated: [9]) == nil)
        #expect(crypto.open(Array(sealed.prefix(15)), key: key, counter: 5, associated: [9]) == nil)
        let empty = crypto.seal([], key: key, counter: 0, associated: [])
        #expect(crypto.open(empty, key: key, counter: 0, associated: []) == [])
        for bit in 0..<sealed.count * 8 {
            var altered = sealed
            altered[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(crypto.open(altered, key: key, counter: 5, associated: [9]) == nil)
        }
        #expect(crypto.nonce(0x0102).hex == "000000000201000000000000")
    }

    @Test func streams() throws {
        let key = Bytes32(repeating: 4)
        var (sender, header) = crypto.streamSender(key: key)
        #expect(header.count == 24)
        var receiver = crypto.streamReceiver(key: key, header: header)
        let first = crypto.push([1], isFinal: false, with: &sender)
        let second = crypto.push([], isFinal: true, with: &sender)
        #expect(first.count == 18 && second.count == 17)
        var confused = receiver
        #expect(crypto.pull(second, with: &confused) == nil, "out of order")
        #expect(crypto.pull(first, with: &receiver) == PulledMessage(plaintext: [1], isFinal: false))
        var repeated = receiver
        #expect(crypto.pull(first, with: &repeated) == nil, "repeated")
        #expect(crypto.pull(second, with: &receiver) == PulledMessage(plaintext: [], isFinal: true))
        var foreign = crypto.streamReceiver(key: key, header: [UInt8](repeating: 0, count: 24))
        #expect(crypto.pull(first, with: &foreign) == nil)
        #expect(crypto.pull([], with: &foreign) == nil)
    }
}
