import Basis
import Records
import TestKit
import Testing
import Trust

@testable import Session

@Suite struct MultiplexerTests {
    /// `#expect` cannot hold a mutating call; a function's argument can.
    func check<T: Equatable>(_ found: T, _ wanted: T, line: Int = #line) {
        #expect(found == wanted, "line \(line)")
    }
    func check(_ isTrue: Bool, line: Int = #line) { #expect(isTrue, "line \(line)") }

    let limits = SessionLimits()
    let now = Instant(nanoseconds: 5)

    func pair() -> (Multiplexer, Multiplexer) {
        (
            Multiplexer(limits: limits, isInitiator: true, now: now),
            Multiplexer(limits: limits, isInitiator: false, now: now)
        )
    }

    func message(_ number: UInt16, _ bytes: Int, _ fill: UInt8 = 0) -> LaneMessage {
        LaneMessage(number, [UInt8](repeating: fill, count: bytes))
    }

    func drain(_ mux: inout Multiplexer, max: Int = .max, bulk: Bool = true) -> [Frame] {
        var frames: [Frame] = []
        while frames.count < max, let frame = mux.next(room: 16_384, bulkIsOpen: bulk) { frames.append(frame) }
        return frames
    }

    /// Shows that messages of every size arrive whole and in order on their lane, with credit flowing, under a
    /// random interleaving of both ends.
    @Test func messagesArrive() throws {
        var rng = SeededGenerator(seed: 3)
        var (a, b) = pair()
        let numbers: [UInt16] = [0x0301, 0x0300, 0x030c, 0x0400]
        let largest = [60_000, 300_000, 200_000, 40_000]
        var sent: [Int: [LaneMessage]] = [:]
        var got: [Int: [LaneMessage]] = [:]
        for n in 0..<60 {
            let lane = Int.random(in: 0..<4, using: &rng)
            let size = n % 7 == 0 ? 0 : Int.random(in: 0...largest[lane], using: &rng)
            let next = message(numbers[lane], size, UInt8(n))
            sent[lane, default: []].append(next)
            check(a.post(next), .queued)
            for _ in 0..<Int.random(in: 0...40, using: &rng) { exchange(&a, &b, &got, &rng) }
        }
        for _ in 0..<3_000 { exchange(&a, &b, &got, &rng) }
        #expect(got == sent)
        #expect(a.isQuiet && b.isQuiet && b.bufferedBytes == 0)
    }

    /// Shows that a message that stays partial while frames arrive is a fault, that silence ages it by one second
    /// at most, and that after a long silence its rest is taken.
    @Test func partialMessagesAgeByFramesHeard() throws {
        // Seconds at which PONGs arrive after the first fragment; when the fault comes.
        let rows: [(trafficClass: UInt16, heard: [Int], faultAt: Int?)] = [
            (1, [1, 2, 3, 4, 5], 5), (1, [1, 2, 3, 4], nil), (1, [10, 20, 30, 40], nil),
            (1, [9, 18, 27, 36, 45], 45), (1, [49], nil), (1, [50], 50), (1, [1, 2, 3, 33, 34], 34),
            (4, Array(1...29), nil), (4, Array(1...30), 30), (4, [299], nil), (4, [150, 300], 300),
        ]
        for row in rows {
            var (a, b) = pair()
            check(a.post(message(row.trafficClass == 1 ? 0x0301 : 0x0400, 40_000)), .queued)
            let frames = drain(&a)
            #expect(frames.count == 3)
            _ = try b.receive(frames[0], now: now)
            var faultAt: Int?
            for second in row.heard {
                do throws(FrameFault) {
                    _ = try b.receive(Frame(.control, .pong(nonce: 1)), now: now + .seconds(Int64(second)))
                } catch {
                    #expect(error == .malformed)
                    faultAt = second
                    break
                }
            }
            #expect(faultAt == row.faultAt, "\(row)")
            guard faultAt == nil, let last = row.heard.last else { continue }
            // Three fragments took a silence each, and the whole came.
            let after = now + .seconds(Int64(last))
            _ = try b.receive(frames[1], now: after + .milliseconds(100))
            let events = try b.receive(frames[2], now: after + .seconds(500))
            #expect(events.count == 1, "\(row)")
        }
    }

    /// Shows that no vote begins that the credit does not cover, and that it goes on when credit comes; a message
    /// longer than half a window begins with half a window.
    @Test func messagesBeginWithTheirCredit() throws {
        var (a, b) = pair()
        // 4 × 60,006 of 262,144 bytes, and 22,120 are left.
        for _ in 0..<6 { check(a.post(message(0x0301, 60_000)), .queued) }
        var frames = drain(&a)
        #expect(frames.reduce(0) { $0 + $1.encodedCount - Frame.headBytes } == 4 * 60_006)
        var whole = 0
        for frame in frames { whole += try b.receive(frame, now: now).count }
        #expect(whole == 4)
        for frame in drain(&b) { _ = try a.receive(frame, now: now) }
        frames = drain(&a)
        for frame in frames { whole += try b.receive(frame, now: now).count }
        #expect(whole == 6)
        // Class 4 allows messages of a whole window, which no credit covers in time.
        for _ in 0..<2 { check(a.post(message(0x0400, 250_000)), .queued) }
        for _ in 0..<8 {
            for frame in drain(&a) { whole += try b.receive(frame, now: now).count }
            for frame in drain(&b) { _ = try a.receive(frame, now: now) }
        }
        #expect(whole == 8)
    }

    func exchange(
        _ a: inout Multiplexer, _ b: inout Multiplexer, _ got: inout [Int: [LaneMessage]],
        _ rng: inout SeededGenerator
    ) {
        if let frame = a.next(room: Int.random(in: 1_100...16_384, using: &rng), bulkIsOpen: true) {
            for case .message(let message) in (try? b.receive(frame, now: now)) ?? [] {
                got[Int(MessageNumber.lane(message.number) ?? 0) - 1, default: []].append(message)
            }
        }
        if let frame = b.next(room: 16_384, bulkIsOpen: true) { _ = try? a.receive(frame, now: now) }
    }

    /// Shows the order of 5.3: control first, then votes, whatever waits; the other classes share by weight.
    @Test func priorities() {
        var (a, _) = pair()
        _ = a.post(message(0x0300, 1_900_000))
        _ = a.post(message(0x030c, 900_000))
        let bulk = a.open(6, service: 6, request: [], isLast: false, now: now)
        let sync = a.open(5, service: 3, request: [], isLast: false, now: now)
        for flow in [bulk, sync] {
            check(a.write(flow ?? .control, [UInt8](repeating: 1, count: 1_000_000), isLast: false))
        }
        let opens = drain(&a, max: 2)
        #expect(opens.map(\.flow) == [bulk, sync])
        var bytes: [UInt32: Int] = [:]
        for frame in drain(&a, max: 60) { bytes[min(frame.flow.number, 20), default: 0] += frame.encoded.count }
        let blocks = bytes[2] ?? 0
        #expect(blocks > 0)
        func share(_ flow: UInt32?) -> Double { Double(bytes[flow ?? 0] ?? 0) / Double(blocks) }
        #expect(abs(share(3) - 4.0 / 8) < 0.1 && abs(share(sync?.number) - 2.0 / 8) < 0.1)
        #expect(abs(share(bulk?.number) - 1.0 / 8) < 0.1)
        _ = a.post(message(0x0301, 150))
        _ = a.sendControl(Frame(.control, .ping(nonce: 1)))
        let next = drain(&a, max: 2)
        #expect(next[0] == Frame(.control, .ping(nonce: 1)) && next[1].flow == FlowID(1))
        check(!drain(&a, max: 100, bulk: false).contains { $0.flow == bulk })
    }

    /// Shows that a sender stops at its credit and goes on when the consumer has taken half a window.
    @Test func credit() throws {
        var (a, b) = pair()
        let opened = a.open(5, service: 3, request: [], isLast: true, now: now)
        let flow = try #require(opened)
        for frame in drain(&a) { _ = try b.receive(frame, now: now) }
        check(b.write(flow, [UInt8](repeating: 1, count: 1_000_000), isLast: true))
        var received = 0
        for frame in drain(&b) {
            for case .bytes(_, let bytes, _) in try a.receive(frame, now: now) { received += bytes.count }
        }
        #expect(received == 256 << 10 && a.bufferedBytes == received)
        a.consumed(flow, bytes: 1_000, now: now)
        check(drain(&a).isEmpty)
        a.grantsCredit = false
        a.consumed(flow, bytes: 200_000, now: now)
        check(drain(&a).isEmpty)
        a.grantAll()
        check(drain(&a).isEmpty)
        a.grantsCredit = true
        a.grantAll()
        check(drain(&a), [Frame(flow, .credit(201_000))])
        // What is not granted may not be sent.
        let over = Frame(flow, .data([UInt8](repeating: 0, count: 201_001), isLast: false))
        #expect(throws: FrameFault.creditOverrun) {
            var copy = a
            _ = try copy.receive(over, now: now)
        }
    }

    /// Shows the full queues of 5.3: votes and proposals drop the oldest, submits refuse the new, jobs drop the same
    /// key first; a lane with room again says so once.
    @Test func fullQueues() {
        var (a, _) = pair()
        for n in 0..<32 { check(a.post(message(0x0301, 64 << 10, UInt8(n))), .queued) }
        check(a.post(message(0x0301, 64 << 10, 99)) == .queuedDropping(1))
        #expect(a.lanes[0].queue.first?.body.first == 1 && a.lanes[0].queue.last?.body.first == 99)
        check(a.post(message(0x0301, (64 << 10) + 1)), .tooLarge)
        for _ in 0..<4 { check(a.post(message(0x030c, 1 << 20)), .queued) }
        check(a.post(message(0x030c, 1)), .refused)
        for n in 0..<4 {
            let body = [UInt8](repeating: UInt8(n), count: 256 << 10)
            check(a.post(LaneMessage(0x0400, body, queueKey: UInt64(n))), .queued)
        }
        check(a.post(LaneMessage(0x0400, [9], queueKey: 2)) == .queuedDropping(1))
        #expect(a.lanes[3].queue.map { $0.body.first } == [0, 1, 3, 9])
        check(a.post(LaneMessage(0x0400, [UInt8](repeating: 8, count: 256 << 10), queueKey: 7)) == .queuedDropping(1))
        #expect(a.lanes[3].queue.map { $0.body.first } == [1, 3, 9, 8])
        check(a.post(message(0x0306, 1)), .refused)
        check(a.settle().isEmpty)
        for _ in 0..<200 { if let frame = a.next(room: 16_384, bulkIsOpen: true), frame.flow.number == 1 {
            a.lanes[0].sendCredit += 16_384
        } }
        check(a.settle().contains(.laneRoom(trafficClass: 1)))
        check(a.settle().isEmpty)
    }

    /// Shows that every broken rule of 5.2 ends the connection, and that a huge declared length costs nothing (GP-83).
    @Test func brokenRules() {
        let flow = FlowID(17)
        let open = Frame(flow, .open(trafficClass: 5, service: 1, request: [], isLast: false))
        func fault(_ frames: Frame...) -> FrameFault? {
            var (_, b) = pair()
            for frame in frames {
                do throws(FrameFault) { _ = try b.receive(frame, now: now) } catch { return error }
            }
            return nil
        }
        #expect(fault(open) == nil && fault(open, open) == .malformed)
        #expect(fault(Frame(FlowID(16), open.content)) == .malformed, "a flow of the other side")
        #expect(fault(open, Frame(flow, .data([], isLast: true)), Frame(flow, .data([], isLast: true))) == .malformed)
        #expect(fault(Frame(flow, .data([1], isLast: false))) == .malformed, "never opened")
        #expect(fault(open, Frame(flow, .reset(code: 1)), Frame(flow, .data([1], isLast: false))) == nil)
        #expect(fault(Frame(flow, .open(trafficClass: 4, service: 1, request: [], isLast: false))) == .malformed)
        #expect(fault(Frame(FlowID(1), .fragment([1], isLast: true))) == .malformed)
        let first = Frame(FlowID(1), .firstFragment(number: 0x0301, total: 3, [1], isLast: false))
        #expect(fault(first) == nil && fault(first, first) == .malformed)
        #expect(fault(first, Frame(FlowID(1), .fragment([1], isLast: true))) == .malformed, "too short")
        #expect(fault(first, Frame(FlowID(1), .fragment([1, 2, 3], isLast: false))) == .malformed, "too long")
        #expect(fault(first, Frame(FlowID(1), .fragment([1, 2], isLast: false))) == .malformed, "not called last")
        #expect(
            fault(Frame(FlowID(1), .firstFragment(number: 0x0301, total: 65_537, [], isLast: false))) == .malformed)
        #expect(
            fault(Frame(FlowID(1), .firstFragment(number: 0x0300, total: 1, [], isLast: false))) == .malformed,
            "a proposal on the lane of votes")
        #expect(fault(Frame(FlowID(1), .credit(.max)), Frame(FlowID(1), .credit(.max))) == .creditOverrun)
        var (_, b) = pair()
        _ = try? b.receive(
            Frame(FlowID(2), .firstFragment(number: 0x0300, total: 2 << 20, [1], isLast: false)), now: now)
        #expect(b.bufferedBytes == 1)
        var pings = 0
        while (try? b.receive(Frame(.control, .ping(nonce: 1)), now: now)) != nil { pings += 1 }
        #expect(pings == limits.controlFramesBurst)
        // More streams than a class takes are refused, not a fault; the same limit holds for opening.
        var (a, c) = pair()
        for n in 0..<9 {
            let id = FlowID(17 + 2 * UInt32(n))
            let events = try? c.receive(Frame(id, open.content), now: now)
            #expect(events?.isEmpty == (n == 8))
            check(a.open(5, service: 1, request: [], isLast: true, now: now) == nil, n == 8)
        }
        check(drain(&c), [Frame(FlowID(33), .reset(code: ResetCode.busy))])
    }

    /// Shows that random valid frames in random order never trap, whatever they say.
    @Test func randomFrames() {
        var rng = SeededGenerator(seed: 17)
        for _ in 0..<400 {
            var (a, b) = pair()
            _ = a.open(5, service: 1, request: [], isLast: true, now: now)
            for n in 0..<100 {
                let at = Instant(nanoseconds: Int64(n) * 1_000_000_000)
                let flow = FlowID(UInt32.random(in: 0...21, using: &rng))
                let bytes = rng.bytes(Int.random(in: 0...50, using: &rng))
                let content: Frame.Content =
                    switch Int.random(in: 0..<7, using: &rng) {
                    case 0:
                        .open(
                            trafficClass: UInt8.random(in: 4...7, using: &rng), service: 1, request: bytes,
                            isLast: Bool.random(using: &rng))
                    case 1: .data(bytes, isLast: Bool.random(using: &rng))
                    case 2: .credit(UInt32.random(in: 0...UInt32.max, using: &rng))
                    case 3: .reset(code: 1)
                    case 4:
                        .firstFragment(
                            number: 0x0301, total: UInt32(bytes.count), bytes,
                            isLast: Bool.random(using: &rng))
                    case 5: .fragment(bytes, isLast: Bool.random(using: &rng))
                    default: .ping(nonce: 1)
                    }
                guard let frame = try? Frame(decoding: Frame(flow, content).encoded, bytesMax: 16_384) else { continue }
                guard (try? b.receive(frame, now: at)) != nil else { break }
                _ = b.settle()
                _ = b.next(room: 2_000, bulkIsOpen: true)
            }
        }
    }
}
