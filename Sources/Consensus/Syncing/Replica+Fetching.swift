import Basis
import Records
import Trust

extension Replica {
    /// Asks for what is missing, one peer after the other (4.10).
    mutating func pursue() {
        var wanted: [FetchKey] = []
        if let missingFinal { wanted.append(.block(missingFinal)) }
        for hold in [heldFor, proposalHold] {
            switch hold {
            case .block(let hash): wanted.append(.block(hash))
            case .certificates(let from, let to): wanted.append(.certificates(from: from, to: to))
            case .execution, .time, nil: break
            }
        }
        if wantsRange { wanted.append(.range) }
        for (key, fetch) in fetches where fetch.deadline <= now || !wanted.contains(key) {
            if !wanted.contains(key) {
                fetches.remove(key)
            } else if key == .range {
                // It did not keep what it claimed; its next Status may claim anew.
                peers.update(fetch.peer) { $0.claim = nil }
            }
        }
        for key in wanted { ask(key) }
    }

    private mutating func ask(_ key: FetchKey) {
        let standing = fetches[key]
        if let standing, standing.deadline > now { return }
        if standing == nil, fetches.count >= Replica.fetchesMax { return }
        let attempts = (standing?.attempts ?? 0) + 1
        guard let peer = source(of: key, attempt: attempts, last: standing?.peer) else {
            fetches.remove(key)
            return
        }
        var patience = delta * 2
        for _ in 1..<min(attempts, 8) { patience = min(patience * 2, delay.most) }
        fetches[key] = Fetch(peer: peer, deadline: now + max(patience, delta), attempts: attempts)
        let message: LogMessage
        switch key {
        case .block(let hash):
            message = .fetchBlocks(FetchBlocks(hash: hash, height: handed.height + 1))
        case .certificates(let from, let to):
            message = .fetchCertificates(FetchCertificates(epoch: epoch, from: from, to: to))
        case .range:
            message = .fetchBlocks(
                FetchBlocks(from: handed.height + 1, count: UInt16(LedgerLimits.syncBlocksMax)))
        }
        emit(.send(message, to: [peer]))
    }

    /// Whom to ask: for executed blocks a peer that claims them, for the rest the leader first, then seats in turn.
    private mutating func source(of key: FetchKey, attempt: Int, last: PeerID?) -> PeerID? {
        var candidates: [PeerID]
        switch key {
        case .range:
            candidates = peers.filter { ($0.value.claim?.executedHeight ?? 0) > handed.height }
                .map(\.key)
        case .block, .certificates:
            if attempt == 1, leader != own { return seatPeers[leader] }
            candidates = otherSeats
        }
        if candidates.count > 1, let last { candidates.removeAll { $0 == last } }
        return candidates.randomElement(using: &generator)
    }

    /// Whether somebody is ahead for so long that pushes and votes will not bring the blocks.
    var wantsRange: Bool {
        if handed.height >= executed.state.height + UInt64(LedgerLimits.syncBlocksMax) { return false }
        guard let due = claimDue else { return false }
        return due <= now
    }

    /// When to ask for executed blocks: at once if two or more are missing, else 2Δ after the claim.
    var claimDue: Instant? {
        // Asked with every input; mostly nobody is ahead.
        if highestClaim <= handed.height { return nil }
        var due: Instant?
        for (_, state) in peers {
            guard let claim = state.claim, let at = state.claimedAt,
                claim.executedHeight > handed.height
            else { continue }
            let isFar = claim.executedHeight > handed.height + 1 || mode == .syncing
            let time = isFar && !isActive ? at : at + delta * 2
            if due.map({ time < $0 }) ?? true { due = time }
        }
        return due
    }

    // MARK: blocks

    mutating func receive(_ message: Blocks, from sender: PeerID) {
        if message.stateCertificate == nil && message.finalizeCertificate == nil {
            receiveByHash(message, from: sender)
            return
        }
        noteUpstream(sender)
        guard let first = message.blocks.first?.header, let last = message.blocks.last?.header
        else { return }
        if last.height <= handed.height {
            accept(proofs: message)
            return
        }
        if first.height > handed.height + 1 {
            // Pushed, but blocks before it are missing.
            if isChain(message) { claim(last.height, by: sender) }
            return
        }
        guard isChain(message), take(message) else {
            stats.badMessages += 1
            fetches.remove(.range)
            peers.update(sender) { $0.claim = nil }
            emit(.misbehaved(sender, .badBlocks))
            return
        }
        fetches.remove(.range)
    }

    /// A block that was asked for by its hash proves itself.
    private mutating func receiveByHash(_ message: Blocks, from sender: PeerID) {
        guard message.blocks.count == 1, let block = message.blocks.first, message.links.isEmpty,
            fetches[.block(block.hash(hashing: hashing))] != nil
        else {
            stats.unwantedBlocks += 1
            return
        }
        guard fault(of: block) == nil, let held = hold(block) else {
            emit(.misbehaved(sender, .badBlocks))
            return
        }
        if let certificate = parentCertificate(of: block) { learn(certificate) }
        keep(held)
        fetches.remove(.block(held.hash))
    }

    /// Whether the headers chain without a gap up to the block that the proof names.
    private func isChain(_ message: Blocks) -> Bool {
        let headers = message.blocks.map(\.header) + message.links
        var hashes: [Digest] = []
        for (i, header) in headers.enumerated() {
            if header.networkID != configuration.network || header.epoch != epoch
                || header.view >= Replica.numberMax || header.height >= Replica.numberMax
            {
                return false
            }
            if i > 0, header.height != headers[i - 1].height + 1 || header.parentHash != hashes[i - 1] {
                return false
            }
            hashes.append(header.hash(hashing: hashing))
        }
        guard let top = headers.last, let hash = hashes.last else { return false }
        if let certificate = message.finalizeCertificate {
            let ballot = Ballot(
                kind: .finalize, epoch: epoch, view: top.view, blockHash: hash)
            if certificate.ballot != ballot || !isWellFormed(certificate) { return false }
        }
        if let certificate = message.stateCertificate {
            if certificate.state.height != top.height || certificate.state.blockHash != hash
                || certificate.state.epoch != epoch || certificate.signatures.count < seats.quorum
            {
                return false
            }
        }
        return true
    }

    /// Hands the blocks above what was handed; false if one does not fit.
    private mutating func take(_ message: Blocks) -> Bool {
        let fresh = message.blocks.filter { $0.header.height > handed.height }
        var run: [HeldBlock] = []
        for block in fresh {
            guard fault(of: block) == nil, let held = hold(block) else { return false }
            run.append(held)
        }
        guard let first = run.first else { return false }
        if first.header.parentHash != handed.hash {
            if first.header.height == handed.height + 1 {
                fork("height \(first.header.height) is final on another parent")
            }
            return false
        }
        let headers = run.map(\.header) + message.links
        for (i, held) in run.enumerated() {
            hand(
                held, links: Array(headers[(i + 1)...]), finalize: message.finalizeCertificate,
                state: message.stateCertificate)
        }
        if let last = run.last {
            raiseTip(view: last.header.view, hash: last.hash)
            noteFinal(below: last.header.view + 1)
            if let certificate = parentCertificate(of: last.block) { learn(certificate) }
        }
        accept(proofs: message)
        return true
    }

    private mutating func accept(proofs message: Blocks) {
        if mode == .stopped { return }
        if let certificate = message.finalizeCertificate, isWellFormed(certificate) {
            learn(certificate)
        }
        if mode == .stopped { return }
        if let certificate = message.stateCertificate { accept(certificate) }
    }

    private mutating func claim(_ height: UInt64, by peer: PeerID) {
        guard var state = peers[peer], (state.claim?.executedHeight ?? 0) < height else { return }
        var claim =
            state.claim
            ?? Status(
                epoch: epoch, view: 0, finalHeight: height, executedHeight: height,
                certifiedHeight: 0, executedHash: .zero, stateDigest: .zero, flags: [])
        claim.executedHeight = height
        if (state.claim?.executedHeight ?? 0) <= handed.height { state.claimedAt = now }
        state.claim = claim
        highestClaim = max(highestClaim, claim.executedHeight)
        peers[peer] = state
    }

    // MARK: serving

    mutating func serve(_ request: FetchBlocks, to sender: PeerID) {
        guard mayRequest(sender), request.from < Replica.numberMax else {
            stats.refusedRequests += 1
            return
        }
        if let hash = request.hash {
            if let held = tree[hash] {
                post(
                    .blocks(
                        Blocks(
                            blocks: [held.block], links: [], stateCertificate: nil,
                            finalizeCertificate: nil)), to: [sender])
                return
            }
            if request.from <= executed.state.height { emit(.serveBlocks(request, to: sender)) }
            return
        }
        if request.from >= 1, request.from <= executed.state.height {
            emit(.serveBlocks(request, to: sender))
        }
    }
}
