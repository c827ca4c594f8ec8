public import ArgumentParser
import Simulator

/// `peersim check FILE…`
public struct CheckCommand: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Reads scenarios, plans and regressions, and reports every mistake.",
        discussion: "Exit codes: 0 all are right, 65 a file has mistakes, 66 a file is not there.")

    @Argument(help: "Files, or names from Simulations/Scenarios and Simulations/Regressions.")
    var files: [String]

    @Flag(help: "One JSON object a line.")
    var json = false

    @Flag(help: "Print mistakes only.")
    var quiet = false

    public init() {}

    public func run() throws {
        var worst: Int32 = 0
        for file in files {
            do throws(ScenarioFile.Failure) {
                let found = try ScenarioFile.read(file)
                // What reads must expand: a few seeds find what only a draw shows.
                let plan = found.scenario.expand(seed: 1)
                if !quiet { print(json ? CheckCommand.object(found, plan) : CheckCommand.line(found, plan)) }
            } catch {
                Console.complain(error.text)
                worst = max(worst, error.exitCode)
            }
        }
        if worst != 0 { throw ExitCode(worst) }
    }

    static func kind(_ scenario: Scenario) -> String {
        if scenario.finding != nil { return "regression" }
        if case .listed = scenario.population { return "plan" }
        return "scenario"
    }

    static func line(_ file: ScenarioFile, _ plan: Plan) -> String {
        "\(file.path): right; a \(kind(file.scenario)) in tier \(plan.tier.rawValue) of \(plan.peers.count) peers, "
            + "\(plan.seatCount) seats, \(plan.operations.count) operations, \(plan.faults.count) faults, "
            + "\(plan.adversaries.count) adversaries"
    }

    static func object(_ file: ScenarioFile, _ plan: Plan) -> String {
        PlainDocument.mapping([
            ("file", .text(file.path)), ("kind", .text(kind(file.scenario))), ("tier", .text(plan.tier.rawValue)),
            ("peers", .number(plan.peers.count)), ("seats", .number(plan.seatCount)),
            ("operations", .number(plan.operations.count)), ("faults", .number(plan.faults.count)),
            ("adversaries", .number(plan.adversaries.count)),
        ]).json
    }
}
