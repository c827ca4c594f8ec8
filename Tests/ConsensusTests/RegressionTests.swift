import Basis
@testable import Consensus
import Records
import TestKit
import Testing
import Trust
import Wire

/// What seeds and mutants once broke, kept as single cases.
@Suite struct RegressionTests {
    /// With one seat the execution of a block may be durable while the batch with its marks and notarisation is
    /// lost (seeds 297–548 of one seat stalled so): the seat renews the notarisation and goes on.
    @Test func oneSeatLostItsJournal() throws {
        var bench = Bench(own: 0, n: 1)
        let entry: [UInt8] = [1]
        func order(_ bench: inout Bench) throws -> Block {
            _ = bench.wantBlocks()
            let request = try #require(bench.pass(20).payloadRequest)
            let effects = bench.handle(.payload(request.ticket, entries: [entry]))
            return try #require(effects.finals.first)
        }
        let block = try order(&bench)
        _ = bench.execute(block)
        let marks = MarkRecorder()
        marks.record {
            bench.replica = Replica(
                configuration: bench.replica.configuration, executed: bench.replica.executed,
                image: JournalImage(), hashing: MixHashing(), generator: SeededGenerator(seed: 1),
                now: bench.now)
            _ = bench.handle(.start)
        }
        #expect(marks.counts["consensus.renewOwnNotarisation"] == 1)
        let next = try order(&bench)
        #expect(next.header.height == 2 && next.header.parentView == 0)
    }

    /// Blocks notarised one after the other without finality, up to the limit of N5, stopped the log for ever: an empty
    /// block above the limit now brings finality (seed 370 of three seats, limits tiny).
    @Test func notarisedWithoutFinality() {
        let world = ScheduleTests.schedule(3, seed: 370, byzantine: false, crashes: true)
        #expect(world.check.failures == [])
    }

    /// A ticket answered out of order releases nothing before those that came first.
    @Test func ticketsOutOfOrder() {
        var bench = Bench()
        var tickets: [Replica.Ticket] = []
        func votes(_ input: Replica.Input) -> [Replica.Effect] {
            let effects = bench.replica.handle(input, now: bench.now, wall: bench.wall)
            for case .persist(_, let ticket) in effects { tickets.append(ticket) }
            return effects
        }
        let proposal = bench.proposal(bench.block(view: 0))
        let hash = bench.hash(proposal.block)
        let certificate = bench.certificate(.notarize, 0, hash)
        #expect(
            votes(.received(Verified(checked: .proposal(proposal)), from: bench.sender)).votes.isEmpty)
        #expect(
            votes(.received(Verified(checked: .certificate(certificate)), from: bench.sender)).votes
                .isEmpty)
        #expect(tickets.count == 2)
        #expect(votes(.persisted(tickets[1])).votes.isEmpty)
        let released = votes(.persisted(tickets[0]))
        #expect(released.votes(.notarize) == [0] && released.votes(.finalize) == [0])
    }

    /// A seat that left a view by its nullification does not finalise it after a crash either: the mark is in the
    /// batch of its next vote.
    @Test func nullifyMarkIsDurable() throws {
        var bench = Bench()
        _ = bench.receive(.certificate(bench.certificate(.nullify, 0)))
        bench.batches = []
        _ = bench.receive(.certificate(bench.certificate(.nullify, 1)))
        let effects = bench.receive(.proposal(bench.proposal(bench.block(view: 2))))
        #expect(effects.votes(.notarize) == [2])
        let keys = bench.batches.flatMap(\.operations).compactMap {
            if case .put(.journal, let key, _) = $0 { key } else { nil }
        }
        for view in [0, 1] as [UInt64] {
            #expect(keys.contains(JournalKey.mark(epoch: 0, view: view, kind: .nullify)), "\(view)")
        }
        // The certificate that ended view 1 went with the first vote of view 2.
        #expect(keys.contains(JournalKey.ended(epoch: 0, view: 1, kind: .nullify)))
    }

    /// A seat follows nobody, and an observer two peers of which one is a seat.
    @Test func whoFollows() {
        func follows(_ own: Int?) -> Int {
            var options = World.Options()
            options.observers = 2
            let world = World(options, seed: 1)
            world.run(8_000)
            let node = world.nodes[own ?? 4]
            return node.replica?.upstreams.count ?? -1
        }
        #expect(follows(1) == 0)
        #expect(follows(nil) == 2)
    }
}
