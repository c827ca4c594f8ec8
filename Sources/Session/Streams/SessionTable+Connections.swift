import Basis
import Records
import Trust
import Wire

/// Stream connections: accepting, handshake packets, the way up (`gossip.md` 5.1).
extension SessionTable {
    static var handshakePacketBytesMax: Int { 512 }

    mutating func handleStream(_ input: SessionInput) {
        switch input {
        case .connected(let ticket, let id, let to): connected(ticket, id, to: to)
        case .connectFailed(let ticket, let failure):
            if let index = dialOfTicket[ticket], dials[index]?.stage == .connecting {
                dials[index]?.stage = .helloSent
                failDial(index, failure)
            }
        case .accepted(let id, let from): accepted(id, from: from)
        case .bytes(let id, let bytes): received(bytes, on: id)
        case .writable(let id, let queued):
            connections[id]?.value.queuedBytes = max(0, queued)
            pump(id)
        case .ended(let id): ended(id)
        case .streamPing(let peer, let probe): streamPing(peer, probe: probe)
        case .post(let peer, let message): post(message, to: peer)
        case .open(let ticket, let peer, let service, let trafficClass, let request, let isLast):
            open(ticket, peer, service, trafficClass, request, isLast)
        case .write(let id, let flow, let bytes, let isLast): write(id, flow, bytes, isLast)
        case .consumed(let id, let flow, let bytes): consumed(id, flow, bytes)
        case .reset(let id, let flow, let code):
            connections[id]?.value.mux.reset(flow, code: code)
            afterChange(id)
        case .bulkRate(let out, let receive):
            bulkOut = ByteBudget(perSecond: out, now: now)
            bulkIn = ByteBudget(perSecond: receive, now: now)
            bulkDue()
        default: unreachable("an input of the datagram half came to the stream half")
        }
    }

    private mutating func connected(_ ticket: Ticket, _ id: ConnectionID, to: SocketAddress) {
        guard let index = dialOfTicket[ticket], let dial = dials[index], dial.stage == .connecting else {
            // Cancelled meanwhile.
            effects.append(.closeConnection(id))
            return
        }
        invariant(connections[id] == nil, "\(id) is in use")
        dials[index]?.connection = id
        dials[index]?.stage = dial.network == nil ? .helloSent : .cookieSent
        connections[id] = Boxed(
            Connection(
                remote: to, isInitiator: true, phase: .initiating(index), limits: limits,
                deadline: dial.deadline, now: now))
        unfinishedStreams += 1
        scheduleConnection(id)
        writePacket(dial.hello.encoded, id)
    }

    func hostKey(_ address: SocketAddress) -> SocketAddress? {
        if address.scope != .global { return nil }
        return address.family == .v4
            ? address.with(port: 0) : SocketAddress(v6High: address.high, low: 0, port: 0)
    }

    private mutating func accepted(_ id: ConnectionID, from: SocketAddress) {
        invariant(connections[id] == nil, "\(id) is in use")
        let host = hostKey(from)
        let ofHost = host.map { connectionsPerHost[$0, default: 0] } ?? 0
        if connections.count >= limits.streamConnectionsMax || unfinishedStreams >= limits.streamHandshakesMax
            || ofHost >= limits.streamConnectionsPerHostMax || network == nil
        {
            stats.add(.streamRefused)
            effects.append(.closeConnection(id))
            return
        }
        if let host { connectionsPerHost[host] = ofHost + 1 }
        connections[id] = Boxed(
            Connection(
                remote: from, isInitiator: false, phase: .awaitingHello, limits: limits,
                deadline: now + limits.handshakeInterval, now: now))
        unfinishedStreams += 1
        scheduleConnection(id)
    }

    private mutating func writePacket(_ packet: [UInt8], _ id: ConnectionID) {
        var w = WireWriter(capacity: packet.count + 2)
        w.blob16(packet)
        writeRaw(w.finish(), id)
    }

    mutating func writeRaw(_ bytes: [UInt8], _ id: ConnectionID) {
        if bytes.isEmpty { return }
        connections[id]?.value.queuedBytes += bytes.count
        effects.append(.writeBytes(id, bytes))
    }

    // MARK: bytes in

    mutating func received(_ bytes: [UInt8], on id: ConnectionID) {
        guard connections[id] != nil else { return }
        connections[id]?.value.fill(bytes)
        while takeOne(id) {}
        afterChange(id)
    }

    /// Takes one packet, header or frame from the inbox; false if none is whole.
    private mutating func takeOne(_ id: ConnectionID) -> Bool {
        let (frameBytesMax, packetBytesMax) = (limits.frameBytesMax, Self.handshakePacketBytesMax)
        guard
            let next = connections[id]?.value.takeMessage(
                frameBytesMax: frameBytesMax, packetBytesMax: packetBytesMax)
        else { return takeHeader(id) }
        switch next.taken {
        case .whole(let bytes):
            if next.isFrame { receiveMessage(bytes, on: id) } else { takePacket(bytes, id) }
            return true
        case .badLength:
            stats.add(.streamMalformed)
            if next.isFrame { closeConnection(id, .protocolError) } else { breakHandshake(id, .badSignature) }
            return false
        case .partial: return false
        }
    }

    private mutating func takeHeader(_ id: ConnectionID) -> Bool {
        guard let key = connections[id]?.value.established?.receiveKey,
            let header = connections[id]?.value.take(SessionCryptoSizes.streamHeaderBytes)
        else { return false }
        let receiver = crypto.streamReceiver(key: key, header: header)
        connections[id]?.value.receiver = receiver
        return true
    }

    private mutating func takePacket(_ packet: [UInt8], _ id: ConnectionID) {
        switch connections[id]?.value.phase {
        case .initiating(let index): receiveAnswer(packet, of: index, on: id)
        case .awaitingHello: receiveHello(packet, on: id)
        case .accepted(let acceptance): receiveConfirm(packet, acceptance, on: id)
        case .open, nil: unreachable("\(id) takes packets after its handshake")
        }
    }

    /// Ends a connection whose handshake cannot go on.
    mutating func breakHandshake(_ id: ConnectionID, _ failure: DialFailure) {
        if case .initiating(let index) = connections[id]?.value.phase {
            failDial(index, failure)
        } else {
            dropConnection(id)
        }
    }

    // MARK: initiator

    private mutating func receiveAnswer(_ packet: [UInt8], of index: UInt32, on id: ConnectionID) {
        guard let dial = dials[index], let kind = packet.first else { return dropConnection(id) }
        let echo = Array(dial.hello.ephemeral.bytes.prefix(16))
        switch kind {
        case PacketKind.retry:
            guard let retry = try? Retry(decoding: packet), retry.initiatorIndex == index,
                retry.echo == echo, retry.cookie == Hello.noCookie, dial.stage == .helloSent
            else { break }
            switch applyRetry(retry, to: dial) {
            case .failure(let failure): failDial(index, failure)
            case .success(let dial):
                dials[index] = dial
                writePacket(dial.hello.encoded, id)
            }
            return
        case PacketKind.refuse:
            guard let refuse = try? Refuse(decoding: packet), refuse.initiatorIndex == index,
                refuse.echo == echo
            else { break }
            return failDial(index, refuse.failure)
        case PacketKind.accept:
            guard let accept = try? Accept(decoding: packet), accept.initiatorIndex == index,
                dial.stage == .cookieSent
            else { break }
            return receiveAccept(accept, dial, on: id)
        default: break
        }
        stats.add(.streamMalformed)
        failDial(index, .badSignature)
    }

    private mutating func receiveAccept(_ accept: Accept, _ dial: Initiation, on id: ConnectionID) {
        do throws(HandshakeFault) {
            let (established, confirm) = try answer(accept, to: dial)
            dials[dial.hello.initiatorIndex]?.stage = .confirmSent
            writePacket(confirm.encoded, id)
            openStream(id, established, ticket: dial.ticket)
        } catch {
            switch error {
            case .unopened:
                stats.add(.acceptUnopened)
                failDial(dial.hello.initiatorIndex, .badSignature)
            case .failed(let failure):
                countFault(failure)
                failDial(dial.hello.initiatorIndex, failure)
            }
        }
    }

    // MARK: responder

    private mutating func receiveHello(_ packet: [UInt8], on id: ConnectionID) {
        guard let remote = connections[id]?.value.remote, let network,
            let hello = try? Hello(decoding: packet, on: .stream)
        else {
            stats.add(.packetMalformed)
            return dropConnection(id)
        }
        if let own = dials[hello.initiatorIndex], own.hello.ephemeral == hello.ephemeral {
            stats.add(.helloSelf)
            dropConnection(id)
            return failDial(hello.initiatorIndex, .selfDial)
        }
        if hello.network.isZero {
            // First contact: name the network; the initiator says Hello again.
            let retry = Retry(to: hello, cookie: Hello.noCookie, network: network, limits: limits)
            return writePacket(retry.encoded, id)
        }
        var reason = refusal(of: hello, network: network)
        if reason == nil && !budgets.accepts.take(now) {
            stats.add(.acceptsFull)
            reason = .busy
        }
        if let reason {
            stats.add(.refused)
            let refuse = Refuse(
                to: hello, reason, retrySeconds: reason == .busy ? 10 : 60, network: network,
                limits: limits)
            writePacket(refuse.encoded, id)
            return dropConnection(id)
        }
        guard let acceptance = makeAcceptance(hello, from: remote, on: .any, network: network)
        else { return dropConnection(id) }
        connections[id]?.value.phase = .accepted(acceptance)
        writePacket(acceptance.accept.encoded, id)
    }

    private mutating func receiveConfirm(
        _ packet: [UInt8], _ acceptance: Acceptance<Crypto>, on id: ConnectionID
    ) {
        guard let confirm = try? Confirm(decoding: packet),
            confirm.responderIndex == acceptance.accept.responderIndex
        else {
            stats.add(.packetMalformed)
            return dropConnection(id)
        }
        do throws(HandshakeFault) {
            let established = try conclude(confirm, acceptance)
            openStream(id, established, ticket: nil)
            _ = sendDatagramFrame(Compound([.ready]).encoded, id)
            comeUp(id)
        } catch {
            switch error {
            case .unopened: stats.add(.confirmUnopened)
            case .failed(let failure): countFault(failure)
            }
            dropConnection(id)
        }
    }

    // MARK: up

    /// Both identities are proven: sends our stream header; frames may follow.
    private mutating func openStream(_ id: ConnectionID, _ established: Established, ticket: Ticket?) {
        guard var connection = connections.removeValue(forKey: id) else { return }
        let (sender, header) = crypto.streamSender(key: established.sendKey)
        connection.value.sender = sender
        connection.value.established = established
        connection.value.facts = facts(
            established, path: .main, remote: connection.value.remote, isOutbound: connection.value.isInitiator,
            ticket: ticket)
        connection.value.phase = .open
        connections[id] = connection
        writeRaw(header, id)
    }

    /// The first proof that the other end has the keys: the connection takes its place with the peer.
    mutating func comeUp(_ id: ConnectionID) {
        guard let connection = connections[id]?.value, let established = connection.established,
            var facts = connection.facts
        else { return }
        unfinishedStreams -= 1
        let openedAt = now
        connections[id]?.value.isUp = true
        connections[id]?.value.openedAt = openedAt
        let peer = established.peer
        var state = peers[peer] ?? PeerState()
        facts.hasRestarted = state.lastBootNonce.map { $0 != facts.bootNonce } ?? false
        state.lastBootNonce = facts.bootNonce
        proven.note(connection.remote, max: limits.provenAddressesMax)
        var told = facts
        let retiredUntil = now + limits.retiredInterval
        if let other = state.main, let standing = connections[other]?.value, let known = standing.facts {
            if newerWins(facts, over: known, oldOpenedAt: standing.openedAt, peer: peer) {
                state.main = id
                peers.insert(state, for: peer)
                moveLanes(from: other, to: id)
                connections[other]?.value.retiredUntil = retiredUntil
                scheduleConnection(other)
            } else {
                connections[id]?.value.retiredUntil = retiredUntil
                told = known
                told.ticket = facts.ticket
            }
        } else {
            state.main = id
        }
        connections[id]?.value.facts = facts
        peers.insert(state, for: peer)
        scheduleConnection(id)
        effects.append(.sessionUp(peer, told))
        if !state.outbox.isEmpty { flush(peer) }
        pump(id)
    }

    /// Messages that the loser has not begun leave over the winner.
    private mutating func moveLanes(from old: ConnectionID, to new: ConnectionID) {
        guard var loser = connections.removeValue(forKey: old) else { return }
        var waiting: [LaneMessage] = []
        for i in loser.value.mux.lanes.indices { waiting += loser.value.mux.lanes[i].takeQueue() }
        connections[old] = loser
        for message in waiting { _ = connections[new]?.value.mux.post(message) }
    }
}
