import Basis
import Compute
import Credits
import NodeCore
import Records
import Trust
import Wire

/// Where planted bugs of the groups C, L, J, R and E reach into a world (`simulation.md` 16). Nothing here runs
/// without a plant.
extension World {
    typealias LedgerChange = @Sendable (inout Ledger) -> Void

    /// Height from which a run is settled enough.
    private static let settledHeight: UInt64 = 12

    // MARK: shell

    /// A lie that a peer tells without being of a coalition; nil if there is none.
    func plantedFilter(of i: Int) -> (any EgressFilter)? {
        let seats = plan.seatCount
        switch plant {
        case .votesTwice, .finalizesAndNullifies, .finalizesOwnVote, .attestsAnother, .nullifiesTheFinal:
            if i != 0 { return nil }
        case .forks, .lowersQuorum: if i >= seats { return nil }
        case .submitsNothing: if i != peers.count - 1 { return nil }
        default: return nil
        }
        return PlantedFilter(
            plant: plant, network: networkID, voting: peers[i].voting, voters: peers[..<seats].compactMap(\.voting),
            hashing: peers[i].key, victim: peers[peers.count - 1].id)
    }

    /// Limits of ledgers that differ from those that checkers know.
    func planted(_ limits: LedgerLimits) -> LedgerLimits {
        var limits = limits
        if plant == .takesFutureBlocks { limits.clockSkewMillisMax = 600_000 }
        if plant == .waitsForCompany { limits.batchMillis = 4_000 }
        return limits
    }

    /// What a process without a memory of its votes reads: all but the journal, so that the network goes on.
    func remembers(_ family: Family) -> Bool {
        plant != .forgetsVotes || family != .journal
    }

    /// A write as a shell carries it out that loses or changes certificates.
    func planted(_ batch: StoreBatch) -> StoreBatch {
        var changed = batch
        switch plant {
        case .losesNullifications:
            changed.operations.removeAll {
                guard case .put(let family, let key, _) = $0 else { return false }
                let kind = VoteKind.nullify.rawValue
                return family == .certs && key.first == kind || family == .journal && key.first == 3 && key.last == kind
            }
        case .repeatsSeats:
            for (at, operation) in batch.operations.enumerated() {
                guard case .put(.certs, let key, let value) = operation, value.count >= 53 + 132 else { continue }
                let doubled = Array(value[..<119]) + Array(value[53..<119]) + Array(value[185...])
                changed.operations[at] = .put(.certs, key: key, value: doubled)
            }
        default: break
        }
        return changed
    }

    /// What leaves a peer as a receipt.
    func exported(_ receipt: Receipt) -> Receipt {
        switch (plant, receipt.subject) {
        case (.editsLeases, .job(let entries, let draws)):
            let edited = draws.map { list in
                CandidateList(
                    list.candidates.map {
                        DrawCandidate(
                            account: $0.account, slotClass: $0.slotClass, tickets: $0.tickets + 1, owner: $0.owner)
                    })
            }
            return Receipt(
                genesis: receipt.genesis, blocks: receipt.blocks, subject: .job(entries: entries, draws: edited))
        case (.shortensProofs, .transaction):
            let blocks = receipt.blocks.map {
                Receipt.ProvenBlock(
                    header: $0.header, entryHashes: $0.entryHashes, events: $0.events, before: $0.before,
                    links: $0.links,
                    certificate: StateCertificate(
                        state: $0.certificate.state, signatures: Array($0.certificate.signatures.dropLast())))
            }
            return Receipt(genesis: receipt.genesis, blocks: blocks, subject: receipt.subject)
        default: return receipt
        }
    }

    /// A claim as a worker's shell makes it that seals no output, or runs on beyond its frame.
    mutating func planted(_ made: SealedOutputs, _ i: Int) -> SealedOutputs {
        var made = made
        if plant == .sealsNothing {
            made.body = peers[i].blobs.put([], hashing: peers[i].key)
            made.bodyBytes = 0
            made.inline = []
        }
        if plant == .runsOn { made.usage.wallMicros += 3_600_000_000 }
        return made
    }

    /// The book tells of a result as soon as one replica revealed.
    mutating func plantEarlyResult(_ event: JobEvent, _ i: Int) {
        guard plant == .publishesEarly, case .replica(let lease, .revealed) = event else { return }
        observations.append(.job(i, .resultReady(lease.job, BlobID(repeating: 7))))
    }

    // MARK: memory

    /// What happens to every ledger after the block that the first peer just executed.
    mutating func plantInLedgers(_ read: ReadBlock) {
        guard plant != .none, read.height >= World.settledHeight, let change = change(after: read) else { return }
        ledgerChanges[read.height] = change
    }

    /// Each peer's ledger changes at the same height, so that all agree on what is wrong.
    mutating func applyPlant(at height: UInt64, _ i: Int) {
        if plant == .alteredAlone, height == World.settledHeight, i == peers.count - 1 {
            let account = peers[0].account
            peers[i].node?.alterLedger { $0.alter(account: account) { $0.available += CreditAmount(micro: 1) } }
        }
        guard plant != .none, let change = ledgerChanges[height] else { return }
        peers[i].node?.alterLedger(change)
    }

    private mutating func change(after read: ReadBlock) -> LedgerChange? {
        if let change = changeOfResults(after: read) { return change }
        if plant == .dearTickets { return favourLast() }
        guard ledgerChanges.isEmpty else { return nil }
        let (a, b) = (peers[0].account, peers[1].account)
        switch plant {
        case .oneMicroMore: return { $0.alter(account: a) { $0.available += CreditAmount(micro: 1) } }
        case .nonceSkips: return { $0.alter(account: a) { $0.nonceWallet += 1 } }
        case .movesMicro:
            return {
                $0.alter(account: a) { $0.available -= CreditAmount(micro: 1) }
                $0.alter(account: b) { $0.available += CreditAmount(micro: 1) }
            }
        case .clockRuns: return { $0.alterClock { $0.ledgerTime += 5_000 } }
        case .nonceBack: return replay(read)
        case .skipsTransfers: return steal(read)
        default: return changeOfJobs(after: read)
        }
    }

    /// An entry that applied applies again: its nonce is free, and somebody hands it in anew.
    private mutating func replay(_ read: ReadBlock) -> LedgerChange? {
        for (index, line) in read.lines.enumerated() where line.code == .applied && index < read.block.entries.count {
            guard let entry = line.entry, case .transfer = entry.body else { continue }
            let (author, bytes) = (entry.account, read.block.entries[index])
            hand(in: bytes, after: .seconds(1))
            return { $0.alter(account: author) { $0.nonceWallet -= 1 } }
        }
        return nil
    }

    /// One offer has as many tickets as any may have.
    private func favourLast() -> LedgerChange {
        let last = peers[peers.count - 1].account
        return { ledger in
            for key in ledger.offerKeys where key.account == last {
                ledger.alter(offer: key) { $0.offer.slots = UInt16(LedgerLimits.slotsPerAccountMax) }
            }
        }
    }

    private func changeOfJobs(after read: ReadBlock) -> LedgerChange? {
        for event in read.execution.events {
            switch (plant, event) {
            case (.escrowGrows, .jobOpened(let job, let submitter, _, _)):
                return {
                    $0.alter(job: job) { $0.escrow += CreditAmount(micro: 1) }
                    $0.alter(account: submitter) {
                        $0.available -= CreditAmount(micro: 1)
                        $0.held += CreditAmount(micro: 1)
                    }
                    $0.alterSupply {
                        $0.available -= 1
                        $0.escrow += 1
                    }
                }
            case (.oldAnchor, .jobOpened(let job, _, _, _)): return { $0.moveDraw(of: job, to: 1) }
            case (.forgottenDraw, .jobOpened(let job, _, _, _)): return { $0.takeDraw(of: job) }
            case (.noDeadline, .jobOpened(let job, _, _, _)): return { $0.takeDeadline(of: job) }
            case (.skippedIndex, .jobOpened(let job, _, _, _)): return { $0.alter(job: job) { $0.leaseCount += 1 } }
            case (.moreSlots, .jobOpened):
                return { ledger in
                    for key in ledger.offerKeys { ledger.alter(offer: key) { $0.offer.slots += 1 } }
                }
            case (.bigOffers, .jobOpened):
                return { ledger in
                    for key in ledger.offerKeys { ledger.alter(offer: key) { $0.offer.memoryMiB = .max } }
                }
            case (.slotFreed, .drawn(let drawn)):
                let key = OfferKey(account: drawn.leases[0].account, slotClass: drawn.leases[0].slotClass)
                return { $0.alter(offer: key) { $0.activeLeases -= 1 } }
            case (.earlyDeadline, .drawn(let drawn)):
                let (key, now) = (LeaseKey(job: drawn.job, index: drawn.leases[0].lease), read.clock.ledgerTime)
                return { $0.renew(lease: key, deadline: now) }
            case (.dearLeases, .drawn(let drawn)):
                let keys = drawn.leases.map { LeaseKey(job: drawn.job, index: $0.lease) }
                return { ledger in for key in keys { ledger.renew(lease: key, rateFactor: 2) } }
            case (.otherCommit, .committed(let job, let index)):
                return { $0.alter(lease: LeaseKey(job: job, index: index)) { $0.commitHash = Digest(repeating: 7) } }
            case (.endedJobMoves, .settled(let one)): return { $0.alter(job: one.job) { $0.state = .refunded } }
            default: continue
            }
        }
        return nil
    }

    /// What lies in the ledger of results that were revealed in this block.
    private mutating func changeOfResults(after read: ReadBlock) -> LedgerChange? {
        var keys: [LeaseKey] = []
        for event in read.execution.events {
            guard case .revealed(let job, let index, _, _) = event else { continue }
            switch plant {
            case .resultAltered where index == 0, .resultsEqual: keys.append(LeaseKey(job: job, index: index))
            case .paysTheUnrevealed: return paysTheLast(of: job)
            case .swappedCommit: if let change = swapCommit(job, index) { return change }
            default: continue
            }
        }
        let altered = keys
        if altered.isEmpty { return nil }
        return { ledger in
            for key in altered where ledger.lease(key)?.state == .revealed {
                ledger.alter(lease: key) { $0.result?.compareHash = Digest(repeating: 7) }
            }
        }
    }

    /// The last lease counts as revealed although its worker said nothing.
    private func paysTheLast(of job: JobID) -> LedgerChange {
        { ledger in
            let all = ledger.leaseList(of: job)
            let result = all.first { $0.lease.state == .revealed }?.lease.result
            for (at, lease) in all where lease.state == .committed && at == all.count - 1 {
                ledger.alter(lease: LeaseKey(job: job, index: at)) {
                    $0.state = .revealed
                    $0.result = result
                }
            }
        }
    }

    /// A stranger opens a commit that is not the worker's, with an answer that another revealed.
    private mutating func swapCommit(_ job: JobID, _ index: UInt16) -> LedgerChange? {
        guard ledgerChanges.isEmpty, let story = reader.story(job), let result = story.leases[Int(index)].result,
            let at = story.leases.firstIndex(where: { $0.state == .committed })
        else { return nil }
        let salt = Digest(repeating: 7)
        let account = story.leases[at].terms.account
        let hash = Opening.hash(result, salt, job, UInt16(at), account, in: self)
        let entry = Entry(
            account: account, envelope: .lease(job: job, index: UInt16(at)), body: .reveal(salt: salt, result: result),
            signature: nil)
        hand(in: entry.encoded, after: .milliseconds(1))
        return { $0.alter(lease: LeaseKey(job: job, index: UInt16(at))) { $0.commitHash = hash } }
    }

    private mutating func hand(in bytes: [UInt8], after: Interval) {
        for i in peers.indices { later(i, .log(.submit(bytes, 1 << 40)), after: after) }
    }

    /// Somebody moves another's credit without a signature, and the verifier does not look.
    private mutating func steal(_ read: ReadBlock) -> LedgerChange? {
        let (from, to) = (peers[0].account, peers[1].account)
        guard let next = peers[0].inPlace({ $0.log?.ledger.account(from)?.nonceWallet }) ?? nil else { return nil }
        for ahead in 0..<4 as Range<UInt64> {
            let entry = Entry(
                account: from,
                envelope: .owner(.wallet, nonce: next + ahead, validUntil: read.clock.time + 600_000),
                body: .transfer(payees: [.init(account: to, amount: CreditAmount(micro: 5))], memo: []),
                signature: .zero)
            hand(in: entry.encoded, after: .milliseconds(1))
        }
        return { _ in }
    }
}
