import Testing

@testable import Simulator

/// Every planted bug that needs no special build is caught by its own checker, and its run is clean without it
/// (`simulation.md` 16). The long ones run in `peersim canary --all`.
@Suite struct PlantTests {
    /// Runs with fewer events than this are short enough for a debug build.
    static let eventsMax: UInt64 = 12_000

    static let short = Plant.catalogue.filter { $0.isBuilt && $0.eventsMax <= eventsMax }.map(\.id)

    @Test(arguments: short)
    func isCaught(_ id: String) throws {
        let plant = try #require(Plant.named(id))
        let result = Canary.run(plant)
        #expect(result.isCaught, "\(result.line)")
    }

    /// Ids are unique and name an invariant that is judged. One bug may break several rows, so sites may be shared.
    @Test func catalogueIsSound() {
        let known = Set(CheckerSet.invariants.map(\.id))
        var ids: Set<String> = []
        for plant in Plant.catalogue {
            #expect(ids.insert(plant.id).inserted, "\(plant.id) stands twice")
            #expect(known.contains(plant.invariant), "\(plant.id) names no invariant")
            #expect(plant.site != .none)
        }
    }
}
