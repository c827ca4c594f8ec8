public import Basis
public import Consensus
public import Credits
public import Records
public import Trust
import Wire

/// The log on this node: entries in, order, execution, certificates, and what became of every entry.
///
/// Replica orders, Ledger executes, Pool and Outbox hold what waits; none of them knows the others. This is where
/// they meet: what one asks for is carried to the next, and everything that must be durable together becomes one write.
/// With one seat the marks, the block and its execution are a single synced batch (`ledger.md` 14.3); with more seats
/// the same code writes the same bytes.
///
/// It does not keep connections, run jobs or answer queries: messages go out as orders, executed blocks go up as
/// `executed`, and reads look at `ledger`.
public struct LogNode: Sendable {
    /// Names one request of a client of this core.
    public typealias Ticket = UInt64

    public enum Input: Sendable {
        /// First of all, once.
        case start
        case received(number: UInt16, body: [UInt8], from: PeerID)
        /// Sign and submit an own entry. `key` is a client's idempotency key, or empty.
        indirect case compose(Entry.Body, job: JobLease?, key: [UInt8], Ticket)
        /// Submit an entry that somebody else signed.
        case submit([UInt8], Ticket)
        case persisted(UInt64)
        case persistFailed(UInt64)
        case linkUp(PeerID)
        case linkDown(PeerID)
        case timeout
    }

    /// Which lease an own lease entry belongs to.
    public struct JobLease: Sendable, Hashable {
        public let job: JobID
        public let index: UInt16
        public init(job: JobID, index: UInt16) {
            self.job = job
            self.index = index
        }
    }

    public enum Effect: Sendable {
        /// Write, then answer `.persisted`; batches are written in the order given.
        case persist(StoreBatch, UInt64)
        indirect case send(LogMessage, to: [PeerID])
        /// Answer a peer's request from the blocks in the store.
        indirect case serveBlocks(FetchBlocks, to: PeerID)
        /// The entry is durable here and on its way.
        case accepted(Ticket, TransactionID)
        /// The entry was not taken; nothing was kept.
        case refused(Ticket, EntryRefusal)
        /// What became of an entry that this node handed in.
        case progressed(TransactionID, EntryProgress)
        /// A block was executed and is durable.
        indirect case executed(ExecutedBlock)
        indirect case certified(StateCertificate)
        indirect case misbehaved(PeerID, LogFault)
        case alarm(Replica.Alert)
        indirect case statusChanged(NodeStatus)
        /// The sum of all credit is not what it must be: the node stops and keeps everything (`ledger.md` 10.4).
        case conservationBroken(height: UInt64, String)
    }

    public enum EntryRefusal: Sendable, Hashable {
        case outcome(OutcomeCode)
        case malformed(CheckedEntry.Refusal)
        /// The pool or the outbox has no room.
        case full
        /// The disk refused the write.
        case notStored
    }

    public enum EntryProgress: Sendable, Hashable {
        case ordered(height: UInt64, OutcomeCode)
        /// The outcome stands under a state certificate: final for a client.
        case certified(height: UInt64, OutcomeCode)
        /// `validUntil` passed before any block took it.
        case expired
    }

    public enum LogFault: Sendable, Hashable {
        case ingress(LogIngress.Fault)
        case replica(Replica.Misbehaviour)
    }

    /// An executed block with what it did.
    public struct ExecutedBlock: Sendable {
        public let block: Block
        public let execution: BlockExecution
    }

    /// What one write completes.
    enum Completion: Sendable {
        case replica(Replica.Ticket)
        case executed(ExecutedBlock)
        case entry(TransactionID, Ticket)
    }

    /// How long an own entry may take, beyond the wall clock: an outage of an hour loses none.
    static let entryLifeMillis: UInt64 = 3_600_000

    public let network: NetworkID
    public let seats: SeatList
    let signer: any Signing
    let hashing: any Hashing
    let ownPeer: PeerID
    let seatPeers: [PeerID]
    var ingress: LogIngress
    public private(set) var replica: Replica
    public private(set) var ledger: Ledger
    public internal(set) var pool: Pool
    public internal(set) var outbox: Outbox
    var now: Instant
    var wall: UInt64 = 0
    var linked = SortedMap<PeerID, Bool>()
    /// How often overdue entries were sent again: whose turn it is among seats without a session.
    var resends = 0
    /// nil if this is no seat, or its secret is lost.
    var beaconKeeper: BeaconKeeper?
    /// Per lane, the nonce after the last entry composed here.
    var nextNonce: [Entry.Lane: UInt64] = [:]
    /// Of entries that were signed and are not in the outbox yet.
    var signedNonces: [Entry.Lane: Set<UInt64>] = [:]
    /// Whether nonces below `nextNonce` may be free: then each is looked for while entries wait.
    var mayHaveGap = false
    var lastTicket: UInt64 = 0
    var writes: [UInt64: [Completion]] = [:]
    var clients: [TransactionID: Ticket] = [:]
    /// A broken conservation or a failed write ends all work here.
    public private(set) var isStopped = false
    /// Batches that the disk refused. While there are none, a store that failed under others may take writes again.
    public private(set) var lostWrites = 0

    // One turn.
    var effects: [Effect] = []
    var batch = StoreBatch(isSynced: false)
    var completions: [Completion] = []
    var isDemandStale = false
    var inputs: [Replica.Input] = []
    var isTurning = false

    public init(
        replica: Replica, ledger: Ledger, limits: LedgerLimits, outbox: Outbox, signer: any Signing,
        hashing: any Hashing, verifying: any Verifying, now: Instant
    ) {
        self.replica = replica
        self.ledger = ledger
        pool = Pool(limits: limits)
        self.outbox = outbox
        self.signer = signer
        self.hashing = hashing
        self.now = now
        network = ledger.network
        seats = ledger.seats
        ownPeer = hashing.peerID(of: signer.publicKey)
        seatPeers = ledger.seats.seats.map { hashing.peerID(of: $0.account) }
        ingress = LogIngress(network: ledger.network, seats: ledger.seats, hashing: hashing, verifying: verifying)
    }

    /// Alters the ledger behind the node's back (`simulation.md` 16, kind m).
    package mutating func alterLedger(_ change: (inout Ledger) -> Void) { change(&ledger) }

    public var account: PublicKey { signer.publicKey }
    public var isSeat: Bool { seatPeers.contains(ownPeer) }

    public var nextDeadline: Instant? {
        if isStopped { return nil }
        guard let a = replica.nextDeadline else { return outbox.nextDeadline }
        guard let b = outbox.nextDeadline else { return a }
        return min(a, b)
    }

    /// `wall` is this peer's clock in milliseconds since 1970.
    public mutating func handle(_ input: Input, now: Instant, wall: UInt64) -> [Effect] {
        invariant(now >= self.now, "time went back from \(self.now) to \(now)")
        self.now = now
        self.wall = wall
        if isStopped { return [] }
        switch input {
        case .start:
            replica(.start)
            resend()
            keepBeacon()
        case .received(let number, let body, let peer): receive(number, body, from: peer)
        case .compose(let body, let lease, let key, let ticket): compose(body, lease, key, ticket)
        case .submit(let bytes, let ticket): submit(bytes, ticket)
        case .persisted(let write): complete(write)
        case .persistFailed(let write): failed(write)
        case .linkUp(let peer):
            linked[peer] = true
            replica(.linkUp(peer))
        case .linkDown(let peer):
            linked[peer] = nil
            replica(.linkDown(peer))
        case .timeout:
            if let due = replica.nextDeadline, due <= now { replica(.timeout) }
            resend()
        }
        if isDemandStale { demand() }
        flush()
        defer { effects = [] }
        return effects
    }

    // MARK: orders of the replica

    /// First in, first out: what follows from an order comes after the other orders of the same call.
    mutating func replica(_ input: Replica.Input) {
        inputs.append(input)
        if isTurning { return }
        isTurning = true
        while !inputs.isEmpty {
            let orders = replica.handle(inputs.removeFirst(), now: now, wall: wall)
            for effect in orders { carryOut(effect) }
        }
        isTurning = false
    }

    mutating func carryOut(_ effect: Replica.Effect) {
        switch effect {
        case .persist(let writes, let ticket):
            batch.merge(writes)
            completions.append(.replica(ticket))
        case .send(let message, let peers): effects.append(.send(message, to: peers))
        case .buildPayload(let request):
            let entries = pool.payload(excluding: request.exclude, bytesTarget: request.bytesTarget)
            replica(.payload(request.ticket, entries: entries.map(\.bytes)))
        case .tipChanged(let inFlight):
            pool.setInFlight(inFlight)
            isDemandStale = true
        case .finalised(let final): execute(final)
        case .certified(let certificate): certify(certificate)
        case .serveBlocks(let request, let peer): effects.append(.serveBlocks(request, to: peer))
        case .misbehaved(let peer, let what): effects.append(.misbehaved(peer, .replica(what)))
        case .alarm(let alert): effects.append(.alarm(alert))
        case .statusChanged(let status): effects.append(.statusChanged(status))
        }
    }

    /// Executes a final block; its write joins what this turn writes anyway.
    mutating func execute(_ final: Replica.FinalBlock) {
        let block = final.block
        let entries = block.entries.map { ingress.checked(entry: $0) }
        let execution = ledger.execute(ingress.trusted(block), hash: final.hash, entries: entries)
        if let problem = execution.conservationProblem {
            isStopped = true
            effects.append(.conservationBroken(height: execution.height, problem))
            return
        }
        batch.merge(execution.batch)
        batch.isSynced = true
        let stored = StoredBlock(block: block, finalizeCertificate: final.finalizeCertificate)
        batch.put(.blocks, JournalKey.height(execution.height), stored.encoded)
        if let certificate = final.stateCertificate {
            batch.put(.proofs, JournalKey.height(execution.height), certificate.encoded)
        }
        pool.executed(execution, ledger: ledger)
        isDemandStale = true
        for outcome in execution.outcomes
        where outbox.executed(outcome.id, height: execution.height, code: outcome.code, into: &batch) {
            effects.append(.progressed(outcome.id, .ordered(height: execution.height, outcome.code)))
        }
        completions.append(.executed(ExecutedBlock(block: block, execution: execution)))
    }

    mutating func certify(_ certificate: StateCertificate) {
        let height = certificate.state.height
        batch.put(.proofs, JournalKey.height(height), certificate.encoded)
        for item in outbox.certified(upTo: height, into: &batch) {
            guard let executed = item.executed else { continue }
            effects.append(.progressed(item.id, .certified(height: executed.height, executed.code)))
        }
        for item in outbox.expired(time: ledger.clock.time, into: &batch) {
            mayHaveGap = true
            effects.append(.progressed(item.id, .expired))
        }
        if mayHaveGap, outbox.count == 0 {
            mayHaveGap = false
            nextNonce = [:]
            for (lane, nonces) in signedNonces { nextNonce[lane] = nonces.max().map { $0 + 1 } }
        }
        effects.append(.certified(certificate))
    }

    mutating func demand() {
        isDemandStale = false
        let waiting = pool.demand
        replica(
            .demand(
                Replica.PoolDemand(
                    entryCount: waiting.entryCount, bytes: waiting.byteCount, oldest: waiting.oldestArrival ?? now)))
    }

    // MARK: writing

    /// Everything that this turn writes goes as one batch.
    mutating func flush() {
        if batch.isEmpty && completions.isEmpty { return }
        lastTicket += 1
        effects.append(.persist(batch, lastTicket))
        writes[lastTicket] = completions
        batch = StoreBatch(isSynced: false)
        completions = []
    }

    mutating func complete(_ write: UInt64) {
        for completion in writes.removeValue(forKey: write) ?? [] {
            switch completion {
            case .replica(let ticket): replica(.persisted(ticket))
            case .executed(let executed):
                effects.append(.executed(executed))
                replica(.executed(report(executed)))
                keepBeacon()
            case .entry(let id, let ticket):
                effects.append(.accepted(ticket, id))
                if let entry = outbox.begin(id, now: now) { hand(in: entry) }
            }
        }
    }

    /// The disk refused: entries that waited for it are refused, and a seat stops voting, since a vote whose journal is
    /// not durable must never leave. What was acknowledged is on the disk; a restart finds it.
    mutating func failed(_ write: UInt64) {
        lostWrites += 1
        let lost = writes.removeValue(forKey: write) ?? []
        // Rows that nobody waits for are missed by whatever is written behind them.
        if lost.isEmpty { isStopped = true }
        for completion in lost {
            switch completion {
            case .entry(let id, let ticket):
                var unused = StoreBatch(isSynced: false)
                _ = outbox.forget(id, into: &unused)
                effects.append(.refused(ticket, .notStored))
            case .replica, .executed: isStopped = true
            }
        }
    }

    /// Publishes the next chain of the own seat when half of one is used, and hands chains to the replica as the ledger
    /// comes to know them.
    mutating func keepBeacon() {
        guard var keeper = beaconKeeper,
            let record = ledger.seatPositions.first(where: { $0.account == account })?.record
        else { return }
        let step = keeper.step(record, turn: seats.turn(of: ledger.clock.view))
        beaconKeeper = keeper
        for chain in step.chains { replica(.ownBeacon(chain)) }
        if let entry = step.entry { compose(entry, nil, [], 0) }
    }

    func report(_ executed: ExecutedBlock) -> Replica.Executed {
        let execution = executed.execution
        return Replica.Executed(
            state: execution.stateTuple(epoch: executed.block.header.epoch), view: executed.block.header.view,
            timestamp: execution.time, ledgerMillis: execution.ledgerTime,
            beacons: execution.seats.map(\.record.beacon), blocksDue: execution.blocksDue,
            isTimerArmed: execution.hasArmedTimer)
    }
}

extension SeatRecord {
    /// The record's beacon part, as ordering reads it.
    public var beacon: BeaconRecord {
        BeaconRecord(
            current: BeaconPosition(start: start, length: length, turn: turn, element: element),
            next: next.map { BeaconPosition(end: $0.end, length: $0.length, start: $0.start) })
    }
}

extension NodeCore {
    /// Alters the ledger behind the node's back (`simulation.md` 16, kind m).
    package mutating func alterLedger(_ change: (inout Ledger) -> Void) { boxedLog?.value.alterLedger(change) }
    /// Looks at the log without a copy of it. `body` must not change it.
    package func inLog<Result>(_ body: (inout LogNode) -> Result) -> Result? { boxedLog?.peek(body) }
}
