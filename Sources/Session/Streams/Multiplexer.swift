import Basis
import Records
import Trust

/// Shares one connection among classes of traffic (`gossip.md` 5.2, 5.3).
///
/// Control frames and class 1 go strictly first. Classes 2…6 share by deficit round robin, quantum 4 KiB × weight. A
/// receiver bounds each flow by credit, so that a slow consumer of one flow holds up no other. What leaves is asked
/// for by `next(room:)`, so at most the write-ahead of the connection stands between a new vote and the socket.
///
/// Knows nothing of keys or sockets: frames in, frames out.
struct Multiplexer: Sendable {
    enum Event: Sendable, Hashable {
        case message(LaneMessage)
        case laneRoom(trafficClass: UInt8)
        case opened(FlowID, service: UInt16, request: [UInt8], isLast: Bool)
        case bytes(FlowID, [UInt8], isLast: Bool)
        case reset(FlowID, code: UInt16)
        case streamRoom(FlowID)
        case pong(nonce: UInt64)
        case datagram([UInt8])
        case goAway(CloseReason, retrySeconds: UInt16)
    }

    static let quantumBytes = 4_096
    /// A fragment smaller than this is not worth its head; wait for room instead.
    static let roomMin = 1_024
    static let sharedClasses: [UInt8] = [2, 3, 4, 5, 6]

    let limits: SessionLimits
    let isInitiator: Bool
    var lanes: [Lane] = LaneRules.all.map { Lane(rules: $0) }
    /// Ascending by id; ≤ 2 × 24, so a list is searched as fast as a table.
    var streams: [StreamFlow] = []
    var control: [Frame] = []
    var controlBytes = 0
    var nextLocalFlow: UInt32
    /// Highest flow that the peer opened.
    var lastRemoteFlow: UInt32 = 0
    /// Whether new streams are refused, on both sides.
    var isDraining = false
    /// Whether credit is given; off while the node holds too much unread.
    var grantsCredit = true
    /// Whether class 6 is given credit; off while the owner's rate is used up.
    var grantsBulkCredit = true
    var controlBudget: SecondBudget
    /// DATAGRAM frames that we may send: below what the peer allows all control frames.
    var datagramBudget: SecondBudget
    /// When the last frame came: of the time since then partial messages age by `partialSilence` at most.
    var lastFrameAt: Instant
    var stats = SessionStats()

    var turn = 0
    var deficit: [Int]
    var hasTurnStarted = false
    /// The stream of each class that sent last.
    var lastStream: [FlowID]

    init(limits: SessionLimits, isInitiator: Bool, now: Instant) {
        self.limits = limits
        self.isInitiator = isInitiator
        // Odd if opened by the TCP initiator.
        nextLocalFlow = isInitiator ? 17 : 16
        controlBudget = SecondBudget(
            perSecond: limits.controlFramesPerSecondMax, burst: limits.controlFramesBurst, now: now)
        datagramBudget = SecondBudget(
            perSecond: limits.controlFramesPerSecondMax / 2, burst: limits.controlFramesBurst / 4,
            now: now)
        lastFrameAt = now
        deficit = [Int](repeating: 0, count: Multiplexer.sharedClasses.count)
        lastStream = [FlowID](repeating: .control, count: 8)
    }

    // MARK: sending

    func lane(_ trafficClass: UInt8) -> Int? {
        (1...4).contains(trafficClass) ? Int(trafficClass) - 1 : nil
    }

    mutating func post(_ message: LaneMessage) -> Lane.PostResult {
        guard let index = MessageNumber.lane(message.number).flatMap({ lane($0) }) else { return .refused }
        return lanes[index].post(message)
    }

    /// False if the control queue is full: the connection must be closed with `overload`.
    mutating func sendControl(_ frame: Frame) -> Bool {
        control.append(frame)
        controlBytes += frame.encodedCount
        return controlBytes <= limits.controlQueueBytesMax
    }

    /// Opens a stream; nil while draining or with too many of the class open.
    mutating func open(
        _ trafficClass: UInt8, service: UInt16, request: [UInt8], isLast: Bool, now: Instant
    ) -> FlowID? {
        let open = streams.count { $0.isLocal && $0.trafficClass == trafficClass }
        if isDraining || open >= limits.streamsPerClassMax[trafficClass] ?? 0
            || request.count > limits.requestBytesMax || nextLocalFlow > UInt32.max - 2
        {
            return nil
        }
        let id = FlowID(nextLocalFlow)
        nextLocalFlow += 2
        var stream = StreamFlow(id: id, trafficClass: trafficClass, isLocal: true, now: now)
        stream.hasSentLast = isLast
        insert(stream)
        _ = sendControl(
            Frame(id, .open(trafficClass: trafficClass, service: service, request: request, isLast: isLast)))
        return id
    }

    private mutating func insert(_ stream: StreamFlow) {
        let at = streams.firstIndex { $0.id > stream.id } ?? streams.count
        streams.insert(stream, at: at)
    }

    /// Queues bytes of a stream; false if it is unknown, ended, or holds too much.
    mutating func write(_ id: FlowID, _ bytes: [UInt8], isLast: Bool) -> Bool {
        guard let i = streams.firstIndex(where: { $0.id == id }), !streams[i].endsAfterQueue,
            !streams[i].hasSentLast,
            streams[i].queuedBytes + bytes.count <= limits.streamQueueBytesMax
        else { return false }
        streams[i].write(bytes, isLast: isLast)
        return true
    }

    /// Ends a stream in both directions.
    mutating func reset(_ id: FlowID, code: UInt16) {
        guard let i = streams.firstIndex(where: { $0.id == id }) else { return }
        streams.remove(at: i)
        _ = sendControl(Frame(id, .reset(code: code)))
    }

    /// The next frame of at most `room` bytes with its head, in the order of 5.3; nil if nothing may go.
    mutating func next(room: Int, bulkIsOpen: Bool) -> Frame? {
        if let frame = control.first {
            let bytes = frame.encodedCount
            if bytes > room { return nil }
            control.removeFirst()
            controlBytes -= bytes
            return frame
        }
        if room < Multiplexer.roomMin { return nil }
        let room = min(room, limits.frameBytesMax)
        if lanes[0].nextFrameBytes(room: room) != nil { return lanes[0].nextFrame(room: room) }
        return nextShared(room: room, bulkIsOpen: bulkIsOpen)
    }

    /// Deficit round robin over classes 2…6. A class earns one quantum each time its turn begins; at most 4 rounds
    /// earn a whole frame for the lightest.
    private mutating func nextShared(room: Int, bulkIsOpen: Bool) -> Frame? {
        let classes = Multiplexer.sharedClasses
        var idle = 0
        for _ in 0..<classes.count * 8 {
            let trafficClass = classes[turn]
            guard let bytes = nextBytes(trafficClass, room: room, bulkIsOpen: bulkIsOpen) else {
                deficit[turn] = 0
                advanceTurn()
                idle += 1
                if idle == classes.count { return nil }
                continue
            }
            idle = 0
            if !hasTurnStarted {
                hasTurnStarted = true
                deficit[turn] += Multiplexer.quantumBytes * LaneRules.weight(trafficClass)
            }
            if deficit[turn] >= bytes {
                deficit[turn] -= bytes
                return nextFrame(trafficClass, room: room)
            }
            advanceTurn()
        }
        return nil
    }

    private mutating func advanceTurn() {
        turn = (turn + 1) % Multiplexer.sharedClasses.count
        hasTurnStarted = false
    }

    private func nextBytes(_ trafficClass: UInt8, room: Int, bulkIsOpen: Bool) -> Int? {
        if let index = lane(trafficClass) { return lanes[index].nextFrameBytes(room: room) }
        if trafficClass == TrafficClass.bulk && !bulkIsOpen { return nil }
        return nextStream(trafficClass).flatMap { streams[$0].nextFrameBytes(room: room) }
    }

    private mutating func nextFrame(_ trafficClass: UInt8, room: Int) -> Frame? {
        if let index = lane(trafficClass) { return lanes[index].nextFrame(room: room) }
        guard let i = nextStream(trafficClass) else { return nil }
        let frame = streams[i].nextFrame(room: room)
        lastStream[Int(trafficClass)] = streams[i].id
        return frame
    }

    /// The streams of a class take turns by id.
    private func nextStream(_ trafficClass: UInt8) -> Int? {
        let last = lastStream[Int(trafficClass)]
        func first(_ condition: (StreamFlow) -> Bool) -> Int? {
            streams.firstIndex { $0.trafficClass == trafficClass && $0.isSendable && condition($0) }
        }
        return first { $0.id > last } ?? first { _ in true }
    }

    /// Removes streams that ended, and says which lanes and streams have room again. Call after sending.
    mutating func settle() -> [Event] {
        var events: [Event] = []
        for i in lanes.indices where lanes[i].tellsRoom() {
            events.append(.laneRoom(trafficClass: lanes[i].rules.trafficClass))
        }
        for i in streams.indices where streams[i].tellsRoom() { events.append(.streamRoom(streams[i].id)) }
        streams.removeAll { $0.isDone && $0.unconsumed == 0 }
        return events
    }

    var hasBulkWaiting: Bool {
        streams.contains { $0.trafficClass == TrafficClass.bulk && $0.isSendable }
    }
    /// Whether bytes of classes 0…2 wait to be sent.
    var hasUrgentWaiting: Bool { !control.isEmpty || lanes[0].hasWork || lanes[1].hasWork }
    /// Whether a bulk stream would be given credit but for the rate.
    var wantsBulkCredit: Bool {
        streams.contains { $0.trafficClass == TrafficClass.bulk && $0.isGrantDue }
    }
    /// Whether nothing is left to send or expected, so that a draining connection may close.
    var isQuiet: Bool {
        streams.isEmpty && control.isEmpty
            && lanes.indices.allSatisfy { !lanes[$0].hasWork && lanes[$0].partial == nil }
    }
    /// Received and not yet taken by a consumer.
    var bufferedBytes: Int {
        // By index: each element would be copied otherwise.
        var bytes = 0
        for i in streams.indices { bytes += streams[i].unconsumed }
        for i in lanes.indices { bytes += lanes[i].partialBytes }
        return bytes
    }
}
