public import ArgumentParser
import Basis
import Foundation
import Simulator

/// `peersim shrink`
public struct ShrinkCommand: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "shrink", abstract: "Turns a failing run into a small regression file.",
        discussion: """
            A smaller plan counts only if the same promise breaks, or a node traps at the same place (S5). The best so \
            far is always on disk. Candidates run in processes of their own, as many at once as --jobs says; the \
            result does not depend on how many. Exit codes: 0 a file was written, 1 the run does not fail, 64 wrong \
            flags, 65 and 66 a file has mistakes or is not there, 74 the file cannot be written.
            """)

    @Option(help: "A file or a name; the run of its --seed must fail.")
    var scenario: String?

    @Option(help: "A plan, such as plan.yaml of a failed run's folder.")
    var plan: String?

    @OptionGroup var flags: RunFlags

    @OptionGroup var plant: PlantFlag

    @Option(help: "Worlds that may be run.")
    var runs = 200

    @Option(help: "Minutes that it may take.")
    var minutes = 5.0

    @Option(help: ArgumentHelp("The file that is written.", valueName: "file"))
    var into: String?

    @Flag(help: ArgumentHelp("Runs the plan here and tells how it fails.", visibility: .hidden))
    var one = false

    @Option(help: ArgumentHelp("Ends a run after so many events.", visibility: .hidden))
    var eventsMax: UInt64?

    public init() {}

    public func run() throws {
        guard let name = plan ?? scenario, plan == nil || scenario == nil else {
            Console.complain("name one of --scenario and --plan")
            throw ExitCode(64)
        }
        let file = try ScenarioFile.readOrExit(name)
        let seed = try flags.seed(of: file)
        var whole = file.scenario.expand(seed: seed)
        try plant.put(into: &whole)
        if one { return tellFailure(of: whole, seed) }
        let began = Date()
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("peersim-shrink-\(getpid())")
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var trials = ShrinkRun(
            seed: seed, jobs: flags.jobCount(), runsMax: runs, deadline: began.addingTimeInterval(minutes * 60),
            folder: folder)
        guard let first = trials.verdict(of: whole, number: 0, eventsMax: nil) else {
            Console.complain(
                "seed 0x\(String(seed, radix: 16)) of \(name) breaks no promise within \(minutes) min: "
                    + "there is nothing to shrink; see how it ends with: peersim run \(name)")
            throw SimulatorExit.failed
        }
        // Events bound a candidate; real time only one that hangs.
        trials.secondsMax = max(20, Date().timeIntervalSince(began) * 5)
        let path = into ?? ShrinkCommand.path(whole, first.failed, seed)
        let shown = "\(first.failure.at.milliseconds / 1_000) s, event \(first.events)"
        if let trap = first.trap { print("a node traps: \(trap)") }
        print("shrinking \(first.failed), which shows at \(shown): \(ShrinkCommand.size(whole))")
        fflush(nil)
        try ShrinkCommand.write(whole, first.failed, seed, to: path)
        let result = trials.run(
            Shrinker(whole, failure: first.failure), like: first,
            // Smaller networks need fewer events, if other ones.
            eventsMax: first.events * 2
        ) { candidate, runs in
            try? ShrinkCommand.write(candidate.plan, first.failed, seed, to: path)
            print("  run \(runs)  \(candidate.what): \(ShrinkCommand.size(candidate.plan))")
            fflush(nil)
        }
        try ShrinkCommand.write(result.best, first.failed, seed, to: path)
        print(
            "\(ShrinkCommand.size(result.best)) after \(result.runs) runs in \(Int(Date().timeIntervalSince(began))) s"
                + (result.isDone ? "" : ", stopped by the limit of runs or time") + ": \(path)")
    }

    /// In a process of its own.
    private func tellFailure(of plan: Plan, _ seed: UInt64) {
        var run = WorldRun(plan: plan, seed: seed)
        run.eventsMax = eventsMax ?? .max
        run.asksCommit = false
        run.tellsWay = true
        print(ShrinkRun.Verdict(run.run().record)?.line ?? "none")
    }

    /// Found bugs become regressions; planted ones are kept apart from them.
    static func path(_ plan: Plan, _ failed: String, _ seed: UInt64) -> String {
        let name = "\(plan.name)-\(failed.lowercased())-\(String(seed, radix: 16)).yaml"
        return (plan.plant == nil ? "Simulations/Regressions/" : "peersim-out/shrunk/") + name
    }

    /// - Throws: exit code 74 with a word to standard error.
    private static func write(_ plan: Plan, _ failed: String, _ seed: UInt64, to path: String) throws {
        let cause =
            plan.plant.flatMap { Plant.named($0) }.map { "planted on purpose, \($0.id): \($0.summary)" }
            ?? "not explained yet: say what was wrong"
        // A folder of its own, where its runs do not overwrite that of the run which found it.
        var plan = plan
        plan.name = ScenarioFile.name(of: path)
        let finding = Scenario.Finding(seed: seed, violated: failed, cause: cause)
        try OutputFile.write(PlanWriter.yaml(plan, finding: finding), to: path)
    }

    static func size(_ plan: Plan) -> String {
        "\(plan.faults.count) faults, \(plan.adversaries.count) adversaries, \(plan.operations.count) operations, "
            + "\(plan.peers.count) peers, \(plan.calmAt.milliseconds / 1_000) s"
    }
}
