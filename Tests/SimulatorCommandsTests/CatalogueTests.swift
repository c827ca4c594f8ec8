import Simulator
import Testing

@testable import SimulatorCommands

@Suite struct CatalogueTests {
    /// Shows that every list names everything once, each with a line.
    @Test(arguments: [
        ListCommand.What.faults, .adversaries, .invariants, .must, .profiles, .scenarios,
    ])
    func lists(what: ListCommand.What) {
        let rows = Catalogue.rows(what)
        #expect(Set(rows.map(\.name)).count == rows.count)
        for row in rows { #expect(!row.text.isEmpty && !row.text.hasPrefix(" "), "\(row.name)") }
        switch what {
        case .faults: #expect(rows.map(\.name) == Fault.Kind.names)
        case .invariants: #expect(rows.count == 93)
        default: break
        }
    }

    /// Shows how seeds are written.
    @Test func seeds() {
        #expect(SeedArgument(argument: "12") == .number(12))
        #expect(SeedArgument(argument: "0x9e3779b97f4a7c15") == .number(0x9e37_79b9_7f4a_7c15))
        #expect(SeedArgument(argument: "commit") == .commit)
        for wrong in ["", "-1", "1.5", "0x", "0xfffffffffffffffff", "12s", "head"] {
            #expect(SeedArgument(argument: wrong) == nil)
        }
    }

    /// Shows that a misspelt word finds its neighbour, and that nothing far is suggested.
    @Test func suggestions() {
        #expect(Suggestion.nearest(to: "partision", in: Fault.Kind.names) == "partition")
        #expect(Suggestion.nearest(to: "carsh", in: Fault.Kind.names) == "crash")
        #expect(Suggestion.nearest(to: "xyzzy", in: Fault.Kind.names) == nil)
    }
}
