import Runner
import Wire
public import Basis
public import Compute
public import Consensus
import Credits
import Glibc
public import Gossip
public import Loop
public import NodeCore
public import Records
import Session
public import Sodium
public import Storage
import Transport
public import Trust

/// The node: all protocol state of this process, on the loop's thread (STYLE 6.2).
///
/// It carries bytes, time and disk to the core and its orders back. It decides nothing of the protocol. Requests of
/// clients come as actor calls, so each crosses to the loop once.
public actor NodeActor {
    public nonisolated let loop: UVLoop
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// What a node is made of.
    public struct Parts: Sendable {
        public var identity: SecretKey
        public var store: Store
        public var blobs: BlobStore
        /// Canonical bytes of the genesis, if the home has one.
        public var genesis: Genesis?
        public var invite: InviteToken?
        /// Addresses that peers are told in place of those of the interfaces.
        public var advertise: [SocketAddress]

        public init(
            identity: SecretKey, store: Store, blobs: BlobStore, genesis: Genesis?, invite: InviteToken?,
            advertise: [SocketAddress]
        ) {
            self.identity = identity
            self.store = store
            self.blobs = blobs
            self.genesis = genesis
            self.invite = invite
            self.advertise = advertise
        }
    }

    /// What became of handing in an entry.
    public enum EntryAnswer: Sendable {
        case accepted(TransactionID)
        case refused(LogNode.EntryRefusal)
        /// The node stopped before the entry was durable, or has no ledger yet.
        case stopped
    }

    public struct Alarm: Sendable {
        public let wall: UInt64
        public let text: String
    }

    /// What the node tells its process: for the log, the event stream and whoever waits for readiness.
    public enum Report: Sendable {
        case executed(LogNode.ExecutedBlock)
        case certified(height: UInt64)
        case status(NodeStatus)
        case alarm(String)
        /// A peer broke a rule, and is barred for a while.
        case fault(PeerID, String)
        case progressed(TransactionID, LogNode.EntryProgress)
        case membership(MembershipEvent)
        case genesis([UInt8])
        case job(JobEvent)
        case work(WorkerEvent)
        case failed(String)
    }

    let parts: Parts
    /// Batches handed to the store and not answered yet.
    var openWrites = 0
    let keeper: LogKeeper
    let report: @Sendable (Report) -> Void
    var core: NodeCore<SodiumSessionCrypto>
    var sockets: PeerSockets?
    var timer: UVTimer?
    var lastTicket: UInt64 = 0
    /// Inputs of the turn under way; empty between turns.
    private var inputs: [NodeCore<SodiumSessionCrypto>.Input] = []
    private var isTurning = false
    var answers: [UInt64: CheckedContinuation<EntryAnswer, Never>] = [:]
    var changes = ChangeWaiters()
    var fetches = BlobFetches()
    /// Bodies and logs of executions whose commits are not closed yet: nobody may have them.
    var sealed: Set<BlobID> = []
    var workshop: Workshop?
    var submissions: [Ticket: CheckedContinuation<SubmitReply, Never>] = [:]
    var documents: [Ticket: CheckedContinuation<[UInt8]?, Never>] = [:]
    var cancellations: [Ticket: CheckedContinuation<CancelReply, Never>] = [:]
    /// Executions here, also some that ended, for `status`.
    public internal(set) var work = SortedMap<LeaseID, WorkView>()
    static let workKeptMax = 256
    /// How far other machines are with jobs that were submitted here, as they say; 64 B a row.
    public internal(set) var distantWork = SortedMap<LeaseID, WorkView>()
    static let distantWorkKeptMax = 4_096
    /// What became of the seeds in the last round that failed, or which are being dialled.
    private(set) var seedsTried: String?
    /// The peers' clock minus ours, and when that was found; told again every hour while it lasts.
    private var skew: (milliseconds: Int64, at: Basis.Instant)?
    var lastClock: Basis.Instant = .zero
    /// Bytes in and out at two moments at least ten seconds apart once the node is that old, the older one first.
    private var traffic: [(at: Basis.Instant, bytesIn: UInt64, bytesOut: UInt64)] = []
    public let startedAt: Basis.Instant
    /// Alarms since the start, newest last; at most `alarmsMax`.
    public private(set) var alarms: [Alarm] = []
    static let alarmsMax = 1_000
    /// What ended the node's work, if something did.
    public private(set) var failure: String?

    public init(loop: UVLoop, parts: Parts, report: @escaping @Sendable (Report) -> Void) {
        self.loop = loop
        self.parts = parts
        self.report = report
        keeper = LogKeeper(store: parts.store)
        let now = loop.now
        startedAt = now
        core = NodeCore(
            crypto: SodiumSessionCrypto(key: parts.identity),
            network: parts.genesis?.networkID(hashing: SodiumHashing()), genesis: parts.genesis?.encoded,
            bootNonce: LogKeeper.seed(), generator: SeededGenerator(seed: LogKeeper.seed()), now: now,
            wall: NodeActor.wallMillis())
        core.invite = parts.invite
    }

    public var log: LogNode? { core.log }
    public var node: NodeCore<SodiumSessionCrypto> { core }

    // MARK: life

    /// Opens the sockets and begins to turn. Once, before anything else.
    /// - Returns: where the node listens.
    /// - Throws: ListenError, or what the store says; nothing turns then.
    public func start(listen: [SocketAddress], log: LogNode?, desks: DeskStart) throws -> [SocketAddress] {
        let sockets = PeerSockets(loop) { [weak self] input in self?.assumeIsolated { $0.take(input) } }
        try sockets.listen(on: listen)
        self.sockets = sockets
        timer = try UVTimer(loop) { [weak self] in self?.assumeIsolated { $0.rang() } }
        var restored = RestoredMembership(
            book: try parts.store.scan(.book, prefix: []).map { (key: $0.key, value: $0.value) })
        restored.hasGenesis = parts.genesis != nil
        restored.ownsGenesis = parts.genesis != nil
        restored.network = restored.network ?? parts.genesis?.networkID(hashing: SodiumHashing())
        restored.policy.advertised = parts.advertise
        // Whoever starts a node wants it in the network: who has left is kept out before this, by `join --resume`.
        restored.joinsAutomatically = true
        give(.transport(.clock(unixMilliseconds: NodeActor.wallMillis())))
        give(.start(restored))
        let port = sockets.localAddresses.first?.port ?? 0
        give(.interfaces(NodeActor.interfaces(of: listen, port: port)))
        if let log { give(.adopt(log, desks)) }
        return sockets.localAddresses
    }

    /// The addresses that a listener can be reached at: the one it is bound to, or all interfaces.
    static func interfaces(of listen: [SocketAddress], port: UInt16) -> [SocketAddress] {
        let bound = listen.filter { $0.addressBytes.contains { $0 != 0 } }.map { $0.with(port: port) }
        return bound.isEmpty ? Resolver.interfaceAddresses(port: port) : bound
    }

    public func adopt(_ log: LogNode, desks: DeskStart) { give(.adopt(log, desks)) }
    /// Own hardware and runtimes, for membership, desk and offers.
    public func offer(_ capability: Compute.CapabilitySummary, settings: OwnerSettings) {
        give(
            .classes(
                capability.runtimes.compactMap { found in
                    RuntimeKind(id: found.runtime).map { .init(runtime: $0, classID: found.classID) }
                }))
        give(.desk(.settings(settings)))
        give(.desk(.capability(capability)))
    }
    /// What peers may read of this machine.
    public func publish(_ document: CapabilityDocument) {
        let bytes = document.encoded
        let hashing = SodiumHashing()
        give(
            .capabilities(
                .init(
                    classes: document.classes(hashing: hashing), digest: document.digest(hashing: hashing),
                    bytes: UInt16(clamping: bytes.count)), document: bytes))
    }
    public func join(_ target: JoinTarget) {
        let names = target.seeds.map { "\($0.host):\($0.port)" }
        if !names.isEmpty { seedsTried = "dialling \(names.joined(separator: ", "))" }
        give(.join(target))
    }
    public func leave(_ mode: LeaveMode) { give(.leave(mode)) }

    /// Ends all work. What was acknowledged is on the disk.
    public func stop() {
        sockets?.close()
        sockets = nil
        timer?.close()
        timer = nil
        for (_, answer) in answers { answer.resume(returning: .stopped) }
        answers = [:]
        for (_, reply) in submissions { reply.resume(returning: .failed("the node stops")) }
        submissions = [:]
        for (_, reply) in cancellations { reply.resume(returning: .notFound) }
        cancellations = [:]
        for (_, reply) in documents { reply.resume(returning: nil) }
        documents = [:]
        workshop?.runner.close()
        workshop?.slots.remove()
        workshop = nil
        changes.wakeAll()
    }

    public static func wallMillis() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(max(0, time.tv_sec)) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
    }

    // MARK: the core

    /// Between `start` and `stop`.
    var isRunning: Bool { timer != nil }

    func take(_ input: SessionInput) { give(.transport(input)) }

    /// Inputs in the order in which they came. What an effect gives back while it is carried out waits until the other
    /// effects of its input are done: bytes of a connection are sealed in order, and must be written in that order.
    func give(_ input: NodeCore<SodiumSessionCrypto>.Input) {
        if timer == nil { return }
        inputs.append(input)
        if isTurning { return }
        isTurning = true
        var next = 0
        while next < inputs.count, timer != nil {
            let effects = core.handle(inputs[next], now: loop.now, wall: NodeActor.wallMillis())
            next += 1
            for effect in effects { carryOut(effect) }
        }
        inputs.removeAll(keepingCapacity: true)
        isTurning = false
        arm()
    }

    func arm() {
        var next = core.nextDeadline
        if let waiting = changes.nextDeadline { next = next.map { min($0, waiting) } ?? waiting }
        timer?.arm(at: next)
    }

    /// Bytes on peer sockets since the start.
    var bytesMoved: (inward: UInt64, outward: UInt64) {
        sockets.map { ($0.stats.bytesIn, $0.stats.bytesOut) } ?? (0, 0)
    }

    /// Bytes a second, in and out, over the last ten seconds or a little more.
    var trafficRates: (inward: Int64, outward: Int64) {
        guard let first = traffic.first else { return (0, 0) }
        let moved = bytesMoved
        let millis = max(1, (loop.now - first.at).milliseconds)
        return (
            Int64(clamping: moved.inward - first.bytesIn) * 1_000 / millis,
            Int64(clamping: moved.outward - first.bytesOut) * 1_000 / millis
        )
    }

    /// In words, if this machine's clock differs much from that of the peers.
    var clockProblem: String? {
        guard let skew, loop.now - skew.at < .seconds(7_200) else { return nil }
        return "this machine's clock is \(Quantity.text(milliseconds: skew.milliseconds.magnitude)) "
            + "\(skew.milliseconds < 0 ? "ahead of" : "behind") that of the peers; set it"
    }

    private func sampleTraffic(_ now: Basis.Instant) {
        if let last = traffic.last, now - last.at < .seconds(10) { return }
        let moved = bytesMoved
        traffic.append((now, moved.inward, moved.outward))
        if traffic.count > 2 { traffic.removeFirst() }
    }

    func rang() {
        let now = loop.now
        sampleTraffic(now)
        changes.expire(now)
        // Sessions and membership compare wall clocks; they are told once a minute.
        if now - lastClock > .seconds(60) {
            lastClock = now
            give(.transport(.clock(unixMilliseconds: NodeActor.wallMillis())))
        }
        if let due = core.nextDeadline, due <= now { give(.timeout) } else { arm() }
    }

    func carryOut(_ effect: NodeCore<SodiumSessionCrypto>.Effect) {
        switch effect {
        case .transport(let order): _ = sockets?.carry(order)
        case .needEntropy(let count): give(.transport(.entropy((0..<count).map { _ in randomSeed() })))
        case .resolve(let name, let ticket):
            Resolver.resolve(name, port: 1, on: loop) { [weak self] found in
                self?.assumeIsolated { $0.give(.resolved(ticket, found)) }
            }
        case .persist(let batch, let ticket): write(batch, ticket)
        case .readBlocks(let request, let peer):
            let height = core.log?.ledger.height ?? 0
            let answer = BlockAnswer.answer(
                to: request, executedHeight: height, store: keeper, hashing: SodiumHashing())
            give(.blocks(answer, to: peer))
        case .membership(let event):
            if case .seedsUnreachable(let outcomes, _) = event, !outcomes.isEmpty {
                seedsTried = "no seed answered: \(outcomes.map(\.words).joined(separator: ", "))"
            }
            if case .clockSkew(let milliseconds) = event { skew = (milliseconds, loop.now) }
            report(.membership(event))
            changes.wakeAll()
        case .genesisFetched(let bytes): report(.genesis(bytes))
        case .genesisUnavailable: note("no contact gave the network's genesis; asking again")
        case .log(let effect): carryOut(effect)
        case .exchange(let effect): carryOut(effect)
        case .desk(let effect): carryOut(effect)
        case .book(let effect): carryOut(effect)
        case .progressed(let progress): note(progress)
        case .document(let ticket, let bytes): documents.removeValue(forKey: ticket)?.resume(returning: bytes)
        }
    }

    func carryOut(_ effect: LogNode.Effect) {
        switch effect {
        case .persist, .send, .serveBlocks: break
        case .misbehaved(let peer, let fault): report(.fault(peer, "\(fault)"))
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

    // MARK: writing

    func write(_ batch: StoreBatch, _ ticket: NodeCore<SodiumSessionCrypto>.WriteTicket) {
        openWrites += 1
        parts.store.write(batch) { [self] result in
            loop.post { self.assumeIsolated { $0.written(result, ticket) } }
        }
    }

    /// A store refuses all writes behind one that failed. Once each of them is answered and the log lost none, nothing
    /// can stand before what is missing: writes may begin again, with what the core tries anew. A full disk resumes
    /// only when there is space, so this is tried with each refused write.
    func written(_ result: Result<Void, StoreError>, _ ticket: NodeCore<SodiumSessionCrypto>.WriteTicket) {
        openWrites -= 1
        switch result {
        case .success: give(.persisted(ticket))
        case .failure(let error):
            give(.persistFailed(ticket))
            if core.log?.isStopped == true { return fail(error.description) }
            note(error.description)
            if openWrites == 0, core.log?.lostWrites ?? 0 == 0 { parts.store.resume { _ in } }
        }
    }

    func note(_ text: String) {
        alarms.append(Alarm(wall: NodeActor.wallMillis(), text: text))
        if alarms.count > NodeActor.alarmsMax { alarms.removeFirst() }
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
        if !key.isEmpty, let row = try? parts.store.get(.local, Outbox.keyRow(key)), let id = TransactionID(row) {
            return .accepted(id)
        }
        return await answer { .compose(body, job: lease, key: key, $0) }
    }

    /// Hands in an entry that somebody signed elsewhere.
    public func submit(_ bytes: [UInt8]) async -> EntryAnswer { await answer { .submit(bytes, $0) } }

    func answer(_ input: (UInt64) -> LogNode.Input) async -> EntryAnswer {
        guard timer != nil, let log = core.log, !log.isStopped else { return .stopped }
        lastTicket += 1
        let ticket = lastTicket
        let order = input(ticket)
        return await withCheckedContinuation { continuation in
            answers[ticket] = continuation
            give(.log(order))
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
}
