public import ArgumentParser
import Basis
import Foundation
import Simulator

/// `peersim shrink`
public struct ShrinkCommand: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "shrink", abstract: "Turns a failing run into a small regression file.",
        discussion:
            "A smaller plan counts only if the same promise breaks. The best so far is always on disk."
    )

    @Option(help: "A file or a name; the run of its --seed must fail.")
    var scenario: String?

    @Option(help: "A plan, such as plan.yaml of a failed run's folder.")
    var plan: String?

    @OptionGroup var flags: RunFlags

    @Option(help: "Worlds that may be run.")
    var runs = 200

    @Option(help: "Minutes that it may take.")
    var minutes = 5.0

    @Option(help: ArgumentHelp("The file that is written.", valueName: "file"))
    var into: String?

    public init() {}

    public func run() throws {
        guard let name = plan ?? scenario, plan == nil || scenario == nil else {
            Console.complain("name one of --scenario and --plan")
            throw ExitCode(64)
        }
        let file = try ScenarioFile.readOrExit(name)
        let seed = try flags.seed(of: file)
        let whole = file.scenario.expand(seed: seed)
        let began = Date()
        var first = WorldRun(plan: whole, seed: seed)
        first.secondsMax = minutes * 60
        let outcome = first.run().record.outcome
        guard let failure = ShrinkCommand.failure(outcome), !whole.expects.isMet(by: outcome) else {
            Console.complain(
                "seed 0x\(String(seed, radix: 16)) of \(name) ends as \(outcome.word): there is nothing to shrink")
            throw SimulatorExit.failed
        }
        let path =
            into ?? "Simulations/Regressions/\(whole.name)-\(failure.lowercased())-\(String(seed, radix: 16)).yaml"
        print("shrinking \(failure): \(ShrinkCommand.size(whole))")
        // The first run shows how many events the failure takes; a candidate that needs many more is another story.
        let firstSeconds = max(2, Date().timeIntervalSince(began) * 2)
        let checkers: CheckerSet = if case .violated = outcome { .only([failure]) } else { .none }
        var unwritable = false
        func write(_ plan: Plan) {
            let text = PlanWriter.yaml(
                plan, finding: .init(seed: seed, violated: failure, cause: "not explained yet: say what was wrong"))
            do {
                try text.write(toFile: path, atomically: true, encoding: .utf8)
            } catch {
                unwritable = true
            }
        }
        write(whole)
        if unwritable {
            Console.complain("cannot write \(path)")
            throw SimulatorExit.unwritable
        }
        var shrinker = Shrinker(
            whole, runsMax: runs, mayGoOn: { Date().timeIntervalSince(began) < minutes * 60 },
            tell: { what, plan in
                write(plan)
                print("  \(what): \(ShrinkCommand.size(plan))")
                fflush(nil)
            },
            fails: { candidate in
                var run = WorldRun(plan: candidate, seed: seed, checkers: checkers)
                run.secondsMax = firstSeconds
                return ShrinkCommand.failure(run.run().record.outcome) == failure
            })
        shrinker.shrink()
        print(
            "\(ShrinkCommand.size(shrinker.best)) after \(shrinker.runs) runs in "
                + "\(Int(Date().timeIntervalSince(began))) s: \(path)"
        )
    }

    /// What failed, by id; nil if nothing did.
    static func failure(_ outcome: Outcome) -> String? {
        switch outcome {
        case .violated(let violation): violation.invariant
        case .stuck(let must, _): must.rawValue
        case .passed, .halted, .exhausted, .trapped: nil
        }
    }

    static func size(_ plan: Plan) -> String {
        "\(plan.faults.count) faults, \(plan.adversaries.count) adversaries, \(plan.operations.count) operations, "
            + "\(plan.peers.count) peers, \(plan.calmAt.milliseconds / 1_000) s"
    }
}
