import Basis
@testable import Consensus
import Foundation
import Records
import TestKit
import Testing
import Trust

/// What ordering costs, printed, never asserted: only with CONSENSUS_BENCH=1 in a release build.
@Suite struct CostTests {
    @Test(.enabled(if: ProcessInfo.processInfo.environment["CONSENSUS_BENCH"] != nil))
    func perBlock() {
        for n in [4, 7] {
            var bench = Bench(own: n - 1, n: n)
            var inputs = 0
            var spent = Duration.zero
            let clock = ContinuousClock()
            var parent: Block?
            for view in 0..<400 as Range<UInt64> {
                if bench.world.seatList.leader(of: view) == n - 1 {
                    _ = bench.receive(.certificate(bench.certificate(.nullify, view)))
                    continue
                }
                let block = bench.block(view: view, on: parent)
                let hash = bench.hash(block)
                parent = block
                let quorum = Array((0..<n - 1).prefix(bench.world.seatList.quorum))
                var messages: [LogMessage] = [.proposal(bench.proposal(block))]
                for kind in [VoteKind.notarize, .finalize] {
                    messages += quorum.map { .vote(bench.vote(kind, view, hash, by: $0)) }
                }
                var finals: [Block] = []
                spent += clock.measure {
                    for message in messages { finals += bench.receive(message).finals }
                    for block in finals { _ = bench.execute(block) }
                }
                inputs += messages.count + finals.count
            }
            print(
                "n \(n): height \(bench.replica.executedHeight), \(inputs) inputs,",
                "\(spent / max(1, inputs)) each, \(spent / 400) per view")
        }
    }
}
