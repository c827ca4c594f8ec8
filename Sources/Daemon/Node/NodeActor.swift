public import Basis
public import Consensus
import Credits
import Glibc
public import Loop
public import NodeCore
public import Records
public import Storage
public import Trust

/// The node: all protocol state of this process, on the loop's thread (STYLE 6.2).
///
/// It carries bytes, time and disk to the cores and their orders back. It decides nothing of the protocol. Requests of
/// clients come as actor calls, so each crosses to the loop once.
public actor NodeActor {
    public nonisolated let loop: UVLoop
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    let store: Store
    let keeper: LogKeeper
    public private(set) var log: LogNode
    var timer: UVTimer?
    var lastTicket: UInt64 = 0
    var answers: [UInt64: CheckedContinuation<EntryAnswer, Never>] = [:]
    var changes = ChangeWaiters()
    /// Alarms since the start, newest last; at most 1,000.
    public private(set) var alarms: [Alarm] = []
    /// What ended the node's work, if something did.
    public private(set) var failure: String?
    let report: @Sendable (NodeReport) -> Void

    /// What became of handing in an entry.
    public enum EntryAnswer: Sendable {
        case accepted(TransactionID)
        case refused(LogNode.EntryRefusal)
        /// The node stopped before the entry was durable.
        case stopped
    }

    public struct Alarm: Sendable {
        public let wall: UInt64
        public let text: String
    }

    /// What the node tells its owner process: for the log and the event stream.
    public enum NodeReport: Sendable {
        case executed(LogNode.ExecutedBlock)
        case certified(height: UInt64)
        case status(NodeStatus)
        case alarm(String)
        case progressed(TransactionID, LogNode.EntryProgress)
        case failed(String)
    }

    public init(
        loop: UVLoop, store: Store, log: LogNode, report: @escaping @Sendable (NodeReport) -> Void
    ) {
        self.loop = loop
        self.store = store
        keeper = LogKeeper(store: store)
        self.log = log
        self.report = report
    }

    /// Begins to turn. Once, before anything else.
    public func start() throws {
        timer = try UVTimer(loop) { [weak self] in self?.assumeIsolated { $0.rang() } }
        give(.start)
    }

    /// Ends all work. What was acknowledged is on the disk.
    public func stop() {
        timer?.close()
        timer = nil
        for (_, answer) in answers { answer.resume(returning: .stopped) }
        answers = [:]
        changes.wakeAll()
    }

    static func wallMillis() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(max(0, time.tv_sec)) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
    }

    // MARK: the log

    func give(_ input: LogNode.Input) {
        let effects = log.handle(input, now: loop.now, wall: NodeActor.wallMillis())
        for effect in effects { carryOut(effect) }
        arm()
    }

    func arm() {
        var next = log.nextDeadline
        if let waiting = changes.nextDeadline { next = next.map { min($0, waiting) } ?? waiting }
        timer?.arm(at: next)
    }

    func rang() {
        let now = loop.now
        changes.expire(now)
        if let due = log.nextDeadline, due <= now { give(.timeout) } else { arm() }
    }

    func carryOut(_ effect: LogNode.Effect) {
        switch effect {
        case .persist(let batch, let ticket): write(batch, ticket)
        case .send, .serveBlocks, .misbehaved: break
        case .accepted(let ticket, let id): answers.removeValue(forKey: ticket)?.resume(returning: .accepted(id))
        case .refused(let ticket, let why): answers.removeValue(forKey: ticket)?.resume(returning: .refused(why))
        case .progressed(let id, let progress):
            report(.progressed(id, progress))
            changes.wakeAll()
        case .executed(let block):
            report(.executed(block))
            changes.wakeAll()
        case .certified(let certificate):
            report(.certified(height: certificate.state.height))
            changes.wakeAll()
        case .alarm(let alert): note("\(alert)")
        case .statusChanged(let status):
            report(.status(status))
            changes.wakeAll()
        case .conservationBroken(let height, let text): fail("credit is not conserved at height \(height): \(text)")
        }
    }

    func write(_ batch: StoreBatch, _ ticket: UInt64) {
        store.write(batch) { [self] result in
            loop.post { self.assumeIsolated { $0.written(result, ticket) } }
        }
    }

    func written(_ result: Result<Void, StoreError>, _ ticket: UInt64) {
        switch result {
        case .success: give(.persisted(ticket))
        case .failure(let error): writeFailed(error, ticket)
        }
    }

    func writeFailed(_ error: StoreError, _ ticket: UInt64) {
        give(.persistFailed(ticket))
        if log.isStopped { fail(error.description) } else { note(error.description) }
    }

    func note(_ text: String) {
        alarms.append(Alarm(wall: NodeActor.wallMillis(), text: text))
        if alarms.count > 1_000 { alarms.removeFirst() }
        report(.alarm(text))
    }

    func fail(_ text: String) {
        if failure != nil { return }
        failure = text
        note(text)
        report(.failed(text))
        changes.wakeAll()
    }

    // MARK: entries of clients

    /// Signs and hands in an own entry; answers when it is durable here. A key that was used before names its entry.
    public func compose(_ body: Entry.Body, lease: LogNode.JobLease? = nil, key: [UInt8] = []) async -> EntryAnswer {
        if !key.isEmpty, let row = try? store.get(.local, Outbox.keyRow(key)), let id = TransactionID(row) {
            return .accepted(id)
        }
        return await answer { .compose(body, job: lease, key: key, $0) }
    }

    /// Hands in an entry that somebody signed elsewhere.
    public func submit(_ bytes: [UInt8]) async -> EntryAnswer { await answer { .submit(bytes, $0) } }

    func answer(_ input: (UInt64) -> LogNode.Input) async -> EntryAnswer {
        if timer == nil || log.isStopped { return .stopped }
        lastTicket += 1
        let ticket = lastTicket
        let order = input(ticket)
        return await withCheckedContinuation { continuation in
            answers[ticket] = continuation
            give(order)
        }
    }

    // MARK: waiting

    /// Returns when something changed, or at `deadline`. Whoever waits for a state asks again in a loop.
    public func change(until deadline: Basis.Instant) async {
        if timer == nil { return }
        await withCheckedContinuation { continuation in
            changes.add(continuation, deadline)
            arm()
        }
    }

    /// Where the executed entry stands, from the store's index.
    public func row(_ family: Family, _ key: [UInt8]) -> [UInt8]? { try? store.get(family, key) }
}

/// Clients that wait for the next change of anything.
struct ChangeWaiters {
    private var waiting = SortedMap<UInt64, CheckedContinuation<Void, Never>>()
    private var deadlines = DeadlineTable<UInt64>()
    private var last: UInt64 = 0

    var nextDeadline: Basis.Instant? { deadlines.next }

    mutating func add(_ continuation: CheckedContinuation<Void, Never>, _ deadline: Basis.Instant) {
        last += 1
        waiting[last] = continuation
        deadlines.set(last, at: deadline)
    }

    mutating func wakeAll() {
        let all = waiting.values
        waiting = SortedMap()
        deadlines.removeAll()
        for continuation in all { continuation.resume() }
    }

    mutating func expire(_ now: Basis.Instant) {
        while let id = deadlines.popDue(now) { waiting.remove(id)?.resume() }
    }
}
