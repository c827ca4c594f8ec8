import Basis
import Records
import TestKit
import Testing
import Trust
import Wire

@testable import Session

@Suite struct PacketTests {
    static let network = NetworkID(repeating: 0x5a)

    static func hello(_ carrier: Carrier = .datagram) -> Hello {
        Hello(
            network: network, limits: SessionLimits(), carrier: carrier,
            purpose: carrier == .datagram ? .datagram : .main, initiatorIndex: 0x0102_0304,
            ephemeral: Bytes32(repeating: 0xee), expected: PeerID(repeating: 0x11))
    }

    static var body: IdentityBody {
        IdentityBody(
            key: PublicKey(repeating: 1), signature: .zero, bootNonce: 0x0102_0304_0506_0708,
            unixMilliseconds: 9, observed: SocketAddress(v4: 0x7f00_0001, port: 7_717), features: 3,
            record: [7, 8])
    }

    static var accept: Accept {
        var accept = Accept(
            networkTag: NetworkTag(network), version: 1, initiatorIndex: 2, responderIndex: 3,
            ephemeral: Bytes32(repeating: 0xab))
        accept.sealed = [UInt8](repeating: 9, count: 20)
        return accept
    }

    static var confirm: Confirm {
        var confirm = Confirm(networkTag: NetworkTag(network), responderIndex: 3)
        confirm.sealed = [UInt8](repeating: 9, count: 20)
        return confirm
    }

    static func many(_ byte: String, _ count: Int) -> String { String(repeating: byte, count: count) }

    /// Shows the layouts of `gossip.md` 4.1 against bytes worked out by hand from its table.
    @Test func layouts() throws {
        let many = Self.many
        let clear = "d1" + "5a5a5a5a" + "0101" + "01" + "00" + "04030201" + many("ee", 32) + many("11", 32)
            + many("5a", 32)
        var hello = Self.hello()
        #expect(hello.encoded.hex == clear + many("00", 20 + 1_071))
        #expect(try Hello(decoding: hello.encoded, on: .datagram) == hello)
        hello.cookie = [UInt8](repeating: 0xcc, count: 20)
        #expect(hello.encoded.hex == clear + many("cc", 20))
        #expect(hello.transcriptBytes.hex == clear + many("00", 20))
        #expect(try Hello(decoding: hello.encoded, on: .datagram) == hello)
        #expect(Self.hello(.stream).encoded.hex == "d1" + "5a5a5a5a" + "0101" + "02" + "01"
            + clear.dropFirst(18) + many("00", 20))
        let retry = Retry(to: hello, cookie: hello.cookie, network: Self.network, limits: SessionLimits())
        #expect(retry.encoded.hex == "d2" + "5a5a5a5a" + "0101" + "04030201" + many("ee", 16)
            + many("cc", 20) + many("5a", 32) + "00")
        #expect(try retry.encoded.count == 80 && Retry(decoding: retry.encoded) == retry)
        let refuse = Refuse(to: hello, .busy, retrySeconds: 10, network: Self.network, limits: SessionLimits())
        #expect(refuse.encoded.hex == "d3" + "5a5a5a5a" + "0101" + "04030201" + many("ee", 16) + "04"
            + "0a00" + many("5a", 32))
        #expect(try refuse.encoded.count == 62 && Refuse(decoding: refuse.encoded) == refuse)
        #expect(Self.accept.encoded.hex == "d4" + "5a5a5a5a" + "01" + "02000000" + "03000000"
            + many("ab", 32) + many("09", 20))
        #expect(try Self.accept.clear.count == 46 && Accept(decoding: Self.accept.encoded) == Self.accept)
        #expect(Self.confirm.encoded.hex == "d5" + "5a5a5a5a" + "03000000" + many("09", 20))
        #expect(try Self.confirm.clear.count == 9 && Confirm(decoding: Self.confirm.encoded) == Self.confirm)
        let head = DataHead(networkTag: NetworkTag(Self.network), receiverIndex: 5, counter: 6)
        #expect(head.encoded.hex == "d6" + "5a5a5a5a" + "05000000" + "0600000000000000")
        let packet = head.encoded + [UInt8](repeating: 1, count: 17)
        #expect(DataHead(packet) == head && DataHead(packet.dropLast()) == nil)
        let unknown = Unknown(to: head, packet: packet)
        #expect(unknown.encoded.hex == "d7" + head.encoded.hex.dropFirst(2) + many("01", 12))
        #expect(try unknown.encoded.count == 29 && Unknown(decoding: unknown.encoded) == unknown)
        #expect(Self.body.encoded.hex == many("01", 32) + many("00", 64) + "0102030405060708"
            + "0900000000000000" + "047f000001251e" + "0300000000000000" + "0200" + "0708")
        #expect(try IdentityBody(decoding: Self.body.encoded) == Self.body)
        var largest = Self.body
        largest.observed = SocketAddress(v6High: 1 << 61, low: 1, port: 1)
        largest.record = [UInt8](repeating: 1, count: 242)
        #expect(largest.encoded.count == IdentityBody.bytesMax)
    }

    /// Shows each rule of the validity column by a Hello that breaks it alone.
    @Test func helloRules() {
        func refused(_ change: (inout Hello) -> Void, on carrier: Carrier = .datagram) -> Bool {
            var hello = Self.hello()
            change(&hello)
            return (try? Hello(decoding: hello.encoded, on: carrier)) == nil
        }
        #expect(!refused { _ in })
        #expect(refused({ _ in }, on: .stream))
        #expect(refused { $0.versionMin = 0 } && refused { $0.versionMin = 2 })
        #expect(refused { $0.purpose = .main } && refused { $0.initiatorIndex = 0 })
        #expect(refused { $0.network = .zero } && refused { $0.networkTag = .none })
        #expect(!refused { $0.network = .zero; $0.networkTag = .none })
        #expect(refused { $0.network = .zero; $0.networkTag = .none; $0.cookie[0] = 1 })
        var padded = Self.hello().encoded
        padded[1_199] = 1
        #expect((try? Hello(decoding: padded, on: .datagram)) == nil)
        #expect((try? Hello(decoding: Self.hello().shortBytes, on: .datagram)) == nil, "short without cookie")
        padded[1_199] = 0
        padded[109] = 1
        #expect((try? Hello(decoding: padded, on: .datagram)) == nil, "padded with cookie")
    }

    static let frames: [Frame] = [
        Frame(FlowID(17), .open(trafficClass: 5, service: 3, request: [1, 2], isLast: true)),
        Frame(FlowID(16), .data([9], isLast: false)),
        Frame(FlowID(2), .credit(65_536)),
        Frame(FlowID(16), .reset(code: 2)),
        Frame(FlowID(1), .firstFragment(number: 0x0301, total: 5, [1, 2], isLast: false)),
        Frame(FlowID(1), .fragment([3, 4, 5], isLast: true)),
        Frame(.control, .ping(nonce: 7)),
        Frame(.control, .pong(nonce: 7)),
        Frame(.control, .goAway(.idle, retrySeconds: 4, text: [0x68, 0x69])),
        Frame(.control, .datagram([0x0e, 0, 0])),
    ]

    @Test func frameLayouts() throws {
        let expected = [
            "010111000000" + "05" + "0300" + "0102", "020010000000" + "09", "030002000000" + "00000100",
            "040010000000" + "0200", "050201000000" + "0103" + "05000000" + "0102", "050101000000" + "030405",
            "060000000000" + "0700000000000000", "070000000000" + "0700000000000000",
            "080000000000" + "04" + "0400" + "0200" + "6869", "090000000000" + "0e0000",
        ]
        for (frame, hex) in zip(Self.frames, expected) {
            #expect(frame.encoded.hex == hex)
            #expect(try Frame(decoding: frame.encoded, bytesMax: 16_384) == frame)
        }
    }

    /// Shows that mutations of every packet and frame never trap and have one encoding when accepted.
    @Test func mutations() {
        var rng = SeededGenerator(seed: 21)
        var hello = Self.hello()
        hello.cookie[3] = 1
        let packets: [[UInt8]] = [
            hello.encoded, Self.hello(.stream).encoded,
            Retry(to: hello, cookie: hello.cookie, network: Self.network, limits: SessionLimits()).encoded,
            Refuse(to: hello, .policy, retrySeconds: 1, network: Self.network, limits: SessionLimits()).encoded,
            Self.accept.encoded, Self.confirm.encoded, Self.body.encoded,
            Unknown(
                to: DataHead(networkTag: .none, receiverIndex: 1, counter: 2),
                packet: [UInt8](repeating: 0, count: 40)
            ).encoded,
        ]
        let samples = packets + Self.frames.map(\.encoded)
        var accepted = 0
        for n in 0..<40_000 {
            let index = n % samples.count
            var bytes = samples[index]
            for _ in 0..<Int.random(in: 1...2, using: &rng) where !bytes.isEmpty {
                let at = Int.random(in: 0..<bytes.count, using: &rng)
                switch Int.random(in: 0..<5, using: &rng) {
                case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &rng)
                case 1: bytes[at] = [0, 1, 0x80, 0xff].randomElement(using: &rng) ?? 0
                case 2: bytes.removeLast(bytes.count - at)
                case 3: bytes.insert(0, at: at)
                default: bytes.remove(at: at)
                }
            }
            let encoded: [UInt8]? =
                switch index {
                case 0: (try? Hello(decoding: bytes, on: .datagram))?.encoded
                case 1: (try? Hello(decoding: bytes, on: .stream))?.encoded
                case 2: (try? Retry(decoding: bytes))?.encoded
                case 3: (try? Refuse(decoding: bytes))?.encoded
                case 4: (try? Accept(decoding: bytes))?.encoded
                case 5: (try? Confirm(decoding: bytes))?.encoded
                case 6: (try? IdentityBody(decoding: bytes))?.encoded
                case 7: (try? Unknown(decoding: bytes))?.encoded
                default: (try? Frame(decoding: bytes, bytesMax: 16_384))?.encoded
                }
            guard let encoded else { continue }
            accepted += 1
            #expect(encoded == bytes, "sample \(index)")
        }
        #expect(accepted > 5_000)
    }
}
