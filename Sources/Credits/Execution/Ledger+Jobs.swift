public import Basis
public import Records
import Trust
import Verdict

/// How many leases of a job stand where: A, C and V of `ledger.md` 8.3.
struct LeaseCounts {
    var active = 0
    var committed = 0
    var revealed = 0
    var all: Int { active + committed + revealed }
}

// Opening, ending and paying of jobs. Every path ends in `finish`, which leaves no escrow, timer or slot behind.
extension Ledger {
    /// Price of one replica at the job's largest rates and limits; nil above the largest supply.
    static func mostPay(_ spec: JobSpec) -> CreditAmount? {
        Pricing.price(
            rateCPU: spec.rateCPUMax, rateMemory: spec.rateMemoryMax, cpuMicros: spec.cpuMicrosMax,
            memoryMiBMillis: spec.memoryMax)
    }

    /// `rMax × Pmax`; nil above the largest supply.
    public static func funding(of spec: JobSpec) -> CreditAmount? {
        mostPay(spec).flatMap { Pricing.times(spec.rMax, $0) }
    }

    mutating func openJob(
        _ spec: JobSpec, by author: PublicKey, nonce: UInt64, fee: CreditAmount
    ) throws(OutcomeCode) {
        guard let account = accounts[author], account.isAdmitted else { throw .notAdmitted }
        if spec.flags.contains(.allowSelf) && !genesis.selfExecution { throw .notAllowed }
        // Escalation and draws for high values belong to a later rules version.
        if spec.rMax > spec.r || spec.flags.contains(.highValue) { throw .notAllowed }
        guard let funded = Ledger.funding(of: spec) else { throw .overflow }
        if account.openJobs >= LedgerLimits.openJobsPerAccountMax || openJobCount >= LedgerLimits.openJobsMax {
            throw .limitExceeded
        }
        if UInt128(funded.micro) + UInt128(fee.micro) > UInt128(account.available.micro) {
            throw .insufficientFunds
        }
        let id = spec.id(network: network, submitter: author, nonce: nonce, hashing: hashing)
        debit(funded, from: author)
        accounts.update(author) {
            $0.held += funded
            $0.openJobs += 1
        }
        supply.escrow += UInt128(funded.micro)
        openJobCount += 1
        var job = JobRecord(
            submitter: author, spec: spec, openHeight: height, openedAt: clock.ledgerTime, escrow: funded)
        events.append(.jobOpened(job: id, submitter: author, funded: funded, fee: fee))
        setDraw(id, &job, newDraw(count: Int(spec.r)))
        timers.set(jobTimer(id, job), Presence())
        jobs.set(id, job)
    }

    /// What cancelling would do now; nil if 8.3 does not allow it.
    mutating func cancelJob(_ id: JobID, by author: PublicKey) throws(OutcomeCode) {
        guard var job = jobs[id] else { throw .unknownTarget }
        if job.submitter != author { throw .notAllowed }
        guard let spec = job.spec, job.state == .queued || job.state == .running else { throw .wrongState }
        var attempts: [LedgerEvent.Attempt] = []
        for (index, lease) in leaseList(id, job) {
            switch lease.state {
            case .active: attempts.append(.init(lease: index, pay: elapsedFee(spec, lease)))
            case .expired, .declined, .released: continue
            case .committed, .revealed, .won, .lost, .noReveal: throw .wrongState
            }
        }
        attempts.removeAll { $0.pay == .zero }
        for attempt in attempts { pay(attempt, id, &job) }
        let refund = finish(id, &job, .cancelled)
        events.append(.cancelled(job: id, attempts: attempts, refund: refund))
    }

    /// Share of the price of what the lease can have used since its draw (10.3).
    private func elapsedFee(_ spec: JobSpec, _ lease: LeaseRecord) -> CreditAmount {
        let drawnAt = lease.deadline - UInt64(spec.leaseSeconds) * 1_000
        let elapsed = UInt128(clock.ledgerTime - min(drawnAt, clock.ledgerTime))
        let cpu = min(UInt128(spec.cpuMicrosMax), elapsed * 1_000 * UInt128(spec.cores))
        let memory = min(UInt128(spec.memoryMax), elapsed * UInt128(spec.memoryMiB))
        return attemptShare(lease, cpu: UInt64(cpu), memory: UInt64(memory))
    }

    private func attemptShare(_ lease: LeaseRecord, cpu: UInt64, memory: UInt64) -> CreditAmount {
        Pricing.share(perMille: genesis.attemptPerMille, of: price(lease, cpu: cpu, memory: memory))
    }

    /// Price at the lease's own rates. Rates and usage are within the job's maxima, so it is at most Pmax.
    private func price(_ lease: LeaseRecord, cpu: UInt64, memory: UInt64) -> CreditAmount {
        guard
            let price = Pricing.price(
                rateCPU: lease.rateCPU, rateMemory: lease.rateMemory, cpuMicros: cpu, memoryMiBMillis: memory)
        else { unreachable("price of \(cpu) µs and \(memory) MiB·ms passes the supply") }
        return price
    }

    /// Moves `attempt.pay` from the job's escrow to its worker.
    private mutating func pay(_ attempt: LedgerEvent.Attempt, _ id: JobID, _ job: inout JobRecord) {
        guard let lease = leases[LeaseKey(job: id, index: attempt.lease)] else {
            unreachable("pay for no lease \(attempt.lease) of \(id)")
        }
        invariant(attempt.pay <= job.escrow, "pay of \(attempt.pay) from escrow \(job.escrow)")
        release(attempt.pay, &job)
        credit(attempt.pay, to: lease.account)
    }

    /// Takes an amount out of the escrow.
    private mutating func release(_ amount: CreditAmount, _ job: inout JobRecord) {
        job.escrow -= amount
        supply.escrow -= UInt128(amount.micro)
        accounts.update(job.submitter) { $0.held -= amount }
    }

    /// Ends a job in a terminal state and gives the rest of the escrow back; returns that rest.
    private mutating func finish(_ id: JobID, _ job: inout JobRecord, _ state: JobRecord.State) -> CreditAmount {
        invariant(!job.state.isEnded && state.isEnded, "job \(id) ends twice: \(job.state), \(state)")
        setDraw(id, &job, nil)
        if job.state != .revealing { timers.remove(jobTimer(id, job)) }
        if job.state == .revealing { timers.remove(revealTimer(id, job)) }
        for (index, lease) in leaseList(id, job) where lease.state == .active || lease.state == .committed {
            endLease(LeaseKey(job: id, index: index), .released)
        }
        for index in 0..<job.leaseCount {
            leases.update(LeaseKey(job: id, index: index)) { $0.result?.inline = [] }
        }
        let refund = job.escrow
        release(refund, &job)
        credit(refund, to: job.submitter)
        accounts.update(job.submitter) { $0.openJobs -= 1 }
        openJobCount -= 1
        job.state = state
        job.spec = nil
        jobs.set(id, job)
        let (at, overflow) = clock.time.addingReportingOverflow(LedgerLimits.endedJobMillis)
        if !overflow { lapses.set(LapseKey(at: at, target: jobs.bytes(of: id)), Presence()) }
        return refund
    }

    /// Ends a job without an answer.
    mutating func refund(_ id: JobID, _ job: inout JobRecord, _ reason: LedgerEvent.RefundReason) {
        guard let spec = job.spec else { unreachable("refund of ended job \(id)") }
        var attempts: [LedgerEvent.Attempt] = []
        let revealed = leaseList(id, job).filter { $0.lease.state == .revealed }
        if reason != .inputUnavailable, !revealed.isEmpty {
            let usage = paidUsage(spec, revealed.compactMap(\.lease.result))
            attempts = revealed.map {
                .init(lease: $0.index, pay: attemptShare($0.lease, cpu: usage.cpu, memory: usage.memory))
            }
            attempts.removeAll { $0.pay == .zero }
        }
        for attempt in attempts { pay(attempt, id, &job) }
        let refund = finish(id, &job, .refunded)
        events.append(.refunded(job: id, reason: reason, attempts: attempts, refund: refund))
    }

    /// c* and m* of 10.2.
    private func paidUsage(_ spec: JobSpec, _ results: [ReplicaResult]) -> (cpu: UInt64, memory: UInt64) {
        (
            min(Pricing.lowerMedian(results.map(\.cpuMicros)), spec.cpuMicrosMax),
            min(Pricing.lowerMedian(results.map(\.memoryMiBMillis)), spec.memoryMax)
        )
    }

    // MARK: evaluation

    /// Row *evaluate* of 8.3: settles, refunds, or asks for more replicas.
    mutating func evaluate(_ id: JobID, _ job: inout JobRecord) {
        guard let spec = job.spec else { unreachable("evaluation of ended job \(id)") }
        let revealed = leaseList(id, job).filter { $0.lease.state == .revealed }
        let answers = revealed.compactMap { pair in
            pair.lease.result.map {
                RevealedAnswer(
                    account: pair.lease.account, status: $0.status.rawValue, exitCode: $0.exitCode,
                    compareHash: $0.compareHash, sketch: $0.sketch)
            }
        }
        invariant(answers.count == revealed.count, "revealed leases of \(id) without results")
        if let decision = MinimumDiameterCore.decide(answers, quorum: Int(job.q), comparator: spec.comparator) {
            settle(id, &job, spec, revealed, decision)
            return
        }
        let count = revealed.count
        if clock.ledgerTime >= jobTimer(id, job).deadline {
            refund(id, &job, .deadline)
        } else if count >= Int(job.q) && count >= Int(job.r) {
            refund(id, &job, .noAgreement)
        } else {
            returnToRunning(id, &job)
            need(Int(job.r) - count, id, &job)
        }
    }

    private mutating func settle(
        _ id: JobID, _ job: inout JobRecord, _ spec: JobSpec, _ revealed: [(index: UInt16, lease: LeaseRecord)],
        _ decision: CoreDecision
    ) {
        let winners = decision.winners.map { revealed[$0] }
        let losers = decision.losers.map { revealed[$0] }
        let results = winners.compactMap(\.lease.result)
        let usage = paidUsage(spec, results)
        let isAnswer = results[0].status == .completed
        var paid: [LedgerEvent.Winner] = []
        for (index, lease) in winners {
            let full = price(lease, cpu: usage.cpu, memory: usage.memory)
            let amount = isAnswer ? full : Pricing.share(perMille: genesis.attemptPerMille, of: full)
            pay(.init(lease: index, pay: amount), id, &job)
            paid.append(.init(lease: index, pay: amount, bodyHash: lease.result?.bodyHash ?? .zero))
            leases.update(LeaseKey(job: id, index: index)) { $0.state = .won }
            if isAnswer { countWin(lease, spec) }
        }
        for (index, lease) in losers {
            leases.update(LeaseKey(job: id, index: index)) { $0.state = .lost }
            if isAnswer { countLoss(lease, spec) }
        }
        var flags: UInt8 = 0
        for (_, lease) in revealed { flags |= lease.flags.rawValue & 3 }
        let credibility = Confidence.credibility(
            winners: winners.map { _ in .unknown }, losers: Ledger.groups(losers.compactMap(\.lease.result)))
        let jobR = job.r
        let jobQ = job.q
        let refund = finish(id, &job, .settled)
        events.append(
            .settled(
                .init(
                    job: id, r: jobR, q: jobQ, revealed: UInt8(revealed.count), comparator: spec.comparator.id,
                    diameter: decision.diameter, tolerance: spec.comparator.tolerance,
                    core: decision.core.map { revealed[$0].index }, winners: paid, losers: losers.map(\.index),
                    canonical: decision.canonical, paidCpuMicros: usage.cpu, paidMemory: usage.memory,
                    refund: refund,
                    agreement: Confidence.agreement(winners: winners.count, revealed: revealed.count),
                    credibility: credibility, flags: flags)))
    }

    /// Losers grouped by equal compareHash. Standing is not used in this version: all count as unknown.
    static func groups(_ results: [ReplicaResult]) -> [[Confidence.Tier]] {
        var sizes = SortedMap<Digest, Int>()
        for result in results { sizes[result.compareHash, default: 0] += 1 }
        return sizes.map { Array(repeating: .unknown, count: $0.value) }
    }

    // MARK: reputation (8.6)

    private mutating func countWin(_ lease: LeaseRecord, _ spec: JobSpec) {
        let key = ReputationKey(account: lease.account, runtime: spec.runtime)
        var record = reputations[key] ?? ReputationRecord()
        record.valid = record.valid &+ (record.valid == .max ? 0 : 1)
        if lease.flags.isDisjoint(with: [.restricted, .selfExecution, .afterReveal]), record.consecutive < .max {
            record.consecutive += 1
        }
        reputations.set(key, record)
        accounts.update(lease.account) { $0.failStreak = 0 }
    }

    private mutating func countLoss(_ lease: LeaseRecord, _ spec: JobSpec) {
        let key = ReputationKey(account: lease.account, runtime: spec.runtime)
        var record = reputations[key] ?? ReputationRecord()
        record.invalid = record.invalid &+ (record.invalid == .max ? 0 : 1)
        record.consecutive = 0
        reputations.set(key, record)
    }

    /// A lease that was neither kept nor handed back in order; the third in a row suspends the account.
    mutating func countFailure(_ account: PublicKey, _ spec: JobSpec) {
        reputations.update(ReputationKey(account: account, runtime: spec.runtime)) { $0.consecutive = 0 }
        var until: UInt64?
        let now = clock.ledgerTime
        accounts.update(account) {
            $0.failStreak += 1
            guard $0.failStreak >= 3 else { return }
            $0.failStreak = 0
            if $0.suspensions < .max { $0.suspensions += 1 }
            $0.suspendedUntil = now + 60_000 << UInt64(min($0.suspensions - 1, 6))
            until = $0.suspendedUntil
        }
        if let until { events.append(.suspended(account: account, until: until)) }
    }

    // MARK: leases of a job

    func leaseList(_ id: JobID, _ job: JobRecord) -> [(index: UInt16, lease: LeaseRecord)] {
        (0..<job.leaseCount).compactMap { index in
            leases[LeaseKey(job: id, index: index)].map { (index, $0) }
        }
    }

    func counts(_ id: JobID, _ job: JobRecord) -> LeaseCounts {
        var counts = LeaseCounts()
        for index in 0..<job.leaseCount {
            switch leases[LeaseKey(job: id, index: index)]?.state {
            case .active: counts.active += 1
            case .committed: counts.committed += 1
            case .revealed: counts.revealed += 1
            default: continue
            }
        }
        return counts
    }

    func leaseTimer(_ key: LeaseKey, _ lease: LeaseRecord) -> TimerKey {
        TimerKey(deadline: lease.deadline, kind: .lease, job: key.job, index: key.index)
    }

    /// The deadline of the job. Only of a job that has not ended.
    func jobTimer(_ id: JobID, _ job: JobRecord) -> TimerKey {
        TimerKey(deadline: job.openedAt + UInt64(job.spec?.totalSeconds ?? 0) * 1_000, kind: .job, job: id)
    }

    func revealTimer(_ id: JobID, _ job: JobRecord) -> TimerKey {
        TimerKey(deadline: job.revealDeadline, kind: .reveal, job: id)
    }

    /// Moves a lease to a state in which it holds no slot; an end is told by an event.
    mutating func endLease(_ key: LeaseKey, _ state: LeaseRecord.State, reason: Entry.DeclineReason? = nil) {
        freeSlot(key)
        leases.update(key) {
            $0.state = state
            if let reason { $0.declineReason = reason }
        }
        events.append(
            .leaseEnded(job: key.job, lease: key.index, state: state.rawValue, reason: reason?.rawValue ?? 0))
    }

    /// Gives back the slot of an active lease and disarms its timer; nothing if it holds none.
    mutating func freeSlot(_ key: LeaseKey) {
        guard let lease = leases[key], lease.state == .active else { return }
        timers.remove(leaseTimer(key, lease))
        let offer = OfferKey(account: lease.account, slotClass: lease.slotClass)
        guard let record = offers[offer], record.activeLeases > 0 else {
            unreachable("slot of lease \(key.index) of \(key.job) is nowhere")
        }
        if record.activeLeases == 1 && !record.isLive {
            offers.remove(offer)
        } else {
            offers.update(offer) { $0.activeLeases -= 1 }
        }
    }

    // MARK: draws of a job

    func newDraw(count: Int) -> PendingDraw {
        PendingDraw(
            anchorHeight: height, anchorEpoch: clock.epoch, anchorView: clock.view, count: UInt8(count), retryAt: 0)
    }

    /// Replaces the pending draw, and with it the timer of the next attempt.
    mutating func setDraw(_ id: JobID, _ job: inout JobRecord, _ draw: PendingDraw?) {
        if let old = job.draw {
            if old.retryAt == 0 {
                pendingDraws.remove(DrawKey(anchorHeight: old.anchorHeight, job: id))
            } else {
                timers.remove(TimerKey(deadline: old.retryAt, kind: .drawRetry, job: id))
                clock.waitingJobs -= 1
            }
        }
        job.draw = draw
        guard let draw else { return }
        if draw.retryAt == 0 {
            pendingDraws.insert(true, for: DrawKey(anchorHeight: draw.anchorHeight, job: id))
        } else {
            timers.set(TimerKey(deadline: draw.retryAt, kind: .drawRetry, job: id), Presence())
            clock.waitingJobs += 1
        }
    }

    /// `need(c)` of 8.3: asks for c more leases, or ends the job when it had too many.
    mutating func need(_ count: Int, _ id: JobID, _ job: inout JobRecord) {
        invariant(count >= 1, "job \(id) needs \(count) leases")
        if Int(job.leaseCount) + count > LedgerLimits.leasesPerJobMax {
            refund(id, &job, .exhausted)
        } else {
            setDraw(id, &job, newDraw(count: count))
        }
    }

    /// Opens the reveal window; the job timer sleeps meanwhile.
    mutating func openReveals(_ id: JobID, _ job: inout JobRecord) {
        guard let spec = job.spec else { unreachable("reveals of ended job \(id)") }
        setDraw(id, &job, nil)
        timers.remove(jobTimer(id, job))
        job.state = .revealing
        job.revealHeight = height
        job.revealDeadline = clock.ledgerTime + UInt64(spec.revealSeconds) * 1_000
        timers.set(revealTimer(id, job), Presence())
        events.append(.revealOpened(job: id, deadline: job.revealDeadline))
    }

    private mutating func returnToRunning(_ id: JobID, _ job: inout JobRecord) {
        guard job.state == .revealing else { return }
        timers.remove(revealTimer(id, job))
        job.state = .running
        timers.set(jobTimer(id, job), Presence())
    }
}
