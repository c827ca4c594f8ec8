import Basis
import Gossip
import NodeCore
import Records
import Trust

/// M4: a link has two ends.
struct LinksAgree: Checker {
    static let id = "M4"
    static let statement = "both ends of a link agree soon; no link to oneself"
    static let watches: [Observation.Kind] = [.booted, .crashed, .membership]
    /// Three rounds of probes at a health that both ends share, and the handshake that follows.
    static let agreeMax = Interval.seconds(20)
    /// When the other end gave the link up unheard, helpers that reach it keep it alive here until `oneWay` is over.
    private let lostMax: Interval
    private(set) var judged: UInt64 = 0
    /// By the two peers: since when the first counts the second as a link.
    private var up: [UInt64: Instant] = [:]
    /// When the first last lost or found its link to the second.
    private var changed: [UInt64: Instant] = [:]
    /// Whether it had one and lost it.
    private var hasLost: [UInt64: Bool] = [:]

    init(_ plan: Plan) { lostMax = plan.nodeLimits.gossip.oneWay + LinksAgree.agreeMax }

    private static func pair(_ i: Int, _ j: Int) -> UInt64 { UInt64(i) << 32 | UInt64(j) }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        switch observation {
        case .booted(let i), .crashed(let i):
            for j in world.peers.indices {
                if up.removeValue(forKey: LinksAgree.pair(i, j)) != nil { hasLost[LinksAgree.pair(i, j)] = true }
                changed[LinksAgree.pair(i, j)] = world.now
            }
        case .membership(let i, .linkUp(let index, _)):
            guard let j = world.peer(i, index) else { return nil }
            judged += 1
            if j == i { return Finding(peers: [i], expected: "no link to oneself", found: "one") }
            up[LinksAgree.pair(i, j)] = world.now
            hasLost[LinksAgree.pair(i, j)] = nil
            changed[LinksAgree.pair(i, j)] = world.now
        case .membership(let i, .linkDown(let index, _)):
            guard let j = world.peer(i, index) else { return nil }
            up[LinksAgree.pair(i, j)] = nil
            hasLost[LinksAgree.pair(i, j)] = true
            changed[LinksAgree.pair(i, j)] = world.now
        default: break
        }
        return nil
    }

    mutating func look(at world: borrowing World) -> Finding? {
        for i in world.peers.indices where world.peers[i].isLive {
            let rows = world.peers[i].inPlace { $0.membership.linkRows } ?? []
            for row in rows where row.isUp {
                guard let j = world.byID[row.id], up[LinksAgree.pair(j, i)] == nil,
                    let since = up[LinksAgree.pair(i, j)], let quiet = world.quietSince(i, j)
                else { continue }
                judged += 1
                let last = max(since, quiet, changed[LinksAgree.pair(j, i)] ?? .zero)
                let most = hasLost[LinksAgree.pair(j, i)] == nil ? LinksAgree.agreeMax : lostMax
                if world.now - last > most {
                    return Finding(
                        peers: [i, j], expected: "a link at both ends \(most) after it came up or was lost",
                        found: "peer \(j) has none since \(world.now - last)")
                }
            }
        }
        return nil
    }

    mutating func end(of world: borrowing World) -> Finding? { look(at: world) }
}

/// M6: what others ask for takes no place of what we chose.
struct OutboundLinksBounded: Checker {
    static let id = "M6"
    static let statement = "outside a full mesh, outbound links stay within their slots"
    static let watches: [Observation.Kind] = []
    private(set) var judged: UInt64 = 0
    private let target: Int
    /// Since when a peer was seen with more: a pin that ends leaves a link until the next plan.
    private var since: [Instant?]
    static let surplusSpan = Interval.seconds(30)

    init(_ plan: Plan) {
        target = plan.nodeLimits.gossip.outboundLinksTarget
        since = Array(repeating: nil, count: plan.peers.count)
    }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? { nil }

    mutating func look(at world: borrowing World) -> Finding? {
        for i in world.peers.indices where world.peers[i].isLive {
            let found = world.peers[i].inPlace { node in
                node.membership.isMesh
                    ? nil : node.membership.linkRows.count { $0.isUp && $0.isOutbound && !$0.isPinned }
            }
            guard let outbound = found ?? nil else { continue }
            judged += 1
            // Pins are linked beyond the slots.
            if outbound <= target {
                since[i] = nil
                continue
            }
            let from = since[i] ?? world.now
            since[i] = from
            if world.now - from > OutboundLinksBounded.surplusSpan {
                return Finding(peers: [i], expected: "at most \(target) outbound links", found: "\(outbound)")
            }
        }
        return nil
    }

    mutating func end(of world: borrowing World) -> Finding? { look(at: world) }
}

/// M14: a neighbour that died without a word leaves the links in time.
struct CrashesNoticed: Checker {
    static let id = "M14"
    static let statement = "a crashed neighbour leaves the links: median ≤ 8 s, p99 ≤ 12 s"
    static let watches: [Observation.Kind] = [.booted, .crashed, .membership]
    static let medianMax = Interval.seconds(8)
    static let lastMax = Interval.seconds(12)
    static let samplesMin = 30
    /// Of fewer, none may take longer: 6 s after a probe that was just answered, three rounds of 6 s at worst.
    static let fewMax = Interval.seconds(24)
    private(set) var judged: UInt64 = 0
    private var up: [UInt64: Bool] = [:]
    /// When the second peer of a pair died while the first counted it as a link.
    private var since: [UInt64: Instant] = [:]
    private var took: [Interval] = []
    private let isJudged: Bool

    init(_ plan: Plan) { isJudged = plan.network.loss <= Chance(5, in: 100) && plan.network.name != "hostile" }

    private static func pair(_ i: Int, _ j: Int) -> UInt64 { UInt64(i) << 32 | UInt64(j) }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        switch observation {
        case .booted(let i):
            for j in world.peers.indices {
                up[CrashesNoticed.pair(i, j)] = nil
                // It is back before it was missed: a restart, judged by what follows it.
                since[CrashesNoticed.pair(j, i)] = nil
            }
        case .crashed(let i):
            for j in world.peers.indices {
                since[CrashesNoticed.pair(i, j)] = nil
                up[CrashesNoticed.pair(i, j)] = nil
                guard up[CrashesNoticed.pair(j, i)] != nil, world.peers[j].isLive else { continue }
                since[CrashesNoticed.pair(j, i)] = world.now
            }
        case .membership(let i, .linkUp(let index, _)):
            if let j = world.peer(i, index) { up[CrashesNoticed.pair(i, j)] = true }
        case .membership(let i, .linkDown(let index, _)):
            guard let j = world.peer(i, index) else { return nil }
            up[CrashesNoticed.pair(i, j)] = nil
            guard let at = since.removeValue(forKey: CrashesNoticed.pair(i, j)) else { return nil }
            if CrashesNoticed.isExplained(i, since: at, world) { return nil }
            if isJudged { judged += 1 }
            took.append(world.now - at)
        default: break
        }
        return nil
    }

    /// A fault that met the watcher or one of its helpers meanwhile explains every delay: a helper that answers late
    /// makes the watcher wait longer, as it should (8.3).
    private static func isExplained(_ i: Int, since at: Instant, _ world: borrowing World) -> Bool {
        func isDisturbed(_ j: Int) -> Bool { world.undisturbedSince(j).map { $0 > at } ?? true }
        if isDisturbed(i) { return true }
        for j in world.links(i) where world.peers[j].life == .up && isDisturbed(j) { return true }
        return false
    }

    var measures: [Measure] { [Measure("dead neighbours noticed", .times(took.map(\.milliseconds)))] }

    mutating func end(of world: borrowing World) -> Finding? {
        for i in world.peers.indices {
            for j in world.peers.indices {
                guard let at = since[CrashesNoticed.pair(i, j)], world.now - at > CrashesNoticed.lastMax,
                    !CrashesNoticed.isExplained(i, since: at, world)
                else { continue }
                if isJudged { judged += 1 }
                took.append(world.now - at)
            }
        }
        if took.isEmpty || !isJudged { return nil }
        let sorted = took.sorted()
        let (median, last) = (sorted[sorted.count / 2], sorted[min(sorted.count - 1, sorted.count * 99 / 100)])
        if sorted.count < CrashesNoticed.samplesMin {
            // Quantiles of a few say little.
            if last <= CrashesNoticed.fewMax { return nil }
        } else {
            // One in a hundred may be late, and three standard deviations of that number.
            let late = Int64(sorted.count { $0 > CrashesNoticed.lastMax })
            let excess = late * 100 - Int64(sorted.count)
            let isMany = excess > 0 && excess * excess > 9 * 99 * Int64(sorted.count)
            if median <= CrashesNoticed.medianMax, !isMany { return nil }
        }
        return Finding(
            peers: [],
            expected: "dead neighbours gone after \(CrashesNoticed.medianMax), the last after "
                + "\(CrashesNoticed.lastMax)", found: "median \(median), p99 \(last) of \(took.count)")
    }
}

/// M15: what was cut apart grows together.
struct PartsRejoin: Checker {
    static let id = "M15"
    static let statement = "after a partition or the loss of most peers, honest live peers are one component in 60 s"
    static let watches: [Observation.Kind] = [.handled]
    private let joinMax: Interval
    private(set) var judged: UInt64 = 0
    private var isDone = false

    /// Tiny tables refuse, and each refusal bars a minute.
    init(_ plan: Plan) { joinMax = plan.limits == .tiny ? .seconds(180) : .seconds(60) }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard !isDone, world.phase == .calm, world.elapsed - world.plan.calmAt > joinMax else { return nil }
        isDone = true
        judged += 1
        return parts(world)
    }

    mutating func end(of world: borrowing World) -> Finding? {
        guard world.elapsed - world.plan.calmAt > joinMax else { return nil }
        judged += 1
        return parts(world)
    }

    private func parts(_ world: borrowing World) -> Finding? {
        guard let waits = world.waits(for: .oneComponent).first else { return nil }
        return Finding(peers: [], expected: "one component \(joinMax) after calm", found: waits)
    }
}

/// M16: nobody gives up a neighbour that lives.
struct NoFalseEvictions: Checker {
    static let id = "M16"
    static let statement = "no eviction of a live neighbour at loss ≤ 1 % and pauses ≤ 3 s"
    static let watches: [Observation.Kind] = [.membership]
    /// A round that began in worse times may end in better ones.
    static let quietMin = Interval.seconds(20)
    private(set) var judged: UInt64 = 0
    private let isJudged: Bool
    /// Live neighbours that were given up.
    private var evicted: UInt64 = 0
    /// How long links of live peers stood, in milliseconds, and up to when that is counted.
    private var linkMillis: UInt64 = 0
    private var countedTo = Instant.zero

    init(_ plan: Plan) {
        isJudged =
            plan.network.loss <= Chance(1, in: 100) && plan.network.name != "hostile"
            && plan.peers.allSatisfy { $0.nat == .public }
    }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .membership(let i, .linkDown(let index, let reason)) = observation,
            let j = world.peer(i, index), let quiet = world.quietSince(i, j),
            world.now - quiet >= NoFalseEvictions.quietMin
        else { return nil }
        if isJudged { judged += 1 }
        if reason == .silent || reason == .oneWay {
            evicted += 1
            if !isJudged { return nil }
            return Finding(
                peers: [i, j],
                expected: "no eviction of a neighbour that lives and is reached since \(world.now - quiet)",
                found: "\(reason)")
        }
        return nil
    }

    /// Quiet links are judged, too: a run in which none went down evicted nobody.
    mutating func look(at world: borrowing World) -> Finding? {
        let past = UInt64(max(0, (world.now - countedTo).milliseconds))
        countedTo = world.now
        for i in world.peers.indices where world.peers[i].isLive {
            if isJudged { judged += 1 }
            linkMillis += past * UInt64(world.peers[i].node?.linked.count ?? 0)
        }
        return nil
    }

    mutating func end(of world: borrowing World) -> Finding? { look(at: world) }

    var measures: [Measure] {
        [Measure("live neighbours given up", .events(evicted, seconds: linkMillis / 1_000))]
    }
}

/// M17: no honest peer has only links to a coalition.
struct NobodyEclipsed: Checker {
    static let id = "M17"
    static let statement = "no honest peer has only adversarial links"
    static let watches: [Observation.Kind] = [.handled]
    /// Links that were lost may be replaced within this time.
    static let aloneMax = Interval.seconds(20)
    private(set) var judged: UInt64 = 0
    private var since: [Instant?]
    private var counts: [UInt64]
    private let hasAdversaries: Bool

    init(_ plan: Plan) {
        since = Array(repeating: nil, count: plan.peers.count)
        counts = Array(repeating: 0, count: plan.peers.count)
        hasAdversaries = plan.adversaries.contains { !$0.peers.isEmpty }
    }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard hasAdversaries, case .handled(let i) = observation, world.phase != .boot else { return nil }
        counts[i] += 1
        guard counts[i] % 16 == 1 else { return nil }
        guard world.peers[i].isLive, let quiet = world.undisturbedSince(i) else {
            since[i] = nil
            return nil
        }
        let links = world.links(i)
        judged += 1
        // Tiny peers dial two: that both lie about something else is chance, one in thirty with two liars among nine.
        let isTiny = world.plan.limits == .tiny
        if links.isEmpty
            || links.contains(where: { isTiny ? !world.peers[$0].attacksNetwork : !world.peers[$0].isByzantine })
        {
            since[i] = nil
            return nil
        }
        let from = max(since[i] ?? world.now, quiet)
        since[i] = from
        if world.now - from <= NobodyEclipsed.aloneMax { return nil }
        return Finding(
            peers: [i], expected: "an honest link",
            found: "\(links.count) links, all adversarial, since \(world.now - from)")
    }
}

/// M18: a join is quick, and a restart needs no seeds.
struct JoinsQuick: Checker {
    static let id = "M18"
    static let statement = "a join has its links soon after its start, from 3 seeds; a restart needs none"
    static let watches: [Observation.Kind] = [.booted, .crashed, .membership]
    /// A lost packet of a handshake costs a second, and the records of others come with the second Pull.
    static let joinMax = Interval.seconds(10)
    /// Without seeds, saved peers may be gone: the rest is heal dials, one in 5 s.
    static let restartMax = Interval.seconds(30)
    static let linksMin = 2
    private(set) var judged: UInt64 = 0
    private var started: [Instant?]
    private var links: [Int]
    private let isJudged: Bool

    init(_ plan: Plan) {
        started = Array(repeating: nil, count: plan.peers.count)
        links = Array(repeating: 0, count: plan.peers.count)
        // Tiny tables refuse, and a refusal bars a minute.
        isJudged =
            plan.limits == .production && plan.network.loss <= Chance(1, in: 100) && plan.network.name != "hostile"
            && plan.peers.allSatisfy { $0.nat == .public } && plan.adversaries.isEmpty
    }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        switch observation {
        case .booted(let i):
            links[i] = 0
            // Someone must be there to be joined, and to stay.
            let others = world.peers.indices.count { $0 != i && world.peers[$0].isLive && links[$0] > 0 }
            started[i] = isJudged && others >= 3 && world.undisturbedSince(i) != nil ? world.now : nil
        case .crashed(let i): started[i] = nil
        case .membership(let i, .linkUp):
            links[i] += 1
            guard links[i] >= JoinsQuick.linksMin, started[i] != nil else { return nil }
            return finish(i, world)
        case .membership(let i, .linkDown): links[i] -= 1
        default: break
        }
        return nil
    }

    private mutating func finish(_ i: Int, _ world: borrowing World) -> Finding? {
        guard let at = started[i] else { return nil }
        started[i] = nil
        guard !world.peers[i].isByzantine else { return nil }
        // Its seeds are the first three others: they must have been there all along.
        for j in [i] + world.peers.indices.filter({ $0 != i }).prefix(3) {
            guard let quiet = world.undisturbedSince(j), quiet <= at else { return nil }
        }
        judged += 1
        let limit = world.peers[i].boot == 1 ? JoinsQuick.joinMax : JoinsQuick.restartMax
        if world.now - at <= limit { return nil }
        return Finding(
            peers: [i], expected: "\(JoinsQuick.linksMin) links within \(limit) of a start",
            found: "\(links[i]) after \(world.now - at)")
    }

    mutating func look(at world: borrowing World) -> Finding? {
        for i in started.indices {
            guard let at = started[i], world.now - at > JoinsQuick.restartMax else { continue }
            if let finding = finish(i, world) { return finding }
        }
        return nil
    }

    mutating func end(of world: borrowing World) -> Finding? { look(at: world) }
}
