import Basis
import Compute
import Consensus
import Credits
import Gossip
import NodeCore
import Records
import Session
import Trust

/// One peer of a world: its process, disk, clock and what its shell remembers between effects.
///
/// A class, since a node is a large value that must be changed in place; it belongs to one world, which is not
/// copyable, and `copied()` makes the peer of a snapshot.
final class SimPeer: @unchecked Sendable {
    typealias Node = NodeCore<SimKey>

    enum Life: UInt8, Sendable {
        case notStarted, up, paused, down, gone
    }

    /// An input that waits until the peer is free or no longer paused.
    struct Waiting: Sendable {
        let input: Node.Input
        let kind: EventKind
        let payload: UInt64
        let order: UInt64
    }

    /// A blob that somebody in this peer waits for.
    enum BlobWaiter: Sendable {
        case spec(JobID, BlobID)
        case stage(Ticket, LeaseID)
        case result(Ticket, BlobID)
    }

    /// A program under way.
    struct Task: Sendable {
        let lease: LeaseID
        let frame: RunFrame
        let job: JobID
        var stdout: [UInt8] = []
        var runs: Interval
    }

    /// A stage that waits for blobs.
    struct Stage: Sendable {
        let job: CanonicalJob
        var missing: Int
        var hasFailed = false
    }

    let plan: Plan.Peer
    let key: SimKey
    let id: PeerID
    /// nil if this peer is no seat.
    let voting: SimKey?
    let beacon: BeaconSecret?

    /// nil while the process is down. Change it through `handle`; what is read of it is copied.
    var node: Node?
    /// Instead of a node, in tier XL.
    var member: SimMember?
    var bootNonce: UInt64 = 0
    var diedAt = Instant.zero
    var life = Life.notStarted
    var boot = 0
    var disk = SimDisk()
    var clock: SimClock
    var blobs = SimBlobs()
    /// Canonical bytes of the genesis, if this home has them.
    var genesis: Genesis?
    var rng = SeededGenerator(seed: 0)

    // The process.
    var inbox: [Waiting] = []
    var busyUntil = Instant.zero
    var cpuFactor: Int64 = 1
    /// World time of the deadline event that is in the queue.
    var armedAt: Instant?
    /// So many wakes are in the queue.
    var isWakeQueued = false
    var pipes: [UInt64] = []
    /// NAT: whom this peer sent to lately.
    var contacted: [SocketAddress: Instant] = [:]
    var connecting: [Ticket: UInt64] = [:]

    // Disk faults under way.
    var crashAtWrite: (left: Int, after: Bool)?
    var writeError = Chance.never
    var bytesMax = Int.max
    var syncFactor: Int64 = 1
    var isStalled = false
    var isLying = false
    /// When the last batch handed over is answered.
    var answeredAt = Instant.zero
    /// A write failed in this run of the process.
    var isRefusing = false
    /// Batches whose answer the core has not handled yet.
    var openWrites = 0

    // What the shell remembers.
    var waiters: [BlobID: [BlobWaiter]] = [:]
    var tasks: [RunID: Task] = [:]
    var stages: [Ticket: Stage] = [:]
    var submissions: [Ticket: Int] = [:]
    var lastTicket: UInt64 = 0

    // For checkers and musts.
    var bookRevision: UInt64 = 0
    var bookRows: [Membership.Row] = []
    /// Effects of the last input, and signature checks that it cost.
    var lastEffects = 0
    var lastVerifies = 0
    var executedHeight: UInt64 = 0
    var certifiedHeight: UInt64 = 0
    var isByzantine = false
    /// Whether its coalition attacks packets or membership, so that honest peers must not depend on its links.
    var attacksNetwork = false

    /// An equal peer for a snapshot.
    func copied() -> SimPeer {
        let copy = SimPeer(plan: plan, key: key, voting: voting, beacon: beacon)
        copy.node = node
        copy.member = member
        copy.bootNonce = bootNonce
        copy.diedAt = diedAt
        copy.life = life
        copy.boot = boot
        copy.disk = disk
        copy.clock = clock
        copy.blobs = blobs
        copy.genesis = genesis
        copy.rng = rng
        copy.inbox = inbox
        copy.busyUntil = busyUntil
        copy.cpuFactor = cpuFactor
        copy.armedAt = armedAt
        copy.isWakeQueued = isWakeQueued
        copy.pipes = pipes
        copy.contacted = contacted
        copy.connecting = connecting
        copy.crashAtWrite = crashAtWrite
        copy.writeError = writeError
        copy.bytesMax = bytesMax
        copy.syncFactor = syncFactor
        copy.isStalled = isStalled
        copy.isLying = isLying
        copy.answeredAt = answeredAt
        copy.isRefusing = isRefusing
        copy.openWrites = openWrites
        copy.waiters = waiters
        copy.tasks = tasks
        copy.stages = stages
        copy.submissions = submissions
        copy.lastTicket = lastTicket
        copy.executedHeight = executedHeight
        copy.certifiedHeight = certifiedHeight
        copy.isByzantine = isByzantine
        copy.attacksNetwork = attacksNetwork
        copy.bookRevision = bookRevision
        copy.bookRows = bookRows
        copy.lastEffects = lastEffects
        copy.lastVerifies = lastVerifies
        return copy
    }

    init(plan: Plan.Peer, key: SimKey, voting: SimKey?, beacon: BeaconSecret?) {
        self.plan = plan
        self.key = key
        id = key.peerID(of: key.publicKey)
        self.voting = voting
        self.beacon = beacon
        clock = SimClock(offset: plan.clockOffset, ppm: plan.driftPPM)
        cpuFactor = plan.cpuFactor
    }

    /// Looks at the node, or alters it for a planted bug, in place: reading a large value of a class copies it.
    func inPlace<R>(_ body: (inout Node) -> R) -> R? { node?.applied(body) }

    /// Looks at the log in place.
    func inLog<R>(_ body: (inout LogNode) -> R) -> R? { inPlace { $0.inLog(body) } ?? nil }

    /// Handles an input in place.
    func handle(_ input: Node.Input, now: Instant, wall: UInt64) -> [Node.Effect] {
        node?.handle(input, now: now, wall: wall) ?? []
    }

    /// When the node wants to be called, in its own time. Asked after every event, so without a copy of the node.
    var deadline: Instant? { node?.deadlineInPlace() }

    var isUp: Bool { life == .up || life == .paused }
    /// Honest, up and not paused (`simulation.md`, words).
    var isLive: Bool { life == .up && !isByzantine }
    var account: PublicKey { key.publicKey }
}

/// The kinds of `simulation.md` 4, in the trace.
enum EventKind: UInt8, Sendable {
    case datagram = 1
    case opened, bytes, closed, deadline, disk, task, operation, fault, phase, answer, start, adversary
}

extension NodeCore {
    /// `nextDeadline` of a node that lies in a class: reading a large value there would copy it first.
    mutating func deadlineInPlace() -> Instant? { nextDeadline }

    mutating func applied<R>(_ body: (inout Self) -> R) -> R { body(&self) }
}
