public import ArgumentParser
import Simulator

/// `peersim plan SCENARIO`
public struct PlanCommand: ParsableCommand {
    public enum Format: String, ExpressibleByArgument, CaseIterable, Sendable { case yaml, json }

    public static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Prints what a scenario becomes under a seed; `run` accepts it.",
        discussion: "Exit codes: 0 printed, 64 wrong flags, 65 the scenario has mistakes, 66 it is not there.")

    @Argument(help: "A file, or a name from Simulations/Scenarios or Simulations/Regressions.")
    var scenario: String

    @Option(help: "A number, 0x and hexadecimal digits, or commit.")
    var seed = SeedArgument.number(1)

    @Option(help: "yaml or json.")
    var format = Format.yaml

    public init() {}

    public func run() throws {
        let seed = try seed.value()
        let found = try ScenarioFile.readOrExit(scenario)
        let plan = found.scenario.expand(seed: seed)
        let finding = found.scenario.finding
        let text = format == .yaml ? PlanWriter.yaml(plan, finding: finding) : PlanWriter.json(plan, finding: finding)
        print(text, terminator: "")
    }
}
