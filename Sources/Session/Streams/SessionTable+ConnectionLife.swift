import Basis
import Records
import Trust

/// Idleness, draining and the end of connections (`gossip.md` 5.4).
extension SessionTable {
    /// After frames came or the upper layer acted: sends what may go, closes what has drained, sets the next look.
    mutating func afterChange(_ id: ConnectionID) {
        pump(id)
        if let reason = connections[id]?.peek({ $0.drain != nil && $0.mux.isQuiet ? $0.drain?.reason : nil }) {
            closeConnection(id, reason)
            return
        }
        scheduleConnection(id)
    }

    mutating func scheduleConnection(_ id: ConnectionID) {
        guard let look = connections[id]?.peek({ nextLook(at: $0) }) else { return }
        deadlines.set(TimerID(kind: .connection, number: id.number), at: look)
    }

    private func nextLook(at connection: Connection<Crypto>) -> Instant {
        if !connection.isUp { return connection.deadline }
        if let drain = connection.drain { return drain.until }
        var next = connection.mux.nextStall ?? .distantFuture
        if let until = connection.retiredUntil { return min(next, until) }
        next = min(next, pingDue(connection))
        if let peer = connection.established?.peer, !isKept(peer, .main) {
            next = min(next, connection.usedAt + limits.mainIdle)
        }
        return next
    }

    mutating func connectionDue(_ id: ConnectionID) {
        guard let connection = connections[id]?.value else { return }
        if nextLook(at: connection) > now { return scheduleConnection(id) }
        if !connection.isUp {
            stats.add(.handshakeTimeout)
            if let ticket = connection.facts?.ticket, let index = dialOfTicket[ticket] {
                return failDial(index, .timeout)
            }
            return breakHandshake(id, .timeout)
        }
        if let drain = connection.drain { return closeConnection(id, drain.reason) }
        for flow in connection.mux.stalledStreams(now: now) {
            connections[id]?.value.mux.reset(flow, code: ResetCode.stalled)
            effects.append(.streamReset(id, flow, code: ResetCode.stalled))
        }
        if let until = connection.retiredUntil {
            if until <= now { retireConnection(id) }
            return afterChange(id)
        }
        if let peer = connection.established?.peer, !isKept(peer, .main),
            now - connection.usedAt >= limits.mainIdle
        {
            drain(id, .idle, tells: true)
            return
        }
        pingOrGiveUp(id, connection)
        afterChange(id)
    }

    /// When to ask whether the other end lives, or to judge that it said nothing.
    ///
    /// Own frames are no sign of its life: after some that it says nothing to, it is asked sooner. Its answer is waited
    /// for from when the question left, or for longer while that stands behind what a slow uplink has to take. While
    /// we do not read we would not hear it.
    func pingDue(_ connection: Connection<Crypto>) -> Instant {
        if connection.isPaused { return .distantFuture }
        if let sentAt = connection.pingSentAt {
            return sentAt + (connection.hasPingLeft ? limits.mainPingWait : limits.mainPingIdle)
        }
        let idle = connection.heardAt + limits.mainPingIdle
        return connection.unansweredSince.map { min(idle, $0 + limits.mainUnanswered) } ?? idle
    }

    private mutating func pingOrGiveUp(_ id: ConnectionID, _ connection: Connection<Crypto>) {
        if now < pingDue(connection) { return }
        if connection.pingSentAt != nil, connection.pingsUnanswered >= 2 || !connection.hasPingLeft {
            return closeConnection(id, .silent)
        }
        connections[id]?.value.pingSentAt = now
        connections[id]?.value.hasPingLeft = false
        connections[id]?.value.pingsUnanswered += 1
        sendControl(.idlePing, id)
    }

    /// The loser of two connections has had its time: its opener drains it, streams on it may still end.
    private mutating func retireConnection(_ id: ConnectionID) {
        connections[id]?.value.retiredUntil = nil
        if connections[id]?.value.isInitiator == true {
            drain(id, .duplicate, tells: true)
        } else {
            // The opener closes; if it does not, we do a little later.
            let until = now + limits.drainInterval
            connections[id]?.value.drain = (until, .duplicate)
        }
    }

    /// No new streams; closed when those open have ended, or after `drainInterval`.
    mutating func drain(_ id: ConnectionID, _ reason: CloseReason, tells: Bool) {
        guard connections[id]?.value.drain == nil else { return }
        let until = now + limits.drainInterval
        connections[id]?.value.drain = (until, reason)
        connections[id]?.value.mux.isDraining = true
        if tells { sendControl(Frame(.control, .goAway(reason, retrySeconds: 0, text: [])), id) }
        afterChange(id)
    }

    /// Says why, with the final tag, and closes.
    mutating func closeConnection(_ id: ConnectionID, _ reason: CloseReason) {
        if connections[id]?.value.isOpen == true, connections[id]?.value.sender != nil {
            let crypto = crypto
            var out: [UInt8] = []
            connections[id]?.value.seal(
                Frame(.control, .goAway(reason, retrySeconds: 0, text: [])).encoded, isFinal: true, with: crypto,
                into: &out)
            connections[id]?.value.sender = nil
            writeRaw(out, id)
        }
        loseConnection(id, reason)
    }

    /// Closes without another word and tells whom it concerns.
    mutating func loseConnection(_ id: ConnectionID, _ reason: CloseReason) {
        if let ticket = connections[id]?.value.facts?.ticket, connections[id]?.value.isUp == false,
            let index = dialOfTicket[ticket]
        {
            return failDial(index, .badSignature)
        }
        if case .initiating(let index) = connections[id]?.value.phase { return failDial(index, .badSignature) }
        effects.append(.closeConnection(id))
        forgetConnection(id, reason)
    }

    /// Closes a connection that never came up, or whose dial failed.
    mutating func dropConnection(_ id: ConnectionID) {
        guard connections[id] != nil else { return }
        effects.append(.closeConnection(id))
        forgetConnection(id, .protocolError)
    }

    /// The transport says that the socket is gone.
    mutating func ended(_ id: ConnectionID) {
        guard let connection = connections[id]?.value else { return }
        if connection.isUp {
            // A final tag would have closed it already.
            stats.add(.streamTruncated)
            return forgetConnection(id, connection.drain?.reason ?? .silent)
        }
        forgetConnection(id, .silent)
        if case .initiating(let index) = connection.phase {
            dials[index]?.connection = nil
            failDial(index, .connectionRefused)
        } else if let ticket = connection.facts?.ticket, let index = dialOfTicket[ticket] {
            dials[index]?.connection = nil
            failDial(index, .connectionRefused)
        }
    }

    private mutating func forgetConnection(_ id: ConnectionID, _ reason: CloseReason) {
        guard let connection = connections.removeValue(forKey: id)?.value else { return }
        deadlines.cancel(TimerID(kind: .connection, number: id.number))
        bufferedBytes -= connection.mux.bufferedBytes
        heldBack.removeAll { $0 == id }
        bulkWaiting.removeAll { $0 == id }
        urgent.remove(id)
        releaseHeldBack()
        if !connection.isUp { unfinishedStreams -= 1 }
        if !connection.isInitiator { releaseHost(connection.remote) }
        for stream in connection.mux.streams {
            effects.append(.streamReset(id, stream.id, code: ResetCode.cancelled))
        }
        guard let peer = connection.established?.peer, peers[peer]?.main == id else { return }
        peers.update(peer) { $0.main = nil }
        effects.append(.sessionDown(peer, .main, reason))
        forgetIfEmpty(peer)
    }
}

extension SessionTable {
    mutating func releaseHost(_ remote: SocketAddress) {
        guard let host = hostKey(remote) else { return }
        let left = connectionsPerHost[host, default: 1] - 1
        connectionsPerHost[host] = left > 0 ? left : nil
    }
}
