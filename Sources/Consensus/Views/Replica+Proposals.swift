import Basis
import Records
import Trust
import Wire

extension Replica {
    // MARK: proposals of others

    mutating func receive(_ proposal: Proposal, from sender: PeerID) {
        let header = proposal.block.header
        if let fault = fault(of: proposal.block) {
            refuse(fault, from: sender)
            return
        }
        if own == Int(header.seat) { return }
        if header.view < executedBelow {
            answerOldVote(view: header.view, seat: Int(header.seat))
            return
        }
        if header.view > view { noteAhead(view: header.view, peer: sender) }
        if let certificate = parentCertificate(of: proposal.block) { learn(certificate) }
        if mode == .stopped { return }
        if header.view > view {
            keepFuture(proposal)
        } else {
            take(proposal)
        }
    }

    mutating func refuse(_ fault: ProposalFault, from sender: PeerID) {
        stats.rejectedProposals += 1
        emit(.misbehaved(sender, .badProposal(fault)))
    }

    /// At most two proposals of later views wait, the nearest ones.
    mutating func keepFuture(_ proposal: Proposal) {
        let w = proposal.block.header.view
        if w - view > limits.viewsAheadMax || futureProposals.contains(w) {
            stats.droppedProposals += 1
            return
        }
        futureProposals.insert(proposal, for: w)
        if futureProposals.count > 2, let last = futureProposals.last {
            futureProposals.remove(last.key)
            stats.droppedProposals += 1
        }
    }

    /// Counts the leader's vote and keeps the first block of a view that is not executed.
    mutating func take(_ proposal: Proposal) {
        let header = proposal.block.header
        let w = header.view
        if w < executedBelow || w < viewsFloor { return }
        guard let held = hold(proposal.block) else {
            stats.rejectedProposals += 1
            return
        }
        if let first = views[w]?.proposal, first != held.hash {
            stats.droppedProposals += 1
        } else if views[w]?.proposal == nil {
            views[w, default: ViewRecord()].proposal = held.hash
            keep(held)
        }
        let ballot = Ballot(kind: .notarize, epoch: epoch, view: w, blockHash: held.hash)
        let isNew = count(Vote(ballot: ballot, seat: header.seat, signature: proposal.signature))
        if w < view, !isNew || isLate(w) { answerOldVote(view: w, seat: Int(header.seat)) }
    }

    /// A block came: what waited for it goes on.
    mutating func keep(_ held: HeldBlock) {
        if held.header.view < executedBelow { return }
        tree.insert(held)
        fetches.remove(.block(held.hash))
        deliverFinal()
    }

    /// Votes for the proposal of this view, or holds it (N1–N8).
    mutating func considerProposal() {
        heldFor = nil
        guard let record = views[view], let hash = record.proposal, record.notarizeMark == nil,
            !record.nullifyMark, let held = tree[hash]
        else { return }
        switch examine(held) {
        case .vote:
            turn.batch.put(
                .pending,
                JournalKey.pending(epoch: epoch, view: view, hash: hash.bytes), held.block.encoded)
            deadlines.cancel(.proposal)
            cast(.notarize, view: view, hash: hash)
        case .hold(let hold):
            stats.heldProposals += 1
            heldFor = hold
        case .refuse(let fault):
            stats.rejectedProposals += 1
            emit(.misbehaved(seatPeers[leader], .badProposal(fault)))
            // The block stays known, so that it is not fetched again; the view cannot be voted for.
            views.update(view) { $0.proposal = Digest.zero }
        }
    }

    // MARK: own proposals

    enum Parent: Sendable {
        case found(below: UInt64, hash: Digest, certificate: [UInt8])
        case missing(Hold)
    }

    /// The highest notarised view below this one with nullifications for all views between, or the base.
    func chooseParent() -> Parent {
        var w = view
        while w > 0 {
            w -= 1
            if let notarization = views[w]?[.notarize] {
                let ballot = notarization.ballot
                let all = Certificate(
                    ballot: ballot, votes: views[w]?.allVotes(for: ballot) ?? notarization.votes)
                return .found(below: w + 1, hash: ballot.blockHash, certificate: all.encoded)
            }
            // The executed view was notarised: only its certificate is missing here.
            if w + 1 == executedBelow || views[w]?[.nullify] == nil {
                let low = w > FetchCertificates.viewsMax ? w - FetchCertificates.viewsMax : 0
                let executedView = executedBelow == 0 ? 0 : executedBelow - 1
                return .missing(.certificates(from: min(w, max(low, executedView)), to: w))
            }
        }
        return .found(below: 0, hash: baseHash, certificate: [])
    }

    /// Asks the pool for a payload when everything that a proposal needs is there (4.5 Propose).
    mutating func considerProposing() {
        proposalHold = nil
        guard let own, leader == own, !reasons.isEmpty, building == nil else { return }
        let record = views[view] ?? ViewRecord()
        if record.nullifyMark || record.notarizeMark != nil { return }
        guard case .found(_, let hash, _) = chooseParentOrHold() else { return }
        if case .missing(let missing) = chain(from: hash) {
            proposalHold = .block(missing)
            return
        }
        let parent = tree[hash]
        let height = (parent?.header.height ?? executed.state.height) + 1
        let isEmpty = !mayCarryEntries(height)
        guard mayFollowExecution(height, isEmpty: isEmpty) else {
            proposalHold = .execution
            return
        }
        if let time = earliestTime(after: parent?.header.timestamp ?? executed.timestamp) {
            proposalHold = .time(time)
            return
        }
        guard ownReveal() != nil else { return }
        if reasons.isDisjoint(with: .empty) {
            if pool.entryCount == 0 || isEmpty { return }
            let ready = pool.oldest + .milliseconds(Int64(limits.batchMillis))
            if pool.bytes < limits.blockBytesTarget, ready > now { return }
        }
        let request = PayloadRequest(
            ticket: Ticket(nextTicket), view: view, parentHash: hash, exclude: inFlight(from: hash),
            bytesTarget: isEmpty ? 0 : limits.blockBytesTarget)
        nextTicket += 1
        building = request
        emit(.buildPayload(request))
    }

    mutating func chooseParentOrHold() -> Parent {
        let parent = chooseParent()
        if case .missing(let hold) = parent { proposalHold = hold }
        return parent
    }

    /// The wall clock to wait for, if the least timestamp after `parent` is too far ahead of it.
    func earliestTime(after parent: UInt64) -> UInt64? {
        let least = parent + 1
        return least > wall + limits.clockSkewMillisMax ? least - limits.clockSkewMillisMax : nil
    }

    /// The element of the own beacon chain for this view's turn; nil if no chain covers it.
    func ownReveal() -> Digest? {
        guard let own else { return nil }
        let turnNumber = seats.turn(of: view)
        guard executed.beacons[own].covers(turn: turnNumber) else { return nil }
        for beacon in beaconChains.reversed() where beacon.start <= turnNumber {
            if let x = beacon.chain.element(at: turnNumber - beacon.start, hashing: hashing) {
                return x
            }
        }
        return nil
    }

    /// Makes the block of this view from the pool's entries, journals it, and sends it once it is durable.
    mutating func propose(_ offered: [[UInt8]], ticket: Ticket) {
        guard let request = building, request.ticket == ticket else { return }
        building = nil
        let entries = request.bytesTarget == 0 ? [] : offered
        guard isActive, request.view == view, let own,
            case .found(let below, let hash, let certificate) = chooseParent(),
            hash == request.parentHash, case .complete = chain(from: hash),
            views[view]?.nullifyMark != true, views[view]?.notarizeMark == nil,
            let reveal = ownReveal()
        else { return }
        if entries.isEmpty {
            // What the pool announced is gone; it will announce anew.
            if offered.isEmpty { pool.entryCount = 0 }
            if reasons.isDisjoint(with: .empty) { return }
        }
        let parent = tree[hash]
        let time = parent?.header.timestamp ?? executed.timestamp
        if earliestTime(after: time) != nil { return }
        let entryHashes = entries.map { Block.entryHash($0, hashing: hashing) }
        let header = BlockHeader(
            networkID: configuration.network, epoch: epoch, view: view,
            height: (parent?.header.height ?? executed.state.height) + 1,
            parentView: below == 0 ? BlockHeader.baseView : below - 1, parentHash: hash,
            parentCertHash: Block.certificateHash(certificate, hashing: hashing),
            timestamp: max(wall, time + 1), seat: UInt16(own), beaconReveal: reveal,
            entryCount: UInt32(entries.count), payloadBytes: Block.payloadBytes(entries),
            txRoot: Block.txRoot(entryHashes, hashing: hashing))
        guard mayFollowExecution(header.height, isEmpty: entries.isEmpty) else { return }
        let block = Block(header: header, parentCertificate: certificate, entries: entries)
        invariant(fault(of: block) == nil, "own block is bad: \(String(describing: fault(of: block)))")
        show(HeldBlock(block: block, hash: block.hash(hashing: hashing), entryHashes: entryHashes))
    }

    /// Persists and sends the own block; its signature is the own vote.
    mutating func show(_ held: HeldBlock) {
        guard let voting = configuration.voting else { unreachable("a leader without a key") }
        let ballot = Ballot(kind: .notarize, epoch: epoch, view: view, blockHash: held.hash)
        let signature = voting.sign(
            .notarize, network: configuration.network, body: ballot.signedBody)
        let proposal = Proposal(block: held.block, signature: signature)
        var record = views[view] ?? ViewRecord()
        invariant(record.ownProposal == nil, "two own proposals in view \(view)")
        record.proposal = held.hash
        record.ownProposal = proposal
        views[view] = record
        tree.insert(held)
        turn.batch.put(
            .pending, JournalKey.pending(epoch: epoch, view: view, hash: held.hash.bytes),
            held.block.encoded)
        turn.batch.put(
            .journal, JournalKey.ownBlock(epoch: epoch, view: view), held.hash.bytes)
        post(.proposal(proposal), to: otherSeats)
        cast(.notarize, view: view, hash: held.hash)
    }

    /// The hashes of all entries from `hash` down to the executed tip, as far as the blocks are held.
    func inFlight(from hash: Digest) -> [Digest] {
        var out: [Digest] = []
        var cursor = hash
        while cursor != executed.state.blockHash, let held = tree[cursor],
            held.header.height > executed.state.height
        {
            out += held.entryHashes
            cursor = held.header.parentHash
        }
        return out
    }
}
