public import Basis
import Credits
import NodeCore
import Records
import Session
import Trust

/// A network of production nodes under virtual time (`simulation.md` 4).
///
/// Not copyable by accident: `copied()` is a snapshot that goes its own way from there. One thread steps it. Everything
/// that it does follows from its plan and its seed; it reads no clock, no file and no randomness of the system.
public struct World: ~Copyable, Sendable {
    public let plan: Plan
    public let seed: UInt64
    let seeding: Seeding

    /// Since the start of the world.
    public internal(set) var now = Instant.zero
    public internal(set) var trace = TraceHash()
    public internal(set) var phase = Phase.boot
    public internal(set) var outcome: Outcome?

    let room: CryptoRoom
    let genesis: Genesis
    let networkID: NetworkID
    var peers: [SimPeer]
    var byAddress: [SocketAddress: Int] = [:]
    var byID: [PeerID: Int] = [:]
    var byAccount: [PublicKey: Int] = [:]
    var byVotingKey: [PublicKey: Int] = [:]
    var queue: EventQueue<SimEvent>
    var network: SimNetwork
    var weather: Weather
    var pipes: [UInt64: StreamPipe] = [:]
    var lastPipe: UInt64 = 0
    /// Pairs of peers that had a connection, both ways.
    var faultRng: SeededGenerator
    var diskRng: [SeededGenerator]
    /// Faults under way by their place in the plan, ascending, with the peers that they met.
    var active = SortedMap<Int, [Int]>()
    /// Restarts that calm brings forward.
    var toRestart: Set<Int> = []
    var work: Workbook
    var checkers: CheckerSet
    var observations: [Observation] = []
    var samples: Sampler
    var holdsSince: Instant?
    /// Place of the entry that must become final in calm.
    var probe: Int?
    /// Events held by clogged peers.
    var clogged: [(to: Int, from: SocketAddress, bytes: [UInt8], sender: Int)] = []
    /// The order field of the event being handled.
    var order: UInt64 = 0
    /// Answers that the shell gives at once, in the order of their effects.
    var answers: [SimPeer.Node.Input] = []
    var recent: [ToldEvent] = []
    /// The log as checkers read it.
    var reader: LogReader
    /// What a planted bug does to every ledger after some heights.
    var ledgerChanges: [UInt64: LedgerChange] = [:]
    /// Hears the votes that leave, if a checker wants to.
    let tap: LogTap
    /// The bug that is planted here; `.none` but in canaries.
    let plant: PlantSite
    /// The highest executed height of honest peers at the last checks of calm.
    var tops: [(at: Instant, height: UInt64)] = []
    /// In the order of the plan.
    var coalitions: [Coalition] = []
    /// Events at `now` so far.
    var crowd = 0
    /// Who printed something else than an honest program would, by job.
    var lies: [JobID: [Int]] = [:]
    /// When a fault that meets more than processes began or ended last at each peer, or its process started or ended.
    var disturbedAt: [Instant]

    /// - Parameters:
    ///   - real: the cryptography of mode `real`; nil for `sim`.
    ///   - plant: id of a bug of `Plant.catalogue` that this world has; nil: that of the plan, if it has one.
    public init(
        plan: Plan, seed: UInt64, real: (any RealCrypto)? = nil, checkers: CheckerSet = .all, plant: String? = nil
    ) {
        self.plan = plan
        self.seed = seed
        self.plant = (plant ?? plan.plant).flatMap { Plant.named($0)?.site } ?? .none
        let seeding = Seeding(seed)
        self.seeding = seeding
        room = CryptoRoom(
            seed: seeding.seed("crypto"), real: plan.crypto == .real ? real : nil,
            isLax: self.plant == .skipsTransfers)
        let cast = Cast(plan: plan, seeding: seeding, room: room)
        genesis = cast.genesis
        networkID = cast.genesis.networkID(hashing: cast.peers[0].key)
        peers = cast.peers
        queue = EventQueue(ties: plan.ties == .seeded ? .seeded(seeding.seed("ties")) : .insertion)
        network = SimNetwork(
            profile: plan.network, regions: plan.regions, key: seeding.seed("network"), peers: plan.peers.count)
        weather = Weather(peers: plan.peers.count)
        faultRng = seeding.stream("faults/moment")
        diskRng = plan.peers.indices.map { seeding.stream("disk/\($0)") }
        work = Workbook(operations: plan.operations)
        self.checkers = checkers
        self.checkers.make(for: plan)
        samples = Sampler(peers: plan.peers.count)
        disturbedAt = Array(repeating: .zero, count: plan.peers.count)
        tap = LogTap()
        reader = LogReader(genesis: cast.genesis, network: networkID, hashing: cast.peers[0].key)
        for i in peers.indices {
            byAddress[peers[i].plan.address] = i
            byID[peers[i].id] = i
            byAccount[peers[i].account] = i
            if let voting = peers[i].voting { byVotingKey[voting.publicKey] = i }
        }
        for adversary in plan.adversaries {
            for i in adversary.peers {
                peers[i].isByzantine = true
                if adversary.type.attacksNetwork { peers[i].attacksNetwork = true }
            }
        }
        schedule()
        coalitions = World.coalitions(plan, peers, genesis, seeding)
        scheduleAdversaries()
    }

    /// A snapshot.
    public func copied() -> World { World(self) }

    private init(_ other: borrowing World) {
        plan = other.plan
        seed = other.seed
        seeding = other.seeding
        now = other.now
        trace = other.trace
        phase = other.phase
        outcome = other.outcome
        room = other.room
        genesis = other.genesis
        networkID = other.networkID
        peers = other.peers.map { $0.copied() }
        byAddress = other.byAddress
        byID = other.byID
        byAccount = other.byAccount
        byVotingKey = other.byVotingKey
        queue = other.queue
        network = other.network
        weather = other.weather
        pipes = other.pipes
        lastPipe = other.lastPipe
        faultRng = other.faultRng
        diskRng = other.diskRng
        active = other.active
        toRestart = other.toRestart
        work = other.work
        checkers = other.checkers
        observations = other.observations
        samples = other.samples
        holdsSince = other.holdsSince
        probe = other.probe
        clogged = other.clogged
        order = other.order
        answers = other.answers
        recent = other.recent
        reader = other.reader
        tap = other.tap
        ledgerChanges = other.ledgerChanges
        plant = other.plant
        crowd = other.crowd
        lies = other.lies
        disturbedAt = other.disturbedAt
        tops = other.tops
        coalitions = other.coalitions.map { $0.copied() }
        for i in peers.indices where peers[i].isByzantine {
            let filter = filter(of: i)
            peers[i].node?.filter(with: filter)
        }
        tellsAll = other.tellsAll
    }

    private mutating func schedule() {
        for (i, peer) in plan.peers.enumerated() {
            if let at = peer.startsAt { queue.push(.start(peer: i), at: World.instant(at)) }
        }
        for (i, operation) in plan.operations.enumerated() {
            queue.push(.operation(i), at: World.instant(operation.at))
        }
        for (i, fault) in plan.faults.enumerated() { queue.push(.faultBegins(i), at: World.instant(fault.at)) }
        queue.push(.phase(.faults), at: World.instant(plan.boot))
        queue.push(.phase(.calm), at: World.instant(plan.calmAt))
        queue.push(.phase(.end), at: World.instant(plan.duration))
        queue.push(.sample, at: World.instant(Sampler.interval))
        queue.push(.check, at: World.instant(World.checkInterval))
    }

    /// Events at one instant between two observations of it.
    static let crowdStep = 1_000
    /// Between two looks at what must hold.
    static let checkInterval = Interval.milliseconds(500)

    /// Virtual time that passed.
    public var elapsed: Interval { now - Instant.zero }
    static func instant(_ passed: Interval) -> Instant { Instant.zero + passed }

    public var traceHash: UInt64 { trace.value }
    /// Inputs that nodes handled.
    public var events: UInt64 { trace.events }

    /// Which events are recorded one by one; before the first step.
    public mutating func record(events window: Range<UInt64>, ring: Int = 0) {
        trace.window = window
        trace.ring = ring
    }

    /// Whether people's lines of every kind are kept, for `replay`; the last few hundred are kept anyhow.
    public var tellsAll = false { didSet { tap.keepsTalk = tellsAll } }
    /// Lines for people, oldest first.
    public var told: [ToldEvent] { recent }

    // MARK: running

    /// Runs until `limit` of virtual time or so many events in all, whichever comes first.
    /// - Returns: `.finished` with the outcome, or `.event` if a limit came first.
    public mutating func run(until limit: Instant = .distantFuture, eventsMax: UInt64 = .max) -> StepOutcome {
        while outcome == nil {
            if trace.events >= eventsMax { return .event }
            if let next = queue.firstTime, next > limit {
                now = max(now, limit)
                return .event
            }
            _ = step()
        }
        return .finished(outcome ?? .exhausted)
    }

    /// Takes the first event.
    @discardableResult
    public mutating func step() -> StepOutcome {
        if let outcome { return .finished(outcome) }
        guard let event = queue.pop() else {
            finish()
            return .finished(outcome ?? .exhausted)
        }
        crowd = event.at == now ? crowd + 1 : 0
        now = event.at
        order = event.order
        if crowd % World.crowdStep == World.crowdStep - 1 {
            let count = crowd + 1
            note(.crowded, .crowded(count))
        }
        let before = phase
        handle(event.payload)
        judge()
        if let outcome { return .finished(outcome) }
        return phase == before ? .event : .entered(phase)
    }

    mutating func handle(_ event: SimEvent) {
        switch event {
        case .datagram(let to, let from, let sender, let bytes): arrive(bytes, at: to, from: from, sender: sender)
        case .downlinked(let to, let from, let bytes): deliver(bytes, at: to, from: from)
        case .connectArrives(let pipe): connectArrives(pipe)
        case .connectTried(let pipe, let after): tryConnect(pipe, waited: after)
        case .connected(let pipe): connected(pipe)
        case .connectFailed(let peer, let boot, let ticket, let failure):
            peers[peer].connecting[ticket] = nil
            give(peer, boot, .transport(.connectFailed(ticket, failure)), .opened, ticket.number)
        case .segment(let pipe, let way, let bytes): segmentArrives(pipe, way, bytes)
        case .streamEnd(let pipe, let way): streamEnds(pipe, way)
        case .streamRetry(let pipe, let way): retryStream(pipe, way)
        case .deadline(let peer, let boot): deadlineRings(peer, boot)
        case .synced(let peer, let boot, let number, let ticket):
            guard peers[peer].boot == boot, peers[peer].isUp else { return }
            peers[peer].disk.sync(upTo: number)
            note(.persisted, .persisted(peer, number: number, isSynced: true))
            give(peer, boot, .persisted(ticket), .disk, number)
        case .unsynced(let peer, let boot, let number, let isSynced, let ticket):
            if peers[peer].boot == boot { note(.persisted, .persisted(peer, number: number, isSynced: isSynced)) }
            give(peer, boot, .persisted(ticket), .disk, 0)
        case .writeFailed(let peer, let boot, let ticket): give(peer, boot, .persistFailed(ticket), .disk, 1)
        case .input(let peer, let boot, let input, let kind): give(peer, boot, input, kind, 0)
        case .taskEnded(let peer, let boot, let run): taskEnds(peer, boot, run)
        case .wake(let peer, let boot): wake(peer, boot)
        case .member(let peer, let boot, let input): feed(peer, boot, input)
        case .memberDeadline(let peer, let boot): memberRings(peer, boot)
        case .memberDial(let peer, let boot, let ticket, let to, let path, let expecting):
            finishDial(peer, boot, ticket, to, path, expecting)
        case .memberMessages(let to, let boot, let from, let path, let messages, let bytes):
            arriveMember(to, boot, from: from, path, messages, bytes)
        case .start(let peer): if peers[peer].life == .notStarted { boot(peer) }
        case .operation(let index): operate(index)
        case .faultBegins(let index): begin(fault: index)
        case .faultEnds(let index): end(fault: index)
        case .restart(let peer, _): restart(peer)
        case .phase(let next): enter(next)
        case .adversary(let index): act(index)
        case .deed(let act): carryOut(act)
        case .sample: sample()
        case .check: check()
        }
    }
}
