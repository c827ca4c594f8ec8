public import Basis
public import Records
public import Trust
import Wire

/// The jobs submitted to this entry peer, from a manifest to a verified body (`compute.md` 8; duties of `ledger.md`
/// 8.5).
///
/// The log drives a job; the book opens it, serves it, and brings the answer home. A job is durable here before its id
/// is told or its entry sent, so whatever kills the node, one submission opens one job.
public struct JobBook: Sendable {
    public enum Input: Sendable {
        /// Once, first: the book's rows and what the ledger says of them.
        case recovered([BookRecord], [JobStanding])
        case submit(Submission, Ticket)
        /// A job whose entry a client signed itself: it is followed and served here like any other.
        case adopt(JobID, CanonicalJob, account: PublicKey, entry: [UInt8], Ticket)
        case cancel(JobID, by: PublicKey, Ticket)
        /// Every source is a blob that is stored here, in the order of the manifest's sources.
        case resolved(Ticket, [ResolvedSource])
        case resolveFailed(Ticket, ManifestIssues)
        /// Facts of the moment for deriving the ledger's spec.
        case quoted(Ticket, SpecDerivation)
        /// The manifest's blob is stored, the entry signed with the account's next nonce.
        case signed(Ticket, JobID, entry: [UInt8])
        case signFailed(Ticket, String)
        /// An event of the ledger, in order.
        case ledger(LedgerEvent)
        /// The outcome of an openJob entry that was not applied.
        case openRefused(JobID, OutcomeCode)
        /// With the ledger's `settled` event: what the canonical answer says.
        case settled(JobID, Settlement)
        /// The blob is stored and its id was checked.
        case fetched(Ticket, BlobID)
        case fetchFailed(Ticket, BlobID)
        case persisted(Ticket)
        case persistFailed(Ticket)
        case timeout
    }

    public enum Effect: Sendable, Equatable {
        case reply(Ticket, SubmitReply)
        case replyCancel(Ticket, CancelReply)
        case resolve(Ticket, [SourceRef])
        case quote(Ticket, account: PublicKey, waitsForOffers: Bool)
        /// Store `manifest` durably, then sign an openJob entry of `spec`.
        case sign(Ticket, JobSpec, manifest: [UInt8], account: PublicKey)
        case persist(Ticket, BookRecord, synced: Bool)
        case forget(JobID)
        /// To f + 1 seats; repeated until executed.
        case openJob(JobID, entry: [UInt8])
        case cancelJob(JobID, account: PublicKey)
        case pin(BlobID, PinReason, until: Instant)
        case unpin(BlobID, PinReason)
        /// Fetch from winners in this order and check the id. `withFiles`: the body is a document with files; fetch
        /// the blobs that it names, too.
        case fetch(Ticket, BlobID, from: [PublicKey], withFiles: Bool)
        /// Store bytes that the reveal carried; their id was checked here.
        case store(BlobID, [UInt8])
        case notify(JobEvent)
    }

    public struct Stats: Sendable, Hashable {
        public var lateTickets = 0
        public var unknownJobs = 0
        public var wrongBodies = 0
    }

    /// Submissions between request and reply: each holds a manifest of up to 256 KiB.
    public static let submissionsMax = 256
    /// Rows in the book: 10,000 of some 2 KiB are 20 MiB.
    public static let jobsMax = 10_000
    static let openRetry = Interval.seconds(5)
    static let fetchRetry = Interval.seconds(10)

    let hashing: any Hashing
    var rng: SeededGenerator
    public internal(set) var stats = Stats()
    var jobs = SortedMap<JobID, BookedJob>()
    var pending = SortedMap<Ticket, PendingJob>()
    /// Which job, or which submission under way, a key names.
    var keys = SortedMap<Digest, KeyTarget>()
    /// What internal tickets wait for.
    var waits = SortedMap<Ticket, Wait>()
    var deadlines = DeadlineTable<TimerID>()
    /// Internal tickets have the top bit set, so that they never meet those of requests.
    var lastTicket: UInt64 = 1 << 63
    var now = Instant.zero
    var hasRecovered = false

    public init(hashing: any Hashing, seed: UInt64) {
        self.hashing = hashing
        rng = SeededGenerator(seed: seed)
    }

    public var nextDeadline: Instant? { deadlines.next }
    /// Every job of the book, by id.
    public var records: [BookRecord] { jobs.map(\.value.record) }
    public func record(_ job: JobID) -> BookRecord? { jobs[job]?.record }

    /// Requests of the shell carry tickets below 2⁶³.
    public mutating func handle(_ input: Input, now: Instant) -> [Effect] {
        invariant(now >= self.now, "time went back from \(self.now) to \(now)")
        self.now = now
        var effects: [Effect] = []
        switch input {
        case .recovered(let records, let standings):
            invariant(!hasRecovered, "recovered twice")
            hasRecovered = true
            recover(records, standings, into: &effects)
        case .submit(let submission, let ticket): submit(submission, ticket, into: &effects)
        case .adopt(let id, let job, let account, let entry, let ticket):
            adopt(id, job, account: account, entry: entry, ticket, into: &effects)
        case .cancel(let job, let account, let ticket):
            cancel(job, by: account, ticket, into: &effects)
        case .resolved(let ticket, let sources): resolved(ticket, sources, into: &effects)
        case .resolveFailed(let ticket, let issues):
            guard let request = takePending(ticket) else { break }
            refuse(request, .refused(issues), into: &effects)
        case .quoted(let ticket, let facts): quoted(ticket, facts, into: &effects)
        case .signed(let ticket, let job, let entry): signed(ticket, job, entry, into: &effects)
        case .signFailed(let ticket, let why):
            guard let request = takePending(ticket) else { break }
            refuse(request, .failed(why), into: &effects)
        case .ledger(let event): ledger(event, into: &effects)
        case .openRefused(let job, let code): openRefused(job, code, into: &effects)
        case .settled(let job, let settlement): settle(job, settlement, into: &effects)
        case .fetched(let ticket, let blob): fetched(ticket, blob, into: &effects)
        case .fetchFailed(let ticket, let blob): fetchFailed(ticket, blob, into: &effects)
        case .persisted(let ticket): persisted(ticket, into: &effects)
        case .persistFailed(let ticket): persistFailed(ticket, into: &effects)
        case .timeout: fireTimers(into: &effects)
        }
        invariant(pending.count <= Self.submissionsMax, "\(pending.count) submissions")
        return effects
    }

    // MARK: shared below

    mutating func newTicket(_ wait: Wait) -> Ticket {
        lastTicket += 1
        let ticket = Ticket(lastTicket)
        waits[ticket] = wait
        return ticket
    }

    /// The submission that waits for an internal ticket.
    mutating func takePending(_ ticket: Ticket) -> Ticket? {
        guard case .submission(let request)? = waits.remove(ticket), pending.contains(request)
        else {
            stats.lateTickets += 1
            return nil
        }
        return request
    }

    /// Changes a job, writes its row, and tells the feed when its state changed.
    mutating func change(
        _ job: JobID, into effects: inout [Effect], _ body: (inout BookRecord) -> Void
    ) {
        guard let before = jobs[job]?.record else { return }
        jobs.update(job) { body(&$0.record) }
        guard let after = jobs[job]?.record, after != before else { return }
        invariant(!before.state.isEnded || after.state == before.state, "\(job) ended twice")
        effects.append(.persist(newTicket(.row), after, synced: false))
        if after.state != before.state {
            effects.append(.notify(.state(job, after.state, after.code)))
            if after.state.isEnded { ended(job, after, into: &effects) }
        }
    }

    /// Timers of an open job stop; the row is kept as long as its results.
    mutating func ended(_ job: JobID, _ record: BookRecord, into effects: inout [Effect]) {
        for kind in TimerID.Kind.allCases { deadlines.cancel(TimerID(kind: kind, job: job)) }
        let keep = Interval.nanoseconds(Int64(record.canonical.purchase.keepResultsNanoseconds))
        deadlines.set(TimerID(kind: .keep, job: job), at: now + keep)
        for blob in record.canonical.work.blobs { effects.append(.unpin(blob.id, .job)) }
    }
}

extension JobBook {
    enum Wait: Sendable, Hashable {
        /// Named by the ticket of the request.
        case submission(Ticket)
        case fetch(JobID)
        /// The row of an adopted job, asked for by the ticket.
        case adopted(JobID, Ticket)
        /// A row that nobody waits for.
        case row
    }

    enum KeyTarget: Sendable, Hashable {
        case underway(Ticket)
        case job(JobID)
    }

    struct TimerID: Sendable, Hashable, Comparable {
        enum Kind: UInt8, CaseIterable, Comparable {
            case open, queue, fetch, keep, cancel
            static func < (a: Kind, b: Kind) -> Bool { a.rawValue < b.rawValue }
        }
        var kind: Kind
        var job: JobID
        static func < (a: TimerID, b: TimerID) -> Bool {
            a.kind != b.kind ? a.kind < b.kind : a.job < b.job
        }
    }

    /// A submission that has no job yet.
    struct PendingJob: Sendable {
        enum Step: Sendable {
            case resolving
            case quoting([ResolvedSource])
            case signing(CanonicalJob, isUnverified: Bool)
            case persisting(JobID)
        }
        var submission: Submission
        var key: Digest
        var content: Digest
        /// Later requests with the same key and content, answered together.
        var followers: [Ticket] = []
        var step = Step.resolving
    }

    struct BookedJob: Sendable {
        var record: BookRecord
        /// Written, so that its id may be told and its entry sent.
        var isDurable: Bool
        var hasBeenDrawn = false
        var hasCommit = false
    }
}
