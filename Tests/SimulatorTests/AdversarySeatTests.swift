import Basis
import Credits
import Records
import Testing

@testable import Simulator

/// Each coalition is within tolerance, so the honest rest must keep every promise; its deeds show that it acted.
@Suite(.serialized) struct AdversarySeatTests {
    /// Shows that one seat of four that holds back its blocks, shows them late, and votes twice in every way, stops
    /// nothing.
    @Test func aSeatThatVotesTwiceAndLeadsInSilence() {
        judge(
            [
                .init(name: "silent", type: .silentLeader, peers: [0], intensity: Chance(1, in: 3)),
                .init(name: "late", type: .lateProposer, peers: [0], intensity: Chance(1, in: 2)),
                .init(name: "double", type: .doubleVoter, peers: [0]),
                .init(name: "both", type: .finalizeNullifyVoter, peers: [0]),
            ], seed: 1)
    }

    /// Shows that two blocks of one view, false times and false states of one seat fork nothing.
    @Test func aSeatThatLies() {
        judge(
            [
                .init(name: "twins", type: .equivocatingLeader, peers: [1], intensity: Chance(1, in: 2)),
                .init(name: "time", type: .timeLiar, peers: [1], intensity: Chance(1, in: 2)),
                .init(name: "states", type: .falseAttester, peers: [1]),
            ], seed: 2)
    }

    /// Shows that bad blocks and forged certificates of one seat fork nothing.
    @Test func aSeatThatForges() {
        judge(
            [
                .init(name: "bad", type: .badBlockProposer, peers: [1], intensity: Chance(3, in: 4)),
                .init(name: "forged", type: .certificateForger, peers: [1], intensity: Chance(1, in: 4)),
            ], seed: 2)
    }

    /// One seat of four follows them all; one more peer watches.
    private func judge(_ adversaries: [AdversaryPlan], seed: UInt64) {
        var world = World(plan: adversaryPlan(adversaries, observers: 1, seconds: 24, jobs: 1), seed: seed)
        _ = world.run()
        #expect(world.outcome == .passed, "\(world.told())")
        for one in adversaries { #expect(world.deeds(of: one.name) > 0, "\(one.name): \(world.told())") }
    }

    /// Shows that two of seven seats that vote for both blocks of every view of theirs fork nothing.
    @Test func twoEquivocatorsOfSeven() {
        let plan = adversaryPlan(
            [.init(name: "twins", type: .equivocatingLeader, peers: [2, 3])], seats: 7, observers: 0, seconds: 12,
            jobs: 1)
        var world = World(plan: plan, seed: 3)
        _ = world.run()
        #expect(world.outcome == .passed, "\(world.told())")
        #expect(world.deeds(of: "twins") > 2)
    }

    /// Shows that a seat that forgets its votes at each crash, censors a peer and skips turns that a draw waits for,
    /// forks nothing, that the victim's transfers become final, and that draws are made.
    @Test func aSeatThatForgetsAndCensors() {
        var plan = adversaryPlan([
            .init(name: "forgets", type: .amnesiac, peers: [2]),
            .init(name: "censor", type: .censor, peers: [2], victims: [5]),
            .init(name: "skips", type: .turnSkipper, peers: [2]),
        ], observers: 2, jobs: 3)
        plan.faults = [6, 11, 16].enumerated().map { k, at in
            Fault(
                id: k, at: .seconds(Int64(at)),
                kind: .crash(.peers([2]), restartAfter: .milliseconds(700), disk: .loseUnsynced(.seeded)))
        }
        var world = World(plan: plan, seed: 4)
        _ = world.run()
        #expect(world.outcome == .passed, "\(world.told())")
        #expect(world.deeds(of: "forgets") == 3)
        for name in ["censor", "skips"] { #expect(world.deeds(of: name) > 0, "\(name): \(world.told())") }
        let late = world.work.items.filter { item in
            guard item.operation.by == 5, case .transfer = item.operation.kind else { return false }
            if case .certified(_, applied: true) = item.state { return false }
            return true
        }
        #expect(late.isEmpty, "\(late.map(\.state))")
        #expect(world.leases().contains { $0.lease.state == .won })
    }

    /// Shows that a peer follows a coalition from the moment that a fault turns it, and that a snapshot goes the same
    /// way.
    @Test func aSeatThatTurns() {
        var plan = adversaryPlan(
            [.init(name: "silent", type: .silentLeader, peers: [])], observers: 1, seconds: 16, jobs: 1)
        plan.faults = [Fault(id: 0, at: .seconds(8), kind: .turnByzantine(.peers([3]), into: "silent"))]
        var world = World(plan: plan, seed: 5)
        _ = world.run(until: World.instant(.seconds(7)))
        #expect(world.deeds(of: "silent") == 0)
        #expect(!world.peers[3].isByzantine)
        _ = world.run(until: World.instant(.seconds(10)))
        var copy = world.copied()
        _ = world.run()
        let deeds = world.deeds(of: "silent")
        #expect(world.outcome == .passed, "\(world.told())")
        #expect(deeds > 0)
        _ = copy.run()
        #expect(copy.traceHash == world.traceHash)
        #expect(copy.deeds(of: "silent") == deeds)
    }
}
