import Basis
import Records
import Trust
import Verdict

/// The run, and the ways to stop it.
extension WorkerDesk {
    mutating func start(_ id: LeaseID, _ plan: StagePlan, into effects: inout [Effect]) {
        guard let job = executions[id]?.job, let capability,
            let runtime = capability.runtime(job.work.runtime)
        else {
            handBack(id, .runtimeMissing("it was withdrawn"), into: &effects)
            return
        }
        do throws(PlanError) {
            let frame = try RuntimePlan.frame(
                job, capability: runtime, architecture: capability.machine, stage: plan,
                hashing: hashing)
            lastRun += 1
            let run = RunID(lastRun)
            runs[run] = id
            executions.update(id) { $0.frame = frame }
            enter(.running(run), id, into: &effects)
            effects.append(.start(run, id, frame))
        } catch {
            switch error {
            case .runtimeMissing(let what): handBack(id, .runtimeMissing(what), into: &effects)
            case .inputUnavailable(let what): handBack(id, .inputUnavailable(what), into: &effects)
            }
        }
    }

    mutating func runEvent(_ run: RunID, _ event: RunnerEvent, into effects: inout [Effect]) {
        guard let id = runs[run], let execution = executions[id] else {
            stats.unknownRuns += 1
            return
        }
        switch event {
        case .started(let pid): record(.started(pid: pid), id, into: &effects)
        case .progress(_, let perMille, let text):
            effects.append(.notify(.progress(id, perMille: perMille, text: text)))
        case .logged(let mark): effects.append(.notify(.logged(id, mark)))
        case .sampled(let usage): effects.append(.notify(.usage(id, usage)))
        case .itemEnded, .file, .refused, .limitHit, .paused, .resumed: break
        case .ended(let end):
            runs[run] = nil
            if case .stopping(_, let reason) = execution.phase {
                stopped(id, reason, into: &effects)
            } else {
                runEnded(id, run, end, into: &effects)
            }
        case .failed(let reason):
            runs[run] = nil
            if case .stopping(_, let ordered) = execution.phase {
                stopped(id, ordered, into: &effects)
            } else {
                handBack(id, reason, into: &effects)
            }
        }
    }

    mutating func runEnded(
        _ id: LeaseID, _ run: RunID, _ end: RunEnd, into effects: inout [Effect]
    ) {
        guard let execution = executions[id], let job = execution.job, let frame = execution.frame,
            let capability, let runtime = capability.runtime(job.work.runtime),
            let item = end.items.first
        else {
            handBack(id, .sandboxFailed("no item ended"), into: &effects)
            return
        }
        let termination = end.termination(of: item, in: frame)
        effects.append(.notify(.ended(id, termination)))
        if case .stackOverflow = termination {
            handBack(id, .sandboxFailed(termination.text), into: &effects)
            return
        }
        if case .startFailed = termination, !frame.ownsProgram {
            handBack(id, .runtimeMissing(termination.text), into: &effects)
            return
        }
        // What says that it kept its limits and did not is no outcome (`compute.md` 4.9).
        let memoryMax = frame.limits.memoryBytes + Reservation.slackBytes
        if case .exited = termination, end.usage.memoryPeakBytes > memoryMax {
            handBack(id, .sandboxFailed("used more memory than its limit"), into: &effects)
            return
        }
        sandboxFailuresInRow = 0
        let (status, exitCode) = termination.code
        record(.ended(status: status, exitCode: exitCode), id, into: &effects)
        let ticket = newTicket(id)
        enter(.sealing(ticket), id, into: &effects)
        deadlines.cancel(TimerID(kind: .pauseLimit, lease: id))
        effects.append(
            .seal(
                ticket, id,
                SealOrder(
                    run: run, job: job, frame: frame, end: end, capability: runtime,
                    isolation: capability.isolation ?? job.work.isolation,
                    attempt: execution.attempt,
                    inlineMax: execution.terms.spec.inlineMax, fetchedBytes: execution.fetchedBytes)
            ))
    }

    /// A run that we cancelled is over.
    mutating func stopped(_ id: LeaseID, _ reason: RunEndReason, into effects: inout [Effect]) {
        if executions[id]?.isOver == true {
            close(id, into: &effects)
        } else {
            handBack(id, reason, into: &effects)
        }
    }

    /// Stops whatever the lease does now; it is handed back, or closed if the ledger ended it.
    mutating func stop(_ id: LeaseID, _ reason: RunEndReason, into effects: inout [Effect]) {
        guard let execution = executions[id] else { return }
        switch execution.phase {
        case .running(let run):
            enter(.stopping(run, reason), id, into: &effects)
            effects.append(.order(run, .cancel(reason, gentle: false)))
        case .stopping: break
        case .fetchingSpec, .recording, .waiting, .staging, .stagingAgain, .ready:
            stopped(id, reason, into: &effects)
        default:
            // Nothing runs any more, and a sealed claim is kept until the ledger has spoken.
            if execution.isOver { close(id, into: &effects) }
        }
    }

    mutating func revoke(_ id: LeaseID, _ ending: LeaseEnding, into effects: inout [Effect]) {
        guard executions[id] != nil else {
            stats.unknownLeases += 1
            return
        }
        executions.update(id) { $0.isOver = true }
        let reason: RunEndReason
        if case .released(byCancel: true) = ending {
            reason = .cancelled
        } else {
            reason = .leaseLost
        }
        effects.append(.notify(.state(id, .ended)))
        stop(id, reason, into: &effects)
    }

    // MARK: owner and settings

    mutating func obey(_ order: OwnerOrder, into effects: inout [Effect]) {
        switch order {
        case .pause: change(into: &effects) { $0.isPausedByOwner = true }
        case .resume:
            change(into: &effects) {
                $0.isPausedByOwner = false
                $0.isDrainingByOwner = false
            }
        case .drain: change(into: &effects) { $0.isDrainingByOwner = true }
        case .stop(let id):
            guard let execution = executions[id], execution.phase.isUnfinished else {
                stats.unknownLeases += 1
                return
            }
            stop(id, .ownerStopped, into: &effects)
        }
    }

    /// Changes what decides whether we work, and lets running programs feel it.
    mutating func change(into effects: inout [Effect], _ body: (inout WorkerDesk) -> Void) {
        let wasPaused = isPaused
        body(&self)
        if isPaused != wasPaused { applyPause(into: &effects) }
        refreshOffer(into: &effects)
    }

    mutating func applyPause(into effects: inout [Effect]) {
        for (id, execution) in executions where execution.phase.isUnfinished {
            let timer = TimerID(kind: .pauseLimit, lease: id)
            if isPaused {
                deadlines.set(timer, at: now + Self.pauseMax)
            } else {
                deadlines.cancel(timer)
            }
            switch execution.phase {
            case .running(let run): effects.append(.order(run, isPaused ? .pause : .resume))
            case .ready(let plan) where !isPaused: start(id, plan, into: &effects)
            default: break
            }
        }
    }

    mutating func refreshOffer(into effects: inout [Effect]) {
        var wanted: OfferDraft?
        if case .run = effectiveDecision, !isSandboxSuspect, let capability {
            wanted = OfferDraft.of(settings, capability, hashing: hashing)
        }
        if wanted == offered { return }
        let last = offered
        offered = wanted
        if let wanted {
            effects.append(.offer(wanted))
            deadlines.set(.offer, at: now + Self.offerRenewal)
        } else if let last {
            effects.append(.withdrawOffer(slotClass: last.slotClass))
            deadlines.cancel(.offer)
        }
    }

    // MARK: timers

    mutating func fireTimers(into effects: inout [Effect]) {
        while let timer = deadlines.popDue(now) {
            let id = timer.lease
            switch timer.kind {
            case .offerRenewal:
                if let offered {
                    effects.append(.offer(offered))
                    deadlines.set(.offer, at: now + Self.offerRenewal)
                }
            case .inputLimit:
                mark("desk.inputLimit")
                stop(id, .inputUnavailable("not within a quarter of the lease"), into: &effects)
            case .pauseLimit: stop(id, .ownerStopped, into: &effects)
            case .fetchRetry: fetchAgain(id, into: &effects)
            case .submitRetry: submitAgain(id, into: &effects)
            }
        }
    }

    mutating func fetchAgain(_ id: LeaseID, into effects: inout [Effect]) {
        switch executions[id]?.phase {
        case .fetchingSpec: fetchSpec(id, into: &effects)
        case .stagingAgain: stage(id, into: &effects)
        default: break
        }
    }
}
