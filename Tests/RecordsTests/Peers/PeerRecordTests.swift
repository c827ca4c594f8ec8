import Basis
import Records
import TestKit
import Testing
import Trust
import Wire

@Suite struct PeerRecordTests {
    static let network = NetworkID(repeating: 0x5a)
    static let key = MixSigner(seed: 4)
    static let v4 = Endpoint(SocketAddress(v4: 0x0102_0304, port: 7_717))
    static let v6 = Endpoint(SocketAddress(v6High: 0x2001_0db8 << 32, low: 1, port: 7_717), .stream)

    static func record(_ change: (inout UnsignedRecord) -> Void = { _ in }) -> UnsignedRecord {
        var record = UnsignedRecord(
            networkTag: NetworkTag(network), key: key.publicKey, sequence: 1_700_000_000_000,
            status: .acceptingWork, reach: .open, classes: 1, capabilityDigest: Digest(repeating: 2),
            capabilityBytes: 300, endpoints: [v6, v4])
        change(&record)
        return record
    }

    /// Shows the layout of `gossip.md` 3.3 and its sizes: one IPv4 166, IPv4 and IPv6 186, at most 242.
    @Test func layoutAndSizes() throws {
        let signed = Self.record().signed(by: Self.key, network: Self.network)
        let hex =
            "01" + "5a5a5a5a" + Self.key.publicKey.hex + "0068e5cf8b010000" + "a005" + "01" + "01" + "01" + "01"
            + "0100000000000000" + String(repeating: "02", count: 32) + "2c01" + "02"
            + "01" + "03" + "01020304" + "251e"
            + "02" + "02" + "20010db8000000000000000000000001" + "251e"
        #expect(signed.encoded.hex == hex + signed.signature.bytes.hex)
        #expect(signed.encoded.count == 186)
        #expect(try PeerRecord(decoding: signed.encoded) == signed)
        #expect(signed.isAuthentic(network: Self.network, by: MixVerifier()))
        #expect(!signed.isAuthentic(network: NetworkID(repeating: 1), by: MixVerifier()))
        let one = Self.record { $0.endpoints = [Self.v4] }.signed(by: Self.key, network: Self.network)
        #expect(one.encoded.count == 166)
        let relayed = (1...3).map {
            Endpoint(
                SocketAddress(v6High: 0x2001 << 48, low: $0, port: 1), .both, relay: PeerPrefix(word: 5))
        }
        let large = Self.record {
            $0.endpoints = relayed
            $0.reach = .relayed
        }.signed(by: Self.key, network: Self.network)
        #expect(large.encoded.count == PeerRecord.bytesMax)
        #expect(try PeerRecord(decoding: large.encoded) == large)
        #expect(throws: WireError.trailing(1)) { try PeerRecord(decoding: large.encoded + [0]) }
    }

    /// Shows that each rule of the validity column refuses a record that breaks it alone (GP-22, GP-23).
    @Test func validity() {
        func refused(_ change: (inout UnsignedRecord) -> Void) -> Bool {
            (try? UnsignedRecord(decoding: Self.record(change).encoded)) == nil
        }
        #expect(!refused { _ in })
        #expect(refused { $0.lifetimeMinutes = 0 } && refused { $0.lifetimeMinutes = 1_441 })
        #expect(refused { $0.status = UnsignedRecord.Status(rawValue: 32) })
        #expect(refused { $0.status = [.left, .draining]; $0.endpoints = [] })
        #expect(refused { $0.status = .left } && !refused { $0.status = .left; $0.endpoints = [] })
        #expect(refused { $0.protocolMin = 0 } && refused { $0.protocolMin = 2 })
        for bit: UInt64 in [7, 27, 38, 39, 56, 63] { #expect(refused { $0.classes = 1 << bit }) }
        for bit: UInt64 in [0, 26, 28, 37, 40, 55] { #expect(!refused { $0.classes = 1 << bit }) }
        #expect(refused { $0.capabilityBytes = 0 } && refused { $0.capabilityDigest = .zero })
        #expect(refused { $0.capabilityBytes = 8_193 })
        #expect(refused { $0.endpoints = [] } && !refused { $0.endpoints = []; $0.reach = .client })
        #expect(refused { $0.endpoints = [Self.v6, Self.v4] } && refused { $0.endpoints = [Self.v4, Self.v4] })
        #expect(refused { $0.endpoints = [Endpoint(Self.v4.address, relay: PeerPrefix(word: 1))] })
        #expect(refused { $0.endpoints = [Endpoint(SocketAddress(v4: 0x0102_0304, port: 0))] })
        #expect(refused { $0.endpoints = [Endpoint(SocketAddress(v4: 0xe000_0001, port: 1))] })
        #expect(refused { $0.endpoints = [Endpoint(SocketAddress(v6High: 0xfe80 << 48, low: 1, port: 1))] })
        #expect(refused { $0.endpoints = [Endpoint(Self.v4.address, [])] })
    }

    @Test func mutations() {
        var rng = SeededGenerator(seed: 3)
        let original = Self.record().signed(by: Self.key, network: Self.network).encoded
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = original
            PeerMutation.apply(to: &bytes, &rng)
            guard let record = try? PeerRecord(decoding: bytes) else { continue }
            accepted += 1
            #expect(record.encoded == bytes)
        }
        #expect(accepted > 1_000)
    }
}

@Suite struct SocketAddressTests {
    /// Shows text and bytes of addresses both ways.
    @Test(arguments: [
        ("127.0.0.1:7717", "047f000001251e"), ("0.0.0.1:1", "04000000010100"),
        ("[::1]:7717", "0600000000000000000000000000000001251e"),
        ("[2001:db8::1:0:0:5]:65535", "0620010db8000000000001000000000005ffff"),
        ("[fe80::]:2", "06fe8000000000000000000000000000000200"),
        ("[1:2:3:4:5:6:7:8]:9", "0600010002000300040005000600070008" + "0900"),
    ])
    func forms(_ text: String, _ hex: String) throws {
        let address = try #require(SocketAddress(text))
        #expect(address.description == text)
        #expect(address.encoded.hex == hex)
        #expect(try SocketAddress(decoding: address.encoded) == address)
    }

    @Test(arguments: [
        "", ":", "1.2.3:4", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:+5", "01.2.3.4:5", "1.2.3.256:5",
        "::1:7717", "[::1]", "[1.2.3.4]:5", "[::1:7]", "[1::2::3]:4", "[12345::]:4", "[1:2:3:4:5:6:7]:4",
        "[1:2:3:4:5:6:7:8:9]:4", "[:::]:4", "host:5", "[1:2:3:4:5:6:7::8]:4", "[::g]:1",
    ])
    func notAddresses(_ text: String) { #expect(SocketAddress(text) == nil) }

    /// Shows that one address has one form: an IPv4-mapped one becomes IPv4 and is refused on the wire.
    @Test func mapped() throws {
        let mapped = try #require(SocketAddress("[::ffff:1.2.3.4]:5"))
        #expect(mapped == SocketAddress(v4: 0x0102_0304, port: 5))
        let bytes = try #require([UInt8](hex: "0600000000000000000000ffff010203040500"))
        #expect(throws: WireError.outOfRange) { try SocketAddress(decoding: bytes) }
        #expect(throws: WireError.outOfRange) { try SocketAddress(decoding: [4, 1, 2, 3, 4, 0, 0]) }
    }

    @Test(arguments: [
        ("0.1.2.3", SocketAddress.Scope.invalid), ("224.0.0.1", .invalid), ("255.255.255.255", .invalid),
        ("127.9.9.9", .host), ("10.1.1.1", .site), ("172.16.0.1", .site), ("172.32.0.1", .global),
        ("192.168.3.4", .site), ("169.254.1.1", .site), ("100.64.0.1", .site), ("100.128.0.1", .global),
        ("8.8.8.8", .global), ("::", .invalid), ("::1", .host), ("fc00::1", .site), ("fdff::1", .site),
        ("ff02::1", .invalid), ("fe80::1", .site), ("2001:db8::1", .global),
    ])
    func scopes(_ host: String, _ scope: SocketAddress.Scope) {
        #expect(SocketAddress(host: host, port: 1)?.scope == scope)
    }

    @Test func groups() throws {
        func address(_ text: String) throws -> SocketAddress { try #require(SocketAddress(text)) }
        #expect(try address("8.8.1.1:1").coarseGroup == address("8.8.9.9:2").coarseGroup)
        #expect(try address("8.8.1.1:1").fineGroup == address("8.8.1.9:2").fineGroup)
        #expect(try address("8.8.1.1:1").fineGroup != address("8.8.2.1:1").fineGroup)
        #expect(try address("10.0.0.1:1").coarseGroup != address("10.0.0.1:2").coarseGroup)
        #expect(try address("[2001:db8:1::1]:1").coarseGroup == address("[2001:db8:2::]:1").coarseGroup)
        #expect(try address("[2001:db8:1::1]:1").fineGroup != address("[2001:db8:2::]:1").fineGroup)
    }
}
