import Basis
import Credits
import Records
import TestKit
import Testing
import Trust

/// The answers of `ledger.md` 16 from state and log.
@Suite struct QueryTests {
    /// Shows over a random stream that every account's history sums to its balance at each step, page by page, from the
    /// genesis allocation on (surfaces UC14).
    @Test func historySumsToTheBalance() {
        var stream = EntryStream(seed: 400, seats: 1)
        for _ in 0..<150 { stream.step() }
        let reader = LedgerReader(ledger: stream.chain.ledger, store: stream.chain.store)
        var lines = 0
        for n in 0..<14 {
            let account = Chain.account(UInt64(n)).publicKey
            var items: [HistoryItem] = []
            var cursor: HistoryCursor?
            repeat {
                let page = reader.history(of: account, after: cursor, limit: 7)
                items += page.items
                cursor = page.next
            } while cursor != nil
            lines += items.count
            var available: Int64 = n < 6 ? 1_000_000_000 : 0
            for item in items.reversed() {
                available += item.change
                #expect(Int64(item.availableAfter.micro) == available, "account \(n)")
                if case .outcome(_, let id, _, _) = item.event { #expect(item.transaction == id) }
            }
            #expect(available == Int64(stream.chain.ledger.account(account)?.available.micro ?? 0))
            #expect(zip(items, items.dropFirst()).allSatisfy { ($0.height, $0.ordinal) > ($1.height, $1.ordinal) })
        }
        #expect(lines > 100)
    }

    /// Shows the transaction answer: an outcome that took nothing is told until a final one takes its place.
    @Test func transactions() {
        var chain = Chain { $0.entryFee = CreditAmount(micro: 10) }
        let a = Chain.account(0)
        let pay = Entry.Body.transfer(
            payees: [.init(account: Chain.account(1).publicKey, amount: .credits(1))], memo: [])
        let first = chain.owner(a, .wallet, 0, pay, validUntil: chain.time + 9_000)
        let second = chain.owner(a, .wallet, 1, pay, validUntil: chain.time + 9_000)
        let early = chain.run([second])
        let id = early.outcomes[0].id
        func ask() -> TransactionView? { LedgerReader(ledger: chain.ledger, store: chain.store).transaction(id) }
        #expect(ask()?.place.code == .nonceGap && ask()?.isFinal == false && ask()?.effects.isEmpty == true)
        chain.run([first, second])
        let view = ask()
        #expect(view?.place.code == .applied && view?.isFinal == true && view?.place.height == 2)
        #expect(view?.fee.micro == 10 && view?.entry == second && view?.time == chain.time)
        #expect(view?.effects.count == 1)
        chain.run([second])
        #expect(ask() == view)
        #expect(LedgerReader(ledger: chain.ledger, store: chain.store).transaction(.zero) == nil)
    }

    /// Shows that a job's story has its specification, events and times while it runs, after it ended, and after its
    /// record lapsed.
    @Test func jobStory() {
        var bench = JobBench(workers: 3)
        bench.start()
        for index: UInt16 in 0..<3 { bench.commit(index) }
        for index: UInt16 in 0..<3 { bench.reveal(index) }
        for lapsed in [false, true] {
            if lapsed { bench.chain.run([], after: LedgerLimits.endedJobMillis + 1) }
            let reader = LedgerReader(ledger: bench.chain.ledger, store: bench.chain.store)
            let story = reader.job(bench.job)
            #expect((story?.record == nil) == lapsed && story?.spec == Chain.spec())
            #expect(story?.events.map(\.event) == bench.events)
            #expect(story?.submitter == bench.submitter.publicKey && story?.openedAtHeight == 2)
            #expect(reader.submitted(by: bench.submitter.publicKey, limit: 5).items == [bench.job])
            #expect(reader.worked(by: Chain.account(1).publicKey, limit: 5).items == [bench.job])
        }
    }

    /// Shows lists in pages: jobs by submitter, worker and state, offers by filter, holds that sum to `held`.
    @Test func pages() {
        var bench = JobBench(workers: 4, slots: 10)
        var ids: Set<JobID> = []
        for n in 0..<7 {
            bench.start(Chain.spec(r: 2, q: 2) { $0.salt[0] = UInt8(n) })
            ids.insert(bench.job)
        }
        let ledger = bench.chain.ledger
        var seen: [JobID] = []
        var cursor: JobID?
        repeat {
            let page = ledger.jobPage(submitter: bench.submitter.publicKey, state: .running, after: cursor, limit: 3)
            #expect(page.items.count <= 3)
            seen += page.items.map(\.id)
            cursor = page.next
        } while cursor != nil
        #expect(seen.count == 7 && Set(seen) == ids && seen == seen.sorted())
        #expect(ledger.jobPage(submitter: Chain.account(1).publicKey).items.isEmpty)
        let worked = ledger.jobPage(worker: Chain.account(1).publicKey).items
        #expect(worked.allSatisfy { $0.leases.contains { $0.account == Chain.account(1).publicKey } })

        let balance = ledger.balance(of: bench.submitter.publicKey)
        #expect(balance.holds.count == 7)
        #expect(balance.holds.reduce(UInt64(0)) { $0 + $1.amount.micro } == balance.record?.held.micro)
        #expect(ledger.balance(of: Chain.account(88).publicKey).record == nil)

        #expect(ledger.offerPage(limit: 3).items.count == 3)
        let rest = ledger.offerPage(after: ledger.offerPage(limit: 3).next, limit: 3)
        #expect(rest.items.count == 1 && rest.next == nil)
        var dear = OfferFilter()
        dear.rateCPUMax = CreditAmount(micro: 1)
        #expect(ledger.offerPage(dear).items.isEmpty)
        var other = OfferFilter()
        other.runtime = .zero
        #expect(ledger.offerPage(other).items.isEmpty)
    }

    /// Shows the seats: quorum, order of turns, last blocks.
    @Test func seats() {
        var chain = Chain(seats: 4)
        chain.run()
        chain.run()
        let view = chain.ledger.seatsView()
        #expect(view.quorum == 3 && view.faulty == 1 && view.mayBeAway == 1)
        #expect(view.leaderOrder == [2, 3, 0, 1])
        #expect(view.seats.map(\.record.lastProposed) == [1, 2, 0, 0])
        #expect(view.seats[0].beaconLeft == UInt64(Chain.chainLength) - 1)
    }

    /// Shows that explainDraw of an open job leaves out those who already have a lease of it.
    @Test func explainOpenJob() {
        var bench = JobBench(workers: 3)
        bench.start(Chain.spec(r: 2, q: 2))
        let explained = bench.chain.ledger.explainDraw(of: bench.job)
        #expect(explained?.offers == 3 && explained?.eligibleOwners == 1)
        #expect(explained?.removed == [.init(rule: .noFreeSlot, offers: 2)])
        bench.commit(0)
        #expect(
            bench.chain.ledger.explainDraw(of: bench.job)?.removed == [
                .init(rule: .noFreeSlot, offers: 1), .init(rule: .ownerInJob, offers: 1),
            ])
        #expect(bench.chain.ledger.explainDraw(of: .zero) == nil)
    }
}
