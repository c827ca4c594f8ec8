public import ArgumentParser

/// `peersim`, and `peernode simulate` (`simulation.md` 22).
public struct SimulatorMain: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "peersim", abstract: "Runs the production core under virtual time, hostile networks and liars.",
        subcommands: [
            RunCommand.self,
            SwarmCommand.self,
            PlanCommand.self,
            ReplayCommand.self,
            TraceCommand.self,
            ShrinkCommand.self,
            VerifyCommand.self,
            CanaryCommand.self,
            ReportCommand.self,
            CheckCommand.self,
            ListCommand.self,
            BenchCommand.self,
        ])

    public init() {}
}
