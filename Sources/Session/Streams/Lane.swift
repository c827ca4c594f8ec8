import Basis
import Records

/// One direction pair of one class of messages on a connection (`gossip.md` 5.3): queue, credit, reassembly.
struct Lane: Sendable {
    /// A message being received; its memory grows with the bytes that came, never with the declared total.
    struct Partial: Sendable {
        var number: UInt16
        var total: Int
        var bytes: [UInt8]
        /// When its first fragment came.
        var startedAt: Instant
        /// How long it stood while frames came and its sender had credit.
        var age = Interval.zero
    }

    let rules: LaneRules
    /// Whole messages not begun, oldest first.
    private(set) var queue: [LaneMessage] = []
    private(set) var queueStart = 0
    private(set) var queuedBytes = 0
    /// The message being sent and how much of it is gone.
    private(set) var current: (message: LaneMessage, offset: Int)?
    var sendCredit: Int
    /// What the peer may still send.
    var receiveCredit: Int
    /// Bytes taken since the last grant.
    var taken = 0
    var partial: Partial?
    /// Since when a message waits; for the pause of bulk.
    var hasOverflowed = false

    init(rules: LaneRules) {
        self.rules = rules
        sendCredit = rules.windowBytes
        receiveCredit = rules.windowBytes
    }

    /// Received of a message that is not whole.
    var partialBytes: Int { partial?.bytes.count ?? 0 }
    /// Whether we took so much that credit is due, and did not grant it.
    var isCreditWithheld: Bool { taken >= rules.windowBytes / 2 }
    var hasWork: Bool { current != nil || queueStart < queue.count }
    /// number u16 ‖ total u32 in the first fragment.
    static let firstHeadBytes = 6

    /// Messages dropped to make room; or the new one refused.
    enum PostResult: Hashable { case queued, queuedDropping(Int), refused, tooLarge }

    mutating func post(_ message: LaneMessage) -> PostResult {
        if message.body.count > rules.messageBytesMax { return .tooLarge }
        var dropped = 0
        while queuedBytes + message.body.count > rules.queueBytesMax {
            switch rules.whenFull {
            case .refuseNew:
                hasOverflowed = true
                return .refused
            case .dropOldest: remove(at: queueStart)
            case .dropSameKey:
                let same = message.queueKey.flatMap { key in
                    queue[queueStart...].firstIndex { $0.queueKey == key }
                }
                remove(at: same ?? queueStart)
            }
            dropped += 1
        }
        queue.append(message)
        queuedBytes += message.body.count
        if dropped > 0 { hasOverflowed = true }
        return dropped == 0 ? .queued : .queuedDropping(dropped)
    }

    private mutating func remove(at index: Int) {
        queuedBytes -= queue[index].body.count
        queue.remove(at: index)
    }

    /// Whether the queue, having overflowed, is half empty again; tells it once.
    mutating func tellsRoom() -> Bool {
        if !hasOverflowed || queuedBytes > rules.queueBytesMax / 2 { return false }
        hasOverflowed = false
        return true
    }

    /// Messages not begun, for the connection that replaces this one.
    mutating func takeQueue() -> [LaneMessage] {
        let waiting = Array(queue[queueStart...])
        queue = []
        queueStart = 0
        queuedBytes = 0
        return waiting
    }

    /// How long the next frame would be, head included, with at most `room` bytes; nil if nothing can be sent.
    ///
    /// A message begins only when the credit covers it, or half a window if it is longer: its receiver closes the
    /// connection when the rest does not follow, and the next CREDIT may be late.
    func nextFrameBytes(room: Int) -> Int? {
        guard hasWork, let body = nextBodyBytes(room: room) else { return nil }
        return Frame.headBytes + body
    }

    private func nextBodyBytes(room: Int) -> Int? {
        let space = min(room - Frame.headBytes, sendCredit)
        if let (message, offset) = current {
            let rest = message.body.count - offset
            return space < min(rest, 1) ? nil : min(rest, space)
        }
        guard queueStart < queue.count, space >= Lane.firstHeadBytes else { return nil }
        let whole = Lane.firstHeadBytes + queue[queueStart].body.count
        // The receiver, when it has taken all, holds back less than half a window of credit.
        if sendCredit < min(whole, rules.windowBytes / 2) { return nil }
        return min(whole, space)
    }

    /// The next fragment of at most `room` bytes with its head. `nextFrameBytes(room:)` is not nil.
    mutating func nextFrame(room: Int) -> Frame {
        let body = nextBodyBytes(room: room) ?? 0
        sendCredit -= body
        let flow = FlowID(UInt32(rules.trafficClass))
        if let (message, offset) = current {
            let end = offset + body
            let isLast = end == message.body.count
            current = isLast ? nil : (message, end)
            return Frame(flow, .fragment(Array(message.body[offset..<end]), isLast: isLast))
        }
        let message = queue[queueStart]
        queueStart += 1
        queuedBytes -= message.body.count
        if queueStart > 64 && queueStart * 2 > queue.count {
            queue.removeFirst(queueStart)
            queueStart = 0
        }
        let end = body - Lane.firstHeadBytes
        let isLast = end == message.body.count
        current = isLast ? nil : (message, end)
        return Frame(
            flow,
            .firstFragment(
                number: message.number, total: UInt32(message.body.count),
                Array(message.body[..<end]), isLast: isLast))
    }

    /// Takes a received fragment; a whole message comes back.
    mutating func receive(
        first: (number: UInt16, total: UInt32)?, _ bytes: [UInt8], isLast: Bool, now: Instant
    ) throws(FrameFault) -> LaneMessage? {
        let cost = bytes.count + (first == nil ? 0 : Lane.firstHeadBytes)
        if cost > receiveCredit { throw .creditOverrun }
        receiveCredit -= cost
        taken += cost
        var whole: Partial
        if let first {
            if partial != nil || Int(first.total) > rules.messageBytesMax
                || MessageNumber.lane(first.number) != rules.trafficClass
            {
                throw .malformed
            }
            whole = Partial(number: first.number, total: Int(first.total), bytes: bytes, startedAt: now)
        } else {
            guard let standing = partial else { throw .malformed }
            partial = nil
            whole = standing
            whole.bytes += bytes
        }
        if whole.bytes.count > whole.total || isLast != (whole.bytes.count == whole.total) {
            throw .malformed
        }
        if isLast { return LaneMessage(whole.number, whole.bytes) }
        partial = whole
        return nil
    }
}

/// Why a connection is closed by what came over it.
enum FrameFault: Error, Hashable, Sendable {
    case malformed, creditOverrun, controlFlood
}
