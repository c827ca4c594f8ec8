import Basis
import Records
import Trust
import Wire

/// Why a proposal can never be voted for (`ledger.md` 4.2, 4.5).
public enum ProposalFault: Sendable, Hashable {
    case foreignNetwork, foreignEpoch, wrongLeader
    /// View, height or timestamp outside any sensible range.
    case outOfRange
    /// Header counts or the root do not match the entries, or they pass a limit.
    case badPayload
    case badParentCertificateHash
    /// The certificate does not notarise the parent, or the base is not the base.
    case badParent
    case wrongHeight
    case timeNotRising
    case badReveal
    /// The chain leaves the executed one.
    case conflictsWithExecuted
}

/// What a proposal of the current view waits for.
enum Hold: Sendable, Hashable {
    case block(Digest)
    /// Nullifications or the parent's notarisation among these views.
    case certificates(from: UInt64, to: UInt64)
    /// Execution or certification must catch up (N5), or a beacon chain become known (N8).
    case execution
    /// The wall clock, ms since 1970.
    case time(UInt64)
}

enum Verdict: Sendable, Hashable {
    case vote
    case hold(Hold)
    case refuse(ProposalFault)
}

extension Replica {
    /// The rules that need nothing but the block: N2 without the signature, N3, N7 without the entries' own checks.
    func fault(of block: Block) -> ProposalFault? {
        let header = block.header
        if header.networkID != configuration.network { return .foreignNetwork }
        if header.epoch != epoch { return .foreignEpoch }
        if header.view >= Replica.numberMax || header.height >= Replica.numberMax
            || header.height == 0 || header.timestamp >= Replica.millisMax
        {
            return .outOfRange
        }
        if Int(header.seat) != seats.leader(of: header.view) { return .wrongLeader }
        return bodyFault(of: block) ?? parentFault(of: block)
    }

    private func bodyFault(of block: Block) -> ProposalFault? {
        let header = block.header
        if block.entries.count != Int(header.entryCount)
            || block.entries.count > LedgerLimits.blockEntriesMax
            || block.entries.contains(where: { $0.count > LedgerLimits.entryBytesMax })
            || Block.payloadBytes(block.entries) != header.payloadBytes
            || header.payloadBytes > UInt32(LedgerLimits.blockBytesMax)
        {
            return .badPayload
        }
        let certificateHash = Block.certificateHash(block.parentCertificate, hashing: hashing)
        return header.parentCertHash == certificateHash ? nil : .badParentCertificateHash
    }

    private func parentFault(of block: Block) -> ProposalFault? {
        let header = block.header
        if header.parentView == BlockHeader.baseView {
            let isBase = header.parentHash == baseHash && header.height == 1
            return isBase && block.parentCertificate.isEmpty ? nil : .badParent
        }
        guard header.parentView < header.view, let certificate = parentCertificate(of: block)
        else { return .badParent }
        let ballot = Ballot(
            kind: .notarize, epoch: epoch, view: header.parentView, blockHash: header.parentHash)
        return certificate.ballot == ballot && isWellFormed(certificate) ? nil : .badParent
    }

    /// The hash of height 0, on which epoch 0 stands.
    var baseHash: Digest { Block.genesisHash(configuration.network, hashing: hashing) }

    func parentCertificate(of block: Block) -> Certificate? {
        if block.header.parentView == BlockHeader.baseView || block.header.parentHash.isZero {
            return nil
        }
        return try? Certificate(decoding: block.parentCertificate)
    }

    /// Whether a certificate has the form of one of this epoch: its signatures were checked at ingress.
    func isWellFormed(_ certificate: Certificate) -> Bool {
        guard certificate.ballot.epoch == epoch, certificate.ballot.view < Replica.numberMax,
            certificate.votes.count >= seats.quorum
        else { return false }
        var last = -1
        for vote in certificate.votes {
            if Int(vote.seat) <= last || Int(vote.seat) >= seats.count { return false }
            last = Int(vote.seat)
        }
        return true
    }

    /// Hashes a block and its entries; nil if the root does not match.
    func hold(_ block: Block) -> HeldBlock? {
        let entryHashes = block.entries.map { Block.entryHash($0, hashing: hashing) }
        guard Block.txRoot(entryHashes, hashing: hashing) == block.header.txRoot else { return nil }
        return HeldBlock(
            block: block, hash: block.hash(hashing: hashing), entryHashes: entryHashes)
    }

    /// N1 and N3–N8 for a block of the current view that passed `fault(of:)` (4.5).
    func examine(_ held: HeldBlock) -> Verdict {
        let header = held.header
        invariant(header.view == view, "examine view \(header.view) in view \(view)")
        let parentBelow = header.parentView == BlockHeader.baseView ? 0 : header.parentView + 1
        // The parent lies below what is executed: nothing can nullify the executed view.
        if parentBelow < executedBelow { return .refuse(.conflictsWithExecuted) }
        let parentTime: UInt64
        switch chain(from: header.parentHash) {
        case .missing(let hash): return .hold(.block(hash))
        case .conflicting: return .refuse(.conflictsWithExecuted)
        case .complete:
            let parent = tree[header.parentHash]
            let height = parent?.header.height ?? executed.state.height
            if header.height != height + 1 { return .refuse(.wrongHeight) }
            parentTime = parent?.header.timestamp ?? executed.timestamp
        }
        if header.timestamp <= parentTime { return .refuse(.timeNotRising) }
        if let hold = missingNullification(above: parentBelow, until: view) { return .hold(hold) }
        if !mayFollowExecution(header.height, isEmpty: held.block.entries.isEmpty) {
            return .hold(.execution)
        }
        if header.timestamp > wall + limits.clockSkewMillisMax {
            return .hold(.time(header.timestamp - limits.clockSkewMillisMax))
        }
        let turn = seats.turn(of: view)
        let beacon = executed.beacons[Int(header.seat)]
        if !beacon.covers(turn: turn) { return .hold(.execution) }
        return beacon.verifies(header.beaconReveal, turn: turn, hashing: hashing)
            ? .vote : .refuse(.badReveal)
    }

    /// N5: no vote above executed + 16, or when the newest state certificate is more than 64 heights back.
    ///
    /// An empty block may pass the first limit while it is finality that lags and not execution: as many notarised
    /// blocks in a row without finality would otherwise stop the log for ever, since only a further block can make
    /// them final.
    func mayFollowExecution(_ height: UInt64, isEmpty: Bool) -> Bool {
        let limit = executed.state.height + limits.unexecutedBlocksMax
        return (height <= limit || (isEmpty && handed.height < limit))
            && executed.state.height <= certifiedHeight + limits.uncertifiedBlocksMax
    }

    /// Whether a block of this height may hold entries.
    func mayCarryEntries(_ height: UInt64) -> Bool {
        mayFollowExecution(height, isEmpty: false)
    }

    /// N4: the nullifications of `low ..< high`; the first gap from above, if any.
    func missingNullification(above low: UInt64, until high: UInt64) -> Hold? {
        var w = high
        while w > low {
            w -= 1
            if views[w]?[.nullify] == nil {
                let from = w - low >= FetchCertificates.viewsMax ? w - FetchCertificates.viewsMax : low
                return .certificates(from: from, to: w)
            }
        }
        return nil
    }

    /// Walks down to the executed tip.
    func chain(from start: Digest) -> ChainCheck {
        var hash = start
        while hash != executed.state.blockHash {
            guard let held = tree[hash] else {
                return hash == baseHash ? .conflicting : .missing(hash)
            }
            if held.header.height <= executed.state.height { return .conflicting }
            hash = held.header.parentHash
        }
        return .complete
    }
}
