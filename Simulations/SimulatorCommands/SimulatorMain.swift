public import ArgumentParser

/// `peersim` (`simulation.md` 22).
public struct SimulatorMain: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "peersim", abstract: about, subcommands: verbs)

    static let about = "Runs the production core under virtual time, hostile networks and liars."
    static let verbs: [any ParsableCommand.Type] = [
        RunCommand.self,
        SwarmCommand.self,
        SweepCommand.self,
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
    ]

    public init() {}
}

/// `peernode simulate`: the same verbs.
public struct SimulateCommand: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "peernode simulate", abstract: SimulatorMain.about, subcommands: SimulatorMain.verbs)

    public init() {}

    /// Runs `words`, the command line after `simulate`, and ends the process with a code of `simulation.md` 22.
    public static func start(_ words: [String]) -> Never {
        do {
            var command = try parseAsRoot(words)
            try command.run()
        } catch {
            exit(withError: error)
        }
        exit()
    }
}
