import Basis
import Records
import Trust

extension Membership {
    /// `T` of 8.1: one round at our present health.
    var roundTime: Interval { limits.probeRound * Int64(1 + Int(probing.health)) }

    /// Sends one Ping on a link and notes it.
    mutating func ping(_ peer: PeerIndex, doubted: Bool = false, via choice: PathChoice? = nil) {
        guard let link = links[peer], let session = sessions[peer], session.hasPath else { return }
        let number = probing.number()
        var flags: Ping.Flags = link.claimsLink ? .linked : []
        if doubted { flags.insert(.doubted) }
        links.update(peer) { $0.probe.note(Probe.OpenPing(number: number, sentAt: now)) }
        send(peer, [.ping(makePing(number, session, flags, link.probe.lastEvidence))], via: choice)
    }

    func makePing(
        _ number: UInt32, _ session: PeerSession, _ flags: Ping.Flags, _ evidence: Instant?
    ) -> Ping {
        var sinceHeard = UInt16.max
        if let evidence {
            let units = (now - evidence).milliseconds / 10
            sinceHeard = UInt16(clamping: min(max(units, 0), Int64(UInt16.max) - 1))
        }
        return Ping(
            probe: number, sinceHeard: sinceHeard, flags: flags, health: probing.health,
            mySequence: own.published?.sequence ?? 0,
            yourSequence: book[session.id]?.sequence ?? 0, tip: owner.tip)
    }

    mutating func scheduleProbe(_ peer: PeerIndex) {
        let wait = limits.probeInterval.jittered(percent: 20, using: &rng)
        deadlines.set(.probe(peer), at: now + wait)
    }

    /// Two-way evidence: the link lives, whatever was under way (8.1).
    mutating func evidence(of peer: PeerIndex) {
        guard links[peer] != nil else { return }
        settleSilence(peer)
        links.update(peer) { link in
            link.probe.phase = .quiet
            link.probe.lastEvidence = now
            link.probe.helpers = []
            link.probe.asked = []
            link.probe.indirectSince = nil
            link.probe.streamProbe = nil
        }
        deadlines.cancel(.probeRepeat(peer))
        if links[peer]?.isUp ?? false { scheduleProbe(peer) }
    }

    /// The probe time, or the end of a round.
    mutating func probeDue(_ peer: PeerIndex) {
        guard let link = links[peer], link.isUp else { return }
        if link.probe.round > 1 { judgeSilence(link.probe.helpers) }
        if let since = link.probe.indirectSince, now - since >= limits.oneWay {
            linkLost(peer, .oneWay)
            return
        }
        let next = link.probe.round + 1
        if next > limits.probeRoundsMax {
            linkLost(peer, .silent)
        } else {
            startRound(peer, next)
        }
    }

    /// Helpers that said nothing in a round. If one lives we are more likely the slow one; one that died with the
    /// target says nothing about us, and must not stretch the rounds of all others (8.3). Who of them lives shows now
    /// or at its next evidence.
    mutating func judgeSilence(_ helpers: [Probe.Helper]) {
        var isAlive = false
        for helper in helpers where !helper.hasAnswered {
            guard let link = links[helper.peer], link.isUp else { continue }
            if let evidence = link.probe.lastEvidence, evidence >= helper.askedAt {
                isAlive = true
            } else {
                links.update(helper.peer) { $0.probe.owesAnswer = true }
            }
        }
        guard isAlive else { return }
        mark("silent helper")
        raiseHealth()
    }

    /// A helper that owed an answer lives after all.
    mutating func settleSilence(_ peer: PeerIndex) {
        guard links[peer]?.probe.owesAnswer ?? false else { return }
        links.update(peer) { $0.probe.owesAnswer = false }
        mark("silent helper lives")
        raiseHealth()
    }

    mutating func startRound(_ peer: PeerIndex, _ round: Int) {
        guard let session = sessions[peer] else { return }
        links.update(peer) { link in
            link.probe.phase = .round(round)
            link.probe.asked += link.probe.helpers.map(\.peer)
            link.probe.helpers = []
        }
        deadlines.set(.probe(peer), at: now + roundTime)
        if !session.hasPath { redial(peer, session) }
        ping(peer, doubted: round > 1)
        guard round > 1 else { return }
        deadlines.set(.probeRepeat(peer), at: now + roundTime / 3)
        askHelpers(peer, session)
        guard !owner.policy.withoutStreamFallback.contains(session.id) else { return }
        if session.main != nil {
            let number = probing.number()
            links.update(peer) { $0.probe.streamProbe = number }
            emit(.streamPing(peer, probe: number))
        } else if session.hasPath {
            dialMain(peer, session)
        }
    }

    mutating func probeRepeatDue(_ peer: PeerIndex) {
        guard let link = links[peer], link.isUp, link.probe.round > 1 else { return }
        ping(peer, doubted: true)
    }

    /// quiet, round 1 → round 2 now: a path broke (8.1).
    mutating func doubtNow(_ peer: PeerIndex) {
        guard let link = links[peer], link.isUp, link.probe.round < 2 else { return }
        startRound(peer, 2)
    }

    /// Distinct live links, others than before where possible, never the target (8.1, GP-04, GP-05).
    mutating func askHelpers(_ target: PeerIndex, _ session: PeerSession) {
        guard let link = links[target] else { return }
        var fresh: [PeerIndex] = []
        var again: [PeerIndex] = []
        for (peer, other) in links where peer != target && other.isUp && other.probe.phase == .quiet {
            if link.probe.asked.contains(peer) { again.append(peer) } else { fresh.append(peer) }
        }
        fresh.shuffle(using: &rng)
        again.shuffle(using: &rng)
        let round = UInt16(
            clamping: min(
                max(roundTime.milliseconds, Int64(limits.roundMillisecondsMin)),
                Int64(limits.roundMillisecondsMax)))
        var helpers: [Probe.Helper] = []
        for peer in (fresh + again).prefix(limits.probeHelpersMax) {
            let number = probing.number()
            helpers.append(Probe.Helper(peer: peer, number: number, askedAt: now))
            send(
                peer,
                [.pingRequest(PingRequest(probe: number, target: session.id, roundMilliseconds: round))])
        }
        links.update(target) { $0.probe.helpers = helpers }
    }

    /// The probe machine gives up.
    mutating func linkLost(_ peer: PeerIndex, _ reason: CloseReason) {
        guard let link = links[peer] else { return }
        dropLink(peer, reason)
        setUnreachable(link.id, 1)
        let next = now + limits.backoffBase
        book.update(link.id) { $0.nextDial = next }
        if sessions[peer] != nil {
            emit(.hangUp(peer, reason))
            forgetSession(peer)
        }
        needsPlan = true
    }

    mutating func receive(_ ping: Ping, _ peer: PeerIndex, _ path: Path) {
        guard let session = sessions[peer] else { return }
        noteLinkedBit(peer, ping.flags.contains(.linked), isAck: false)
        let isLinked = links[peer]?.claimsLink ?? false
        let ack = Ack(
            probe: ping.probe, flags: isLinked ? .linked : [], health: probing.health,
            mySequence: own.published?.sequence ?? 0,
            yourSequence: book[session.id]?.sequence ?? 0, tip: owner.tip)
        send(peer, [.ack(ack)], via: path == .main ? .main : .datagram)
        if ping.flags.contains(.doubted), links[peer]?.isUp ?? false { noteDoubt(by: peer) }
        if Int64(ping.sinceHeard) * 10 <= limits.evidenceAge.milliseconds { evidence(of: peer) }
        noteSequences(peer, theirs: ping.mySequence, ours: ping.yourSequence)
        noteTip(peer, ping.tip)
    }

    mutating func receive(_ ack: Ack, _ peer: PeerIndex, _ path: Path) {
        if let errand = probing.errands[ack.probe], errand.target == peer {
            finishErrand(ack.probe, .reached)
            return
        }
        var answered: Probe.OpenPing?
        var wasRoundOne = false
        links.update(peer) { link in
            answered = link.probe.take(ack.probe)
            wasRoundOne = link.probe.round == 1
        }
        guard let answered, let session = sessions[peer] else {
            counters.raise(.ackUnknown)
            return
        }
        let sample = now - answered.sentAt
        book.update(session.id) { $0.noteRoundTrip(sample) }
        if wasRoundOne { lowerHealth() }
        if path == .datagram, session.isStreamOnly {
            sessions.update(peer) { $0.isStreamOnly = false }
            deadlines.cancel(.datagramRetry(peer))
            raisePaths(peer)
        }
        evidence(of: peer)
        noteLinkedBit(peer, ack.flags.contains(.linked), isAck: true)
        noteSequences(peer, theirs: ack.mySequence, ours: ack.yourSequence)
        noteTip(peer, ack.tip)
    }

    /// A PONG proves the peer lives; if datagrams are silent meanwhile, the link goes on over the stream (GP-10).
    mutating func streamPong(_ peer: PeerIndex, _ probe: UInt32) {
        guard let link = links[peer], link.isUp, link.probe.streamProbe == probe,
            let session = sessions[peer], !owner.policy.withoutStreamFallback.contains(session.id)
        else { return }
        if link.probe.round > 1, session.usesDatagrams {
            sessions.update(peer) { $0.isStreamOnly = true }
            raisePaths(peer)
            deadlines.set(.datagramRetry(peer), at: now + limits.datagramRetry)
        }
        evidence(of: peer)
    }

    mutating func datagramRetryDue(_ peer: PeerIndex) {
        guard let session = sessions[peer], session.isStreamOnly, links[peer] != nil else { return }
        if session.datagram != nil { ping(peer, via: .datagram) }
        deadlines.set(.datagramRetry(peer), at: now + limits.datagramRetry)
    }

    // MARK: health (8.3)

    mutating func raiseHealth() { probing.health = min(probing.health + 1, limits.healthMax) }

    mutating func lowerHealth() { if probing.health > 0 { probing.health -= 1 } }

    mutating func noteDoubt(by peer: PeerIndex) {
        let (now, window) = (now, limits.doubtedWindow)
        probing.doubts.removeAll { now - $0.at > window || $0.peer == peer }
        probing.doubts.append((peer, now))
        guard probing.doubts.count >= 2 else { return }
        probing.doubts = []
        raiseHealth()
    }

    /// After a pause of this process: nobody is given up for answers that we were not there to hear.
    mutating func restartRounds() {
        for (peer, link) in links where link.isUp && link.probe.round > 0 {
            links.update(peer) { $0.probe.phase = .quiet }
            startRound(peer, 1)
        }
    }

    // MARK: being a helper (8.2)

    mutating func receive(_ request: PingRequest, _ peer: PeerIndex) {
        guard let session = sessions[peer] else { return }
        func answer(_ verdict: IndirectAck.Verdict, _ membership: inout Membership) {
            membership.sendIndirect(to: peer, request.probe, request.target, verdict, .zero)
        }
        let target = directory.index(of: request.target)
        let isOurs = links[peer]?.isUp ?? false || target.flatMap { links[$0]?.isUp } ?? false
        guard isOurs, request.target != id, request.target != session.id else {
            counters.raise(.messageNotLinked)
            return
        }
        let isTooSoon = session.lastPingRequest.map { now - $0 < limits.helperRequestMin } ?? false
        sessions.update(peer) { $0.lastPingRequest = now }
        guard !isTooSoon, probing.errands.count < limits.helperRoundsMax else {
            counters.raise(.helperOverBudget)
            answer(.overBudget, &self)
            return
        }
        guard let target, let targetSession = sessions[target], targetSession.hasPath else {
            answer(.noSession, &self)
            return
        }
        let asked = ProbeState.Errand.Request(requester: peer, number: request.probe)
        let wait = Interval.milliseconds(Int64(request.roundMilliseconds)) * 4 / 5
        let open = probing.errands.first {
            $0.value.target == target && now - $0.value.sentAt <= limits.helperShare
        }
        if let open {
            probing.errands.update(open.key) { $0.requests.append(asked) }
            deadlines.setNoLater(.helper(open.key), than: now + wait)
            return
        }
        guard takeErrandBudget(target) else {
            counters.raise(.helperOverBudget)
            answer(.overBudget, &self)
            return
        }
        let number = probing.number()
        probing.errands.insert(
            ProbeState.Errand(target: target, sentAt: now, requests: [asked]), for: number)
        deadlines.set(.helper(number), at: now + wait)
        var flags: Ping.Flags = links[target]?.claimsLink ?? false ? .linked : []
        flags.insert(.helper)
        let ping = makePing(number, targetSession, flags, links[target]?.probe.lastEvidence)
        send(target, [.ping(ping)])
    }

    mutating func takeErrandBudget(_ target: PeerIndex) -> Bool {
        let rate = limits.helperPingsPerTargetPerMinuteMax
        var budget =
            probing.errandBudgets[target]
            ?? TokenBucket(rate: rate, per: .seconds(60), burst: rate, now: now)
        let isOpen = budget.take(now: now)
        probing.errandBudgets.insert(budget, for: target)
        return isOpen
    }

    mutating func helperDue(_ number: UInt32) { finishErrand(number, .noAnswer) }

    mutating func finishErrand(_ number: UInt32, _ verdict: IndirectAck.Verdict) {
        guard let errand = probing.errands.remove(number) else { return }
        deadlines.cancel(.helper(number))
        guard let target = directory.id(of: errand.target) else { return }
        let roundTrip = verdict == .reached ? now - errand.sentAt : .zero
        for request in errand.requests {
            sendIndirect(to: request.requester, request.number, target, verdict, roundTrip)
        }
    }

    mutating func sendIndirect(
        to peer: PeerIndex, _ number: UInt32, _ target: PeerID, _ verdict: IndirectAck.Verdict,
        _ roundTrip: Interval
    ) {
        let answer = IndirectAck(
            probe: number, target: PeerPrefix(target), verdict: verdict,
            rttMilliseconds: UInt16(clamping: min(roundTrip.milliseconds, 65_535)))
        send(peer, [.indirectAck(answer)])
    }

    /// A helper's word: whatever it says, the helper lives; `reached` says the target does too (GP-06, GP-07).
    mutating func receive(_ answer: IndirectAck, _ peer: PeerIndex) {
        var found: PeerIndex?
        for (target, link) in links where PeerPrefix(link.id) == answer.target {
            if link.probe.helpers.contains(where: {
                $0.peer == peer && $0.number == answer.probe && !$0.hasAnswered
            }) { found = target }
        }
        guard let found else {
            counters.raise(.indirectAckUnknown)
            // Most often a late one: what it owed.
            settleSilence(peer)
            return
        }
        links.update(found) { link in
            for i in link.probe.helpers.indices where link.probe.helpers[i].number == answer.probe {
                link.probe.helpers[i].hasAnswered = true
            }
        }
        guard answer.verdict == .reached, let link = links[found], link.probe.round > 1 else { return }
        let since = link.probe.indirectSince ?? now
        if now - since >= limits.oneWay {
            linkLost(found, .oneWay)
            return
        }
        mark("reached by helper")
        links.update(found) { link in
            link.probe.phase = .quiet
            link.probe.helpers = []
            link.probe.asked = []
            link.probe.indirectSince = since
        }
        deadlines.cancel(.probeRepeat(found))
        scheduleProbe(found)
    }
}
