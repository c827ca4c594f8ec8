import Basis
import Records
import Trust
import Wire

/// Sealed frames in and out, and what the upper layers ask of a connection (`gossip.md` 5.2–5.5).
extension SessionTable {
    mutating func receiveMessage(_ sealed: [UInt8], on id: ConnectionID) {
        let crypto = crypto
        guard let message = connections[id]?.value.pull(sealed, with: crypto) else {
            stats.add(.streamMalformed)
            return closeConnection(id, .protocolError)
        }
        guard let frame = try? Frame(decoding: message.plaintext, bytesMax: limits.frameBytesMax) else {
            stats.add(.frameMalformed)
            return closeConnection(id, .protocolError)
        }
        connections[id]?.value.noteHeard(frame, now: now)
        if connections[id]?.peek({ $0.isUp }) == false {
            finishDial(of: id)
            comeUp(id)
        }
        take(frame, on: id)
        if message.isFinal, connections[id] != nil {
            let reason = connections[id]?.value.drain?.reason ?? .stopping
            loseConnection(id, reason)
        }
    }

    private mutating func finishDial(of id: ConnectionID) {
        guard let ticket = connections[id]?.value.facts?.ticket, let index = dialOfTicket[ticket] else { return }
        finishDial(index)
    }

    private mutating func take(_ frame: Frame, on id: ConnectionID) {
        guard var connection = connections.removeValue(forKey: id),
            let peer = connection.peek({ $0.established?.peer })
        else { return }
        let before = connection.peek { $0.mux.bufferedBytes }
        connection.value.mux.grantsCredit =
            bufferedBytes <= limits.receiveBufferBytesMax || seats.contains(peer)
        let result: Result<[Multiplexer.Event], FrameFault>
        do throws(FrameFault) {
            result = .success(try connection.value.mux.receive(frame, now: now))
        } catch {
            result = .failure(error)
        }
        bufferedBytes += connection.peek { $0.mux.bufferedBytes } - before
        if !connection.value.mux.grantsCredit { holdBack(id, &connection.value) }
        if connection.peek({ $0.mux.isBulk(frame) }) { bulkIn.spend(frame.encodedCount) }
        connections[id] = connection
        switch result {
        case .success(let events): for event in events { carry(event, id, peer) }
        case .failure(let fault):
            switch fault {
            case .malformed: stats.add(.frameMalformed)
            case .creditOverrun: stats.add(.creditOverrun)
            case .controlFlood: stats.add(.controlFlood)
            }
            closeConnection(id, fault == .controlFlood ? .overload : .protocolError)
        }
        // The last fragment of a message frees what its lane held, on this connection and for others.
        releaseHeldBack()
    }

    private mutating func carry(_ event: Multiplexer.Event, _ id: ConnectionID, _ peer: PeerID) {
        switch event {
        case .message(let message): effects.append(.deliverLane(message, from: peer))
        case .laneRoom(let trafficClass):
            effects.append(.laneRoom(peer, trafficClass: trafficClass))
        case .opened(let flow, let service, let request, let isLast):
            effects.append(
                .opened(id, flow, from: peer, service: service, request: request, isLast: isLast))
        case .bytes(let flow, let bytes, let isLast):
            effects.append(.streamBytes(id, flow, bytes, isLast: isLast))
        case .reset(let flow, let code): effects.append(.streamReset(id, flow, code: code))
        case .streamRoom(let flow): effects.append(.streamRoom(id, flow))
        case .pong(let nonce):
            // Probes are 32 bits; the idle PING of 5.4 has a bit above them.
            if nonce <= UInt64(UInt32.max) {
                effects.append(.streamPong(peer, probe: UInt32(truncatingIfNeeded: nonce)))
            }
        case .datagram(let compound): deliver(compound, id, peer)
        case .goAway(let reason, _): drain(id, reason, tells: false)
        }
    }

    private mutating func deliver(_ compound: [UInt8], _ id: ConnectionID, _ peer: PeerID) {
        let heads = CompoundHeads(compound)
        if !heads.isWellFormed { stats.add(.compoundMalformed) }
        if !heads.isOnlyReady { effects.append(.deliver(compound, from: peer, via: .main)) }
        if let reason = heads.goodbye { closeConnection(id, reason) }
    }

    private mutating func holdBack(_ id: ConnectionID, _ connection: inout Connection<Crypto>) {
        if bufferedBytes > 2 * limits.receiveBufferBytesMax && !connection.isPaused {
            connection.isPaused = true
            effects.append(.pauseReading(id))
        }
        if connection.isHeldBack { return }
        connection.isHeldBack = true
        heldBack.append(id)
    }

    /// Gives credit again to those held back once buffers are small enough.
    mutating func releaseHeldBack() {
        if heldBack.isEmpty || bufferedBytes > limits.receiveBufferBytesMax { return }
        let released = heldBack
        heldBack = []
        for id in released {
            connections[id]?.value.isHeldBack = false
            if connections[id]?.value.isPaused == true {
                connections[id]?.value.resume(now)
                effects.append(.resumeReading(id))
                scheduleConnection(id)
            }
            connections[id]?.value.mux.grantsCredit = true
            connections[id]?.value.mux.grantAll()
            pump(id)
        }
    }

    // MARK: asked by upper layers

    mutating func streamPing(_ peer: PeerID, probe: UInt32) {
        guard let id = peers[peer]?.main else {
            effects.append(.sendFailed(peer, .main, .noPath))
            return
        }
        sendControl(Frame(.control, .ping(nonce: UInt64(probe))), id)
        pump(id)
    }

    mutating func post(_ message: LaneMessage, to peer: PeerID) {
        guard let id = peers[peer]?.main, var connection = connections.removeValue(forKey: id),
            let trafficClass = MessageNumber.lane(message.number)
        else {
            stats.add(.sendWithoutPath)
            effects.append(.sendFailed(peer, .main, .noPath))
            return
        }
        let result = connection.value.mux.post(message)
        connections[id] = connection
        switch result {
        case .queued: break
        case .queuedDropping(let dropped):
            stats.add(.laneDropped, dropped)
            effects.append(.laneOverflow(peer, trafficClass: trafficClass, dropped: dropped))
        case .refused, .tooLarge:
            stats.add(.laneRefused)
            effects.append(.laneOverflow(peer, trafficClass: trafficClass, dropped: 1))
        }
        pump(id)
    }

    mutating func open(
        _ ticket: Ticket, _ peer: PeerID, _ service: UInt16, _ trafficClass: UInt8,
        _ request: [UInt8], _ isLast: Bool
    ) {
        guard let id = peers[peer]?.main else {
            effects.append(.openFailed(ticket, .noPath))
            return
        }
        let flow = connections[id]?.value.mux.open(
            trafficClass, service: service, request: request, isLast: isLast, now: now)
        guard let flow else {
            effects.append(.openFailed(ticket, .queueFull))
            return
        }
        effects.append(.openedLocally(ticket, id, flow))
        afterChange(id)
    }

    mutating func write(_ id: ConnectionID, _ flow: FlowID, _ bytes: [UInt8], _ isLast: Bool) {
        guard var connection = connections.removeValue(forKey: id) else { return }
        let isQueued = connection.value.mux.write(flow, bytes, isLast: isLast)
        if !isQueued, connection.value.mux.streams.contains(where: { $0.id == flow }) {
            connection.value.mux.reset(flow, code: ResetCode.internal)
            effects.append(.streamReset(id, flow, code: ResetCode.internal))
        }
        connections[id] = connection
        pump(id)
    }

    mutating func consumed(_ id: ConnectionID, _ flow: FlowID, _ bytes: Int) {
        guard var connection = connections.removeValue(forKey: id) else { return }
        let before = connection.peek { $0.mux.bufferedBytes }
        connection.value.mux.grantsCredit =
            bufferedBytes <= limits.receiveBufferBytesMax
            || seats.contains(connection.value.established?.peer ?? .zero)
        connection.value.mux.grantsBulkCredit = bulkIn.isOpen(now)
        connection.value.mux.consumed(flow, bytes: max(0, bytes), now: now)
        if !connection.value.mux.grantsBulkCredit && connection.value.mux.wantsBulkCredit {
            waitForBulk(id, bulkIn.wait)
        }
        bufferedBytes += connection.peek { $0.mux.bufferedBytes } - before
        if !connection.value.mux.grantsCredit { holdBack(id, &connection.value) }
        connections[id] = connection
        afterChange(id)
        releaseHeldBack()
    }

    // MARK: bytes out

    /// Whether one more DATAGRAM frame stays below what the peer takes per second.
    mutating func mayCarryDatagram(_ id: ConnectionID) -> Bool {
        guard var connection = connections.removeValue(forKey: id) else { return false }
        defer { connections[id] = connection }
        if connection.value.mux.controlBytes > limits.controlQueueBytesMax / 2 { return false }
        return connection.value.mux.datagramBudget.take(now)
    }

    mutating func sendDatagramFrame(_ compound: [UInt8], _ id: ConnectionID) -> Bool {
        guard connections[id] != nil else { return false }
        sendControl(Frame(.control, .datagram(compound)), id)
        pump(id)
        return true
    }

    mutating func sendControl(_ frame: Frame, _ id: ConnectionID) {
        if connections[id]?.value.mux.sendControl(frame) == false {
            stats.add(.controlFlood)
            closeConnection(id, .overload)
        }
    }

    /// Hands frames to the socket up to the write-ahead.
    mutating func pump(_ id: ConnectionID) {
        guard var connection = connections.removeValue(forKey: id) else { return }
        guard let peer = connection.peek({ $0.isOpen && $0.sender != nil ? $0.established?.peer : nil }) else {
            connections[id] = connection
            return
        }
        var out: [UInt8] = []
        let pingBefore = connection.peek { pingDue($0) }
        while true {
            let room =
                limits.writeAheadBytesMax - connection.value.queuedBytes - out.count
                - Connection<Crypto>.sealBytes
            let isOpen = bulkIsOpen
            guard room > 0, let frame = connection.value.mux.next(room: room, bulkIsOpen: isOpen) else { break }
            let bytes = frame.encoded
            if connection.peek({ $0.mux.isBulk(frame) }) {
                bulkOut.spend(bytes.count)
                bulkFloor.spend(bytes.count)
            }
            connection.value.noteSent(frame, now: now)
            connection.value.seal(bytes, isFinal: false, with: crypto, into: &out)
        }
        connection.value.queuedBytes += out.count
        let events = connection.value.mux.settle()
        if !connection.peek({ $0.mux.hasUrgentWaiting }) {
            urgent.remove(id)
        } else if urgent[id] == nil {
            urgent.insert(now, for: id)
        }
        let waitsForBulk = connection.peek { $0.mux.hasBulkWaiting } && !bulkIsOpen
        let isPingSooner = connection.peek { pingDue($0) < pingBefore }
        connections[id] = connection
        if isPingSooner { scheduleConnection(id) }
        if !out.isEmpty { effects.append(.writeBytes(id, out)) }
        for event in events { carry(event, id, peer) }
        if waitsForBulk { waitForBulk(id, max(bulkOut.wait, .milliseconds(5))) }
    }

    /// Whether class 6 may send: within the owner's rate, and only the floor while urgent bytes wait anywhere.
    private var bulkIsOpen: Bool {
        mutating get {
            if !bulkOut.isOpen(now) { return false }
            let isCongested = urgent.contains { now - $0.value > limits.urgentWaitMax }
            return bulkFloor.isOpen(now) || !isCongested
        }
    }

    private mutating func waitForBulk(_ id: ConnectionID, _ interval: Interval) {
        if !bulkWaiting.contains(id) { bulkWaiting.append(id) }
        deadlines.setNoLater(TimerID(kind: .bulk), than: now + interval)
    }

    mutating func bulkDue() {
        deadlines.cancel(TimerID(kind: .bulk))
        let waiting = bulkWaiting
        bulkWaiting = []
        // Whoever comes first takes the budget, so the order turns.
        for id in waiting.dropFirst() + waiting.prefix(1) {
            guard var connection = connections.removeValue(forKey: id) else { continue }
            connection.value.mux.grantsBulkCredit = bulkIn.isOpen(now)
            connection.value.mux.grantAll()
            let stillWaits = !connection.value.mux.grantsBulkCredit && connection.value.mux.wantsBulkCredit
            connections[id] = connection
            if stillWaits { waitForBulk(id, bulkIn.wait) }
            pump(id)
        }
    }
}

extension Frame {
    /// The PING of an idle connection: probes of a layer above have 32 bits, this has one above them.
    static let idlePing = Frame(.control, .ping(nonce: 1 << 32))

    var isIdlePing: Bool {
        if case .ping(let nonce) = content { return nonce > UInt64(UInt32.max) }
        return false
    }

    var isPingOrPong: Bool {
        switch content {
        case .ping, .pong: true
        default: false
        }
    }
}

extension Multiplexer {
    func isBulk(_ frame: Frame) -> Bool {
        guard case .data = frame.content else { return false }
        return streams.contains { $0.id == frame.flow && $0.trafficClass == TrafficClass.bulk }
    }
}
