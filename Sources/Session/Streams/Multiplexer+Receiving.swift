import Basis
import Records

extension Multiplexer {
    /// Takes one frame. After a fault the connection must be closed; nothing more may be received.
    ///
    /// A message that stays partial while frames arrive is a fault: its sender fills the connection with others and
    /// holds our memory. Silence is none, since a stream that stands still holds back the rest of the message too.
    mutating func receive(_ frame: Frame, now: Instant) throws(FrameFault) -> [Event] {
        agePartials(now)
        let events = try carryOut(frame, now: now)
        if hasOverduePartial(now: now) { throw .malformed }
        return events
    }

    private mutating func carryOut(_ frame: Frame, now: Instant) throws(FrameFault) -> [Event] {
        if frame.flow == .control || frame.isReset, !controlBudget.take(now) { throw .controlFlood }
        switch frame.content {
        case .open(let trafficClass, let service, let request, let isLast):
            return try receiveOpen(frame.flow, trafficClass, service, request, isLast, now: now)
        case .data(let bytes, let isLast): return try receiveData(frame.flow, bytes, isLast, now: now)
        case .credit(let bytes):
            try receiveCredit(frame.flow, bytes, now: now)
            return []
        case .reset(let code):
            guard let i = try index(of: frame.flow) else { return [] }
            streams.remove(at: i)
            return [.reset(frame.flow, code: code)]
        case .firstFragment(let number, let total, let bytes, let isLast):
            return try receiveFragment(frame.flow, (number, total), bytes, isLast, now: now)
        case .fragment(let bytes, let isLast):
            return try receiveFragment(frame.flow, nil, bytes, isLast, now: now)
        case .ping(let nonce):
            if !sendControl(Frame(.control, .pong(nonce: nonce))) { throw .controlFlood }
            return []
        case .pong(let nonce): return [.pong(nonce: nonce)]
        case .goAway(let reason, let retrySeconds, _):
            isDraining = true
            return [.goAway(reason, retrySeconds: retrySeconds)]
        case .datagram(let compound): return [.datagram(compound)]
        }
    }

    /// The consumer took bytes of a stream; credit follows when half a window is taken.
    mutating func consumed(_ id: FlowID, bytes: Int, now: Instant) {
        guard let i = streams.firstIndex(where: { $0.id == id }) else { return }
        let count = min(bytes, streams[i].unconsumed)
        streams[i].unconsumed -= count
        streams[i].taken += count
        // While bytes lay here unread the silence was ours.
        streams[i].heardAt = now
        grant(stream: i)
    }

    /// Gives all credit that was held back.
    mutating func grantAll() {
        for i in streams.indices { grant(stream: i) }
        for i in lanes.indices { grant(lane: i) }
    }

    /// Which streams that we opened gave no byte for too long while they could.
    func stalledStreams(now: Instant) -> [FlowID] {
        streams.filter { $0.canStall && now - $0.heardAt >= limits.streamStall }.map(\.id)
    }

    /// When the next stream runs out of time.
    var nextStall: Instant? {
        var next: Instant?
        // By index: each element would be copied otherwise.
        for i in streams.indices where streams[i].canStall {
            let at = streams[i].heardAt + limits.streamStall
            next = min(next ?? at, at)
        }
        return next
    }

    // MARK: below their use

    /// Partial messages age by the time between two frames, by `partialSilence` at most, and not while the credit for
    /// their rest is held back here.
    private mutating func agePartials(_ now: Instant) {
        let gap = now - lastFrameAt
        lastFrameAt = now
        for i in lanes.indices {
            guard let partial = lanes[i].partial, !lanes[i].isCreditWithheld else { continue }
            lanes[i].partial?.age = partial.age + min(gap, limits.partialSilence)
        }
    }

    private func hasOverduePartial(now: Instant) -> Bool {
        // By index, as above: every frame comes here.
        for i in lanes.indices {
            guard let partial = lanes[i].partial else { continue }
            let most = lanes[i].rules.trafficClass == 1 ? limits.partialVoteInterval : limits.partialInterval
            if partial.age >= most || now - partial.startedAt >= most * limits.partialSilenceFactor { return true }
        }
        return false
    }

    /// Where the stream is; nil if it was and is over; a fault if it never was.
    private func index(of id: FlowID) throws(FrameFault) -> Int? {
        if let i = streams.firstIndex(where: { $0.id == id }) { return i }
        let isLocal = (id.number % 2 == 1) == isInitiator
        let wasOpened = isLocal ? id.number < nextLocalFlow : id.number <= lastRemoteFlow
        if !wasOpened { throw .malformed }
        return nil
    }

    private mutating func receiveOpen(
        _ id: FlowID, _ trafficClass: UInt8, _ service: UInt16, _ request: [UInt8], _ isLast: Bool,
        now: Instant
    ) throws(FrameFault) -> [Event] {
        let isRemote = (id.number % 2 == 1) != isInitiator
        if !isRemote || id.number <= lastRemoteFlow || !(5...7).contains(trafficClass)
            || request.count > limits.requestBytesMax
        {
            throw .malformed
        }
        lastRemoteFlow = id.number
        let open = streams.count { !$0.isLocal && $0.trafficClass == trafficClass }
        // Class 7 belongs to stage 2 and has no streams here yet.
        let most = limits.streamsPerClassMax[trafficClass] ?? 0
        if isDraining || open >= most {
            stats.add(.streamBusy)
            let code = most == 0 ? ResetCode.refused : ResetCode.busy
            if !sendControl(Frame(id, .reset(code: code))) { throw .controlFlood }
            return []
        }
        var stream = StreamFlow(id: id, trafficClass: trafficClass, isLocal: false, now: now)
        stream.hasReceivedLast = isLast
        let at = streams.firstIndex { $0.id > id } ?? streams.count
        streams.insert(stream, at: at)
        return [.opened(id, service: service, request: request, isLast: isLast)]
    }

    private mutating func receiveData(
        _ id: FlowID, _ bytes: [UInt8], _ isLast: Bool, now: Instant
    ) throws(FrameFault) -> [Event] {
        guard let i = try index(of: id) else {
            stats.add(.streamUnknownFlow)
            return []
        }
        if streams[i].hasReceivedLast { throw .malformed }
        if bytes.count > streams[i].receiveCredit { throw .creditOverrun }
        streams[i].receiveCredit -= bytes.count
        streams[i].unconsumed += bytes.count
        streams[i].heardAt = now
        if isLast { streams[i].hasReceivedLast = true }
        return [.bytes(id, bytes, isLast: isLast)]
    }

    private mutating func receiveCredit(
        _ id: FlowID, _ bytes: UInt32, now: Instant
    ) throws(FrameFault) {
        let most = 1 << 31
        if id.number < 16 {
            guard let lane = lane(UInt8(clamping: id.number)) else { throw .malformed }
            lanes[lane].sendCredit += Int(bytes)
            if lanes[lane].sendCredit > most { throw .creditOverrun }
            return
        }
        guard let i = try index(of: id) else { return }
        streams[i].sendCredit += Int(bytes)
        streams[i].heardAt = now
        if streams[i].sendCredit > most { throw .creditOverrun }
    }

    private mutating func receiveFragment(
        _ id: FlowID, _ first: (number: UInt16, total: UInt32)?, _ bytes: [UInt8], _ isLast: Bool,
        now: Instant
    ) throws(FrameFault) -> [Event] {
        guard let lane = lane(UInt8(clamping: id.number)) else { throw .malformed }
        let message = try lanes[lane].receive(first: first, bytes, isLast: isLast, now: now)
        grant(lane: lane)
        return message.map { [.message($0)] } ?? []
    }

    /// Class 1 always gets credit: votes are what a flood must not stop.
    private mutating func grant(lane i: Int) {
        let window = lanes[i].rules.windowBytes
        if lanes[i].taken < window / 2 || (!grantsCredit && i > 0) { return }
        let frame = Frame(FlowID(UInt32(lanes[i].rules.trafficClass)), .credit(UInt32(lanes[i].taken)))
        lanes[i].receiveCredit += lanes[i].taken
        lanes[i].taken = 0
        _ = sendControl(frame)
    }

    private mutating func grant(stream i: Int) {
        if !streams[i].isGrantDue || !grantsCredit { return }
        if streams[i].trafficClass == TrafficClass.bulk && !grantsBulkCredit { return }
        let frame = Frame(streams[i].id, .credit(UInt32(streams[i].taken)))
        streams[i].receiveCredit += streams[i].taken
        streams[i].taken = 0
        _ = sendControl(frame)
    }
}

extension StreamFlow {
    /// Whether half a window was taken, so that credit should follow.
    var isGrantDue: Bool {
        !hasReceivedLast && taken >= LaneRules.streamWindow(trafficClass) / 2
    }

    /// Whether silence is the peer's: we asked, it has credit and has not ended, and our request is all sent.
    var canStall: Bool {
        isLocal && !hasReceivedLast && unconsumed == 0 && receiveCredit > 0 && queuedBytes == 0
    }
}

extension Frame {
    var isReset: Bool {
        if case .reset = content { return true }
        return false
    }
}
