import Basis
import Records
import Trust

/// From the sealed claim to the settlement.
extension WorkerDesk {
    mutating func sealed(
        _ ticket: Ticket, _ outputs: SealedOutputs, salt: Digest, into effects: inout [Effect]
    ) {
        guard let id = take(ticket, \.isSealing), let execution = executions[id] else { return }
        let result = WorkerDesk.result(outputs, execution.terms.spec)
        guard result.cpuMicros <= ReplicaResult.usageMax,
            result.bodyBytes <= execution.terms.spec.outputBytesMax,
            outputs.blobs.count <= Claim.blobsMax
        else {
            handBack(id, .sandboxFailed("the outcome exceeds the job's limits"), into: &effects)
            return
        }
        let claim = Claim(result: result, salt: salt, blobs: outputs.blobs)
        executions.update(id) { $0.claim = claim }
        for blob in claim.blobs {
            effects.append(.pin(blob, .claim, until: claimEnd(execution.terms.spec)))
        }
        let ticket = record(.sealed(claim), id, into: &effects)
        enter(.recordingClaim(ticket), id, into: &effects)
        effects.append(.unstage(id))
        executions.update(id) { $0.isStaged = false }
    }

    /// A claim is settled, one way or another, before its job's whole time is over.
    func claimEnd(_ spec: JobSpec) -> Instant {
        now + Interval.seconds(Int64(spec.totalSeconds) + Int64(spec.revealSeconds) + 86_400)
    }

    /// The ledger's Result of what was sealed (`ledger.md` 8.4).
    static func result(_ outputs: SealedOutputs, _ spec: JobSpec) -> ReplicaResult {
        let (status, exitCode) = outputs.termination.code
        let wall = min(
            max(outputs.usage.wallMillis, 1),
            ReplicaResult.usageMax / UInt64(max(spec.memoryMiB, 1)))
        let isInline = outputs.bodyBytes > 0 && outputs.bodyBytes <= UInt64(spec.inlineMax)
        return ReplicaResult(
            status: ReplicaResult.Status(rawValue: status) ?? .taskFailed, exitCode: exitCode,
            bodyHash: outputs.body, bodyBytes: outputs.bodyBytes, compareHash: outputs.compareHash,
            sketch: [], cpuMicros: outputs.usage.cpuMicros,
            memoryMiBMillis: UInt64(spec.memoryMiB) * wall, wallMillis: wall,
            report: outputs.report,
            inline: isInline ? outputs.inline : [])
    }

    mutating func sealFailed(
        _ ticket: Ticket, _ reason: RunEndReason, into effects: inout [Effect]
    ) {
        guard let id = take(ticket, \.isSealing) else { return }
        handBack(id, reason, into: &effects)
    }

    mutating func persisted(_ ticket: Ticket, into effects: inout [Effect]) {
        // Records that are not synced are answered too; nobody waits for them.
        guard tickets[ticket] != nil, let id = take(ticket, \.isRecording) else { return }
        switch executions[id]?.phase {
        case .recording: enter(.waiting, id, into: &effects)
        case .recordingClaim: submitClaim(id, into: &effects)
        default: unreachable("a synced record of \(id) outside its phase")
        }
    }

    mutating func persistFailed(_ ticket: Ticket, into effects: inout [Effect]) {
        stats.journalFailures += 1
        guard tickets[ticket] != nil, let id = take(ticket, \.isRecording) else { return }
        executions.update(id) { $0.claim = nil }
        handBack(id, .hostDiskFull("the journal cannot be written"), into: &effects)
    }

    /// Sends the commit, or the reveal of a direct job. Same bytes however often.
    mutating func submitClaim(_ id: LeaseID, into effects: inout [Effect]) {
        guard let execution = executions[id], let claim = execution.claim else { return }
        enter(.claiming, id, into: &effects)
        deadlines.set(TimerID(kind: .submitRetry, lease: id), at: retryTime(Self.submitRetry))
        if execution.terms.spec.isDirect {
            publish(claim, id, into: &effects)
            return
        }
        let hash = claim.result.commitHash(
            network: network, job: id.job, lease: id.index, account: account, salt: claim.salt,
            hashing: hashing)
        effects.append(.commit(id, hash: hash))
    }

    /// Opens the claim: from here on its blobs may be read by anybody.
    mutating func publish(_ claim: Claim, _ id: LeaseID, into effects: inout [Effect]) {
        let isDirect = executions[id]?.terms.spec.isDirect ?? false
        effects.append(.publish(claim.blobs))
        effects.append(.reveal(id, claim.result, salt: claim.salt, isDirect: isDirect))
    }

    mutating func submitReveal(_ id: LeaseID, into effects: inout [Effect]) {
        guard let claim = executions[id]?.claim else { return }
        enter(.revealing, id, into: &effects)
        deadlines.set(TimerID(kind: .submitRetry, lease: id), at: retryTime(Self.submitRetry))
        publish(claim, id, into: &effects)
    }

    /// Repeats what the ledger has not executed yet.
    mutating func submitAgain(_ id: LeaseID, into effects: inout [Effect]) {
        guard let execution = executions[id] else { return }
        switch execution.phase {
        case .claiming: submitClaim(id, into: &effects)
        case .revealing: submitReveal(id, into: &effects)
        case .refusing(let reason):
            effects.append(.decline(id, reason, []))
            deadlines.set(TimerID(kind: .submitRetry, lease: id), at: retryTime(Self.submitRetry))
        default: break
        }
    }

    mutating func commitExecuted(_ id: LeaseID, into effects: inout [Effect]) {
        executions.update(id) { $0.step = .committed }
        guard let execution = executions[id], case .claiming = execution.phase else {
            stats.unknownLeases += 1
            return
        }
        deadlines.cancel(TimerID(kind: .submitRetry, lease: id))
        record(.committed, id, into: &effects)
        enter(.committed, id, into: &effects)
        if execution.isRevealOpen { submitReveal(id, into: &effects) }
    }

    mutating func commitsClosed(_ id: LeaseID, into effects: inout [Effect]) {
        guard let execution = executions[id] else {
            stats.unknownLeases += 1
            return
        }
        executions.update(id) { $0.isRevealOpen = true }
        if case .committed = execution.phase { submitReveal(id, into: &effects) }
    }

    mutating func revealExecuted(_ id: LeaseID, into effects: inout [Effect]) {
        executions.update(id) { $0.step = .revealed }
        guard let execution = executions[id] else {
            stats.unknownLeases += 1
            return
        }
        switch execution.phase {
        case .revealing, .claiming:
            deadlines.cancel(TimerID(kind: .submitRetry, lease: id))
            record(.revealed, id, into: &effects)
            enter(.revealed, id, into: &effects)
        default: stats.unknownLeases += 1
        }
    }

    /// Winners serve their body for `retainSeconds`, others for an hour (`ledger.md` 8.5).
    mutating func settle(_ id: LeaseID, _ verdict: LeaseVerdict, into effects: inout [Effect]) {
        guard let execution = executions[id] else {
            stats.unknownLeases += 1
            return
        }
        record(.settled(verdict), id, into: &effects)
        let seconds = verdict == .won ? max(execution.terms.spec.retainSeconds, 86_400) : 3_600
        for blob in execution.claim?.blobs ?? [] {
            effects.append(.pin(blob, .served, until: now + Interval.seconds(Int64(seconds))))
        }
        effects.append(.notify(.state(id, verdict == .won ? .won : .lost)))
        close(id, into: &effects)
    }
}
