import Basis
public import Records
public import Trust
import Wire

// Credits: who has what, who works on what, and who is paid.
//
// The problem: peers that trust no one must agree on balances, on the workers of a job and on their pay, after any
// crash, without asking anybody.
// The idea: a state machine that executes final blocks one at a time (`ledger.md` 5). Equal blocks give equal state,
// events and digest on every machine; nothing of a final block is refused as a whole, each entry gets one outcome.
// Beside it stand the pool of entries that wait for a block, the draw, and receipts that show all of it offline.
// Not here: in which order blocks become final (Consensus), how a job is run (Compute), which answer won (Verdict).

/// The ledger of one network on one peer, after some executed height.
///
/// It owns every record of `ledger.md` 14.1's state family. `execute` is its only change; everything else reads.
/// Stage 1: epoch 0 with the genesis seats for ever.
public struct Ledger: Sendable {
    public let genesis: Genesis
    public let network: NetworkID
    public let seats: SeatList
    /// The account that no key controls: `H("peernode/treasury/v1", networkID)`.
    public let treasury: PublicKey
    let hashing: any Hashing

    var accounts = Table<PublicKey, AccountRecord>(.account)
    var offers = Table<OfferKey, OfferRecord>(.offer)
    var jobs = Table<JobID, JobRecord>(.job)
    var leases = Table<LeaseKey, LeaseRecord>(.lease)
    var timers = Table<TimerKey, Presence>(.timer)
    var reputations = Table<ReputationKey, ReputationRecord>(.reputation)
    var inviteUses = Table<InviteKey, InviteUse>(.inviteUse)
    var seatRecords = Table<PublicKey, SeatRecord>(.seat)
    var ring = Table<RingKey, RingRecord>(.digestRing)
    var lapses = Table<LapseKey, Presence>(.lapse)
    public internal(set) var supply = SupplyRecord()
    public internal(set) var clock: ClockRecord
    var supplyBefore: SupplyRecord?
    var clockBefore: ClockRecord?

    /// Hash of the executed block, and the digest of the state after it.
    public internal(set) var blockHash: Digest
    public internal(set) var digest: Digest

    /// Draws that wait for their beacon, in the order in which they run. Derived from the job records.
    var pendingDraws = SortedMap<DrawKey, Bool>()
    /// Jobs that have not ended. Derived.
    var openJobCount = 0
    /// Events of the block being executed.
    var events: [LedgerEvent] = []
    /// Whom its draws drew from, for receipts.
    var drawLists: [(key: [UInt8], candidates: CandidateList)] = []

    /// When a pending draw runs: by anchor, then by job.
    struct DrawKey: Comparable, Sendable {
        let anchorHeight: UInt64
        let job: JobID
        static func < (a: DrawKey, b: DrawKey) -> Bool {
            a.anchorHeight != b.anchorHeight ? a.anchorHeight < b.anchorHeight : a.job < b.job
        }
    }

    public var height: UInt64 { clock.height }

    /// Height 0 of the network of `genesis`, which was checked with `Genesis.problem` before.
    public init(genesis: Genesis, hashing: any Hashing) {
        self.init(empty: genesis, hashing: hashing)
        createGenesisState()
        var changes: [StateChange] = []
        appendAll(to: &changes)
        let link = DigestLink(
            blockHash: blockHash, eventRoot: Ledger.eventRoot([], hashing: hashing),
            deltaHash: Ledger.deltaHash(changes, hashing: hashing), full: Ledger.fullHash(changes, hashing: hashing))
        digest = link.digest(after: .zero, height: 0, hashing: hashing)
        forgetChanges()
    }

    /// A ledger without records.
    init(empty genesis: Genesis, hashing: any Hashing) {
        self.genesis = genesis
        self.hashing = hashing
        network = genesis.networkID(hashing: hashing)
        seats = genesis.seatList
        treasury = Ledger.treasury(of: network, hashing: hashing)
        clock = ClockRecord(
            height: 0, epoch: 0, view: 0, time: genesis.createdAt, ledgerTime: 0,
            mix: Block.genesisMix(network, hashing: hashing), waitingJobs: 0)
        blockHash = Block.genesisHash(network, hashing: hashing)
        digest = .zero
    }

    public static func treasury(of network: NetworkID, hashing: any Hashing) -> PublicKey {
        PublicKey(hashing.hash("peernode/treasury/v1", network.bytes).raw)
    }

    private mutating func createGenesisState() {
        func account(_ key: PublicKey) -> AccountRecord {
            AccountRecord(
                owner: key, flags: .admitted, createdHeight: 0, admittedAt: genesis.createdAt, invitedBy: .zero)
        }
        for seat in seats.seats {
            accounts.set(seat.account, account(seat.account))
            seatRecords.set(seat.account, SeatRecord(seat))
        }
        for allocation in genesis.allocations {
            var record = accounts[allocation.account] ?? account(allocation.account)
            record.available = allocation.amount
            accounts.set(allocation.account, record)
            supply.available += UInt128(allocation.amount.micro)
        }
        var fund = AccountRecord(
            owner: treasury, flags: [], createdHeight: 0, admittedAt: 0, invitedBy: .zero)
        fund.available = genesis.treasury
        accounts.set(treasury, fund)
        supply.treasury = UInt128(genesis.treasury.micro)
        supply.genesis = supply.available + supply.treasury
        supply.dayIndex = genesis.createdAt / SupplyRecord.dayMillis
    }

    // MARK: whole state

    /// Every record in key order.
    func appendAll(to out: inout [StateChange]) {
        accounts.appendAll(to: &out)
        offers.appendAll(to: &out)
        jobs.appendAll(to: &out)
        leases.appendAll(to: &out)
        timers.appendAll(to: &out)
        reputations.appendAll(to: &out)
        inviteUses.appendAll(to: &out)
        out.append(StateChange(key: [StatePrefix.supply.rawValue], value: supply.encoded))
        seatRecords.appendAll(to: &out)
        ring.appendAll(to: &out)
        lapses.appendAll(to: &out)
        out.append(StateChange(key: [StatePrefix.clock.rawValue], value: clock.encoded))
    }

    /// This block's changes in key order; forgets them.
    mutating func drainChanges() -> [StateChange] {
        var out: [StateChange] = []
        accounts.drainChanges(into: &out)
        offers.drainChanges(into: &out)
        jobs.drainChanges(into: &out)
        leases.drainChanges(into: &out)
        timers.drainChanges(into: &out)
        reputations.drainChanges(into: &out)
        inviteUses.drainChanges(into: &out)
        if let old = supplyBefore, old != supply {
            out.append(StateChange(key: [StatePrefix.supply.rawValue], value: supply.encoded))
        }
        seatRecords.drainChanges(into: &out)
        ring.drainChanges(into: &out)
        lapses.drainChanges(into: &out)
        if let old = clockBefore, old != clock {
            out.append(StateChange(key: [StatePrefix.clock.rawValue], value: clock.encoded))
        }
        supplyBefore = nil
        clockBefore = nil
        return out
    }

    mutating func forgetChanges() { _ = drainChanges() }

    static let deltaTag: HashTag = "peernode/delta/v1"
    static let fullTag: HashTag = "peernode/full/v1"
    static let eventTag: HashTag = "peernode/event/v1"

    static func deltaHash(_ changes: [StateChange], hashing: any Hashing) -> Digest {
        hashing.hash(deltaTag) {
            for change in changes {
                $0.bytes(change.key)
                $0.u8(change.value == nil ? 0 : 1)
                $0.bytes(change.value ?? [])
            }
        }
    }

    static func fullHash(_ records: [StateChange], hashing: any Hashing) -> Digest {
        hashing.hash(fullTag) {
            for record in records {
                $0.bytes(record.key)
                $0.bytes(record.value ?? [])
            }
        }
    }

    static func eventRoot(_ encoded: [[UInt8]], hashing: any Hashing) -> Digest {
        MerkleTree.root(leafTag: eventTag, items: encoded, hashing: hashing)
    }

    /// `full` of D_h over the state as it is now: what `doctor --deep` compares.
    public func fullStateHash() -> Digest {
        var all: [StateChange] = []
        appendAll(to: &all)
        return Ledger.fullHash(all, hashing: hashing)
    }
}

// What a simulation does to a ledger to see that its checkers notice (`simulation.md` 16, kind m). Nothing of the
// product calls it. Here, where Trust is imported publicly: one `package import` of it in this module would keep all of
// its functions that use Trust from being specialised in other modules.
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
