import Basis
import Records
import Trust
import Wire

extension Replica {
    mutating func receive(_ vote: Vote, from sender: PeerID) {
        let w = vote.ballot.view
        guard vote.ballot.epoch == epoch, Int(vote.seat) < seats.count, w < Replica.numberMax
        else {
            stats.badMessages += 1
            return
        }
        if own == Int(vote.seat) { return }
        if w < viewsFloor {
            stats.oldVotes += 1
            answerOldVote(view: w, seat: Int(vote.seat))
            return
        }
        if w > view {
            noteAhead(view: w, peer: sender)
            if w - view > limits.viewsAheadMax {
                stats.farVotes += 1
                return
            }
        }
        let isNew = count(vote)
        if w < view, !isNew || isLate(w) { answerOldVote(view: w, seat: Int(vote.seat)) }
    }

    /// Late enough after the view ended that the seat must have missed its certificate.
    func isLate(_ w: UInt64) -> Bool {
        guard let ended = views[w]?.endedAt else { return true }
        return now - ended > delta
    }

    /// Counts a vote and learns the certificate that it completes. False if it was counted before.
    @discardableResult
    mutating func count(_ vote: Vote) -> Bool {
        let ballot = vote.ballot
        let seat = Int(vote.seat)
        let added = views[ballot.view, default: ViewRecord()].add(
            ballot.kind, SeatVote(hash: ballot.blockHash, signature: vote.signature), of: seat,
            n: seats.count)
        switch added {
        case .repeated:
            stats.repeatedVotes += 1
            return false
        case .conflicting(let first):
            report(vote, against: first)
            return false
        case .new:
            if let record = views[ballot.view], record[ballot.kind] == nil,
                record.count(ballot.kind, for: ballot.blockHash) >= seats.quorum
            {
                learn(Certificate(ballot: ballot, votes: record.allVotes(for: ballot)))
            }
            return true
        }
    }

    /// Keeps both of two votes that an honest seat never casts, once per seat and view.
    mutating func report(_ second: Vote, against first: SeatVote) {
        let ballot = second.ballot
        let seat = Int(second.seat)
        stats.equivocations += 1
        if views[ballot.view]?.reported.contains(seat) ?? true { return }
        views.update(ballot.view) { $0.reported.append(seat) }
        let firstVote = Vote(
            ballot: Ballot(
                kind: ballot.kind, epoch: epoch, view: ballot.view, blockHash: first.hash),
            seat: second.seat, signature: first.signature)
        mark("consensus.equivocation")
        lazyWrites.put(
            .evidence,
            StoreKey([ballot.kind.rawValue]).raw(seats.seats[seat].account.bytes).u64(epoch)
                .u64(ballot.view).bytes, firstVote.encoded + second.encoded)
        emit(.alarm(.equivocation(seat: second.seat, first: firstVote, second: second)))
    }

    /// Helps a seat that votes in a view that ended: the newest finality if it covers the view, else what ended it.
    mutating func answerOldVote(view w: UInt64, seat: Int) {
        guard mayAnswer(seatPeers[seat], view: w) else { return }
        let answer: Certificate?
        if let newest = newestFinalization, newest.ballot.view >= w {
            answer = newest
        } else if let record = views[w] {
            answer = record[.notarize] ?? record[.nullify]
        } else {
            answer = newestFinalization
        }
        guard let answer else { return }
        post(.certificate(answer), to: [seatPeers[seat]])
    }

    // MARK: own votes

    /// Signs, marks and counts an own vote; it leaves when the journal is durable.
    mutating func cast(_ kind: VoteKind, view w: UInt64, hash: Digest) {
        guard let own, let voting = configuration.voting else {
            unreachable("vote without a seat or key")
        }
        invariant(isActive, "vote \(kind) in mode \(mode)")
        var record = views[w] ?? ViewRecord()
        switch kind {
        case .notarize:
            invariant(record.notarizeMark == nil && !record.nullifyMark, "second mark in view \(w)")
            record.notarizeMark = hash
        case .nullify:
            invariant(record.finalizeMark == nil && !record.nullifyMark, "nullify view \(w)")
            record.nullifyMark = true
        case .finalize:
            invariant(record.finalizeMark == nil && !record.nullifyMark, "finalize view \(w)")
            record.finalizeMark = hash
        }
        views[w] = record
        journal(kind, view: w, hash: hash)
        stats.votesCast += 1
        // What just left need not be resent at once.
        if deadlines[.resend] != nil { armResend() }
        let ballot = Ballot(kind: kind, epoch: epoch, view: w, blockHash: hash)
        let signature = voting.sign(
            ballot.kind.signatureKind, network: configuration.network, body: ballot.signedBody)
        let vote = Vote(ballot: ballot, seat: UInt16(own), signature: signature)
        if record.ownProposal == nil || kind != .notarize { post(.vote(vote), to: otherSeats) }
        count(vote)
    }

    /// The mark, and with the first one of a view the certificate that ended the view before (14.2).
    mutating func journal(_ kind: VoteKind, view w: UInt64, hash: Digest) {
        turn.batch.put(.journal, JournalKey.mark(epoch: epoch, view: w, kind: kind), hash.bytes)
        if let certificate = endingCertificate {
            journal(certificate)
            endingCertificate = nil
        }
    }

    mutating func journal(_ certificate: Certificate) {
        turn.batch.put(
            .journal,
            JournalKey.ended(
                epoch: epoch, view: certificate.ballot.view, kind: certificate.ballot.kind),
            certificate.encoded)
    }

    /// Gives up the current view, unless it was given up or finalised before.
    mutating func nullify() {
        let record = views[view] ?? ViewRecord()
        if record.nullifyMark || record.finalizeMark != nil { return }
        deadlines.cancel(.proposal)
        deadlines.cancel(.progress)
        cast(.nullify, view: view, hash: .zero)
    }

    /// f + 1 other seats gave the view up: at least one honest seat's timer fired.
    mutating func joinNullification() {
        guard let record = views[view], !record.nullifyMark, record.finalizeMark == nil,
            seats.count > 1, record.nullifications(besides: own) >= seats.faulty + 1
        else { return }
        mark("consensus.joinNullification")
        nullify()
    }

    /// Own votes of this view and the one before, the own proposal, and finalize votes whose block is not final
    /// (4.3).
    mutating func resend() {
        lastResend = now
        stats.resends += 1
        if let proposal = views[view]?.ownProposal { post(.proposal(proposal), to: otherSeats) }
        let from = min(finalBelow, view == 0 ? 0 : view - 1)
        for (w, record) in views.from(from) {
            if w > view { break }
            for kind in VoteKind.allCases {
                let isRecent = w + 1 >= view || (kind == .finalize && w >= finalBelow)
                if isRecent, let vote = ownVote(kind, view: w, in: record) {
                    post(.vote(vote), to: otherSeats)
                }
            }
        }
        if let peer = otherSeats.randomElement(using: &generator) { sendStatus(to: [peer]) }
    }

    /// The own vote that the marks of `record` stand for.
    func ownVote(_ kind: VoteKind, view w: UInt64, in record: ViewRecord) -> Vote? {
        guard let own, let voting = configuration.voting else { return nil }
        let hash: Digest
        switch kind {
        case .notarize:
            guard let mark = record.notarizeMark else { return nil }
            hash = mark
        case .nullify:
            // A mark set by a nullification alone is no vote; with a certificate nobody needs one.
            guard record.nullifyMark, record[.nullify] == nil else { return nil }
            hash = .zero
        case .finalize:
            guard let mark = record.finalizeMark else { return nil }
            hash = mark
        }
        let ballot = Ballot(kind: kind, epoch: epoch, view: w, blockHash: hash)
        if let known = record.vote(kind, of: own) {
            return Vote(ballot: ballot, seat: UInt16(own), signature: known.signature)
        }
        let signature = voting.sign(
            kind.signatureKind, network: configuration.network, body: ballot.signedBody)
        return Vote(ballot: ballot, seat: UInt16(own), signature: signature)
    }

    var otherSeats: [PeerID] {
        guard let own else { return seatPeers }
        return seatPeers.enumerated().filter { $0.offset != own }.map(\.element)
    }
}
