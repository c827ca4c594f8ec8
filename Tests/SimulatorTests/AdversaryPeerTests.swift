import Basis
import Records
import Testing

@testable import Simulator

@Suite(.serialized) struct AdversaryPeerTests {
    /// Shows that peers that lose, delay, repeat, damage and flood cost the others neither blocks nor links.
    @Test func peersThatSpoilTheNetwork() {
        let plan = adversaryPlan(
            [
                .init(name: "drops", type: .dropper, peers: [4], intensity: Chance(1, in: 3)),
                .init(name: "mutates", type: .mutator, peers: [4], intensity: Chance(1, in: 3)),
                .init(name: "delays", type: .delayer, peers: [5], intensity: Chance(1, in: 2)),
                .init(name: "replays", type: .replayer, peers: [5]),
                .init(name: "babbles", type: .babbler, peers: [6], bytesPerSecond: 30_000),
                .init(name: "floods", type: .flooder, peers: [6], bytesPerSecond: 10_000),
            ], seconds: 14, jobs: 1)
        var world = World(plan: plan, seed: 10)
        _ = world.run()
        #expect(world.outcome == .passed, "\(world.told())")
        for name in plan.adversaries.map(\.name) { #expect(world.deeds(of: name) > 10, "\(name)") }
    }

    /// Shows that a seat may lose, delay and damage half of what it sends.
    @Test func aSeatThatSpoilsTheNetwork() {
        let plan = adversaryPlan(
            [
                .init(name: "drops", type: .dropper, peers: [0], intensity: Chance(1, in: 4)),
                .init(name: "mutates", type: .mutator, peers: [0], intensity: Chance(1, in: 4)),
                .init(name: "delays", type: .delayer, peers: [0], intensity: Chance(1, in: 4)),
                .init(name: "replays", type: .replayer, peers: [0]),
            ], observers: 1, seconds: 14, jobs: 1)
        var world = World(plan: plan, seed: 11)
        _ = world.run()
        #expect(world.outcome == .passed, "\(world.told())")
        for name in plan.adversaries.map(\.name) { #expect(world.deeds(of: name) > 10, "\(name)") }
    }

    /// Shows that phantoms, two records of one sequence, records from the future and the past, accusations, half-open
    /// handshakes and a selective silence part no honest peers.
    @Test func membersThatLie() {
        let plan = adversaryPlan(
            [
                .init(name: "swarm", type: .sybilSwarm, peers: [4]),
                .init(name: "stale", type: .staleTeller, peers: [4]),
                .init(name: "equivocates", type: .recordEquivocator, peers: [5]),
                .init(name: "future", type: .clockLiar, peers: [6]),
                .init(name: "accuses", type: .thirdPartyAccuser, peers: [6], victims: [0]),
                .init(name: "abuses", type: .handshakeAbuser, peers: [4], bytesPerSecond: 24_000),
                .init(name: "ignores", type: .selectiveDropper, peers: [5], victims: [3]),
            ], seconds: 14, jobs: 1)
        var world = World(plan: plan, seed: 12)
        _ = world.run()
        #expect(world.outcome == .passed, "\(world.told())")
        for name in plan.adversaries.map(\.name) { #expect(world.deeds(of: name) > 5, "\(name)") }
        // Honest peers hold honest peers to account for nothing.
        for i in 0..<4 { for j in 0..<4 where i != j { #expect(world.links(i).contains(j), "\(i) lost \(j)") } }
    }

    /// Shows that a world with adversaries repeats from its seed, and that another seed gives another run.
    @Test func adversariesRepeat() {
        func trace(_ seed: UInt64) -> UInt64 {
            let plan = adversaryPlan(
                [
                    .init(name: "delays", type: .delayer, peers: [0], intensity: Chance(1, in: 2)),
                    .init(name: "twins", type: .equivocatingLeader, peers: [0]),
                    .init(name: "mutates", type: .mutator, peers: [4], intensity: Chance(1, in: 3)),
                ], observers: 1, seconds: 8, jobs: 0)
            var world = World(plan: plan, seed: seed)
            _ = world.run()
            return world.traceHash
        }
        let first = trace(13)
        #expect(trace(13) == first)
        #expect(trace(14) != first)
    }
}
