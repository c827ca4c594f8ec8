public import Basis
public import Records
public import Trust

/// This worker's leases, from grant to settlement (`compute.md` 5, 8; duties of `ledger.md` 8.5).
///
/// Ledger facts come in, journal records, run orders and entries go out. Two promises carry everything: nothing starts
/// before `received` is on the disk, and nothing of a claim leaves before `sealed` is. So a lease never has two claims,
/// whatever kills the node.
public struct WorkerDesk: Sendable {
    public enum Input: Sendable {
        /// Once, first: the journal, this worker's leases by the ledger, and the ledger clock (ms).
        case recovered([DeskRecord], [LeaseStanding], clock: UInt64)
        case leaseGranted(LeaseStanding)
        case leaseRevoked(LeaseID, LeaseEnding)
        case ledgerAdvanced(clock: UInt64)
        /// Bytes of a job's manifest blob; checked against its id here.
        case specArrived(JobID, [UInt8])
        case specFailed(JobID, String)
        case staged(Ticket, StagePlan)
        case stageFailed(Ticket, RunEndReason)
        case run(RunID, RunnerEvent)
        /// The salt is 32 random bytes of the shell: it must be secret.
        case sealed(Ticket, SealedOutputs, salt: Digest)
        case sealFailed(Ticket, RunEndReason)
        case blobsChecked(Ticket, areWhole: Bool)
        /// Our commit, our reveal was executed.
        case committed(LeaseID)
        case revealed(LeaseID)
        case commitsClosed(LeaseID)
        case settled(LeaseID, LeaseVerdict)
        case capability(CapabilitySummary)
        case policy(OwnerPolicy.Decision)
        case settings(OwnerSettings)
        case owner(OwnerOrder)
        case persisted(Ticket)
        case persistFailed(Ticket)
        case timeout
    }

    public enum Effect: Sendable, Equatable {
        case journal(Ticket, DeskRecord, synced: Bool)
        /// Drop the lease's journal; need not be synced.
        case forget(LeaseID)
        /// Fetch the manifest blob: entry peer first, then holders, then anybody.
        case fetchSpec(JobID, BlobID, from: [PublicKey])
        /// Fetch every blob of the job and place what `Staging` names.
        case stage(Ticket, LeaseID, CanonicalJob, from: [PublicKey])
        /// Ends a stage that is under way, too.
        case unstage(LeaseID)
        case start(RunID, LeaseID, RunFrame)
        case order(RunID, RunnerOrder)
        case seal(Ticket, LeaseID, SealOrder)
        case checkBlobs(Ticket, [BlobID])
        case commit(LeaseID, hash: Digest)
        /// Signed if `isDirect`.
        case reveal(LeaseID, ReplicaResult, salt: Digest, isDirect: Bool)
        case decline(LeaseID, Entry.DeclineReason, [ReasonCode])
        case handBack(LeaseID, Entry.DeclineReason, RunEndReason)
        case pin(BlobID, PinReason, until: Instant)
        case unpin(BlobID, PinReason)
        /// Only after the reveal is due: before it a blob of a claim answers `notFound`.
        case publish([BlobID])
        case offer(OfferDraft)
        case withdrawOffer(slotClass: UInt8)
        case probeSandbox
        case notify(WorkerEvent)
    }

    /// What the shell needs to make a claim's blobs of a run that ended.
    public struct SealOrder: Sendable, Hashable {
        public var run: RunID
        public var job: CanonicalJob
        public var frame: RunFrame
        public var end: RunEnd
        public var capability: RuntimeCapability
        public var isolation: IsolationLevel
        public var attempt: UInt8
        /// Bodies up to this are carried by the reveal.
        public var inlineMax: UInt16
        public var fetchedBytes: UInt64
    }

    /// Inputs that named nothing we know: late answers, ended leases. One counter each.
    public struct Stats: Sendable, Hashable {
        public var lateTickets = 0
        public var unknownRuns = 0
        public var unknownLeases = 0
        public var specMismatches = 0
        public var journalFailures = 0
    }

    public let network: NetworkID
    /// The account whose leases these are.
    public let account: PublicKey
    let hashing: any Hashing
    var rng: SeededGenerator
    public internal(set) var settings: OwnerSettings
    public internal(set) var capability: CapabilitySummary?
    var decision: OwnerPolicy.Decision = .run
    var isPausedByOwner = false
    var isDrainingByOwner = false
    /// Offers are withdrawn until the sandbox was probed again.
    var isSandboxSuspect = false
    var sandboxFailuresInRow = 0
    var offered: OfferDraft?
    public internal(set) var stats = Stats()

    var executions = SortedMap<LeaseID, Execution>()
    var runs: [RunID: LeaseID] = [:]
    var tickets: [Ticket: LeaseID] = [:]
    var deadlines = DeadlineTable<TimerID>()
    var lastTicket: UInt64 = 0
    var lastRun: UInt64 = 0
    var arrivals: UInt64 = 0
    var clock: UInt64 = 0
    var now = Instant.zero
    var hasRecovered = false

    /// How long a paused execution is kept before it is handed back (`compute.md` 5.6).
    static let pauseMax = Interval.seconds(60)
    /// Between two tries to fetch a manifest or stage inputs.
    static let fetchRetry = Interval.seconds(2)
    /// Between two submissions of the same lease entry, until it was executed or the lease ended.
    static let submitRetry = Interval.seconds(5)
    /// An offer stands at most 24 h; renewed after half of it.
    static let offerRenewal = Interval.seconds(12 * 3_600)
    /// After a crash this must be left of the lease beyond the run (`compute.md` 5.2).
    static let restartSlackMillis: UInt64 = 10_000
    static let sandboxFailuresMax = 3

    public init(
        network: NetworkID, account: PublicKey, settings: OwnerSettings, hashing: any Hashing,
        seed: UInt64
    ) {
        self.network = network
        self.account = account
        self.settings = settings
        self.hashing = hashing
        rng = SeededGenerator(seed: seed)
    }

    public var nextDeadline: Instant? { deadlines.next }
    /// Leases under way, for `status`.
    public var leases: [(id: LeaseID, state: WorkerEvent.State)] {
        executions.map { ($0.key, $0.value.phase.state) }
    }
    /// What executions in slots have reserved.
    public var reserved: Reservation {
        var sum = Reservation()
        for (_, execution) in executions where execution.phase.holdsSlot {
            if let work = execution.job?.work { sum = sum + Reservation.of(work) }
        }
        return sum
    }

    /// Whether new leases are taken now, and why not.
    var effectiveDecision: OwnerPolicy.Decision {
        var reasons: [ReasonCode] = []
        if isPausedByOwner { reasons.append(.userPaused) }
        if isDrainingByOwner { reasons.append(.draining) }
        switch decision {
        case .run: break
        case .pause(let why): return .pause((reasons + why).sorted())
        case .drain(let why): reasons += why
        }
        if isPausedByOwner { return .pause(reasons.sorted()) }
        return reasons.isEmpty ? .run : .drain(reasons.sorted())
    }

    var isPaused: Bool {
        if case .pause = effectiveDecision { true } else { false }
    }

    public mutating func handle(_ input: Input, now: Instant) -> [Effect] {
        invariant(now >= self.now, "time went back from \(self.now) to \(now)")
        self.now = now
        var effects: [Effect] = []
        switch input {
        case .recovered(let records, let standings, let clock):
            invariant(!hasRecovered, "recovered twice")
            hasRecovered = true
            self.clock = clock
            recover(records, standings, into: &effects)
        case .leaseGranted(let standing): grant(standing, into: &effects)
        case .leaseRevoked(let id, let ending): revoke(id, ending, into: &effects)
        case .ledgerAdvanced(let clock): self.clock = max(self.clock, clock)
        case .specArrived(let job, let bytes): specArrived(job, bytes, into: &effects)
        case .specFailed(let job, _): specFailed(job, into: &effects)
        case .staged(let ticket, let plan): staged(ticket, plan, into: &effects)
        case .stageFailed(let ticket, let reason): stageFailed(ticket, reason, into: &effects)
        case .run(let run, let event): runEvent(run, event, into: &effects)
        case .sealed(let ticket, let outputs, let salt):
            sealed(ticket, outputs, salt: salt, into: &effects)
        case .sealFailed(let ticket, let reason): sealFailed(ticket, reason, into: &effects)
        case .blobsChecked(let ticket, let areWhole): blobsChecked(ticket, areWhole, into: &effects)
        case .committed(let id): commitExecuted(id, into: &effects)
        case .revealed(let id): revealExecuted(id, into: &effects)
        case .commitsClosed(let id): commitsClosed(id, into: &effects)
        case .settled(let id, let verdict): settle(id, verdict, into: &effects)
        case .capability(let summary):
            capability = summary
            isSandboxSuspect = false
            sandboxFailuresInRow = 0
            judgeWaiting(into: &effects)
            refreshOffer(into: &effects)
        case .policy(let decision): change(into: &effects) { $0.decision = decision }
        case .settings(let settings): change(into: &effects) { $0.settings = settings }
        case .owner(let order): obey(order, into: &effects)
        case .persisted(let ticket): persisted(ticket, into: &effects)
        case .persistFailed(let ticket): persistFailed(ticket, into: &effects)
        case .timeout: fireTimers(into: &effects)
        }
        startWaiting(into: &effects)
        invariant(
            executions.count <= ComputeLimits.slotsMax + ComputeLimits.executionsQueuedMax,
            "\(executions.count) executions")
        return effects
    }

    // MARK: shared below

    mutating func newTicket(_ id: LeaseID) -> Ticket {
        lastTicket += 1
        let ticket = Ticket(lastTicket)
        tickets[ticket] = id
        return ticket
    }

    /// The lease whose phase waits for this ticket in this way; counted if none does.
    mutating func take(_ ticket: Ticket, _ isAwaited: (Execution.Phase) -> Bool) -> LeaseID? {
        guard let id = tickets[ticket], let phase = executions[id]?.phase, phase.ticket == ticket,
            isAwaited(phase)
        else {
            stats.lateTickets += 1
            return nil
        }
        tickets[ticket] = nil
        return id
    }

    /// Writes a step into the lease's journal. Only a synced one is waited for.
    @discardableResult
    mutating func record(_ step: DeskRecord.Step, _ id: LeaseID, into effects: inout [Effect])
        -> Ticket
    {
        let ticket = newTicket(id)
        var record: DeskRecord?
        executions.update(id) { execution in
            let line = DeskRecord(
                lease: id, sequence: execution.sequence, previous: execution.chain, step: step)
            execution.sequence += 1
            record = line
        }
        guard let record else { unreachable("journal of unknown lease \(id)") }
        let chain = record.hash(hashing: hashing)
        executions.update(id) { $0.chain = chain }
        if !step.isSynced { tickets[ticket] = nil }
        effects.append(.journal(ticket, record, synced: step.isSynced))
        return ticket
    }

    mutating func enter(_ phase: Execution.Phase, _ id: LeaseID, into effects: inout [Effect]) {
        var shown: WorkerEvent.State?
        var past: Ticket?
        executions.update(id) { execution in
            if execution.phase.state != phase.state { shown = phase.state }
            past = execution.phase.ticket
            execution.phase = phase
        }
        if let past { tickets[past] = nil }
        if let shown { effects.append(.notify(.state(id, shown))) }
    }

    /// Ends the lease here: nothing of it is left but served blobs.
    mutating func close(_ id: LeaseID, into effects: inout [Effect]) {
        guard let execution = executions.remove(id) else { return }
        if let ticket = execution.phase.ticket { tickets[ticket] = nil }
        for kind in TimerID.Kind.allCases { deadlines.cancel(TimerID(kind: kind, lease: id)) }
        if execution.isStaged { effects.append(.unstage(id)) }
        for blob in execution.pinned { effects.append(.unpin(blob, .lease)) }
        for blob in execution.claim?.blobs ?? [] { effects.append(.unpin(blob, .claim)) }
        effects.append(.forget(id))
    }
}

/// A deadline of the desk.
struct TimerID: Sendable, Hashable, Comparable {
    enum Kind: UInt8, CaseIterable, Comparable {
        case fetchRetry, inputLimit, submitRetry, pauseLimit, offerRenewal
        static func < (a: Kind, b: Kind) -> Bool { a.rawValue < b.rawValue }
    }
    var kind: Kind
    var lease: LeaseID

    static let offer = TimerID(kind: .offerRenewal, lease: LeaseID(job: .zero, index: 0))
    static func < (a: TimerID, b: TimerID) -> Bool {
        a.kind != b.kind ? a.kind < b.kind : a.lease < b.lease
    }
}

/// One lease under way.
struct Execution: Sendable {
    enum Phase: Sendable {
        case fetchingSpec
        case recording(Ticket)
        case waiting
        case staging(Ticket)
        /// The last try failed; the next one is timed.
        case stagingAgain
        case ready(StagePlan)
        case running(RunID)
        /// Cancelled; waits for the runner.
        case stopping(RunID, RunEndReason)
        case sealing(Ticket)
        case recordingClaim(Ticket)
        case checking(Ticket)
        /// The commit, or the direct reveal, is on its way.
        case claiming
        case committed
        case revealing
        case revealed
        /// The decline is on its way.
        case refusing(Entry.DeclineReason)

        var ticket: Ticket? {
            switch self {
            case .recording(let ticket), .staging(let ticket), .sealing(let ticket),
                .recordingClaim(let ticket), .checking(let ticket):
                ticket
            default: nil
            }
        }

        var isRecording: Bool {
            switch self {
            case .recording, .recordingClaim: true
            default: false
            }
        }

        var isStaging: Bool { if case .staging = self { true } else { false } }
        var isSealing: Bool { if case .sealing = self { true } else { false } }
        var isChecking: Bool { if case .checking = self { true } else { false } }

        var holdsSlot: Bool {
            switch self {
            case .staging, .stagingAgain, .ready, .running, .stopping, .sealing: true
            default: false
            }
        }

        /// Whether the execution still needs the machine, so that a pause concerns it.
        var isUnfinished: Bool {
            switch self {
            case .fetchingSpec, .recording, .waiting, .staging, .stagingAgain, .ready, .running:
                true
            default: false
            }
        }

        var state: WorkerEvent.State {
            switch self {
            case .fetchingSpec, .recording: .leased
            case .waiting: .waiting
            case .staging, .stagingAgain, .ready: .fetching
            case .running, .stopping: .running
            case .sealing, .recordingClaim, .checking, .claiming: .sealing
            case .committed, .revealing: .committed
            case .revealed: .revealed
            case .refusing: .declined
            }
        }
    }

    let id: LeaseID
    let terms: JobTerms
    let deadline: UInt64
    /// Order of arrival, for the queue.
    let arrival: UInt64
    var attempt: UInt8
    var phase: Phase
    var job: CanonicalJob?
    var frame: RunFrame?
    var fetchedBytes: UInt64 = 0
    var claim: Claim?
    var isRevealOpen = false
    /// The ledger has taken the lease away; what still runs is being stopped.
    var isOver = false
    var isStaged = false
    var pinned: [BlobID] = []
    /// What the ledger has executed of ours already, known after a recovery.
    var step = LeaseStanding.Step.active
    var sequence: UInt32 = 0
    var chain = Digest.zero
}
