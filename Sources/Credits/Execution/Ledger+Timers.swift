import Basis
import Records
import Trust
import Verdict

// Phases B and C: what happens without an entry, by beacon and by ledger clock.
extension Ledger {
    // MARK: phase B

    /// Draws whose distance is reached, oldest anchor first.
    ///
    /// Rule 1 of 7.2 reads T and L of the block before: the proposer of this one knows its mix, and a timestamp of its
    /// choice must not decide which offers lapse or whose suspension ends.
    mutating func runDraws(timeBefore: UInt64, ledgerTimeBefore: UInt64) {
        let distance = min(Int(genesis.beaconDistance), seats.quorum)
        var table = OfferTable(rows: [])
        var isFilled = false
        for _ in 0..<LedgerLimits.drawsPerBlockMax {
            // A younger anchor has seen no more proposers: the first that is not reached ends the phase.
            guard let first = pendingDraws.first?.key, first.anchorHeight < height,
                distinctProposers(above: first.anchorHeight) >= distance
            else { return }
            if !isFilled { table = offerTable() }
            isFilled = true
            runDraw(first.job, timeBefore, ledgerTimeBefore, &table)
        }
    }

    private mutating func runDraw(
        _ id: JobID, _ timeBefore: UInt64, _ ledgerTimeBefore: UInt64, _ table: inout OfferTable
    ) {
        guard var job = jobs[id], let draw = job.draw, let spec = job.spec else {
            unreachable("pending draw of \(id)")
        }
        let counts = counts(id, job)
        if clock.ledgerTime + UInt64(spec.leaseSeconds) * 1_000 > jobTimer(id, job).deadline {
            if counts.active == 0 {
                refund(id, &job, .deadline)
            } else {
                setDraw(id, &job, nil)
                jobs.set(id, job)
            }
            return
        }
        let candidates = table.candidates(
            context(id, job, spec, draw, time: timeBefore, ledgerTime: ledgerTimeBefore))
        let owners = Draw.ownerCount(candidates)
        let most = min(owners, Int(draw.count))
        if most >= 1 && counts.all + most >= Int(job.q) {
            lease(id, &job, spec, draw, candidates, owners, most, &table, hasReveals: counts.revealed > 0)
        } else {
            let waiting = UInt64(clock.waitingJobs)
            let retryAt = clock.ledgerTime + LedgerLimits.drawRetryMillis * (1 + waiting / 1_000)
            var next = draw
            next.retryAt = retryAt
            setDraw(id, &job, next)
            job.lastEligible = UInt32(owners)
            events.append(
                .drawFailed(job: id, round: job.round + 1, eligibleOwners: UInt32(owners), retryAt: retryAt))
        }
        jobs.set(id, job)
    }

    /// What eligibility for the next draw of a job is asked against.
    func context(
        _ id: JobID, _ job: JobRecord, _ spec: JobSpec, _ draw: PendingDraw, time: UInt64, ledgerTime: UInt64
    ) -> EligibilityContext {
        var taken: [PublicKey] = []
        for (_, lease) in leaseList(id, job) {
            taken.append(lease.account)
            if lease.owner != lease.account { taken.append(lease.owner) }
        }
        return EligibilityContext(
            spec: spec, time: time, ledgerTime: ledgerTime, anchorHeight: draw.anchorHeight,
            anchorEpoch: draw.anchorEpoch, anchorView: draw.anchorView, hasOneSeat: seats.count == 1,
            submitterOwner: accounts[job.submitter]?.owner ?? job.submitter,
            allowsSelf: spec.flags.contains(.allowSelf) && genesis.selfExecution, taken: taken)
    }

    /// The live offers as they are now. O(offers).
    func offerTable() -> OfferTable {
        var rows: [OfferTable.Row] = []
        rows.reserveCapacity(offers.count)
        for (key, _) in offers.order {
            guard let record = offers[key], record.isLive, let holder = accounts[key.account] else { continue }
            rows.append(.init(key: key, record: record, holder: holder))
        }
        return OfferTable(rows: rows)
    }

    private mutating func lease(
        _ id: JobID, _ job: inout JobRecord, _ spec: JobSpec, _ draw: PendingDraw, _ candidates: [DrawCandidate],
        _ owners: Int, _ count: Int, _ table: inout OfferTable, hasReveals: Bool
    ) {
        let round = job.round + 1
        let chosen = Draw.choose(
            candidates, count: count, mix: clock.mix, job: id, round: round, hashing: hashing)
        invariant(chosen.count == count, "drew \(chosen.count) of \(count)")
        let isRestricted = owners < Int(genesis.restrictedOwnersMin)
        let submitterOwner = accounts[job.submitter]?.owner ?? job.submitter
        var flags: UInt8 = isRestricted ? 1 : 0
        var drawn: [LedgerEvent.DrawnLease] = []
        for one in chosen {
            let offer = OfferKey(account: one.account, slotClass: one.slotClass)
            guard let terms = offers[offer]?.offer else { unreachable("drew an offer that is gone") }
            var own: LeaseRecord.Flags = isRestricted ? .restricted : []
            if one.owner == submitterOwner { own.insert(.selfExecution) }
            if hasReveals { own.insert(.afterReveal) }
            flags |= own.rawValue & 3
            let key = LeaseKey(job: id, index: job.leaseCount)
            let lease = LeaseRecord(
                account: one.account, owner: one.owner, slotClass: one.slotClass, rateCPU: terms.rateCPU,
                rateMemory: terms.rateMemory, drawHeight: height,
                deadline: clock.ledgerTime + UInt64(spec.leaseSeconds) * 1_000, flags: own)
            offers.update(offer) { $0.activeLeases += 1 }
            table.takeSlot(offer)
            leases.set(key, lease)
            timers.set(leaseTimer(key, lease), Presence())
            drawn.append(
                .init(
                    lease: key.index, account: one.account, owner: one.owner, slotClass: one.slotClass,
                    tickets: one.tickets, rateCPU: terms.rateCPU, rateMemory: terms.rateMemory))
            job.leaseCount += 1
        }
        drawLists.append((CandidateList.key(id, round: round), CandidateList(candidates)))
        setDraw(id, &job, nil)
        job.round = round
        job.state = .running
        events.append(
            .drawn(
                .init(
                    job: id, round: round, mix: clock.mix, anchorHeight: draw.anchorHeight,
                    eligibleOwners: UInt32(owners), totalTickets: Draw.totalTickets(candidates),
                    eligibleHash: Draw.eligibleHash(candidates, hashing: hashing), flags: flags, leases: drawn)))
    }

    // MARK: phase C

    /// Fires due timers in (deadline, kind, job, index) order. One whose guard fails stays armed and counts nothing.
    mutating func fireTimers() {
        var fired = 0
        var cursor = TimerKey(deadline: 0, kind: .lease, job: .zero)
        while fired < LedgerLimits.timersPerBlockMax {
            guard let key = timers.order.firstAtOrAfter(cursor)?.key, key.deadline <= clock.ledgerTime else { return }
            if fire(key) { fired += 1 }
            guard let next = key.successor else { return }
            cursor = next
        }
    }

    /// Whether the timer's guard held and it fired.
    private mutating func fire(_ key: TimerKey) -> Bool {
        guard var job = jobs[key.job], let spec = job.spec else { unreachable("timer of ended job \(key.job)") }
        switch key.kind {
        case .lease:
            let lease = LeaseKey(job: key.job, index: key.index)
            guard let record = leases[lease] else { unreachable("timer of no lease") }
            guard isWindowOpenLongEnough(since: record.drawHeight) else { return false }
            endLease(lease, .expired)
            countFailure(record.account, spec)
            leaseWasLost(key.job)
        case .reveal:
            guard isWindowOpenLongEnough(since: job.revealHeight) else { return false }
            timers.remove(key)
            for (index, lease) in leaseList(key.job, job) where lease.state == .committed {
                endLease(LeaseKey(job: key.job, index: index), .noReveal)
                countFailure(lease.account, spec)
            }
            evaluate(key.job, &job)
            jobs.set(key.job, job)
        case .drawRetry:
            guard let draw = job.draw else { unreachable("retry of no draw") }
            setDraw(key.job, &job, newDraw(count: Int(draw.count)))
            jobs.set(key.job, job)
        case .job:
            guard counts(key.job, job).active == 0, isWindowOpenLongEnough(since: job.openHeight) else {
                return false
            }
            refund(key.job, &job, .deadline)
        }
        return true
    }
}

extension TimerKey {
    /// The least key after this one.
    var successor: TimerKey? {
        if index < .max { return TimerKey(deadline: deadline, kind: kind, job: job, index: index + 1) }
        // Lease indices stay far below this.
        return deadline < .max ? TimerKey(deadline: deadline + 1, kind: .lease, job: .zero) : nil
    }
}
