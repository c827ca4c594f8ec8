import Basis
import Records
package import Trust

// What a simulation does to a ledger to see that its checkers notice (`simulation.md` 16, kind m). Nothing of the
// product calls it.
extension Ledger {
    package mutating func alter(account: PublicKey, _ change: (inout AccountRecord) -> Void) {
        accounts.update(account, change)
    }
    package mutating func alter(offer: OfferKey, _ change: (inout OfferRecord) -> Void) { offers.update(offer, change) }
    package mutating func alter(job: JobID, _ change: (inout JobRecord) -> Void) { jobs.update(job, change) }
    package mutating func alter(lease: LeaseKey, _ change: (inout LeaseRecord) -> Void) { leases.update(lease, change) }
    package mutating func alterClock(_ change: (inout ClockRecord) -> Void) { change(&clock) }
    package mutating func alterSupply(_ change: (inout SupplyRecord) -> Void) { change(&supply) }

    /// Standing offers in key order.
    package var offerKeys: [OfferKey] { offers.order.keys }

    /// A job's deadline is off the table.
    package mutating func takeDeadline(of id: JobID) {
        if let job = jobs[id] { timers.remove(jobTimer(id, job)) }
    }

    /// A job's draw is off the list.
    package mutating func takeDraw(of id: JobID) {
        guard let draw = jobs[id]?.draw else { return }
        pendingDraws.remove(DrawKey(anchorHeight: draw.anchorHeight, job: id))
    }

    /// A job's draw waits since another height.
    package mutating func moveDraw(of id: JobID, to height: UInt64) {
        guard var job = jobs[id], var draw = job.draw, draw.retryAt == 0 else { return }
        draw.anchorHeight = height
        setDraw(id, &job, draw)
        jobs.set(id, job)
    }

    /// A lease with another deadline and other rates.
    package mutating func renew(lease key: LeaseKey, deadline: UInt64? = nil, rateFactor: UInt64 = 1) {
        guard let old = leases[key] else { return }
        var new = LeaseRecord(
            account: old.account, owner: old.owner, slotClass: old.slotClass,
            rateCPU: CreditAmount(micro: old.rateCPU.micro * rateFactor),
            rateMemory: CreditAmount(micro: old.rateMemory.micro * rateFactor), drawHeight: old.drawHeight,
            deadline: deadline ?? old.deadline, flags: old.flags)
        new.state = old.state
        new.commitHash = old.commitHash
        new.result = old.result
        if old.state == .active {
            timers.remove(leaseTimer(key, old))
            timers.set(leaseTimer(key, new), Presence())
        }
        leases.set(key, new)
    }
}
