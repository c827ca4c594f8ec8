import Basis

/// One invariant with its shadow state (`simulation.md` 15). Sees the whole world, costs what changed, and never
/// influences the run.
protocol Checker: Sendable {
    static var id: String { get }
    static var statement: String { get }
    /// What it wants to hear.
    static var watches: [Observation.Kind] { get }
    /// How often it judged something: an invariant that was never judged was not tested.
    var judged: UInt64 { get }

    init(_ plan: Plan)
    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding?
    /// Every 4,096 events.
    mutating func look(at world: borrowing World) -> Finding?
    /// After the last event.
    mutating func end(of world: borrowing World) -> Finding?
    /// What it counted beside its verdicts, whether or not this run is one that it judges.
    var measures: [Measure] { get }
}

extension Checker {
    mutating func look(at world: borrowing World) -> Finding? { nil }
    mutating func end(of world: borrowing World) -> Finding? { nil }
    var measures: [Measure] { [] }
}

/// What a checker found broken.
struct Finding: Sendable {
    var peers: [Int]
    var expected: String
    var found: String
}

/// The invariants that a world judges.
public struct CheckerSet: Sendable {
    private var checkers: [any Checker] = []
    private var ids: [String] = []
    /// Places in `checkers` by what they watch.
    private var byKind: [[Int]] = Array(repeating: [], count: Observation.Kind.allCases.count)
    /// Kinds that some checker watches, one bit each.
    private var watched: UInt64 = 0
    private let wanted: Set<String>?
    private var isMade = false
    private var lastLook: UInt64 = 0

    /// Between two looks of those that look at everything.
    static let lookInterval: UInt64 = 4_096

    /// Every invariant that is not waived.
    public static let all = CheckerSet(wanted: nil)
    public static func only(_ ids: [String]) -> CheckerSet { CheckerSet(wanted: Set(ids)) }
    public static let none = CheckerSet(wanted: [])

    private init(wanted: Set<String>?) { self.wanted = wanted }

    /// Every checker that exists, in the order of `simulation.md` 15.
    static let catalogue: [any Checker.Type] = system + membership + log

    /// Ids and statements of all invariants that are judged.
    public static var invariants: [(id: String, statement: String)] { catalogue.map { ($0.id, $0.statement) } }

    mutating func make(for plan: Plan) {
        if isMade { return }
        isMade = true
        for type in CheckerSet.catalogue {
            if let wanted, !wanted.contains(type.id) { continue }
            if plan.waived.contains(where: { $0.invariant == type.id }) { continue }
            // Peers of tier XL have no sessions, disks or logs to look at.
            if plan.tier == .extraLarge, type.id != PartsRejoin.id { continue }
            for kind in type.watches {
                byKind[Int(kind.rawValue)].append(checkers.count)
                watched |= 1 << UInt64(kind.rawValue)
            }
            ids.append(type.id)
            checkers.append(type.init(plan))
        }
    }

    /// Whether anybody hears observations of this kind.
    func wants(_ kind: Observation.Kind) -> Bool { watched & 1 << UInt64(kind.rawValue) != 0 }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Violation? {
        let kind = Int(observation.kind.rawValue)
        for n in byKind[kind].indices {
            let place = byKind[kind][n]
            if let finding = checkers[place].observe(observation, in: world) { return violation(place, finding, world) }
        }
        return nil
    }

    mutating func look(at world: borrowing World) -> Violation? {
        if world.events < lastLook + CheckerSet.lookInterval { return nil }
        lastLook = world.events
        for place in checkers.indices {
            if let finding = checkers[place].look(at: world) { return violation(place, finding, world) }
        }
        return nil
    }

    mutating func atEnd(_ world: borrowing World) -> Violation? {
        for place in checkers.indices {
            if let finding = checkers[place].end(of: world) { return violation(place, finding, world) }
        }
        return nil
    }

    private func violation(_ place: Int, _ finding: Finding, _ world: borrowing World) -> Violation {
        Violation(
            invariant: ids[place], at: world.elapsed, event: world.events, peers: finding.peers,
            expected: finding.expected, found: finding.found)
    }

    var measures: [Measure] { checkers.flatMap(\.measures) }

    var judged: [RunRecord.Judged] {
        checkers.map { checker in
            let type = type(of: checker)
            return .init(invariant: type.id, statement: type.statement, count: checker.judged)
        }
    }
}

extension World {
    /// Notes an observation if somebody hears its kind.
    mutating func note(_ kind: Observation.Kind, _ observation: @autoclosure () -> Observation) {
        if checkers.wants(kind) { observations.append(observation()) }
    }

    /// Lets the checkers hear what happened since they heard last.
    mutating func judge() {
        if observations.isEmpty { return }
        var set = checkers
        checkers = .none
        var heard: [Observation] = []
        swap(&heard, &observations)
        var violation: Violation?
        for place in heard.indices {
            violation = set.observe(heard[place], in: self)
            if violation != nil { break }
        }
        if violation == nil { violation = set.look(at: self) }
        checkers = set
        // Its room is used again: every event has observations.
        heard.removeAll(keepingCapacity: true)
        if observations.isEmpty { swap(&heard, &observations) }
        if let violation { conclude(.violated(violation)) }
    }
}
