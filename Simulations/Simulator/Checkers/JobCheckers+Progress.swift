import Basis
import Credits
import NodeCore
import Records
import Trust
import Wire

/// What an attempt is worth, by `ledger.md` 10.2 and 10.3 alone.
enum AttemptFee {
    static func of(_ lease: JobStory.Lease, _ micros: UInt64, _ mibMillis: UInt64, _ perMille: UInt16) -> UInt64 {
        let price = Funding.price(lease.terms.rateCPU, lease.terms.rateMemory, micros, mibMillis)
        return UInt64(clamping: price * UInt128(perMille) / 1_000)
    }

    /// Element ⌊(n − 1) / 2⌋ of the ascending values.
    static func median(_ values: [UInt64]) -> UInt64 {
        values.isEmpty ? 0 : values.sorted()[(values.count - 1) / 2]
    }
}

/// J10: cancel only before the first commit, with attempt fees; without agreement each revealed replica gets its fee.
struct AttemptsArePaid: Checker {
    static let id = "J10"
    static let statement =
        "cancel only before the first commit; attempts are paid on cancel and on refunds, each its fee"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        for closing in read.closings {
            guard let found = problem(closing, world.genesis.attemptPerMille) else { continue }
            return Finding(peers: [read.by], expected: "the attempt fees of job \(closing.job)", found: found)
        }
        return nil
    }

    private mutating func problem(_ closing: ReadBlock.Closing, _ perMille: UInt16) -> String? {
        let story = closing.story
        let spec = story.spec
        var due: [(UInt16, UInt64)] = []
        let paid: [LedgerEvent.Attempt]
        switch closing.event {
        case .cancelled(_, let attempts, _):
            judged += 1
            paid = attempts
            for (index, lease) in story.leases.enumerated() {
                if lease.commitHash != nil || lease.result != nil {
                    return "lease \(index) had committed before the cancel"
                }
                guard lease.state == .released else { continue }
                let begin = lease.deadline - UInt64(spec.leaseSeconds) * 1_000
                let elapsed = UInt128(closing.ledgerTime - min(begin, closing.ledgerTime))
                let micros = min(UInt128(spec.cpuMicrosMax), elapsed * 1_000 * UInt128(spec.cores))
                let memory = min(UInt128(spec.memoryMax), elapsed * UInt128(spec.memoryMiB))
                due.append((UInt16(index), AttemptFee.of(lease, UInt64(micros), UInt64(memory), perMille)))
            }
        case .refunded(_, let reason, let attempts, _):
            judged += 1
            paid = attempts
            let revealed = story.leases.enumerated().filter { $0.element.state == .revealed }
            let results = revealed.compactMap(\.element.result)
            let micros = min(AttemptFee.median(results.map(\.cpuMicros)), spec.cpuMicrosMax)
            let memory = min(AttemptFee.median(results.map(\.memoryMiBMillis)), spec.memoryMax)
            for (index, lease) in revealed where reason != .inputUnavailable {
                due.append((UInt16(index), AttemptFee.of(lease, micros, memory, perMille)))
            }
        default: return nil
        }
        due.removeAll { $0.1 == 0 }
        let isEqual =
            due.count == paid.count
            && zip(due, paid).allSatisfy { $0.0 == $1.lease && $0.1 == $1.pay.micro }
        return isEqual ? nil : "\(paid.map { ($0.lease, $0.pay.micro) }), not \(due)"
    }
}

/// J11: every opened job ends by its deadline, its reveal window and the guards, on the ledger clock.
struct JobsEnd: Checker {
    static let id = "J11"
    static let statement = "every open job has its deadline armed, and ends by it, the reveal window and the guards"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0
    private var timers: Set<TimerName> = []
    /// Open jobs by the L at which they must be over, with the height at which that passed.
    private var due = SortedMap<DueKey, Bool>()
    private var dueOf: [JobID: UInt64] = [:]
    private var passed: [JobID: UInt64] = [:]
    private let patience: UInt64

    private struct TimerName: Hashable {
        let deadline: UInt64
        let kind: TimerKey.Kind
        let job: JobID
        let index: UInt16
    }
    private struct DueKey: Comparable {
        let at: UInt64
        let job: JobID
        static func < (a: DueKey, b: DueKey) -> Bool { a.at != b.at ? a.at < b.at : a.job < b.job }
    }

    /// Guards wait for f + 1 proposers, a draw for d: blocks of four rounds of all seats are enough for both.
    init(_ plan: Plan) { patience = UInt64(plan.seatCount) * 4 + 16 }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        for case .timer(let key, let isArmed) in read.writes {
            let name = TimerName(deadline: key.deadline, kind: key.kind, job: key.job, index: key.index)
            if isArmed { timers.insert(name) } else { timers.remove(name) }
        }
        for case .job(let job, let record) in read.writes {
            if let old = dueOf.removeValue(forKey: job) { due.remove(DueKey(at: old, job: job)) }
            guard let record, let spec = record.spec, !record.state.isEnded else {
                passed[job] = nil
                continue
            }
            judged += 1
            let deadline = record.openedAt + UInt64(spec.totalSeconds) * 1_000
            let isRevealing = record.state == .revealing
            let name = TimerName(
                deadline: isRevealing ? record.revealDeadline : deadline, kind: isRevealing ? .reveal : .job, job: job,
                index: 0)
            if !timers.contains(name) {
                return finding(
                    read, job, "its deadline armed in state \(record.state)", "no timer at L \(name.deadline)")
            }
            let end = deadline + UInt64(spec.revealSeconds + spec.leaseSeconds) * 1_000
            dueOf[job] = end
            due.insert(true, for: DueKey(at: end, job: job))
        }
        return overdue(read)
    }

    private mutating func overdue(_ read: ReadBlock) -> Finding? {
        for (key, _) in due {
            if key.at >= read.clock.ledgerTime { break }
            judged += 1
            let since = passed[key.job] ?? read.height
            passed[key.job] = since
            if read.height - since > patience {
                return finding(read, key.job, "an end by L \(key.at)", "it is open at L \(read.clock.ledgerTime)")
            }
        }
        return nil
    }

    private func finding(_ read: ReadBlock, _ job: JobID, _ expected: String, _ found: String) -> Finding {
        Finding(peers: [read.by], expected: "\(expected) of job \(job)", found: found)
    }

    mutating func end(of world: borrowing World) -> Finding? {
        // Nobody forgot a job: what is open at the end has time left, or the clock stands.
        for (key, _) in due where passed[key.job] != nil { judged += 1 }
        return nil
    }
}

/// J12: a silent worker is replaced once its lease is over, f + 1 seats proposed and the beacon is there.
struct SilenceIsReplaced: Checker {
    static let id = "J12"
    static let statement = "a lease ends in the first block that its deadline and guard allow; a draw runs once reached"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0
    private var active = SortedMap<DueLease, UInt64>()
    private var deadlines: [LeaseKey: UInt64] = [:]
    private var anchors = SortedMap<Anchor, Bool>()
    private var anchorOf: [JobID: UInt64] = [:]
    private let faulty: Int
    private let quorum: Int

    private struct DueLease: Comparable {
        let deadline: UInt64
        let key: LeaseKey
        static func < (a: DueLease, b: DueLease) -> Bool {
            a.deadline != b.deadline ? a.deadline < b.deadline : a.key < b.key
        }
    }
    private struct Anchor: Comparable {
        let height: UInt64
        let job: JobID
        static func < (a: Anchor, b: Anchor) -> Bool { a.height != b.height ? a.height < b.height : a.job < b.job }
    }

    init(_ plan: Plan) {
        faulty = plan.tolerated
        quorum = referenceQuorum(plan.seatCount)
    }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        for write in read.writes {
            switch write {
            case .lease(let key, let record): follow(key, record)
            case .job(let job, let record): follow(job, record)
            default: continue
            }
        }
        // The reader may have gone on to a later block already; an earlier one is judged with what it knew then.
        guard world.reader.clock.height == read.height else { return nil }
        let now = read.clock.ledgerTime
        if let first = active.first, first.key.deadline <= now {
            judged += 1
            let count = world.reader.distinct(above: first.value)
            if count >= faulty + 1, read.early.count < LedgerLimits.timersPerBlockMax {
                return Finding(
                    peers: [read.by], expected: "lease \(first.key.key.index) of \(first.key.key.job) over at L \(now)",
                    found: "active, with \(count) proposers since height \(first.value)")
            }
        }
        if let first = anchors.first, first.key.height < read.height {
            judged += 1
            let count = world.reader.distinct(above: first.key.height)
            if count >= min(Int(world.genesis.beaconDistance), quorum), read.draws.count < LedgerLimits.drawsPerBlockMax
            {
                return Finding(
                    peers: [read.by], expected: "the draw of job \(first.key.job) at height \(read.height)",
                    found: "it waits, with \(count) proposers since height \(first.key.height)")
            }
        }
        return nil
    }

    private mutating func follow(_ key: LeaseKey, _ record: LeaseRecord?) {
        if let old = deadlines.removeValue(forKey: key) { active.remove(DueLease(deadline: old, key: key)) }
        guard let record, record.state == .active else { return }
        deadlines[key] = record.deadline
        active.insert(record.drawHeight, for: DueLease(deadline: record.deadline, key: key))
    }

    private mutating func follow(_ job: JobID, _ record: JobRecord?) {
        if let old = anchorOf.removeValue(forKey: job) { anchors.remove(Anchor(height: old, job: job)) }
        guard let draw = record?.draw, draw.retryAt == 0 else { return }
        anchorOf[job] = draw.anchorHeight
        anchors.insert(true, for: Anchor(height: draw.anchorHeight, job: job))
    }
}
