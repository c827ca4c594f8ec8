import Basis
import Consensus
import Credits
import Gossip
import NodeCore
import Records
import Session
import Trust

extension CheckerSet {
    /// Group S. S1 is judged by `verify`, S5 by the process that watches a run: a trap ends the run itself.
    static let system: [any Checker.Type] = [
        CodecsAgree.self, TablesBounded.self, PacketsCounted.self, TimeAdvances.self, InstantsBounded.self,
        DurableStates.self, TicketsKept.self, DuplicatesHarmless.self, NobodyForgets.self, GarbageCheap.self,
    ]
}

/// S3: tables, queues and backlogs stay within their limits.
struct TablesBounded: Checker {
    static let id = "S3"
    static let statement = "no queue, table, inbox or backlog exceeds its limit"
    static let watches: [Observation.Kind] = []
    private(set) var judged: UInt64 = 0
    private let gossip: [(name: String, most: Int)]
    private let session: [(name: String, most: Int)]
    private let pool: Int

    init(_ plan: Plan) {
        let limits = plan.nodeLimits
        gossip = Membership.capacities(limits.gossip)
        session = SimPeer.Node.sessionCapacities(limits.session)
        pool = plan.ledgerLimits.poolEntriesMax
    }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? { nil }

    mutating func look(at world: borrowing World) -> Finding? {
        for i in world.peers.indices where world.peers[i].isUp {
            judged += 1
            let sizes = world.peers[i].inPlace {
                ($0.membership.sizes, $0.sessionSizes, $0.inLog { $0.pool.count } ?? 0)
            }
            guard let sizes else { continue }
            if let finding = TablesBounded.compare(i, sizes.0, gossip) { return finding }
            if let finding = TablesBounded.compare(i, sizes.1, session) { return finding }
            if sizes.2 > pool {
                return Finding(peers: [i], expected: "at most \(pool) entries in the pool", found: "\(sizes.2)")
            }
            let inbox = world.peers[i].inbox.count
            // Datagrams stop at the limit; answers of the own shell do not.
            if inbox > World.backlogMax * 2 {
                return Finding(peers: [i], expected: "at most \(World.backlogMax) inputs waiting", found: "\(inbox)")
            }
        }
        return nil
    }

    mutating func end(of world: borrowing World) -> Finding? { look(at: world) }

    private static func compare(_ i: Int, _ sizes: [Int], _ limits: [(name: String, most: Int)]) -> Finding? {
        for (size, limit) in zip(sizes, limits) where size > limit.most {
            return Finding(peers: [i], expected: "at most \(limit.most) \(limit.name)", found: "\(size)")
        }
        return nil
    }
}

/// S4: every datagram is delivered, dropped for a counted reason, or under way.
struct PacketsCounted: Checker {
    static let id = "S4"
    static let statement = "datagrams sent and copied = delivered + dropped by reason + under way"
    static let watches: [Observation.Kind] = []
    private(set) var judged: UInt64 = 0

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? { nil }

    mutating func look(at world: borrowing World) -> Finding? {
        judged += 1
        let network = world.network
        let underWay = world.queue.count {
            switch $0 {
            case .datagram, .downlinked: true
            default: false
            }
        }
        var dropped: UInt64 = 0
        // What the backlog dropped was delivered before.
        for drop in SimNetwork.Drop.allCases where drop != .backlog { dropped += network.drops[Int(drop.rawValue)] }
        let made = network.sent + network.copies
        let found = network.delivered + dropped + UInt64(underWay + world.clogged.count)
        if made == found { return nil }
        return Finding(
            peers: [], expected: "\(made) datagrams, as were sent and copied",
            found: "\(network.delivered) delivered, \(dropped) dropped, \(underWay) under way, "
                + "\(world.clogged.count) clogged")
    }

    mutating func end(of world: borrowing World) -> Finding? { look(at: world) }
}

/// S6: time goes forward in every core, and a timeout leaves nothing due.
struct TimeAdvances: Checker {
    static let id = "S6"
    static let statement = "time never goes back in a core; after a timeout the next deadline is later than now or nil"
    static let watches: [Observation.Kind] = [.booted, .handled, .timedOut]
    private(set) var judged: UInt64 = 0
    private var last: [Instant]
    /// Timeouts in a row that left something due. One may: a core that fires later than Session can end what Session
    /// kept, and that is due at once.
    private var leftDue: [Int]
    static let leftDueMax = 3

    init(_ plan: Plan) {
        last = Array(repeating: .zero, count: plan.peers.count)
        leftDue = Array(repeating: 0, count: plan.peers.count)
    }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        switch observation {
        case .handled(let i):
            let now = world.localNow(i)
            defer { last[i] = now }
            if now < last[i] {
                return Finding(peers: [i], expected: "a time from \(last[i]) on", found: "\(now)")
            }
        case .timedOut(let i):
            guard world.peers[i].isUp, let due = world.peers[i].deadline else { return nil }
            judged += 1
            let now = world.localNow(i)
            leftDue[i] = due <= now ? leftDue[i] + 1 : 0
            if leftDue[i] >= TimeAdvances.leftDueMax {
                // Mostly none, which is known at a look.
                let parts = world.peers[i].inPlace { node in
                    node.nextDeadline.map { $0 > now } ?? true ? [] : node.dueParts(now)
                } ?? []
                return Finding(
                    peers: [i], expected: "no deadline up to \(now) after a timeout",
                    found: "one at \(due) of \(parts)")
            }
        default: break
        }
        return nil
    }
}

/// S7: no endless work at one instant, no flood of effects from one input.
struct InstantsBounded: Checker {
    static let id = "S7"
    static let statement = "at most 10⁶ events at one instant; effects per input within the limit"
    static let watches: [Observation.Kind] = [.handled, .crowded]
    /// A proposal to 100 seats with all that follows from it at once stays far below.
    static let effectsMax = 20_000
    static let eventsMax = 1_000_000
    private(set) var judged: UInt64 = 0

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        switch observation {
        case .handled(let i):
            judged += 1
            let effects = world.peers[i].lastEffects
            if effects > InstantsBounded.effectsMax {
                return Finding(
                    peers: [i], expected: "at most \(InstantsBounded.effectsMax) effects of one input",
                    found: "\(effects)")
            }
        case .crowded(let count):
            if count > InstantsBounded.eventsMax {
                return Finding(
                    peers: [], expected: "at most \(InstantsBounded.eventsMax) events at one instant",
                    found: "\(count)")
            }
        default: break
        }
        return nil
    }
}
