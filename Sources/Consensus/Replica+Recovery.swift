public import Basis
public import Records
public import Trust

extension Replica {
    /// A replica as it stands after its store was read; `.start` is its first input.
    ///
    /// `executed` is the durable state (genesis at first), `image` what the journal says: a seat that voted before
    /// never contradicts it (14.4).
    public init(
        configuration: Configuration, executed: Executed, image: JournalImage,
        limits: LedgerLimits = .production, hashing: any Hashing, generator: SeededGenerator,
        now: Instant
    ) {
        let seats = configuration.seats
        invariant(seats.count != 2 && seats.count <= LedgerLimits.seatsMax, "\(seats.count) seats")
        invariant(
            executed.beacons.count == seats.count, "\(executed.beacons.count) beacon records")
        self.configuration = configuration
        self.limits = limits
        self.hashing = hashing
        self.seats = seats
        seatPeers = seats.seats.map { hashing.peerID(of: $0.account) }
        var indexes: [PeerID: Int] = [:]
        for (i, peer) in seatPeers.enumerated() { indexes[peer] = i }
        seatIndexes = indexes
        own = seats.index(of: configuration.account)
        self.generator = generator
        self.now = now
        mode = .syncing
        delay = DelayEstimate(limits: limits)
        self.executed = executed
        let below = executed.view.map { $0 + 1 } ?? 0
        let hash = executed.state.blockHash
        handed = Position(height: executed.state.height, hash: hash)
        finalBelow = below
        finalHeight = executed.state.height
        tip = Tip(below: below, hash: hash, since: now)
        shownTip = (hash, hash)
        view = below
        viewEntered = now
        lastResend = now
        lastFinal = now
        syncingSince = now
        certifiedAt = now
        disputed = Array(repeating: nil, count: seats.count)
        beaconChains = configuration.beacons
        prunedBelow = below
        viewsFloor = below > Replica.viewsKept + 1 ? below - Replica.viewsKept - 1 : 0
        status = NodeStatus(
            kind: .syncing(behind: 0),
            facts: .init(
                seats: seats.count, quorum: seats.quorum, heard: [], missing: [], view: below,
                leader: UInt16(seats.leader(of: below)), finalHeight: executed.state.height,
                executedHeight: executed.state.height, certifiedHeight: 0, silentMillis: []))
        ownStates.insert(executed.state, for: executed.state.height)
        for (seat, peer) in seatPeers.enumerated() where seat != own {
            peers.insert(PeerState(), for: peer)
        }
        recover(image)
    }

    /// Marks, blocks and certificates come back; the view is the highest of what the journal and `executed` say
    /// (4.6).
    private mutating func recover(_ image: JournalImage) {
        for block in image.blocks where block.header.view >= executedBelow {
            // What the own journal holds was checked before it was written.
            if fault(of: block) == nil, let held = hold(block) { tree.insert(held) }
        }
        for mark in image.marks where mark.epoch == epoch && mark.view >= viewsFloor {
            views[mark.view, default: ViewRecord()].restore(mark.kind, hash: mark.hash)
            if mark.view > view { view = mark.view }
        }
        for certificate in image.certificates where isWellFormed(certificate) {
            restore(certificate)
        }
        for ownBlock in image.ownBlocks where ownBlock.epoch == epoch {
            restoreOwn(ownBlock.hash, view: ownBlock.view)
        }
        if let certificate = image.certified {
            if certificate.state.height <= executed.state.height {
                certified = certificate
            } else {
                certifiedAhead = certificate
            }
        }
    }

    private mutating func restore(_ certificate: Certificate) {
        let ballot = certificate.ballot
        if ballot.kind == .finalize, ballot.view >= newestFinalization?.ballot.view ?? 0 {
            newestFinalization = certificate
            if ballot.view >= finalBelow { finalBelow = ballot.view + 1 }
        }
        if ballot.view < viewsFloor { return }
        var record = views[ballot.view] ?? ViewRecord()
        record[ballot.kind] = certificate
        record.endedAt = now
        views[ballot.view] = record
        if ballot.kind != .nullify { raiseTip(view: ballot.view, hash: ballot.blockHash) }
        if ballot.view >= view {
            view = ballot.view + 1
            endingCertificate = certificate
        }
    }

    private mutating func restoreOwn(_ hash: Digest, view w: UInt64) {
        guard let held = tree[hash], let voting = configuration.voting, own != nil else { return }
        let ballot = Ballot(kind: .notarize, epoch: epoch, view: w, blockHash: hash)
        let signature = voting.sign(
            .notarize, network: configuration.network, body: ballot.signedBody)
        views[w, default: ViewRecord()].proposal = hash
        views[w, default: ViewRecord()].ownProposal = Proposal(
            block: held.block, signature: signature)
    }

    /// The first input: own votes count again, what is final goes on to execution, and the state is attested anew.
    mutating func start() {
        if let own {
            let marked = views.filter { _, record in
                record.notarizeMark != nil || record.nullifyMark || record.finalizeMark != nil
            }
            for (w, record) in marked {
                for kind in VoteKind.allCases {
                    if let vote = ownVote(kind, view: w, in: record), vote.seat == UInt16(own) {
                        count(vote)
                    }
                }
            }
        }
        renewOwnNotarisation()
        deliverFinal()
        if own != nil {
            if executed.state.height > certifiedHeight { sendAttestation() }
            settle(executed.state)
            sendStatus(to: otherSeats, wantsAnswer: true)
            deadlines.set(.status, at: now + .seconds(2))
        } else {
            deadlines.set(.status, at: now + .seconds(1))
        }
    }
}

extension Replica {
    /// With one seat nobody else keeps the notarisation that the next block must carry. If execution became durable
    /// before the journal did, the seat signs it again: the block is final, so the vote is the one it cast.
    private mutating func renewOwnNotarisation() {
        guard seats.count == 1, own != nil, let voting = configuration.voting,
            let w = executed.view, views[w]?[.notarize] == nil
        else { return }
        mark("consensus.renewOwnNotarisation")
        let ballot = Ballot(
            kind: .notarize, epoch: epoch, view: w, blockHash: executed.state.blockHash)
        let signature = voting.sign(
            .notarize, network: configuration.network, body: ballot.signedBody)
        learn(
            Certificate(ballot: ballot, votes: [SeatSignature(seat: 0, signature: signature)]))
    }
}

extension ViewRecord {
    mutating func restore(_ kind: VoteKind, hash: Digest) {
        switch kind {
        case .notarize: notarizeMark = hash
        case .nullify: nullifyMark = true
        case .finalize: finalizeMark = hash
        }
    }
}
