import Basis
import Records
import Trust

/// After a crash (`compute.md` 5.2).
extension WorkerDesk {
    mutating func recover(
        _ records: [DeskRecord], _ standings: [LeaseStanding], into effects: inout [Effect]
    ) {
        let chains = DeskRecord.chains(records, hashing: hashing)
        var open: [LeaseID] = []
        for standing in standings.sorted(by: { $0.id < $1.id }) {
            open.append(standing.id)
            let chain = chains.first { $0[0].lease == standing.id } ?? []
            if chain.isEmpty {
                if standing.step == .active { grant(standing, into: &effects) }
            } else {
                resume(standing, chain, into: &effects)
            }
        }
        for lease in Set(records.map(\.lease)).sorted() where !open.contains(lease) {
            effects.append(.forget(lease))
        }
    }

    mutating func resume(
        _ standing: LeaseStanding, _ chain: [DeskRecord], into effects: inout [Effect]
    ) {
        var attempt: UInt8 = 0
        var claim: Claim?
        for record in chain {
            switch record.step {
            case .received(_, _, let number): attempt = number
            case .sealed(let sealed): claim = sealed
            default: break
            }
        }
        let id = standing.id
        if let claim {
            admit(standing, attempt: attempt, chain: chain, into: &effects)
            executions.update(id) { $0.claim = claim }
            let ticket = newTicket(id)
            enter(.checking(ticket), id, into: &effects)
            effects.append(.checkBlobs(ticket, claim.blobs))
            return
        }
        // A commit without a journal of its claim can never be opened: the ledger ends it as noReveal.
        guard standing.step == .active else {
            effects.append(.forget(id))
            return
        }
        let next = attempt &+ 1
        let left = standing.deadline > clock ? standing.deadline - clock : 0
        admit(standing, attempt: next, chain: chain, into: &effects)
        if Int(next) > ComputeLimits.restartsMax
            || left < standing.terms.spec.wallMillisMax + Self.restartSlackMillis
        {
            handBack(id, .nodeRestarted, into: &effects)
        } else {
            fetchSpec(id, into: &effects)
        }
    }

    /// Goes on with a claim that was sealed before the crash: same salt, same bytes, or nothing at all.
    mutating func blobsChecked(_ ticket: Ticket, _ areWhole: Bool, into effects: inout [Effect]) {
        guard let id = take(ticket, \.isChecking), let execution = executions[id] else { return }
        guard areWhole else {
            mark("desk.damagedClaim")
            if execution.step == .active {
                executions.update(id) { $0.claim = nil }
                handBack(id, .hostDiskFull("the outcome is damaged"), into: &effects)
            } else {
                // What was committed cannot be served, so it is not revealed.
                close(id, into: &effects)
            }
            return
        }
        switch execution.step {
        case .active: submitClaim(id, into: &effects)
        case .committed:
            enter(.committed, id, into: &effects)
            if execution.isRevealOpen { submitReveal(id, into: &effects) }
        case .revealed:
            enter(.revealed, id, into: &effects)
            if let claim = execution.claim { effects.append(.publish(claim.blobs)) }
        }
    }
}
