import Basis
import Records

extension PlantSite {
    static let forks = PlantSite(201)
    static let votesTwice = PlantSite(202)
    static let forgetsVotes = PlantSite(208)
    static let finalizesAndNullifies = PlantSite(203)
    static let finalizesOwnVote = PlantSite(204)
    static let losesNullifications = PlantSite(205)
    static let nullifiesTheFinal = PlantSite(206)
    static let repeatsSeats = PlantSite(207)
    static let takesFutureBlocks = PlantSite(209)
    static let clockRuns = PlantSite(210)
    static let alteredAlone = PlantSite(211)
    static let attestsAnother = PlantSite(212)
    static let oldAnchor = PlantSite(216)
    static let waitsForCompany = PlantSite(217)
    static let submitsNothing = PlantSite(218)
    static let lowersQuorum = PlantSite(219)
    static let shortensProofs = PlantSite(220)
    static let oneMicroMore = PlantSite(301)
    static let nonceSkips = PlantSite(302)
    static let nonceBack = PlantSite(303)
    static let escrowGrows = PlantSite(304)
    static let paysTheUnrevealed = PlantSite(305)
    static let liesAboutSync = PlantSite(306)
    static let skipsTransfers = PlantSite(308)
    static let movesMicro = PlantSite(311)
    static let moreSlots = PlantSite(401)
    static let bigOffers = PlantSite(402)
    static let slotFreed = PlantSite(403)
    static let endedJobMoves = PlantSite(404)
    static let skippedIndex = PlantSite(405)
    static let swappedCommit = PlantSite(406)
    static let earlyDeadline = PlantSite(407)
    static let otherCommit = PlantSite(408)
    static let dearLeases = PlantSite(410)
    static let noDeadline = PlantSite(411)
    static let dearTickets = PlantSite(413)
    static let forgottenDraw = PlantSite(412)
    static let hidesInputs = PlantSite(414)
    static let resultAltered = PlantSite(501)
    static let firstOfEquals = PlantSite(502)
    static let resultsEqual = PlantSite(503)
    static let publishesEarly = PlantSite(507)
    static let editsLeases = PlantSite(508)
    static let sealsNothing = PlantSite(512)
    static let runsOn = PlantSite(513)
}

/// Plants of the groups C, L, J, R and E.
extension Plant {
    static let ledger: [Plant] = consensus + credit + jobs + results

    private static let events: UInt64 = 200_000

    private static func one(
        _ id: String, _ kind: Kind, _ site: PlantSite, _ summary: String, seed: UInt64 = 1,
        plan: @escaping @Sendable () -> Plan
    ) -> Plant {
        Plant(id, kind, site, summary, seed: seed, eventsMax: events, plan: plan)
    }

    /// Transfers alone.
    private static let transfers: @Sendable () -> Plan = { .canary(seconds: 40) }
    /// Transfers and jobs of three replicas.
    private static let working: @Sendable () -> Plan = { .canary(seconds: 60, jobs: 6) }
    /// The same on a network so slow that the reveals of a job come in different blocks.
    private static let slow: @Sendable () -> Plan = {
        var plan = Plan.canary(seconds: 160, jobs: 24, network: .hostile)
        plan.network.loss = .never
        plan.network.burst = nil
        return plan
    }
    /// A worker is gone: its leases expire.
    private static let silent: @Sendable () -> Plan = {
        var plan = Plan.canary(seconds: 100, jobs: 12)
        plan.faults = [Fault(id: 1, at: .seconds(20), kind: .lose(.peers([3])))]
        return plan
    }
    /// Jobs whose replicas never agree.
    private static let flaky: @Sendable () -> Plan = {
        var plan = slow()
        plan.operations.removeAll { $0.id >= 100_000 }
        for k in 0..<4 {
            plan.operations.append(
                Operation(
                    id: 100_000 + k, at: .seconds(31 + Int64(k)), by: k,
                    kind: .openJob(.init(taskClass: .flaky, replicas: 3, runs: .milliseconds(1_500)))))
        }
        return plan
    }

    /// - Parameter times: how often, evenly over 40 s.
    private static func crashing(
        _ who: [Int], _ disk: DiskFault, times: Int = 8
    ) -> @Sendable () -> Plan {
        {
            var plan = Plan.canary(seconds: 80, transfersPerSecond: 8, network: .internet)
            plan.diskLatency = .milliseconds(20)
            plan.faults = (0..<times).map { k in
                Fault(
                    id: k, at: .seconds(12) + .milliseconds(Int64(k) * 40_000 / Int64(times) + 330 + Int64(k) * 37),
                    kind: .crash(.peers(who), restartAfter: .seconds(1), disk: disk))
            }
            return plan
        }
    }

    private static let consensus: [Plant] = [
        one("C1", .shell, .forks, "an observer is shown another block under a forged certificate") {
            .canary(seats: 4, observers: 1, seconds: 40)
        },
        one("C2", .shell, .votesTwice, "a seat votes for a second block in each view", plan: transfers),
        one("C3", .shell, .finalizesAndNullifies, "a seat sends nullify beside each finalize", plan: transfers),
        one("C4", .shell, .finalizesOwnVote, "a seat finalises what it alone notarised", plan: transfers),
        one("C5", .shell, .losesNullifications, "nullifications are not stored") {
            var plan = Plan.canary(seconds: 60)
            plan.faults = [Fault(id: 1, at: .seconds(14), kind: .lose(.peers([3])))]
            return plan
        },
        one("C6", .shell, .nullifiesTheFinal, "a view that was finalised is nullified, too", plan: transfers),
        one("C7", .shell, .repeatsSeats, "a certificate counts one seat twice", plan: transfers),
        one(
            "C8", .shell, .forgetsVotes, "the journal is not replayed"
        ) {
            // Whether a forgotten vote is contradicted is chance at each crash, so there are many.
            var plan = crashing([0, 1, 2, 3], .loseUnsynced(.none), times: 20)()
            plan.limits = .production
            return plan
        },
        one("C8.1", .shell, .answersBeforeSync, "votes leave before they are synced", plan: transfers),
        one("C9", .limits, .takesFutureBlocks, "blocks up to ten minutes ahead are voted for") {
            var plan = Plan.canary(seconds: 40)
            plan.faults = [Fault(id: 1, at: .seconds(14), kind: .clockJump(.peers([1]), by: .seconds(5)))]
            return plan
        },
        one("C10", .memory, .clockRuns, "the ledger clock jumps by five seconds", plan: transfers),
        one("C11", .memory, .alteredAlone, "one peer's ledger holds one micro-credit more", plan: transfers),
        one("C12", .shell, .attestsAnother, "a seat attests a digest that it did not compute", plan: transfers),
        one("C16", .memory, .oldAnchor, "a draw waits since the first block", plan: working),
        one("C17", .limits, .waitsForCompany, "entries wait four seconds for company") {
            .canary(seconds: 60, transfersPerSecond: 3)
        },
        one("C18", .shell, .submitsNothing, "a node keeps its entries to itself") {
            var plan = Plan.canary(seats: 4, observers: 1, seconds: 120)
            plan.calmAt = .seconds(60)
            plan.limits = .production
            plan.operations = plan.operations.filter { $0.at < .seconds(55) }
            plan.holdFor = .seconds(50)
            return plan
        },
        one("C19", .shell, .lowersQuorum, "once a view timed out, one vote makes a certificate") {
            var plan = Plan.canary(seconds: 120)
            plan.faults = [Fault(id: 1, at: .seconds(20), kind: .lose(.peers([2, 3])))]
            return plan
        },
        one("C20", .shell, .shortensProofs, "proofs leave without one of their signatures", plan: transfers),
    ]

    private static let credit: [Plant] = [
        one("L1", .memory, .oneMicroMore, "one micro-credit appears", plan: transfers),
        one("L2", .memory, .nonceSkips, "a nonce is left out", plan: transfers),
        one("L3", .memory, .nonceBack, "a nonce that was used is free again", plan: transfers),
        one("L4", .memory, .escrowGrows, "an escrow grows by one micro-credit", plan: working),
        one("L5", .memory, .paysTheUnrevealed, "a worker that revealed nothing wins", plan: slow),
        one(
            "L6", .shell, .liesAboutSync, "the disk reports durable what is not",
            plan: crashing([0, 1, 2, 3], .loseUnsynced(.all))),
        one(
            "L7", .shell, .halfABatchSurvives, "half a batch is applied at a crash",
            plan: crashing([0, 1, 2, 3], .loseUnsynced(.seeded))),
        one("L8", .shell, .skipsTransfers, "nobody looks at the signature of a transfer", plan: transfers),
        one("L11", .memory, .movesMicro, "one micro-credit moves from one account to another", plan: transfers),
    ]

    private static let jobs: [Plant] = [
        one("J1", .memory, .moreSlots, "the offer table says one slot more", plan: working),
        one("J2", .memory, .bigOffers, "the offer table says more memory than was offered") {
            var plan = Plan.canary(seconds: 60)
            plan.operations.append(
                Operation(
                    id: 100_000, at: .seconds(31), by: 0,
                    kind: .openJob(
                        .init(taskClass: .exact, replicas: 3, runs: .milliseconds(1_500), isUnservable: true))))
            for k in 0..<3 {
                plan.operations.append(
                    Operation(
                        id: 100_001 + k, at: .seconds(33), by: k,
                        kind: .openJob(.init(taskClass: .exact, replicas: 3, runs: .milliseconds(1_500)))))
            }
            return plan
        },
        one("J3", .memory, .slotFreed, "a slot is freed twice", plan: working),
        one("J4", .memory, .endedJobMoves, "a settled job becomes a refunded one", plan: working),
        one("J5", .memory, .skippedIndex, "a lease index is left out", plan: working),
        one("J6", .memory, .swappedCommit, "a commit is replaced by a stranger's", plan: slow),
        one("J7", .memory, .earlyDeadline, "a lease is over before its time", plan: silent),
        one("J8", .memory, .otherCommit, "a commit changes after it was accepted", plan: working),
        one("J10", .memory, .dearLeases, "attempts are paid at twice their rates", plan: flaky),
        one("J11", .memory, .noDeadline, "a job is off the deadline table", plan: working),
        one("J12", .memory, .forgottenDraw, "a job is off the list of draws", plan: working),
        one("J13", .memory, .dearTickets, "the offer table gives the last peer 64 tickets") {
            // So many slots that no honest reading of the log finds the last peer busy.
            var plan = Plan.canary(observers: 12, seconds: 160, transfersPerSecond: 1, slots: 8)
            plan.adversaries = [
                AdversaryPlan(name: "last", type: .wrongResult, peers: [15], intensity: .never)
            ]
            for k in 0..<80 {
                plan.operations.append(
                    Operation(
                        id: 100_000 + k, at: .seconds(20) + .milliseconds(Int64(k) * 1_200), by: 4 + k % 11,
                        kind: .openJob(.init(taskClass: .exact, replicas: 3, runs: .milliseconds(300)))))
            }
            return plan
        },
        one("J14", .shell, .hidesInputs, "the store of an entry peer denies the blobs that it has", plan: working),
    ]

    private static let results: [Plant] = [
        one("R1", .memory, .resultAltered, "the ledger compares another result than was revealed", plan: slow),
        one("R2", .core, .firstOfEquals, "the first of equal results to arrive stands first", plan: working),
        one("R3", .memory, .resultsEqual, "honest results become another answer", plan: slow),
        one("R4", .memory, .resultsEqual, "results that differ count as equal", plan: flaky),
        one("R5", .memory, .resultAltered, "a result that agrees loses", plan: slow),
        one("R7", .shell, .publishesEarly, "a result is published at the first reveal", plan: working),
        one("R8", .shell, .editsLeases, "leases are edited in the exported bundle", plan: working),
        one("E2", .shell, .sealsNothing, "a worker seals an empty body under the digest of its answer", plan: working),
        one("E3", .limits, .runsOn, "the runner's frame is an hour longer", plan: working),
    ]
}
