import Basis
public import Records
public import Trust

/// Answer to `explainDraw` of `ledger.md` 16: what each rule of 7.2 takes away.
public struct DrawExplanation: Sendable, Hashable {
    public struct Removal: Sendable, Hashable {
        public let rule: EligibilityRule
        /// Offers whose first failing rule it is.
        public let offers: Int

        public init(rule: EligibilityRule, offers: Int) {
            self.rule = rule
            self.offers = offers
        }
    }

    /// Live offers that were asked.
    public let offers: Int
    /// By rule, in the order in which the rules are asked; rules that remove nothing are left out.
    public let removed: [Removal]
    public let eligibleOffers: Int
    public let eligibleOwners: Int
}

extension Ledger {
    /// Who could be drawn for a job of this spec, if `submitter` opened it in the next block. O(offers).
    public func explainDraw(of spec: JobSpec, submitter: PublicKey) -> DrawExplanation {
        let anchor = PendingDraw(
            anchorHeight: height + 1, anchorEpoch: clock.epoch,
            anchorView: clock.view.addingReportingOverflow(1).partialValue, count: spec.r, retryAt: 0)
        let context = EligibilityContext(
            spec: spec, time: clock.time, ledgerTime: clock.ledgerTime, anchorHeight: anchor.anchorHeight,
            anchorEpoch: anchor.anchorEpoch, anchorView: anchor.anchorView, hasOneSeat: seats.count == 1,
            submitterOwner: accounts[submitter]?.owner ?? submitter,
            allowsSelf: spec.flags.contains(.allowSelf) && genesis.selfExecution, taken: [])
        return explain(context)
    }

    /// Who could be drawn for the next replica of a job that is open; nil if it is not.
    public func explainDraw(of id: JobID) -> DrawExplanation? {
        guard let job = jobs[id], let spec = job.spec else { return nil }
        let draw = job.draw.flatMap { $0.retryAt == 0 ? $0 : nil } ?? newDraw(count: 1)
        return explain(context(id, job, spec, draw, time: clock.time, ledgerTime: clock.ledgerTime))
    }

    private func explain(_ context: EligibilityContext) -> DrawExplanation {
        let table = offerTable()
        var removed = SortedMap<UInt8, Int>()
        for row in table.rows {
            if let rule = context.refusal(of: row.record, account: row.key.account, row.holder) {
                removed[rule.rawValue, default: 0] += 1
            }
        }
        let candidates = table.candidates(context)
        return DrawExplanation(
            offers: table.rows.count,
            removed: removed.compactMap { entry in
                EligibilityRule(rawValue: entry.key).map { .init(rule: $0, offers: entry.value) }
            }, eligibleOffers: candidates.count, eligibleOwners: Draw.ownerCount(candidates))
    }
}
