import Basis
import Credits
import Records
import TestKit
import Trust

/// Random blocks of every kind of entry, good, late, duplicate and senseless, from one seed.
struct EntryStream {
    var chain: Chain
    var rng: SeededGenerator
    /// Salt and result by lease, as workers keep them.
    var secrets: [LeaseName: (Digest, ReplicaResult)] = [:]
    var pastEntries: [Entry] = []
    /// Whether workers sometimes answer wrong, decline, or stay silent.
    var isRough = true

    struct LeaseName: Hashable {
        let job: JobID
        let index: UInt16
    }

    init(seed: UInt64, seats: Int, accounts: Int = 6, change: (inout Genesis) -> Void = { _ in }) {
        rng = SeededGenerator(seed: seed)
        chain = Chain(seats: seats, accounts: accounts) {
            $0.entryFee = CreditAmount(micro: 10_000)
            $0.feesToTreasury = seed.isMultiple(of: 3)
            $0.restrictedOwnersMin = seed.isMultiple(of: 5) ? 4 : 0
            change(&$0)
        }
    }

    /// Executes one random block and has the workers answer what they see.
    @discardableResult
    mutating func step() -> BlockExecution {
        var entries: [Entry] = []
        for _ in 0..<Int.random(in: 0..<8, using: &rng) { entries.append(entry()) }
        entries += leaseEntries()
        if Int.random(in: 0..<4, using: &rng) == 0, let old = pastEntries.randomElement(using: &rng) {
            entries.append(old)
        }
        pastEntries += entries
        let gap: UInt64 = [50, 500, 2_000, 9_000][Int.random(in: 0..<4, using: &rng)]
        let skip = UInt64.random(in: 0..<3, using: &rng)
        // Failed entries take nonces too, so expected nonces are read from the ledger.
        chain.nonces = [:]
        chain.nodeNonces = [:]
        return chain.run(entries, after: gap, skip: skip)
    }

    mutating func entry() -> Entry {
        let signer = Chain.account(UInt64.random(in: 0..<7, using: &rng))
        switch Int.random(in: 0..<12, using: &rng) {
        case 0, 1:
            let other = Chain.account(UInt64.random(in: 7..<14, using: &rng)).publicKey
            let known = Chain.account(UInt64.random(in: 0..<6, using: &rng)).publicKey
            let payee = Bool.random(using: &rng) ? other : known
            if payee == signer.publicKey { return chain.admit(signer, nil) }
            let amount = [1, 1_000_000, 900_000_000, UInt64.max][Int.random(in: 0..<4, using: &rng)]
            return chain.transfer(signer, payee, amount)
        case 2, 3, 4:
            let until = chain.time + UInt64.random(in: 1_000..<600_000, using: &rng)
            return chain.node(
                signer,
                .putOffer(
                    Chain.offer(
                        slotClass: UInt8.random(in: 0..<2, using: &rng), slots: UInt16.random(in: 1..<5, using: &rng),
                        validUntil: until)))
        case 5: return chain.node(signer, .withdrawOffer(slotClass: UInt8.random(in: 0..<2, using: &rng)))
        case 6, 7, 8:
            let shape = [(1, 1), (2, 2), (3, 2), (3, 3), (5, 3)][Int.random(in: 0..<5, using: &rng)]
            let salt = rng.bytes(16)
            let allowSelf = Bool.random(using: &rng)
            return chain.wallet(
                signer,
                .openJob(
                    Chain.spec(r: UInt8(shape.0), q: UInt8(shape.1)) {
                        $0.salt = salt
                        $0.flags = allowSelf ? .allowSelf : []
                    }))
        case 9:
            let job = chain.ledger.jobList.randomElement(using: &rng)?.0 ?? JobID(repeating: 3)
            return chain.wallet(signer, .cancelJob(job))
        case 10: return chain.admit(Chain.account(UInt64.random(in: 0..<14, using: &rng)), chain.token())
        default:
            return chain.owner(signer, .wallet, 3, .cancelJob(JobID(repeating: 3)), validUntil: chain.time + 9_000)
        }
    }

    /// What workers of open leases write now.
    mutating func leaseEntries() -> [Entry] {
        var entries: [Entry] = []
        for (id, job) in chain.ledger.jobList where !job.state.isEnded {
            for (index, lease) in chain.ledger.leaseList(of: id) {
                let worker = chain.signer(of: lease.account)
                let roll = Int.random(in: 0..<10, using: &rng)
                if roll == 9 { entries.append(chain.lease(Chain.account(0), id, index, .decline(.policy))) }
                if lease.state == .active && roll < 5 {
                    entries.append(answer(id, index, job, worker, roll))
                } else if lease.state == .committed && job.state == .revealing && roll < 6 {
                    guard let (salt, result) = secrets[LeaseName(job: id, index: index)] else { continue }
                    entries.append(chain.unsignedReveal(worker, id, index, roll == 5 ? .zero : salt, result))
                }
            }
        }
        return entries
    }

    mutating func answer(
        _ id: JobID, _ index: UInt16, _ job: JobRecord, _ worker: MixSigner, _ roll: Int
    ) -> Entry {
        if isRough && roll == 0 {
            let reasons: [Entry.DeclineReason] = [.inputUnavailable, .cannotRun, .shuttingDown, .policy]
            return chain.lease(worker, id, index, .decline(reasons[Int.random(in: 0..<4, using: &rng)]))
        }
        let wrong = isRough && Int.random(in: 0..<4, using: &rng) == 0
        let result = chain.result(
            wrong ? "wrong \(roll)" : "42", cpu: UInt64.random(in: 1..<20_000_000, using: &rng),
            wall: UInt64.random(in: 1..<20_000, using: &rng), status: wrong && roll == 1 ? 1 : 0)
        if job.spec?.isDirect == true {
            return chain.lease(worker, id, index, .reveal(salt: .zero, result: result))
        }
        let salt = Digest(Bytes32(rng.bytes(32))!)
        secrets[LeaseName(job: id, index: index)] = (salt, result)
        return chain.lease(
            worker, id, index,
            .commit(
                hash: result.commitHash(
                    network: chain.network, job: id, lease: index, account: worker.publicKey, salt: salt,
                    hashing: chain.hashing)))
    }
}
