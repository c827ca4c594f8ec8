import Basis

/// Whether one planted bug was caught by its row, and by nothing without it.
public struct CanaryResult: Sendable, Hashable {
    public enum Verdict: Sendable, Hashable {
        /// Caught by its row after so many events; the clean run was judged so often.
        case caught(events: UInt64, judged: UInt64)
        /// This build has no plants in its cores.
        case notBuilt
        /// The run ended like this with the bug in it.
        case missed(String)
        /// The run is not clean without the bug.
        case notClean(String)
        /// The checker judged nothing in the clean run.
        case notJudged
    }

    public var plant: String
    public var invariant: String
    public var verdict: Verdict

    public var isCaught: Bool {
        if case .caught = verdict { return true }
        return false
    }

    /// One line for people.
    public var line: String {
        switch verdict {
        case .caught(let events, let judged):
            "\(plant) caught by \(invariant) after \(events) events; clean without it, judged \(judged) times"
        case .notBuilt: "\(plant) needs a build with --traits PlantedBugs"
        case .missed(let how): "\(plant) MISSED by \(invariant): \(how)"
        case .notClean(let how): "\(plant) \(invariant) is not clean without the bug: \(how)"
        case .notJudged: "\(plant) \(invariant) judged nothing"
        }
    }
}

/// Plants a bug and looks whether its own checker, and only that one, sees it (`simulation.md` 16).
public enum Canary {
    public static func run(_ plant: Plant) -> CanaryResult {
        func result(_ verdict: CanaryResult.Verdict) -> CanaryResult {
            CanaryResult(plant: plant.id, invariant: plant.invariant, verdict: verdict)
        }
        guard plant.isBuilt else { return result(.notBuilt) }
        let plan = plant.plan
        var sick = World(plan: plan, seed: plant.seed, checkers: .only([plant.invariant]), plant: plant.id)
        Planted.with(Plant.coreSite(of: plant.id)) { _ = sick.run(eventsMax: plant.eventsMax) }
        guard case .violated(let violation) = sick.outcome, violation.invariant == plant.invariant else {
            let judged = sick.checkers.judged.first?.count ?? 0
            return result(
                .missed("\(sick.outcome?.word ?? "no end") after \(sick.events) events, judged \(judged) times"))
        }
        var sound = World(plan: plan, seed: plant.seed, checkers: .only([plant.invariant]))
        _ = sound.run()
        switch sound.outcome {
        case .passed, .halted: break
        case .violated(let violation):
            return result(
                .notClean("at \(violation.at) expected \(violation.expected), found \(violation.found)"))
        default: return result(.notClean(sound.outcome?.word ?? "no outcome"))
        }
        let judged = sound.checkers.judged.first { $0.invariant == plant.invariant }?.count ?? 0
        return result(judged == 0 ? .notJudged : .caught(events: sick.events, judged: judged))
    }
}
