public import Basis
public import Records
public import Trust

/// Entries that wait for a block (`ledger.md` 6.4). Memory only: durable retry is the origin's duty.
///
/// Per account and lane nonces wait in order; only those that follow the executed nonce without a gap can be offered to
/// a block, so that no leader proposes an entry that must fail.
public struct Pool: Sendable {
    /// What became of an entry that was handed in.
    public enum Answer: Sendable, Hashable {
        /// New: a seat forwards it once to all other seats.
        case taken
        case known
        /// Would fail on the executed state.
        case refused(OutcomeCode)
        case full
    }

    /// Demand D1 of `ledger.md` 4.4.
    public struct Demand: Sendable, Hashable {
        /// Entries that a block on the tip could hold and no unexecuted ancestor holds.
        public let entryCount: Int
        public let byteCount: Int
        /// When the oldest of them came.
        public let oldestArrival: Instant?
    }

    enum Lane: Sendable, Hashable { case wallet, node, free }
    enum Standing: Sendable { case gapped, waiting, inFlight }

    struct Item: Sendable {
        let checked: CheckedEntry
        let sequence: UInt64
        let arrival: Instant
        let lane: Lane
        let nonce: UInt64
        var standing: Standing
    }

    /// One account's waiting nonces of one lane.
    struct Queue: Sendable {
        /// Next nonce of the executed state.
        var next: UInt64
        /// First nonce ≥ `next` that is not here: all below it can be offered.
        var readyEnd: UInt64
        var byNonce = SortedMap<UInt64, Digest>()
    }

    struct Owner: Sendable {
        var wallet: Queue?
        var node: Queue?
        /// Entries without nonces, by arrival.
        var free = SortedMap<UInt64, Digest>()
        var count = 0
    }

    let limits: LedgerLimits
    /// By txHash. Looked up only.
    var items: [Digest: Item] = [:]
    var owners: [PublicKey: Owner] = [:]
    /// Waiting entries in arrival order: lease and node entries, then wallet ones.
    var waitingFirst = SortedMap<UInt64, Digest>()
    var waitingWallet = SortedMap<UInt64, Digest>()
    var bySize = SortedMap<Size, Bool>()
    var sequence: UInt64 = 0
    var byteCount = 0
    var waitingBytes = 0
    /// What unexecuted ancestors of the tip hold, also what never was here.
    var inFlight: Set<Digest> = []
    var inFlightOrder: [Digest] = []
    /// T of the last sweep.
    var sweptAt: UInt64 = 0

    /// Accounts by how much they have here, for eviction.
    struct Size: Comparable, Sendable {
        let count: Int
        let account: PublicKey
        static func < (a: Size, b: Size) -> Bool { a.count != b.count ? a.count < b.count : a.account < b.account }
    }

    public init(limits: LedgerLimits = .production) { self.limits = limits }

    public var count: Int { items.count }
    public var bytes: Int { byteCount }
    public func contains(_ hash: Digest) -> Bool { items[hash] != nil }

    /// The waiting entry with this txHash.
    public subscript(hash: Digest) -> CheckedEntry? { items[hash]?.checked }

    public var demand: Demand {
        var oldest: UInt64?
        if let first = waitingFirst.first { oldest = first.key }
        if let wallet = waitingWallet.first { oldest = min(oldest ?? .max, wallet.key) }
        let hash = oldest.flatMap { waitingFirst[$0] ?? waitingWallet[$0] }
        return Demand(
            entryCount: waitingFirst.count + waitingWallet.count, byteCount: waitingBytes,
            oldestArrival: hash.flatMap { items[$0]?.arrival })
    }

    // MARK: entries in

    /// Takes an entry that passed the stateless checks, if the executed state does not refuse it and there is room.
    public mutating func insert(_ checked: CheckedEntry, ledger: Ledger, now: Instant) -> Answer {
        if items[checked.hash] != nil { return .known }
        if let code = ledger.refusal(of: checked.entry, room: limits.poolPerAccountMax) { return .refused(code) }
        let account = checked.entry.account
        if owners[account, default: Owner()].count >= Int(limits.poolPerAccountMax) { return .full }
        let (lane, nonce) = Pool.place(checked.entry)
        if holdsNonce(account, lane, nonce) { return .refused(.duplicate) }
        add(checked, lane, nonce, ledger, now)
        while items.count > limits.poolEntriesMax || byteCount > limits.poolBytesMax {
            guard let victim = victim() else { break }
            remove(victim)
            if victim == checked.hash { return .full }
        }
        return .taken
    }

    static func place(_ entry: Entry) -> (Lane, UInt64) {
        guard case .owner(let lane, let nonce, _) = entry.envelope else { return (.free, 0) }
        return (lane == .wallet ? .wallet : .node, nonce)
    }

    /// A second entry with a waiting nonce could only fail: the first stays.
    private func holdsNonce(_ account: PublicKey, _ lane: Lane, _ nonce: UInt64) -> Bool {
        switch lane {
        case .wallet: owners[account]?.wallet?.byNonce.contains(nonce) ?? false
        case .node: owners[account]?.node?.byNonce.contains(nonce) ?? false
        case .free: false
        }
    }

    private mutating func add(
        _ checked: CheckedEntry, _ lane: Lane, _ nonce: UInt64, _ ledger: Ledger, _ now: Instant
    ) {
        let account = checked.entry.account
        sequence += 1
        items[checked.hash] = Item(
            checked: checked, sequence: sequence, arrival: now, lane: lane, nonce: nonce, standing: .gapped)
        byteCount += checked.bytes.count
        let old = owners[account]?.count ?? 0
        if old > 0 { bySize.remove(Size(count: old, account: account)) }
        bySize.insert(true, for: Size(count: old + 1, account: account))
        owners[account, default: Owner()].count = old + 1
        if lane == .free {
            owners[account]?.free.insert(checked.hash, for: sequence)
            stand(checked.hash, inFlight.contains(checked.hash) ? .inFlight : .waiting)
            return
        }
        if inFlight.contains(checked.hash) { stand(checked.hash, .inFlight) }
        let record = ledger.account(account)
        let next = (lane == .wallet ? record?.nonceWallet : record?.nonceNode) ?? 0
        change(account, lane) {
            if $0 == nil { $0 = Queue(next: next, readyEnd: next) }
            $0?.byNonce.insert(checked.hash, for: nonce)
        }
        extendReady(account, lane)
    }

    /// Marks the entries that now follow without a gap.
    private mutating func extendReady(_ account: PublicKey, _ lane: Lane) {
        guard var queue = queue(account, lane) else { return }
        var ready: [Digest] = []
        while let hash = queue.byNonce[queue.readyEnd] {
            ready.append(hash)
            if queue.readyEnd == .max { break }
            queue.readyEnd += 1
        }
        if ready.isEmpty { return }
        let end = queue.readyEnd
        change(account, lane) { $0?.readyEnd = end }
        for hash in ready where !inFlight.contains(hash) { stand(hash, .waiting) }
    }

    private func queue(_ account: PublicKey, _ lane: Lane) -> Queue? {
        lane == .wallet ? owners[account]?.wallet : owners[account]?.node
    }

    private mutating func change(_ account: PublicKey, _ lane: Lane, _ body: (inout Queue?) -> Void) {
        if lane == .wallet {
            body(&owners[account, default: Owner()].wallet)
        } else {
            body(&owners[account, default: Owner()].node)
        }
    }

    /// Moves an entry between the standings and keeps the waiting tables in step.
    private mutating func stand(_ hash: Digest, _ standing: Standing) {
        guard let item = items[hash], item.standing != standing else { return }
        let size = item.checked.bytes.count
        if item.standing == .waiting {
            waitingBytes -= size
            if item.lane == .wallet {
                waitingWallet.remove(item.sequence)
            } else {
                waitingFirst.remove(item.sequence)
            }
        }
        items[hash]?.standing = standing
        guard standing == .waiting else { return }
        waitingBytes += size
        if item.lane == .wallet {
            waitingWallet.insert(hash, for: item.sequence)
        } else {
            waitingFirst.insert(hash, for: item.sequence)
        }
    }

    // MARK: entries out

    /// The largest account's entry that leaves no gap before one that stays: its highest nonce, else its newest.
    private func victim() -> Digest? {
        guard let account = bySize.last?.key.account, let owner = owners[account] else { return nil }
        let wallet = owner.wallet?.byNonce.count ?? 0
        let node = owner.node?.byNonce.count ?? 0
        if wallet >= max(node, 1) && wallet >= owner.free.count { return owner.wallet?.byNonce.last?.value }
        if node >= max(owner.free.count, 1) { return owner.node?.byNonce.last?.value }
        return owner.free.last?.value
    }

    private mutating func remove(_ hash: Digest) {
        guard let item = items[hash] else { return }
        stand(hash, .gapped)
        items[hash] = nil
        byteCount -= item.checked.bytes.count
        let account = item.checked.entry.account
        let old = owners[account]?.count ?? 0
        bySize.remove(Size(count: old, account: account))
        if old <= 1 {
            owners[account] = nil
            return
        }
        bySize.insert(true, for: Size(count: old - 1, account: account))
        owners[account]?.count = old - 1
        if item.lane == .free {
            owners[account]?.free.remove(item.sequence)
            return
        }
        change(account, item.lane) { $0?.byNonce.remove(item.nonce) }
        dropReady(account, item.lane, to: item.nonce)
    }

    /// After a nonce went, those above it cannot be offered any more.
    private mutating func dropReady(_ account: PublicKey, _ lane: Lane, to nonce: UInt64) {
        guard let queue = queue(account, lane), nonce >= queue.next, nonce < queue.readyEnd else { return }
        var gapped: [Digest] = []
        for (other, hash) in queue.byNonce.from(nonce) {
            if other >= queue.readyEnd { break }
            gapped.append(hash)
        }
        change(account, lane) { $0?.readyEnd = nonce }
        for hash in gapped where items[hash]?.standing == .waiting { stand(hash, .gapped) }
    }

    /// After a block was executed: drops what it settled and what can never apply any more.
    ///
    /// O(entries of the block), and once a second of T O(pool).
    public mutating func executed(_ execution: BlockExecution, ledger: Ledger) {
        var touched: [PublicKey] = []
        for outcome in execution.outcomes {
            if isSettled(outcome) { remove(outcome.hash) }
            if let author = outcome.author, author.hasNonce { touched.append(author.account) }
        }
        for account in touched {
            advance(account, .wallet, ledger)
            advance(account, .node, ledger)
        }
        sweep(ledger)
    }

    /// Entries that met a code 1 to 7 may apply later, all others are done.
    private func isSettled(_ outcome: BlockExecution.Outcome) -> Bool {
        switch outcome.code {
        case .nonceGap, .unknownAccount: false
        default: true
        }
    }

    /// Follows the executed nonce of one lane.
    private mutating func advance(_ account: PublicKey, _ lane: Lane, _ ledger: Ledger) {
        guard let queue = queue(account, lane), let record = ledger.account(account) else { return }
        let next = lane == .wallet ? record.nonceWallet : record.nonceNode
        if next == queue.next { return }
        var passed: [Digest] = []
        for (nonce, hash) in queue.byNonce {
            if nonce >= next { break }
            passed.append(hash)
        }
        change(account, lane) {
            let end = max(next, $0?.readyEnd ?? next)
            $0?.next = next
            $0?.readyEnd = end
        }
        for hash in passed { remove(hash) }
        extendReady(account, lane)
    }

    /// Once a second of T: drops expired entries, and those whose lease, job or admission is over. One that is missed
    /// in between costs its place in a block and gets its code there.
    private mutating func sweep(_ ledger: Ledger) {
        let now = ledger.clock.time
        if now < sweptAt.addingReportingOverflow(1_000).partialValue { return }
        sweptAt = now
        var over: [Digest] = []
        for (size, _) in bySize {
            guard let owner = owners[size.account] else { continue }
            for queue in [owner.wallet, owner.node] {
                for (_, hash) in queue?.byNonce ?? SortedMap() {
                    guard case .owner(_, _, let until)? = items[hash]?.checked.entry.envelope else { continue }
                    if now > until { over.append(hash) }
                }
            }
            for (_, hash) in owner.free {
                guard let entry = items[hash]?.checked.entry else { continue }
                if ledger.refusal(of: entry, room: 1) != nil { over.append(hash) }
            }
        }
        for hash in over { remove(hash) }
    }

    /// Which entries the unexecuted ancestors of the tip hold: they are neither offered again nor demand. Entries of a
    /// block that became void wait again.
    ///
    /// Successors of an entry that only the block holds wait until it is executed; a caller that inserts the entries of
    /// a proposal first spares them that.
    public mutating func setInFlight(_ hashes: [Digest]) {
        let before = inFlightOrder
        inFlightOrder = hashes
        inFlight.removeAll(keepingCapacity: true)
        for hash in hashes { inFlight.insert(hash) }
        for hash in before where !inFlight.contains(hash) {
            guard let item = items[hash], item.standing == .inFlight else { continue }
            stand(hash, isReady(item) ? .waiting : .gapped)
        }
        for hash in hashes { stand(hash, .inFlight) }
    }

    private func isReady(_ item: Item) -> Bool {
        if item.lane == .free { return true }
        guard let queue = queue(item.checked.entry.account, item.lane) else { return false }
        return item.nonce >= queue.next && item.nonce < queue.readyEnd
    }

    // MARK: payload

    /// Entries for a block on an ancestor chain that already holds `excluded`: lease and node entries first, up to half
    /// of the target, then wallet entries in nonce order, then the rest (`ledger.md` 4.5).
    public func payload(excluding excluded: [Digest], bytesTarget: Int) -> [CheckedEntry] {
        var builder = PayloadBuilder(pool: self, excluded: excluded, bytesMax: bytesTarget)
        builder.fill(waitingFirst, upTo: bytesTarget / 2)
        builder.fill(waitingWallet, upTo: bytesTarget)
        builder.fill(waitingFirst, upTo: bytesTarget)
        return builder.chosen
    }
}
