import Basis
import Records
import TestKit
import Testing
import Trust
import Wire

/// Samples of every peer message, for vectors and mutations.
enum PeerSamples {
    static let tip = ChainTip(height: 0x0102, hashPrefix: 0x1122_3344_5566_7788, checkpointHeight: 3)

    static let messages: [PeerMessage] = [
        .ping(Ping(
            probe: 7, sinceHeard: 65_535, flags: [.linked, .helper], health: 3, mySequence: 9,
            yourSequence: 10, tip: tip)),
        .ack(Ack(probe: 7, flags: [.linked], health: 1, mySequence: 9, yourSequence: 10, tip: tip)),
        .pingRequest(PingRequest(probe: 8, target: PeerID(repeating: 0xaa), roundMilliseconds: 1_500)),
        .indirectAck(IndirectAck(
            probe: 8, target: PeerPrefix(word: 0xaaaa), verdict: .overBudget, rttMilliseconds: 20)),
        .linkRequest(linkCount: 24, isLowPriority: true),
        .linkAccept(linkCount: 0),
        .linkRefuse(.draining, retrySeconds: 3_600),
        .linkClose(.expired, retrySeconds: 60),
        .pull(Pull(
            request: 5, want: 16, start: PeerPrefix(word: .max - 1), end: PeerPrefix(word: 4),
            known: [
                .init(prefix: PeerPrefix(word: .max), sequence: 0x0001_2233_4455_6677),
                .init(prefix: PeerPrefix(word: 2), sequence: 1),
            ])),
        .records(RecordsPart(
            request: 5, part: 1, parts: 2, purpose: .forward, hops: 2, records: [[1, 2], []],
            ask: [PeerPrefix(word: 1)])),
        .find(request: 6, ids: [PeerID(repeating: 1), PeerID(repeating: 2)]),
        .doubt(target: PeerID(repeating: 3), sequence: 12),
        .goodbye(.stopping),
        .ready,
        .have(itemKind: 3, .receiving, ids: [ItemID(word: 0x0102_0304_0506_0708)]),
        .want(ids: [ItemID(word: 1), ItemID(word: 1)]),
        .item(ItemMessage(itemKind: 3, hops: 12, id: ItemID(word: 9), body: [5, 6])),
        .appDatagram(AppDatagram(trafficClass: 4, number: 0x0401, body: [1])),
    ]
}

@Suite struct PeerMessageTests {
    /// Shows the layout of each message of `gossip.md` 6 against bytes worked out by hand from its table.
    @Test func layouts() throws {
        let ff8 = "ffffffffffffffff"
        let tip = "0201000000000000" + "1122334455667788" + "0300000000000000"
        let expected = [
            "013000" + "07000000" + "ffff" + "05" + "03" + "0900000000000000" + "0a00000000000000" + tip,
            "022e00" + "07000000" + "01" + "01" + "0900000000000000" + "0a00000000000000" + tip,
            "032600" + "08000000" + String(repeating: "aa", count: 32) + "dc05",
            "040f00" + "08000000" + "000000000000aaaa" + "04" + "1400",
            "050200" + "18" + "01",
            "060100" + "00",
            "070300" + "06" + "100e",
            "080300" + "0f" + "3c00",
            "093000" + "0500" + "10" + "fffffffffffffffe" + "0000000000000004" + "02" + ff8
                + "776655443322" + "0000000000000002" + "010000000000",
            "0a1600" + "0500" + "01" + "02" + "03" + "02" + "02" + "02000102" + "0000" + "01"
                + "0000000000000001",
            "0b4300" + "0600" + "02" + String(repeating: "01", count: 32) + String(repeating: "02", count: 32),
            "0c2800" + String(repeating: "03", count: 32) + "0c00000000000000",
            "0d0100" + "02",
            "0e0000",
            "0f0b00" + "03" + "02" + "01" + "0102030405060708",
            "101100" + "02" + "0000000000000001" + "0000000000000001",
            "110e00" + "03" + "0c" + "0000000000000009" + "0200" + "0506",
            "120600" + "04" + "0104" + "0100" + "01",
        ]
        #expect(expected.count == PeerSamples.messages.count)
        for (message, hex) in zip(PeerSamples.messages, expected) {
            #expect(Compound.part(message).hex == hex, "\(message)")
            #expect(try Compound(decoding: Compound.part(message)).messages == [message])
        }
        let all = Compound(PeerSamples.messages)
        #expect(all.encoded.hex == expected.joined())
        #expect(try Compound(decoding: all.encoded) == all)
    }

    /// Shows each refusal of section 6 by bytes that cause it; a refused part refuses the whole compound.
    @Test(arguments: [
        "",  // nothing
        "0e",  // truncated head
        "0e0100",  // truncated body
        "0e010000",  // bytes left over in a body
        "0f0b0003020101020304050607", // ids cut
        "000000", "130000", "200000", "7f0000",  // unknown below 0x80
        "05020019" + "00", "0502000002",  // link count, flag
        "0703000700" + "00", "070300" + "01" + "110e",  // reason, retry
        "0d010000", "0d010010",  // close reason
        "120600" + "05" + "0104" + "0100" + "01",  // class
        "0b030006" + "0000",  // no ids
        "110c00" + "03" + "0d" + "0000000000000009" + "0000",  // hops
        "0a080000000101010000" + "00",  // part = parts
        "0a0800000000010500" + "0000",  // purpose
    ])
    func refusals(_ hex: String) throws {
        let bytes = try #require([UInt8](hex: hex))
        #expect(throws: WireError.self) { try Compound(decoding: bytes) }
        if bytes.isEmpty { return }
        #expect(throws: WireError.self) { try Compound(decoding: Compound.part(.ready) + bytes) }
    }

    /// Shows that unknown types from 0x80 on are skipped, and that 32 parts are the most.
    @Test func skipsAndCounts() throws {
        let ready = Compound.part(.ready)
        let mixed = try Compound(decoding: [0x80, 1, 0, 9] + ready + [0xff, 0, 0])
        #expect(mixed.messages == [.ready] && mixed.skippedCount == 2)
        #expect(try Compound(decoding: Array(repeatElement(ready, count: 32).joined())).messages.count == 32)
        #expect(throws: WireError.tooLong(33, max: 32)) {
            try Compound(decoding: Array(repeatElement(ready, count: 33).joined()))
        }
        #expect(throws: WireError.tooLong(1_168, max: 1_167)) {
            try Compound(decoding: [0x80, 0x8d, 0x04] + [UInt8](repeating: 0, count: 1_165))
        }
    }

    /// Shows that no mutation of valid compounds traps, and that each accepted one has one encoding.
    @Test func mutations() {
        var rng = SeededGenerator(seed: 11)
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 1...3, using: &rng) {
                bytes += Compound.part(PeerSamples.messages.randomElement(using: &rng)!)
            }
            for _ in 0..<Int.random(in: 1...3, using: &rng) { PeerMutation.apply(to: &bytes, &rng) }
            guard let compound = try? Compound(decoding: bytes) else { continue }
            accepted += 1
            if compound.skippedCount == 0 { #expect(compound.encoded == bytes) }
        }
        #expect(accepted > 1_000, "\(accepted)")
    }

    @Test func carriers() {
        #expect(MessageNumber.lane(MessageNumber.vote) == 1 && MessageNumber.lane(0x0304) == 1)
        #expect(MessageNumber.lane(MessageNumber.proposal) == 2 && MessageNumber.lane(0x030f) == 2)
        #expect(MessageNumber.lane(MessageNumber.submit) == 3 && MessageNumber.lane(0x040a) == 4)
        for number: UInt16 in [0, 0x0306, 0x0312, 0x0314, 0x0315, 0x0700, 0x040b] {
            #expect(MessageNumber.lane(number) == nil)
        }
        #expect(MessageNumber.isLedgerSync(0x0306) && !MessageNumber.isLedgerSync(0x0305))
        #expect(MessageNumber.isForSeatsOnly(0x0303) && !MessageNumber.isForSeatsOnly(0x0304))
    }
}

/// Seeded damage to bytes: flips, cuts, insertions, values that are often special.
enum PeerMutation {
    static func apply(to bytes: inout [UInt8], _ rng: inout SeededGenerator) {
        if bytes.isEmpty {
            bytes.append(UInt8.random(in: 0...255, using: &rng))
            return
        }
        let at = Int.random(in: 0..<bytes.count, using: &rng)
        switch Int.random(in: 0..<6, using: &rng) {
        case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &rng)
        case 1: bytes[at] = [0, 1, 0x7f, 0x80, 0xff].randomElement(using: &rng)!
        case 2: bytes.removeLast(bytes.count - at)
        case 3: bytes.insert(UInt8.random(in: 0...255, using: &rng), at: at)
        case 4: bytes.remove(at: at)
        default: bytes[at] = bytes[at] &+ 1
        }
    }
}
