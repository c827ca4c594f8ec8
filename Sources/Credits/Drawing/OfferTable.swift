import Basis
import Records
import Trust

/// The live offers of one moment side by side, so that the draws of a block walk an array and look nothing up.
struct OfferTable {
    struct Row {
        let key: OfferKey
        var record: OfferRecord
        let holder: AccountRecord
    }

    /// Ascending by (account, slotClass).
    private(set) var rows: [Row]

    init(rows: [Row]) { self.rows = rows }

    /// Every eligible offer, ascending by (account, slotClass). O(offers).
    func candidates(_ context: EligibilityContext) -> [DrawCandidate] {
        var out: [DrawCandidate] = []
        for index in rows.indices {
            let account = rows[index].key.account
            guard context.refusal(of: rows[index].record, account: account, rows[index].holder) == nil else {
                continue
            }
            // Quality is 1 for everybody in this rules version: tickets are the free slots.
            out.append(
                DrawCandidate(
                    account: account, slotClass: rows[index].key.slotClass,
                    tickets: UInt32(rows[index].record.free), owner: rows[index].holder.owner))
        }
        return out
    }

    /// Follows a lease that a draw of the same block made.
    mutating func takeSlot(_ key: OfferKey) {
        var low = 0
        var high = rows.count
        while low < high {
            let middle = (low + high) / 2
            if rows[middle].key < key { low = middle + 1 } else { high = middle }
        }
        invariant(low < rows.count && rows[low].key == key, "no offer \(key.account) \(key.slotClass)")
        rows[low].record.activeLeases += 1
    }
}
