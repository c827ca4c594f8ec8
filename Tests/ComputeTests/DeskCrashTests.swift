import Basis
import Records
import TestKit
import Testing
import Trust
import Verdict
import Wire

@testable import Compute

/// A worker, its disk and a ledger that knows one lease, with crashes on order.
///
/// Each attempt seals another body and salt, so a second claim would be seen at once.
struct DeskWorld {
    struct Crash: Error {}

    var desk: WorkerDesk
    let job: CanonicalJob
    var standing: LeaseStanding
    /// What the disk holds.
    var journal: [DeskRecord] = []
    /// Written, not yet on the disk; in order. A crash loses it.
    var unflushed: [(ticket: Ticket, record: DeskRecord)] = []
    /// Journal writes so far; at each write in `crashes` the node dies, before or after it is on the disk.
    var writes = 0
    var crashes: [(write: Int, isWritten: Bool)]
    var queue: [WorkerDesk.Input] = []
    var commits: Set<Digest> = []
    var claims: Set<[UInt8]> = []
    var published: Set<BlobID> = []
    var violations: [String] = []
    var restarts = 0
    var starts = 0
    var verdict: LeaseVerdict?
    var handedBack: RunEndReason?
    var rng: SeededGenerator
    var now = Instant.zero
    var runsUnderWay: [RunID] = []

    init(replicas: Int, seed: UInt64, crashes: [(write: Int, isWritten: Bool)]) {
        job = Fixture.job(replicas)
        standing = Fixture.standing(job)
        self.crashes = crashes
        rng = SeededGenerator(seed: seed)
        desk = DeskWorld.newDesk()
    }

    static func newDesk() -> WorkerDesk {
        WorkerDesk(
            network: Fixture.network, account: Fixture.worker, settings: Fixture.settings(),
            hashing: Fixture.hashing, seed: 1)
    }

    var isDone: Bool { handedBack != nil || verdict != nil && queue.isEmpty }

    mutating func run() {
        queue = [
            .recovered([], [], clock: 0), .capability(Fixture.capability), .leaseGranted(standing),
        ]
        var steps = 0
        while !isDone, steps < 2_000 {
            steps += 1
            do {
                if queue.isEmpty {
                    guard let next = desk.nextDeadline else { break }
                    now = max(now, next)
                    try handle(.timeout)
                } else {
                    try handle(queue.removeFirst())
                }
            } catch { restart() }
        }
    }

    mutating func restart() {
        restarts += 1
        let isSettled = verdict != nil
        unflushed = []
        queue = [
            .recovered(journal, verdict != nil ? [] : [standing], clock: 1_000 * UInt64(restarts)),
            .capability(Fixture.capability),
        ]
        if standing.isRevealOpen && !isSettled { queue.append(.commitsClosed(standing.id)) }
        desk = Self.newDesk()
        runsUnderWay = []
    }

    /// Brings the first `count` waiting writes to the disk.
    mutating func flush(_ count: Int) {
        for (_, record) in unflushed.prefix(count) {
            journal.append(record)
            if case .sealed(let claim) = record.step { claims.insert(claim.encoded) }
        }
        unflushed.removeFirst(count)
    }

    mutating func handle(_ input: WorkerDesk.Input) throws {
        // A synced write is answered once it, and all before it, are on the disk.
        if case .persisted(let ticket) = input,
            let at = unflushed.firstIndex(where: { $0.ticket == ticket })
        {
            flush(at + 1)
        }
        for effect in desk.handle(input, now: now) { try carryOut(effect) }
    }

    mutating func carryOut(_ effect: WorkerDesk.Effect) throws {
        switch effect {
        case .journal(let ticket, let record, let synced):
            writes += 1
            let crash = crashes.first { $0.write == writes }
            unflushed.append((ticket, record))
            if let crash {
                if crash.isWritten { flush(unflushed.count) }
                throw Crash()
            }
            if synced { queue.append(.persisted(ticket)) }
        case .forget(let id):
            flush(unflushed.count)
            journal.removeAll { $0.lease == id }
        case .fetchSpec(let id, _, _): queue.append(.specArrived(id, job.encoded))
        case .stage(let ticket, _, _, _):
            queue.append(.staged(ticket, StagePlan(inputs: .files([]))))
        case .start(let run, let id, _):
            starts += 1
            if journal.contains(where: {
                if case .sealed = $0.step { $0.lease == id } else { false }
            }) {
                violations.append("ran again after sealed")
            }
            if !journal.contains(where: { if case .received = $0.step { true } else { false } }) {
                violations.append("ran before received was on the disk")
            }
            queue.append(.run(run, .started(pid: 1)))
            queue.append(.run(run, .ended(Fixture.end())))
        case .seal(let ticket, _, _):
            let salt = Digest(Bytes32(rng.bytes(32))!)
            queue.append(.sealed(ticket, Fixture.outputs(rng.bytes(10)), salt: salt))
        case .checkBlobs(let ticket, _): queue.append(.blobsChecked(ticket, areWhole: true))
        case .commit(let id, let hash): commit(id, hash)
        case .reveal(let id, let result, let salt, let isDirect): reveal(id, result, salt, isDirect)
        case .publish(let blobs):
            if standing.step == .active && !standing.terms.spec.isDirect {
                violations.append("published before the reveal")
            }
            published.formUnion(blobs)
        case .handBack(_, _, let reason): handedBack = reason
        case .decline(_, _, let reasons): violations.append("declined \(reasons)")
        default: break
        }
    }

    mutating func commit(_ id: LeaseID, _ hash: Digest) {
        if !journal.contains(where: { if case .sealed = $0.step { true } else { false } }) {
            violations.append("committed before sealed was on the disk")
        }
        commits.insert(hash)
        if standing.step == .active {
            standing.step = .committed
            // The last of the replicas: the window opens in the same block.
            standing.isRevealOpen = true
        }
        queue.append(.committed(id))
        queue.append(.commitsClosed(id))
    }

    mutating func reveal(_ id: LeaseID, _ result: ReplicaResult, _ salt: Digest, _ isDirect: Bool) {
        let hash = result.commitHash(
            network: Fixture.network, job: id.job, lease: id.index, account: Fixture.worker,
            salt: salt, hashing: Fixture.hashing)
        if isDirect {
            commits.insert(hash)
        } else if !commits.contains(hash) || standing.step == .active {
            violations.append("the reveal opens no commit")
        }
        standing.step = .revealed
        queue.append(.revealed(id))
        if rng.next() % 2 == 0 {
            queue.append(.settled(id, .won))
            verdict = .won
        } else {
            queue.append(.settled(id, .lost))
            verdict = .lost
        }
    }
}

@Suite struct DeskCrashTests {
    func check(_ world: DeskWorld, _ what: String) {
        #expect(world.violations == [], "\(what)")
        #expect(world.commits.count <= 1, "two claims: \(what)")
        #expect(world.claims.count <= 1, "two sealed claims: \(what)")
        #expect(world.isDone, "not done: \(what)")
    }

    /// Shows C45 and the desk's side of C44: the node is killed at each journal write, before and after it reaches the
    /// disk, for a direct and a replicated job; the lease still ends with one claim, and never runs after `sealed`.
    @Test func killedAtEachWrite() {
        for replicas in [1, 3] {
            var whole = DeskWorld(replicas: replicas, seed: 1, crashes: [])
            whole.run()
            check(whole, "without crash")
            #expect(whole.writes >= 6 && whole.starts == 1)
            for write in 1...whole.writes {
                for isWritten in [false, true] {
                    var world = DeskWorld(
                        replicas: replicas, seed: 2, crashes: [(write, isWritten)])
                    world.run()
                    check(world, "replicas \(replicas), write \(write), written \(isWritten)")
                    #expect(world.restarts == 1)
                    #expect(world.verdict != nil, "settled after one crash")
                }
            }
        }
    }

    /// Shows the same for several crashes at random writes; after two restarts of the program the lease is given back.
    @Test func killedAgainAndAgain() {
        var handedBack = 0
        for seed in 0..<150 as Range<UInt64> {
            var rng = SeededGenerator(seed: seed)
            let crashes = (0..<4).map { _ in
                (Int.random(in: 1...20, using: &rng), Bool.random(using: &rng))
            }
            var world = DeskWorld(
                replicas: Bool.random(using: &rng) ? 1 : 3, seed: seed, crashes: crashes)
            world.run()
            check(world, "seed \(seed): \(crashes)")
            #expect(world.starts <= 1 + ComputeLimits.restartsMax + 1)
            if world.handedBack == .nodeRestarted { handedBack += 1 }
        }
        #expect(handedBack > 0, "some seeds restart more often than is allowed")
    }

    /// Shows that a journal whose tail is torn or forged counts only up to the break.
    @Test func tornTails() {
        var world = DeskWorld(replicas: 3, seed: 1, crashes: [])
        world.standing = Fixture.standing(world.job)
        var records: [DeskRecord] = []
        var chain = Digest.zero
        let claim = Claim(
            result: WorkerDesk.result(Fixture.outputs([1]), world.standing.terms.spec), salt: .zero,
            blobs: [])
        let steps: [DeskRecord.Step] = [
            .received(terms: world.standing.terms, deadline: 60_000, attempt: 0), .scheduled,
            .started(pid: 3), .sealed(claim),
        ]
        for (i, step) in steps.enumerated() {
            let record = DeskRecord(
                lease: world.standing.id, sequence: UInt32(i), previous: chain, step: step)
            chain = record.hash(hashing: Fixture.hashing)
            records.append(record)
        }
        func chains(_ records: [DeskRecord]) -> [Int] {
            DeskRecord.chains(records, hashing: Fixture.hashing).map(\.count)
        }
        #expect(chains(records.shuffled()) == [4])
        #expect(chains([records[0], records[1], records[3]]) == [2])
        #expect(chains([records[1], records[2]]) == [])
        var forged = records
        forged[2].step = .started(pid: 4)
        #expect(chains(forged) == [3], "the forged record itself fits, what follows it does not")
        let other = DeskRecord(
            lease: LeaseID(job: JobID(repeating: 200), index: 1), sequence: 0, previous: .zero,
            step: .scheduled)
        #expect(chains(records + [other]) == [4, 1])
    }
}
