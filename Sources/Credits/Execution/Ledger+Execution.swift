import Basis
public import Records
public import Trust
import Wire

extension Ledger {
    /// One entry of a block as it went through the stateless checks of `ledger.md` 6.2.
    public typealias BlockEntry = Result<CheckedEntry, CheckedEntry.Refusal>

    /// Executes the next final block: phases A to G of `ledger.md` 5.1; H is the returned batch.
    ///
    /// `entries` are the block's, in order, each checked once before (see `check`); their hashes are not made again.
    /// A final block is never refused: an entry that breaks a rule gets its code and changes nothing else.
    public mutating func execute(_ block: Verified<Block>, hash: Digest, entries: [BlockEntry]) -> BlockExecution {
        let header = block.value.header
        invariant(header.height == height + 1, "block \(header.height) after \(height)")
        invariant(header.parentHash == blockHash, "block \(header.height) does not follow \(blockHash)")
        invariant(entries.count == block.value.entries.count, "\(entries.count) entries of \(header.entryCount)")
        supplyBefore = supply
        clockBefore = clock
        events.removeAll(keepingCapacity: true)
        drawLists = []

        let before = clock
        applyHeader(header)
        runDraws(timeBefore: before.time, ledgerTimeBefore: before.ledgerTime)
        fireTimers()
        let outcomes = applyEntries(entries, block.value.entries)
        lapse()
        return total(header, hash, outcomes)
    }

    /// The stateless checks of every entry of a block, for callers without a cache.
    public func check(_ block: Block, verifying: any Verifying) -> [BlockEntry] {
        block.entries.map { bytes in
            Result { () throws(CheckedEntry.Refusal) in
                try CheckedEntry(bytes, network: network, hashing: hashing, verifying: verifying)
            }
        }
    }

    // MARK: phase A

    private mutating func applyHeader(_ header: BlockHeader) {
        let step = header.timestamp > clock.time ? header.timestamp - clock.time : 0
        ring.set(RingKey(height: height), RingRecord(height: height, digest: digest))
        let previousMix = clock.mix
        clock.height = header.height
        clock.epoch = header.epoch
        clock.view = header.view
        clock.time = max(header.timestamp, clock.time)
        clock.ledgerTime += min(step, LedgerLimits.clockStepMillisMax)
        clock.mix = hashing.hash("peernode/mix/v1") {
            $0.value(previousMix)
            $0.u64(header.height)
            $0.value(header.beaconReveal)
        }
        if Int(header.seat) < seats.count {
            let turn = seats.turn(of: header.view)
            seatRecords.update(seats.seats[Int(header.seat)].account) {
                $0.store(reveal: header.beaconReveal, turn: turn, height: header.height)
            }
        }
        let day = clock.time / SupplyRecord.dayMillis
        if day != supply.dayIndex {
            supply.dayIndex = day
            supply.mintedToday = 0
            supply.welcomedToday = 0
        }
    }

    /// How many seats have proposed an executed block above height `w`.
    func distinctProposers(above w: UInt64) -> Int {
        var count = 0
        for seat in seats.seats where (seatRecords[seat.account]?.lastProposed ?? 0) > w { count += 1 }
        return count
    }

    /// Whether f + 1 different seats have proposed since `w`, so that leaders alone make nobody late.
    func isWindowOpenLongEnough(since w: UInt64) -> Bool { distinctProposers(above: w) >= seats.faulty + 1 }

    // MARK: phase D

    private mutating func applyEntries(_ entries: [BlockEntry], _ bytes: [[UInt8]]) -> [BlockExecution.Outcome] {
        var outcomes: [BlockExecution.Outcome] = []
        outcomes.reserveCapacity(entries.count)
        for (index, entry) in entries.enumerated() {
            // The outcome stands before the events of its entry, so that readers know whose they are.
            let place = events.count
            switch entry {
            case .success(let checked):
                events.append(.outcome(txIndex: UInt32(index), id: checked.id, code: .applied, fee: .zero))
                let (code, fee) = apply(checked)
                if code != .applied {
                    invariant(events.count == place + 1, "refused entry \(checked.id) left events")
                }
                events[place] = .outcome(txIndex: UInt32(index), id: checked.id, code: code, fee: fee)
                outcomes.append(.init(id: checked.id, hash: checked.hash, code: code, author: .init(checked.entry)))
            case .failure(let refusal):
                let code = EntryChecks.code(of: refusal)
                events.append(.outcome(txIndex: UInt32(index), id: .zero, code: code, fee: .zero))
                let hash = Block.entryHash(bytes[index], hashing: hashing)
                outcomes.append(.init(id: .zero, hash: hash, code: code, author: nil))
            }
        }
        return outcomes
    }

    // MARK: phase E

    private mutating func lapse() {
        for _ in 0..<LedgerLimits.lapsesPerBlockMax {
            guard let key = lapses.order.first?.key, key.at <= clock.time else { return }
            lapses.remove(key)
            let rest = key.target.dropFirst()
            switch key.target.first.flatMap({ StatePrefix(rawValue: $0) }) {
            case .offer: if let offer = OfferKey(stateKey: rest) { endOffer(offer, .lapsed) }
            case .inviteUse: if let use = InviteKey(stateKey: rest) { inviteUses.remove(use) }
            case .job: if let job = JobID(stateKey: rest) { forgetJob(job) }
            default: unreachable("lapse of \(key.target.hex)")
            }
        }
    }

    private mutating func forgetJob(_ id: JobID) {
        guard let job = jobs.remove(id) else { return }
        for index in 0..<job.leaseCount { leases.remove(LeaseKey(job: id, index: index)) }
    }

    // MARK: phase G

    private mutating func total(
        _ header: BlockHeader, _ hash: Digest, _ outcomes: [BlockExecution.Outcome]
    ) -> BlockExecution {
        let changes = drainChanges()
        let isFull = height.isMultiple(of: LedgerLimits.fullDigestInterval)
        let encoded = events.enumerated().map { NumberedEvent(ordinal: UInt32($0.offset), event: $0.element).encoded }
        let link = DigestLink(
            blockHash: hash, eventRoot: Ledger.eventRoot(encoded, hashing: hashing),
            deltaHash: Ledger.deltaHash(changes, hashing: hashing), full: isFull ? fullStateHash() : .zero)
        let step = DigestStep(before: digest, link: link)
        digest = link.digest(after: digest, height: height, hashing: hashing)
        blockHash = hash
        let problem = isFull ? supplyProblem() : supply.problem
        return BlockExecution(
            height: height, blockHash: hash, digest: digest, link: link, time: clock.time,
            ledgerTime: clock.ledgerTime, mix: clock.mix, outcomes: outcomes, events: events, encodedEvents: encoded,
            batch: batch(changes, encoded, step, outcomes), blocksDue: blocksDue, hasArmedTimer: timers.count > 0,
            seats: seatPositions, conservationProblem: problem)
    }

    /// Demand D2: how many further blocks the state asks for at least. Those that the youngest waiting draw lacks until
    /// enough different seats have proposed, or 1 for a timer that is due; 0 if nothing is due.
    public var blocksDue: Int {
        var due = 0
        if let first = timers.order.first?.key, first.deadline <= clock.ledgerTime { due = 1 }
        if let youngest = pendingDraws.last?.key {
            let distance = min(Int(genesis.beaconDistance), seats.quorum)
            due = max(due, max(1, distance - distinctProposers(above: youngest.anchorHeight)))
        }
        return due
    }

    /// Demand D2: a draw waits for its beacon, or a timer is due.
    public var hasDueWork: Bool { blocksDue > 0 }

    /// Demand D3: a driving timer is armed.
    public var hasArmedTimer: Bool { timers.count > 0 }

    /// Activity and beacon position of every seat, ascending by account.
    public var seatPositions: [BlockExecution.SeatPosition] {
        seats.seats.compactMap { seat in
            seatRecords[seat.account].map { .init(account: seat.account, record: $0) }
        }
    }

    private func batch(
        _ changes: [StateChange], _ encoded: [[UInt8]], _ step: DigestStep, _ outcomes: [BlockExecution.Outcome]
    ) -> StoreBatch {
        var batch = StoreBatch(isSynced: true)
        batch.operations.reserveCapacity(changes.count + 4 * encoded.count + 2)
        for change in changes {
            if let value = change.value {
                batch.put(.state, change.key, value)
            } else {
                batch.delete(.state, change.key)
            }
        }
        for (ordinal, bytes) in encoded.enumerated() {
            batch.put(.events, IndexRows.place(height, UInt32(ordinal)), bytes)
        }
        let rows = IndexRows.rows(height: height, events: events, authors: outcomes.map(\.author)) { id in
            guard let job = jobs[id] else { return nil }
            return IndexRows.Parties(
                submitter: job.submitter,
                workers: (0..<job.leaseCount).map { leases[LeaseKey(job: id, index: $0)]?.account ?? .zero })
        }
        for row in rows { batch.put(.index, row.key, row.value) }
        batch.put(.meta, ExecutedRecord.key, executedRecord.encoded)
        batch.put(.proofs, DigestStep.key(height), step.encoded)
        for list in drawLists { batch.put(.proofs, list.key, list.candidates.encoded) }
        return batch
    }
}
