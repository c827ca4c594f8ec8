public import ArgumentParser

/// `peersim`, and `peernode simulate` (`simulation.md` 22).
public struct SimulatorMain: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "peersim", abstract: "Runs the production core under virtual time, hostile networks and liars.",
        subcommands: [BenchCommand.self, CanaryCommand.self])

    public init() {}
}
