import Basis
import Records
import Trust

/// The life of datagram sessions: two with one peer, age, idleness, a full table (`gossip.md` 4.3).
extension SessionTable {
    /// Gives a session that is up its place with the peer, and tells it.
    mutating func place(_ index: UInt32) {
        guard let session = sessions[index]?.value else { return }
        var state = peers[session.peer] ?? PeerState()
        var facts = session.facts
        facts.hasRestarted = state.lastBootNonce.map { $0 != facts.bootNonce } ?? false
        state.lastBootNonce = facts.bootNonce
        sessions[index]?.value.facts = facts
        proven.note(session.remote, max: limits.provenAddressesMax)
        var told = facts
        if let other = state.session, let standing = sessions[other]?.value {
            if newerWins(facts, over: standing.facts, oldOpenedAt: standing.openedAt, peer: session.peer) {
                // The same end dialled again without a restart: new keys, packets under the old ones are on the way.
                let isRekeyed =
                    !facts.hasRestarted && facts.isOutbound == standing.facts.isOutbound
                retire(other, for: isRekeyed ? limits.rekeyedInterval : limits.retiredInterval)
                state.session = index
            } else {
                retire(index, for: limits.retiredInterval)
                told = standing.facts
                told.ticket = facts.ticket
            }
        } else {
            state.session = index
        }
        peers.insert(state, for: session.peer)
        if facts.isOutbound {
            let age = limits.rekeyAge + .nanoseconds(Int64.random(
                in: -limits.rekeySpread.nanoseconds...limits.rekeySpread.nanoseconds, using: &rng))
            sessions[index]?.value.rekeyAt = now + age
        }
        schedule(index)
        effects.append(.sessionUp(session.peer, told))
        if !state.outbox.isEmpty { flush(session.peer) }
    }

    private mutating func retire(_ index: UInt32, for interval: Interval) {
        let until = now + interval
        let isOpener = sessions[index]?.value.facts.isOutbound ?? false
        sessions[index]?.value.retiredUntil = until
        sessions[index]?.value.closesAsDuplicate = isOpener
        schedule(index)
    }

    mutating func schedule(_ index: UInt32) {
        guard let look = sessions[index]?.peek({ nextLook(at: $0) }) else { return }
        deadlines.set(TimerID(kind: .session, number: UInt64(index)), at: look)
    }

    private func nextLook(at session: DatagramSession) -> Instant {
        if let until = session.retiredUntil { return until }
        var next = session.openedAt + limits.sessionLifetime
        if !isKept(session.peer, .datagram) { next = min(next, session.usedAt + limits.sessionIdle) }
        if let rekeyAt = session.rekeyAt, !session.isRekeying { next = min(next, rekeyAt) }
        return next
    }

    mutating func sessionDue(_ index: UInt32) {
        guard let session = sessions[index]?.value else { return }
        if nextLook(at: session) > now { return schedule(index) }
        if session.retiredUntil != nil {
            return endSession(index, .duplicate, tells: session.closesAsDuplicate)
        }
        if now - session.openedAt >= limits.sessionLifetime { return endSession(index, .idle, tells: true) }
        if !isKept(session.peer, .datagram), now - session.usedAt >= limits.sessionIdle {
            return endSession(index, .idle, tells: true)
        }
        // New keys: the same handshake again, towards the proven identity.
        let isRekeying = startDial(
            nil, to: session.remote, on: session.socket, path: .datagram, expecting: session.peer,
            network: session.network)
        let again = now + limits.sessionIdle
        sessions[index]?.value.isRekeying = isRekeying
        sessions[index]?.value.rekeyAt = again
        schedule(index)
    }

    /// Ends one set of keys; if it was the peer's current one, the path is down.
    mutating func endSession(_ index: UInt32, _ reason: CloseReason, tells: Bool) {
        guard let session = sessions[index]?.value else { return }
        if tells { sendData(Compound([.goodbye(reason)]).encoded, index) }
        sessions[index] = nil
        deadlines.cancel(TimerID(kind: .session, number: UInt64(index)))
        guard let state = peers[session.peer], state.session == index else { return }
        peers.update(session.peer) { $0.session = nil }
        effects.append(.sessionDown(session.peer, .datagram, reason))
        forgetIfEmpty(session.peer)
    }

    mutating func forgetIfEmpty(_ peer: PeerID) {
        guard var state = peers[peer] else { return }
        if state.session == nil && state.main == nil {
            let lost = state.outbox.removeAll()
            if lost > 0 {
                stats.add(.outboxDropped, lost)
                effects.append(.sendFailed(peer, .datagram, .noPath))
            }
            deadlines.cancel(TimerID(kind: .outbox, peer: peer))
            peers.insert(state, for: peer)
        }
        if state.isEmpty { peers.remove(peer) }
    }

    func isKept(_ peer: PeerID, _ path: Path) -> Bool {
        guard let state = peers[peer] else { return false }
        return path == .datagram ? state.keepsDatagram : state.keepsMain
    }

    mutating func setKept(_ peer: PeerID, _ path: Path, _ isKept: Bool) {
        var state = peers[peer] ?? PeerState()
        if path == .datagram { state.keepsDatagram = isKept } else { state.keepsMain = isKept }
        peers.insert(state, for: peer)
        if let index = state.session { schedule(index) }
        if let main = state.main { scheduleConnection(main) }
        forgetIfEmpty(peer)
    }

    mutating func hangUp(_ peer: PeerID, _ reason: CloseReason) {
        guard let state = peers[peer] else { return }
        if let index = state.session {
            flush(peer)
            endSession(index, reason, tells: true)
        }
        if let main = state.main { closeConnection(main, reason) }
    }

    /// Makes room for a session with `peer`: the least recently used one that nobody keeps goes.
    /// False if there is none; seats have places of their own.
    mutating func makeRoom(for peer: PeerID) -> Bool {
        let isSeat = seats.contains(peer)
        let most = limits.sessionsMax - (isSeat ? 0 : limits.seatSessionsReserved)
        if sessions.count < most { return true }
        var oldest: (usedAt: Instant, index: UInt32)?
        for (other, state) in peers where other != peer && !state.keepsDatagram && !seats.contains(other) {
            guard let index = state.session, let usedAt = sessions[index]?.value.usedAt else { continue }
            if oldest.map({ (usedAt, index) < ($0.usedAt, $0.index) }) ?? true { oldest = (usedAt, index) }
        }
        guard let oldest else { return false }
        stats.add(.sessionEvicted)
        endSession(oldest.index, .idle, tells: true)
        return true
    }
}
