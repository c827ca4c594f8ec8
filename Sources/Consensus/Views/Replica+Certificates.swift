import Basis
import Records
import Trust
import Wire

extension Replica {
    mutating func receive(_ certificate: Certificate, from sender: PeerID) {
        guard isWellFormed(certificate) else {
            stats.badMessages += 1
            return
        }
        learn(certificate)
    }

    mutating func receive(_ message: Certificates, from sender: PeerID) {
        let ascending = message.certificates.sorted {
            ($0.ballot.view, $0.ballot.kind) < ($1.ballot.view, $1.ballot.kind)
        }
        for certificate in ascending { receive(certificate, from: sender) }
        for vote in message.ownVotes where seatIndexes[sender] == Int(vote.seat) {
            let w = vote.ballot.view
            if vote.ballot.epoch == epoch, w >= viewsFloor, w < Replica.numberMax,
                w <= view || w - view <= limits.viewsAheadMax
            {
                count(vote)
            }
        }
        for (key, fetch) in fetches where fetch.peer == sender {
            if case .certificates = key { fetches.remove(key) }
        }
    }

    /// Takes a certificate, own or received, of any view (4.5 Advance, 4.6).
    mutating func learn(_ certificate: Certificate) {
        let ballot = certificate.ballot
        let w = ballot.view
        if w < viewsFloor { return }
        if let known = views[w]?[ballot.kind] {
            if known.ballot != ballot { fork("two certificates \(ballot.kind) of view \(w)") }
            return
        }
        var record = views[w] ?? ViewRecord()
        record[ballot.kind] = certificate
        if record.endedAt == nil { record.endedAt = now }
        views[w] = record
        invariant(certificate.votes.count >= seats.quorum, "\(certificate.votes.count) votes")
        if ballot.kind != .finalize {
            lazyWrites.put(
                .certs, JournalKey.certificate(ballot.kind, epoch: epoch, view: w),
                certificate.encoded)
        }
        switch ballot.kind {
        case .notarize:
            raiseTip(view: w, hash: ballot.blockHash)
            if w >= view {
                leave(w, by: certificate)
                finalizeVote(w, certificate)
            }
        case .nullify:
            if w >= view {
                leave(w, by: certificate)
                if isActive { setNullifyMark(w) }
            }
        case .finalize:
            raiseTip(view: w, hash: ballot.blockHash)
            becomeFinal(certificate)
            if w >= view { leave(w, by: certificate) }
        }
    }

    /// Votes to finalise what was notarised, on leaving its view.
    mutating func finalizeVote(_ w: UInt64, _ certificate: Certificate) {
        let record = views[w] ?? ViewRecord()
        guard isActive, !record.nullifyMark, record.finalizeMark == nil else { return }
        journal(certificate)
        if endingCertificate == certificate { endingCertificate = nil }
        cast(.finalize, view: w, hash: certificate.ballot.blockHash)
    }

    /// Leaving a view by its nullification forbids to finalise it; the mark is written with the next vote.
    mutating func setNullifyMark(_ w: UInt64) {
        if let record = views[w], record.nullifyMark || record.finalizeMark != nil { return }
        views[w, default: ViewRecord()].nullifyMark = true
        lazyWrites.put(
            .journal, JournalKey.mark(epoch: epoch, view: w, kind: .nullify), Digest.zero.bytes)
    }

    mutating func leave(_ w: UInt64, by certificate: Certificate) {
        switch certificate.ballot.kind {
        case .notarize:
            stats.viewsNotarised += 1
            if w == view, let timersStart { delay.note(now - timersStart) }
        case .nullify:
            stats.viewsFailed += 1
            failedViews += 1
        case .finalize: break
        }
        if isActive { post(.certificate(certificate), to: otherSeats) }
        enter(w + 1, after: certificate)
    }

    mutating func enter(_ next: UInt64, after certificate: Certificate?) {
        invariant(next > view, "from view \(view) to \(next)")
        view = next
        viewEntered = now
        endingCertificate = certificate
        timersStart = nil
        heldFor = nil
        proposalHold = nil
        building = nil
        resendRounds = 0
        deadlines.cancel(.proposal)
        deadlines.cancel(.progress)
        while let first = futureProposals.first, first.key <= view {
            futureProposals.popFirst()
            take(first.value)
        }
    }

    mutating func raiseTip(view w: UInt64, hash: Digest) {
        if w + 1 > tip.below { tip = Tip(below: w + 1, hash: hash, since: now) }
    }

    mutating func fork(_ text: String) {
        emit(.alarm(.fork(text)))
        stop()
    }

    mutating func stop() {
        mode = .stopped
        deadlines.removeAll()
        let next = NodeStatus(kind: .stopped, facts: facts())
        if status.kind != .stopped { emit(.statusChanged(next)) }
        status = next
    }

    // MARK: asking for certificates

    /// A seat showed a view above ours: it holds the certificate that ended the view before.
    mutating func noteAhead(view w: UInt64, peer: PeerID) {
        guard w > view, w < Replica.numberMax, seatIndexes[peer] != nil, var state = peers[peer]
        else { return }
        if let asked = state.askedAt, now - asked < delta { return }
        state.askedAt = now
        peers[peer] = state
        let low = w > FetchCertificates.viewsMax ? w - FetchCertificates.viewsMax : 0
        emit(
            .send(
                .fetchCertificates(
                    FetchCertificates(epoch: epoch, from: max(view, low), to: w - 1)), to: [peer]))
    }

    mutating func serve(_ request: FetchCertificates, to sender: PeerID) {
        guard request.epoch == epoch, request.to >= request.from,
            request.to - request.from <= FetchCertificates.viewsMax, mayRequest(sender)
        else {
            stats.refusedRequests += 1
            return
        }
        var certificates: [Certificate] = []
        var ownVotes: [Vote] = []
        for (w, record) in views.from(request.from) {
            if w > request.to { break }
            for kind in VoteKind.allCases {
                if let certificate = record[kind] {
                    certificates.append(certificate)
                } else if let vote = ownVote(kind, view: w, in: record) {
                    ownVotes.append(vote)
                }
            }
        }
        if let newest = newestFinalization, newest.ballot.view >= request.from,
            !certificates.contains(newest), certificates.count < 195
        {
            certificates.append(newest)
        }
        if certificates.isEmpty && ownVotes.isEmpty { return }
        post(.certificates(Certificates(certificates: certificates, ownVotes: ownVotes)), to: [sender])
    }
}
