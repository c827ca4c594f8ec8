import Basis
import Records
import TestKit
import Testing
import Trust
import Verdict
import Wire

@testable import Compute

/// Tables of (state, input) → effects of the worker desk.
@Suite struct DeskTests {
    let id = LeaseID(job: JobID(repeating: 1), index: 0)

    func desk(
        settings: OwnerSettings = Fixture.settings(),
        capability: CapabilitySummary? = Fixture.capability
    ) -> WorkerDesk {
        var desk = WorkerDesk(
            network: Fixture.network, account: Fixture.worker, settings: settings,
            hashing: Fixture.hashing, seed: 1)
        _ = desk.handle(.recovered([], [], clock: 0), now: .zero)
        if let capability { _ = desk.handle(.capability(capability), now: .zero) }
        return desk
    }

    func ticket(_ effects: [WorkerDesk.Effect]) -> Ticket? {
        for effect in effects {
            switch effect {
            case .journal(let ticket, _, synced: true), .stage(let ticket, _, _, _),
                .seal(let ticket, _, _),
                .checkBlobs(let ticket, _):
                return ticket
            default: continue
            }
        }
        return nil
    }

    func isNotify(_ effect: WorkerDesk.Effect) -> Bool {
        if case .notify = effect { true } else { false }
    }

    /// Brings a granted lease to the running state.
    func running(_ desk: inout WorkerDesk, _ job: CanonicalJob, _ n: UInt8 = 1) -> RunID? {
        let standing = Fixture.standing(job, n)
        _ = desk.handle(.leaseGranted(standing), now: .zero)
        var effects = desk.handle(.specArrived(standing.id.job, job.encoded), now: .zero)
        guard let received = ticket(effects) else { return nil }
        effects = desk.handle(.persisted(received), now: .zero)
        guard let staging = ticket(effects) else { return nil }
        effects = desk.handle(.staged(staging, StagePlan(inputs: .files([]))), now: .zero)
        for effect in effects { if case .start(let run, _, _) = effect { return run } }
        return nil
    }

    /// Shows the order of duties: fetch, journal, stage, start, and nothing earlier.
    @Test func dutiesComeInOrder() {
        var desk = desk()
        let job = Fixture.job(3)
        let standing = Fixture.standing(job)
        var effects = desk.handle(.leaseGranted(standing), now: .zero).filter { !isNotify($0) }
        #expect(
            effects == [.fetchSpec(id.job, standing.terms.spec.manifest, from: [Fixture.entryPeer])]
        )
        effects = desk.handle(.specArrived(id.job, job.encoded), now: .zero).filter {
            !isNotify($0)
        }
        guard case .journal(let received, let record, synced: true)? = effects.first,
            effects.count == 1
        else {
            Issue.record("\(effects)")
            return
        }
        #expect(record.step == .received(terms: standing.terms, deadline: 60_000, attempt: 0))
        effects = desk.handle(.persisted(received), now: .zero).filter { !isNotify($0) }
        guard case .journal(_, _, synced: false)? = effects.first,
            case .stage(let staging, id, job, _)? = effects.last
        else {
            Issue.record("\(effects)")
            return
        }
        #expect(desk.reserved.executions == 1)
        effects = desk.handle(.staged(staging, StagePlan(inputs: .files([]))), now: .zero).filter {
            !isNotify($0)
        }
        guard case .start(_, id, let frame)? = effects.first else {
            Issue.record("\(effects)")
            return
        }
        #expect(frame.item.argv == [Array("echo".utf8)])
        #expect(desk.handle(.persisted(received), now: .zero) == [], "a late answer is ignored")
    }

    /// Shows that bytes which are not the manifest of the ledger's job are not run, nor those that contradict its entry.
    @Test func wrongManifests() {
        var desk = desk()
        let job = Fixture.job(3)
        _ = desk.handle(.leaseGranted(Fixture.standing(job)), now: .zero)
        let effects = desk.handle(.specArrived(id.job, Fixture.job(5).encoded), now: .zero)
        #expect(effects == [] && desk.stats.specMismatches == 1)
        var retried = desk.handle(.timeout, now: .seconds(3))
        #expect(retried.contains { if case .fetchSpec = $0 { true } else { false } })
        // After a quarter of the lease the worker gives up with reason 1.
        retried = desk.handle(.timeout, now: .seconds(16))
        #expect(
            retried.contains {
                if case .handBack(id, .inputUnavailable, _) = $0 { true } else { false }
            })

        var liar = Fixture.standing(job, 2)
        liar.terms.spec.memoryMiB = 16
        _ = desk.handle(.leaseGranted(liar), now: .seconds(16))
        let refused = desk.handle(.specArrived(liar.id.job, job.encoded), now: .seconds(16))
        #expect(
            refused.contains {
                if case .handBack(liar.id, .inputUnavailable, _) = $0 { true } else { false }
            })
    }

    /// Shows each reason to decline and its number in the ledger.
    @Test func declines() {
        typealias Row = (
            OwnerSettings, CapabilitySummary, CanonicalJob, [ReasonCode], Entry.DeclineReason
        )
        var small = Fixture.settings()
        small.memoryBytes = 300 << 20
        var denied = Fixture.settings()
        denied.denyOwners = [Fixture.submitter]
        var short = Fixture.settings()
        short.maxRunNanoseconds = 1_000_000_000
        var open = Fixture.settings()
        open.isOpenNetwork = true
        var weak = Fixture.capability
        weak.isolation = .builtinOnly
        var off = Fixture.settings()
        off.isLending = false
        let job = Fixture.job(3)
        let table: [Row] = [
            (small, Fixture.capability, job, [.memorySmall], .policy),
            (denied, Fixture.capability, job, [.denied], .policy),
            (short, Fixture.capability, job, [.runShort], .policy),
            (open, Fixture.capability, job, [.noRuntime], .policy),
            (Fixture.settings(), weak, job, [.tier], .policy),
            (
                Fixture.settings(), Fixture.capability,
                Fixture.job(3, #","place":{"require":["exists cap.gpu"]}"#), [.noCapability],
                .policy
            ),
        ]
        for (i, row) in table.enumerated() {
            var desk = desk(settings: row.0, capability: row.1)
            _ = desk.handle(.leaseGranted(Fixture.standing(row.2)), now: .zero)
            let effects = desk.handle(.specArrived(id.job, row.2.encoded), now: .zero)
            #expect(effects.contains(.decline(id, row.4, row.3)), "row \(i): \(effects)")
        }
        var draining = desk()
        _ = draining.handle(.owner(.drain), now: .zero)
        #expect(
            draining.handle(.leaseGranted(Fixture.standing(job)), now: .zero).contains(
                .decline(id, .shuttingDown, [.draining])))
        // Declines are repeated until the ledger has ended the lease.
        let again = draining.handle(.timeout, now: .seconds(7))
        #expect(again.contains(.decline(id, .shuttingDown, [])))
        _ = draining.handle(.leaseRevoked(id, .declined), now: .seconds(7))
        #expect(draining.leases.isEmpty)
    }

    /// Shows each end of a run: an outcome is sealed, everything else handed back with its number.
    @Test func endsOfRuns() {
        let job = Fixture.job(3)
        func effects(_ event: RunnerEvent) -> [WorkerDesk.Effect] {
            var desk = desk()
            let run = running(&desk, job)
            return run.map { desk.handle(.run($0, event), now: .zero) } ?? []
        }
        func seals(_ event: RunnerEvent) -> Bool {
            effects(event).contains { if case .seal = $0 { true } else { false } }
        }
        func reason(_ event: RunnerEvent) -> Entry.DeclineReason? {
            for case .handBack(_, let reason, _) in effects(event) { return reason }
            return nil
        }
        #expect(seals(.ended(Fixture.end())))
        #expect(seals(.ended(Fixture.end(.exited(code: 3)))))
        #expect(seals(.ended(Fixture.end(.signalled(number: 11)))))
        var limited = Fixture.end(.signalled(number: 9))
        limited.limit = .memory
        #expect(seals(.ended(limited)))
        #expect(
            reason(.ended(Fixture.end(.notStarted(errno: 2)))) == .cannotRun,
            "the base system lacks the command")
        var greedy = Fixture.end()
        greedy.usage.memoryPeakBytes = 400 << 20
        #expect(reason(.ended(greedy)) == .cannotRun, "an end within limits with usage beyond them")
        #expect(reason(.failed(.sandboxFailed("x"))) == .cannotRun)
        #expect(reason(.failed(.inputUnavailable("x"))) == .inputUnavailable)
        #expect(reason(.failed(.ownerStopped)) == .shuttingDown)
        #expect(reason(.ended(RunEnd(items: [], usage: Usage(meter: .polling)))) == .cannotRun)
    }

    /// Shows that the end of a lease stops the program and leaves nothing, in every phase.
    @Test func revocation() {
        let job = Fixture.job(3)
        var desk = desk()
        let run = running(&desk, job)!
        var effects = desk.handle(.leaseRevoked(id, .released(byCancel: true)), now: .zero)
        #expect(effects.contains(.order(run, .cancel(.cancelled, gentle: false))))
        #expect(desk.reserved.executions == 1, "the slot is held until the program is gone")
        effects = desk.handle(.run(run, .failed(.cancelled)), now: .zero)
        #expect(effects.contains(.unstage(id)) && effects.contains(.forget(id)))
        #expect(desk.leases.isEmpty && desk.nextDeadline.map { $0 > .seconds(3_600) } ?? true)
        #expect(
            desk.handle(.leaseRevoked(id, .expired), now: .zero) == []
                && desk.stats.unknownLeases == 1)
        #expect(
            desk.handle(.run(run, .ended(Fixture.end())), now: .zero) == []
                && desk.stats.unknownRuns == 1)
        // Staging: the late answer is ignored.
        _ = desk.handle(.leaseGranted(Fixture.standing(job)), now: .zero)
        let received = ticket(desk.handle(.specArrived(id.job, job.encoded), now: .zero))!
        let staging = ticket(
            desk.handle(.persisted(received), now: .zero).filter {
                if case .stage = $0 { true } else { false }
            })!
        #expect(desk.handle(.leaseRevoked(id, .expired), now: .zero).contains(.unstage(id)))
        #expect(desk.handle(.staged(staging, StagePlan(inputs: .files([]))), now: .zero) == [])
        #expect(desk.stats.lateTickets == 1)
    }

    /// Shows pause and resume: programs are stopped and go on; after a minute the lease is handed back.
    @Test func pause() {
        let job = Fixture.job(3)
        var desk = desk()
        let run = running(&desk, job)!
        var effects = desk.handle(.owner(.pause), now: .seconds(1))
        #expect(
            effects.contains(.order(run, .pause)) && effects.contains(.withdrawOffer(slotClass: 0)))
        effects = desk.handle(.owner(.resume), now: .seconds(30))
        #expect(effects.contains(.order(run, .resume)))
        #expect(effects.contains { if case .offer = $0 { true } else { false } })
        _ = desk.handle(.policy(.pause([.schedule])), now: .seconds(40))
        effects = desk.handle(.timeout, now: .seconds(100))
        #expect(effects.contains(.order(run, .cancel(.ownerStopped, gentle: false))))
        effects = desk.handle(.run(run, .failed(.ownerStopped)), now: .seconds(100))
        #expect(effects.contains(.handBack(id, .shuttingDown, .ownerStopped)))
        #expect(
            desk.handle(.leaseGranted(Fixture.standing(job, 2)), now: .seconds(101)).contains(
                .decline(LeaseID(job: JobID(repeating: 2), index: 0), .shuttingDown, [.schedule]))
                == false)
    }

    /// Shows the queue: what does not fit waits, more urgent jobs first, and C61: reservations never exceed the share.
    @Test func queueing() {
        var desk = desk(settings: Fixture.settings(slots: 1))
        let normal = Fixture.job(3)
        let urgent = Fixture.job(3, #","schedule":{"priority":"high"}"#)
        let run = running(&desk, normal, 1)!
        #expect(running(&desk, normal, 2) == nil)
        #expect(running(&desk, urgent, 3) == nil)
        #expect(desk.leases.map(\.state) == [.running, .waiting, .waiting])
        _ = desk.handle(.leaseRevoked(id, .expired), now: .zero)
        let effects = desk.handle(.run(run, .failed(.leaseLost)), now: .zero)
        #expect(
            effects.contains {
                if case .stage(_, LeaseID(job: JobID(repeating: 3), index: 0), _, _) = $0 {
                    true
                } else {
                    false
                }
            })
        #expect(desk.reserved.executions == 1)
    }

    /// Shows that three sandbox failures in a row withdraw the offer until the walls were probed again.
    @Test func sandboxFailures() {
        var desk = desk()
        var last: [WorkerDesk.Effect] = []
        for n in 1...3 as ClosedRange<UInt8> {
            let run = running(&desk, Fixture.job(3), n)!
            last = desk.handle(.run(run, .failed(.sandboxFailed("x"))), now: .zero)
            _ = desk.handle(
                .leaseRevoked(LeaseID(job: JobID(repeating: n), index: 0), .declined), now: .zero)
        }
        #expect(last.contains(.probeSandbox) && last.contains(.withdrawOffer(slotClass: 0)))
        #expect(
            desk.handle(.capability(Fixture.capability), now: .zero).contains {
                if case .offer = $0 { true } else { false }
            })
    }

    /// Shows that a claim sealed before a crash is not used if its blobs are damaged.
    @Test func damagedClaims() {
        var world = DeskWorld(replicas: 3, seed: 1, crashes: [])
        let claim = Claim(
            result: WorkerDesk.result(Fixture.outputs([1]), world.standing.terms.spec), salt: .zero,
            blobs: [BlobID(repeating: 1)])
        let first = DeskRecord(lease: id, sequence: 0, previous: .zero, step: .sealed(claim))
        for step in [LeaseStanding.Step.active, .committed] {
            world.standing.step = step
            var desk = WorkerDesk(
                network: Fixture.network, account: Fixture.worker, settings: Fixture.settings(),
                hashing: Fixture.hashing, seed: 1)
            let check = ticket(
                desk.handle(.recovered([first], [world.standing], clock: 0), now: .zero))!
            let effects = desk.handle(.blobsChecked(check, areWhole: false), now: .zero)
            #expect(
                !effects.contains {
                    if case .reveal = $0 { true } else if case .commit = $0 { true } else { false }
                })
            #expect(
                effects.contains { if case .handBack = $0 { true } else { false } }
                    == (step == .active))
        }
    }

    /// Shows that the offer follows settings and probes, and names runtime and class.
    @Test func offers() {
        let draft = OfferDraft.of(Fixture.settings(), Fixture.capability, hashing: Fixture.hashing)!
        #expect(draft.runtimes.count == 4 && draft.slots == 2 && draft.cores == 2)
        #expect(draft.runtimes.contains(JobMarket.runtimeHash(.python, hashing: Fixture.hashing)))
        #expect(draft.capabilities & CapabilityBits.runtime(.python) != 0)
        #expect(draft.memoryMiB + draft.diskMiB + 32 == 2_048)
        var open = Fixture.settings()
        open.isOpenNetwork = true
        #expect(
            OfferDraft.of(open, Fixture.capability, hashing: Fixture.hashing) == nil,
            "strangers get no native code")
        var none = Fixture.capability
        none.isolation = nil
        #expect(OfferDraft.of(Fixture.settings(), none, hashing: Fixture.hashing) == nil)
    }

    /// Shows C64 and C65: whatever comes in whatever order, the desk neither traps nor grows, and C63: two desks with
    /// the same inputs give the same effects.
    @Test func anyInputInAnyOrder() {
        let jobs = [Fixture.job(1), Fixture.job(3)]
        for seed in 0..<40 as Range<UInt64> {
            var rng = SeededGenerator(seed: seed)
            var a = desk(settings: Fixture.settings(slots: 1))
            var b = desk(settings: Fixture.settings(slots: 1))
            var tickets: [Ticket] = []
            var runs: [RunID] = []
            var now = Instant.zero
            for _ in 0..<250 {
                let n = UInt8.random(in: 1...4, using: &rng)
                let lease = LeaseID(job: JobID(repeating: n), index: 0)
                let job = jobs[Int(n) % 2]
                let some = tickets.randomElement(using: &rng) ?? Ticket(99)
                let run = runs.randomElement(using: &rng) ?? RunID(99)
                let input: WorkerDesk.Input
                switch Int.random(in: 0..<19, using: &rng) {
                case 0, 1: input = .leaseGranted(Fixture.standing(job, n))
                case 2: input = .leaseRevoked(lease, .expired)
                case 3, 4: input = .specArrived(lease.job, job.encoded)
                case 5, 6, 7: input = .persisted(some)
                case 8: input = .persistFailed(some)
                case 9, 10: input = .staged(some, StagePlan(inputs: .files([])))
                case 11: input = .stageFailed(some, .inputUnavailable("x"))
                case 12: input = .run(run, .ended(Fixture.end()))
                case 13: input = .run(run, .failed(.sandboxFailed("x")))
                case 14: input = .sealed(some, Fixture.outputs([n]), salt: Digest(repeating: n))
                case 15: input = .committed(lease)
                case 16: input = .commitsClosed(lease)
                case 17: input = Bool.random(using: &rng) ? .revealed(lease) : .settled(lease, .won)
                default: input = Bool.random(using: &rng) ? .owner(.pause) : .owner(.resume)
                }
                now += .milliseconds(Int64.random(in: 0...900, using: &rng))
                let effects = a.handle(input, now: now)
                #expect(b.handle(input, now: now) == effects)
                for effect in effects {
                    if let ticket = ticket([effect]) { tickets.append(ticket) }
                    if case .start(let run, _, _) = effect { runs.append(run) }
                }
                #expect(a.leases.count <= 4 && a.reserved.executions <= 1)
                if let next = a.nextDeadline, next <= now {
                    _ = (a.handle(.timeout, now: now), b.handle(.timeout, now: now))
                }
            }
        }
    }
}
