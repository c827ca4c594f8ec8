import Basis
import Records
import TestKit
import Testing
import Trust

@testable import Session

@Suite struct DatagramTests {
    func ping(_ n: UInt32) -> PeerMessage {
        .ping(Ping(probe: n, sinceHeard: 0, mySequence: 1, yourSequence: 1))
    }

    func pair(_ limits: SessionLimits = SessionLimits()) -> (SessionRig, Int, Int) {
        let rig = SessionRig()
        let (a, b) = (rig.add(limits: limits), rig.add(limits: limits))
        rig.dial(a, b, ticket: 1)
        rig.run(for: .seconds(1))
        rig.clearLogs()
        return (rig, a, b)
    }

    /// Shows the window of 1,024: against a plain set of what was seen.
    @Test func replayWindow() {
        var rng = SeededGenerator(seed: 5)
        var window = ReplayWindow()
        var seen: Set<UInt64> = []
        var highest: UInt64 = 0
        for _ in 0..<30_000 {
            let jump = Int.random(in: 0..<50, using: &rng) == 0
            let counter =
                jump
                ? highest + UInt64.random(in: 0...3_000, using: &rng)
                : UInt64(max(0, Int64(highest) + Int64.random(in: -1_200...3, using: &rng)))
            let isFresh = !seen.contains(counter) && (seen.isEmpty || counter + 1_024 > highest)
            #expect(window.isFresh(counter) == isFresh, "\(counter) at \(highest)")
            if isFresh {
                window.note(counter)
                seen.insert(counter)
                highest = max(highest, counter)
            }
        }
        #expect(!window.isFresh(.max))
    }

    /// Shows GP-40 and GP-71: repeated, altered and moved packets are dropped and counted; the session stays.
    @Test func hostilePackets() {
        let (rig, a, b) = pair()
        var packets: [[UInt8]] = []
        rig.tap = { from, bytes in
            if from == a { packets.append(bytes) }
            return bytes
        }
        for n in 0..<20 { rig.give(a, .send(rig.id(b), [ping(UInt32(n))], via: .best)) }
        rig.run(for: .seconds(1))
        #expect(rig.delivered(b).count == 20)
        let from = rig.nodes[a].address
        for packet in packets {
            rig.give(b, .datagram(packet, from: from, on: .any))
            rig.give(b, .datagram(packet, from: from.with(port: 9), on: .any))
            var altered = packet
            altered[9] = 200 // counter
            rig.give(b, .datagram(altered, from: from, on: .any))
            altered[2] ^= 1 // tag
            rig.give(b, .datagram(altered, from: from, on: .any))
        }
        let stats = rig.nodes[b].table.stats
        #expect(stats[.dataReplayed] == 20 && stats[.dataForeignSource] == 20)
        #expect(stats[.dataUnopened] == 20 && stats[.foreignTag] == 20)
        #expect(rig.delivered(b).count == 20)
        rig.give(a, .send(rig.id(b), [ping(99)], via: .best))
        rig.run(for: .seconds(1))
        #expect(rig.delivered(b).last == ping(99))
    }

    /// Shows that random and mutated bytes from anywhere never trap, are all counted, and leave the session alone.
    @Test func junk() {
        let (rig, a, b) = pair()
        var samples: [[UInt8]] = [[UInt8](repeating: 0, count: 40)]
        rig.tap = { _, bytes in
            samples.append(bytes)
            return bytes
        }
        rig.dial(a, b, ticket: 8)
        rig.give(a, .send(rig.id(b), [ping(1)], via: .best))
        rig.run(for: .seconds(1))
        rig.tap = nil
        var rng = SeededGenerator(seed: 8)
        for n in 0..<20_000 {
            var bytes = samples.randomElement(using: &rng) ?? []
            for _ in 0..<Int.random(in: 1...4, using: &rng) {
                if bytes.isEmpty { break }
                let at = Int.random(in: 0..<bytes.count, using: &rng)
                switch Int.random(in: 0..<4, using: &rng) {
                case 0: bytes[at] = UInt8.random(in: 0...255, using: &rng)
                case 1: bytes.removeLast(bytes.count - at)
                case 2: bytes += rng.bytes(Int.random(in: 0...40, using: &rng))
                default: bytes[at] ^= 1
                }
            }
            if n % 100 == 0 { bytes = rng.bytes(1_300) }
            let from = n % 2 == 0 ? rig.nodes[a].address : SocketAddress(v4: 0x0808_0000 + UInt32(n), port: 1)
            rig.give(b, .datagram(bytes, from: from, on: .any))
        }
        rig.run(for: .seconds(20))
        let total = SessionCounter.allCases.reduce(0) { $0 + rig.nodes[b].table.stats[$1] }
        #expect(total > 15_000 && rig.nodes[b].table.stats[.packetTooLong] > 100)
        #expect(rig.nodes[b].table.halfOpen.isEmpty)
        rig.clearLogs()
        rig.give(a, .send(rig.id(b), [ping(99)], via: .best))
        rig.run(for: .seconds(1))
        #expect(rig.delivered(b) == [ping(99)])
    }

    /// Shows GP-85's part here: 5,000 junk Hellos a second get few answers, none larger than its question, and a real
    /// dial succeeds meanwhile.
    @Test func flood() {
        let (rig, a, b) = pair()
        var hello = [UInt8](repeating: 0, count: 1_200)
        let real = Hello(
            network: SessionRig.network, limits: SessionLimits(), carrier: .datagram, purpose: .datagram,
            initiatorIndex: 5, ephemeral: Bytes32(repeating: 3), expected: nil)
        hello.replaceSubrange(0..<129, with: real.shortBytes)
        for n in 0..<5_000 {
            let source = SocketAddress(v4: 0x0800_0000 + UInt32(n) << 8, port: 1)
            rig.give(b, .datagram(hello, from: source, on: .any))
            if n == 2_500 { rig.dial(a, b, ticket: 9) }
        }
        let answers = rig.nodes[b].log.count { if case .transmit = $0 { true } else { false } }
        #expect(answers <= SessionLimits().retriesPerSecondMax)
        rig.run(for: .seconds(4))
        #expect(rig.ups(a, .datagram).contains { $0.1.ticket == Ticket(9) })
        #expect(rig.nodes[b].table.halfOpen.isEmpty)
    }

    /// Shows GP-37 to GP-39: 1,200 bytes and 32 parts at most, classes in order, a full outbox drops the oldest of the
    /// lowest class.
    @Test func outbox() throws {
        let (rig, a, b) = pair(.tiny)
        var sizes: [Int] = []
        rig.tap = { _, bytes in
            sizes.append(bytes.count)
            return bytes
        }
        let app = PeerMessage.appDatagram(
            AppDatagram(trafficClass: 4, number: 0x0401, body: [UInt8](repeating: 1, count: 1_024)))
        let pushes = (0..<40).map { n in
            PeerMessage.records(
                RecordsPart(purpose: .push, records: [[UInt8](repeating: UInt8(n), count: 100 + n)]))
        }
        rig.give(a, .send(rig.id(b), pushes, via: .best))
        #expect(rig.nodes[a].log.contains(.sendFailed(rig.id(b), .datagram, .queueFull)))
        rig.give(a, .send(rig.id(b), [app] + (0..<40).map { ping($0) }, via: .best))
        rig.run(for: .seconds(1))
        #expect(sizes.allSatisfy { $0 <= 1_200 } && sizes.contains { $0 > 1_100 })
        let got = rig.delivered(b)
        #expect(got.count { $0.outboxClass == .link } == 40 && got.contains(app))
        let records = got.count { $0.outboxClass == .records }
        #expect(records > 0 && records < 40)
        #expect(Int(rig.nodes[a].table.stats[.outboxDropped]) == 40 - records)
        #expect(got.first?.outboxClass == .link, "probe and link messages go first")
    }

    /// Shows that messages without hurry wait at most 20 ms for company, and that urgent ones take them along.
    @Test func gathering() {
        let (rig, a, b) = pair()
        let slow = PeerMessage.find(request: 1, ids: [rig.id(a)])
        let before = rig.transmitted
        rig.give(a, .send(rig.id(b), [slow], via: .best))
        #expect(rig.transmitted == before)
        rig.run(for: .milliseconds(20))
        #expect(rig.transmitted == before + 1)
        rig.give(a, .send(rig.id(b), [slow], via: .best))
        rig.give(a, .send(rig.id(b), [ping(1)], via: .best))
        #expect(rig.transmitted == before + 2)
        rig.run(for: .seconds(1))
        #expect(rig.delivered(b).count == 3 && rig.transmitted == before + 2)
    }

    /// Shows the life of a session: Goodbye ends it on both sides; idle ones end after 600 s unless kept; keys are
    /// renewed after 11 h without any path going down.
    @Test func life() {
        let (rig, a, b) = pair()
        rig.give(a, .keep(rig.id(b), .datagram))
        rig.give(b, .keep(rig.id(a), .datagram))
        rig.run(for: .seconds(2_000))
        #expect(rig.downs(a).isEmpty)
        rig.give(a, .hangUp(rig.id(b), .surplus))
        rig.run(for: .seconds(1))
        #expect(rig.downs(a).map(\.1) == [.surplus] && rig.downs(b).map(\.1) == [.surplus])
        #expect(rig.delivered(b) == [.goodbye(.surplus)])
        rig.give(a, .release(rig.id(b), .datagram))
        rig.clearLogs()
        rig.dial(a, b, ticket: 2)
        rig.run(for: .seconds(590))
        #expect(rig.downs(a).isEmpty)
        rig.run(for: .seconds(30))
        #expect(rig.downs(a).map(\.1) == [.idle])
        rig.give(a, .keep(rig.id(b), .datagram))
        rig.dial(a, b, ticket: 3)
        rig.run(for: .seconds(1))
        rig.clearLogs()
        rig.run(for: .seconds(11 * 3_600 + 1_900))
        #expect(rig.downs(a).isEmpty && rig.ups(a, .datagram).count == 1, "new keys")
        rig.give(a, .send(rig.id(b), [ping(4)], via: .best))
        rig.run(for: .seconds(1))
        #expect(rig.delivered(b) == [ping(4)])
    }

    /// Shows that a full table lets the least recently used session go, never a kept one, and keeps places for seats.
    @Test func fullTable() {
        let rig = SessionRig()
        let hub = rig.add(limits: .tiny)
        let others = (0..<16).map { _ in rig.add() }
        for (n, other) in others.enumerated() {
            rig.dial(other, hub, ticket: UInt64(n))
            rig.run(for: .seconds(1))
            if n == 0 { rig.give(hub, .keep(rig.id(other), .datagram)) }
        }
        #expect(rig.nodes[hub].table.sessions.count == 12)
        #expect(rig.downs(others[0]).isEmpty && rig.downs(others[1]).map(\.1) == [.idle])
        rig.give(hub, .seats([rig.id(others[1])]))
        rig.dial(others[1], hub, ticket: 99)
        rig.run(for: .seconds(1))
        #expect(rig.nodes[hub].table.sessions.count == 13)
    }
}
