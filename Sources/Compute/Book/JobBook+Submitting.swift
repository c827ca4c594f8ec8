import Basis
import Records
import Trust
import Wire

/// From a manifest to a durable, signed entry.
extension JobBook {
    mutating func submit(_ submission: Submission, _ ticket: Ticket, into effects: inout [Effect]) {
        let key = keyDigest(submission)
        let content = contentDigest(submission)
        if !key.isZero, let target = keys[key] {
            answerKnown(target, content, ticket, into: &effects)
            return
        }
        guard pending.count < Self.submissionsMax, jobs.count < Self.jobsMax,
            submission.idempotencyKey.map({ $0.count <= Submission.keyBytesMax }) ?? true
        else {
            effects.append(.reply(ticket, .busy))
            return
        }
        pending[ticket] = PendingJob(submission: submission, key: key, content: content)
        if !key.isZero { keys[key] = .underway(ticket) }
        effects.append(.resolve(newTicket(.submission(ticket)), submission.manifest.sources))
    }

    /// Same account and key: the first job, or none if the job asked for is another one.
    mutating func answerKnown(
        _ target: KeyTarget, _ content: Digest, _ ticket: Ticket, into effects: inout [Effect]
    ) {
        switch target {
        case .underway(let first):
            guard let standing = pending[first] else { unreachable("key of no submission") }
            if standing.content != content || standing.followers.count >= Self.submissionsMax {
                effects.append(.reply(ticket, .busy))
            } else {
                pending.update(first) { $0.followers.append(ticket) }
            }
        case .job(let job):
            guard let record = jobs[job]?.record else { unreachable("key of no job") }
            if record.content == content {
                effects.append(
                    .reply(
                        ticket, .accepted(job, wasKnown: true, isUnverified: record.isUnverified)))
            } else {
                effects.append(.reply(ticket, .conflict(job)))
            }
        }
    }

    func keyDigest(_ submission: Submission) -> Digest {
        guard let key = submission.idempotencyKey else { return .zero }
        return hashing.hash("peernode/idempotency/v1") {
            $0.value(submission.account)
            $0.bytes(key)
        }
    }

    /// What was asked for, before files were read: the draft and where its sources are.
    func contentDigest(_ submission: Submission) -> Digest {
        hashing.hash("peernode/submission/v1") {
            $0.value(submission.manifest.draft)
            $0.bool(submission.manifest.replicasAreAuto)
            $0.list(submission.manifest.sources) { writer, source in
                writer.text(source.pointer)
                switch source.kind {
                case .bytes(let bytes): writer.bytes(bytes)
                case .file(let path), .folder(let path): writer.text(path)
                case .blob(let id), .tree(let id): writer.value(id)
                case .url(_, let hash): writer.bytes32(hash)
                case .account(let peer): writer.value(peer)
                }
            }
        }
    }

    mutating func resolved(
        _ ticket: Ticket, _ sources: [ResolvedSource], into effects: inout [Effect]
    ) {
        guard let request = takePending(ticket), let submission = pending[request]?.submission
        else {
            return
        }
        pending.update(request) { $0.step = .quoting(sources) }
        effects.append(
            .quote(
                newTicket(.submission(request)), account: submission.account,
                waitsForOffers: submission.waitsForOffers))
    }

    /// Fixes replicas and rates, and asks for a signature.
    mutating func quoted(
        _ ticket: Ticket, _ facts: SpecDerivation, into effects: inout [Effect]
    ) {
        guard let request = takePending(ticket), let job = pending[request],
            case .quoting(let sources) = job.step
        else { return }
        let manifest = job.submission.manifest
        do throws(ManifestIssues) {
            let plenty = try manifest.canonical(sources, isAlone: false).get()
            let isAlone = manifest.replicasAreAuto && facts.isAlone(plenty, hashing: hashing)
            let canonical = isAlone ? try manifest.canonical(sources, isAlone: true).get() : plenty
            let spec = try facts.spec(canonical, wasAuto: isAlone, hashing: hashing).get()
            let isUnverified = canonical.purchase.replicas == 1
            pending.update(request) { $0.step = .signing(canonical, isUnverified: isUnverified) }
            effects.append(
                .sign(
                    newTicket(.submission(request)), spec, manifest: canonical.encoded,
                    account: job.submission.account))
        } catch {
            refuse(request, .refused(error), into: &effects)
        }
    }

    /// The job has its id; it is told to nobody before its row is on the disk.
    mutating func signed(
        _ ticket: Ticket, _ id: JobID, _ entry: [UInt8], into effects: inout [Effect]
    ) {
        guard let request = takePending(ticket), let job = pending[request],
            case .signing(let canonical, let isUnverified) = job.step
        else { return }
        invariant(jobs[id] == nil, "two entries of job \(id)")
        let record = BookRecord(
            job: id, account: job.submission.account, key: job.key, content: job.content,
            entry: entry, canonical: canonical, isUnverified: isUnverified, state: .funding,
            code: nil, isCancelAsked: false, settlement: nil, hasResult: false)
        jobs[id] = BookedJob(record: record, isDurable: false)
        pending.update(request) { $0.step = .persisting(id) }
        effects.append(.persist(newTicket(.submission(request)), record, synced: true))
    }

    /// Takes over a job that a client signed. It is on its way once its row is on the disk.
    mutating func adopt(
        _ id: JobID, _ job: CanonicalJob, account: PublicKey, entry: [UInt8], _ ticket: Ticket,
        into effects: inout [Effect]
    ) {
        let isUnverified = job.purchase.replicas == 1
        guard jobs[id] == nil else {
            effects.append(
                .reply(ticket, .accepted(id, wasKnown: true, isUnverified: isUnverified)))
            return
        }
        guard jobs.count < Self.jobsMax, entry.count <= BookRecord.entryBytesMax else {
            effects.append(.reply(ticket, .busy))
            return
        }
        let record = BookRecord(
            job: id, account: account, key: .zero, content: .zero, entry: entry, canonical: job,
            isUnverified: isUnverified, state: .funding, code: nil, isCancelAsked: false,
            settlement: nil, hasResult: false)
        jobs[id] = BookedJob(record: record, isDurable: false)
        effects.append(.persist(newTicket(.adopted(id, ticket)), record, synced: true))
    }

    mutating func persisted(_ ticket: Ticket, into effects: inout [Effect]) {
        switch waits[ticket] {
        case .row?: waits.remove(ticket)
        case .adopted(let id, let request)?:
            waits.remove(ticket)
            begin(id, askers: [request], into: &effects)
        default:
            guard let request = takePending(ticket), let job = pending.remove(request),
                case .persisting(let id) = job.step
            else { return }
            if !job.key.isZero { keys[job.key] = .job(id) }
            begin(id, askers: [request] + job.followers, into: &effects)
        }
    }

    /// The job is durable: its id may be told and its entry sent.
    mutating func begin(_ id: JobID, askers: [Ticket], into effects: inout [Effect]) {
        jobs.update(id) { $0.isDurable = true }
        guard let record = jobs[id]?.record else { unreachable("persisted job \(id) is gone") }
        for blob in record.canonical.work.blobs {
            effects.append(.pin(blob.id, .job, until: .distantFuture))
        }
        for (i, asker) in askers.enumerated() {
            effects.append(
                .reply(asker, .accepted(id, wasKnown: i > 0, isUnverified: record.isUnverified)))
        }
        effects.append(.notify(.state(id, record.state, record.code)))
        open(id, into: &effects)
    }

    mutating func persistFailed(_ ticket: Ticket, into effects: inout [Effect]) {
        let why = SubmitReply.failed("the job cannot be written to the disk")
        switch waits[ticket] {
        case .row?: waits.remove(ticket)
        case .adopted(let id, let request)?:
            waits.remove(ticket)
            jobs[id] = nil
            effects.append(.reply(request, why))
        default:
            guard let request = takePending(ticket) else { return }
            if case .persisting(let id)? = pending[request]?.step { jobs[id] = nil }
            refuse(request, why, into: &effects)
        }
    }

    /// Ends a submission without a job; its key is free again.
    mutating func refuse(_ request: Ticket, _ reply: SubmitReply, into effects: inout [Effect]) {
        guard let job = pending.remove(request) else { return }
        if !job.key.isZero { keys[job.key] = nil }
        for asker in [request] + job.followers { effects.append(.reply(asker, reply)) }
    }

    /// Sends the entry, and again until the ledger has it.
    mutating func open(_ id: JobID, into effects: inout [Effect]) {
        guard let job = jobs[id], job.isDurable, job.record.state == .funding else { return }
        effects.append(.openJob(id, entry: job.record.entry))
        let again = now + Self.openRetry.jittered(percent: 20, using: &rng)
        deadlines.set(TimerID(kind: .open, job: id), at: again)
    }
}
