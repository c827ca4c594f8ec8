import Simulator

/// What `peersim list` prints and readers check names against.
enum Catalogue {
    static let invariantIDs = invariants.map(\.id)

    static func invariant(_ text: String) throws(Wrong) -> String {
        if invariantIDs.contains(text) { return text }
        throw Wrong(
            message: "unknown invariant \"\(text)\"", why: "invariants are a closed list with fixed ids",
            fix: "`peersim list invariants` prints all of them")
    }

    /// Whether it is an invariant or a must.
    static func isJudged(_ name: String) -> Bool {
        invariantIDs.contains(name) || Must.ID(rawValue: name) != nil
    }

    static func rows(_ what: ListCommand.What) -> [(name: String, text: String)] {
        switch what {
        case .faults: Fault.Kind.names.map { ($0, fault($0)) }
        case .adversaries: AdversaryType.allCases.map { ($0.rawValue, $0.meaning) }
        case .invariants: invariants.map { ($0.id, $0.statement) }
        case .must: Must.ID.allCases.map { ($0.rawValue, $0.meaning + "; within " + Scalar.text($0.limit)) }
        case .profiles: NetworkProfile.all.map { ($0.name, profile($0)) }
        case .marks: marks.map { ($0, "") }
        case .scenarios: ScenarioFile.all().map { ($0.name, why($0.path)) }
        }
    }

    /// What a kind of fault does, and its parameters.
    static func fault(_ name: String) -> String {
        let parameters = ScenarioReader.whomFields(of: name) + ScenarioReader.parameters(of: name)
        return meanings[name, default: ""] + " (" + parameters.joined(separator: ", ") + ")"
    }

    static let meanings: [String: String] = [
        "partition": "groups cannot reach one another", "partition_one_way": "nothing gets from one side to the other",
        "clog": "packets are held, and come out in a burst",
        "swizzle_clog": "peers are clogged one by one and freed in another order",
        "loss": "packets are lost independently", "burst_loss": "packets are lost in bursts",
        "delay": "packets take longer", "slow_tail": "some packets take many times longer",
        "duplicate": "packets arrive twice", "reorder": "packets overtake one another",
        "late_replay": "copies arrive much later", "corrupt": "bits are flipped",
        "bandwidth": "links are narrower", "mtu": "larger datagrams vanish",
        "black_hole": "two sides cannot reach each other, and nobody is told",
        "nat_rebind": "a NAT changes its mapping", "udp_blocked": "datagrams do not pass",
        "interface_down": "sends fail at once, nothing arrives", "crash": "the process dies and comes back",
        "lose": "the peer never returns; counts against tolerance", "pause": "the process stands still",
        "slow_cpu": "work takes longer", "clock_skew": "the wall clock is off while it lasts",
        "clock_drift": "the clock runs fast or slow", "clock_jump": "the wall clock jumps once",
        "join_storm": "peers that were not started begin", "leave_silent": "peers end without a word",
        "leave_signed": "peers end with a signed goodbye", "turn_byzantine": "peers join an adversary",
        "disk_lose_unsynced": "a crash loses what was not synced", "disk_wipe": "the store is empty at restart",
        "disk_crash_at_write": "the process dies at a write", "disk_error": "writes fail",
        "disk_full": "writes fail above a size", "disk_slow": "syncs take longer",
        "disk_stall": "nothing completes, then all at once",
        "disk_lying_sync": "reports durable too early: outside tolerance",
    ]

    static func profile(_ profile: NetworkProfile) -> String {
        let delay =
            switch profile.delay {
            case .constant(let delay): "constant " + Scalar.text(delay)
            case .uniform(let low, let high): "uniform \(Scalar.text(low)) to \(Scalar.text(high))"
            case .lognormal(let median, let tail): "lognormal \(Scalar.text(median)), \(tail.rawValue) tail"
            }
        let bursts = profile.burst == nil ? "" : " and bursts"
        let loss = profile.loss.isNever ? "no loss" : "loss \(profile.loss)" + bursts
        return "\(delay); \(loss); up \(Scalar.text(bits: profile.upRate)), down \(Scalar.text(bits: profile.downRate))"
    }

    /// The first sentence of a scenario's question.
    static func why(_ path: String) -> String {
        guard let file = try? ScenarioFile.read(path) else { return "has mistakes: see `peersim check \(path)`" }
        return file.scenario.why
    }
}
