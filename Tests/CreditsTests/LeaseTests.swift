import Basis
import Credits
import Records
import TestKit
import Testing
import Trust
import Wire

/// Every row of `ledger.md` 8.4: lease entries by lease state, author and content.
@Suite struct LeaseTests {
    /// Shows the codes of commit, reveal and decline in each lease state: rows of (how it came there, codes).
    @Test func codesByState() {
        typealias Row = (String, (inout JobBench) -> Void, commit: OutcomeCode, reveal: OutcomeCode, decline: OutcomeCode)
        let rows: [Row] = [
            ("active", { _ in }, .applied, .badOpening, .applied),
            ("committed, running", { $0.commit(0) }, .duplicate, .wrongState, .lateEntry),
            ("revealing", { b in for i: UInt16 in 0..<3 { b.commit(i) } }, .duplicate, .applied, .lateEntry),
            (
                "revealed", { b in
                    for i: UInt16 in 0..<3 { b.commit(i) }
                    b.reveal(0)
                }, .duplicate, .wrongState, .lateEntry
            ),
            (
                "won", { b in
                    for i: UInt16 in 0..<3 { b.commit(i) }
                    for i: UInt16 in 0..<3 { b.reveal(i) }
                }, .duplicate, .wrongState, .lateEntry
            ),
            ("expired", { $0.wait(22) }, .lateEntry, .lateEntry, .lateEntry),
            ("declined", { $0.decline(0, .policy) }, .lateEntry, .lateEntry, .lateEntry),
            (
                "noReveal", { b in
                    for i: UInt16 in 0..<3 { b.commit(i) }
                    b.wait(12)
                }, .duplicate, .lateEntry, .lateEntry
            ),
            (
                "released", { b in
                    b.decline(1, .inputUnavailable)
                    b.decline(2, .inputUnavailable)
                }, .lateEntry, .lateEntry, .lateEntry
            ),
        ]
        for (name, prepare, commit, reveal, decline) in rows {
            var bench = JobBench(workers: 3)
            bench.start()
            bench.results[0] = bench.chain.result()
            prepare(&bench)
            let result = bench.results[0]!
            var one = bench
            #expect(one.chain.run([one.commitEntry(0, result)]).outcomes[0].code == commit, "\(name): commit")
            one = bench
            #expect(one.chain.run([one.revealEntry(0, result)]).outcomes[0].code == reveal, "\(name): reveal")
            one = bench
            #expect(one.decline(0, .policy) == decline, "\(name): decline")
        }
    }

    /// Shows code 20: another account, another index, another job; and nothing changes.
    @Test func notLeased() {
        var bench = JobBench(workers: 3)
        bench.start()
        let result = bench.chain.result()
        let own = bench.worker(0)
        let other = bench.worker(1)
        let digest = bench.chain.ledger.leaseList(of: bench.job).map(\.lease)
        let entries = [
            bench.chain.lease(other, bench.job, 0, .commit(hash: Digest(repeating: 1))),
            bench.chain.lease(own, bench.job, 7, .commit(hash: Digest(repeating: 1))),
            bench.chain.lease(own, JobID(repeating: 1), 0, .decline(.policy)),
            bench.chain.unsignedReveal(other, bench.job, 0, bench.salt(0), result),
        ]
        #expect(bench.chain.run(entries).outcomes.allSatisfy { $0.code == .notLeased })
        #expect(bench.chain.ledger.leaseList(of: bench.job).map(\.lease) == digest)
    }

    /// Shows J3: a copied commit never opens, neither for the copier nor with the copied salt.
    @Test func copiedCommitNeverOpens() {
        var bench = JobBench(workers: 3)
        bench.start()
        let result = bench.chain.result()
        let honest = bench.commitEntry(0, result)
        guard case .commit(let hash) = honest.body else { return }
        let copy = bench.chain.lease(bench.worker(1), bench.job, 1, .commit(hash: hash))
        bench.results[2] = result
        let third = bench.commitEntry(2, result)
        #expect(bench.chain.run([honest, copy, third]).outcomes.allSatisfy { $0.code == .applied })
        #expect(bench.record.state == .revealing)
        let stolen = bench.chain.unsignedReveal(bench.worker(1), bench.job, 1, bench.salt(0), result)
        #expect(bench.chain.run([bench.revealEntry(0, result), stolen]).outcomes.map(\.code) == [.applied, .badOpening])
    }

    /// Shows J4 and code 19: a reveal with another salt, another Result or a bad body is refused, and the true one is
    /// accepted after it.
    @Test func badRevealsThenTheTrueOne() {
        func result(_ bench: JobBench, _ change: (inout ReplicaResult) -> Void) -> ReplicaResult {
            var result = bench.chain.result()
            change(&result)
            return result
        }
        let changes: [(String, (inout ReplicaResult) -> Void)] = [
            ("body of another hash", { $0.inline = Array("43".utf8) }),
            ("no body", { $0.inline = [] }),
            ("wrong length", { $0.bodyBytes = 3 }),
            ("compareHash of another body", { $0.compareHash = .zero }),
            ("memory is not what the spec says", { $0.memoryMiBMillis += 1 }),
            ("a vector", { $0.sketch = [1] }),
            ("too long", { $0.bodyBytes = 65_537; $0.inline = [] }),
            ("memory overflows", { $0.wallMillis = 1 << 53 }),
        ]
        for (name, change) in changes {
            var bench = JobBench(workers: 3)
            bench.start()
            let bad = result(bench, change)
            bench.results[0] = bad
            bench.chain.run([bench.commitEntry(0, bad)])
            bench.commit(1)
            bench.commit(2)
            #expect(bench.reveal(0) == .badResult, "\(name)")
            #expect(bench.states[0] == .committed)
        }
        var bench = JobBench(workers: 3)
        bench.start()
        for index: UInt16 in 0..<3 { bench.commit(index) }
        let true0 = bench.results[0]!
        let wrongSalt = bench.chain.unsignedReveal(bench.worker(0), bench.job, 0, .zero, true0)
        let other = bench.revealEntry(0, bench.chain.result("other"))
        let codes = bench.chain.run([wrongSalt, other, bench.revealEntry(0, true0)]).outcomes.map(\.code)
        #expect(codes == [.badOpening, .badOpening, .applied])
    }

    /// Shows that a body longer than inlineMax travels by hash alone, and that an empty one needs none.
    @Test func bodiesByHash() {
        var bench = JobBench(workers: 1)
        bench.start(Chain.spec(r: 1, q: 1) { $0.inlineMax = 1 })
        var result = bench.chain.result()
        result.inline = []
        let entry = bench.chain.lease(bench.worker(0), bench.job, 0, .reveal(salt: .zero, result: result))
        #expect(bench.chain.run([entry]).outcomes[0].code == .applied)
        #expect(bench.settled?.winners[0].bodyHash == result.bodyHash)

        var empty = JobBench(workers: 1)
        empty.start(Chain.spec(r: 1, q: 1))
        let none = empty.chain.result("")
        let reveal = empty.chain.lease(empty.worker(0), empty.job, 0, .reveal(salt: .zero, result: none))
        #expect(empty.chain.run([reveal]).outcomes[0].code == .applied)
    }

    /// Shows that a slot is free again after commit, decline, expiry and release, and that a withdrawn offer leaves with
    /// its last lease.
    @Test func slots() {
        var bench = JobBench(workers: 3)
        bench.start()
        func active() -> [UInt16] {
            (0..<3).map {
                bench.chain.ledger.offer(OfferKey(account: bench.leases[$0].account, slotClass: 0))?.activeLeases ?? 99
            }
        }
        #expect(active() == [1, 1, 1])
        bench.commit(0)
        #expect(active() == [0, 1, 1])
        let withdraw = bench.chain.node(bench.worker(1), .withdrawOffer(slotClass: 0))
        bench.chain.run([withdraw])
        #expect(bench.chain.ledger.offer(OfferKey(account: bench.leases[1].account, slotClass: 0))?.isLive == false)
        bench.commit(1)
        #expect(active() == [0, 99, 1])
        bench.decline(2, .policy)
        #expect(active() == [0, 99, 0])
    }

    /// Shows J6: canonical answer, winners and event bytes are the same under all 120 reveal orders of five results.
    @Test func revealOrderDoesNotMatter() {
        var base = JobBench(workers: 5)
        base.start(Chain.spec(r: 5, q: 3))
        for (index, body) in ["a", "b", "a", "c", "a"].enumerated() {
            base.commit(UInt16(index), body, cpu: 1_000 * UInt64(index + 1))
        }
        #expect(base.record.state == .revealing)
        var seen: Set<[UInt8]> = []
        for order in permutations([0, 1, 2, 3, 4]) {
            var bench = base
            let reveals = order.map { bench.revealEntry($0, bench.results[$0]!) }
            #expect(bench.chain.run(reveals).outcomes.allSatisfy { $0.code == .applied })
            guard let settled = bench.settled else {
                Issue.record("not settled")
                return
            }
            seen.insert(NumberedEvent(ordinal: 0, event: .settled(settled)).encoded)
            #expect(settled.winners.map(\.lease) == [0, 2, 4])
        }
        #expect(seen.count == 1)
    }

    func permutations(_ items: [UInt16]) -> [[UInt16]] {
        if items.count <= 1 { return [items] }
        return items.indices.flatMap { i in
            var rest = items
            let item = rest.remove(at: i)
            return permutations(rest).map { [item] + $0 }
        }
    }
}
