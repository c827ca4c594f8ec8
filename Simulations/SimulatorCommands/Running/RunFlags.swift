public import ArgumentParser
import Basis
import Foundation
import Simulator

/// Flags that most verbs share (`simulation.md` 22).
public struct RunFlags: ParsableArguments, Sendable {
    @Option(help: "A number, 0x and hexadecimal digits, or commit.")
    public var seed = SeedArgument.number(1)

    @Flag(help: "One JSON object a line.")
    public var json = false

    @Option(help: ArgumentHelp("Folder for what is written.", valueName: "dir"))
    public var out: String?

    @Flag(help: "Print failures only.")
    public var quiet = false

    @Flag(help: "No progress line.")
    public var noProgress = false

    @Option(help: ArgumentHelp("Real time that a run may take, such as 90s or 5min.", valueName: "time"))
    public var timeLimit = "10min"

    @Option(help: "Processes at a time; the default is the number of cores.")
    public var jobs: Int?

    public init() {}

    /// Whether the command line names a seed.
    static var isSeedGiven: Bool { CommandLine.arguments.contains { $0 == "--seed" || $0.hasPrefix("--seed=") } }

    /// The seed of a run: a regression has one of its own unless another is asked for.
    func seed(of file: ScenarioFile) throws -> UInt64 {
        if !RunFlags.isSeedGiven, let own = file.scenario.finding?.seed { return own }
        return try seed.value()
    }

    /// Seconds of real time that a run may take.
    func secondsMax() throws -> Double {
        guard let time = try? Scalar.duration(timeLimit) else {
            Console.complain("--time-limit \"\(timeLimit)\" is no time; write 90s, 5min or 1h")
            throw ExitCode(64)
        }
        return Double(time.milliseconds) / 1_000
    }

    func jobCount() -> Int { max(1, jobs ?? ProcessInfo.processInfo.activeProcessorCount) }
}

/// `--plant ID`: a bug on purpose, for verbs that run worlds (`simulation.md` 16, 22).
public struct PlantFlag: ParsableArguments, Sendable {
    @Option(
        name: .customLong("plant"),
        help: ArgumentHelp("Plants a bug; `canary` tries all of them, each in a small world.", valueName: "id"))
    public var id: String?

    public init() {}

    static let howToBuild = "build it: swift build -c release --traits PlantedBugs --scratch-path .build-plants"

    /// Puts the bug into a plan, which then carries it.
    ///
    /// Throws exit code 64 where no plant is called so, or this build does not have it.
    func put(into plan: inout Plan) throws {
        guard let id else { return }
        plan.plant = try PlantFlag.checked(id)
        // The hash of a run without the bug says nothing about this one.
        plan.golden = nil
    }

    static func checked(_ id: String) throws -> String {
        guard let plant = Plant.named(id) else {
            let known = Plant.catalogue.map(\.id)
            let near = Suggestion.nearest(to: id, in: known).map { "did you mean \($0)? " } ?? ""
            Console.complain("no plant is called \(id): \(near)the plants are \(known.joined(separator: ", "))")
            throw ExitCode(64)
        }
        if plant.isBuilt { return id }
        Console.complain("plant \(id) sits in a core, and this build has no such site; \(howToBuild)")
        throw ExitCode(64)
    }
}
