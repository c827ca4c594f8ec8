import Basis
import Records
import Trust
import Wire

/// A record that waits for its signature check, and what is known of how it came.
struct PendingRecord: Sendable {
    enum Source: Sendable, Hashable {
        case handshake, push, forward, answer, witnesses
    }
    let record: PeerRecord
    let subject: PeerID
    let teller: PeerIndex
    let scope: SocketAddress.Scope
    let hops: UInt8
    let source: Source
}

/// Records under judgement and the budgets of judging (`gossip.md` 3.4).
struct AdmissionState: Sendable {
    /// Collected while one input is handled; leaves as one effect.
    var queue: [PendingRecord] = []
    var checking = SortedMap<Ticket, [PendingRecord]>()
    var verifies: TokenBucket
    var tellers = SortedMap<PeerIndex, TokenBucket>()

    init(limits: GossipLimits, now: Instant) {
        let rate = limits.recordVerifiesPerSecondMax
        verifies = TokenBucket(rate: rate, per: .seconds(1), burst: rate, now: now)
    }
}

struct ConflictKey: Sendable, Comparable, Hashable {
    let address: SocketAddress
    let older: PeerID
    let newer: PeerID
    static func < (a: ConflictKey, b: ConflictKey) -> Bool {
        if a.address != b.address { return a.address < b.address }
        return a.older != b.older ? a.older < b.older : a.newer < b.newer
    }
}

extension Membership {
    /// Checks 1 to 7 of a record that somebody told; what passes waits for check 8, the signature.
    mutating func judge(
        _ bytes: [UInt8], from teller: PeerIndex, hops: UInt8, source: PendingRecord.Source
    ) {
        guard let session = sessions[teller], let network = join.network else { return }
        guard bytes.count >= PeerRecord.bytesMin, bytes.count <= PeerRecord.bytesMax,
            let (record, subject) = read(bytes),
            record.content.networkTag == NetworkTag(network)
        else {
            counters.raise(.recordMalformed)
            fault(of: teller)
            return
        }
        let pending = PendingRecord(
            record: record, subject: subject, teller: teller, scope: session.scope,
            hops: hops, source: source)
        guard passesBeforeSignature(pending) else { return }
        var budget =
            admission.tellers[teller]
            ?? TokenBucket(
                rate: limits.recordVerifiesPerTellerPerMinuteMax, per: .seconds(60),
                burst: limits.recordVerifiesPerTellerBurstMax, now: now)
        let isOpen = budget.take(now: now)
        admission.tellers.insert(budget, for: teller)
        guard isOpen else {
            counters.raise(.recordTellerBudget)
            return
        }
        guard admission.verifies.take(now: now), admission.queue.count < 255 else {
            counters.raise(.recordNoRoom)
            return
        }
        admission.queue.append(pending)
    }

    /// A record and whom it is about. Most that are told are here already: those need not be decoded.
    func read(_ bytes: [UInt8]) -> (PeerRecord, PeerID)? {
        guard let key = PeerRecord.key(in: bytes) else { return nil }
        let subject = peerID(of: key)
        if let known = book[subject]?.record, known.encoded.isSame(as: bytes) { return (known, subject) }
        guard let record = try? PeerRecord(decoding: bytes) else { return nil }
        return (record, subject)
    }

    /// Checks 2 to 5 and the room of 7, which need no signature.
    mutating func passesBeforeSignature(_ pending: PendingRecord) -> Bool {
        let record = pending.record
        let subject = pending.subject
        if record.key == key {
            // Our own record: of interest only if it is newer than ours, and true.
            if record.sequence > (own.published?.sequence ?? own.last) { return true }
            counters.raise(record.sequence == own.published?.sequence ? .recordOld : .recordUnwanted)
            return false
        }
        if isBarred(subject) || owner.denies(subject) {
            counters.raise(.recordUnwanted)
            return false
        }
        guard isInTime(record) else {
            counters.raise(.recordOutOfTime)
            return false
        }
        if let known = book[subject] {
            if record.sequence < known.sequence {
                counters.raise(.recordOld)
                return false
            }
            if record.sequence == known.sequence {
                if record == known.record {
                    confirmTeller(pending)
                    return false
                }
                return true
            }
        } else if unanswered.bars(subject, sequence: record.sequence, now: now),
            sessions[pending.teller]?.id != subject
        {
            counters.raise(.recordUnwanted)
            return false
        }
        let isExempt = record.content.isLeave || record.content.reach == .client
            || record.content.reach == .unknown
        if !isExempt, !record.content.endpoints.contains(where: { $0.address.scope >= pending.scope }) {
            counters.raise(.recordUnusable)
            return false
        }
        if book[subject] == nil, !hasRoom() {
            counters.raise(.recordNoRoom)
            return false
        }
        return true
    }

    /// The same record from one more teller: it may be one that lowers the scope floor.
    mutating func confirmTeller(_ pending: PendingRecord) {
        guard let entry = book[pending.subject], pending.scope < entry.scopeFloor else { return }
        book.update(pending.subject) { $0.scopeFloor = pending.scope }
        needsPlan = true
    }

    /// Check 3. No sum of what a peer sent can overflow.
    func isInTime(_ record: PeerRecord) -> Bool {
        let unix = clock.unix(now)
        let future = UInt64(limits.recordFutureMax.milliseconds)
        if record.sequence > unix, record.sequence - unix > future { return false }
        if record.sequence >= unix { return true }
        let age = unix - record.sequence
        return age <= UInt64(limits.recordAgeMax.milliseconds)
            && age <= UInt64(record.content.lifetimeMinutes) * 60_000
    }

    /// Whether the book has a row for a stranger: free, or one of less use (7.1).
    ///
    /// Not inlined: its closure holds all of this value, and who inlines it copies that whole first.
    @inline(never)
    func hasRoom() -> Bool {
        if !book.isFull { return true }
        // No more rows than these are kept, so that mostly nobody is looked for.
        if book.count > links.count + sessions.count + pins.byPeer.count + limits.anchorsMax { return true }
        return rowToEvict() != nil
    }

    func rowToEvict() -> PeerID? {
        book.victim { index, id, isAnchor in
            links.contains(index) || sessions.contains(index) || pins.contains(id) || isAnchor
        }
    }

    mutating func flushVerifications() {
        if admission.queue.isEmpty { return }
        let ticket = ticket()
        admission.checking.insert(admission.queue, for: ticket)
        emit(
            .verifyRecords(
                admission.queue.map { RecordCandidate(record: $0.record, teller: $0.teller) }, ticket))
        admission.queue = []
    }

    /// Check 8 came back.
    mutating func recordsVerified(_ valid: [PeerRecord], rejected: [UInt8], _ ticket: Ticket) {
        guard let pending = admission.checking.remove(ticket) else {
            counters.raise(.ticketUnknown)
            return
        }
        for (position, candidate) in pending.enumerated() {
            if rejected.contains(UInt8(truncatingIfNeeded: position)) {
                counters.raise(.recordForged)
                forger(candidate.teller)
            } else if valid.contains(candidate.record) {
                // Another copy may have been admitted while this one was checked.
                if passesBeforeSignature(candidate) { admit(candidate) }
            } else {
                counters.raise(.ticketUnknown)
            }
        }
    }

    /// A handshake record, whose signature the session table checked.
    mutating func judgeHandshakeRecord(_ record: PeerRecord, from peer: PeerIndex) {
        guard let session = sessions[peer], let network = join.network ?? join.comparedNetwork else {
            return
        }
        guard record.key == session.key, record.content.networkTag == NetworkTag(network) else {
            counters.raise(.recordMalformed)
            return
        }
        let pending = PendingRecord(
            record: record, subject: session.id, teller: peer, scope: session.scope, hops: 0,
            source: .handshake)
        if passesBeforeSignature(pending) { admit(pending) }
    }

    /// A valid record enters the book (7.1) and spreads (9.1).
    mutating func admit(_ pending: PendingRecord) {
        let record = pending.record
        if record.key == key {
            learnOwnSequence(record.sequence)
            return
        }
        if let known = book[pending.subject], known.sequence == record.sequence {
            equivocated(known.record, record, pending)
            return
        }
        let before = book[pending.subject]
        guard store(pending) else {
            counters.raise(.recordNoRoom)
            return
        }
        unanswered.forget(pending.subject)
        // A leave ends the link that tells of it.
        let isFromLink = links[pending.teller]?.isUp ?? false
        if isSeat, directory.id(of: pending.teller) == pending.subject {
            seatDirectory.note(record, of: pending.subject)
        }
        if record.content.isLeave {
            memberLeft(pending.subject)
        } else {
            let index = directory.index(of: pending.subject)
            let isConnected = index.flatMap { sessions[$0]?.hasPath } ?? false
            if isConnected { markProven(pending.subject, quietly: true) }
            if let entry = book[pending.subject], tells(before, entry) {
                raise(.member(view(of: entry)))
            }
            if isConnected, let index { answerHeldRequest(index) }
            satisfyFinds(pending.subject)
        }
        // A row that was evicted and is told again is no change: without this each dial of a walk in a network larger
        // than the book would send a record over hundreds of links.
        if before != nil || isFresh(record) { forward(pending, isFromLink: isFromLink) }
        needsPlan = true
    }

    /// Whether its author issued it lately.
    func isFresh(_ record: PeerRecord) -> Bool {
        let unix = clock.unix(now)
        return record.sequence >= unix || unix - record.sequence <= UInt64(limits.forwardAgeMax.milliseconds)
    }

    /// Whether a shell sees a difference: a mere refresh of the sequence is no news (GP-20).
    func tells(_ before: BookEntry?, _ after: BookEntry) -> Bool {
        guard let before else { return true }
        var content = before.record.content
        content.sequence = after.record.sequence
        return before.state != after.state || content != after.record.content
    }

    mutating func store(_ pending: PendingRecord) -> Bool {
        let record = pending.record
        let subject = pending.subject
        if let known = book[subject] {
            let wasLeft = known.isLeft
            book.update(subject) { entry in
                entry.record = record
                entry.scopeFloor = min(entry.scopeFloor, pending.scope)
                entry.isExpired = false
                entry.isDirty = entry.verifiedAt > 0
                entry.lostEndpoints.removeAll { lost in
                    !record.content.endpoints.contains { $0.address == lost }
                }
                if record.content.isLeave {
                    entry.state = .left
                } else if wasLeft || entry.isUnreachable {
                    // A newer record says that it is back; whether it answers is for a dial to find out.
                    entry.state = .heard
                    entry.failures = 0
                    entry.nextDial = now
                }
            }
            if wasLeft { requestBars.lift(subject) }
            return true
        }
        if book.isFull {
            guard let victim = rowToEvict() else { return false }
            counters.raise(.bookEvicted)
            removeRow(victim)
        }
        guard let index = index(of: subject) else { return false }
        let unix = clock.unix(now)
        book.insert(
            BookEntry(
                id: subject, index: index, record: record, scopeFloor: pending.scope,
                state: record.content.isLeave ? .left : .heard, firstSeen: unix, heardAt: now,
                nextDial: now))
        if !record.content.isLeave { walk.insert(subject, using: &rng) }
        return true
    }

    /// Its own handshake proved the key: verified (7.1).
    mutating func markProven(_ peer: PeerID, quietly: Bool = false) {
        guard let entry = book[peer], !entry.isLeft else { return }
        let unix = clock.unix(now)
        let wasVerified = entry.isVerified
        book.update(peer) {
            $0.state = .verified
            $0.verifiedAt = unix
            $0.provenAt = now
            $0.failures = 0
            $0.nextDial = now
            $0.isDirty = true
        }
        if wasVerified { return }
        needsPlan = true
        if !quietly, let entry = book[peer] { raise(.member(view(of: entry))) }
    }

    mutating func memberLeft(_ peer: PeerID) {
        walk.remove(peer)
        guard let entry = book[peer] else { return }
        raise(.memberLeft(entry.index))
        if links[entry.index] != nil { dropLink(entry.index, .leaving) }
    }

    /// Two valid records with one sequence are proof that their author lies (3.6).
    mutating func equivocated(_ first: PeerRecord, _ second: PeerRecord, _ pending: PendingRecord) {
        counters.raise(.recordEquivocated)
        let proof = EquivocationProof(first: first, second: second)
        proofs.append(proof)
        if proofs.count > limits.equivocationProofsMax { proofs.removeFirst() }
        raise(.equivocation(proof))
        ban(pending.subject, for: limits.ban)
    }

    /// Bars a peer: no session, no dial, no record of it until then.
    mutating func ban(_ peer: PeerID, for span: Interval) {
        bans.bar(peer, until: now + span)
        guard let index = directory.index(of: peer) else { return }
        if links[index] != nil { dropLink(index, .banned) }
        if sessions[index] != nil { emit(.hangUp(index, .banned)) }
        if let number = dials.byPeer[peer] { finish(number) }
        needsPlan = true
    }

    /// A fault that its sender answers for (2.7): the link closes, the peer is barred for a while.
    mutating func fault(of peer: PeerIndex) { bar(peer, for: limits.faultBar) }

    /// The teller of a record with a wrong signature (3.4, check 8).
    mutating func forger(_ peer: PeerIndex) { bar(peer, for: limits.ban) }

    private mutating func bar(_ peer: PeerIndex, for time: Interval) {
        guard let session = sessions[peer] else { return }
        if links[peer] != nil { closeLink(peer, .protocolError, retry: limits.faultBar, bars: true) }
        bans.bar(session.id, until: now + time)
        emit(.hangUp(peer, .protocolError))
    }

    mutating func misbehaved(_ peer: PeerIndex, points: UInt16) {
        if points > 0 { fault(of: peer) }
    }

    /// A dial to `address` proved `peer`'s key: the address is its own now (3.6).
    mutating func settleAddress(_ address: SocketAddress, provenBy peer: PeerID) {
        for other in book.claimants(of: address) where other != peer {
            guard let older = book[other], !older.lostEndpoints.contains(address),
                let newer = directory.index(of: peer)
            else { continue }
            book.update(other) { $0.lostEndpoints.append(address) }
            let key = ConflictKey(address: address, older: other, newer: peer)
            if conflicts[key].map({ now - $0 < limits.conflictRepeat }) ?? false { continue }
            conflicts.insert(now, for: key)
            raise(.addressConflict(address, older: older.index, newer: newer))
        }
        book.update(peer) { $0.lostEndpoints.removeAll { $0 == address } }
    }

    /// What a shell may show of a row.
    func view(of entry: BookEntry) -> MemberView {
        let link = links[entry.index]
        let state: MemberState
        if isBarred(entry.id) {
            state = .banned
        } else {
            switch entry.state {
            case .heard: state = .heard
            case .verified: state = .verified
            case .unreachable(let n): state = .unreachable(failures: n)
            case .left: state = .left
            }
        }
        let content = entry.record.content
        return MemberView(
            index: entry.index, id: entry.id, key: content.key, state: state,
            link: link.flatMap { $0.isUp ? ($0.isOutbound ? .outbound : .inbound) : nil },
            status: content.status, reach: content.reach,
            classes: CapabilityClasses(rawValue: content.classes), sequence: entry.sequence,
            endpoints: content.endpoints, roundTrip: entry.roundTrip,
            lastEvidence: link?.probe.lastEvidence ?? entry.provenAt)
    }

    /// Every row of the book, in id order: the peers page of a shell.
    public var members: [MemberView] { book.entries.map { view(of: $0.value) } }
}
