import Basis
@testable import Consensus
import Records
import Testing

@Suite struct HappyPathTests {
    /// One seat orders alone: each entry becomes one block, and one synced batch carries marks and block. Shown by
    /// submitting five entries one after the other and counting persists and blocks.
    @Test func oneSeatOrdersAlone() {
        var options = World.Options()
        options.seats = 1
        options.observers = 2
        let world = World(options, seed: 1)
        for round in 1...5 {
            let entry = world.submit(to: 0)
            #expect(world.run(5_000) { world.hasExecuted(entry, at: 0) })
            #expect(world.executed(0) == UInt64(round))
        }
        // Besides the block's own batch there is at most the one that waits for Status.
        world.run(6_000)
        #expect(world.nodes[0].persists <= 5 + 12)
        #expect(world.nodes[0].replica?.certifiedHeight == 5)
        #expect(world.executed(1) == 5 && world.executed(2) == 5)
        #expect(world.check.failures == [])
    }

    /// With n = 1 propose, notarise, finalise and hand-over happen in one call, with one persist at its end (14.3).
    @Test func oneSeatNeedsOneBatch() {
        var options = World.Options()
        options.seats = 1
        let world = World(options, seed: 2)
        world.run(100)
        let node = world.nodes[0]
        let entry = Array("x".utf8)
        var effects = node.replica!.handle(
            .demand(.init(entryCount: 1, bytes: 1, oldest: node.now)), now: node.now,
            wall: world.wall(0))
        #expect(effects.isEmpty)
        let later = node.now + .milliseconds(20)
        effects = node.replica!.handle(.timeout, now: later, wall: world.wall(0))
        guard case .buildPayload(let request)? = effects.first else {
            Issue.record("no payload asked for: \(effects)")
            return
        }
        effects = node.replica!.handle(
            .payload(request.ticket, entries: [entry]), now: later, wall: world.wall(0))
        let finals = effects.indices.filter { if case .finalised = effects[$0] { true } else { false } }
        let persists = effects.indices.filter { if case .persist = effects[$0] { true } else { false } }
        #expect(finals.count == 1 && persists.count == 1)
        #expect(finals[0] < persists[0])
    }

    /// Four seats without faults: entries to different seats end on all, in one order, certified.
    @Test(arguments: [3, 4, 5, 7])
    func seatsAgree(n: Int) {
        var options = World.Options()
        options.seats = n
        options.observers = 1
        options.isChecked = true
        let world = World(options, seed: UInt64(n))
        world.run(200)
        var entries: [[UInt8]] = []
        for i in 0..<20 {
            entries.append(world.submit(to: i % n))
            world.run(Int64(i * 7 % 90))
        }
        #expect(
            world.run(20_000) {
                world.nodes.allSatisfy { node in entries.allSatisfy { node.done.contains($0) } }
            }, "heights \(world.nodes.map { world.executed($0.index) })")
        world.run(3_000)
        #expect(world.nodes.allSatisfy { ($0.replica?.certifiedHeight ?? 0) == world.mostExecuted })
        #expect(world.count("nullify") == 0)
        #expect(world.nodes.allSatisfy { $0.replica?.status.kind == .live })
        #expect(world.check.failures == [])
        #expect(world.misbehaviours == 0)
    }
}
