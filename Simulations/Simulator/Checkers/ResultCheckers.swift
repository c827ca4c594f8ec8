import Basis
import Compute
import Credits
import NodeCore
import Records
import Trust
import Verdict
import Wire

/// The merge of `ledger.md` 9.1 by trying everything, for comparators whose distance is "equal or not".
struct BruteMerge {
    struct Answer {
        let lease: UInt16
        let account: PublicKey
        let result: ReplicaResult
    }

    let answers: [Answer]
    let quorum: Int

    /// What a job's revealed leases say, by lease.
    init(_ story: JobStory, quorum: Int) {
        answers = story.leases.enumerated().compactMap { index, lease in
            guard lease.state == .revealed, let result = lease.result else { return nil }
            return Answer(lease: UInt16(index), account: lease.terms.account, result: result)
        }
        self.quorum = quorum
    }

    static func distance(_ a: ReplicaResult, _ b: ReplicaResult) -> UInt64 {
        a.status == b.status && a.exitCode == b.exitCode && a.compareHash == b.compareHash ? 0 : .max
    }

    /// Smaller diameter first, then the list of hashes, then that of accounts.
    private static func isBetter(
        _ members: [Answer], _ diameter: UInt64, than best: (members: [Answer], diameter: UInt64)
    ) -> Bool {
        if diameter != best.diameter { return diameter < best.diameter }
        let (hashes, others) = (members.map(\.result.compareHash), best.members.map(\.result.compareHash))
        if hashes != others { return hashes.lexicographicallyPrecedes(others) }
        return members.map(\.account).lexicographicallyPrecedes(best.members.map(\.account))
    }

    /// The best subset of `quorum` answers, in the order of (compareHash, account); nil if there are too few.
    func core() -> (members: [Answer], diameter: UInt64)? {
        let sorted = answers.sorted {
            $0.result.compareHash != $1.result.compareHash
                ? $0.result.compareHash < $1.result.compareHash : $0.account < $1.account
        }
        var best: (members: [Answer], diameter: UInt64)?
        func grow(_ members: [Answer], _ from: Int) {
            if members.count == quorum {
                var diameter: UInt64 = 0
                for a in members {
                    for b in members { diameter = max(diameter, BruteMerge.distance(a.result, b.result)) }
                }
                if best.map({ BruteMerge.isBetter(members, diameter, than: $0) }) ?? true { best = (members, diameter) }
                return
            }
            for next in from..<max(from, sorted.count) { grow(members + [sorted[next]], next + 1) }
        }
        grow([], 0)
        return best
    }
}

/// R1: the chosen core is the subset of q results with the smallest diameter.
struct CoreIsSmallest: Checker {
    static let id = "R1"
    static let statement =
        "the chosen core is the q-subset of smallest diameter, ties by sorted hashes: equals brute force"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        for closing in read.closings {
            guard case .settled(let settled) = closing.event else { continue }
            judged += 1
            let core = BruteMerge(closing.story, quorum: Int(settled.q)).core()
            let members = core?.members.map(\.lease) ?? []
            if members == settled.core, core?.diameter == settled.diameter { continue }
            return read.finding(
                "core \(members) of job \(closing.job)", "core \(settled.core), diameter \(settled.diameter)")
        }
        return nil
    }
}

/// R2: any arrival order gives the same answer.
struct OrderDoesNotMatter: Checker {
    static let id = "R2"
    static let statement = "any order in which results arrive gives the same core, answer and winners"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0
    private let triesAll: Bool

    init(_ plan: Plan) { triesAll = plan.peers.count <= 9 }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        for closing in read.closings {
            guard case .settled(let settled) = closing.event else { continue }
            let merge = BruteMerge(closing.story, quorum: Int(settled.q))
            for order in orders(merge.answers.count) {
                judged += 1
                let shuffled = order.map { merge.answers[$0] }
                guard let found = difference(shuffled, settled, closing.story.spec) else { continue }
                return read.finding("the answer of job \(closing.job) in every order", found)
            }
        }
        return nil
    }

    private func difference(
        _ answers: [BruteMerge.Answer], _ settled: LedgerEvent.Settled, _ spec: JobSpec
    ) -> String? {
        let given = answers.map {
            RevealedAnswer(
                account: $0.account, status: $0.result.status.rawValue, exitCode: $0.result.exitCode,
                compareHash: $0.result.compareHash, sketch: $0.result.sketch)
        }
        guard let decision = MinimumDiameterCore.decide(given, quorum: Int(settled.q), comparator: spec.comparator)
        else {
            return "no answer in order \(answers.map(\.lease))"
        }
        let winners = decision.winners.map { answers[$0].lease }.sorted()
        if decision.canonical == settled.canonical, winners == settled.winners.map(\.lease).sorted(),
            decision.core.map({ answers[$0].lease }) == settled.core
        {
            return nil
        }
        return "\(decision.canonical) and winners \(winners) in order \(answers.map(\.lease))"
    }

    /// All orders of up to five results in small worlds, else three.
    private func orders(_ count: Int) -> [[Int]] {
        let plain = Array(0..<count)
        if count < 2 { return [plain] }
        guard triesAll, count <= 5 else {
            return [plain.reversed(), Array(plain[1...]) + [0], [count - 1] + plain.dropLast()]
        }
        var all: [[Int]] = [[]]
        for _ in 0..<count { all = all.flatMap { begun in plain.filter { !begun.contains($0) }.map { begun + [$0] } } }
        return all
    }
}

/// R3: with q honest results the answer is an honest one.
struct HonestAnswerWins: Checker {
    static let id = "R3"
    static let statement = "if q revealed results are honest and equal, the answer is theirs"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0
    private var wrong: WrongAnswers

    init(_ plan: Plan) { wrong = WrongAnswers(plan) }

    var measures: [Measure] { wrong.measures }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        wrong.take(read, in: world)
        for closing in read.closings {
            guard let honest = honest(closing.story, in: world) else { continue }
            judged += 1
            let expected = "the honest answer \(honest) of job \(closing.job)"
            switch closing.event {
            case .settled(let settled):
                if settled.canonical == honest { continue }
                return read.finding(expected, "\(settled.canonical)")
            case .refunded(_, .noAgreement, _, _): return read.finding(expected, "no agreement")
            default: continue
            }
        }
        return nil
    }

    /// The compareHash of at least q honest results that are all equal; nil otherwise.
    private func honest(_ story: JobStory, in world: borrowing World) -> Digest? {
        var hashes: [Digest] = []
        for lease in story.leases where lease.state == .revealed {
            guard let i = world.byAccount[lease.terms.account], !world.peers[i].isByzantine, let result = lease.result
            else {
                continue
            }
            hashes.append(result.compareHash)
        }
        guard hashes.count >= Int(story.spec.q), let first = hashes.first, hashes.allSatisfy({ $0 == first }) else {
            return nil
        }
        return first
    }
}

/// R4: accepted only within tolerance; without agreement the job is refunded.
struct AcceptedWithinTolerance: Checker {
    static let id = "R4"
    static let statement = "an answer is accepted only with its core within tolerance, and none is refused that is"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        for closing in read.closings {
            let spec = closing.story.spec
            switch closing.event {
            case .settled(let settled):
                judged += 1
                let core = BruteMerge(closing.story, quorum: Int(spec.q)).core()
                if settled.r == spec.r, settled.q == spec.q, let core, core.diameter <= spec.comparator.tolerance {
                    continue
                }
                return read.finding("q = \(spec.q) results within tolerance in job \(closing.job)", "\(settled)")
            case .refunded(_, .noAgreement, _, _):
                judged += 1
                let core = BruteMerge(closing.story, quorum: Int(spec.q)).core()
                let count = closing.story.count(.revealed)
                if count >= Int(spec.r), core.map({ $0.diameter > spec.comparator.tolerance }) ?? true { continue }
                return read.finding(
                    "no core among r = \(spec.r) results in job \(closing.job)",
                    "\(count) results, core \(core?.members.count ?? 0)")
            default: continue
            }
        }
        return nil
    }
}

/// R5: each revealed result enters once; winners are exactly those within tolerance of the answer.
struct WinnersAgree: Checker {
    static let id = "R5"
    static let statement = "each revealed result enters once; winners are exactly those that agree with the answer"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        for closing in read.closings {
            guard case .settled(let settled) = closing.event else { continue }
            judged += 1
            let answers = BruteMerge(closing.story, quorum: Int(settled.q)).answers
            let agreeing = answers.filter { $0.result.compareHash == settled.canonical }
            let rest = answers.filter { $0.result.compareHash != settled.canonical }
            let isSound =
                settled.winners.map(\.lease) == agreeing.map(\.lease) && settled.losers == rest.map(\.lease)
                && Int(settled.revealed) == answers.count
                && zip(settled.winners, agreeing).allSatisfy { $0.bodyHash == $1.result.bodyHash }
            if isSound {
                if let finding = pays(settled, agreeing, closing, read, in: world) { return finding } else { continue }
            }
            return read.finding(
                "winners \(agreeing.map(\.lease)), losers \(rest.map(\.lease)) of job \(closing.job)",
                "\(settled.winners.map(\.lease)) and \(settled.losers)")
        }
        return nil
    }

    /// What each winner is due by 10.2.
    private func pays(
        _ settled: LedgerEvent.Settled, _ winners: [BruteMerge.Answer], _ closing: ReadBlock.Closing, _ read: ReadBlock,
        in world: borrowing World
    ) -> Finding? {
        let spec = closing.story.spec
        let micros = min(AttemptFee.median(winners.map(\.result.cpuMicros)), spec.cpuMicrosMax)
        let memory = min(AttemptFee.median(winners.map(\.result.memoryMiBMillis)), spec.memoryMax)
        for (winner, answer) in zip(settled.winners, winners) {
            let lease = closing.story.leases[Int(winner.lease)]
            let perMille: UInt16 = answer.result.status == .completed ? 1_000 : world.genesis.attemptPerMille
            let due = AttemptFee.of(lease, micros, memory, perMille)
            if winner.pay.micro == due { continue }
            return read.finding("pay \(due) for lease \(winner.lease) of job \(closing.job)", "\(winner.pay)")
        }
        return nil
    }
}

/// R7: a published result never changes, and an unsettled job publishes none.
struct ResultsStand: Checker {
    static let id = "R7"
    static let statement = "a published result never changes; none is published for a cancelled or refunded job"
    static let watches: [Observation.Kind] = [.advanced, .job]
    private(set) var judged: UInt64 = 0
    /// Bodies of winners; empty for a job that ended without an answer.
    private var ended: [JobID: [BlobID]] = [:]
    private var told: [JobID: BlobID] = [:]

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        switch observation {
        case .advanced(let read):
            for closing in read.closings {
                judged += 1
                var bodies: [BlobID] = []
                if case .settled(let settled) = closing.event { bodies = settled.winners.map(\.bodyHash) }
                if ended.updateValue(bodies, forKey: closing.job) == nil { continue }
                return Finding(peers: [read.by], expected: "one end of job \(closing.job)", found: "a second")
            }
        case .job(let i, .resultReady(let job, let blob)):
            if world.peers[i].isByzantine { return nil }
            judged += 1
            guard let bodies = ended[job], bodies.contains(blob) else {
                return Finding(
                    peers: [i], expected: "a result of \(ended[job] ?? []) for job \(job)",
                    found: "\(blob) was published")
            }
            if let known = told.updateValue(blob, forKey: job), known != blob {
                return Finding(peers: [i], expected: "result \(known) of job \(job), as published", found: "\(blob)")
            }
        default: break
        }
        return nil
    }
}
