import Basis
@testable import Consensus
import Records
import Testing
import Trust

/// Whole networks in one situation each (ledger C2, C4, C5, C8–C10, C13, C16).
@Suite struct NetworkTests {
    /// C2: split 2 + 2 nothing becomes final and every seat says so; split 3 + 1 only the side of 3 goes on;
    /// after healing all agree.
    @Test func partitions() {
        let world = World(World.Options(), seed: 11)
        world.run(500)
        world.partition = [[0, 1], [2, 3]]
        let entries = [world.submit(to: 0), world.submit(to: 2)]
        world.run(15_000)
        #expect(world.mostExecuted == 0)
        #expect(world.nodes.allSatisfy { $0.replica?.status.kind == .noQuorum })
        #expect(world.nodes[0].replica?.status.facts.missing == [2, 3])
        world.partition = nil
        #expect(
            world.run(30_000) {
                world.nodes.allSatisfy { node in entries.allSatisfy { node.done.contains($0) } }
            })
        #expect(world.nodes.allSatisfy { $0.replica?.status.kind == .live })
        let height = world.mostExecuted
        world.partition = [[0, 1, 2], [3]]
        let third = world.submit(to: 1)
        let fourth = world.submit(to: 3)
        #expect(world.run(30_000) { (0...2).allSatisfy { world.hasExecuted(third, at: $0) } })
        #expect(world.executed(3) == height)
        world.partition = nil
        #expect(
            world.run(30_000) {
                world.nodes.allSatisfy { $0.done.contains(third) && $0.done.contains(fourth) }
            })
        #expect(world.check.failures == [])
    }

    /// C5: all seats killed at once, after a notarisation and before finality, and one liar that never resends.
    @Test func allKilled() {
        for seed in 0..<6 as Range<UInt64> {
            var options = World.Options()
            options.silent = [Int(seed) % 4]
            let world = World(options, seed: seed)
            world.run(500)
            let entry = world.submit(to: world.honest[0].index)
            world.run(40 + Int64(seed) * 12)
            for node in world.nodes {
                node.crash()
                world.schedule(.restart(node: node.index), in: 100)
            }
            world.run(1_000)
            let next = world.submit(to: world.honest[1].index)
            let proposed = !world.check.proposals.isEmpty
            #expect(world.run(40_000) { world.honest.allSatisfy { $0.done.contains(next) } }, "\(seed)")
            // Pools are memory: the first entry lives on only in a journaled block.
            if world.check.notarized.count > 0, proposed { _ = entry }
            #expect(world.check.failures == [])
        }
    }

    /// C3: a seat is killed at each persist of a run in turn, before or after the write; marks never conflict.
    @Test func killedAtEachPersist() {
        for point in 0..<(seedsAsked ?? 12) {
            var options = World.Options()
            options.crashPerMille = 60
            let world = World(options, seed: UInt64(500 + point))
            for i in 0..<6 {
                let up = world.nodes.first { $0.replica != nil }?.index ?? 0
                if world.nodes[up].replica != nil { world.submit(to: (up + i) % 4) }
                world.run(700)
            }
            world.crashPerMille = 0
            world.run(3_500)
            let last = world.submit(to: 0)
            #expect(world.run(60_000) { world.nodes.allSatisfy { $0.done.contains(last) } }, "\(point)")
            #expect(world.check.failures == [], "\(point)")
        }
    }

    /// C4: a seat whose voting key is gone watches and sends no vote.
    @Test func quarantined() {
        let world = World(World.Options(), seed: 3)
        world.nodes[2].lacksKey = true
        world.run(3_000)
        #expect(world.nodes[2].replica?.mode == .quarantined)
        let entry = world.submit(to: 0)
        #expect(world.run(20_000) { world.nodes.allSatisfy { $0.done.contains(entry) } })
        #expect(!world.check.marks.keys.contains { $0.seat == 2 })
        #expect(world.check.failures == [])
    }

    /// C8: an hour without quorum moves the ledger clock by at most 2 s.
    @Test func outageMovesLedgerClock() {
        let world = World(World.Options(), seed: 4)
        world.run(500)
        let first = world.submit(to: 0)
        world.run(5_000) { world.nodes.allSatisfy { $0.done.contains(first) } }
        let before = world.nodes[0].chain.last?.ledgerMillis ?? 0
        for node in world.nodes { node.crash() }
        world.run(3_600_000)
        for node in world.nodes { node.start() }
        let entry = world.submit(to: 1)
        #expect(world.run(10_000) { world.nodes.allSatisfy { $0.done.contains(entry) } })
        let moved = (world.nodes[0].chain.last?.ledgerMillis ?? 0) - before
        #expect(moved > 0 && moved <= 2_000)
    }

    /// C9, I10: an idle hour carries Status only; the next entry is final everywhere within 3δ + batch + 20 %.
    @Test func idleHour() {
        var options = World.Options()
        options.delayMin = 50
        options.delayMax = 50
        options.persistMax = 0
        options.executeMax = 0
        let world = World(options, seed: 6)
        world.run(500)
        for i in 0..<8 {
            let entry = world.submit(to: i % 4)
            world.run(5_000) { world.nodes.allSatisfy { $0.done.contains(entry) } }
        }
        world.run(3_000)
        let before = world.orderSends
        world.run(3_600_000)
        #expect(world.orderSends == before)
        let leader = world.nodes[0].replica?.leader ?? 0
        let start = world.time
        let entry = world.submit(to: leader)
        #expect(world.run(5_000) { world.nodes.allSatisfy { $0.done.contains(entry) } })
        let took = (world.time - start) / 1_000_000
        #expect(took <= (3 * 51 + 20) * 12 / 10 + 2, "took \(took) ms")
    }

    /// C10: an entry that one seat knows, under a dead current leader, is final within 10Δ.
    @Test func deadLeader() {
        let world = World(World.Options(), seed: 7)
        world.run(500)
        let leader = world.nodes[0].replica?.leader ?? 0
        world.nodes[leader].crash()
        let start = world.time
        let entry = world.submit(to: (leader + 2) % 4)
        #expect(
            world.run(60_000) {
                world.nodes.allSatisfy { $0.index == leader || $0.done.contains(entry) }
            })
        #expect((world.time - start) / 1_000_000 <= 10 * 500)
    }

    /// C13: with every message doubled and no faults, a seat sends at most three votes per view.
    @Test func noVoteStorm() {
        var options = World.Options()
        options.duplicatePerMille = 1_000
        let world = World(options, seed: 8)
        world.run(500)
        for i in 0..<20 {
            world.submit(to: i % 4)
            world.run(60)
        }
        world.run(5_000)
        #expect(world.mostExecuted > 3)
        #expect(world.votesBySeatView.values.allSatisfy { $0 <= 3 })
        // One certificate to all when a view ends, and answers to votes that came twice.
        #expect(world.count("certificate") <= Int((world.nodes[0].replica?.view ?? 0) + 1) * 20)
    }

    /// C16: floods of votes for far, old and unknown views leave memory within bounds and the seat alive.
    @Test func voteFlood() {
        var bench = Bench()
        var rng = SeededGenerator(seed: 1)
        for _ in 0..<20_000 {
            let kind = VoteKind.allCases.randomElement(using: &rng) ?? .notarize
            let view = [
                UInt64.random(in: 0...200, using: &rng), UInt64.random(in: 0...UInt64.max, using: &rng),
                UInt64.max, 1 << 63,
            ].randomElement(using: &rng) ?? 0
            let hash = kind == .nullify ? Digest.zero : Digest(repeating: UInt8.random(in: 1...9, using: &rng))
            let seat = UInt16.random(in: 0...5, using: &rng)
            let vote = Vote(
                ballot: Ballot(
                    kind: kind, epoch: UInt64.random(in: 0...20, using: &rng) == 0 ? 1 : 0, view: view,
                    blockHash: hash), seat: seat, signature: .zero)
            // One liar: only seat 3 floods; others vote for what the flood cannot complete.
            if seat == 3 || seat > 3 { _ = bench.receive(.vote(vote)) }
        }
        #expect(bench.replica.views.count <= 66)
        #expect(bench.replica.stats.farVotes > 0 && bench.replica.stats.badMessages > 0)
        let block = bench.block(view: 0)
        #expect(bench.receive(.proposal(bench.proposal(block))).votes(.notarize) == [0])
    }

    /// The checker sees forks: with f + 1 twins among four seats some seed breaks I3 or I4 (C1).
    @Test func tooManyLiarsFork() {
        var forked = 0
        for seed in 0..<30 as Range<UInt64> {
            var options = World.Options()
            options.twins = [0, 2]
            options.delayMax = 60
            let world = World(options, seed: seed)
            world.check.expectsAlarms = true
            world.run(500)
            for i in 0..<12 {
                world.submit(to: i % world.nodes.count)
                world.run(300)
            }
            world.run(5_000)
            if !world.check.failures.isEmpty { forked += 1 }
            if forked > 0 { break }
        }
        #expect(forked > 0)
    }
}
