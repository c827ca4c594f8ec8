public import Basis
public import Compute
import Consensus
import Credits
import Gossip
import Records
import Session
public import Trust
import Wire

/// Where the rows of desk and book lie in family `local`.
public enum JobRows {
    public static let deskPrefix: UInt8 = 2
    public static let bookPrefix: UInt8 = 3

    public static func key(_ record: DeskRecord) -> [UInt8] { [deskPrefix] + record.key }
    public static func prefix(_ lease: LeaseID) -> [UInt8] { [deskPrefix] + DeskRecord.prefix(lease) }
    public static func key(_ record: BookRecord) -> [UInt8] { [bookPrefix] + record.storeKey }
    public static func key(job: JobID) -> [UInt8] { [bookPrefix] + StoreKey([2]).raw(job.bytes).bytes }
}

/// The two desks of jobs on one node, and what they remember between inputs.
struct JobDesks: Sendable {
    var desk: WorkerDesk
    var book: JobBook
    /// Own openJob entries under way.
    var opening: [TransactionID: JobID] = [:]
    /// Reveals seen for jobs of the book: their bodies may have come with them.
    var reveals: [LeaseID: ReplicaResult] = [:]
    /// Equivalence classes that this node knows by runtime: its own.
    var classes: [JobMarket.KnownClass] = []
    var costMaxDefault = CreditAmount.credits(10)
    static let revealsMax = 4_096
}

extension NodeCore {
    /// Gives the desks what the store and the ledger know; once, right after the log was adopted.
    mutating func adoptDesks(_ start: DeskStart) {
        guard let log else { return }
        desks = Boxed(
            JobDesks(
                desk: WorkerDesk(
                    network: log.network, account: log.account, settings: start.settings, hashing: crypto,
                    seed: start.seed),
                book: JobBook(hashing: crypto, seed: start.seed &+ 1)))
        desks?.value.costMaxDefault = start.costMaxDefault
        let ledger = log.ledger
        var leases: [LeaseStanding] = []
        for (id, record) in ledger.jobList where !record.state.isEnded {
            guard let terms = terms(of: record) else { continue }
            for (index, lease) in ledger.leaseList(of: id) where lease.account == log.account {
                guard let step = Self.step(lease.state) else { continue }
                leases.append(
                    LeaseStanding(
                        id: LeaseID(job: id, index: index), terms: terms, deadline: lease.deadline, step: step,
                        isRevealOpen: record.state == .revealing))
            }
        }
        give(WorkerDesk.Input.recovered(start.desk, leases, clock: ledger.clock.ledgerTime))
        let standings = start.book.compactMap { row in
            ledger.job(row.job).flatMap { standing(row.job, $0) }
        }
        give(JobBook.Input.recovered(start.book, standings))
        for (id, record) in ledger.jobList where !record.state.isEnded {
            guard let spec = record.spec else { continue }
            for (index, lease) in ledger.leaseList(of: id) where Self.step(lease.state) != nil {
                meet(LeaseID(job: id, index: index), lease.account, spec.entryPeer)
            }
        }
        if let capability = start.capability {
            desks?.value.classes = capability.runtimes.compactMap { found in
                RuntimeKind(id: found.runtime).map { .init(runtime: $0, classID: found.classID) }
            }
            give(.capability(capability))
        }
    }

    static func step(_ state: LeaseRecord.State) -> LeaseStanding.Step? {
        switch state {
        case .active: .active
        case .committed: .committed
        case .revealed: .revealed
        default: nil
        }
    }

    func terms(of record: JobRecord) -> JobTerms? {
        guard let spec = record.spec, let log = boxedLog else { return nil }
        let owner = log.value.ledger.account(record.submitter)?.owner ?? record.submitter
        return JobTerms(spec: spec, submitter: record.submitter, owner: owner)
    }

    func standing(_ id: JobID, _ record: JobRecord) -> JobStanding? {
        switch record.state {
        case .queued: return JobStanding(job: id, phase: .queued)
        case .running: return JobStanding(job: id, phase: .running)
        case .revealing: return JobStanding(job: id, phase: .revealing)
        case .cancelled: return JobStanding(job: id, phase: .cancelled)
        case .settled: return settlement(id).map { JobStanding(job: id, phase: .settled($0)) }
        // The record does not keep why; the event does, and the book heard it if it was there.
        case .refunded: return JobStanding(job: id, phase: .refunded(.deadline))
        }
    }

    /// What the canonical answer of a settled job says, from its winning leases.
    func settlement(_ id: JobID) -> Settlement? {
        guard let log else { return nil }
        let won = log.ledger.leaseList(of: id).filter { $0.lease.state == .won }
        guard let first = won.first?.lease.result else { return nil }
        let inline = won.compactMap { desks?.value.reveals[LeaseID(job: id, index: $0.index)]?.inline }
            .first { !$0.isEmpty }
        return Settlement(
            status: first.status, exitCode: first.exitCode, bodyBytes: first.bodyBytes,
            winners: won.compactMap { one in
                one.lease.result.map { Settlement.Winner(account: one.lease.account, body: $0.bodyHash) }
            },
            inline: inline ?? [])
    }

    // MARK: what the log says

    mutating func tellDesks(_ executed: LogNode.ExecutedBlock) {
        guard desks != nil, let own = boxedLog?.peek({ $0.account }) else { return }
        let execution = executed.execution
        rememberReveals(executed)
        give(WorkerDesk.Input.ledgerAdvanced(clock: execution.ledgerTime))
        for event in execution.events {
            switch event {
            case .drawn(let drawn):
                if let entryPeer = boxedLog?.peek({ $0.ledger.job(drawn.job)?.spec?.entryPeer }) {
                    for one in drawn.leases {
                        meet(LeaseID(job: drawn.job, index: one.lease), one.account, entryPeer)
                    }
                }
                granted(drawn, own)
            case .committed(let job, let lease): tellLease(job, lease, own) { .committed($0) }
            case .revealed(let job, let lease, _, _): tellLease(job, lease, own) { .revealed($0) }
            case .revealOpened(let job, _):
                let leases = boxedLog?.peek { $0.ledger.leaseList(of: job) } ?? []
                for (index, lease) in leases where lease.account == own {
                    if lease.state == .committed || lease.state == .revealed {
                        give(WorkerDesk.Input.commitsClosed(LeaseID(job: job, index: index)))
                    }
                }
            case .leaseEnded(let job, let lease, let state, _):
                part(LeaseID(job: job, index: lease))
                guard let ending = Self.ending(state, isCancelled: isCancelled(job)) else { break }
                tellLease(job, lease, own) { .leaseRevoked($0, ending) }
            case .settled(let settled):
                tellVerdicts(settled, own)
                partAll(settled.job)
            case .refunded(let job, _, _, _), .cancelled(let job, _, _): partAll(job)
            default: break
            }
            give(JobBook.Input.ledger(event))
            if case .settled(let settled) = event, let settlement = settlement(settled.job) {
                give(JobBook.Input.settled(settled.job, settlement))
            }
        }
    }

    // MARK: partners

    /// The entry peer of a job and each of its workers keep a connection to one another while the lease stands
    /// (`gossip.md` 12.4): either of them may be the one who knows where the other is, or who can be dialled.
    mutating func meet(_ lease: LeaseID, _ worker: PublicKey, _ entryPeer: PublicKey) {
        let own = crypto.publicKey
        guard worker != entryPeer, worker == own || entryPeer == own, partners[lease] == nil else { return }
        // A stranger's entry may name us as its entry peer: only jobs of our book make us dial their workers.
        if entryPeer == own, desks?.value.book.record(lease.job) == nil { return }
        let peer = crypto.peerID(of: worker == own ? entryPeer : worker)
        partners[lease] = peer
        give(.pin(peer, .job))
    }

    mutating func part(_ lease: LeaseID) {
        guard let peer = partners.remove(lease), !partners.values.contains(peer) else { return }
        give(.unpin(peer, .job))
    }

    mutating func partAll(_ job: JobID) {
        for lease in partners.from(LeaseID(job: job, index: 0)).prefix(while: { $0.key.job == job }).map(\.key) {
            part(lease)
        }
    }

    func isCancelled(_ job: JobID) -> Bool { boxedLog?.peek { $0.ledger.job(job)?.state } == .cancelled }

    static func ending(_ state: UInt8, isCancelled: Bool) -> LeaseEnding? {
        switch LeaseRecord.State(rawValue: state) {
        case .expired: .expired
        case .declined: .declined
        case .noReveal: .noReveal
        case .released: .released(byCancel: isCancelled)
        default: nil
        }
    }

    mutating func granted(_ drawn: LedgerEvent.Drawn, _ own: PublicKey) {
        guard let record = boxedLog?.value.ledger.job(drawn.job), let terms = terms(of: record) else { return }
        for one in drawn.leases where one.account == own {
            guard let lease = boxedLog?.value.ledger.lease(LeaseKey(job: drawn.job, index: one.lease)) else { continue }
            give(
                WorkerDesk.Input.leaseGranted(
                    LeaseStanding(
                        id: LeaseID(job: drawn.job, index: one.lease), terms: terms, deadline: lease.deadline)))
        }
    }

    mutating func tellLease(
        _ job: JobID, _ index: UInt16, _ own: PublicKey, _ input: (LeaseID) -> WorkerDesk.Input
    ) {
        guard boxedLog?.value.ledger.lease(LeaseKey(job: job, index: index))?.account == own else { return }
        give(input(LeaseID(job: job, index: index)))
    }

    mutating func tellVerdicts(_ settled: LedgerEvent.Settled, _ own: PublicKey) {
        for winner in settled.winners { tellLease(settled.job, winner.lease, own) { .settled($0, .won) } }
        for loser in settled.losers { tellLease(settled.job, loser, own) { .settled($0, .lost) } }
    }

    /// Keeps the results that reveals of this block carried for jobs submitted here.
    mutating func rememberReveals(_ executed: LogNode.ExecutedBlock) {
        for (bytes, outcome) in zip(executed.block.entries, executed.execution.outcomes)
        where outcome.code == .applied && bytes.count > 1 && bytes[1] == Entry.Kind.reveal.rawValue {
            guard let entry = try? Entry(decoding: bytes), case .lease(let job, let index) = entry.envelope,
                case .reveal(_, let result) = entry.body, desks?.value.book.record(job) != nil
            else { continue }
            if let count = desks?.value.reveals.count, count >= JobDesks.revealsMax { desks?.value.reveals = [:] }
            desks?.value.reveals[LeaseID(job: job, index: index)] = result
        }
    }

    /// An own openJob entry was executed with another code than `applied`, or can never be.
    mutating func tellOpening(_ id: TransactionID, _ progress: LogNode.EntryProgress) {
        guard let job = desks?.value.opening[id] else { return }
        switch progress {
        case .ordered(_, .applied): desks?.value.opening[id] = nil
        case .ordered(_, let code):
            desks?.value.opening[id] = nil
            give(JobBook.Input.openRefused(job, code))
        case .expired:
            desks?.value.opening[id] = nil
            give(JobBook.Input.openRefused(job, .expired))
        case .certified: break
        }
    }

    // MARK: the worker's desk

    mutating func give(_ input: WorkerDesk.Input) {
        guard let orders = desks?.value.desk.handle(input, now: now) else { return }
        for effect in orders { carryOut(effect) }
    }

    mutating func carryOut(_ effect: WorkerDesk.Effect) {
        switch effect {
        case .journal(let ticket, let record, let isSynced):
            var batch = StoreBatch(isSynced: isSynced)
            batch.put(.local, JobRows.key(record), record.encoded)
            effects.append(.persist(batch, .desk(ticket)))
        case .forget(let lease):
            var batch = StoreBatch(isSynced: false)
            let prefix = JobRows.prefix(lease)
            batch.deleteRange(.local, from: prefix, to: prefix + [0xff, 0xff, 0xff, 0xff])
            effects.append(.persist(batch, .nobody))
        case .commit(let lease, let hash): compose(.commit(hash: hash), lease)
        case .reveal(let lease, let result, let salt, let isDirect):
            // What was never committed has nothing to open (`ledger.md` 8.2).
            compose(.reveal(salt: isDirect ? .zero : salt, result: result), lease)
        case .decline(let lease, let reason, _), .handBack(let lease, let reason, _):
            compose(.decline(reason), lease)
            effects.append(.desk(effect))
        case .offer(let draft): offer(draft)
        case .withdrawOffer(let slotClass):
            give(LogNode.Input.compose(.withdrawOffer(slotClass: slotClass), job: nil, key: [], 0))
        case .notify(let event):
            effects.append(.desk(effect))
            if let progress = LeaseProgress(event) { tellEntryPeer(progress) }
        default: effects.append(.desk(effect))
        }
    }

    /// Tells the peer that a job was submitted to how far its lease is here; nothing waits for a connection, since the
    /// next word is as good.
    mutating func tellEntryPeer(_ progress: LeaseProgress) {
        guard let spec = boxedLog?.value.ledger.job(progress.lease.job)?.spec else { return }
        let entry = crypto.peerID(of: spec.entryPeer)
        if entry == ownPeer || !isMainUp(entry) { return }
        let key = progress.lease.job.raw.w0 &+ UInt64(progress.lease.index)
        post(LaneMessage(MessageNumber.progress, progress.encoded, queueKey: key), to: entry)
    }

    /// A worker says how far it is: believed if it holds the lease, and the job was submitted here.
    mutating func progressed(_ body: [UInt8], from peer: PeerID) {
        guard let log, let progress = try? LeaseProgress(decoding: body),
            let spec = log.ledger.job(progress.lease.job)?.spec, crypto.peerID(of: spec.entryPeer) == ownPeer,
            let lease = log.ledger.lease(LeaseKey(job: progress.lease.job, index: progress.lease.index)),
            lease.state == .active, crypto.peerID(of: lease.account) == peer
        else {
            counters.progressUnasked += 1
            return
        }
        effects.append(.progressed(progress))
    }

    mutating func compose(_ body: Entry.Body, _ lease: LeaseID) {
        give(LogNode.Input.compose(body, job: .init(job: lease.job, index: lease.index), key: [], 0))
    }

    mutating func offer(_ draft: OfferDraft) {
        guard let log else { return }
        // An hour short of the longest life, so that a clock a little ahead is not refused.
        let validUntil = max(wall, log.ledger.clock.time) + LedgerLimits.offerMillisAheadMax - 3_600_000
        let offer = Offer(
            slotClass: draft.slotClass, slots: draft.slots, capabilities: draft.capabilities, hardwareClass: .zero,
            runtimes: draft.runtimes, cached: [], cores: draft.cores, memoryMiB: draft.memoryMiB,
            diskMiB: draft.diskMiB, gpuMiB: 0, isolation: draft.isolation, meter: draft.meter,
            rateCPU: draft.rateCPU, rateMemory: draft.rateMemory, validUntil: validUntil,
            document: ownDocumentDigest)
        give(LogNode.Input.compose(.putOffer(offer), job: nil, key: [], 0))
    }

    // MARK: the book of jobs submitted here

    mutating func give(_ input: JobBook.Input) {
        guard let orders = desks?.value.book.handle(input, now: now) else { return }
        for effect in orders { carryOut(effect) }
    }

    mutating func carryOut(_ effect: JobBook.Effect) {
        switch effect {
        case .quote(let ticket, let account, let waits): quote(ticket, account, waits)
        case .persist(let ticket, let record, let isSynced):
            var batch = StoreBatch(isSynced: isSynced)
            batch.put(.local, JobRows.key(record), record.encoded)
            effects.append(.persist(batch, .book(ticket)))
        case .forget(let job):
            var batch = StoreBatch(isSynced: false)
            batch.delete(.local, JobRows.key(job: job))
            effects.append(.persist(batch, .nobody))
        case .openJob(let job, let entry):
            if let id = (try? Entry(decoding: entry))?.id(network: network ?? .zero, hashing: crypto) {
                desks?.value.opening[id] = job
            }
            give(LogNode.Input.submit(entry, 0))
        case .cancelJob(let job, _): give(LogNode.Input.compose(.cancelJob(job), job: nil, key: [], 0))
        default: effects.append(.book(effect))
        }
    }

    /// The facts of the moment from which the book derives a ledger job.
    mutating func quote(_ ticket: Ticket, _ account: PublicKey, _ waits: Bool) {
        guard let log, let classes = desks?.value.classes, let costMax = desks?.value.costMaxDefault else { return }
        let ledger = log.ledger
        var listings: [JobMarket.Listing] = []
        var cursor: OfferKey?
        repeat {
            let page = ledger.offerPage(after: cursor)
            listings += page.items.map { .init(account: $0.key.account, owner: $0.owner, offer: $0.record.offer) }
            cursor = page.next
        } while cursor != nil
        let own = ledger.account(account)
        let facts = SpecDerivation(
            salt: entropy.bytes(JobSpec.saltBytes), entryPeer: log.account, submitter: account,
            owner: own?.owner ?? account, market: JobMarket(listings: listings, classes: classes),
            available: own?.available, fee: ledger.genesis.entryFee, costMaxDefault: costMax, wallMillis: wall,
            waitsForOffers: waits)
        give(JobBook.Input.quoted(ticket, facts))
    }

    /// Signs the openJob entry of a spec whose manifest is stored.
    mutating func signOpening(_ ticket: Ticket, _ spec: JobSpec, _ account: PublicKey) {
        guard let log, account == log.account else {
            return give(JobBook.Input.signFailed(ticket, "this node does not hold the key of the account"))
        }
        guard let (entry, nonce) = boxedLog?.value.sign(.openJob(spec)) else { return }
        let job = spec.id(network: log.network, submitter: account, nonce: nonce, hashing: crypto)
        give(JobBook.Input.signed(ticket, job, entry: entry))
    }
}

/// What desk and book need at their start.
public struct DeskStart: Sendable {
    public var settings: OwnerSettings
    public var capability: Compute.CapabilitySummary?
    public var desk: [DeskRecord]
    public var book: [BookRecord]
    public var costMaxDefault: CreditAmount
    public var seed: UInt64

    public init(
        settings: OwnerSettings, capability: Compute.CapabilitySummary?, desk: [DeskRecord], book: [BookRecord],
        costMaxDefault: CreditAmount, seed: UInt64
    ) {
        self.settings = settings
        self.capability = capability
        self.desk = desk
        self.book = book
        self.costMaxDefault = costMaxDefault
        self.seed = seed
    }
}
