import Basis
import Records

/// One expansion of a scenario under a seed (`simulation.md` 3).
///
/// Each purpose has a stream of its own, and each fault a fork of its stream, so that editing one part of a scenario
/// changes no draw of another. Order: newcomers, peers, coalitions, operations, faults.
struct Expansion {
    let scenario: Scenario
    let seeding: Seeding
    var plan: Plan
    /// By number of the peer: whether a fault or an operation starts it.
    var isNewcomer: [Bool]
    /// Where the newcomers of each fault begin; nil where it has none.
    var newcomers: [ClosedRange<Int>?]
    /// By number of the peer.
    var isAdversary: [Bool]
    /// By number of the peer: asked to open a job.
    var isSubmitter: [Bool]

    init(_ scenario: Scenario, seeding: Seeding) {
        self.scenario = scenario
        self.seeding = seeding
        plan = Plan(name: scenario.name, why: scenario.why, peers: [])
        let count = scenario.population.count
        isNewcomer = Array(repeating: false, count: count)
        isAdversary = Array(repeating: false, count: count)
        isSubmitter = Array(repeating: false, count: count)
        newcomers = Array(repeating: nil, count: scenario.faults.count)
    }

    mutating func run() -> Plan {
        takeOver()
        findNewcomers()
        switch scenario.population {
        case .drawn(let census): plan.peers = drawPeers(census)
        case .listed(let peers):
            plan.peers = peers
            for peer in peers.indices { isNewcomer[peer] = peers[peer].startsAt == nil }
        }
        recruit()
        work()
        harm()
        return plan
    }

    // MARK: below their use

    /// What needs no draw.
    mutating func takeOver() {
        plan.tier = scenario.effectiveTier
        plan.limits = scenario.limits
        plan.crypto = scenario.crypto ?? (plan.tier == .extraLarge ? .none : .sim)
        plan.ties = scenario.ties
        plan.network = scenario.network
        plan.regions = scenario.regions
        plan.diskLatency = scenario.diskLatency
        plan.boot = scenario.boot
        plan.calmAt = scenario.effectiveCalmAt
        plan.duration = scenario.duration
        plan.must = scenario.effectiveMust
        plan.holdFor = scenario.holdFor
        plan.worksInCalm = scenario.worksInCalm
        plan.waived = scenario.waived
        plan.expects = scenario.expects
        plan.plant = scenario.plant
        plan.golden = scenario.golden
    }

    /// The last peers are those whom join storms start; the first storm has the very last ones.
    mutating func findNewcomers() {
        var end = scenario.population.count
        let seats = scenario.population.seats
        for (index, fault) in scenario.faults.enumerated() {
            guard case .joinStorm = fault.kind else { continue }
            switch fault.whom {
            case .newcomers(let count):
                let start = max(seats, end - count)
                if start >= end { continue }
                newcomers[index] = start...(end - 1)
                for peer in start..<end { isNewcomer[peer] = true }
                end = start
            case .who(.peers(let peers)):
                for peer in peers where isNewcomer.indices.contains(peer) { isNewcomer[peer] = true }
            default: continue
            }
        }
        for operation in scenario.operations where operation.kind == .join {
            if isNewcomer.indices.contains(operation.by) { isNewcomer[operation.by] = true }
        }
    }

    var seats: Range<Int> { 0..<scenario.population.seats }
    var everyone: [Int] { Array(plan.peers.indices) }
    var present: [Int] { plan.peers.indices.filter { !isNewcomer[$0] } }

    /// So many of a pool, ascending.
    func pick(_ count: Int, of pool: [Int], using stream: inout SeededGenerator) -> [Int] {
        var pool = pool
        let count = min(count, pool.count)
        for index in 0..<count {
            pool.swapAt(index, Int.random(in: index..<pool.count, using: &stream))
        }
        return pool.prefix(count).sorted()
    }

    /// Whom a selector means, ascending. `rest` is everyone but `others`.
    func resolve(_ selector: Selector, others: [Int] = [], using stream: inout SeededGenerator) -> [Int] {
        switch selector {
        case .peers(let peers): peers.filter { plan.peers.indices.contains($0) }
        case .random(let amount, .all): pick(amount.of(present.count), of: present, using: &stream)
        case .random(let amount, let inner):
            drawn(amount, of: resolve(inner, others: others, using: &stream), using: &stream)
        case .seats(let count): pick(count, of: Array(seats), using: &stream)
        case .leader: pick(1, of: Array(seats), using: &stream)
        case .workers(let count):
            pick(count, of: present.filter { plan.peers[$0].slots > 0 }, using: &stream)
        case .everySeat: Array(seats)
        case .observers: present.filter { !seats.contains($0) }
        case .submitters: everyone.filter { isSubmitter[$0] }
        case .region(let name): everyone.filter { plan.peers[$0].region == number(ofRegion: name) }
        case .nat(let kind): everyone.filter { plan.peers[$0].nat == kind }
        case .group(let name):
            scenario.groups.first { $0.name == name }.map {
                resolve($0.members, others: others, using: &stream)
            } ?? []
        case .adversary(let name): plan.adversaries.first { $0.name == name }?.peers ?? []
        case .rest: except(others)
        case .all: everyone
        case .union(let parts): union(parts, others: others, using: &stream)
        }
    }

    func drawn(_ amount: Selector.Amount, of pool: [Int], using stream: inout SeededGenerator) -> [Int] {
        pick(amount.of(pool.count), of: pool, using: &stream)
    }

    func union(_ parts: [Selector], others: [Int], using stream: inout SeededGenerator) -> [Int] {
        var isIn = plan.peers.map { _ in false }
        for part in parts {
            for peer in resolve(part, others: others, using: &stream) { isIn[peer] = true }
        }
        return everyone.filter { isIn[$0] }
    }

    func except(_ others: [Int]) -> [Int] {
        var isOut = plan.peers.map { _ in false }
        for peer in others { isOut[peer] = true }
        return everyone.filter { !isOut[$0] }
    }

    func number(ofRegion name: String) -> Int? {
        scenario.regionNames.firstIndex(of: name) ?? Int(name)
    }
}
