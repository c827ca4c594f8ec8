import Basis
import Simulator

/// What `peersim sweep --over` may vary of a scenario.
enum SweepField: String, CaseIterable {
    case peers, seats, loss, network, limits, share, replicas

    /// For the help.
    var meaning: String {
        switch self {
        case .peers: "peers in the network"
        case .seats: "seats among them"
        case .loss: "packets lost, as 1/100 or 5%"
        case .network: "a profile"
        case .limits: "tiny or production"
        case .share: "members of the first coalition, a share of those who can do what it does"
        case .replicas: "replicas of all jobs"
        }
    }

    /// The scenario with this value in the place of its own.
    func put(_ text: String, into scenario: Scenario) throws(Wrong) -> Scenario {
        var scenario = scenario
        switch self {
        case .peers, .seats:
            guard case .drawn(var census) = scenario.population else {
                throw Wrong(
                    message: "\(rawValue) cannot vary in a plan that lists its peers",
                    why: "each of them is decided already", fix: "sweep the scenario that the plan was made from")
            }
            let value = try Scalar.whole(1...(self == .peers ? 100_000 : 100))(text)
            if self == .peers { census.peers = value } else { census.seats = value }
            if census.seats > census.peers {
                throw Wrong(
                    message: "\(census.seats) seats, but only \(census.peers) peers", why: "every seat is a peer",
                    fix: "ask for fewer seats or for more peers")
            }
            scenario.population = .drawn(census)
        case .loss: scenario.network.loss = try Scalar.chance(text)
        case .network:
            guard let profile = NetworkProfile.all.first(where: { $0.name == text }) else {
                throw SweepField.unknown("profile", text, NetworkProfile.all.map(\.name))
            }
            scenario.network = profile
        case .limits:
            guard let limits = Plan.LimitsName(rawValue: text) else {
                throw SweepField.unknown("set of limits", text, Plan.LimitsName.allCases.map(\.rawValue))
            }
            scenario.limits = limits
        case .share:
            guard let first = scenario.adversaries.first, case .random(_, let home) = first.members else {
                throw Wrong(
                    message: "the scenario has no coalition whose members are drawn", why: "its share is what varies",
                    fix: "give its first adversary a share or a count")
            }
            scenario.adversaries[0].members = .random(.share(try Scalar.chance(text)), of: home)
        case .replicas:
            let count = try Scalar.whole(1...9)(text)
            for at in scenario.workload.indices {
                if case .openJob(let kind, _, let runs, let odd, let cancelled) = scenario.workload[at].kind {
                    scenario.workload[at].kind = .openJob(
                        taskClass: kind, replicas: count, runs: runs, unservable: odd, cancelled: cancelled)
                }
            }
        }
        // Another value may be what the swept ones are compared with: a golden hash never is.
        scenario.golden = nil
        return scenario
    }

    private static func unknown(_ what: String, _ text: String, _ all: [String]) -> Wrong {
        Wrong(
            message: "unknown \(what) \"\(text)\"", why: "these are a closed list",
            fix: "write one of: \(all.joined(separator: ", "))")
    }

    /// `loss=0,1%,5%`
    static func parse(_ text: String) throws(Wrong) -> (field: SweepField, values: [String]) {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        let values = parts.count == 2 ? parts[1].split(separator: ",").map(String.init) : []
        let names = allCases.map { "\($0.rawValue) (\($0.meaning))" }.joined(separator: ", ")
        guard let name = parts.first, !values.isEmpty else {
            throw Wrong(
                message: "--over \"\(text)\" names no values", why: "one row is made for each value",
                fix: "write --over loss=0%,1%,5%; what may vary: \(names)")
        }
        guard let field = SweepField(rawValue: name) else {
            let near = Suggestion.nearest(to: name, in: allCases.map(\.rawValue))
            throw Wrong(
                message: "a sweep cannot vary \"\(name)\"", why: "what may vary is a closed list",
                fix: (near.map { "did you mean \"\($0)\"? " } ?? "") + "there are: \(names)")
        }
        return (field, values)
    }
}
