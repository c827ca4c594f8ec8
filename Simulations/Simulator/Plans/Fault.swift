public import Basis

/// Whom a fault meets. The expansion turns every selector of a scenario into `peers`, but for those that only the
/// moment can tell; the trace records whom they met.
public enum Targets: Sendable, Hashable {
    /// Ascending.
    case peers([Int])
    /// Seat that leads the newest view when the fault begins.
    case leader
    /// So many seats that are up when the fault begins, drawn from the stream `faults`.
    case seats(Int)
    /// So many peers that hold an active lease when the fault begins.
    case workers(Int)
}

/// What happens to a peer's disk at a crash or from a time on (`simulation.md` 7).
public enum DiskFault: Sendable, Hashable {
    public enum Lost: String, Sendable, CaseIterable { case seeded = "lose_unsynced", all = "all", none = "none" }
    /// At a crash the tail that was not synced is lost: from a seeded point on, all of it, or nothing of it.
    case loseUnsynced(Lost)
    /// The store is empty at restart.
    case wipe
    /// The process dies right before (or after) the n-th write from the fault's begin on.
    case crashAtWrite(Int, after: Bool)
    /// Each write fails with this chance; later ones may work.
    case error(Chance)
    /// Writes fail once the store holds so many bytes more than when the fault began.
    case full(bytes: Int)
    /// Sync latency is multiplied.
    case slow(factor: Int64)
    /// Nothing completes while it lasts, then all at once.
    case stall
    /// Reports durable before it is: outside tolerance.
    case lyingSync
}

/// One thing that goes wrong, as data: no random decision makes a fault during a run (`simulation.md` 12).
public struct Fault: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        /// Peers of different groups cannot reach one another; a peer in no group reaches all.
        case partition(groups: [[Int]])
        case partitionOneWay(from: Targets, to: Targets)
        /// Packets to and from them are held, and come out in a burst at the end.
        case clog(Targets)
        /// They are clogged one after another, `gap` apart, and freed in another order.
        case swizzleClog([Int], gap: Interval)
        case loss(Targets, Chance)
        case burstLoss(Targets, BurstLoss)
        case delay(Targets, add: Interval, factor: Int64)
        case slowTail(Targets, Chance, factor: Int64)
        case duplicate(Targets, Chance)
        case reorder(Targets, Chance, extra: Interval)
        /// Copies arrive `after` later.
        case lateReplay(Targets, Chance, after: Interval)
        case corrupt(Targets, Chance)
        case bandwidth(Targets, up: UInt64, down: UInt64)
        case mtu(Targets, bytes: Int)
        /// What `from` sends to `to` vanishes, both ways.
        case blackHole(from: Targets, to: Targets)
        case natRebind(Targets)
        case udpBlocked(Targets)
        /// Sends fail at once, nothing arrives.
        case interfaceDown(Targets)
        case crash(Targets, restartAfter: Interval, disk: DiskFault)
        /// Never returns; counts against tolerance.
        case lose(Targets)
        case pause(Targets)
        case slowCPU(Targets, factor: Int64)
        case clockSkew(Targets, by: Interval)
        case clockDrift(Targets, ppm: Int64)
        /// The wall clock jumps once.
        case clockJump(Targets, by: Interval)
        case disk(Targets, DiskFault)
        /// Peers that are planned but not started begin, spread over a time.
        case joinStorm(Targets, over: Interval)
        /// They end without a word, or with a signed goodbye.
        case leaveSilent(Targets)
        case leaveSigned(Targets)
        /// From here on they follow the adversary of this name.
        case turnByzantine(Targets, into: String)
    }

    /// Names the fault in reports; unique within a plan.
    public var id: Int
    public var at: Interval
    /// Without it a fault lasts until calm.
    public var duration: Interval?
    public var kind: Kind

    public init(id: Int, at: Interval, duration: Interval? = nil, kind: Kind) {
        self.id = id
        self.at = at
        self.duration = duration
        self.kind = kind
    }
}
