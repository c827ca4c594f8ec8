public import Records
public import Trust

extension Ledger {
    /// The account as it is after the executed height.
    public func account(_ key: PublicKey) -> AccountRecord? { accounts[key] }

    /// Why the executed state would refuse the entry in the pool (`ledger.md` 6.4); nil if it would not.
    ///
    /// Class O: codes 3 to 8 with nonces up to `room` ahead. Class L: the lease is live and would accept it.
    /// Class A: the admission would apply.
    public func refusal(of entry: Entry, room: UInt64) -> OutcomeCode? {
        do throws(OutcomeCode) {
            switch entry.envelope {
            case .owner(let lane, let nonce, let validUntil):
                try admitOwner(entry.account, lane, nonce, validUntil, room: room)
                let needsAdmission = entry.kind == .openJob || entry.kind == .putOffer
                if needsAdmission, accounts[entry.account]?.isAdmitted != true { throw .notAdmitted }
            case .lease(let job, let index):
                try checkLease(entry, LeaseKey(job: job, index: index))
            case .admission:
                guard case .admit(let token) = entry.body else { return .malformed }
                try checkAdmission(entry.account, token)
            }
            return nil
        } catch {
            return error
        }
    }
}
