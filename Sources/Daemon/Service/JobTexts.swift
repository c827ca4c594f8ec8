import Wire
import API
import Basis
import Compute
import Credits
import NodeCore
import Records
import Trust
import Verdict

/// Jobs as documents (`surfaces.md` 0 and 4.4).
enum JobTexts {
    /// A job whose openJob entry no block holds yet.
    static func funding(_ booked: BookRecord, _ scene: LedgerScene) -> JobDocument {
        let purchase = booked.canonical.purchase
        let entry = try? Entry(decoding: booked.entry)
        var spec: JobSpec?
        if case .openJob(let found) = entry?.body { spec = found }
        return JobDocument(
            id: IDs.job(booked.job), name: Known(purchase.name.isEmpty ? nil : purchase.name),
            labels: labels(booked), owner: IDs.account(booked.account), entryPeer: .value(IDs.peer(scene.ownPeer)),
            state: JobState(rawValue: booked.state.word) ?? .funding, certified: false, verification: .null,
            code: Known(booked.code?.word), reason: .null, runtime: booked.canonical.work.runtime.id,
            verify: spec.map { verify($0) }, cost: .init(maxMicro: purchase.costMax.map { Micro($0) }),
            times: .init(), array: .null, receipt: .null, height: scene.height, assurance: .replayed)
    }

    /// Why replicas do not agree: how many gave which answer, and where two of them begin to differ. `bodies` are the
    /// answers that are known here, by lease.
    static func disagreement(_ story: JobStory, _ bodies: (UInt16) -> [UInt8]?) -> String? {
        var groups: [(hash: Digest, leases: [UInt16])] = []
        for (index, lease) in story.leases.enumerated() {
            guard let result = lease.result else { continue }
            if let known = groups.firstIndex(where: { $0.hash == result.compareHash }) {
                groups[known].leases.append(UInt16(index))
            } else {
                groups.append((result.compareHash, [UInt16(index)]))
            }
        }
        guard groups.count > 1 else { return nil }
        let total = groups.reduce(0) { $0 + $1.leases.count }
        let sizes = groups.map { group in group.leases.map { "r\($0)" }.joined(separator: " = ") }
        var text = "\(total) replicas gave \(groups.count) different answers: \(sizes.joined(separator: "; "))"
        var first: [(lease: UInt16, body: [UInt8])] = []
        for group in groups {
            if let lease = group.leases.first(where: { bodies($0) != nil }), let body = bodies(lease) {
                first.append((lease, body))
            }
        }
        if first.count > 1, let difference = FirstDifference.between(first[0].body, first[1].body) {
            text += "; r\(first[0].lease) and r\(first[1].lease) first differ at \(difference)"
        }
        return text
    }

    static func document(
        _ story: JobStory, _ booked: BookRecord?, _ scene: LedgerScene, receipt: Bytes32?, progress: Int?
    ) -> JobDocument {
        let (state, code) = state(story, booked)
        let settled = settled(story)
        let name = booked?.canonical.purchase.name ?? story.spec?.label ?? ""
        return JobDocument(
            id: IDs.job(story.id), name: Known(name.isEmpty ? nil : name), labels: booked.map { labels($0) } ?? [:],
            owner: IDs.account(story.submitter),
            entryPeer: Known(story.spec.map { IDs.peer(IDs.hashing.peerID(of: $0.entryPeer)) }), state: state,
            certified: settled != nil, verification: Known(settled.map { _ in verification(story) }),
            code: Known(code?.word), ledgerState: story.record.map { "\($0.state)" },
            reason: Known(reason(story, state, code)),
            runtime: booked?.canonical.work.runtime.id ?? story.spec.map { RuntimeNames.shared.name($0.runtime) },
            verify: story.spec.map { verify($0) }, replicas: counts(story), progressPermille: progress,
            cost: cost(story, booked), times: times(story, scene),
            deadlineAt: deadline(story, scene), array: .null, receipt: Known(receipt.map { TextID.text(.rcpt, $0) }),
            height: scene.height, assurance: .replayed)
    }

    static func labels(_ booked: BookRecord) -> [String: String] {
        Dictionary(booked.canonical.purchase.labels.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    }

    static func compare(_ comparator: Comparator) -> String { comparator.mode == .raw ? "exact" : "exactJSON" }

    static func verify(_ spec: JobSpec) -> JobDocument.Verify {
        .init(
            mode: spec.r == 1 ? "none" : "replicate", replicas: Int(spec.r), quorum: Int(spec.q),
            compare: compare(spec.comparator))
    }

    /// Equal bytes of several verify; one replica alone checks nothing.
    static func verification(_ story: JobStory) -> Verification { story.spec?.r == 1 ? .unverified : .verified }

    static func settled(_ story: JobStory) -> LedgerEvent.Settled? {
        for placed in story.events { if case .settled(let settled) = placed.event { return settled } }
        return nil
    }

    /// The result that was certified: of the first winner, as its lease holds it.
    static func winner(_ story: JobStory) -> ReplicaResult? {
        guard let first = settled(story)?.winners.first else { return nil }
        let index = Int(first.lease)
        return index < story.leases.count ? story.leases[index].result : nil
    }

    /// Where a job stands: as the book of its submitter says, or as the log tells everybody.
    static func state(_ story: JobStory, _ booked: BookRecord?) -> (JobState, EndCode?) {
        if let booked, booked.state.isEnded, let state = JobState(rawValue: booked.state.word) {
            return (state, booked.code)
        }
        if settled(story) != nil {
            let result = winner(story)
            let code = result.map { EndCode.of(status: $0.status, exitCode: $0.exitCode) }
            return (code == .ok || code == nil ? .completed : .failed, code ?? .ok)
        }
        var wasDrawn = false
        for placed in story.events {
            switch placed.event {
            case .drawn: wasDrawn = true
            case .cancelled: return (.cancelled, .cancelled)
            case .refunded(_, .deadline, _, _): return (.expired, wasDrawn ? .timedOut : .noWorkers)
            case .refunded(_, .noAgreement, _, _): return (.failed, .noAgreement)
            case .refunded(_, .inputUnavailable, _, _): return (.failed, .inputUnavailable)
            case .refunded(_, .exhausted, _, _): return (.failed, .lostTooOften)
            default: break
            }
        }
        switch story.record?.state {
        case .queued: return (.waiting, nil)
        case .revealing: return (.comparing, nil)
        default: return (.running, nil)
        }
    }

    static func reason(_ story: JobStory, _ state: JobState, _ code: EndCode?) -> JobDocument.Reason? {
        if state == .waiting {
            for placed in story.events.reversed() {
                guard case .drawFailed(_, _, let eligible, _) = placed.event else { continue }
                let wanted = story.record?.draw?.count ?? story.spec?.r ?? 1
                return .init(
                    code: "tooFewOwners",
                    text: "\(eligible) \(eligible == 1 ? "owner" : "owners") can run it now, \(wanted) "
                        + "\(wanted == 1 ? "is" : "are") needed")
            }
            return nil
        }
        guard let code, code != .ok else { return nil }
        switch code {
        case .noWorkers: return .init(code: code.word, text: "no owner could run it before its time was over")
        case .timedOut: return .init(code: code.word, text: "it was not finished before its total time was over")
        case .noAgreement: return .init(code: code.word, text: "the replicas gave different answers")
        case .lostTooOften: return .init(code: code.word, text: "too many replicas were lost")
        case .inputUnavailable: return .init(code: code.word, text: "no peer could give an input")
        case .unfunded: return .init(code: code.word, text: "the ledger did not take the credit that it needs")
        default: return .init(code: code.word, text: code.word)
        }
    }

    static func counts(_ story: JobStory) -> JobDocument.ReplicaCounts {
        var counts = JobDocument.ReplicaCounts(
            drawn: story.leases.count, running: 0, committed: 0, revealed: 0, replaced: 0)
        for lease in story.leases {
            switch lease.state {
            case .active: counts.running += 1
            case .committed: counts.committed += 1
            case .revealed, .won, .lost: counts.revealed += 1
            case .expired, .declined, .noReveal: counts.replaced += 1
            case .released: break
            }
        }
        return counts
    }

    static func cost(_ story: JobStory, _ booked: BookRecord?) -> JobDocument.Cost {
        var cost = JobDocument.Cost(maxMicro: booked?.canonical.purchase.costMax.map { Micro($0) })
        for placed in story.events {
            switch placed.event {
            case .jobOpened(_, _, let funded, let fee):
                cost.heldMicro = Micro(funded)
                cost.feeMicro = Micro(fee)
            case .settled(let settled):
                cost.heldMicro = 0
                cost.paidMicro = sum(settled.winners.map(\.pay))
                cost.refundMicro = Micro(settled.refund)
            case .refunded(_, _, let attempts, let refund), .cancelled(_, let attempts, let refund):
                cost.heldMicro = 0
                cost.paidMicro = sum(attempts.map(\.pay))
                cost.refundMicro = Micro(refund)
            default: break
            }
        }
        return cost
    }

    static func sum(_ amounts: [CreditAmount]) -> Micro {
        Micro(amounts.reduce(UInt64(0)) { $0.addingReportingOverflow($1.micro).partialValue })
    }

    static func times(_ story: JobStory, _ scene: LedgerScene) -> JobDocument.Times {
        func first(_ matches: (LedgerEvent) -> Bool) -> Timestamp? {
            story.events.first { matches($0.event) }.flatMap { scene.time($0.height) }
        }
        let opened = IDs.time(story.openedTime)
        return .init(
            submittedAt: opened, finalAt: opened,
            drawnAt: first { if case .drawn = $0 { true } else { false } },
            committedAt: first { if case .committed = $0 { true } else { false } },
            revealedAt: first { if case .revealed = $0 { true } else { false } },
            endedAt: first {
                switch $0 {
                case .settled, .refunded, .cancelled: true
                default: false
                }
            })
    }

    static func deadline(_ story: JobStory, _ scene: LedgerScene) -> Timestamp? {
        guard let record = story.record, !record.state.isEnded, let spec = story.spec else { return nil }
        return scene.wall(ledgerTime: record.openedAt + UInt64(spec.totalSeconds) * 1_000)
    }

    static func round(_ drawn: LedgerEvent.Drawn) -> DecisionDocument.Round {
        .init(
            round: Int(drawn.round), anchorHeight: drawn.anchorHeight, mix: drawn.mix.raw.hex,
            eligible: Int(drawn.eligibleOwners), eligibleHash: drawn.eligibleHash.raw.hex,
            tickets: Digits(drawn.totalTickets),
            drawn: drawn.leases.map {
                .init(
                    index: Int($0.lease), account: IDs.account($0.account), owner: IDs.account($0.owner),
                    slotClass: Int($0.slotClass), tickets: Digits(UInt64($0.tickets)))
            })
    }
}

extension LedgerScene {
    var ownPeer: PeerID { IDs.hashing.peerID(of: log.account) }

    /// T of a block.
    func time(_ height: UInt64) -> Timestamp? {
        guard let bytes = rows.value(.blocks, JournalKey.height(height)), bytes.count >= BlockHeader.bytes,
            let header = try? BlockHeader(decoding: Array(bytes.prefix(BlockHeader.bytes)))
        else { return nil }
        return IDs.time(header.timestamp)
    }
}

/// Replicas as documents.
enum ReplicaTexts {
    static func documents(_ story: JobStory, _ work: (UInt16) -> WorkView?) -> [ReplicaDocument] {
        var rounds: [UInt16: UInt32] = [:]
        var accounts: [UInt16: LedgerEvent.DrawnLease] = [:]
        var ends: [UInt16: (UInt8, UInt8)] = [:]
        // Leases that were lost wait for the next that are drawn, in their order.
        var lost: [UInt16] = []
        var replacedBy: [UInt16: UInt16] = [:]
        var pays: [UInt16: CreditAmount] = [:]
        for placed in story.events {
            switch placed.event {
            case .drawn(let drawn):
                for lease in drawn.leases {
                    rounds[lease.lease] = drawn.round
                    accounts[lease.lease] = lease
                    if drawn.round > 1, !lost.isEmpty { replacedBy[lost.removeFirst()] = lease.lease }
                }
            case .leaseEnded(_, let lease, let state, let reason):
                ends[lease] = (state, reason)
                lost.append(lease)
            case .settled(let settled): for winner in settled.winners { pays[winner.lease] = winner.pay }
            case .refunded(_, _, let attempts, _), .cancelled(_, let attempts, _):
                for attempt in attempts { pays[attempt.lease] = attempt.pay }
            default: break
            }
        }
        return accounts.keys.sorted().compactMap { index in
            guard let drawn = accounts[index] else { return nil }
            let lease = Int(index) < story.leases.count ? story.leases[Int(index)] : nil
            let own = work(index)
            return ReplicaDocument(
                index: Int(index), round: Int(rounds[index] ?? 0),
                peer: .value(IDs.peer(IDs.hashing.peerID(of: drawn.account))), owner: IDs.account(drawn.owner),
                state: state(lease?.state, own), progressPermille: own.map { Int($0.perMille) },
                note: own.flatMap { $0.text.isEmpty ? nil : $0.text },
                commit: Known(lease.flatMap { $0.commitHash == .zero ? nil : $0.commitHash.raw.hex }),
                resultHash: Known(lease?.result?.compareHash.raw.hex), usage: Known(lease?.result.map { usage($0) }),
                paidMicro: pays[index].map { Micro($0) },
                replacedBy: Known(replacedBy[index].map { Int($0) }), reason: Known(ends[index].map { end($0) }))
        }
    }

    static func state(_ state: LeaseRecord.State?, _ own: WorkView?) -> ReplicaState {
        switch state {
        case .active:
            switch own?.state {
            case .fetching: .fetching
            case .running, .sealing: .running
            default: .leased
            }
        case .committed: .committed
        case .revealed: .revealed
        case .won: .won
        case .lost: .minority
        case .expired: .expired
        case .declined: .handedBack
        case .noReveal: .noReveal
        case .released, nil: .released
        }
    }

    static func usage(_ result: ReplicaResult) -> API.Usage {
        API.Usage(
            cpuMs: Int64(clamping: result.cpuMicros / 1_000), wallMs: Int64(clamping: result.wallMillis))
    }

    static func end(_ end: (state: UInt8, reason: UInt8)) -> String {
        if let reason = Entry.DeclineReason(rawValue: end.reason), end.state == LeaseRecord.State.declined.rawValue {
            return "\(reason)"
        }
        return LeaseRecord.State(rawValue: end.state).map { "\($0)" } ?? "unknown"
    }
}

extension EligibilityRule {
    /// What an offer lacks that this rule refuses, after its count.
    var words: String {
        switch self {
        case .notAdmitted: "belong to accounts that are not admitted"
        case .suspended: "belong to suspended accounts"
        case .offerEnded: "have ended"
        case .tooNew: "are too new"
        case .capabilities: "lack a required capability"
        case .runtime: "lack the runtime"
        case .hardwareClass: "are of another hardware class"
        case .notListed: "are not in place.only"
        case .cores: "have too few cores"
        case .memory: "have too little memory"
        case .disk: "have too little disk"
        case .gpuMemory: "have too little GPU memory"
        case .isolation: "isolate too little"
        case .rate: "cost too much"
        case .noFreeSlot: "are busy"
        case .ownerInJob: "run this job already"
        case .ownOffer: "are the submitter's own"
        }
    }
}
