import Basis
import Records
import Trust

/// Fills one payload from the pool, keeping each lane in nonce order without gaps.
struct PayloadBuilder {
    struct LaneKey: Hashable {
        let account: PublicKey
        let lane: Pool.Lane
    }

    let pool: Pool
    let bytesMax: Int
    var chosen: [CheckedEntry] = []
    var bytes = 0
    var taken: Set<Digest> = []
    /// The nonce that a lane's next entry must have.
    var expected: [LaneKey: UInt64] = [:]

    init(pool: Pool, excluded: [Digest], bytesMax: Int) {
        self.pool = pool
        self.bytesMax = bytesMax
        for hash in excluded { taken.insert(hash) }
    }

    /// Adds entries of `order` until `limit` bytes are chosen in all.
    mutating func fill(_ order: SortedMap<UInt64, Digest>, upTo limit: Int) {
        for (_, hash) in order {
            if chosen.count >= LedgerLimits.blockEntriesMax || bytes >= limit { return }
            guard !taken.contains(hash), let item = pool.items[hash] else { continue }
            if item.lane == .free {
                add(hash, item, limit)
            } else {
                follow(item, limit)
            }
        }
    }

    /// Adds the lane's entries up to and including `item`, as far as they go without a gap.
    private mutating func follow(_ item: Pool.Item, _ limit: Int) {
        let account = item.checked.entry.account
        let key = LaneKey(account: account, lane: item.lane)
        let owner = pool.owners[account]
        guard let queue = item.lane == .wallet ? owner?.wallet : owner?.node else { return }
        var nonce = expected[key] ?? queue.next
        defer { expected[key] = nonce }
        while nonce <= item.nonce, let hash = queue.byNonce[nonce] {
            if !taken.contains(hash) {
                guard let next = pool.items[hash], add(hash, next, limit) else { return }
            }
            if nonce == .max { return }
            nonce += 1
        }
    }

    @discardableResult
    private mutating func add(_ hash: Digest, _ item: Pool.Item, _ limit: Int) -> Bool {
        let size = item.checked.bytes.count
        if bytes + size > limit || chosen.count >= LedgerLimits.blockEntriesMax { return false }
        chosen.append(item.checked)
        bytes += size
        taken.insert(hash)
        return true
    }
}
