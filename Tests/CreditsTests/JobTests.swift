import Basis
import Credits
import Records
import TestKit
import Testing
import Trust

/// Every row of `ledger.md` 8.3: (state, cause, guard) → effects, next state.
@Suite struct JobTests {
    /// Shows the row of openJob: escrow moves from available to held, the draw waits for its beacon, a timer is armed.
    @Test func opens() {
        var bench = JobBench(workers: 0)
        bench.open()
        let account = bench.chain.ledger.account(bench.submitter.publicKey)!
        #expect(account.held.micro == 3 * JobBench.most && account.openJobs == 1)
        #expect(account.available.micro == 1_000_000_000 - 3 * JobBench.most)
        #expect(bench.record.state == .queued && bench.record.escrow.micro == 3 * JobBench.most)
        #expect(bench.record.draw?.count == 3 && bench.record.draw?.retryAt == 0)
        #expect(bench.chain.ledger.timerList.map(\.kind) == [.job])
        #expect(bench.chain.executions.last!.hasDueWork && bench.chain.executions.last!.hasArmedTimer)
    }

    /// Shows the codes of openJob in the order of its checks: rows of (change, code).
    @Test func openCodes() {
        let rows: [(String, (inout Genesis) -> Void, JobSpec, OutcomeCode)] = [
            ("own use not permitted", { $0.selfExecution = false }, Chain.spec { $0.flags = .allowSelf }, .notAllowed),
            ("escalation", { _ in }, Chain.spec { $0.rMax = 5 }, .notAllowed),
            ("high value", { _ in }, Chain.spec { $0.flags = .highValue }, .notAllowed),
            (
                "overflow", { _ in },
                Chain.spec {
                    $0.cpuMicrosMax = 10_000_000_000_000
                    $0.rateCPUMax = LedgerLimits.rateMax
                }, .overflow
            ),
            (
                "too dear", { _ in }, Chain.spec { $0.rateCPUMax = CreditAmount(micro: 100_000_000) },
                .insufficientFunds
            ),
            ("fee does not fit", { $0.entryFee = .credits(1_000) }, Chain.spec(), .insufficientFunds),
            ("fits", { _ in }, Chain.spec(), .applied),
        ]
        for (name, change, spec, code) in rows {
            var chain = Chain(change: change)
            let entry = chain.wallet(Chain.account(0), .openJob(spec))
            #expect(chain.run([entry]).outcomes[0].code == code, "\(name)")
            #expect(chain.ledger.supplyProblem() == nil)
        }
        var chain = Chain(accounts: 1)
        let stranger = Chain.account(44)
        chain.run([chain.admit(stranger, chain.token())])
        let entry = chain.wallet(stranger, .openJob(Chain.spec()))
        #expect(chain.run([entry]).outcomes[0].code == .applied)
    }

    /// Shows that an account has at most openJobsPerAccountMax open jobs (12).
    @Test func openLimit() {
        var chain = Chain(accounts: 1)
        let cheap = Chain.spec(r: 1, q: 1) { $0.rateCPUMax = .zero; $0.rateMemoryMax = .zero }
        let entries = (0..<1_001).map { _ in chain.wallet(Chain.account(0), .openJob(cheap)) }
        let codes = chain.run(entries).outcomes.map(\.code)
        #expect(codes.filter { $0 == .applied }.count == 1_000 && codes.last == .limitExceeded)
    }

    /// Shows A9 and the rows of failed draws: retries each 5 s of L, then refunded in full at the deadline.
    @Test func nobodyEligible() {
        var bench = JobBench(workers: 1)
        bench.start(Chain.spec { $0.totalSeconds = 60 })
        #expect(bench.record.state == .queued && bench.record.lastEligible == 1)
        #expect(bench.chain.ledger.clock.waitingJobs == 1)
        #expect(bench.chain.ledger.timerList.map(\.kind).contains(.drawRetry))
        bench.wait(60)
        #expect(bench.record.state == .refunded && bench.isClean)
        #expect(bench.refund?.reason == .deadline && bench.refund?.attempts.isEmpty == true)
        #expect(bench.available(bench.submitter) == 1_000_000_000)
        var failed: [UInt64] = []
        for case .drawFailed(_, let round, let owners, let retryAt) in bench.events {
            #expect(round == 1 && owners == 1)
            failed.append(retryAt)
        }
        #expect(failed.count == 5)
        for (a, b) in zip(failed, failed.dropFirst()) { #expect(b >= a + 5_000 && b <= a + 9_000) }
        #expect(bench.chain.ledger.clock.waitingJobs == 0)
    }

    /// Shows that a retry draws once enough owners came.
    @Test func retrySucceeds() {
        var bench = JobBench(workers: 1)
        bench.start()
        bench.chain.run([bench.chain.admit(Chain.account(2), bench.chain.token())])
        bench.offer([2])
        #expect(bench.record.state == .queued)
        bench.wait(8)
        #expect(bench.record.state == .running && bench.states == [.active, .active])
        #expect(bench.record.round == 1 && bench.record.draw == nil)
    }

    /// Shows that fewer than r but at least q owners run the job.
    @Test func runsWithFewer() {
        var bench = JobBench(workers: 2)
        bench.start()
        #expect(bench.record.state == .running && bench.leases.count == 2)
        for index: UInt16 in 0..<2 { #expect(bench.commit(index) == .applied) }
        #expect(bench.record.state == .revealing)
        for index: UInt16 in 0..<2 { #expect(bench.reveal(index) == .applied) }
        #expect(bench.record.state == .settled && bench.isClean && bench.settled?.agreement == 1_000)
    }

    /// Shows the way of three agreeing replicas: commits, window, reveals, pay at each one's own rates, refund (M5).
    @Test func settles() {
        var bench = JobBench(workers: 3)
        bench.start()
        let workers = (0..<3).map { bench.worker(UInt16($0)) }
        #expect(bench.commit(0, cpu: 1_000_000) == .applied)
        #expect(bench.commit(1, cpu: 3_000_000) == .applied)
        #expect(bench.record.state == .running)
        #expect(bench.commit(2, cpu: 2_000_000) == .applied)
        #expect(bench.record.state == .revealing && bench.record.revealDeadline > 0)
        #expect(bench.chain.ledger.timerList.map(\.kind) == [.reveal])
        for index: UInt16 in [2, 0] { #expect(bench.reveal(index) == .applied) }
        #expect(bench.record.state == .revealing)
        #expect(bench.reveal(1) == .applied)
        #expect(bench.record.state == .settled && bench.isClean)
        // 2 CPU seconds at 250,000, 512 MiB for 1 s at 1,000 per GiB second.
        let pay: UInt64 = 500_000 + 500
        for worker in workers { #expect(bench.available(worker) == 1_000_000_000 + pay) }
        let settled = bench.settled!
        #expect(settled.winners.map(\.pay.micro) == [pay, pay, pay] && settled.losers.isEmpty)
        #expect(settled.refund.micro == 3 * JobBench.most - 3 * pay)
        #expect(settled.paidCpuMicros == 2_000_000 && settled.paidMemory == 512_000)
        #expect(settled.credibility == 998 && settled.revealed == 3 && settled.q == 2)
        #expect(bench.leases.allSatisfy { $0.result?.inline == [] })
        #expect(
            bench.chain.ledger.reputation(of: workers[0].publicKey, runtime: Chain.runtime)?.consecutive == 1)
    }

    /// Shows that a loser is unpaid and loses its row of valid results, and nothing else.
    @Test func loserIsUnpaid() {
        var bench = JobBench(workers: 3)
        bench.start()
        let loser = bench.worker(1)
        bench.commit(0)
        bench.commit(1, "liar", cpu: 9_000_000)
        bench.commit(2)
        for index: UInt16 in 0..<3 { bench.reveal(index) }
        #expect(bench.states == [.won, .lost, .won] && bench.isClean)
        #expect(bench.available(loser) == 1_000_000_000)
        #expect(bench.settled?.paidCpuMicros == 1_000_000 && bench.settled?.agreement == 666)
        let record = bench.chain.ledger.reputation(of: loser.publicKey, runtime: Chain.runtime)!
        #expect(record.invalid == 1 && record.consecutive == 0)
        #expect(bench.chain.ledger.account(loser.publicKey)!.failStreak == 0)
    }

    /// Shows that agreed failure pays the attempt share alone and earns no standing.
    @Test func agreedFailure() {
        var bench = JobBench(workers: 3)
        bench.start()
        for index: UInt16 in 0..<3 { bench.commit(index, "stack trace \(index)", status: 1) }
        for index: UInt16 in 0..<3 { bench.reveal(index) }
        #expect(bench.record.state == .settled && bench.isClean)
        #expect(bench.settled?.winners.map(\.pay.micro) == [62_625, 62_625, 62_625])
        #expect(bench.chain.ledger.reputation(of: bench.leases[0].account, runtime: Chain.runtime) == nil)
    }

    /// Shows J9: results that never agree end at rMax, with attempt fees to the revealed replicas only.
    @Test func noAgreement() {
        var bench = JobBench(workers: 3)
        bench.start()
        for index: UInt16 in 0..<3 { bench.commit(index, "answer \(index)") }
        bench.reveal(0)
        bench.reveal(1)
        bench.reveal(2)
        #expect(bench.record.state == .refunded && bench.isClean)
        #expect(bench.refund?.reason == .noAgreement)
        #expect(bench.refund?.attempts.map(\.pay.micro) == [62_625, 62_625, 62_625])
        #expect(bench.available(bench.submitter) == 1_000_000_000 - 3 * 62_625)
        #expect(bench.states == [.revealed, .revealed, .revealed])
    }

    /// Shows J5: a commit without a reveal; the rest settle when the window closes, and the silent one failed.
    @Test func commitWithoutReveal() {
        var bench = JobBench(workers: 3)
        bench.start()
        for index: UInt16 in 0..<3 { bench.commit(index) }
        bench.reveal(0)
        bench.reveal(2)
        bench.wait(12)
        #expect(bench.states == [.won, .noReveal, .won] && bench.isClean)
        #expect(bench.settled?.revealed == 2)
        #expect(bench.chain.ledger.account(bench.leases[1].account)!.failStreak == 1)
        #expect(bench.reveal(1) == .lateEntry)
    }

    /// Shows J5's other half: with too few reveals the window's end draws replacements, whose leases come after a reveal
    /// and earn no standing.
    @Test func missingRevealIsReplaced() {
        var bench = JobBench(workers: 3)
        bench.start(Chain.spec(r: 2, q: 2))
        let first = bench.leases.map(\.account)
        bench.commit(0)
        bench.commit(1)
        bench.reveal(0)
        bench.wait(14)
        #expect(bench.record.state == .running && bench.states == [.revealed, .noReveal, .active])
        #expect(!first.contains(bench.leases[2].account) && bench.leases[2].flags.contains(.afterReveal))
        #expect(bench.chain.ledger.timerList.map(\.kind).contains(.job))
        #expect(bench.commit(2) == .applied)
        #expect(bench.record.state == .revealing)
        #expect(bench.reveal(2) == .applied)
        #expect(bench.states == [.won, .noReveal, .won] && bench.isClean)
        let late = bench.chain.ledger.reputation(of: bench.leases[2].account, runtime: Chain.runtime)!
        #expect(late.valid == 1 && late.consecutive == 0)
    }

    /// Shows J2: leases that do nothing expire and are replaced; three in a row suspend, and a suspended account is not
    /// drawn.
    @Test func silentWorkersAreReplaced() {
        var bench = JobBench(workers: 3)
        bench.start(Chain.spec(r: 2, q: 2) { $0.totalSeconds = 600; $0.leaseSeconds = 10 })
        bench.wait(13)
        #expect(bench.states.prefix(2) == [.expired, .expired])
        #expect(bench.record.state == .running || bench.record.state == .queued)

        var one = JobBench(workers: 1)
        var suspended: UInt64 = 0
        for round in 0..<3 {
            one.start(Chain.spec(r: 1, q: 1) { $0.leaseSeconds = 10; $0.totalSeconds = 20; $0.salt[0] = UInt8(round) })
            #expect(one.states == [.active])
            one.wait(21)
            #expect(one.states == [.expired] && one.refund?.reason == .deadline && one.isClean)
        }
        for case .suspended(let account, let until) in one.chain.executions.flatMap(\.events) {
            #expect(account == Chain.account(1).publicKey)
            suspended = until
        }
        #expect(suspended > one.chain.ledger.clock.ledgerTime)
        one.start(Chain.spec(r: 1, q: 1) { $0.salt[0] = 9 })
        #expect(one.record.state == .queued && one.leases.isEmpty)
        one.wait(70)
        #expect(one.record.state == .running)
    }

    /// Shows the row "lease ends unfulfilled" with enough commits: the window opens when the last active lease is gone.
    @Test func windowOpensAfterLoss() {
        var bench = JobBench(workers: 3)
        bench.start()
        bench.commit(0)
        bench.commit(1)
        #expect(bench.record.state == .running)
        #expect(bench.decline(2, .shuttingDown) == .applied)
        #expect(bench.record.state == .revealing && bench.states == [.committed, .committed, .declined])
        #expect(bench.chain.ledger.account(bench.leases[2].account)!.failStreak == 0)
    }

    /// Shows the rows of a loss with C + V < q (a pending draw is replaced), and with C + V ≥ q while others work (the
    /// draw goes).
    @Test func lossesAndPendingDraws() {
        var bench = JobBench(workers: 3)
        bench.start()
        bench.decline(2, .policy)
        #expect(bench.record.draw?.count == 1)
        bench.decline(1, .cannotRun)
        #expect(bench.record.draw?.count == 2 && bench.record.draw?.retryAt == 0)
        bench.wait(1)
        #expect(bench.record.draw?.retryAt ?? 0 > 0 && bench.record.lastEligible == 0)
        #expect(bench.chain.ledger.account(bench.leases[2].account)!.failStreak == 1)

        var second = JobBench(workers: 4)
        second.start(Chain.spec(r: 4, q: 3))
        second.decline(3, .shuttingDown)
        #expect(second.record.draw != nil)
        for index: UInt16 in 0..<2 { second.commit(index) }
        #expect(second.record.draw != nil)
        second.commit(2)
        #expect(second.record.draw == nil && second.record.state == .revealing)
    }

    /// Shows the draw rows near the deadline: with no lease active it refunds, with one it leaves the rest to that one.
    @Test func drawNearTheDeadline() {
        var bench = JobBench(workers: 4)
        bench.start(Chain.spec { $0.totalSeconds = 30 })
        bench.wait(11)
        bench.decline(0, .shuttingDown)
        #expect(bench.record.draw != nil)
        bench.chain.run()
        #expect(bench.record.state == .running && bench.record.draw == nil)
        bench.commit(1)
        bench.commit(2)
        for index: UInt16 in 1..<3 { bench.reveal(index) }
        #expect(bench.record.state == .settled && bench.isClean)
    }

    /// Shows decline(inputUnavailable): one owner alone is replaced, max(2, q) owners refund in full (J10).
    @Test func inputUnavailable() {
        var bench = JobBench(workers: 3)
        bench.start()
        bench.decline(0, .inputUnavailable)
        #expect(bench.record.state == .running)
        bench.decline(1, .inputUnavailable)
        #expect(bench.record.state == .refunded && bench.isClean)
        #expect(bench.refund?.reason == .inputUnavailable && bench.refund?.attempts.isEmpty == true)
        #expect(bench.states == [.declined, .declined, .released])
        #expect(bench.available(bench.submitter) == 1_000_000_000)
    }

    /// Shows cancelJob in every state (J10): rows of (what happened before, code, attempts paid).
    @Test func cancels() {
        let rows: [(String, (inout JobBench) -> Void, OutcomeCode, Int)] = [
            ("queued", { $0.open() }, .applied, 0),
            ("running", { $0.start(); $0.wait(4) }, .applied, 3),
            ("after a loss", { $0.start(); $0.decline(0, .policy) }, .applied, 2),
            ("committed", { $0.start(); $0.commit(0) }, .wrongState, 0),
            ("revealing", { b in b.start(); for i: UInt16 in 0..<3 { b.commit(i) } }, .wrongState, 0),
            (
                "settled", { b in
                    b.start()
                    for i: UInt16 in 0..<3 { b.commit(i) }
                    for i: UInt16 in 0..<3 { b.reveal(i) }
                }, .wrongState, 0
            ),
        ]
        for (name, prepare, code, attempts) in rows {
            var bench = JobBench(workers: 3)
            prepare(&bench)
            let id = bench.job
            let foreign = bench.chain.wallet(Chain.account(1), .cancelJob(id))
            let unknown = bench.chain.wallet(bench.submitter, .cancelJob(JobID(repeating: 9)))
            let own = bench.chain.wallet(bench.submitter, .cancelJob(id))
            let codes = bench.chain.run([foreign, unknown, own], after: 1).outcomes.map(\.code)
            #expect(codes == [.notAllowed, .unknownTarget, code], "\(name)")
            #expect(bench.chain.ledger.supplyProblem() == nil)
            guard code == .applied else { continue }
            #expect(bench.record.state == .cancelled && bench.isClean, "\(name)")
            for case .cancelled(_, let paid, let refund) in bench.events {
                #expect(paid.count == attempts, "\(name)")
                let sum = paid.reduce(UInt64(0)) { $0 + $1.pay.micro }
                #expect(sum + refund.micro == 3 * JobBench.most, "\(name)")
                if name == "running" {
                    // 4 s elapsed: 250,000 × 4 + 512 MiB × 4 s, a quarter of it; the last block took 1 ms more.
                    #expect(paid[0].pay.micro == 250_562)
                }
            }
        }
    }

    /// Shows that a job that loses lease after lease is refunded as exhausted, at most 32 leases later.
    @Test func exhausted() {
        var bench = JobBench(workers: 40)
        bench.start(Chain.spec(r: 9, q: 5) { $0.totalSeconds = 600 })
        for _ in 0..<200 where !bench.record.state.isEnded {
            let active = bench.states.indices.filter { bench.states[$0] == .active }
            bench.chain.run(
                active.map {
                    bench.chain.lease(bench.worker(UInt16($0)), bench.job, UInt16($0), .decline(.shuttingDown))
                })
            bench.chain.run()
        }
        #expect(bench.refund?.reason == .exhausted && bench.isClean && bench.leases.count <= 32)
    }

    /// Shows the evaluation rows after a first round without agreement: V ≥ q but V < r asks for the rest; when those
    /// are lost and the deadline passed, the revealed are paid their attempt.
    @Test func evaluationWithoutAgreement() {
        var bench = JobBench(workers: 3)
        bench.start(Chain.spec(r: 5, q: 3) { $0.totalSeconds = 60 })
        bench.commit(0)
        bench.commit(1)
        bench.commit(2, "other")
        for index: UInt16 in 0..<3 { bench.reveal(index) }
        #expect(bench.record.state == .running && bench.record.draw?.count == 2)
        bench.wait(70)
        #expect(bench.refund?.reason == .deadline && bench.refund?.attempts.count == 3 && bench.isClean)

        var more = JobBench(workers: 3)
        more.start(Chain.spec(r: 5, q: 3) { $0.totalSeconds = 200 })
        more.commit(0)
        more.commit(1)
        more.commit(2, "other")
        for index: UInt16 in 0..<3 { more.reveal(index) }
        more.chain.run((50..<52).map { more.chain.admit(Chain.account($0), more.chain.token()) })
        more.offer([50, 51])
        more.wait(8)
        #expect(more.states.suffix(2) == [.active, .active])
        more.wait(22)
        #expect(more.states[3...4] == [.expired, .expired] && more.record.state == .running)
        #expect(more.record.draw != nil)
    }

    /// Shows J13: a direct job has no commit phase; pay follows the lower median, capped by the limits.
    @Test func directJobAndUsage() {
        var bench = JobBench(workers: 1)
        bench.start(Chain.spec(r: 1, q: 1))
        #expect(bench.commit(0) == .notAllowed)
        let worker = bench.worker(0)
        var huge = bench.chain.result(cpu: 1 << 50)
        huge.wallMillis = 1 << 30
        huge.memoryMiBMillis = 512 << 30
        let unsigned = bench.chain.unsignedReveal(worker, bench.job, 0, .zero, huge)
        let salted = bench.chain.lease(worker, bench.job, 0, .reveal(salt: Digest(repeating: 1), result: huge))
        let good = bench.chain.lease(worker, bench.job, 0, .reveal(salt: .zero, result: huge))
        #expect(bench.chain.run([unsigned, salted, good]).outcomes.map(\.code) == [.badOpening, .badOpening, .applied])
        #expect(bench.record.state == .settled && bench.isClean)
        #expect(bench.settled?.winners[0].pay.micro == 2_500_000 + 5_000)
        #expect(bench.settled?.credibility == 900)

        var three = JobBench(workers: 3)
        three.start()
        three.commit(0, cpu: 9_000_000)
        three.commit(1, cpu: 100)
        three.commit(2, cpu: 200)
        for index: UInt16 in 0..<3 { three.reveal(index) }
        #expect(three.settled?.paidCpuMicros == 200)
    }
}
