import Basis
import Records
import Trust

/// From the grant to a staged job.
extension WorkerDesk {
    mutating func grant(_ standing: LeaseStanding, into effects: inout [Effect]) {
        let id = standing.id
        guard executions[id] == nil else { return }
        guard executions.count < ComputeLimits.slotsMax + ComputeLimits.executionsQueuedMax else {
            effects.append(.decline(id, .policy, [.noSlot]))
            return
        }
        admit(standing, attempt: 0, chain: [], into: &effects)
        switch effectiveDecision {
        case .run: fetchSpec(id, into: &effects)
        case .pause(let reasons), .drain(let reasons): decline(id, reasons, into: &effects)
        }
    }

    mutating func admit(
        _ standing: LeaseStanding, attempt: UInt8, chain: [DeskRecord], into effects: inout [Effect]
    ) {
        arrivals += 1
        var execution = Execution(
            id: standing.id, terms: standing.terms, deadline: standing.deadline, arrival: arrivals,
            attempt: attempt, phase: .fetchingSpec)
        execution.step = standing.step
        execution.isRevealOpen = standing.isRevealOpen
        if let last = chain.last {
            execution.sequence = last.sequence + 1
            execution.chain = last.hash(hashing: hashing)
        }
        executions[standing.id] = execution
        effects.append(.notify(.state(standing.id, .leased)))
    }

    mutating func fetchSpec(_ id: LeaseID, into effects: inout [Effect]) {
        guard let execution = executions[id] else { return }
        let spec = execution.terms.spec
        // Inputs that stay away for a quarter of the lease are a reason to decline (`ledger.md` 8.5).
        let quarter = Interval.milliseconds(Int64(spec.leaseSeconds) * 250)
        deadlines.setNoLater(TimerID(kind: .inputLimit, lease: id), than: now + quarter)
        effects.append(.fetchSpec(id.job, spec.manifest, from: WorkerDesk.sources(spec)))
    }

    static func sources(_ spec: JobSpec) -> [PublicKey] {
        [spec.entryPeer] + spec.holders.filter { $0 != spec.entryPeer }
    }

    mutating func specArrived(_ job: JobID, _ bytes: [UInt8], into effects: inout [Effect]) {
        for id in waitingForSpec(job) {
            guard let execution = executions[id] else { continue }
            if BlobTree.id(of: bytes, hashing: hashing) != execution.terms.spec.manifest {
                stats.specMismatches += 1
                deadlines.set(TimerID(kind: .fetchRetry, lease: id), at: retryTime(Self.fetchRetry))
                continue
            }
            guard let decoded = try? CanonicalJob.decoded(bytes),
                WorkerDesk.agrees(decoded, execution.terms.spec)
            else {
                stats.specMismatches += 1
                refuse(id, .inputUnavailable, into: &effects)
                effects.append(
                    .handBack(
                        id, .inputUnavailable, .inputUnavailable("the job contradicts its entry")))
                continue
            }
            accept(id, decoded, into: &effects)
        }
    }

    /// Whether what is to run is what was put on the ledger, as far as the draw and the price depend on it.
    static func agrees(_ job: CanonicalJob, _ spec: JobSpec) -> Bool {
        let work = job.work
        return work.memoryMiB == spec.memoryMiB && work.diskMiB == spec.diskMiB
            && work.cores == spec.cores && work.runMillis == spec.wallMillisMax
            && work.cpuMicros == spec.cpuMicrosMax && work.comparator == spec.comparator
            && work.outputBytesMax == spec.outputBytesMax
            && work.isolation.rawValue <= max(spec.isolation, 1)
    }

    func waitingForSpec(_ job: JobID) -> [LeaseID] {
        executions.from(LeaseID(job: job, index: 0)).prefix { $0.key.job == job }.filter {
            if case .fetchingSpec = $0.value.phase { $0.value.job == nil } else { false }
        }.map(\.key)
    }

    mutating func specFailed(_ job: JobID, into effects: inout [Effect]) {
        for id in waitingForSpec(job) {
            deadlines.set(TimerID(kind: .fetchRetry, lease: id), at: retryTime(Self.fetchRetry))
        }
    }

    mutating func retryTime(_ interval: Interval) -> Instant {
        now + interval.jittered(percent: 20, using: &rng)
    }

    mutating func accept(_ id: LeaseID, _ job: CanonicalJob, into effects: inout [Effect]) {
        guard let execution = executions[id] else { return }
        executions.update(id) { $0.job = job }
        // Not judged before the probes have said what runs here; the input limit ends the wait.
        guard let capability else { return }
        let queued = executions.reduce(0) {
            if case .waiting = $1.value.phase { $0 + 1 } else { $0 }
        }
        let answer = OwnerPolicy.accepts(
            job, owner: execution.terms.owner, settings, capability, effectiveDecision,
            queued: queued)
        if case .decline(let reasons) = answer {
            decline(id, reasons, into: &effects)
            return
        }
        let step = DeskRecord.Step.received(
            terms: execution.terms, deadline: execution.deadline, attempt: execution.attempt)
        let ticket = record(step, id, into: &effects)
        enter(.recording(ticket), id, into: &effects)
    }

    /// Judges jobs that arrived before the probes were done.
    mutating func judgeWaiting(into effects: inout [Effect]) {
        for (id, execution) in executions {
            if case .fetchingSpec = execution.phase, let job = execution.job {
                accept(id, job, into: &effects)
            }
        }
    }

    /// Fills free slots from the queue: by priority, then ledger deadline, then arrival.
    mutating func startWaiting(into effects: inout [Effect]) {
        if isPaused { return }
        while true {
            let used = reserved
            let queue = executions.filter {
                if case .waiting = $0.value.phase { true } else { false }
            }.sorted { Self.comesBefore($0.value, $1.value) }
            // The first that fits: one large job must not hold up the small ones behind it, nor starve, because the
            // ledger gave it a slot of its own size.
            guard
                let next = queue.first(where: {
                    guard let work = $0.value.job?.work else { return false }
                    return (used + Reservation.of(work)).fits(settings)
                })
            else { return }
            stage(next.key, into: &effects)
        }
    }

    static func comesBefore(_ a: Execution, _ b: Execution) -> Bool {
        let (x, y) = (a.job?.purchase.priority ?? .normal, b.job?.purchase.priority ?? .normal)
        if x != y { return x.rawValue > y.rawValue }
        if a.deadline != b.deadline { return a.deadline < b.deadline }
        return a.arrival < b.arrival
    }

    mutating func stage(_ id: LeaseID, into effects: inout [Effect]) {
        guard let execution = executions[id], let job = execution.job else { return }
        let ticket = newTicket(id)
        if !execution.isStaged {
            record(.scheduled, id, into: &effects)
            let until = now + Interval.seconds(Int64(execution.terms.spec.leaseSeconds) + 3_600)
            for blob in job.work.blobs { effects.append(.pin(blob.id, .lease, until: until)) }
            executions.update(id) {
                $0.isStaged = true
                $0.pinned = job.work.blobs.map(\.id)
            }
        }
        enter(.staging(ticket), id, into: &effects)
        effects.append(.stage(ticket, id, job, from: WorkerDesk.sources(execution.terms.spec)))
    }

    mutating func staged(_ ticket: Ticket, _ plan: StagePlan, into effects: inout [Effect]) {
        guard let id = take(ticket, \.isStaging) else { return }
        deadlines.cancel(TimerID(kind: .inputLimit, lease: id))
        executions.update(id) { $0.fetchedBytes = plan.fetchedBytes }
        enter(.ready(plan), id, into: &effects)
        if !isPaused { start(id, plan, into: &effects) }
    }

    mutating func stageFailed(
        _ ticket: Ticket, _ reason: RunEndReason, into effects: inout [Effect]
    ) {
        guard let id = take(ticket, \.isStaging) else { return }
        if case .inputUnavailable = reason {
            enter(.stagingAgain, id, into: &effects)
            deadlines.set(TimerID(kind: .fetchRetry, lease: id), at: retryTime(Self.fetchRetry))
        } else {
            handBack(id, reason, into: &effects)
        }
    }

    // MARK: declining

    /// Declines before anything ran. The lease ends when the ledger says so.
    mutating func decline(_ id: LeaseID, _ reasons: [ReasonCode], into effects: inout [Effect]) {
        let isLeaving = reasons.first == .userPaused || reasons.first == .draining
        let reason: Entry.DeclineReason = isLeaving ? .shuttingDown : .policy
        refuse(id, reason, into: &effects)
        effects.append(.decline(id, reason, reasons))
        effects.append(.notify(.declined(id, reasons)))
    }

    /// Gives the lease back without an outcome (rows with "no" in `compute.md` 3.1).
    mutating func handBack(_ id: LeaseID, _ reason: RunEndReason, into effects: inout [Effect]) {
        noteSandbox(reason, into: &effects)
        guard let number = reason.declineReason, let code = Entry.DeclineReason(rawValue: number)
        else {
            close(id, into: &effects)
            return
        }
        refuse(id, code, into: &effects)
        effects.append(.handBack(id, code, reason))
        effects.append(.notify(.handedBack(id, reason)))
    }

    mutating func refuse(
        _ id: LeaseID, _ reason: Entry.DeclineReason, into effects: inout [Effect]
    ) {
        deadlines.cancel(TimerID(kind: .inputLimit, lease: id))
        deadlines.cancel(TimerID(kind: .pauseLimit, lease: id))
        if executions[id]?.isStaged == true {
            effects.append(.unstage(id))
            executions.update(id) { $0.isStaged = false }
        }
        enter(.refusing(reason), id, into: &effects)
        deadlines.set(TimerID(kind: .submitRetry, lease: id), at: retryTime(Self.submitRetry))
    }

    /// After three failures of the sandbox in a row nothing is offered until it was probed again (`compute.md` 4.6).
    mutating func noteSandbox(_ reason: RunEndReason, into effects: inout [Effect]) {
        guard case .sandboxFailed = reason else { return }
        sandboxFailuresInRow += 1
        if sandboxFailuresInRow >= Self.sandboxFailuresMax && !isSandboxSuspect {
            isSandboxSuspect = true
            effects.append(.probeSandbox)
            refreshOffer(into: &effects)
        }
    }
}
