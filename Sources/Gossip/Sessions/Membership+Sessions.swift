import Basis
import Records
import Trust
import Wire

extension Membership {
    mutating func sessionUp(_ peer: PeerIndex, _ facts: SessionFacts) {
        guard let peerID = directory.id(of: peer) else {
            counters.raise(.ticketUnknown)
            return
        }
        let attempt = closeDial(of: facts.ticket, peerID)
        if peerID == id {
            // The session table refuses it already; nothing of it may enter a table (GP-25).
            counters.raise(.selfDial)
            emit(.hangUp(peer, .policy))
            return
        }
        // An address of invalid scope is forged or reserved: it bounds nothing that its peer may tell.
        if isBarred(peerID) || owner.denies(peerID) || owner.denies(facts.remote)
            || facts.remote.scope == .invalid || join.phase == .left || owner.leaving != nil
        {
            counters.raise(.denied)
            emit(.hangUp(peer, isBarred(peerID) ? .banned : .policy))
            return
        }
        noteRestart(peer, peerID, facts)
        addPath(peer, peerID, facts)
        if facts.isOutbound { noteClockSample(facts) }
        noteObserved(facts.observed)
        // Its record counts as told by itself, with no hop behind it (9.1).
        if let record = facts.record?.value {
            judgeHandshakeRecord(record, from: peer)
        }
        // Also of whom we had heard before.
        if isSeat, let record = book[peerID]?.record { seatDirectory.note(record, of: peerID) }
        markProven(peerID)
        if facts.isOutbound { settleAddress(facts.remote, provenBy: peerID) }
        contact(peer, facts, attempt)
        sendOwnRecordIfNewer(to: peer)
        pathUp(peer, facts)
        finishPurpose(of: attempt, peer)
        needsPlan = true
    }

    /// Ends the attempt that led to a session, or that an inbound session made needless.
    mutating func closeDial(of ticket: Ticket?, _ peer: PeerID) -> Attempt? {
        if let ticket, dials.mainDials.remove(ticket) != nil { return nil }
        if let ticket, let number = dials.byTicket[ticket] {
            let attempt = dials.attempts[number]
            closeTickets(of: number, except: ticket)
            dials.byTicket.remove(ticket)
            finish(number)
            return attempt
        }
        guard let number = dials.byPeer[peer] else { return nil }
        let attempt = dials.attempts[number]
        finish(number)
        return attempt
    }

    /// A new boot nonce: what we knew of the old process is void (4.3, GP-16).
    mutating func noteRestart(_ peer: PeerIndex, _ peerID: PeerID, _ facts: SessionFacts) {
        guard let session = sessions[peer], session.bootNonce != facts.bootNonce else { return }
        mark("peer restarted")
        if links[peer] != nil { dropLink(peer, .restarted) }
        sessions.remove(peer)
        dials.mainBackoff.remove(peer)
        requestBars.lift(peerID)
    }

    mutating func addPath(_ peer: PeerIndex, _ peerID: PeerID, _ facts: SessionFacts) {
        var session =
            sessions[peer]
            ?? PeerSession(id: peerID, key: facts.key, bootNonce: facts.bootNonce, now: now)
        let way = PeerSession.Way(remote: facts.remote, isOutbound: facts.isOutbound)
        switch facts.path {
        case .datagram:
            session.datagram = way
            session.isStreamOnly = false
        case .main:
            session.main = way
            dials.mainBackoff.remove(peer)
            deadlines.cancel(.mainDial(peer))
        case .bulk, .relayed:
            session.hasBulk = true
        }
        sessions.insert(session, for: peer)
        if pins.contains(peerID) { emit(.keep(peer, facts.path)) }
    }

    /// A path opened on a link or pin: kept, told upward, and evidence of life.
    mutating func pathUp(_ peer: PeerIndex, _ facts: SessionFacts) {
        guard facts.path == .datagram || facts.path == .main, let session = sessions[peer] else {
            return
        }
        if links[peer] != nil {
            emit(.keep(peer, facts.path))
            evidence(of: peer)
        }
        if links[peer]?.isUp ?? false || pins.contains(session.id) {
            raisePaths(peer)
        }
    }

    mutating func raisePaths(_ peer: PeerIndex) {
        guard let session = sessions[peer] else { return }
        raise(.pathChanged(peer, datagram: session.usesDatagrams, main: session.main != nil))
    }

    /// What a session that an attempt opened is for: nothing more, if it only checked that the peer lives (7.4).
    mutating func finishPurpose(of attempt: Attempt?, _ peer: PeerIndex) {
        guard let attempt, let session = sessions[peer] else { return }
        switch attempt.purpose {
        case .heal:
            // One success must rejoin the halves of a partition (G9), also where all slots are taken.
            mark("healed")
            if isActive, !owner.isDraining, links[peer] == nil, isLinkCandidate(peer, session),
                links.count < limits.outboundLinksTarget + limits.inboundLinksMax
            {
                requestLink(peer)
            } else if links[peer] == nil {
                pull(from: peer, want: limits.pullWantMax)
            }
        case .walk:
            needsPlan = false
            plan()
            if links[peer] == nil, !pins.contains(session.id) { emit(.hangUp(peer, .surplus)) }
        case .pin, .bootstrap, .outbound, .revive, .find, .seed: break
        }
    }

    /// Whether a reason says that the peer meant to end the whole session, not that a path was lost.
    static func endsLink(_ reason: CloseReason) -> Bool {
        switch reason {
        case .silent, .duplicate, .restarted, .idle, .expired, .oneWay: false
        default: true
        }
    }

    mutating func sessionDown(_ peer: PeerIndex, _ path: Path, _ reason: CloseReason) {
        guard var session = sessions[peer] else { return }
        switch path {
        case .datagram: session.datagram = nil
        case .main: session.main = nil
        case .bulk, .relayed: session.hasBulk = false
        }
        sessions.insert(session, for: peer)
        needsPlan = true
        guard path == .datagram || path == .main else { return }
        if Self.endsLink(reason), links[peer] != nil {
            linkClosed(peer, reason)
        } else if links[peer]?.isUp ?? false {
            if session.hasPath { raisePaths(peer) }
            if path == .main, let link = links[peer], link.isOutbound {
                deadlines.setNoLater(.mainDial(peer), than: now + limits.mainBackoffBase)
            }
            doubtNow(peer)
        } else if links[peer] != nil, !session.hasPath {
            dropLink(peer, .silent)
        }
        if !(sessions[peer]?.hasPath ?? false), links[peer] == nil { forgetSession(peer) }
        if pins.contains(session.id) { deadlines.setNoLater(.plan, than: now + limits.seatBackoffBase) }
    }

    /// The last path is gone and no link waits for another.
    mutating func forgetSession(_ peer: PeerIndex) {
        guard let session = sessions[peer] else { return }
        sessions.remove(peer)
        spreading.forget(peer)
        dials.mainBackoff.remove(peer)
        // A link that fell silent made it unreachable already; otherwise it is verified and can be dialled again.
        let next = now + limits.mainBackoffBase
        book.update(session.id) { $0.nextDial = max($0.nextDial, next) }
        needsPlan = true
    }

    mutating func sendFailed(_ peer: PeerIndex, _ path: Path, _ failure: SendFailure) {
        counters.raise(.sendFailed)
        switch failure {
        case .unreachable: raiseHealth()
        case .noPath: if links[peer]?.isUp ?? false { doubtNow(peer) }
        case .queueFull: break
        }
    }

    /// The other end does not know our session any more: it restarted, or dropped us. A new handshake decides.
    mutating func unknownSession(_ peer: PeerIndex) {
        guard let session = sessions[peer] else { return }
        redial(peer, session)
    }

    /// A Hello to where the peer was, or to its endpoints: with no session, that is the probe (8.1).
    mutating func redial(_ peer: PeerIndex, _ session: PeerSession) {
        var endpoints = book[session.id].map(targets(of:)) ?? []
        if let datagram = session.datagram, datagram.isOutbound {
            let known = Attempt.Target(address: datagram.remote, transports: .datagram)
            endpoints.removeAll { $0.address == known.address }
            endpoints.insert(known, at: 0)
        }
        dial(session.id, endpoints, .revive)
    }

    /// A Hello was the probe and found nobody; the rounds of the probe machine decide.
    mutating func reviveFailed(_ peer: PeerID) { mark("revive failed") }

    /// Tells a peer our newest record if a session began before it was signed.
    mutating func sendOwnRecordIfNewer(to peer: PeerIndex) {
        guard let published = own.published, let session = sessions[peer] else { return }
        // The handshake carried the record that was published when it began; only a first contact carries none.
        if own.publishedAt.map({ now - $0 < limits.dialMax }) ?? false {
            push(published.encoded, sequence: published.sequence, to: peer, session, hops: 0)
        }
    }

    /// Our own key or address: neither may be dialled (GP-25).
    func isOwnAddress(_ address: SocketAddress) -> Bool {
        own.endpoints.contains { $0.address == address }
    }
}
