import Basis
import Credits
import NodeCore
import Records
import Trust
import Wire

/// C17: finality is fast while nothing is wrong.
struct FinalityIsFast: Checker {
    static let id = "C17"
    static let statement =
        "without faults an entry is certified at its client in 12δ + 150 ms at the median, p99 under 5 s"
    static let watches: [Observation.Kind] = []
    private(set) var judged: UInt64 = 0
    private let isFair: Bool
    private let delta: Interval

    /// Fewer say nothing about a median.
    static let samplesMin = 50
    /// To a seat, to the leader, three steps of ordering, attestations, to the follower: seven delays one after
    /// another, where each waits for the slower ones of a quorum.
    static let delays: Int64 = 12
    static let batch = Interval.milliseconds(150)

    init(_ plan: Plan) {
        isFair =
            plan.faults.isEmpty && plan.adversaries.isEmpty && plan.network.name != NetworkProfile.hostile.name
            && plan.regions.isEmpty
        switch plan.network.delay {
        case .constant(let delay): delta = delay
        case .uniform(_, let most): delta = most
        case .lognormal(let median, _): delta = median
        }
    }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? { nil }

    mutating func end(of world: borrowing World) -> Finding? {
        guard isFair, world.samples.finality.count >= FinalityIsFast.samplesMin else { return nil }
        judged += 1
        let sorted = world.samples.finality.sorted()
        let (median, late) = (sorted[sorted.count / 2], sorted[sorted.count * 99 / 100])
        let limit = (delta * FinalityIsFast.delays + FinalityIsFast.batch).milliseconds
        if median <= limit, late < 5_000 { return nil }
        return Finding(peers: [], expected: "median ≤ \(limit) ms, p99 < 5000 ms", found: "\(median) ms and \(late) ms")
    }
}

/// C18: an entry that a node took becomes final, whoever leads.
struct EntriesBecomeFinal: Checker {
    static let id = "C18"
    static let statement = "an entry that a live node took is final or expired by the end, whoever led meanwhile"
    static let watches: [Observation.Kind] = [.promised]
    private(set) var judged: UInt64 = 0
    private let exempt: Exempt
    /// Places of the workbook with when they were promised.
    private var promised: [(place: Int, at: Instant)] = []
    private let isJudged: Bool

    /// Of calm that an entry may need: resends come every 5 s, and a dead leader costs a view. Tiny pools take 8
    /// entries of an account at a time, so a backlog needs several rounds.
    private let patience: Interval

    init(_ plan: Plan) {
        exempt = Exempt(plan)
        isJudged = plan.expects != .halt
        patience = plan.limits == .tiny ? .seconds(120) : .seconds(30)
    }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        if case .promised(_, let place) = observation { promised.append((place, world.now)) }
        return nil
    }

    mutating func end(of world: borrowing World) -> Finding? {
        guard isJudged, Quorum.isUp(in: world) else { return nil }
        let calm = World.instant(world.plan.clocksAgreeAt)
        for (place, at) in promised where max(at, calm) + patience <= world.now {
            let item = world.work.items[place]
            let i = item.operation.by
            guard item.entry != nil, world.peers[i].isLive, !exempt.hasBadDisk(i) else { continue }
            judged += 1
            switch item.state {
            case .accepted, .ordered:
                return Finding(
                    peers: [i],
                    expected: "operation \(item.operation.id) final \(patience.milliseconds / 1_000) s into calm",
                    found: "\(item.state)")
            default: continue
            }
        }
        return nil
    }
}

/// How many seats can talk with one another.
enum Quorum {
    /// The most live seats that hear one of them; liars count, since they may help.
    static func together(in world: borrowing World) -> Int {
        let n = world.plan.seatCount
        var most = 0
        for i in 0..<n where world.peers[i].life == .up {
            var count = 0
            for j in 0..<n where world.peers[j].life == .up && (i == j || !world.weather.isCut(j, i)) { count += 1 }
            most = max(most, count)
        }
        return most
    }

    static func isUp(in world: borrowing World) -> Bool {
        together(in: world) >= referenceQuorum(world.plan.seatCount)
    }

    /// Who is up and hears whom: while it stays, no vote arrives that could not before.
    static func shape(in world: borrowing World) -> [Bool] {
        var shape: [Bool] = []
        for i in 0..<world.plan.seatCount {
            shape.append(world.peers[i].life == .up)
            for j in 0..<world.plan.seatCount { shape.append(world.weather.isCut(i, j)) }
        }
        return shape
    }
}

/// C19: without a quorum nothing is finalised.
struct NothingFinalWithoutQuorum: Checker {
    static let id = "C19"
    static let statement = "without a quorum of live, connected seats nothing new is finalised"
    static let watches: [Observation.Kind] = [.advanced, .crashed, .booted]
    private(set) var judged: UInt64 = 0
    /// Since when the same seats, fewer than Q, have been together.
    private var lostAt: Instant?
    private var shape: [Bool] = []

    /// What was under way may still arrive: votes that left, and the write that makes an execution known.
    static let grace = Interval.seconds(30)

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        let now = world.now
        guard let since = since(in: world), case .advanced(let read) = observation else { return nil }
        judged += 1
        if now - since <= NothingFinalWithoutQuorum.grace || !world.clogged.isEmpty { return nil }
        return Finding(
            peers: [read.by], expected: "no new height with \(Quorum.together(in: world)) seats together",
            found: "height \(read.height), \((now - since).milliseconds) ms after the quorum was lost")
    }

    mutating func look(at world: borrowing World) -> Finding? {
        // Silence is judged, too.
        if let since = since(in: world), world.now - since > NothingFinalWithoutQuorum.grace { judged += 1 }
        return nil
    }

    /// Since when there is no quorum and nothing changed about that; nil if there is one.
    private mutating func since(in world: borrowing World) -> Instant? {
        if Quorum.isUp(in: world) {
            lostAt = nil
            return nil
        }
        let current = Quorum.shape(in: world)
        if lostAt == nil || current != shape {
            shape = current
            lostAt = world.now
        }
        return lostAt
    }
}
