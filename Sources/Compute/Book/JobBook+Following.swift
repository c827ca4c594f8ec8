import Basis
import Records
import Trust
import Wire

/// From the funded job to the answer in the store.
extension JobBook {
    mutating func ledger(_ event: LedgerEvent, into effects: inout [Effect]) {
        guard let job = event.job, jobs.contains(job) else { return }
        switch event {
        case .jobOpened: opened(job, into: &effects)
        case .drawn(let drawn):
            jobs.update(job) { $0.hasBeenDrawn = true }
            deadlines.cancel(TimerID(kind: .queue, job: job))
            effects.append(
                .notify(
                    .drawn(
                        job, round: drawn.round,
                        leases: drawn.leases.map { LeaseID(job: job, index: $0.lease) })))
            advance(job, to: .running, into: &effects)
        case .drawFailed(_, _, let eligible, _):
            effects.append(.notify(.waitingForOwners(job, eligible: eligible)))
        case .committed(_, let lease):
            jobs.update(job) { $0.hasCommit = true }
            effects.append(.notify(.replica(LeaseID(job: job, index: lease), .committed)))
        case .revealed(_, let lease, _, _):
            jobs.update(job) { $0.hasCommit = true }
            effects.append(.notify(.replica(LeaseID(job: job, index: lease), .revealed)))
        case .leaseEnded(_, let lease, let state, _):
            if let ended = JobBook.replicaState(state) {
                effects.append(.notify(.replica(LeaseID(job: job, index: lease), ended)))
            }
        case .revealOpened: advance(job, to: .comparing, into: &effects)
        case .refunded(_, let reason, _, _): refunded(job, reason, into: &effects)
        case .cancelled: cancelled(job, into: &effects)
        default: break
        }
    }

    /// States of `ledger.md` 8.2 that end a lease.
    static func replicaState(_ state: UInt8) -> JobEvent.ReplicaState? {
        switch state {
        case 6: .expired
        case 7: .declined
        case 8: .noReveal
        case 9: .released
        default: nil
        }
    }

    /// An escalation takes a job from comparing back to running; no state goes back to waiting.
    mutating func advance(_ job: JobID, to state: BookedState, into effects: inout [Effect]) {
        change(job, into: &effects) { if !$0.state.isEnded { $0.state = state } }
    }

    mutating func opened(_ job: JobID, into effects: inout [Effect]) {
        deadlines.cancel(TimerID(kind: .open, job: job))
        guard let record = jobs[job]?.record, record.state == .funding else { return }
        startQueueTimer(job, record)
        advance(job, to: .waiting, into: &effects)
        if record.isCancelAsked { sendCancel(job, into: &effects) }
    }

    /// `timeout.queue` counts from here, and from a restart again: the ledger's own deadline bounds the whole.
    mutating func startQueueTimer(_ job: JobID, _ record: BookRecord) {
        let queue = Interval.nanoseconds(Int64(record.canonical.purchase.queueNanoseconds))
        deadlines.set(TimerID(kind: .queue, job: job), at: now + queue)
    }

    mutating func openRefused(_ job: JobID, _ code: OutcomeCode, into effects: inout [Effect]) {
        guard let record = jobs[job]?.record, record.state == .funding else {
            stats.unknownJobs += 1
            return
        }
        // The entry was executed before, or it was sent twice: the first one counts.
        if code == .duplicate || code == .applied { return }
        change(job, into: &effects) {
            $0.state = .failed
            $0.code = .unfunded
        }
    }

    mutating func refunded(
        _ job: JobID, _ reason: LedgerEvent.RefundReason, into effects: inout [Effect]
    ) {
        guard let booked = jobs[job], !booked.record.state.isEnded else { return }
        let wasDrawn = booked.hasBeenDrawn
        change(job, into: &effects) { record in
            switch reason {
            case .deadline:
                record.state = .expired
                record.code = wasDrawn ? .timedOut : .noWorkers
            case .noAgreement:
                record.state = .failed
                record.code = .noAgreement
            case .inputUnavailable:
                record.state = .failed
                record.code = .inputUnavailable
            case .exhausted:
                record.state = .failed
                record.code = .lostTooOften
            }
        }
    }

    mutating func cancelled(_ job: JobID, into effects: inout [Effect]) {
        guard let record = jobs[job]?.record, !record.state.isEnded else { return }
        change(job, into: &effects) { record in
            // By its owner, or by us because nobody came in `timeout.queue`.
            record.state = record.code == .noWorkers ? .failed : .cancelled
            if record.code == nil { record.code = .cancelled }
        }
    }

    mutating func settle(_ job: JobID, _ settlement: Settlement, into effects: inout [Effect]) {
        guard let record = jobs[job]?.record else {
            stats.unknownJobs += 1
            return
        }
        if record.state.isEnded { return }
        change(job, into: &effects) {
            $0.settlement = settlement
            $0.code = EndCode.of(status: settlement.status, exitCode: settlement.exitCode)
            $0.state = settlement.status == .completed ? .completed : .failed
        }
        bringHome(job, into: &effects)
    }

    // MARK: the body

    /// Gets the certified body: from the reveal if it carried it, else from the winners in list order.
    mutating func bringHome(_ job: JobID, into effects: inout [Effect]) {
        guard let record = jobs[job]?.record, let settlement = record.settlement, !record.hasResult,
            let first = settlement.winners.first
        else { return }
        let keep =
            now + Interval.nanoseconds(Int64(record.canonical.purchase.keepResultsNanoseconds))
        let hasFiles = record.canonical.work.hasFileDocument && settlement.status == .completed
        if settlement.bodyBytes == 0 || !settlement.inline.isEmpty {
            if BlobTree.id(of: settlement.inline, hashing: hashing) == first.body {
                effects.append(.store(first.body, settlement.inline))
                effects.append(.pin(first.body, .job, until: keep))
                if !hasFiles {
                    arrived(job, first.body, into: &effects)
                    return
                }
            } else {
                mark("book.wrongInline")
                stats.wrongBodies += 1
            }
        }
        // Winners may have other bodies where parts are ignored: the first one's is delivered, so those that have the
        // same come first.
        let same = settlement.winners.filter { $0.body == first.body }.map(\.account)
        effects.append(.pin(first.body, .job, until: keep))
        effects.append(.fetch(newTicket(.fetch(job)), first.body, from: same, withFiles: hasFiles))
    }

    mutating func fetched(_ ticket: Ticket, _ blob: BlobID, into effects: inout [Effect]) {
        guard case .fetch(let job)? = waits.remove(ticket), let record = jobs[job]?.record else {
            stats.lateTickets += 1
            return
        }
        guard record.settlement?.winners.first?.body == blob else {
            stats.wrongBodies += 1
            return
        }
        arrived(job, blob, into: &effects)
    }

    mutating func arrived(_ job: JobID, _ blob: BlobID, into effects: inout [Effect]) {
        change(job, into: &effects) { $0.hasResult = true }
        effects.append(.notify(.resultReady(job, blob)))
    }

    mutating func fetchFailed(_ ticket: Ticket, _ blob: BlobID, into effects: inout [Effect]) {
        guard case .fetch(let job)? = waits.remove(ticket), jobs.contains(job) else {
            stats.lateTickets += 1
            return
        }
        effects.append(.notify(.resultMissing(job, blob)))
        let again = now + Self.fetchRetry.jittered(percent: 20, using: &rng)
        deadlines.set(TimerID(kind: .fetch, job: job), at: again)
    }

    // MARK: cancelling and timers

    mutating func cancel(
        _ job: JobID, by account: PublicKey, _ ticket: Ticket, into effects: inout [Effect]
    ) {
        guard let booked = jobs[job], booked.isDurable else {
            effects.append(.replyCancel(ticket, .notFound))
            return
        }
        let record = booked.record
        if record.account != account {
            effects.append(.replyCancel(ticket, .notAllowed))
        } else if record.state.isEnded || record.state == .comparing || booked.hasCommit {
            effects.append(.replyCancel(ticket, .tooLate(record.state)))
        } else {
            change(job, into: &effects) { $0.isCancelAsked = true }
            effects.append(.replyCancel(ticket, .underway))
            // Before the job is in the ledger there is nothing to cancel: `opened` sends it then.
            if record.state != .funding { sendCancel(job, into: &effects) }
        }
    }

    mutating func sendCancel(_ job: JobID, into effects: inout [Effect]) {
        guard let record = jobs[job]?.record, !record.state.isEnded, record.state != .comparing
        else {
            return
        }
        effects.append(.cancelJob(job, account: record.account))
        let again = now + Interval.seconds(30).jittered(percent: 20, using: &rng)
        deadlines.set(TimerID(kind: .cancel, job: job), at: again)
    }

    mutating func fireTimers(into effects: inout [Effect]) {
        while let timer = deadlines.popDue(now) {
            switch timer.kind {
            case .open: open(timer.job, into: &effects)
            case .fetch: bringHome(timer.job, into: &effects)
            case .cancel: sendCancel(timer.job, into: &effects)
            case .queue:
                mark("book.queueTimeout")
                change(timer.job, into: &effects) {
                    $0.code = .noWorkers
                    $0.isCancelAsked = true
                }
                sendCancel(timer.job, into: &effects)
            case .keep: forget(timer.job, into: &effects)
            }
        }
    }

    mutating func forget(_ job: JobID, into effects: inout [Effect]) {
        guard let record = jobs.remove(job)?.record else { return }
        if !record.key.isZero { keys[record.key] = nil }
        if let body = record.settlement?.winners.first?.body { effects.append(.unpin(body, .job)) }
        effects.append(.forget(job))
    }

    // MARK: recovery

    /// Goes on with every job from its row and the ledger; what the ledger does not know is sent again.
    mutating func recover(
        _ records: [BookRecord], _ standings: [JobStanding], into effects: inout [Effect]
    ) {
        for record in records.sorted(by: { $0.job < $1.job }) {
            jobs[record.job] = BookedJob(record: record, isDurable: true)
            if !record.key.isZero { keys[record.key] = .job(record.job) }
            if record.state.isEnded {
                ended(record.job, record, into: &effects)
                bringHome(record.job, into: &effects)
            } else {
                for blob in record.canonical.work.blobs {
                    effects.append(.pin(blob.id, .job, until: .distantFuture))
                }
            }
        }
        for standing in standings.sorted(by: { $0.job < $1.job }) {
            guard let record = jobs[standing.job]?.record, !record.state.isEnded else { continue }
            catchUp(standing, record, into: &effects)
        }
        for record in records where record.state == .funding { open(record.job, into: &effects) }
    }

    mutating func catchUp(
        _ standing: JobStanding, _ record: BookRecord, into effects: inout [Effect]
    ) {
        let job = standing.job
        switch standing.phase {
        case .queued:
            startQueueTimer(job, record)
            advance(job, to: .waiting, into: &effects)
        case .running:
            jobs.update(job) { $0.hasBeenDrawn = true }
            advance(job, to: .running, into: &effects)
        case .revealing:
            jobs.update(job) {
                $0.hasBeenDrawn = true
                $0.hasCommit = true
            }
            advance(job, to: .comparing, into: &effects)
        case .cancelled: cancelled(job, into: &effects)
        case .settled(let settlement): settle(job, settlement, into: &effects)
        case .refunded(let reason): refunded(job, reason, into: &effects)
        }
        if record.isCancelAsked { sendCancel(job, into: &effects) }
    }
}
