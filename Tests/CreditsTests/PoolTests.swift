import Basis
import Credits
import Records
import TestKit
import Testing
import Trust
import Wire

/// The pool's rules of `ledger.md` 6.4, entry by entry.
@Suite struct PoolTests {
    let a = Chain.account(0), b = Chain.account(1)

    func checked(_ entry: Entry, _ chain: Chain) -> CheckedEntry {
        try! CheckedEntry(entry.encoded, network: chain.network, hashing: MixHashing(), verifying: MixVerifier())
    }

    func pay(_ chain: Chain, _ from: MixSigner, nonce: UInt64, amount: UInt64 = 1, validFor: UInt64 = 60_000) -> Entry {
        chain.owner(
            from, .wallet, nonce,
            .transfer(
                payees: [
                    .init(
                        account: (from.publicKey == a.publicKey ? b : a).publicKey,
                        amount: CreditAmount(micro: amount))
                ], memo: []), validUntil: chain.time + validFor)
    }

    func nonces(_ payload: [CheckedEntry]) -> [UInt64] {
        payload.map {
            guard case .owner(_, let nonce, _) = $0.entry.envelope else { return .max }
            return nonce
        }
    }

    /// Shows each answer to an entry handed in.
    @Test func answers() {
        let chain = Chain()
        var limits = LedgerLimits()
        limits.poolPerAccountMax = 4
        var pool = Pool(limits: limits)
        let first = checked(pay(chain, a, nonce: 0), chain)
        #expect(pool.insert(first, ledger: chain.ledger, now: .zero) == .taken)
        #expect(pool.insert(first, ledger: chain.ledger, now: .zero) == .known)
        let rows: [(Entry, Pool.Answer)] = [
            (pay(chain, a, nonce: 0, amount: 2), .refused(.duplicate)),
            (pay(chain, a, nonce: 4), .refused(.nonceGap)),
            (pay(chain, Chain.account(60), nonce: 0), .refused(.unknownAccount)),
            (pay(chain, b, nonce: 0, validFor: 86_400_001), .refused(.validUntilTooFar)),
            (chain.admit(b, nil), .refused(.duplicate)),
            (chain.admit(Chain.account(60), nil), .refused(.inviteInvalid)),
            (chain.lease(b, JobID(repeating: 1), 0, .decline(.policy)), .refused(.notLeased)),
            (pay(chain, a, nonce: 3), .taken), (pay(chain, a, nonce: 2), .taken), (pay(chain, a, nonce: 1), .taken),
            (chain.owner(a, .node, 0, .withdrawOffer(slotClass: 0), validUntil: chain.time + 9), .full),
        ]
        for (index, (entry, answer)) in rows.enumerated() {
            #expect(pool.insert(checked(entry, chain), ledger: chain.ledger, now: .zero) == answer, "row \(index)")
        }
    }

    /// Shows that entries above a gap are neither demand nor payload until it is filled, and then come in nonce order.
    @Test func gapsWait() {
        let chain = Chain()
        var pool = Pool()
        for nonce: UInt64 in [2, 1, 4] {
            #expect(pool.insert(checked(pay(chain, a, nonce: nonce), chain), ledger: chain.ledger, now: .zero) == .taken)
        }
        #expect(pool.demand.entryCount == 0 && pool.demand.oldestArrival == nil)
        #expect(pool.payload(excluding: [], bytesTarget: 10_000).isEmpty)
        _ = pool.insert(
            checked(pay(chain, a, nonce: 0), chain), ledger: chain.ledger, now: Instant(nanoseconds: 5))
        #expect(pool.demand.entryCount == 3 && pool.demand.oldestArrival == .zero)
        #expect(nonces(pool.payload(excluding: [], bytesTarget: 10_000)) == [0, 1, 2])
    }

    /// Shows that entries in flight are no demand and are not offered, that their successors follow them, and that they
    /// wait again when their block is void.
    @Test func inFlight() {
        let chain = Chain()
        var pool = Pool()
        let entries = (0..<4).map { checked(pay(chain, a, nonce: $0), chain) }
        for entry in entries { _ = pool.insert(entry, ledger: chain.ledger, now: .zero) }
        let held = entries[..<2].map(\.hash)
        pool.setInFlight(held)
        #expect(pool.demand.entryCount == 2)
        #expect(nonces(pool.payload(excluding: held, bytesTarget: 10_000)) == [2, 3])
        #expect(nonces(pool.payload(excluding: [], bytesTarget: 10_000)) == [0, 1, 2, 3])
        pool.setInFlight([])
        #expect(pool.demand.entryCount == 4)

        var late = Pool()
        late.setInFlight(held)
        for entry in entries.reversed() { _ = late.insert(entry, ledger: chain.ledger, now: .zero) }
        #expect(late.demand.entryCount == 2)
        #expect(nonces(late.payload(excluding: held, bytesTarget: 10_000)) == [2, 3])
    }

    /// Shows that executed entries go, whatever became of them, and that a nonce passed by another entry goes too.
    @Test func executedEntriesGo() {
        var chain = Chain()
        var pool = Pool()
        let mine = (0..<3).map { pay(chain, a, nonce: $0) }
        for entry in mine { _ = pool.insert(checked(entry, chain), ledger: chain.ledger, now: .zero) }
        let other = pay(chain, a, nonce: 0, amount: 9)
        let execution = chain.run([other])
        pool.executed(execution, ledger: chain.ledger)
        #expect(pool.count == 2 && pool.demand.entryCount == 2)
        #expect(nonces(pool.payload(excluding: [], bytesTarget: 10_000)) == [1, 2])
        pool.executed(chain.run(Array(mine[1...])), ledger: chain.ledger)
        #expect(pool.count == 0 && pool.bytes == 0 && pool.demand.byteCount == 0)
    }

    /// Shows that entries leave when T passed their validUntil.
    @Test func expiredEntriesGo() {
        var chain = Chain()
        var pool = Pool()
        _ = pool.insert(checked(pay(chain, a, nonce: 0, validFor: 1_000), chain), ledger: chain.ledger, now: .zero)
        pool.executed(chain.run([], after: 1_000), ledger: chain.ledger)
        #expect(pool.count == 1)
        pool.executed(chain.run([], after: 1_001), ledger: chain.ledger)
        #expect(pool.count == 0)
    }

    /// Shows eviction: the account with the most entries loses its highest nonce, so that no gap is left.
    @Test func eviction() {
        let chain = Chain()
        var limits = LedgerLimits()
        limits.poolEntriesMax = 5
        var pool = Pool(limits: limits)
        let entries = (0..<5).map { checked(pay(chain, a, nonce: $0), chain) }
        for entry in entries { _ = pool.insert(entry, ledger: chain.ledger, now: .zero) }
        #expect(pool.insert(checked(pay(chain, b, nonce: 0), chain), ledger: chain.ledger, now: .zero) == .taken)
        #expect(pool.count == 5 && !pool.contains(entries[4].hash))
        #expect(nonces(pool.payload(excluding: [], bytesTarget: 10_000)).sorted() == [0, 0, 1, 2, 3])
        let next = checked(pay(chain, a, nonce: 4), chain)
        #expect(pool.insert(next, ledger: chain.ledger, now: .zero) == .full)
    }

    /// Shows the order of a payload: node entries up to half of the target, then wallet entries, and never over it.
    @Test func payloadOrder() {
        let chain = Chain()
        var pool = Pool()
        for nonce in 0..<20 {
            _ = pool.insert(checked(pay(chain, a, nonce: UInt64(nonce)), chain), ledger: chain.ledger, now: .zero)
        }
        for nonce in 0..<40 {
            let entry = chain.owner(
                b, .node, UInt64(nonce), .withdrawOffer(slotClass: 0), validUntil: chain.time + 9_000)
            _ = pool.insert(checked(entry, chain), ledger: chain.ledger, now: .zero)
        }
        let payload = pool.payload(excluding: [], bytesTarget: 4_000)
        let kinds = payload.map(\.entry.kind)
        let nodeBytes = payload.filter { $0.entry.kind == .withdrawOffer }.reduce(0) { $0 + $1.bytes.count }
        #expect(kinds.first == .withdrawOffer && kinds.last == .transfer)
        #expect(nodeBytes <= 2_000 && payload.reduce(0) { $0 + $1.bytes.count } <= 4_000)
        let all = pool.payload(excluding: [], bytesTarget: 1 << 20)
        #expect(all.count == 60)
    }

    /// Shows over seeds that the counters never drift: after any mix of insertions, executions and flights, what a
    /// payload of any size may hold is exactly the demand.
    @Test func countersHold() {
        for seed in 0..<6 as Range<UInt64> {
            var rng = SeededGenerator(seed: seed)
            var chain = Chain()
            var limits = LedgerLimits()
            limits.poolEntriesMax = 24
            var pool = Pool(limits: limits)
            for _ in 0..<60 {
                switch Int.random(in: 0..<5, using: &rng) {
                case 0:
                    let payload = pool.payload(excluding: [], bytesTarget: 1_500)
                    pool.executed(chain.run(bytes: payload.map(\.bytes), after: 300), ledger: chain.ledger)
                    pool.setInFlight([])
                case 1:
                    let payload = pool.payload(excluding: [], bytesTarget: 1_000)
                    pool.setInFlight(payload.map(\.hash))
                    #expect(
                        pool.demand.entryCount
                            == pool.payload(excluding: payload.map(\.hash), bytesTarget: 1 << 20).count)
                    pool.setInFlight([])
                default:
                    let from = Bool.random(using: &rng) ? a : b
                    let next = chain.ledger.account(from.publicKey)!.nonceWallet
                    let entry = pay(
                        chain, from, nonce: next + UInt64.random(in: 0..<6, using: &rng),
                        amount: UInt64.random(in: 1..<4, using: &rng),
                        validFor: UInt64.random(in: 1_000..<20_000, using: &rng))
                    _ = pool.insert(checked(entry, chain), ledger: chain.ledger, now: .zero)
                }
                let payload = pool.payload(excluding: [], bytesTarget: 1 << 20)
                #expect(payload.count == pool.demand.entryCount)
                #expect(payload.reduce(0) { $0 + $1.bytes.count } == pool.demand.byteCount)
                #expect(pool.count <= 24)
            }
        }
    }
}
