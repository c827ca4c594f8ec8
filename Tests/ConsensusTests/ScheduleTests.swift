import Basis
@testable import Consensus
import Records
import Testing

/// Seeded schedules with every fault at once (ledger C1, C3, C5): I1–I8 after every event, I9 after healing.
@Suite struct ScheduleTests {
    /// Draws a network, its faults and its load from a seed, runs it, heals it, and expects that everything
    /// submitted is executed everywhere in one order.
    static func schedule(_ n: Int, seed: UInt64, byzantine: Bool, crashes: Bool) -> World {
        var rng = SeededGenerator(seed: seed &* 31 &+ UInt64(n))
        var options = World.Options()
        options.seats = n
        options.observers = Int.random(in: 0...1, using: &rng)
        // Beyond Δ, so that certificates of both kinds race, and up to the slowest link that Δ allows for.
        options.delayMax = [5, 30, 120, 700, 1_600].randomElement(using: &rng) ?? 5
        options.lossPerMille = [0, 0, 30, 150].randomElement(using: &rng) ?? 0
        options.duplicatePerMille = [0, 50].randomElement(using: &rng) ?? 0
        options.persistMax = [0, 4, 40].randomElement(using: &rng) ?? 4
        options.crashPerMille = crashes ? [0, 5, 30].randomElement(using: &rng) ?? 0 : 0
        options.clockOffsets = (0..<n).map { _ in Int64.random(in: -200...200, using: &rng) }
        if Bool.random(using: &rng) { options.limits = .tiny }
        let faulty = (n + 2) / 3 - 1
        if byzantine {
            for seat in Array(0..<n).shuffled(using: &rng).prefix(faulty) {
                switch Int.random(in: 0..<3, using: &rng) {
                case 0: options.twins.append(seat)
                case 1: options.spammers.append(seat)
                default: options.silent.append(seat)
                }
            }
        }
        let world = World(options, seed: seed)
        var entries: [[UInt8]] = []
        for _ in 0..<Int.random(in: 3...6, using: &rng) {
            for _ in 0..<Int.random(in: 1...4, using: &rng) {
                let origin = world.honest.randomElement(using: &rng)?.index ?? 0
                if world.nodes[origin].replica != nil { entries.append(world.submit(to: origin)) }
                world.run(Int64.random(in: 0...200, using: &rng))
            }
            switch Int.random(in: 0..<5, using: &rng) {
            case 0:
                let cut = Int.random(in: 0...world.nodes.count, using: &rng)
                let order = Array(0..<world.nodes.count).shuffled(using: &rng)
                world.partition = [Array(order[..<cut]), Array(order[cut...])]
            case 1: world.partition = nil
            case 2 where crashes:
                for node in world.honest where node.replica != nil && Bool.random(using: &rng) {
                    node.crash()
                    world.restart(node, within: 2_000, using: &rng)
                }
            case 3 where crashes && Int.random(in: 0..<3, using: &rng) == 0:
                for node in world.honest where node.replica != nil {
                    node.crash()
                    world.restart(node, within: 500, using: &rng)
                }
            default: break
            }
            world.run(Int64.random(in: 50...2_500, using: &rng))
        }
        // Heal.
        world.partition = nil
        world.lossPerMille = 0
        world.crashPerMille = 0
        world.run(3_100)
        let last = world.submit(to: world.honest[0].index)
        // An entry that only a crashed node knew is gone: pools are memory.
        // I9: within 6Δ_c, at most 6 × 5 s, for each leader that may fail in a row, after the start's 2 s; and
        // one such span for the views in which timers of before the healing still run.
        let bound = 30_000 * Int64(n - world.honest.filter { $0.seat != nil }.count + 2) + 2_000
        let healed = world.run(bound) {
            world.honest.allSatisfy { $0.done.contains(last) }
        }
        if !healed {
            world.check.fail("no progress after healing: " + world.summary)
        }
        // Then everybody has everything, certified, and falls silent (I10).
        let level = world.run(60_000) {
            let most = world.mostExecuted
            return world.honest.allSatisfy {
                world.executed($0.index) == most && $0.pool.isEmpty
                    && $0.replica?.certifiedHeight == most && $0.replica?.status.kind == .live
            }
        }
        if !level {
            world.check.fail("not level: " + world.summary)
        }
        return world
    }

    @Test(arguments: [1, 3, 4, 5, 7])
    func faultsWithoutLiars(n: Int) {
        for seed in seeds(n > 5 ? 3 : 8) {
            let world = Self.schedule(n, seed: seed, byzantine: false, crashes: true)
            #expect(world.check.failures == [], "n \(n) seed \(seed)")
        }
    }

    @Test(arguments: [4, 5, 6, 7, 10])
    func faultsWithLiars(n: Int) {
        for seed in seeds(n > 5 ? 2 : 8) {
            let world = Self.schedule(n, seed: 100_000 + seed, byzantine: true, crashes: true)
            #expect(world.check.failures == [], "n \(n) seed \(seed)")
        }
    }
}
