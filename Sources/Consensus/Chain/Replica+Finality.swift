import Basis
import Records
import Trust
import Wire

/// What proves that a handed block is final, to be shown to followers.
struct HandedProof: Sendable {
    let block: Block
    /// Headers after it, up to the one that the certificate covers, at most `linksMax`.
    let links: [BlockHeader]
    let finalizeCertificate: Certificate?
    let stateCertificate: StateCertificate?
}

extension Replica {
    /// A finalize certificate: its block and all ancestors are final.
    mutating func becomeFinal(_ certificate: Certificate) {
        let w = certificate.ballot.view
        if w < finalBelow { return }
        if let old = newestFinalization {
            lazyWrites.delete(
                .certs, JournalKey.certificate(.finalize, epoch: epoch, view: old.ballot.view))
        }
        lazyWrites.put(
            .certs, JournalKey.certificate(.finalize, epoch: epoch, view: w), certificate.encoded)
        newestFinalization = certificate
        noteFinal(below: w + 1)
        deliverFinal()
    }

    mutating func noteFinal(below: UInt64) {
        if below > finalBelow { finalBelow = below }
        failedViews = 0
        lastFinal = now
    }

    /// Hands final blocks to execution in height order, as soon as all of them are held.
    mutating func deliverFinal() {
        missingFinal = nil
        if mode == .stopped { return }
        if let certificate = newestFinalization, certificate.ballot.view >= executedBelow {
            deliver(
                top: certificate.ballot.blockHash, finalize: certificate, state: nil)
        }
        if mode != .stopped, let certificate = certifiedAhead,
            certificate.state.height > handed.height, tree[certificate.state.blockHash] != nil
        {
            deliver(top: certificate.state.blockHash, finalize: nil, state: certificate)
        }
    }

    private mutating func deliver(
        top: Digest, finalize: Certificate?, state: StateCertificate?
    ) {
        var run: [HeldBlock] = []
        var hash = top
        while hash != handed.hash {
            guard let held = tree[hash] else {
                // Executed or handed already, or not here yet.
                if hash != executed.state.blockHash { missingFinal = hash }
                return
            }
            if held.header.height <= handed.height {
                if run.isEmpty { return }
                fork("final block \(top) does not extend height \(handed.height)")
                return
            }
            run.append(held)
            hash = held.header.parentHash
        }
        run.reverse()
        let headers = run.map(\.header)
        for (i, header) in headers.enumerated() where header.height != handed.height + 1 + UInt64(i) {
            fork("view \(header.view) is final with height \(header.height)")
            return
        }
        for (i, held) in run.enumerated() {
            hand(held, links: Array(headers[(i + 1)...]), finalize: finalize, state: state)
        }
    }

    mutating func hand(
        _ held: HeldBlock, links: [BlockHeader], finalize: Certificate?, state: StateCertificate?
    ) {
        invariant(
            held.header.height == handed.height + 1 && held.header.parentHash == handed.hash,
            "hand height \(held.header.height) after \(handed.height)")
        handed = Position(height: held.header.height, hash: held.hash)
        finalHeight = max(finalHeight, handed.height)
        tree.insert(held)
        // A block whose proof is farther away is not pushed: followers fetch it.
        if links.count <= LedgerLimits.linksMax {
            handedProofs.insert(
                HandedProof(
                    block: held.block, links: links, finalizeCertificate: finalize,
                    stateCertificate: state), for: handed.height)
        }
        emit(
            .finalised(
                FinalBlock(
                    block: held.block, hash: held.hash,
                    finalizeCertificate: links.isEmpty ? finalize : nil,
                    stateCertificate: links.isEmpty ? state : nil)))
    }

    /// A block was executed durably: everything that waited for the state goes on.
    mutating func note(executed report: Executed) {
        invariant(
            report.state.height == executed.state.height + 1 && report.state.height <= handed.height,
            "executed \(report.state.height) after \(executed.state.height), handed \(handed.height)")
        invariant(report.beacons.count == seats.count, "\(report.beacons.count) beacon records")
        executed = report
        ownStates.insert(report.state, for: report.state.height)
        while ownStates.count > Replica.statesKept { ownStates.popFirst() }
        let below = executedBelow
        if finalBelow < below { noteFinal(below: below) }
        if tip.below < below { tip = Tip(below: below, hash: report.state.blockHash, since: now) }
        if view < below { enter(below, after: nil) }
        pushFinal(report.state.height)
        attest()
        if mode == .stopped { return }
        prune()
        deliverFinal()
    }

    /// Own states kept to compare certificates with: the digest ring of 5.1.
    static let statesKept = 128

    /// Forgets what the executed view makes needless. Goes by the view of `executed`, which is durable (14.4).
    mutating func prune() {
        let below = executedBelow
        tree.removeBelow(below)
        let floor = below > Replica.viewsKept + 1 ? below - Replica.viewsKept - 1 : 0
        while let first = views.first, first.key < floor { views.popFirst() }
        viewsFloor = max(viewsFloor, floor)
        // Ranges are deleted some views at a time: each leaves a tombstone in the store.
        if below < prunedBelow + 16 { return }
        prunedBelow = below
        lazyWrites.deleteRange(
            .pending, from: StoreKey().u64(epoch).u64(0).bytes,
            to: StoreKey().u64(epoch).u64(below).bytes)
        // The notarisation of the executed block stays: the next block must carry it.
        for kind in [VoteKind.notarize, .nullify] where below > 1 {
            lazyWrites.deleteRange(
                .certs, from: JournalKey.certificate(kind, epoch: epoch, view: 0),
                to: JournalKey.certificate(kind, epoch: epoch, view: below - 1))
        }
        for prefix in 1...3 as ClosedRange<UInt8> where floor > 0 {
            lazyWrites.deleteRange(
                .journal, from: StoreKey([prefix]).u64(epoch).u64(0).bytes,
                to: StoreKey([prefix]).u64(epoch).u64(floor).bytes)
        }
    }

    /// Tells the pool which entries are in flight, when that changed.
    mutating func showTip() {
        let now = (tip.hash, executed.state.blockHash)
        if now == shownTip { return }
        shownTip = now
        let hashes = inFlight(from: tip.hash)
        if hashes == shownInFlight { return }
        shownInFlight = hashes
        emit(.tipChanged(inFlight: hashes))
    }
}
