import Basis
import Records
public import Trust

extension Ledger {
    public func job(_ id: JobID) -> JobRecord? { jobs[id] }

    public func offer(_ key: OfferKey) -> OfferRecord? { offers[key] }

    public func lease(_ key: LeaseKey) -> LeaseRecord? { leases[key] }

    public func reputation(of account: PublicKey, runtime: Digest) -> ReputationRecord? {
        reputations[ReputationKey(account: account, runtime: runtime)]
    }

    /// Every job in state, open or ended less than 7 days of T ago, ascending by id. O(jobs).
    public var jobList: [(JobID, JobRecord)] {
        jobs.order.compactMap { entry in jobs[entry.key].map { (entry.key, $0) } }
    }

    /// The leases of a job by index.
    public func leaseList(of id: JobID) -> [(index: UInt16, lease: LeaseRecord)] {
        jobs[id].map { leaseList(id, $0) } ?? []
    }

    /// Armed timers in the order in which they fire.
    public var timerList: [TimerKey] { timers.order.keys }

    /// How many different seats have proposed an executed block above height `w` (`ledger.md` 5.1).
    public func distinct(above w: UInt64) -> Int { distinctProposers(above: w) }
}
