import ArgumentParser
import Simulator

/// `peersim canary`: plants each bug and looks whether its checker catches it (`simulation.md` 16, 22).
struct CanaryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "canary", abstract: "Plants bugs and shows which invariant catches each.",
        discussion: """
            Plants in the cores need a build of their own:
              swift build -c release --traits PlantedBugs --scratch-path .build-plants
            """)

    @Option(name: .customLong("plant"), help: "Only this plant; may be repeated.") var plants: [String] = []
    @Flag(help: "All plants (the default when none is named).") var all = false
    @Flag(help: "The first plant of each group of invariants that this build has.") var onePerFamily = false

    func run() throws {
        for id in plants where Plant.named(id) == nil {
            let known = Plant.catalogue.map(\.id).joined(separator: ", ")
            throw ValidationError("no plant is called \(id); the plants are \(known)")
        }
        var chosen = plants.isEmpty ? Plant.catalogue : Plant.catalogue.filter { plants.contains($0.id) }
        if onePerFamily {
            var seen: [Character] = []
            chosen = chosen.filter { plant in
                guard plant.isBuilt, let family = plant.id.first, !seen.contains(family) else { return false }
                seen.append(family)
                return true
            }
        }
        var missed = 0
        for plant in chosen {
            let result = Canary.run(plant)
            print(result.line)
            // A plant that this build does not have is a failure only for whoever asked for it by name.
            if !result.isCaught, result.verdict != .notBuilt || !plants.isEmpty { missed += 1 }
        }
        if missed > 0 { throw ExitCode(1) }
    }
}
