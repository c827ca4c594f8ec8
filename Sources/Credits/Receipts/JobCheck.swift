import Basis
import Records
import Trust
import Verdict

/// The checks of a job receipt after its blocks are known to be attested: every decision is made again.
struct JobCheck {
    typealias Broken = ReceiptVerifier.Broken

    struct Placed {
        let checked: CheckedEntry
        let height: UInt64
        /// Of its outcome event.
        let ordinal: Int
        let code: OutcomeCode
        let fee: CreditAmount
    }

    struct DrawnLease {
        let round: UInt32
        let terms: LedgerEvent.DrawnLease
        var commitHash: Digest?
        var result: ReplicaResult?
    }

    let genesis: Genesis
    let network: NetworkID
    let blocks: [UInt64: ReceiptVerifier.KnownBlock]
    let hashing: any Hashing
    var entries: [Placed] = []

    var id = JobID.zero
    var spec: JobSpec?
    var submitter = PublicKey.zero
    var funded = CreditAmount.zero
    var leases: [DrawnLease] = []
    var settled: LedgerEvent.Settled?
    var settledHeight: UInt64 = 0
    var eligibleOwners = UInt32.max

    /// Every event of the job in log order.
    private var events: [(height: UInt64, event: LedgerEvent)] {
        var out: [(UInt64, LedgerEvent)] = []
        for height in heights {
            for event in blocks[height]?.events ?? [] where event.job == id { out.append((height, event)) }
        }
        return out
    }

    /// Of the receipt's blocks, ascending.
    let heights: [UInt64]

    init(
        genesis: Genesis, network: NetworkID, blocks: [UInt64: ReceiptVerifier.KnownBlock], heights: [UInt64],
        hashing: any Hashing
    ) {
        self.genesis = genesis
        self.network = network
        self.blocks = blocks
        self.hashing = hashing
        self.heights = heights
    }

    /// The spec of the job being checked.
    private func known() throws(Broken) -> JobSpec {
        guard let spec else { throw Broken("the job was not opened") }
        return spec
    }

    // MARK: job

    mutating func checkJob() throws(Broken) {
        guard let first = entries.first, case .openJob(let spec) = first.checked.entry.body,
            case .owner(_, let nonce, _) = first.checked.entry.envelope, first.code == .applied
        else { throw Broken("its first entry does not open a job") }
        submitter = first.checked.entry.account
        id = spec.id(network: network, submitter: submitter, nonce: nonce, hashing: hashing)
        guard let most = Ledger.funding(of: spec) else { throw Broken("the escrow passes the supply") }
        let opened = LedgerEvent.jobOpened(job: id, submitter: submitter, funded: most, fee: genesis.entryFee)
        guard events.first?.event == opened, events.first?.height == first.height else {
            throw Broken("the log does not open the job that the specification names")
        }
        self.spec = spec
        funded = most
        guard let last = events.last, case .settled(let settled) = last.event else {
            throw Broken("the last event is no settlement")
        }
        self.settled = settled
        settledHeight = last.height
    }

    // MARK: draw

    mutating func checkDraws(_ lists: [CandidateList]) throws(Broken) {
        let spec = try known()
        var round: UInt32 = 0
        for case (_, .drawn(let drawn)) in events {
            round += 1
            guard drawn.round == round, Int(round) <= lists.count else { throw Broken("draw \(round) is not there") }
            let list = lists[Int(round) - 1].candidates
            let owners = UInt32(Draw.ownerCount(list))
            guard Draw.eligibleHash(list, hashing: hashing) == drawn.eligibleHash, drawn.eligibleOwners == owners,
                Draw.totalTickets(list) == drawn.totalTickets
            else { throw Broken("the eligible list of draw \(round) is not the one drawn from") }
            let chosen = Draw.choose(
                list, count: drawn.leases.count, mix: drawn.mix, job: id, round: round, hashing: hashing)
            guard chosen.count == drawn.leases.count else { throw Broken("draw \(round) had fewer owners") }
            for (one, terms) in zip(chosen, drawn.leases) {
                guard one.account == terms.account, one.owner == terms.owner, one.slotClass == terms.slotClass,
                    one.tickets == terms.tickets, Int(terms.lease) == leases.count
                else { throw Broken("draw \(round) gives \(one.account) where the log has \(terms.account)") }
                if terms.rateCPU > spec.rateCPUMax || terms.rateMemory > spec.rateMemoryMax {
                    throw Broken("lease \(terms.lease) is dearer than the job allows")
                }
                if leases.contains(where: { $0.terms.owner == one.owner }) {
                    throw Broken("owner \(one.owner) was drawn twice")
                }
                leases.append(DrawnLease(round: round, terms: terms))
            }
            eligibleOwners = min(eligibleOwners, owners)
        }
        if Int(round) != lists.count { throw Broken("\(lists.count) eligible lists for \(round) draws") }
    }

    // MARK: commits and reveals

    /// The lease that an entry is of, if it was applied and is by the lease's account.
    private func lease(of placed: Placed) throws(Broken) -> Int {
        guard case .lease(id, let index) = placed.checked.entry.envelope, Int(index) < leases.count,
            leases[Int(index)].terms.account == placed.checked.entry.account, placed.code == .applied
        else { throw Broken("an entry at height \(placed.height) is of no lease of this job") }
        return Int(index)
    }

    /// The event that belongs to an applied entry, next after its outcome.
    private func effect(of placed: Placed) -> LedgerEvent? {
        guard let events = blocks[placed.height]?.events, placed.ordinal + 1 < events.count else { return nil }
        return events[placed.ordinal + 1]
    }

    mutating func checkCommits() throws(Broken) {
        for placed in entries.dropFirst() {
            guard case .commit(let hash) = placed.checked.entry.body else { continue }
            let index = try lease(of: placed)
            guard leases[index].commitHash == nil, effect(of: placed) == .committed(job: id, lease: UInt16(index))
            else { throw Broken("the commit of lease \(index) is not in the log") }
            leases[index].commitHash = hash
        }
        let committed = events.filter { $0.event.kind == 9 }.count
        if committed != leases.filter({ $0.commitHash != nil }).count { throw Broken("a commit is missing") }
    }

    mutating func checkReveals() throws(Broken) {
        let spec = try known()
        for placed in entries.dropFirst() {
            guard case .reveal(let salt, let result) = placed.checked.entry.body else {
                if case .commit = placed.checked.entry.body { continue }
                throw Broken("an entry that is neither commit nor reveal")
            }
            let index = try lease(of: placed)
            let own = leases[index]
            if own.result != nil { throw Broken("lease \(index) revealed twice") }
            if spec.isDirect {
                guard salt.isZero, placed.checked.entry.signature != nil else {
                    throw Broken("the reveal of lease \(index) is not signed")
                }
            } else {
                let opened = result.commitHash(
                    network: network, job: id, lease: UInt16(index), account: own.terms.account, salt: salt,
                    hashing: hashing)
                if opened != own.commitHash { throw Broken("the reveal of lease \(index) does not open its commit") }
            }
            if !ResultRules.accept(result, spec: spec, hashing: hashing) {
                throw Broken("the result of lease \(index) breaks a rule")
            }
            let event = LedgerEvent.revealed(
                job: id, lease: UInt16(index), compareHash: result.compareHash, bodyHash: result.bodyHash)
            if effect(of: placed) != event { throw Broken("the log has another result of lease \(index)") }
            leases[index].result = result
        }
        let revealed = events.filter { $0.event.kind == 10 }.count
        let known = leases.filter { $0.result != nil }.count
        if revealed != known || settled.map({ Int($0.revealed) }) != known { throw Broken("a reveal is missing") }
    }

    // MARK: merge and payments

    private var revealed: [DrawnLease] { leases.filter { $0.result != nil } }

    mutating func checkMerge() throws(Broken) {
        let spec = try known()
        guard let settled else { throw Broken("nothing was settled") }
        let revealed = revealed
        if revealed.count > LedgerLimits.replicasMax { throw Broken("\(revealed.count) results") }
        let answers = revealed.compactMap { lease in
            lease.result.map {
                RevealedAnswer(
                    account: lease.terms.account, status: $0.status.rawValue, exitCode: $0.exitCode,
                    compareHash: $0.compareHash, sketch: $0.sketch)
            }
        }
        guard settled.r == spec.r, settled.q == spec.q, settled.comparator == spec.comparator.id,
            settled.tolerance == spec.comparator.tolerance,
            let decision = MinimumDiameterCore.decide(answers, quorum: Int(spec.q), comparator: spec.comparator)
        else { throw Broken("the results do not agree as the job asks") }
        let index = { (i: Int) in revealed[i].terms.lease }
        let credibility = Confidence.credibility(
            winners: decision.winners.map { _ in .unknown },
            losers: Ledger.groups(decision.losers.compactMap { revealed[$0].result }))
        guard decision.core.map(index) == settled.core, decision.winners.map(index) == settled.winners.map(\.lease),
            decision.losers.map(index) == settled.losers, decision.canonical == settled.canonical,
            decision.diameter == settled.diameter, settled.credibility == credibility,
            settled.agreement == Confidence.agreement(winners: decision.winners.count, revealed: revealed.count)
        else { throw Broken("another answer or other winners follow from the results") }
        for winner in settled.winners
        where leases[Int(winner.lease)].result?.bodyHash != winner.bodyHash {
            throw Broken("the body of lease \(winner.lease) is another")
        }
    }

    mutating func checkPayments() throws(Broken) {
        let spec = try known()
        guard let settled else { throw Broken("nothing was settled") }
        let results = settled.winners.compactMap { leases[Int($0.lease)].result }
        let cpu = min(Pricing.lowerMedian(results.map(\.cpuMicros)), spec.cpuMicrosMax)
        let memory = min(Pricing.lowerMedian(results.map(\.memoryMiBMillis)), spec.memoryMax)
        guard settled.paidCpuMicros == cpu, settled.paidMemory == memory else {
            throw Broken("another usage is to be paid: \(cpu) µs, \(memory) MiB·ms")
        }
        var rest = funded
        for winner in settled.winners {
            let terms = leases[Int(winner.lease)].terms
            guard
                let price = Pricing.price(
                    rateCPU: terms.rateCPU, rateMemory: terms.rateMemory, cpuMicros: cpu, memoryMiBMillis: memory)
            else { throw Broken("a price passes the supply") }
            let due =
                results[0].status == .completed
                ? price : Pricing.share(perMille: genesis.attemptPerMille, of: price)
            guard winner.pay == due, let left = rest.subtracting(due) else {
                throw Broken("lease \(winner.lease) is due \(due), the log has \(winner.pay)")
            }
            rest = left
        }
        if rest != settled.refund { throw Broken("the refund is \(settled.refund), not \(rest)") }
    }

    var summary: ReceiptVerdict.JobSummary? {
        guard let spec, let settled else { return nil }
        return .init(
            job: id, submitter: submitter, spec: spec, settled: settled, height: settledHeight,
            time: blocks[settledHeight]?.header.timestamp ?? 0, funded: funded,
            replicas: leases.map { lease in
                let won = settled.winners.first { $0.lease == lease.terms.lease }
                return .init(
                    lease: lease.terms.lease, account: lease.terms.account, owner: lease.terms.owner,
                    round: lease.round, result: lease.result, isWinner: won != nil, pay: won?.pay ?? .zero)
            }, eligibleOwners: eligibleOwners)
    }
}
