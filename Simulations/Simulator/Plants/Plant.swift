import Basis

/// A bug planted on purpose, so that a checker shows that it can fail (`simulation.md` 16).
public struct Plant: Sendable {
    /// What is wrong on purpose, in order of preference.
    public enum Kind: String, Sendable, CaseIterable {
        /// The simulated shell breaks its contract.
        case shell = "s"
        /// Nodes get other limits or rules than the checkers.
        case limits = "l"
        /// The world alters a field of a core.
        case memory = "m"
        /// A site in a core under `PLANTED_BUGS`: only in a build with the trait `PlantedBugs`.
        case core = "c"
    }

    /// The invariant that it breaks, and the number of the clause if there are several: `S9`, `M9.2`.
    public let id: String
    public let kind: Kind
    /// One line: what is wrong.
    public let summary: String
    public let seed: UInt64
    /// Within so many events it must be caught.
    public let eventsMax: UInt64
    let site: PlantSite
    private let make: @Sendable () -> Plan

    init(
        _ id: String, _ kind: Kind, _ site: PlantSite, _ summary: String, seed: UInt64 = 1, eventsMax: UInt64 = 12_000,
        plan: @escaping @Sendable () -> Plan
    ) {
        self.id = id
        self.kind = kind
        self.site = site
        self.summary = summary
        self.seed = seed
        self.eventsMax = eventsMax
        make = plan
    }

    /// The run in which it must be caught, and which is clean without it.
    public var plan: Plan {
        var plan = make()
        plan.name = "canary-\(id)"
        plan.why = summary
        return plan
    }

    /// The row that must catch it: `M9` for `M9.2`.
    public var invariant: String { String(id.prefix { $0 != "." }) }

    /// Whether it can be planted in this build.
    public var isBuilt: Bool { kind != .core || Planted.isBuilt }

    /// All plants in the order of `simulation.md` 15.
    public static var catalogue: [Plant] { system + membership + ledger }

    /// Number of the site that has to be on around a world with this plant: 0 unless it sits in a core.
    public static func coreSite(of id: String?) -> UInt16 {
        guard let id, let plant = named(id), plant.kind == .core else { return 0 }
        return plant.site.number
    }

    public static func named(_ id: String) -> Plant? { catalogue.first { $0.id == id } }
}
