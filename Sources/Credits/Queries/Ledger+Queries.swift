import Basis
import Records
public import Trust

// Queries of `ledger.md` 16 that state alone answers.
extension Ledger {
    /// Spendable and held credit of an account, with the escrows that hold it. O(jobs).
    public func balance(of account: PublicKey) -> BalanceView {
        var holds: [BalanceView.Hold] = []
        let record = accounts[account]
        if record?.openJobs ?? 0 > 0 {
            for (id, _) in jobs.order {
                guard let job = jobs[id], job.submitter == account, !job.state.isEnded else { continue }
                holds.append(
                    .init(
                        job: id, amount: job.escrow, sinceHeight: job.openHeight,
                        deadline: jobTimer(id, job).deadline))
            }
        }
        return BalanceView(account: account, record: record, holds: holds)
    }

    /// Jobs in state by id, of one submitter, with a lease of one worker, or in one state. The cursor is the last id.
    public func jobPage(
        submitter: PublicKey? = nil, worker: PublicKey? = nil, state: JobRecord.State? = nil,
        after cursor: JobID? = nil, limit: Int = QueryLimits.itemsMax
    ) -> Page<JobView, JobID> {
        var items: [JobView] = []
        for (id, _) in jobs.order.from(cursor ?? .zero) where id != cursor {
            guard let job = jobs[id] else { continue }
            if let submitter, job.submitter != submitter { continue }
            if let state, job.state != state { continue }
            let leases = leaseList(id, job).map(\.lease)
            if let worker, !leases.contains(where: { $0.account == worker }) { continue }
            if items.count == min(limit, QueryLimits.itemsMax) { return Page(items: items, next: items.last?.id) }
            items.append(JobView(id: id, record: job, leases: leases))
        }
        return Page(items: items, next: nil)
    }

    /// Live offers by account. The cursor is the last key.
    public func offerPage(
        _ filter: OfferFilter = OfferFilter(), after cursor: OfferKey? = nil, limit: Int = QueryLimits.itemsMax
    ) -> Page<OfferView, OfferKey> {
        var items: [OfferView] = []
        for (key, _) in offers.order.from(cursor ?? OfferKey(account: .zero, slotClass: 0)) where key != cursor {
            guard let record = offers[key], record.isLive, let holder = accounts[key.account] else { continue }
            let offer = record.offer
            if offer.capabilities & filter.capabilities != filter.capabilities { continue }
            if let runtime = filter.runtime, !offer.runtimes.contains(runtime) { continue }
            if let most = filter.rateCPUMax, offer.rateCPU > most { continue }
            if let most = filter.rateMemoryMax, offer.rateMemory > most { continue }
            if items.count == min(limit, QueryLimits.itemsMax) { return Page(items: items, next: items.last?.key) }
            items.append(
                OfferView(
                    key: key, record: record, owner: holder.owner, free: max(0, record.free),
                    suspendedUntil: holder.suspendedUntil))
        }
        return Page(items: items, next: nil)
    }

    /// The seats of the epoch, as after the executed height.
    public func seatsView() -> SeatsView {
        let now = seats.turn(of: clock.view)
        let next = clock.view.addingReportingOverflow(1).partialValue
        let first = seats.leader(of: height == 0 ? 0 : next)
        return SeatsView(
            epoch: clock.epoch,
            seats: seats.seats.enumerated().compactMap { index, seat in
                seatRecords[seat.account].map {
                    .init(index: index, seat: seat, record: $0, beaconLeft: $0.left(after: now))
                }
            }, quorum: seats.quorum, faulty: seats.faulty, mayBeAway: seats.count - seats.quorum,
            leaderOrder: seats.seats.indices.map { (first + $0) % seats.count })
    }
}
