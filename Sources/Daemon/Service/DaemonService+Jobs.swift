import Wire
import Loop
public import API
import Basis
import Compute
import Credits
import NodeCore
import Records
import Storage
import Trust
import Verdict

extension DaemonService {
    public func submitJob(_ submission: API.Submission) async throws(Problem) -> JobDocument {
        let reading = JobManifests.read(submission.manifest, submission.form)
        guard let manifest = reading.manifest else {
            throw JobManifests.problem(reading.issues)
        }
        let account = try await node.withLedger { (scene) throws(Problem) in
            if scene.ledger.account(scene.log.account)?.isAdmitted != true {
                throw Problem(
                    .notAdmitted, "\(IDs.account(scene.log.account)) is not admitted to \(scene.ledger.genesis.name)")
            }
            return scene.log.account
        }
        // The book takes keys of at most 64 bytes; the hash of a longer one is as good.
        let key = submission.idempotencyKey.map { IDs.hashing.hash("peernode/api-key/v1", Array($0.utf8)).bytes }
        let reply = await node.submitJob(
            Compute.Submission(
                manifest: manifest, account: account, idempotencyKey: key, waitsForOffers: submission.allowsWait))
        switch reply {
        case .accepted(let job, _, _): return try await document(of: job).value
        case .refused(let issues): throw JobManifests.problem(issues)
        case .conflict(let job):
            throw Problem(.idempotency, "the idempotency key already names the job \(IDs.job(job)), which is another")
        case .busy: throw Problem(.overload, "too many submissions are under way", retryAfterSeconds: 1)
        case .failed(let why): throw Problem(.overload, why, retryAfterSeconds: 2)
        }
    }

    public func validateJob(_ manifest: [UInt8], _ form: ManifestForm) async throws(Problem) -> ValidationDocument {
        let reading = JobManifests.read(manifest, form)
        let notes = reading.issues.all.map { JobManifests.note($0) }
        let errors = notes.filter { !$0.code.hasPrefix("W") }
        return ValidationDocument(
            valid: reading.manifest != nil, errors: errors, warnings: notes.filter { $0.code.hasPrefix("W") },
            spec: Known(reading.manifest.map { JobManifests.value($0.draft) }), priceMicro: .null)
    }

    public func jobs(
        _ filter: JobFilter, _ slice: Slice
    ) async throws(Problem) -> Stated<Sliced<JobDocument>> {
        try await node.jobDocuments(filter, slice, self)
    }

    public func jobStats(by key: JobStatsKey) async throws(Problem) -> JobStatsDocument {
        try await node.jobStatistics(by: key)
    }

    public func job(_ id: String, wait: Wait?) async throws(Problem) -> Stated<JobDocument> {
        let job = try await jobID(id)
        guard let wait else { return try await document(of: job) }
        let deadline = node.loop.now + .milliseconds(min(wait.milliseconds, 60_000))
        return try await node.wait(until: deadline) { () async throws(Problem) in
            try await self.document(of: job)
        } isReached: {
            $0.value.state.isEnd || $0.value.state.rawValue == wait.until
        }
    }

    public func cancelJob(_ id: String) async throws(Problem) -> JobDocument {
        let job = try await jobID(id)
        switch await node.cancelJob(job) {
        case .underway: return try await document(of: job).value
        case .notFound:
            throw Problem(
                .refused, "job \(IDs.job(job)) was not submitted through this node, which can only cancel its own")
        case .notAllowed: throw Problem(.refused, "job \(IDs.job(job)) belongs to another account")
        case .tooLate(.cancelled): return try await document(of: job).value
        case .tooLate(let state):
            throw Problem(
                .tooLate, "job \(IDs.job(job)) is \(state.word): a job can be cancelled up to its first commit")
        }
    }

    public func manifest(_ id: String) async throws(Problem) -> API.JSONValue {
        let job = try await jobID(id)
        if let booked = await node.booked(job) { return JobManifests.value(booked.canonical) }
        let spec = try await node.withLedger { (scene) throws(Problem) in scene.reader.job(job)?.spec }
        guard let spec else { throw IDs.notFound("manifest of job", IDs.job(job)) }
        let holders = await node.linkedPeers()
        guard await node.fetch(spec.manifest, from: holders),
            let bytes = try? await parts.blobs.perform({ (blobs) throws(BlobError) in try blobs.bytes(spec.manifest) }
            ),
            let canonical = try? CanonicalJob.decoded(bytes)
        else { throw Problem(.gone, "no linked peer holds the manifest of job \(IDs.job(job)) any more") }
        return JobManifests.value(canonical)
    }

    public func replicas(_ id: String) async throws(Problem) -> Stated<[ReplicaDocument]> {
        let job = try await jobID(id)
        return try await node.replicaDocuments(of: job)
    }

    public func decision(_ id: String) async throws(Problem) -> Stated<DecisionDocument> {
        let job = try await jobID(id)
        return try await node.stated { (scene) throws(Problem) in
            let rounds = scene.reader.jobEvents(job).compactMap { placed -> DecisionDocument.Round? in
                guard case .drawn(let drawn) = placed.event else { return nil }
                return JobTexts.round(drawn)
            }
            if rounds.isEmpty {
                throw Problem(.noResultYet, "no replica of job \(IDs.job(job)) was drawn yet", retryAfterSeconds: 1)
            }
            return DecisionDocument(job: IDs.job(job), rounds: rounds)
        }
    }

    /// The receipt's file holds everything that an auditor needs of a settled job (`ledger.md` 16, stage 1).
    public func evidence(_ id: String) async throws(Problem) -> [UInt8] {
        let job = try await jobID(id)
        return try await receipt(of: job).bytes
    }

    // MARK: below their use

    /// The job that `text` names: known to the ledger or submitted here.
    func jobID(_ text: String) async throws(Problem) -> JobID {
        if let raw = TextID.parse(.job, text), await node.booked(JobID(raw)) != nil { return JobID(raw) }
        return try await node.withLedger { (scene) throws(Problem) in
            JobID(try IDs.resolve(.job, text, what: "job") { scene.job(notBelow: $0) })
        }
    }

    func document(of job: JobID) async throws(Problem) -> Stated<JobDocument> {
        guard let found = try await node.jobDocument(job, self) else { throw IDs.notFound("job", IDs.job(job)) }
        return found
    }
}

extension LedgerScene {
    /// The lowest job on the log, or submitted here, that is not below `low`.
    func job(notBelow low: Bytes32) -> Bytes32? {
        let prefixes: [(Family, [UInt8])] = [(.index, [6]), (.local, Array(JobRows.key(job: .zero).prefix(2)))]
        return prefixes.compactMap { family, prefix in
            let found = rows.rows(family, prefix: prefix, from: prefix + low.bytes, limit: 1, descending: false)
            return found.first.flatMap { Bytes32(Array($0.key.dropFirst(prefix.count).prefix(32))) }
        }.min()
    }
}

extension JobState {
    /// Whether it will not change any more.
    var isEnd: Bool {
        switch self {
        case .completed, .failed, .cancelled, .expired: true
        default: false
        }
    }
}

extension NodeActor {
    /// A job as it stands here; nil if neither the ledger nor the book knows it.
    func jobDocument(_ job: JobID, _ service: DaemonService) throws(Problem) -> Stated<JobDocument>? {
        guard let log = core.log else { throw ServiceProblems.noLedger }
        let scene = LedgerScene(log: log, store: parts.store)
        let booked = core.booked(job)
        guard let story = scene.reader.job(job) else {
            guard let booked else { return nil }
            return Stated(JobTexts.funding(booked, scene), height: scene.height)
        }
        let receipt = (try? parts.store.get(.local, LocalRows.receipt(job))).flatMap { $0 }
            .flatMap { Bytes32(Array($0.prefix(32))) }
        // The slowest replica that runs: the job is not further than that.
        let progress = story.leases.indices.filter { story.leases[$0].state == .active }
            .compactMap { view(LeaseID(job: job, index: UInt16($0))).map { Int($0.perMille) } }.min()
        var document = JobTexts.document(story, booked, scene, receipt: receipt, progress: progress)
        if case .value(let reason)? = document.reason, reason.code == "tooFewOwners",
            let others = log.ledger.explainDraw(of: job)?.removed, !others.isEmpty
        {
            let words = others.map { "\($0.offers) \($0.rule.words)" }.joined(separator: ", ")
            document.reason = .value(.init(code: reason.code, text: "\(reason.text); of the other offers \(words)"))
        }
        if case .value(EndCode.noAgreement.word)? = document.code,
            let text = JobTexts.disagreement(story, { self.core.revealedBody(LeaseID(job: job, index: $0)) })
        {
            document.reason = .value(.init(code: EndCode.noAgreement.word, text: text))
        }
        return Stated(document, height: scene.height)
    }

    func replicaDocuments(of job: JobID) throws(Problem) -> Stated<[ReplicaDocument]> {
        guard let log = core.log else { throw ServiceProblems.noLedger }
        let scene = LedgerScene(log: log, store: parts.store)
        guard let story = scene.reader.job(job) else {
            if core.booked(job) != nil { return Stated([], height: scene.height) }
            throw IDs.notFound("job", IDs.job(job))
        }
        return Stated(ReplicaTexts.documents(story) { self.view(LeaseID(job: job, index: $0)) }, height: scene.height)
    }

    /// How far a lease is, here or as its worker says.
    func view(_ lease: LeaseID) -> WorkView? { work[lease] ?? distantWork[lease] }

    func jobDocuments(
        _ filter: JobFilter, _ slice: Slice, _ service: DaemonService
    ) throws(Problem) -> Stated<Sliced<JobDocument>> {
        guard let log = core.log else { throw ServiceProblems.noLedger }
        let scene = LedgerScene(log: log, store: parts.store)
        var found: [JobID] = []
        var after = slice.after.flatMap { TextID.bytes(base32: $0) }
        var items: [JobDocument] = []
        let owner = try filter.owner.flatMap { (text) throws(Problem) in
            text == "all" ? nil : try IDs.account(text, own: log.account)
        }
        if slice.after == nil, owner == log.account {
            // Jobs that no block holds yet stand before all others.
            for booked in bookedJobs() where scene.ledger.job(booked.job) == nil && booked.state == .funding {
                let document = JobTexts.funding(booked, scene)
                if filter.admits(document) { items.append(document) }
            }
        }
        while true {
            (found, after) = page(scene, owner: owner, filter: filter, after: after)
            for (index, job) in found.enumerated() {
                guard let document = try jobDocument(job, service)?.value, filter.admits(document) else { continue }
                items.append(document)
                if items.count >= slice.limit, index + 1 < found.count || after != nil {
                    return Stated(Sliced(items, next: cursor(scene, owner, filter, job)), height: scene.height)
                }
            }
            if after == nil { return Stated(Sliced(items), height: scene.height) }
        }
    }

    func bookedJobs() -> [BookRecord] {
        let rows = (try? parts.store.scan(.local, prefix: [JobRows.bookPrefix])) ?? []
        return rows.compactMap { try? BookRecord(decoding: $0.value) }
    }

    /// The next part of the list of jobs: of an owner newest first, of everybody by id.
    private func page(
        _ scene: LedgerScene, owner: PublicKey?, filter: JobFilter, after: [UInt8]?
    ) -> ([JobID], [UInt8]?) {
        if let owner {
            let page = scene.reader.submitted(by: owner, after: after, limit: 100)
            return (page.items, page.next)
        }
        let page = scene.ledger.jobPage(after: after.flatMap { JobID($0) }, limit: 100)
        return (page.items.map(\.id), page.next?.bytes)
    }

    /// The cursor behind `job`.
    private func cursor(_ scene: LedgerScene, _ owner: PublicKey?, _ filter: JobFilter, _ job: JobID) -> String? {
        guard let owner else { return TextID.base32(job.bytes) }
        guard let opened = scene.reader.jobEvents(job).first?.height else { return nil }
        let key = IndexRows.submitterPrefix(owner) + IndexRows.place(opened, 0).prefix(8) + job.bytes
        return TextID.base32(key)
    }

    func jobStatistics(by key: JobStatsKey) throws(Problem) -> JobStatsDocument {
        guard let log = core.log else { throw ServiceProblems.noLedger }
        let scene = LedgerScene(log: log, store: parts.store)
        var counts = SortedMap<String, Int>()
        for (id, record) in log.ledger.jobList {
            switch key {
            case .state:
                guard let story = scene.reader.job(id) else { continue }
                counts[JobTexts.state(story, core.booked(id)).0.rawValue, default: 0] += 1
            case .worker:
                for (_, lease) in log.ledger.leaseList(of: id) { counts[IDs.account(lease.account), default: 0] += 1 }
            case .label(let name):
                guard record.submitter == log.account, let booked = core.booked(id) else { continue }
                for label in booked.canonical.purchase.labels where label.key == name {
                    counts[label.value, default: 0] += 1
                }
            }
        }
        let by: String
        switch key {
        case .state: by = "state"
        case .worker: by = "worker"
        case .label(let name): by = "label:" + name
        }
        return JobStatsDocument(by: by, counts: counts.map { .init(key: $0.key, count: $0.value) })
    }
}

extension JobFilter {
    /// Whether a job passes; its owner was asked before.
    func admits(_ job: JobDocument) -> Bool {
        if !states.isEmpty, !states.contains(job.state) { return false }
        if let name, job.name?.value != name { return false }
        if let since, let at = job.times.submittedAt, at < since { return false }
        return labels.allSatisfy { job.labels[$0.key] == $0.value }
    }
}
