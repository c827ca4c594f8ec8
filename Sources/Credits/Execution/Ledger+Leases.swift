import Basis
public import Records
public import Trust
import Verdict

// What workers write about their leases (`ledger.md` 6.3 and 8.4).
extension Ledger {
    mutating func applyLease(_ entry: Entry, _ key: LeaseKey) throws(OutcomeCode) {
        try checkLease(entry, key)
        switch entry.body {
        case .commit(let hash): commit(key, hash)
        case .reveal(_, let result): reveal(key, result)
        case .decline(let reason): decline(key, reason)
        default: unreachable("\(entry.kind) is no lease entry")
        }
    }

    /// Whether the entry would be accepted on the state as it is.
    func checkLease(_ entry: Entry, _ key: LeaseKey) throws(OutcomeCode) {
        guard let lease = leases[key], let job = jobs[key.job], lease.account == entry.account else {
            throw .notLeased
        }
        switch entry.body {
        case .commit:
            if !lease.commitHash.isZero { throw .duplicate }
            guard lease.state == .active, let spec = job.spec else { throw .lateEntry }
            if spec.isDirect { throw .notAllowed }
        case .reveal(let salt, let result):
            try checkReveal(entry, key, lease, job, salt, result)
        case .decline:
            if lease.state != .active { throw .lateEntry }
        default: unreachable("\(entry.kind) is no lease entry")
        }
    }

    private func checkReveal(
        _ entry: Entry, _ key: LeaseKey, _ lease: LeaseRecord, _ job: JobRecord, _ salt: Digest,
        _ result: ReplicaResult
    ) throws(OutcomeCode) {
        switch lease.state {
        case .expired, .declined, .released, .noReveal: throw .lateEntry
        case .active, .committed, .revealed, .won, .lost: break
        }
        // An ended job keeps no spec to check against.
        guard let spec = job.spec else { throw .wrongState }
        if spec.isDirect {
            guard salt.isZero, entry.signature != nil else { throw .badOpening }
        } else {
            let opened = result.commitHash(
                network: network, job: key.job, lease: key.index, account: lease.account, salt: salt,
                hashing: hashing)
            guard !lease.commitHash.isZero, opened == lease.commitHash else { throw .badOpening }
        }
        guard ResultRules.accept(result, spec: spec, hashing: hashing) else { throw .badResult }
        switch lease.state {
        case .active: if !spec.isDirect { throw .badOpening }
        case .committed: if job.state != .revealing { throw .wrongState }
        default: throw .wrongState
        }
    }

    private mutating func commit(_ key: LeaseKey, _ hash: Digest) {
        guard var job = jobs[key.job] else { unreachable("commit to no job") }
        freeSlot(key)
        leases.update(key) {
            $0.state = .committed
            $0.commitHash = hash
        }
        events.append(.committed(job: key.job, lease: key.index))
        let counts = counts(key.job, job)
        guard counts.committed + counts.revealed >= Int(job.q) else { return }
        if counts.active == 0 {
            openReveals(key.job, &job)
        } else {
            setDraw(key.job, &job, nil)
        }
        jobs.set(key.job, job)
    }

    private mutating func reveal(_ key: LeaseKey, _ result: ReplicaResult) {
        guard var job = jobs[key.job] else { unreachable("reveal to no job") }
        freeSlot(key)
        leases.update(key) {
            $0.state = .revealed
            $0.result = result
        }
        events.append(
            .revealed(
                job: key.job, lease: key.index, compareHash: result.compareHash, bodyHash: result.bodyHash))
        if counts(key.job, job).committed == 0 {
            evaluate(key.job, &job)
            jobs.set(key.job, job)
        }
    }

    private mutating func decline(_ key: LeaseKey, _ reason: Entry.DeclineReason) {
        guard let lease = leases[key], let job = jobs[key.job], let spec = job.spec else {
            unreachable("decline of no lease")
        }
        endLease(key, .declined, reason: reason)
        if reason == .cannotRun || reason == .policy { countFailure(lease.account, spec) }
        leaseWasLost(key.job)
    }

    /// Rows "a lease ends unfulfilled" of 8.3.
    mutating func leaseWasLost(_ id: JobID) {
        guard var job = jobs[id] else { unreachable("lost lease of no job") }
        if ownersWithoutInput(id, job) >= max(2, Int(job.q)) {
            refund(id, &job, .inputUnavailable)
            return
        }
        let counts = counts(id, job)
        if counts.committed + counts.revealed < Int(job.q) {
            need(Int(job.r) - counts.all, id, &job)
        } else if counts.active > 0 {
            setDraw(id, &job, nil)
        } else if counts.committed > 0 {
            openReveals(id, &job)
        } else {
            evaluate(id, &job)
        }
        jobs.set(id, job)
    }

    private func ownersWithoutInput(_ id: JobID, _ job: JobRecord) -> Int {
        var owners: Set<PublicKey> = []
        for (_, lease) in leaseList(id, job)
        where lease.state == .declined && lease.declineReason == .inputUnavailable {
            owners.insert(lease.owner)
        }
        return owners.count
    }
}

/// The rules of `ledger.md` 8.4 for a Result, beyond its layout.
public enum ResultRules {
    /// Whether the Result keeps every rule for a job of this spec. O(inline bytes).
    public static func accept(_ result: ReplicaResult, spec: JobSpec, hashing: some Hashing) -> Bool {
        if result.bodyBytes > spec.outputBytesMax { return false }
        let (memory, overflow) = UInt64(spec.memoryMiB).multipliedReportingOverflow(by: result.wallMillis)
        if overflow || memory != result.memoryMiBMillis { return false }
        // Stage 1 knows comparator exact alone, which has no vector.
        if !result.sketch.isEmpty { return false }
        let hasInline = result.bodyBytes > 0 && result.bodyBytes <= UInt64(spec.inlineMax)
        if !hasInline { return result.inline.isEmpty }
        guard UInt64(result.inline.count) == result.bodyBytes,
            BlobTree.id(of: result.inline, hashing: hashing) == result.bodyHash
        else { return false }
        let comparator = spec.comparator
        if result.status == .completed && !comparator.isCanonicalBody(result.inline) { return false }
        do {
            let own = try comparator.compareHash(
                status: result.status.rawValue, exitCode: result.exitCode, body: result.inline, hashing: hashing)
            return own == result.compareHash
        } catch {
            return false
        }
    }
}
