import Basis
import Records
import TestKit
import Testing
import Trust

@testable import Session

@Suite struct StreamTests {
    func pair(_ limits: SessionLimits = SessionLimits()) -> (SessionRig, Int, Int) {
        let rig = SessionRig()
        let (a, b) = (rig.add(limits: limits), rig.add(limits: limits))
        rig.dial(a, b, .main, ticket: 1, expecting: rig.id(b))
        rig.run(for: .seconds(1))
        #expect(rig.ups(a, .main).count == 1 && rig.ups(b, .main).count == 1)
        rig.clearLogs()
        return (rig, a, b)
    }

    func bytes(_ count: Int) -> [UInt8] {
        var rng = SeededGenerator(seed: 77)
        return rng.bytes(count)
    }

    /// The bytes of one stream as they came, and whether it ended.
    func received(_ rig: SessionRig, _ i: Int) -> (bytes: [UInt8], isOver: Bool) {
        var all: [UInt8] = []
        var isOver = false
        for case .streamBytes(_, _, let bytes, let isLast) in rig.nodes[i].log {
            all += bytes
            if isLast { isOver = true }
        }
        return (all, isOver)
    }

    func opened(_ rig: SessionRig, _ i: Int) -> (ConnectionID, FlowID)? {
        for case .opened(let id, let flow, _, _, _, _) in rig.nodes[i].log { return (id, flow) }
        return nil
    }

    /// Shows lane messages, pings and compounds over a connection.
    @Test func carriage() {
        let (rig, a, b) = pair()
        let vote = LaneMessage(MessageNumber.vote, bytes(150))
        let block = LaneMessage(MessageNumber.proposal, bytes(1_000_000))
        rig.give(a, .post(rig.id(b), block))
        rig.give(a, .post(rig.id(b), vote))
        rig.give(b, .post(rig.id(a), vote))
        rig.give(a, .streamPing(rig.id(b), probe: 42))
        rig.give(a, .send(rig.id(b), [.find(request: 1, ids: [rig.id(a)])], via: .best))
        rig.give(a, .post(rig.id(a), vote))
        rig.run(for: .seconds(2))
        #expect(rig.lanes(b) == [vote, block] && rig.lanes(a) == [vote])
        #expect(rig.nodes[a].log.contains(.streamPong(rig.id(b), probe: 42)))
        #expect(rig.delivered(b, via: .main) == [.find(request: 1, ids: [rig.id(a)])])
        #expect(rig.nodes[a].log.contains(.sendFailed(rig.id(a), .main, .noPath)))
    }

    /// Shows a request and a 3 MB answer on a stream, whole and ended, with the consumer taking as it goes.
    @Test func service() throws {
        let (rig, a, b) = pair()
        rig.give(
            a, .open(Ticket(5), rig.id(b), service: ServiceNumber.blobChunks, trafficClass: 6,
                request: [1, 2, 3], isLast: true))
        rig.run(for: .milliseconds(100))
        let (id, flow) = try #require(opened(rig, b))
        let blob = bytes(3_000_000)
        rig.give(b, .write(id, flow, Array(blob.prefix(2_000_000)), isLast: false))
        rig.run(for: .milliseconds(500))
        #expect(rig.nodes[b].log.contains(.streamRoom(id, flow)))
        rig.give(b, .write(id, flow, Array(blob.dropFirst(2_000_000)), isLast: true))
        rig.run(for: .seconds(5))
        let (got, isOver) = received(rig, a)
        #expect(got == blob && isOver)
        #expect(rig.nodes[a].log.contains { if case .openedLocally(Ticket(5), _, _) = $0 { true } else { false } })
        #expect(rig.nodes[a].table.bufferedBytes == 0 && rig.nodes[b].table.bufferedBytes == 0)
        rig.give(a, .open(Ticket(6), PeerID(repeating: 1), service: 1, trafficClass: 5, request: [], isLast: true))
        #expect(rig.nodes[a].log.last == .openFailed(Ticket(6), .noPath))
    }

    /// Shows the point of 5.3: on a pipe of 10 Mbit/s that carries a blob, a vote arrives within 150 ms each time.
    @Test func votesPassBulk() throws {
        let (rig, a, b) = pair()
        rig.weather.streamBytesPerMillisecond = 1_250
        rig.give(
            a, .open(Ticket(5), rig.id(b), service: 6, trafficClass: 6, request: [], isLast: true))
        rig.run(for: .milliseconds(100))
        let (id, flow) = try #require(opened(rig, b))
        rig.give(b, .write(id, flow, bytes(8_000_000), isLast: true))
        var worst = Interval.zero
        for n in 0..<20 {
            rig.run(for: .milliseconds(50))
            rig.give(b, .post(rig.id(a), LaneMessage(MessageNumber.vote, [UInt8(n)])))
            let start = rig.now
            while rig.lanes(a).last?.body != [UInt8(n)] { rig.run(for: .milliseconds(1)) }
            worst = max(worst, rig.now - start)
        }
        #expect(!received(rig, a).isOver, "the pipe was busy all the time")
        #expect(worst <= .milliseconds(150), "\(worst.milliseconds) ms")
        rig.run(for: .seconds(30))
        #expect(received(rig, a).bytes.count == 8_000_000)
    }

    /// Shows that the owner's rate bounds bulk, and that other streams go on.
    @Test func bulkRate() throws {
        let (rig, a, b) = pair()
        rig.give(b, .bulkRate(sendBytesPerSecond: 1_000_000, receiveBytesPerSecond: 0))
        rig.give(
            a, .open(Ticket(5), rig.id(b), service: 6, trafficClass: 6, request: [], isLast: true))
        rig.run(for: .milliseconds(100))
        let (id, flow) = try #require(opened(rig, b))
        rig.give(b, .write(id, flow, bytes(5_000_000), isLast: true))
        rig.run(for: .seconds(2))
        let got = received(rig, a).bytes.count
        #expect(got > 1_700_000 && got < 2_300_000, "\(got)")
        rig.give(b, .bulkRate(sendBytesPerSecond: 0, receiveBytesPerSecond: 0))
        rig.run(for: .seconds(1))
        #expect(received(rig, a).isOver)
    }

    /// Shows that the receiver's rate bounds what others send to it.
    @Test func bulkReceiveRate() throws {
        let (rig, a, b) = pair()
        rig.give(a, .bulkRate(sendBytesPerSecond: 0, receiveBytesPerSecond: 1_000_000))
        rig.give(b, .bulkRate(sendBytesPerSecond: 0, receiveBytesPerSecond: 0))
        rig.give(
            a, .open(Ticket(5), rig.id(b), service: 6, trafficClass: 6, request: [], isLast: true))
        rig.run(for: .milliseconds(100))
        let (id, flow) = try #require(opened(rig, b))
        rig.give(b, .write(id, flow, bytes(4_000_000), isLast: true))
        rig.run(for: .seconds(2))
        // One window may be on its way beyond the rate.
        let got = received(rig, a).bytes.count
        #expect(got > 1_500_000 && got < 2_800_000, "\(got)")
        rig.run(for: .seconds(4))
        #expect(received(rig, a).isOver)
    }

    /// Shows that bulk of one connection makes way for a block that waits on another, but keeps its floor.
    @Test func bulkMakesWay() throws {
        let rig = SessionRig()
        let (a, b, c) = (rig.add(), rig.add(), rig.add())
        rig.dial(b, a, .main, ticket: 1)
        rig.dial(c, a, .main, ticket: 2)
        rig.run(for: .seconds(1))
        rig.clearLogs()
        rig.give(
            b, .open(Ticket(5), rig.id(a), service: 6, trafficClass: 6, request: [], isLast: true))
        rig.run(for: .milliseconds(100))
        let (id, flow) = try #require(opened(rig, a))
        // A slow pipe to everybody: the block takes 3 s.
        rig.weather.streamBytesPerMillisecond = 500
        rig.give(a, .post(rig.id(c), LaneMessage(MessageNumber.proposal, bytes(1_500_000))))
        rig.run(for: .milliseconds(100))
        rig.give(a, .write(id, flow, bytes(3_000_000), isLast: true))
        rig.run(for: .seconds(2))
        let slowed = received(rig, b).bytes.count
        #expect(slowed > 60_000 && slowed < 400_000, "\(slowed)")
        rig.run(for: .seconds(12))
        #expect(rig.lanes(c).count == 1 && received(rig, b).isOver)
    }

    /// Shows that a consumer who does not take holds up its own stream only, at one window of memory.
    @Test func slowConsumer() throws {
        let (rig, a, b) = pair()
        rig.consumesAtOnce = false
        rig.give(
            a, .open(Ticket(5), rig.id(b), service: 3, trafficClass: 5, request: [], isLast: true))
        rig.run(for: .milliseconds(100))
        let (id, flow) = try #require(opened(rig, b))
        rig.give(b, .write(id, flow, bytes(2_000_000), isLast: true))
        rig.run(for: .seconds(60))
        #expect(received(rig, a).bytes.count == 256 << 10)
        #expect(rig.nodes[a].table.bufferedBytes == 256 << 10)
        let vote = LaneMessage(MessageNumber.vote, [1])
        rig.give(b, .post(rig.id(a), vote))
        rig.run(for: .seconds(1))
        #expect(rig.lanes(a) == [vote])
        rig.give(a, .hangUp(rig.id(b), .stopping))
        rig.run(for: .seconds(1))
        #expect(rig.nodes[a].table.bufferedBytes == 0)
        #expect(rig.downs(b).map(\.1) == [.stopping])
    }

    /// Shows that many connections with readers who do not read are held to the limit of the node, and go on after.
    @Test func readerMemory() throws {
        let (rig, a, b) = pair(.tiny)
        rig.consumesAtOnce = false
        var flows: [(ConnectionID, FlowID)] = []
        for n in 0..<3 {
            rig.give(
                a, .open(Ticket(UInt64(n)), rig.id(b), service: 3, trafficClass: 5, request: [], isLast: true))
        }
        rig.run(for: .milliseconds(100))
        for case .opened(let id, let flow, _, _, _, _) in rig.nodes[b].log { flows.append((id, flow)) }
        for (id, flow) in flows { rig.give(b, .write(id, flow, bytes(400_000), isLast: true)) }
        rig.run(for: .seconds(2))
        let held = rig.nodes[a].table.bufferedBytes
        #expect(held > 65_536 && held <= 3 * 256 << 10)
        var taken = 0
        while taken < 3 * 400_000 {
            let log = rig.nodes[a].log
            rig.nodes[a].log = []
            for case .streamBytes(let id, let flow, let bytes, _) in log {
                taken += bytes.count
                rig.give(a, .consumed(id, flow, bytes: bytes.count))
            }
            let before = rig.now
            rig.run(for: .seconds(1))
            try #require(before < .zero + .seconds(100), "stuck at \(taken) bytes")
        }
        #expect(rig.nodes[a].table.bufferedBytes == 0)
    }

    /// Shows that a message larger than what the receiver likes to hold does not keep the next one away: its last
    /// fragment frees the memory, and credit follows.
    @Test func laneGoesOnAfterALargeMessage() {
        let (rig, a, b) = pair(.tiny)
        let messages = [200_000, 100_000, 150_000].map { LaneMessage(MessageNumber.submit, bytes($0)) }
        for message in messages { rig.give(a, .post(rig.id(b), message)) }
        rig.run(for: .seconds(20))
        #expect(rig.lanes(b) == messages)
    }

    /// Shows that nobody is given up for silence while we do not read.
    @Test func pausedConnectionsStay() {
        let (rig, a, b) = pair()
        rig.give(a, .keep(rig.id(b), .main))
        guard let id = rig.nodes[a].table.peers[rig.id(b)]?.main else { return }
        rig.nodes[a].table.connections[id]?.value.isPaused = true
        rig.nodes[b].ends = [:]
        rig.give(a, .post(rig.id(b), LaneMessage(MessageNumber.vote, bytes(100))))
        rig.run(for: .seconds(200))
        #expect(rig.downs(a).isEmpty)
        rig.nodes[a].table.connections[id]?.value.resume(rig.now)
        rig.give(a, .post(rig.id(b), LaneMessage(MessageNumber.vote, bytes(100))))
        rig.run(for: .seconds(32))
        #expect(rig.downs(a).map(\.1) == [.silent])
    }

    /// Shows that a service that never answers is reset after 30 s, and a vote that never ends closes the connection
    /// once other frames came for 5 s.
    @Test func stalls() {
        let (rig, a, b) = pair()
        rig.give(
            a, .open(Ticket(5), rig.id(b), service: 3, trafficClass: 5, request: [], isLast: true))
        rig.run(for: .seconds(29))
        #expect(!rig.nodes[a].log.contains { if case .streamReset = $0 { true } else { false } })
        rig.run(for: .seconds(2))
        for i in [a, b] {
            #expect(
                rig.nodes[i].log.contains {
                    if case .streamReset(_, _, code: ResetCode.stalled) = $0 { true } else { false }
                })
        }
        // Half a vote, then silence, then other frames while the rest of it does not come.
        guard let id = rig.nodes[a].table.peers[rig.id(b)]?.main else { return }
        rig.nodes[a].table.connections[id]?.value.mux.control.append(
            Frame(FlowID(1), .firstFragment(number: 0x0301, total: 9, [1], isLast: false)))
        rig.nodes[a].table.connections[id]?.value.mux.controlBytes += 13
        rig.give(a, .streamPing(rig.id(b), probe: 1))
        rig.run(for: .seconds(20))
        #expect(rig.downs(b).isEmpty && rig.downs(a).isEmpty)
        for probe in 2..<8 {
            rig.give(a, .streamPing(rig.id(b), probe: UInt32(probe)))
            rig.run(for: .seconds(1))
        }
        #expect(rig.downs(b).map(\.1) == [.protocolError] && rig.downs(a).map(\.1) == [.protocolError])
    }

    /// Shows 5.4: an idle connection is closed after 120 s unless kept, a kept one is pinged and survives, a silent
    /// peer is noticed by two unanswered pings.
    @Test func life() {
        let (rig, a, b) = pair()
        rig.run(for: .seconds(130))
        #expect(rig.downs(a).map(\.1) == [.idle] && rig.downs(b).map(\.1) == [.idle])
        for (i, j) in [(a, b), (b, a)] { rig.give(i, .keep(rig.id(j), .main)) }
        rig.dial(a, b, .main, ticket: 2)
        rig.run(for: .seconds(1_000))
        #expect(rig.downs(a).count == 1, "kept")
        rig.clearLogs()
        // Nothing gets through any more, and nobody says so.
        for i in [a, b] { rig.nodes[i].ends = [:] }
        rig.run(for: .seconds(90))
        #expect(rig.downs(a).map(\.1) == [.silent] && rig.downs(b).map(\.1) == [.silent])
    }

    /// Shows that own frames are no sign of the other end's life: who goes on sending to a peer that is gone without a
    /// word notices after 30 s, and a peer that only listens is asked and stays.
    @Test func sendingIntoTheVoid() {
        let (rig, a, b) = pair()
        let vote = LaneMessage(MessageNumber.vote, bytes(100))
        rig.clearLogs()
        for _ in 0..<120 {
            rig.give(a, .post(rig.id(b), vote))
            rig.run(for: .seconds(1))
        }
        #expect(rig.downs(a).isEmpty && rig.downs(b).isEmpty && rig.lanes(b).count == 120)
        rig.nodes[a].ends = [:]
        for _ in 0..<32 {
            rig.give(a, .post(rig.id(b), vote))
            rig.run(for: .seconds(1))
        }
        #expect(rig.downs(a).map(\.1) == [.silent])
    }

    /// Shows that a cut connection is down at once and its streams are reset.
    @Test func cut() {
        let (rig, a, b) = pair()
        rig.give(
            a, .open(Ticket(5), rig.id(b), service: 3, trafficClass: 5, request: [], isLast: true))
        rig.run(for: .seconds(1))
        guard let id = rig.nodes[a].table.peers[rig.id(b)]?.main else { return }
        rig.give(a, .ended(id))
        #expect(rig.downs(a).map(\.1) == [.silent] && rig.nodes[a].table.stats[.streamTruncated] == 1)
        #expect(
            rig.nodes[a].log.contains {
                if case .streamReset(_, _, code: ResetCode.cancelled) = $0 { true } else { false }
            })
    }

    /// Shows that any damage to the bytes of a connection closes it: nothing false is delivered, nothing traps. Damage
    /// during the handshake, too.
    @Test func damage() {
        var broken = 0
        for seed in 0..<200 {
            let rig = SessionRig(seed: UInt64(seed))
            let (a, b) = (rig.add(), rig.add())
            rig.dial(a, b, .main, ticket: 1)
            let vote = LaneMessage(MessageNumber.vote, bytes(500))
            var dice = SeededGenerator(seed: UInt64(seed))
            let strikeAt = Int.random(in: 0..<40, using: &dice)
            for step in 0..<60 {
                rig.run(for: .milliseconds(2))
                if step == 20 { rig.give(a, .post(rig.id(b), vote)) }
                if step == strikeAt, let end = rig.nodes[b].table.connections.sortedNumbers.first {
                    rig.give(b, .bytes(ConnectionID(end), rig.rng.bytes(Int.random(in: 1...400, using: &dice))))
                }
            }
            rig.run(for: .seconds(10))
            #expect(rig.lanes(b).isEmpty || rig.lanes(b) == [vote])
            if rig.ups(b, .main).isEmpty || !rig.downs(b).isEmpty { broken += 1 }
            let isUp = rig.nodes[a].table.peers[rig.id(b)]?.main != nil
            #expect(isUp == (rig.nodes[b].table.peers[rig.id(a)]?.main != nil), "seed \(seed)")
        }
        #expect(broken > 100)
    }

    /// Shows the limits for strangers: connections that say nothing end after 5 s, and no more than allowed wait.
    @Test func silentStrangers() {
        let rig = SessionRig()
        let b = rig.add()
        for n in 0..<100 {
            let from = SocketAddress(v4: 0x0a01_0000 + UInt32(n), port: 5)
            rig.give(b, .accepted(ConnectionID(10_000 + UInt64(n)), from: from))
        }
        #expect(rig.nodes[b].table.connections.count == 64)
        rig.run(for: .seconds(6))
        #expect(rig.nodes[b].table.connections.isEmpty && rig.nodes[b].table.unfinishedStreams == 0)
        for n in 0..<20 {
            let from = SocketAddress(v4: 0x0808_0808, port: UInt16(n) + 1)
            rig.give(b, .accepted(ConnectionID(20_000 + UInt64(n)), from: from))
        }
        #expect(rig.nodes[b].table.connections.count == 8, "of one address")
    }
}
