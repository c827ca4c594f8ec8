import Basis
import Records
import TestKit
import Testing
import Trust
import Verdict
import Wire

@testable import Compute

/// An entry peer with its disk and a ledger, for the book of jobs.
struct BookWorld {
    struct Crash: Error {}

    var book = JobBook(hashing: Fixture.hashing, seed: 1)
    var rows: [JobID: BookRecord] = [:]
    /// Jobs that the ledger opened, with the entries that did it.
    var opened: [JobID: [UInt8]] = [:]
    var replies: [Ticket: SubmitReply] = [:]
    var signatures: UInt8 = 0
    var listings: [JobMarket.Listing] = (10...15).map { Fixture.listing($0) }
    var available: CreditAmount? = .credits(100)
    var queue: [JobBook.Input] = []
    var events: [JobEvent] = []
    var stored: [BlobID] = []
    var fetches: [(Ticket, BlobID, [PublicKey])] = []
    var now = Instant.zero
    /// The synced write at which the node dies, before or after it is on the disk.
    var crash: (write: Int, isWritten: Bool)?
    var writes = 0
    var violations: [String] = []
    var losesEntries = false
    var cancels: [JobID] = []

    /// Rows under way to the disk.
    var unflushed: [Ticket: BookRecord] = [:]

    mutating func feed(_ input: JobBook.Input) throws {
        if case .persisted(let ticket) = input, let row = unflushed.removeValue(forKey: ticket) {
            rows[row.job] = row
        }
        for effect in book.handle(input, now: now) { try carryOut(effect) }
    }

    mutating func drain() throws {
        while !queue.isEmpty { try feed(queue.removeFirst()) }
    }

    mutating func carryOut(_ effect: JobBook.Effect) throws {
        switch effect {
        case .reply(let ticket, let reply):
            if case .accepted(let job, _, _) = reply, rows[job] == nil {
                violations.append("told before durable")
            }
            replies[ticket] = reply
        case .resolve(let ticket, let sources):
            queue.append(
                .resolved(ticket, sources.map { _ in .blob(BlobID(repeating: 8), bytes: 10) }))
        case .quote(let ticket, _, let waits):
            queue.append(
                .quoted(ticket, Fixture.derivation(listings, available: available, waits: waits)))
        case .sign(let ticket, let spec, _, let account):
            signatures += 1
            let id = spec.id(
                network: Fixture.network, submitter: account, nonce: UInt64(signatures),
                hashing: Fixture.hashing)
            queue.append(.signed(ticket, id, entry: [signatures]))
        case .persist(let ticket, let record, let synced):
            if synced {
                writes += 1
                if let crash, crash.write == writes {
                    if crash.isWritten { rows[record.job] = record }
                    throw Crash()
                }
            }
            unflushed[ticket] = record
            queue.append(.persisted(ticket))
        case .forget(let job): rows[job] = nil
        case .openJob(let job, let entry):
            if rows[job] == nil { violations.append("sent before durable") }
            if losesEntries { break }
            opened[job] = entry
            queue.append(
                .ledger(
                    .jobOpened(job: job, submitter: Fixture.submitter, funded: .zero, fee: .zero)))
        case .cancelJob(let job, _): cancels.append(job)
        case .store(let id, _): stored.append(id)
        case .fetch(let ticket, let id, let from, _): fetches.append((ticket, id, from))
        case .notify(let event): events.append(event)
        default: break
        }
    }

    mutating func restart() {
        queue = []
        unflushed = [:]
        book = JobBook(hashing: Fixture.hashing, seed: 2)
        let standings = opened.keys.sorted().map { JobStanding(job: $0, phase: .queued) }
        try? feed(.recovered(rows.keys.sorted().map { rows[$0]! }, standings))
        try? drain()
    }
}

@Suite struct BookTests {
    static let manifest = Manifests.read(
        #"{"peernode":"v1","run":{"runtime":"command","args":["echo"]},"timeout":{"run":"3s"}}"#
    ).manifest!
    static let other = Manifests.read(
        #"{"peernode":"v1","run":{"runtime":"command","args":["ls"]},"timeout":{"run":"3s"}}"#
    ).manifest!

    func submission(_ key: String?, _ manifest: Manifest = BookTests.manifest) -> Submission {
        Submission(
            manifest: manifest, account: Fixture.submitter,
            idempotencyKey: key.map { Array($0.utf8) })
    }

    func world() throws -> BookWorld {
        var world = BookWorld()
        try world.feed(.recovered([], []))
        return world
    }

    func accepted(_ reply: SubmitReply?) -> JobID? {
        if case .accepted(let job, _, _)? = reply { job } else { nil }
    }

    /// Shows C10: equal keys name one job, before it is durable, after, and after a restart; another job is a conflict.
    @Test func oneKeyOneJob() throws {
        var world = try world()
        try world.feed(.submit(submission("k"), Ticket(1)))
        try world.feed(.submit(submission("k"), Ticket(2)))
        try world.drain()
        try world.feed(.submit(submission("k"), Ticket(3)))
        let job = accepted(world.replies[Ticket(1)])
        #expect(
            job != nil && accepted(world.replies[Ticket(2)]) == job
                && accepted(world.replies[Ticket(3)]) == job)
        #expect(world.replies[Ticket(3)] == .accepted(job!, wasKnown: true, isUnverified: false))
        try world.feed(.submit(submission("k", BookTests.other), Ticket(4)))
        #expect(world.replies[Ticket(4)] == .conflict(job!))
        world.restart()
        try world.feed(.submit(submission("k"), Ticket(5)))
        #expect(accepted(world.replies[Ticket(5)]) == job)
        #expect(world.opened.count == 1 && world.signatures == 1)
        try world.feed(.submit(submission("l"), Ticket(6)))
        try world.feed(.submit(submission(nil), Ticket(7)))
        try world.drain()
        #expect(world.opened.count == 3 && world.violations == [])
    }

    /// Shows C67 for the opening: the node dies at its write, before or after it is on the disk; with the same key the
    /// client ends with exactly one job, and nothing is told or sent before it is durable.
    @Test func killedWhileOpening() throws {
        for isWritten in [false, true] {
            var world = try world()
            world.crash = (1, isWritten)
            #expect(throws: BookWorld.Crash.self) {
                try world.feed(.submit(submission("k"), Ticket(1)))
                try world.drain()
            }
            #expect(world.replies.isEmpty && world.opened.isEmpty)
            world.crash = nil
            world.restart()
            #expect(world.opened.count == (isWritten ? 1 : 0))
            try world.feed(.submit(submission("k"), Ticket(2)))
            try world.drain()
            #expect(
                world.opened.count == 1
                    && accepted(world.replies[Ticket(2)]) == world.opened.keys.first)
            #expect(world.violations == [])
        }
    }

    /// Shows that an entry that is lost is sent again, the same bytes, until the ledger has it.
    @Test func lostEntriesAreSentAgain() throws {
        var world = try world()
        world.losesEntries = true
        try world.feed(.submit(submission(nil), Ticket(1)))
        try world.drain()
        #expect(world.opened.isEmpty)
        world.losesEntries = false
        world.now = world.book.nextDeadline!
        try world.feed(.timeout)
        try world.drain()
        #expect(Array(world.opened.values) == [[1]])
        #expect(world.rows.values.map(\.state) == [.waiting])
    }

    /// Shows that a job which a client signed is followed like our own, once, and only when its row is durable.
    @Test func adoptedJobs() throws {
        var world = try world()
        let job = Fixture.job(3)
        let id = JobID(repeating: 77)
        try world.feed(.adopt(id, job, account: Fixture.submitter, entry: [9], Ticket(1)))
        #expect(world.opened.isEmpty && world.replies.isEmpty)
        try world.drain()
        #expect(world.opened == [id: [9]] && accepted(world.replies[Ticket(1)]) == id)
        try world.feed(.adopt(id, job, account: Fixture.submitter, entry: [9], Ticket(2)))
        #expect(
            world.replies[Ticket(2)] == .accepted(id, wasKnown: true, isUnverified: false))
        #expect(world.rows[id]?.state == .waiting && world.violations == [])
    }

    /// Shows `auto`: three replicas where others offer, one and a note where they do not.
    @Test func autoReplicas() throws {
        var world = try world()
        try world.feed(.submit(submission(nil), Ticket(1)))
        try world.drain()
        let three = accepted(world.replies[Ticket(1)])!
        #expect(world.rows[three]?.canonical.purchase.replicas == 3)
        var own = Fixture.listing(3)
        own.owner = Fixture.submitter
        world.listings = [own]
        try world.feed(.submit(submission(nil), Ticket(2)))
        try world.drain()
        let one = accepted(world.replies[Ticket(2)])!
        #expect(world.replies[Ticket(2)] == .accepted(one, wasKnown: false, isUnverified: true))
        #expect(world.rows[one]?.canonical.purchase.replicas == 1)
    }

    /// Shows E140, E501 and E502 as replies that open nothing, and that a refused key is free again.
    @Test func refusals() throws {
        func codes(_ reply: SubmitReply?) -> [ManifestCode] {
            if case .refused(let issues)? = reply { issues.all.map(\.code) } else { [] }
        }
        var world = try world()
        world.listings = [Fixture.listing(10, memoryMiB: 16)]
        try world.feed(.submit(submission("k"), Ticket(1)))
        try world.drain()
        #expect(codes(world.replies[Ticket(1)]) == [.unsatisfiable])
        world.listings = (10...15).map { Fixture.listing($0, rate: 10_000_000) }
        try world.feed(.submit(submission("k"), Ticket(2)))
        try world.drain()
        #expect(codes(world.replies[Ticket(2)]) == [.overBudget])
        world.listings = (10...15).map { Fixture.listing($0) }
        world.available = CreditAmount(micro: 10)
        try world.feed(.submit(submission("k"), Ticket(3)))
        try world.drain()
        #expect(codes(world.replies[Ticket(3)]) == [.insufficientCredit])
        world.available = nil
        try world.feed(.submit(submission("k"), Ticket(4)))
        try world.drain()
        #expect(accepted(world.replies[Ticket(4)]) != nil && world.opened.count == 1)
    }

    /// Shows that a job which nobody else could run is refused at once, with why the offers there are do not fit, and
    /// that one which fewer owners than replicas could run waits: (verify, owners of the offers, message or nil).
    @Test(arguments: [
        (#""mode":"none""#, [Fixture.submitter], "no standing offer fits: 1 offers, 1 lack an owner other than"),
        (#""replicas":3"#, [10, 11].map { PublicKey(repeating: $0) }, nil),
        (
            #""replicas":3"#, [Fixture.submitter] + [10, 10].map { PublicKey(repeating: $0) },
            nil
        ),
    ])
    func tooFewOwners(_ verify: String, _ owners: [PublicKey], _ message: String?) throws {
        var world = try world()
        world.listings = owners.enumerated().map { i, owner in
            var listing = Fixture.listing(UInt8(10 + i))
            listing.owner = owner
            return listing
        }
        let reading = Manifests.read(
            #"{"peernode":"v1","run":{"runtime":"command","args":["a"]},"timeout":{"run":"3s"},"verify":{\#(verify)}}"#)
        let manifest = try #require(reading.manifest)
        try world.feed(.submit(submission("k", manifest), Ticket(1)))
        try world.drain()
        guard let message else {
            #expect(accepted(world.replies[Ticket(1)]) != nil)
            return
        }
        guard case .refused(let issues)? = world.replies[Ticket(1)] else {
            Issue.record("not refused: \(String(describing: world.replies[Ticket(1)]))")
            return
        }
        #expect(issues.all.map(\.code) == [.unsatisfiable])
        #expect(issues.all.first?.message.contains(message) == true, "\(issues.all)")
        var waiting = submission("k", manifest)
        waiting.waitsForOffers = true
        try world.feed(.submit(waiting, Ticket(2)))
        try world.drain()
        #expect(accepted(world.replies[Ticket(2)]) != nil)
    }

    /// Shows each way through the ledger's events: (events) → state, code.
    @Test func states() throws {
        typealias Row = ([(JobID) -> JobBook.Input], BookedState, EndCode?)
        func settled(_ status: ReplicaResult.Status, _ exit: Int32, _ inline: [UInt8]) -> (JobID) ->
            JobBook.Input
        {
            let body = BlobTree.id(of: inline, hashing: Fixture.hashing)
            let settlement = Settlement(
                status: status, exitCode: exit, bodyBytes: UInt64(inline.count),
                winners: [.init(account: PublicKey(repeating: 10), body: body)], inline: inline)
            return { .settled($0, settlement) }
        }
        let drawn: (JobID) -> JobBook.Input = {
            .ledger(
                .drawn(
                    .init(
                        job: $0, round: 1, mix: .zero, anchorHeight: 1, eligibleOwners: 3,
                        totalTickets: 3,
                        eligibleHash: .zero, flags: 0, leases: [])))
        }
        let open: (JobID) -> JobBook.Input = { .ledger(.revealOpened(job: $0, deadline: 1)) }
        func refund(_ reason: LedgerEvent.RefundReason) -> (JobID) -> JobBook.Input {
            { .ledger(.refunded(job: $0, reason: reason, attempts: [], refund: .zero)) }
        }
        let cancelled: (JobID) -> JobBook.Input = {
            .ledger(.cancelled(job: $0, attempts: [], refund: .zero))
        }
        let table: [Row] = [
            ([], .waiting, nil), ([drawn], .running, nil), ([drawn, open], .comparing, nil),
            ([drawn, open, drawn], .running, nil),
            ([drawn, open, settled(.completed, 0, [1])], .completed, .ok),
            ([drawn, settled(.taskFailed, 3, [])], .failed, .programExit),
            ([drawn, settled(.taskFailed, -9, [])], .failed, .programSignal),
            ([drawn, settled(.limitExceeded, 2, [])], .failed, .memoryLimit),
            ([drawn, settled(.badForm, 0, [])], .failed, .badOutput),
            ([refund(.deadline)], .expired, .noWorkers),
            ([drawn, refund(.deadline)], .expired, .timedOut),
            ([drawn, refund(.noAgreement)], .failed, .noAgreement),
            ([drawn, refund(.exhausted)], .failed, .lostTooOften),
            ([drawn, refund(.inputUnavailable)], .failed, .inputUnavailable),
            ([cancelled], .cancelled, .cancelled),
            (
                [drawn, settled(.completed, 0, [1]), cancelled, refund(.deadline), drawn, open],
                .completed, .ok
            ),
        ]
        for (i, row) in table.enumerated() {
            var world = try world()
            try world.feed(.submit(submission(nil), Ticket(1)))
            try world.drain()
            let job = accepted(world.replies[Ticket(1)])!
            for input in row.0 { try world.feed(input(job)) }
            try world.drain()
            #expect(world.rows[job]?.state == row.1, "row \(i)")
            #expect(world.rows[job]?.code == row.2, "row \(i)")
            let ends = world.events.filter {
                if case .state(_, let state, _) = $0 { state.isEnded } else { false }
            }
            #expect(ends.count == (row.1.isEnded ? 1 : 0), "each state once: row \(i)")
        }
    }

    /// Shows how the body comes home: inline if it is what was certified, else from winners with the first one's body,
    /// again after a failure, and after a restart.
    @Test func bodies() throws {
        var world = try world()
        try world.feed(.submit(submission(nil), Ticket(1)))
        try world.drain()
        let job = accepted(world.replies[Ticket(1)])!
        let body = BlobTree.id(of: [1, 2, 3], hashing: Fixture.hashing)
        let winners = [10, 11, 12].map {
            Settlement.Winner(
                account: PublicKey(repeating: $0), body: $0 == 11 ? BlobID(repeating: 1) : body)
        }
        var settlement = Settlement(
            status: .completed, exitCode: 0, bodyBytes: 3, winners: winners, inline: [9, 9, 9])
        var copy = world
        try copy.feed(.settled(job, settlement))
        #expect(
            copy.stored == [] && copy.book.stats.wrongBodies == 1,
            "bytes that were not certified are not kept")
        #expect(
            copy.fetches.map(\.1) == [body]
                && copy.fetches[0].2 == [PublicKey(repeating: 10), PublicKey(repeating: 12)])
        try copy.feed(.fetchFailed(copy.fetches[0].0, body))
        #expect(copy.events.contains(.resultMissing(job, body)))
        copy.now = .seconds(13)
        try copy.feed(.timeout)
        #expect(copy.fetches.count == 2)
        try copy.drain()
        copy.restart()
        #expect(copy.fetches.count == 3, "a restart goes on fetching")
        try copy.feed(.fetched(copy.fetches[2].0, body))
        try copy.drain()
        #expect(copy.events.contains(.resultReady(job, body)) && copy.rows[job]?.hasResult == true)

        settlement.inline = [1, 2, 3]
        try world.feed(.settled(job, settlement))
        #expect(
            world.stored == [body] && world.fetches.isEmpty
                && world.events.contains(.resultReady(job, body)))
    }

    /// Shows cancel: by the owner and in time only; asked before the job is in the ledger, it is sent when it is.
    @Test func cancelling() throws {
        var world = try world()
        try world.feed(.submit(submission(nil), Ticket(1)))
        try world.drain()
        let job = accepted(world.replies[Ticket(1)])!
        func cancel(_ world: inout BookWorld, _ by: PublicKey) -> CancelReply? {
            for case .replyCancel(_, let reply) in world.book.handle(
                .cancel(job, by: by, Ticket(9)), now: world.now)
            { return reply }
            return nil
        }
        #expect(cancel(&world, PublicKey(repeating: 99)) == .notAllowed)
        var committed = world
        try committed.feed(.ledger(.committed(job: job, lease: 0)))
        #expect(cancel(&committed, Fixture.submitter) == .tooLate(.waiting))
        #expect(cancel(&world, Fixture.submitter) == .underway)

        var early = try self.world()
        early.losesEntries = true
        try early.feed(.submit(submission(nil), Ticket(1)))
        try early.drain()
        try early.feed(.cancel(job, by: Fixture.submitter, Ticket(2)))
        #expect(early.cancels == [])
        early.losesEntries = false
        early.now = .seconds(7)
        try early.feed(.timeout)
        try early.drain()
        #expect(early.cancels == [job])
    }

    /// Shows that nobody drawn within `timeout.queue` ends the job as a failure of the network, with its credit back.
    @Test func queueTimeout() throws {
        var world = try world()
        try world.feed(.submit(submission(nil), Ticket(1)))
        try world.drain()
        let job = accepted(world.replies[Ticket(1)])!
        world.now = .seconds(601)
        try world.feed(.timeout)
        #expect(world.cancels == [job])
        try world.feed(.ledger(.cancelled(job: job, attempts: [], refund: .zero)))
        try world.drain()
        #expect(world.rows[job]?.state == .failed && world.rows[job]?.code == .noWorkers)
        // Rows go when their results need not be kept any longer.
        world.now = .seconds(601 + 31 * 86_400)
        try world.feed(.timeout)
        #expect(world.rows.isEmpty && world.book.records.isEmpty && world.book.nextDeadline == nil)
    }
}
