import Basis
import Records
import Trust
import Wire

extension Membership {
    /// One message of a peer with a session.
    ///
    /// A connection that lost to another may outlive it and still bring messages: with no path left there is no
    /// address that bounds what they may tell (3.4, check 5), and nowhere to answer.
    mutating func receive(_ message: PeerMessage, _ peer: PeerIndex, _ path: Path) {
        guard sessions[peer]?.hasPath ?? false else {
            counters.raise(.messageNoSession)
            return
        }
        switch message {
        case .ping(let ping): receive(ping, peer, path)
        case .ack(let ack): receive(ack, peer, path)
        case .pingRequest(let request): receive(request, peer)
        case .indirectAck(let answer): receive(answer, peer)
        case .linkRequest(let count, let isLow): linkRequested(peer, count, isLowPriority: isLow)
        case .linkAccept: linkAccepted(peer)
        case .linkRefuse(let reason, let seconds): linkRefused(peer, reason, retrySeconds: seconds)
        case .linkClose(let reason, let seconds): linkClosed(peer, reason, retrySeconds: seconds)
        case .pull(let pull): receive(pull, peer)
        case .records(let part): receive(part, peer)
        case .find(let request, let ids): receiveFind(request, ids, peer)
        case .goodbye(let reason): if links[peer] != nil { linkClosed(peer, reason) }
        case .ready: break
        case .doubt, .have, .want, .item, .appDatagram: counters.raise(.messageUnsupported)
        }
    }

    mutating func receive(_ part: RecordsPart, _ peer: PeerIndex) {
        let source: PendingRecord.Source
        switch part.purpose {
        case .answer:
            guard
                spreading.accepts(part, from: peer, now: now, ageMax: limits.requestAgeMax)
            else {
                counters.raise(.answerUnasked)
                return
            }
            source = .answer
            for prefix in part.ask { pushAsked(prefix, to: peer) }
        case .push: source = .push
        case .forward: source = .forward
        case .witnesses: source = .witnesses
        }
        for bytes in part.records {
            judge(bytes, from: peer, hops: part.hops, source: source)
        }
    }

    // MARK: push on change (9.1)

    /// How many hops a record may make (9.1).
    var hopLimit: UInt8 {
        if isFullMesh { return 1 }
        return isLarge ? limits.hopsLarge : limits.hopsSmall
    }

    /// Whether it is enough that some know of a change at once.
    var isLarge: Bool { !isFullMesh && book.liveCount >= limits.hopsLargePeersMin }

    /// Queues a newly admitted record for every link but the teller and the subject.
    mutating func forward(_ pending: PendingRecord, isFromLink: Bool) {
        // What its teller has as an answer or as a witness is known around there already.
        guard pending.source != .answer, pending.source != .witnesses, pending.hops < hopLimit else {
            return
        }
        // Who looks for links meets dozens of peers; in a large network those that become its links tell of it.
        if isLarge, pending.hops == 0, !isFromLink { return }
        let queued = SpreadState.Queued(
            record: pending.record, subject: pending.subject, teller: pending.teller,
            hops: pending.hops + 1)
        if let i = spreading.queue.firstIndex(where: { $0.subject == pending.subject }) {
            spreading.queue[i] = queued
        } else {
            spreading.queue.append(queued)
        }
        if spreading.queue.count > limits.forwardQueueMax {
            counters.raise(.forwardOverBudget)
            let worst = spreading.queue.indices.max { spreading.queue[$0].hops < spreading.queue[$1].hops }
            if let worst { spreading.queue.remove(at: worst) }
        }
        forwardQueued()
    }

    /// A new link's record, which came before the link and waited for it.
    mutating func forwardRecord(of peer: PeerIndex) {
        guard isLarge, let session = sessions[peer], let record = book[session.id]?.record, isFresh(record) else {
            return
        }
        forward(
            PendingRecord(
                record: record, subject: session.id, teller: peer, scope: session.scope, hops: 0, source: .handshake),
            isFromLink: true)
    }

    /// Tells queued records as fast as the budget allows.
    mutating func forwardQueued() {
        while let first = spreading.queue.first {
            guard spreading.budget.take(now: now) else {
                deadlines.setNoLater(.forward, than: spreading.budget.nextAt(now: now))
                return
            }
            spreading.queue.removeFirst()
            // Links that are about to come up are told too, else they would miss what came between Pull and link.
            // By key: an iterator would share the links, and each change would copy them.
            for peer in links.keys where peer != first.teller && links[peer]?.id != first.subject {
                tell(first.record, about: first.subject, to: peer, .forward, hops: first.hops)
            }
        }
    }

    /// Sends one record over a link or session, once per sequence, and only where its endpoints make sense (3.4).
    mutating func tell(
        _ record: PeerRecord, about subject: PeerID, to peer: PeerIndex,
        _ purpose: RecordsPart.Purpose, hops: UInt8, isRepeat: Bool = false
    ) {
        guard let session = sessions[peer], maySend(record, over: session) else { return }
        var isKnown = false
        let most = limits.linkSentMax
        links.update(peer) { link in
            if !isRepeat, let sent = link.sent[subject], sent >= record.sequence {
                isKnown = true
            } else {
                if link.sent.count >= most { link.sent = [:] }
                link.sent[subject] = record.sequence
            }
        }
        if isKnown { return }
        let part = RecordsPart(purpose: purpose, hops: hops, records: [record.encoded])
        send(peer, [.records(part)], via: .best)
    }

    /// Not over a session whose scope exceeds that of all its endpoints; records without endpoints go anywhere.
    func maySend(_ record: PeerRecord, over session: PeerSession) -> Bool {
        let endpoints = record.content.endpoints
        return endpoints.isEmpty || endpoints.contains { $0.address.scope >= session.scope }
    }

    /// The own new record goes to all links and to whoever met us before we had one.
    mutating func pushOwnRecord() {
        guard let published = own.published else { return }
        for (peer, session) in sessions where session.hasPath {
            push(published.encoded, sequence: published.sequence, to: peer, session, hops: 0)
        }
    }

    /// Sends our own record over one session and notes it.
    mutating func push(
        _ bytes: [UInt8], sequence: UInt64, to peer: PeerIndex, _ session: PeerSession, hops: UInt8
    ) {
        guard let published = own.published, maySend(published, over: session) else { return }
        if session.pushedSequence >= sequence, let at = session.pushedAt, now - at < limits.pushRepeatMin {
            return
        }
        sessions.update(peer) {
            $0.pushedSequence = sequence
            $0.pushedAt = now
        }
        send(peer, [.records(RecordsPart(purpose: .push, hops: hops, records: [bytes]))], via: .best)
    }

    /// Every `pushSeconds` the own record goes to one link (9.3).
    mutating func pushToRandomLink() {
        deadlines.set(.push, at: now + limits.push.jittered(percent: 20, using: &rng))
        guard let published = own.published, let peer = randomLink(), let session = sessions[peer] else {
            return
        }
        push(published.encoded, sequence: published.sequence, to: peer, session, hops: 0)
    }

    mutating func randomLink() -> PeerIndex? {
        let up = links.keys { $1.isUp }
        return up.randomElement(using: &rng)
    }

    /// Both sequences travel with Pings and Acks: who holds the older record gets the newer one (9.4).
    mutating func noteSequences(_ peer: PeerIndex, theirs: UInt64, ours: UInt64) {
        guard let session = sessions[peer] else { return }
        if let published = own.published, published.sequence > ours {
            push(published.encoded, sequence: published.sequence, to: peer, session, hops: 0)
        }
        guard theirs != 0, let entry = book[session.id], entry.sequence > theirs else { return }
        // It lost state: its own record, signed by itself, shows it (3.4).
        if session.pushedAt.map({ now - $0 < limits.pushRepeatMin }) ?? false { return }
        sessions.update(peer) { $0.pushedAt = now }
        tell(entry.record, about: entry.id, to: peer, .push, hops: 0, isRepeat: true)
    }

    /// A link that is ahead of us for a while (12.2).
    mutating func noteTip(_ peer: PeerIndex, _ tip: ChainTip) {
        guard let link = links[peer], link.isUp else { return }
        let isAhead = tip.height > owner.tip.height && tip.height - owner.tip.height > 1
        let since = isAhead ? link.aheadSince ?? now : nil
        let isDue = since.map { now - $0 >= limits.behindAfter } ?? false
        let isFresh = link.behindRaisedAt.map { now - $0 >= limits.behindRepeat } ?? true
        let raises = isDue && isFresh
        links.update(peer) {
            $0.tip = tip
            $0.aheadSince = since
            if raises { $0.behindRaisedAt = now }
        }
        if raises { raise(.behind(peer, tip)) }
    }

    // MARK: pull (9.2)

    mutating func pullRandomLink() {
        // Who has just come asks often, so that a view that started thin fills within a minute.
        let isNew = join.contactedAt.map { now - $0 < limits.pullNewSpan } ?? false
        let peer = randomLink()
        let wait = isNew || peer == nil ? limits.pullNew : limits.pull
        deadlines.set(.pull, at: now + wait.jittered(percent: 20, using: &rng))
        // Without a link whoever has a session with us is asked: a full seed still knows others (10.2).
        guard let asked = peer ?? randomSession() else { return }
        pull(from: asked, want: limits.pullWantMax)
    }

    mutating func randomSession() -> PeerIndex? {
        sessions.filter { $0.value.hasPath }.map(\.key).randomElement(using: &rng)
    }

    mutating func pull(from peer: PeerIndex, want: Int) {
        guard let session = sessions[peer], session.hasPath else { return }
        let start = rng.next()
        var known: [Pull.Known] = []
        var isWhole = true
        func note(_ entry: BookEntry) -> Bool {
            let prefix = PeerPrefix(entry.id)
            // Two ids with one prefix are made on purpose; the first stands for both.
            if let last = known.last, last.prefix == prefix { return true }
            if known.count == min(limits.pullKnownMax, Pull.knownMax) { return false }
            known.append(Pull.Known(prefix: prefix, sequence: entry.sequence))
            return true
        }
        let from = PeerID(Bytes32(w0: start, w1: 0, w2: 0, w3: 0))
        for (_, entry) in book.entries.from(from) {
            if !isWhole { break }
            isWhole = note(entry)
        }
        for (peerID, entry) in book.entries {
            if !isWhole || peerID >= from { break }
            isWhole = note(entry)
        }
        let end = isWhole ? start &- 1 : known.last?.prefix.word ?? start &- 1
        let request = spreading.request(to: peer, now: now)
        let message = Pull(
            request: request, want: UInt8(clamping: max(1, want)), start: PeerPrefix(word: start),
            end: PeerPrefix(word: end), known: known)
        send(peer, [.pull(message)], via: .best)
    }

    mutating func receive(_ pull: Pull, _ peer: PeerIndex) {
        guard let session = sessions[peer] else { return }
        if let last = session.lastPull, now - last < limits.pullAnswerMin {
            counters.raise(.pullTooSoon)
            return
        }
        sessions.update(peer) { $0.lastPull = now }
        var known = SortedMap<PeerPrefix, UInt64>()
        for entry in pull.known { known.insert(entry.sequenceLow, for: entry.prefix) }
        let low48: UInt64 = 0xffff_ffff_ffff
        /// Who may be given; our own record is under our own id.
        var fresh: [PeerID] = []
        /// What we have of whom they know.
        var held = SortedMap<PeerPrefix, UInt64>()
        func consider(_ id: PeerID, _ sequence: UInt64, isGiven: Bool, isLeave: Bool) {
            let prefix = PeerPrefix(id)
            guard pull.covers(prefix) else { return }
            let theirs = known[prefix]
            if theirs != nil { held.insert(sequence & low48, for: prefix) }
            // A leave is news only for who still holds the record before it (GP-50).
            let isNews = theirs.map { $0 < sequence & low48 } ?? !isLeave
            if isGiven && isNews { fresh.append(id) }
        }
        if let published = own.published, maySend(published, over: session) {
            consider(id, published.sequence, isGiven: true, isLeave: false)
        }
        book.visit { entry in
            if entry.id == session.id { return }
            let isGiven = (entry.isVerified || entry.isLeft) && !entry.isExpired
            consider(
                entry.id, entry.sequence, isGiven: isGiven && maySend(entry.record, over: session),
                isLeave: entry.isLeft)
        }
        fresh.shuffle(using: &rng)
        let given = fresh.prefix(Int(pull.want)).compactMap { $0 == id ? own.published : book[$0]?.record }
        let ownPrefix = PeerPrefix(session.id)
        let asks = pull.known.filter { entry in
            entry.prefix != ownPrefix && held[entry.prefix].map { $0 < entry.sequenceLow } ?? true
        }
        answer(
            peer, pull.request, given, ask: asks.prefix(limits.askMax).map(\.prefix))
    }

    /// At most 4 parts of 4 records (9.2).
    mutating func answer(
        _ peer: PeerIndex, _ request: UInt16, _ records: [PeerRecord], ask: [PeerPrefix]
    ) {
        if records.isEmpty && ask.isEmpty { return }
        let size = limits.recordsPerMessageMax
        let parts = min(max(1, (records.count + size - 1) / size), limits.answerPartsMax)
        for part in 0..<parts {
            let slice = records.dropFirst(part * size).prefix(size)
            let message = RecordsPart(
                request: request, part: UInt8(part), parts: UInt8(parts), purpose: .answer,
                records: slice.map(\.encoded), ask: part == 0 ? ask : [])
            send(peer, [.records(message)], via: .best)
        }
    }

    /// The answerer wants what we listed as newer: pushed if we may give it.
    mutating func pushAsked(_ prefix: PeerPrefix, to peer: PeerIndex) {
        let from = PeerID(Bytes32(w0: prefix.word, w1: 0, w2: 0, w3: 0))
        for (entryID, entry) in book.entries.from(from) {
            guard PeerPrefix(entryID) == prefix else { return }
            guard entry.isVerified || entry.isLeft, !entry.isExpired, links[peer]?.id != entryID else {
                continue
            }
            tell(entry.record, about: entryID, to: peer, .push, hops: 0, isRepeat: true)
        }
    }
}
