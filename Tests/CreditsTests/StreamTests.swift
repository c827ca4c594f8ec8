import Basis
import Credits
import Records
import TestKit
import Testing
import Trust
import Wire

/// Properties over random streams of entries.
@Suite struct StreamTests {
    /// Shows J1: every job of random streams ends exactly once, with no escrow, timer, slot or counter left, and paid in
    /// full to the micro-credit (M5). And that the streams meet what they should: every kind of event, every code (X2).
    @Test func everyJobEndsOnce() {
        var codes: Set<OutcomeCode> = []
        var kinds: Set<UInt8> = []
        var refunds: Set<UInt8> = []
        for seed in 100..<108 as Range<UInt64> {
            var stream = EntryStream(seed: seed, seats: seed.isMultiple(of: 2) ? 1 : 4)
            for _ in 0..<90 { stream.step() }
            stream.chain.runUntil(after: 2_000) { chain in
                !chain.ledger.jobList.contains { !$0.1.state.isEnded }
            }
            let ledger = stream.chain.ledger
            let events = stream.chain.executions.flatMap(\.events)
            var funded: [JobID: UInt64] = [:]
            var ends: [JobID: Int] = [:]
            var paid: [JobID: UInt64] = [:]
            for event in events {
                kinds.insert(event.kind)
                switch event {
                case .outcome(_, _, let code, _): codes.insert(code)
                case .jobOpened(let job, _, let amount, _): funded[job] = amount.micro
                case .settled(let one):
                    ends[one.job, default: 0] += 1
                    paid[one.job] = one.winners.reduce(one.refund.micro) { $0 + $1.pay.micro }
                    #expect(one.winners.allSatisfy { $0.pay.micro <= JobBench.most })
                case .refunded(let job, let reason, let attempts, let rest):
                    refunds.insert(reason.rawValue)
                    ends[job, default: 0] += 1
                    paid[job] = attempts.reduce(rest.micro) { $0 + $1.pay.micro }
                case .cancelled(let job, let attempts, let rest):
                    ends[job, default: 0] += 1
                    paid[job] = attempts.reduce(rest.micro) { $0 + $1.pay.micro }
                default: continue
                }
            }
            #expect(funded.count > 5 && ends.count == funded.count)
            for (job, amount) in funded {
                #expect(ends[job] == 1 && paid[job] == amount)
            }
            #expect(ledger.timerList.isEmpty && !ledger.hasDueWork && ledger.clock.waitingJobs == 0)
            #expect(ledger.supply.escrow == 0 && ledger.supplyProblem() == nil)
            for n in 0..<14 {
                let account = Chain.account(UInt64(n)).publicKey
                #expect(ledger.account(account)?.openJobs ?? 0 == 0)
                for slotClass in 0..<4 {
                    let offer = ledger.offer(OfferKey(account: account, slotClass: UInt8(slotClass)))
                    #expect(offer?.activeLeases ?? 0 == 0)
                }
            }
        }
        let wanted: [OutcomeCode] = [
            .applied, .staleNonce, .nonceGap, .unknownAccount, .insufficientFunds, .unknownTarget, .wrongState,
            .notAllowed, .duplicate, .lateEntry, .badOpening, .notLeased, .cooldown,
        ]
        for code in wanted { #expect(codes.contains(code), "\(code) never occurred") }
        #expect(kinds == [1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16, 18])
        #expect(refunds.isSuperset(of: [1, 2]))
    }

    /// Shows M6 over streams: a refused entry takes nonce and fee exactly once or not at all, as its code says.
    @Test func refusedEntriesTakeWhatTheirCodeSays() {
        var stream = EntryStream(seed: 200, seats: 1)
        for _ in 0..<120 {
            let before = stream.chain.ledger
            let execution = stream.step()
            var nonces: [PublicKey: UInt64] = [:]
            for outcome in execution.outcomes {
                guard let author = outcome.author, author.hasNonce else { continue }
                if outcome.code == .applied || outcome.code.takesNonceAndFee { nonces[author.account, default: 0] += 1 }
            }
            for n in 0..<14 {
                let key = Chain.account(UInt64(n)).publicKey
                guard let old = before.account(key), let new = stream.chain.ledger.account(key) else { continue }
                #expect(new.nonceWallet + new.nonceNode - old.nonceWallet - old.nonceNode == nonces[key] ?? 0)
            }
        }
    }

    /// Shows S2: the index family made again from events and authors alone equals the one that execution wrote.
    @Test func indexIsRebuiltFromEvents() {
        var stream = EntryStream(seed: 300, seats: 4)
        for _ in 0..<150 { stream.step() }
        stream.chain.run([], after: 8 * 86_400_000)
        for _ in 0..<20 { stream.step() }
        var rebuilding = IndexRows.Rebuilding()
        var rebuilt = MemoryStore()
        for (block, execution) in zip(stream.chain.blocks, stream.chain.executions) {
            let events = execution.encodedEvents.map { try! NumberedEvent(decoding: $0).event }
            let authors = block.entries.map { (try? Entry(decoding: $0)).map { IndexRows.Author($0) } }
            for row in rebuilding.rows(height: execution.height, events: events, authors: authors) {
                rebuilt.put(.index, row.key, row.value)
            }
        }
        let own = stream.chain.store.all(.index)
        let again = rebuilt.all(.index)
        #expect(own.count > 300 && own.count == again.count)
        for (a, b) in zip(own, again) { #expect(a.key == b.key && a.value == b.value) }
        #expect(Set(own.map { $0.key[0] }) == [1, 2, 3, 4, 5, 6])
    }

    /// Shows X5: timers blocked by their guard fire in order once it holds, and more due timers than timersPerBlockMax
    /// all fire in later blocks.
    @Test func timersWaitForTheirGuard() {
        var bench = JobBench(workers: 3, seats: 4)
        bench.open(Chain.spec(r: 2, q: 2) { $0.leaseSeconds = 10 })
        for _ in 0..<2 { bench.chain.run([], after: 1) }
        #expect(bench.states == [.active, .active])
        // One seat alone proposes: f + 1 = 2 different ones are needed since the draw.
        let drawHeight = bench.leases[0].drawHeight
        while bench.chain.view % 4 != 0 { bench.chain.view += 1 }
        for _ in 0..<8 { bench.chain.run([], after: 2_000, skip: 3) }
        #expect(bench.chain.ledger.distinct(above: drawHeight) == 1)
        let due = bench.chain.ledger.timerList.filter { $0.deadline <= bench.chain.ledger.clock.ledgerTime }
        #expect(due.map(\.index) == [0, 1] && bench.chain.ledger.hasDueWork)
        let execution = bench.chain.run([], after: 1)
        var ended: [UInt16] = []
        for case .leaseEnded(_, let lease, 6, _) in execution.events { ended.append(lease) }
        #expect(ended == [0, 1])
    }

    /// Shows the second half of X5, with 2,400 job deadlines at one moment.
    @Test func manyTimersFireInLaterBlocks() {
        var chain = Chain(accounts: 3)
        let entries = (0..<2_400).map { n in
            chain.wallet(
                Chain.account(UInt64(n % 3)),
                .openJob(
                    Chain.spec(r: 1, q: 1) {
                        $0.leaseSeconds = 10
                        $0.totalSeconds = 20
                        $0.rateCPUMax = .zero
                        $0.rateMemoryMax = .zero
                    }))
        }
        #expect(chain.run(entries).outcomes.allSatisfy { $0.code == .applied })
        var ends: [Int] = []
        chain.runUntil(after: 2_000, blocksMax: 40) { chain in
            ends.append(chain.executions.last!.events.filter { $0.kind == 15 }.count)
            return !chain.ledger.jobList.contains { !$0.1.state.isEnded }
        }
        #expect(ends.reduce(0, +) == 2_400)
        #expect(ends.max()! > 1_000 && ends.max()! <= LedgerLimits.timersPerBlockMax + LedgerLimits.drawsPerBlockMax)
        #expect(chain.ledger.timerList.isEmpty && chain.ledger.supplyProblem() == nil)
    }

    /// Shows that ended jobs leave the state after 7 days of T, at most 1,000 in a block, with all their leases.
    @Test func endedJobsLapse() {
        var bench = JobBench(workers: 3)
        bench.start()
        for index: UInt16 in 0..<3 { bench.commit(index) }
        for index: UInt16 in 0..<3 { bench.reveal(index) }
        bench.chain.run([], after: LedgerLimits.endedJobMillis - 1)
        #expect(bench.chain.ledger.job(bench.job) != nil)
        bench.chain.run([], after: 1)
        #expect(bench.chain.ledger.job(bench.job) == nil && bench.chain.ledger.leaseList(of: bench.job).isEmpty)
        #expect(!bench.chain.store.all(.state).contains { [0x03, 0x04, 0x11].contains($0.key[0]) })
    }
}
