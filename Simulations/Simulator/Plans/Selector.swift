/// Whom a scenario means, before a seed has decided it (`simulation.md` 12).
///
/// The expansion turns each into numbers of peers, except for `seat:n`, `leader` and `worker:n` where a fault meets
/// them: those become `Targets` that the moment resolves.
public indirect enum Selector: Sendable, Hashable {
    /// How many of a pool.
    public enum Amount: Sendable, Hashable {
        /// 1 or more; a pool that is smaller gives all of itself.
        case count(Int)
        /// Rounded down, but at least one of a pool that is not empty.
        case share(Chance)

        func of(_ pool: Int) -> Int {
            switch self {
            case .count(let count): min(pool, count)
            case .share(let share):
                share.isNever
                    ? 0
                    : min(pool, max(1, pool * Int(share.numerator) / Int(share.denominator)))
            }
        }
    }

    /// Ascending, without repetition.
    case peers([Int])
    /// `random:3`, `random:20%`, `random:20% of observers`; of the peers that start with the network.
    case random(Amount, of: Selector)
    /// `seat:2`
    case seats(Int)
    case leader
    /// `worker:1`
    case workers(Int)
    /// `seats`
    case everySeat
    /// `observers`: all but seats.
    case observers
    /// Those whom the workload asks to open jobs.
    case submitters
    /// A name, or the number of a region that has none.
    case region(String)
    case nat(NATKind)
    /// A name from the scenario's `groups`.
    case group(String)
    case adversary(String)
    /// All that the other side or the other groups of the same fault do not name.
    case rest
    case all
    case union([Selector])

    /// Whether only the moment can tell whom it means, so that it cannot stand where the plan must know.
    public var isDecidedLate: Bool {
        switch self {
        case .leader, .workers: true
        case .random(_, let pool): pool.isDecidedLate
        case .union(let parts): parts.contains { $0.isDecidedLate }
        default: false
        }
    }

    /// As it is written in a file.
    public var text: String {
        switch self {
        case .peers(let peers): "peers:" + peers.map(String.init).joined(separator: ",")
        case .random(let amount, let pool):
            switch amount {
            case .count(let count): "random:\(count)" + (pool == .all ? "" : " of " + pool.text)
            case .share(let share): "random:\(share)" + (pool == .all ? "" : " of " + pool.text)
            }
        case .seats(let count): "seat:\(count)"
        case .leader: "leader"
        case .workers(let count): "worker:\(count)"
        case .everySeat: "seats"
        case .observers: "observers"
        case .submitters: "submitters"
        case .region(let name): "region:\(name)"
        case .nat(let kind): "nat:\(kind.rawValue)"
        case .group(let name): "group:\(name)"
        case .adversary(let name): "adversary:\(name)"
        case .rest: "rest"
        case .all: "all"
        case .union(let parts): parts.map(\.text).joined(separator: " + ")
        }
    }
}
