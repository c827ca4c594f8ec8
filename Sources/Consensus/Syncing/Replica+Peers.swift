import Basis
import Records
import Trust

extension Replica {
    mutating func linkUp(_ peer: PeerID) {
        peers[peer, default: PeerState()].isLinked = true
        sendStatus(to: [peer], wantsAnswer: true)
        if isWatcher, upstreams.count < 2 { chooseUpstreams() }
    }

    mutating func linkDown(_ peer: PeerID) {
        followers.removeAll { $0 == peer }
        upstreams.removeAll { $0.peer == peer }
        if seatIndexes[peer] != nil {
            peers.update(peer) { $0.isLinked = false }
        } else {
            peers.remove(peer)
        }
    }

    mutating func heard(_ peer: PeerID) {
        let now = now
        peers.update(peer) { $0.heardAt = now }
    }

    /// Once per view and Δ for each peer.
    mutating func mayAnswer(_ peer: PeerID, view w: UInt64) -> Bool {
        guard var state = peers[peer] else { return false }
        if let at = state.answeredAt, state.answeredView == w, now - at < delta { return false }
        state.answeredAt = now
        state.answeredView = w
        peers[peer] = state
        return true
    }

    /// Eight requests a second and peer (4.3).
    mutating func mayRequest(_ peer: PeerID) -> Bool {
        guard var state = peers[peer] else { return false }
        if let since = state.requestsSince, now - since < .seconds(1) {
            if state.requests >= 8 { return false }
            state.requests += 1
        } else {
            state.requestsSince = now
            state.requests = 1
        }
        peers[peer] = state
        return true
    }

    // MARK: Status messages

    mutating func receive(_ message: Status, from sender: PeerID) {
        guard message.epoch == epoch, message.view < Replica.numberMax,
            message.executedHeight < Replica.numberMax, message.certifiedHeight < Replica.numberMax,
            message.finalHeight < Replica.numberMax, var state = peers[sender]
        else {
            stats.badMessages += 1
            return
        }
        if (state.claim?.executedHeight ?? 0) <= handed.height { state.claimedAt = now }
        state.claim = message
        highestClaim = max(highestClaim, message.executedHeight)
        state.hasShownStatus = true
        var answers = false
        if message.flags.contains(.wantsAnswer),
            state.statusAnsweredAt.map({ now - $0 >= .milliseconds(200) }) ?? true
        {
            state.statusAnsweredAt = now
            answers = true
        }
        peers[sender] = state
        if answers {
            sendStatus(to: [sender])
            showCertificate(to: sender, claiming: message)
        }
        guard let seat = seatIndexes[sender] else { return }
        if message.view > view { noteAhead(view: message.view, peer: sender) }
        if let known = ownStates[message.executedHeight],
            known.stateDigest != message.stateDigest || known.blockHash != message.executedHash
        {
            dispute(message.executedHeight, seat: seat)
        }
    }

    /// A peer that executed what is certified, and missed the certificate, is shown it.
    private mutating func showCertificate(to peer: PeerID, claiming claim: Status) {
        guard let certified, claim.certifiedHeight < certified.state.height,
            claim.executedHeight >= certified.state.height
        else { return }
        post(.stateCertificate(certified), to: [peer])
    }

    mutating func sendStatus(to peers: [PeerID], wantsAnswer: Bool = false) {
        if peers.isEmpty { return }
        var flags: Status.Flags = []
        if own != nil { flags.insert(.seat) }
        if status.isStalled { flags.insert(.stalled) }
        if isWorker { flags.insert(.worker) }
        if wantsAnswer { flags.insert(.wantsAnswer) }
        let message = Status(
            epoch: epoch, view: own == nil ? 0 : view, finalHeight: finalHeight,
            executedHeight: executed.state.height, certifiedHeight: certifiedHeight,
            executedHash: executed.state.blockHash, stateDigest: executed.state.stateDigest,
            flags: flags)
        emit(.send(.status(message), to: peers))
    }

    /// A seat shows itself to all other seats every 2 s, other peers to two random links every 5 s.
    mutating func statusDue() {
        if own != nil {
            sendStatus(to: otherSeats)
            deadlines.set(.status, at: now + .seconds(2))
        } else {
            var asked = randomLinks(2)
            // Who waits for finality wants to know which seats answer.
            if demandSince != nil { asked += seatPeers.filter { !asked.contains($0) } }
            sendStatus(to: asked, wantsAnswer: true)
            deadlines.set(.status, at: now + .seconds(5))
        }
        flushLazy()
    }

    mutating func randomLinks(_ count: Int) -> [PeerID] {
        var links = peers.filter { $0.value.isLinked }.map(\.key)
        links.shuffle(using: &generator)
        return Array(links.prefix(count))
    }

    // MARK: known height

    /// The greater of the height proven by a state certificate and the highest certifiedHeight that f + 1 other seats
    /// claim: one liar alone cannot keep a seat from voting (4.6).
    var knownHeight: UInt64 {
        let proven = max(certifiedHeight, certifiedAhead?.state.height ?? 0)
        var claims: [UInt64] = []
        for (seat, peer) in seatPeers.enumerated() where seat != own {
            if let claim = peers[peer]?.claim { claims.append(claim.certifiedHeight) }
        }
        claims.sort(by: >)
        let needed = seats.faulty + 1
        return max(proven, claims.count >= needed ? claims[needed - 1] : 0)
    }

    mutating func updateMode() {
        switch mode {
        case .syncing:
            guard executed.state.height + 2 >= knownHeight, isIntroduced else { return }
            mode = own == nil ? .observer : configuration.voting == nil ? .quarantined : .active
            if mode != .active { chooseUpstreams() }
        case .active, .observer, .quarantined:
            if knownHeight > executed.state.height + limits.unexecutedBlocksMax {
                mark("consensus.fellBehind")
                mode = .syncing
                syncingSince = now
            }
        case .stopped: break
        }
    }

    /// Whether enough seats said where they are, or were given the time to.
    var isIntroduced: Bool {
        if seats.count == 1 && own != nil { return true }
        if now - syncingSince >= Replica.syncingPatience { return true }
        let shown = seatPeers.enumerated().filter { seat, peer in
            seat != own && (peers[peer]?.hasShownStatus ?? false)
        }
        return shown.count >= seats.quorum - 1
    }
}
