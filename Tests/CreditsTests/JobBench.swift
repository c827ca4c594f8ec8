import Basis
import Credits
import Records
import TestKit
import Trust
import Verdict

/// One job among workers with standing offers: accounts 1, 2, … work for account 0.
struct JobBench {
    var chain: Chain
    let submitter = Chain.account(0)
    var job = JobID.zero
    var results: [UInt16: ReplicaResult] = [:]

    init(workers: Int, seats: Int = 1, slots: UInt16 = 1, change: (inout Genesis) -> Void = { _ in }) {
        chain = Chain(seats: seats, accounts: workers + 1, change: change)
        offer(Array(1..<(1 + workers)), slots: slots)
    }

    /// Puts an offer for each of these accounts and, with several seats, lets it grow old enough.
    mutating func offer(_ workers: [Int], slots: UInt16 = 1) {
        if workers.isEmpty { return }
        chain.run(
            workers.map { n in
                let until = chain.time + 3_600_000
                return chain.node(Chain.account(UInt64(n)), .putOffer(Chain.offer(slots: slots, validUntil: until)))
            })
        if chain.seats.count > 1 { for _ in 0..<3 { chain.run() } }
    }

    /// Opens the job; its block is executed, its draw is not.
    mutating func open(_ spec: JobSpec = Chain.spec()) {
        let entry = chain.wallet(submitter, .openJob(spec))
        let execution = chain.run([entry])
        for event in execution.events {
            if case .jobOpened(let id, _, _, _) = event { job = id }
        }
    }

    /// Opens and draws.
    mutating func start(_ spec: JobSpec = Chain.spec()) {
        open(spec)
        for _ in 0..<chain.seats.count { chain.run([], after: 1) }
    }

    var record: JobRecord { chain.ledger.job(job)! }
    var leases: [LeaseRecord] { chain.ledger.leaseList(of: job).map(\.lease) }
    var states: [LeaseRecord.State] { leases.map(\.state) }
    func worker(_ index: UInt16) -> MixSigner { chain.signer(of: leases[Int(index)].account) }
    func available(_ signer: MixSigner) -> UInt64 { chain.ledger.account(signer.publicKey)!.available.micro }
    func balance(ofWorker index: UInt16) -> UInt64 { available(worker(index)) }

    func salt(_ index: UInt16) -> Digest { Digest(repeating: UInt8(index + 1)) }

    func commitEntry(_ index: UInt16, _ result: ReplicaResult) -> Entry {
        let worker = worker(index)
        return chain.lease(
            worker, job, index,
            .commit(
                hash: result.commitHash(
                    network: chain.network, job: job, lease: index, account: worker.publicKey, salt: salt(index),
                    hashing: chain.hashing)))
    }

    func revealEntry(_ index: UInt16, _ result: ReplicaResult) -> Entry {
        chain.unsignedReveal(worker(index), job, index, salt(index), result)
    }

    @discardableResult
    mutating func commit(_ index: UInt16, _ body: String = "42", cpu: UInt64 = 1_000_000, status: UInt8 = 0)
        -> OutcomeCode
    {
        let result = chain.result(body, cpu: cpu, status: status)
        results[index] = result
        return chain.run([commitEntry(index, result)]).outcomes[0].code
    }

    @discardableResult
    mutating func reveal(_ index: UInt16) -> OutcomeCode {
        chain.run([revealEntry(index, results[index]!)]).outcomes[0].code
    }

    @discardableResult
    mutating func decline(_ index: UInt16, _ reason: Entry.DeclineReason) -> OutcomeCode {
        chain.run([chain.lease(worker(index), job, index, .decline(reason))]).outcomes[0].code
    }

    /// Lets L pass without entries, in blocks of at most 2 s.
    mutating func wait(_ seconds: Double) {
        var left = UInt64(seconds * 1_000)
        while left > 0 {
            let step = min(left, 2_000)
            chain.run([], after: step)
            left -= step
        }
    }

    /// All events of the job so far.
    var events: [LedgerEvent] { chain.executions.flatMap(\.events).filter { $0.job == job } }

    var settled: LedgerEvent.Settled? {
        for case .settled(let settled) in events { return settled }
        return nil
    }

    var refund: (reason: LedgerEvent.RefundReason, attempts: [LedgerEvent.Attempt], refund: CreditAmount)? {
        for case .refunded(_, let reason, let attempts, let refund) in events { return (reason, attempts, refund) }
        return nil
    }

    /// Whether nothing of the job is left: no escrow, timer, slot or open counter.
    var isClean: Bool {
        let ledger = chain.ledger
        return record.state.isEnded && record.escrow == .zero && record.spec == nil && record.draw == nil
            && ledger.timerList.allSatisfy { $0.job != job } && ledger.supplyProblem() == nil
            && ledger.account(submitter.publicKey)!.openJobs == 0
            && ledger.account(submitter.publicKey)!.held == .zero
            && states.allSatisfy { $0 != .active && $0 != .committed }
    }

    /// `rMax × Pmax` of the default job.
    static let most: UInt64 = 3_010_000
}
