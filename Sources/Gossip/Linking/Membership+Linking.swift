import Basis
import Records
import Trust
import Wire

extension Membership {
    /// Our number of links as messages say it.
    var linkCountByte: UInt8 { UInt8(clamping: min(upCount, 24)) }

    /// none → requested.
    mutating func requestLink(_ peer: PeerIndex) {
        guard let session = sessions[peer], links[peer] == nil else { return }
        links.insert(
            Link(id: session.id, phase: .requested, isOutbound: true, now: now), for: peer)
        sendLinkRequest(peer, isRepeat: false)
        deadlines.set(.link(peer), at: now + limits.linkRequestMax)
        deadlines.set(.linkRepeat(peer), at: now + limits.linkRequestRepeat)
    }

    mutating func sendLinkRequest(_ peer: PeerIndex, isRepeat: Bool) {
        var messages = [PeerMessage.linkRequest(linkCount: linkCountByte, isLowPriority: upCount > 0)]
        // A handshake of before our first record carried none, and without it nobody links to us: it goes along with
        // the repeat, because the push may have been lost.
        if isRepeat, let session = sessions[peer], let published = own.published, let at = own.publishedAt,
            session.openedAt <= at, maySend(published, over: session)
        {
            messages.append(.records(RecordsPart(purpose: .push, records: [published.encoded])))
        }
        send(peer, messages)
    }

    /// Sends over the path that works.
    mutating func send(_ peer: PeerIndex, _ messages: [PeerMessage], via choice: PathChoice? = nil) {
        guard let session = sessions[peer], session.hasPath else { return }
        emit(.send(peer, messages, via: choice ?? session.choice))
    }

    mutating func setPhase(_ peer: PeerIndex, _ phase: Link.Phase) {
        links.update(peer) {
            $0.phase = phase
            $0.since = now
        }
    }

    mutating func linkRequested(_ peer: PeerIndex, _ linkCount: UInt8, isLowPriority: Bool) {
        guard let session = sessions[peer] else { return }
        if let link = links[peer] {
            switch link.phase {
            case .requested:
                // Crossing requests: both agreed already. The smaller id counts it as outbound.
                mark("crossing link requests")
                let isOutbound = id < session.id
                links.update(peer) { $0.isOutbound = isOutbound }
                needsPlan = true
                startConfirming(peer)
            case .offered:
                send(peer, [.linkAccept(linkCount: linkCountByte)])
            case .confirming: break
            case .up:
                // A late repeat, or the other end lost the link without a word.
                if now - link.since < limits.linkYoung { return }
                dropLink(peer, .notLinked)
                linkRequested(peer, linkCount, isLowPriority: isLowPriority)
            }
            return
        }
        if book[session.id].map({ $0.isLeft }) ?? true {
            // Its record is not admitted yet, and may be on its way: decided when it is (7.2).
            sessions.update(peer) {
                $0.heldRequest = PeerSession.HeldRequest(
                    linkCount: linkCount, isLowPriority: isLowPriority, at: now)
            }
            return
        }
        if let refusal = refusal(of: peer, session, linkCount, isLowPriority) {
            counters.raise(.linkRefused)
            send(peer, [.linkRefuse(refusal.reason, retrySeconds: refusal.seconds)])
            return
        }
        links.insert(Link(id: session.id, phase: .offered, isOutbound: false, now: now), for: peer)
        send(peer, [.linkAccept(linkCount: linkCountByte)])
        deadlines.set(.link(peer), at: now + limits.linkOfferMax)
    }

    /// A request that waited for the record of its sender.
    mutating func answerHeldRequest(_ peer: PeerIndex) {
        guard let held = sessions[peer]?.heldRequest else { return }
        sessions.update(peer) { $0.heldRequest = nil }
        guard now - held.at < limits.linkRequestMax else { return }
        linkRequested(peer, held.linkCount, isLowPriority: held.isLowPriority)
    }

    /// Why a request cannot be met, if so; makes room where the rules say so.
    mutating func refusal(
        of peer: PeerIndex, _ session: PeerSession, _ linkCount: UInt8, _ isLowPriority: Bool
    ) -> (reason: LinkRefusal, seconds: UInt16)? {
        let standard = UInt16(clamping: limits.linkBackoffMin.milliseconds / 1_000)
        if owner.denies(session.id) || isBarred(session.id) { return (.policy, standard) }
        if !isActive { return (.notReady, 1) }
        if owner.isDraining { return (.draining, standard) }
        if let end = refusalBars.end(of: session.id, now: now) {
            let seconds = (end - now).milliseconds / 1_000 + 1
            return (.backoff, UInt16(clamping: min(seconds, 3_600)))
        }
        if hasInboundRoom || pins.contains(session.id) { return nil }
        if isLowPriority || linkCount > 0 { return (.full, standard) }
        if lastDisplacement.map({ now - $0 < limits.linkDisplace }) ?? false { return (.full, standard) }
        guard let worst = worstInbound() else { return (.full, standard) }
        lastDisplacement = now
        mark("link displaced")
        closeLink(worst, .surplus, retry: limits.linkBackoffMin, bars: true)
        return nil
    }

    var hasInboundRoom: Bool {
        if isFullMesh { return links.count < limits.fullMeshPeersMax }
        return links.count { !$1.isOutbound } < limits.inboundLinksMax
    }

    /// The youngest inbound link that is up, but never one of the 4 oldest.
    func worstInbound() -> PeerIndex? {
        let inbound = links.filter { $0.value.isUp && !$0.value.isOutbound && !pins.contains($0.value.id) }
            .sorted { ($0.value.since, $0.key) < ($1.value.since, $1.key) }
        return inbound.count > limits.linkOldestKept ? inbound.last?.key : nil
    }

    mutating func linkAccepted(_ peer: PeerIndex) {
        guard let link = links[peer] else {
            counters.raise(.linkMessageUnexpected)
            return
        }
        if link.phase == .requested { startConfirming(peer) }
    }

    mutating func startConfirming(_ peer: PeerIndex) {
        setPhase(peer, .confirming)
        deadlines.set(.link(peer), at: now + limits.linkConfirmMax)
        deadlines.set(.linkRepeat(peer), at: now + limits.linkConfirmRepeat)
        ping(peer)
    }

    mutating func linkRefused(_ peer: PeerIndex, _ reason: LinkRefusal, retrySeconds: UInt16) {
        guard let link = links[peer], link.phase == .requested else {
            counters.raise(.linkMessageUnexpected)
            return
        }
        // `notReady` passes within a moment; every other refusal stands at least a minute.
        let least = reason == .notReady ? .seconds(1) : limits.linkBackoffMin
        let wait = max(.seconds(Int64(retrySeconds)), least)
        requestBars.bar(link.id, until: now + wait)
        removeLink(peer)
        deadlines.setNoLater(.plan, than: now + wait)
        // Who has no link at all lives by the answer to its Pull: if that was lost, it is asked again.
        if upCount == 0 { deadlines.setNoLater(.pull, than: now + limits.requestAgeMax) }
        closeIfUseless(peer)
    }

    /// A session that we opened for a link that did not come about (7.4). While there is no link at all it stays: the
    /// answer to a Pull often comes behind the refusal, and whoever has a session is all that a newcomer can ask.
    mutating func closeIfUseless(_ peer: PeerIndex) {
        guard let session = sessions[peer], session.isOutbound, links[peer] == nil, upCount > 0,
            !pins.contains(session.id), !join.needs(session.id)
        else { return }
        emit(.hangUp(peer, .surplus))
    }

    /// LinkClose or Goodbye from the other end, or the end of its session for a reason.
    mutating func linkClosed(_ peer: PeerIndex, _ reason: CloseReason, retrySeconds: UInt16 = 0) {
        guard let link = links[peer] else {
            counters.raise(.linkMessageUnexpected)
            return
        }
        let wait: Interval
        switch reason {
        case .leaving, .protocolError, .banned, .policy: wait = limits.faultBar
        case .stopping, .silent: wait = .zero
        case .notLinked: wait = .seconds(1)
        default: wait = max(.seconds(Int64(retrySeconds)), .seconds(1))
        }
        if wait > .zero {
            requestBars.bar(link.id, until: now + wait)
            deadlines.setNoLater(.plan, than: now + wait)
        }
        dropLink(peer, reason)
        if reason == .stopping {
            // It is expected again: a candidate of heal dials (8.3).
            setUnreachable(link.id, 1)
        }
    }

    /// Ends a link from our side with a word to the other.
    /// - Parameter bars: whether the other end may not ask again before `retry` is over.
    mutating func closeLink(_ peer: PeerIndex, _ reason: CloseReason, retry: Interval, bars: Bool) {
        guard let link = links[peer] else { return }
        let seconds = UInt16(clamping: min(retry.milliseconds / 1_000, 3_600))
        send(peer, [.linkClose(reason, retrySeconds: seconds)])
        requestBars.bar(link.id, until: now + retry)
        if bars { refusalBars.bar(link.id, until: now + retry) }
        dropLink(peer, reason)
    }

    /// Ends a link without a word. `linkDown` only if it was up.
    mutating func dropLink(_ peer: PeerIndex, _ reason: CloseReason) {
        guard let link = links[peer] else { return }
        removeLink(peer)
        if link.isUp {
            raise(.linkDown(peer, reason))
            if upCount == 0 { lastLinkLost() }
        }
        if let session = sessions[peer] {
            if !pins.contains(link.id) {
                if session.datagram != nil { emit(.release(peer, .datagram)) }
                if session.main != nil { emit(.release(peer, .main)) }
            }
            if !session.hasPath { forgetSession(peer) }
        }
    }

    mutating func removeLink(_ peer: PeerIndex) {
        links.remove(peer)
        for timer in [
            Timer.link(peer), .linkRepeat(peer), .mainDial(peer), .probe(peer), .probeRepeat(peer),
            .datagramRetry(peer),
        ] { deadlines.cancel(timer) }
        needsPlan = true
    }

    /// confirming or offered → up.
    mutating func linkUp(_ peer: PeerIndex) {
        guard let link = links[peer], !link.isUp, let session = sessions[peer] else { return }
        setPhase(peer, .up)
        deadlines.cancel(.link(peer))
        deadlines.cancel(.linkRepeat(peer))
        requestBars.lift(session.id)
        links.update(peer) { $0.probe = Probe(lastEvidence: now) }
        for path in [Path.datagram, .main] {
            let isOpen = path == .datagram ? session.datagram != nil : session.main != nil
            if isOpen { emit(.keep(peer, path)) }
        }
        raise(.linkUp(peer, outbound: link.isOutbound))
        scheduleProbe(peer)
        if session.main == nil {
            let spread = Interval(
                nanoseconds: Int64.random(in: 0...limits.mainDialSpread.nanoseconds, using: &rng))
            let wait = link.isOutbound ? spread : limits.mainDialSpread + limits.mainDialOther
            deadlines.set(.mainDial(peer), at: now + wait)
        }
        if let published = own.published {
            push(published.encoded, sequence: published.sequence, to: peer, session, hops: 0)
        }
        forwardRecord(of: peer)
        linkCameUp(peer)
        needsPlan = true
    }

    /// The phase's time is over (7.2).
    mutating func linkDue(_ peer: PeerIndex) {
        guard let link = links[peer] else { return }
        switch link.phase {
        case .requested:
            requestBars.bar(link.id, until: now + limits.linkBackoffMin)
            removeLink(peer)
            deadlines.setNoLater(.plan, than: now + limits.linkBackoffMin)
            closeIfUseless(peer)
        case .confirming:
            send(peer, [.linkClose(.notLinked, retrySeconds: 0)])
            requestBars.bar(link.id, until: now + limits.linkUnconfirmedBackoff)
            deadlines.setNoLater(.plan, than: now + limits.linkUnconfirmedBackoff)
            removeLink(peer)
        case .offered:
            removeLink(peer)
        case .up: break
        }
    }

    mutating func linkRepeatDue(_ peer: PeerIndex) {
        guard let link = links[peer] else { return }
        switch link.phase {
        case .requested: sendLinkRequest(peer, isRepeat: true)
        case .confirming:
            ping(peer)
            deadlines.set(.linkRepeat(peer), at: now + limits.linkConfirmRepeat)
        case .offered, .up: break
        }
    }

    /// The dialler of a link opens its main connection; the other side tries once, later (7.2).
    mutating func mainDialDue(_ peer: PeerIndex) {
        guard let link = links[peer], link.isUp, let session = sessions[peer], session.main == nil else {
            return
        }
        dialMain(peer, session)
    }

    /// What the bit linked of a Ping or Ack says of a link (7.2).
    mutating func noteLinkedBit(_ peer: PeerIndex, _ isLinked: Bool, isAck: Bool) {
        guard let link = links[peer] else { return }
        switch link.phase {
        case .confirming: if isAck && isLinked { linkUp(peer) }
        case .offered: if !isAck && isLinked { linkUp(peer) }
        case .up:
            if !isLinked, now - link.since > limits.linkYoung {
                mark("other end lost the link")
                dropLink(peer, .notLinked)
            }
        case .requested: break
        }
    }
}
