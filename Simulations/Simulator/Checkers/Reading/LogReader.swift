import Basis
import Credits
import NodeCore
import Records
import Trust
import Wire

/// Reads the log of a world once, in the order of its heights, and keeps what entries and events alone tell: clocks,
/// proposers, offers, jobs and leases. A second, simpler telling of `ledger.md` 5 to 8, which judges no rule itself.
struct LogReader: Sendable {
    let genesis: Genesis
    let network: NetworkID
    let seats: SeatList
    let hashing: SimKey

    private(set) var clock: ShadowClock
    /// Height of each seat's last block; 0 = none.
    private(set) var lastProposed: [UInt64]
    /// View by height; that of height 0 counts as 0.
    private(set) var views: [UInt64] = [0]
    private var holders: [PublicKey: HolderStanding] = [:]
    private var offers = SortedMap<OfferKey, StandingOffer>()
    /// Those that have not ended.
    private var jobs: [JobID: JobStory] = [:]
    // One block.
    private var draws: [ReadBlock.DrawReading] = []
    private var closings: [ReadBlock.Closing] = []

    init(genesis: Genesis, network: NetworkID, hashing: SimKey) {
        self.genesis = genesis
        self.network = network
        self.hashing = hashing
        seats = genesis.seatList
        clock = ShadowClock(time: genesis.createdAt, mix: Block.genesisMix(network, hashing: hashing))
        lastProposed = Array(repeating: 0, count: genesis.seats.count)
        for seat in genesis.seats { holders[seat.account] = HolderStanding(owner: seat.account) }
        for one in genesis.allocations { holders[one.account] = HolderStanding(owner: one.account) }
    }

    /// How many seats proposed a block above height `w`.
    func distinct(above w: UInt64) -> Int { lastProposed.count { $0 > w } }

    /// An open job.
    func story(_ job: JobID) -> JobStory? { jobs[job] }

    /// The next block; nil if it is not the next.
    mutating func read(_ block: Block, _ execution: BlockExecution, by: Int) -> ReadBlock? {
        let header = block.header
        guard execution.height == clock.height + 1 else { return nil }
        let before = clock
        advance(header)
        draws = []
        closings = []
        let split = EventSplit(execution.events, entries: block.entries)
        for event in split.early { apply(event, before: before) }
        for line in split.lines {
            if line.code == .applied, let entry = line.entry { apply(entry) }
            for event in line.events { apply(event, of: line.entry, before: before) }
        }
        for event in split.lapsed { apply(event, before: before) }
        return ReadBlock(
            by: by, block: block, execution: execution, split: split, writes: StateWrite.all(of: execution.batch),
            draws: draws, closings: closings, clock: clock)
    }

    private mutating func advance(_ header: BlockHeader) {
        let passed = header.timestamp > clock.time ? header.timestamp - clock.time : 0
        clock.height += 1
        clock.view = header.view
        clock.time = max(clock.time, header.timestamp)
        clock.ledgerTime += passed < 2_000 ? passed : 2_000
        var bytes = Array("peernode/mix/v1".utf8) + [0] + clock.mix.bytes
        for shift in 0..<8 as Range<UInt64> { bytes.append(UInt8(truncatingIfNeeded: clock.height >> (shift * 8))) }
        clock.mix = hashing.digest(bytes + header.beaconReveal.bytes)
        views.append(header.view)
        if Int(header.seat) < lastProposed.count { lastProposed[Int(header.seat)] = clock.height }
    }

    // MARK: entries

    /// What an applied entry says that its events do not.
    private mutating func apply(_ entry: Entry) {
        switch (entry.body, entry.envelope) {
        case (.putOffer(let offer), _): put(offer, entry.account)
        case (.commit(let hash), .lease(let job, let index)):
            free(job, index)
            let now = clock.ledgerTime
            change(job, index) {
                $0.state = .committed
                $0.commitHash = hash
                $0.committedAt = now
            }
        case (.reveal(let salt, let result), .lease(let job, let index)):
            free(job, index)
            change(job, index) {
                $0.state = .revealed
                $0.salt = salt
                $0.result = result
            }
        default: break
        }
    }

    private mutating func put(_ offer: Offer, _ account: PublicKey) {
        let key = OfferKey(account: account, slotClass: offer.slotClass)
        var standing = StandingOffer(
            offer: offer, height: clock.height, epoch: 0, view: clock.view, active: 0, isLive: true)
        if let old = offers[key] {
            standing.active = old.active
            var renewed = old.offer
            renewed.validUntil = offer.validUntil
            // Only a renewal keeps the place at which the offer was registered.
            if old.isLive, renewed == offer {
                standing.height = old.height
                standing.view = old.view
            }
        }
        offers.insert(standing, for: key)
    }

    private mutating func change(_ job: JobID, _ index: UInt16, _ body: (inout JobStory.Lease) -> Void) {
        jobs[job]?.change(index, body)
    }

    /// Gives back the slot of a lease that still holds it.
    private mutating func free(_ job: JobID, _ index: UInt16) {
        guard let leases = jobs[job]?.leases, Int(index) < leases.count, leases[Int(index)].state == .active else {
            return
        }
        let terms = leases[Int(index)].terms
        let key = OfferKey(account: terms.account, slotClass: terms.slotClass)
        guard var standing = offers[key] else { return }
        standing.active -= 1
        offers[key] = standing.active <= 0 && !standing.isLive ? nil : standing
    }

    // MARK: events

    private mutating func apply(_ event: LedgerEvent, of entry: Entry? = nil, before: ShadowClock) {
        switch event {
        case .admitted(let account, _, let owner, _): holders[account] = HolderStanding(owner: owner)
        case .suspended(let account, let until): holders[account]?.suspendedUntil = until
        case .offerChanged(let account, let slotClass, 0, _):
            let key = OfferKey(account: account, slotClass: slotClass)
            guard var standing = offers[key] else { return }
            standing.isLive = false
            offers[key] = standing.active <= 0 ? nil : standing
        case .jobOpened(let job, let submitter, let funded, let fee):
            guard case .openJob(let spec)? = entry?.body else { return }
            jobs[job] = JobStory(
                submitter: submitter, spec: spec, openHeight: clock.height, openedAt: clock.ledgerTime, funded: funded,
                fee: fee)
        case .drawn(let drawn): draw(drawn, before: before)
        case .leaseEnded(let job, let lease, let state, _):
            free(job, lease)
            change(job, lease) { $0.state = LeaseRecord.State(rawValue: state) ?? .released }
        case .revealOpened(let job, let deadline):
            jobs[job]?.revealHeight = clock.height
            jobs[job]?.revealDeadline = deadline
        case .settled(let one): close(one.job, event)
        case .refunded(let job, _, _, _), .cancelled(let job, _, _): close(job, event)
        case .outcome, .transferred, .offerChanged, .drawFailed, .committed, .revealed: break
        }
    }

    private mutating func close(_ job: JobID, _ event: LedgerEvent) {
        guard var story = jobs.removeValue(forKey: job) else { return }
        story.hasEnded = true
        closings.append(.init(job: job, story: story, event: event, ledgerTime: clock.ledgerTime))
    }

    private mutating func draw(_ drawn: LedgerEvent.Drawn, before: ShadowClock) {
        guard let story = jobs[drawn.job] else { return }
        let keys = drawn.leases.map { OfferKey(account: $0.account, slotClass: $0.slotClass) }
        draws.append(
            .init(
                drawn: drawn, spec: story.spec, story: story, eligible: eligible(story, drawn.anchorHeight, before),
                standings: keys.map { offers[$0] }, holders: keys.map { holders[$0.account] }))
        for (key, terms) in zip(keys, drawn.leases) {
            offers.update(key) { $0.active += 1 }
            jobs[drawn.job]?.leases.append(
                .init(
                    terms: terms, round: drawn.round, drawHeight: clock.height,
                    deadline: clock.ledgerTime + UInt64(story.spec.leaseSeconds) * 1_000))
        }
        jobs[drawn.job]?.round = drawn.round
    }

    // MARK: eligibility

    /// `ledger.md` 7.2, rules 1 and 2, against the log before this draw; T and L are those of the block before.
    private func eligible(_ story: JobStory, _ anchor: UInt64, _ before: ShadowClock) -> [EligibleOffer] {
        var list: [EligibleOffer] = []
        for (key, standing) in offers {
            guard let holder = holders[key.account], holder.suspendedUntil <= before.ledgerTime,
                fits(standing, story.spec, before), isOldEnough(standing, anchor),
                standing.active < Int(standing.offer.slots),
                isFree(key.account, holder.owner, story)
            else { continue }
            list.append(
                EligibleOffer(
                    account: key.account, slotClass: key.slotClass, owner: holder.owner,
                    tickets: UInt32(Int(standing.offer.slots) - standing.active)))
        }
        return list.filter { story.spec.only.isEmpty || story.spec.only.contains($0.account) }
    }

    private func fits(_ standing: StandingOffer, _ spec: JobSpec, _ before: ShadowClock) -> Bool {
        LogReader.meets(standing.offer, spec) && standing.isLive && standing.offer.validUntil > before.time
    }

    /// Whether an offer has what a job asks for, at prices that it allows.
    static func meets(_ offer: Offer, _ spec: JobSpec) -> Bool {
        let hasParts =
            offer.cores >= spec.cores && offer.memoryMiB >= spec.memoryMiB && offer.diskMiB >= spec.diskMiB
            && offer.gpuMiB >= spec.gpuMiB && offer.isolation >= spec.isolation
        let isKind =
            (spec.runtime.isZero || offer.runtimes.contains(spec.runtime))
            && (spec.hardwareClass.isZero || spec.hardwareClass == offer.hardwareClass)
            && spec.capabilities & ~offer.capabilities == 0
        return hasParts && isKind && offer.rateCPU <= spec.rateCPUMax && offer.rateMemory <= spec.rateMemoryMax
    }

    func isOldEnough(_ standing: StandingOffer, _ anchor: UInt64) -> Bool {
        if seats.count == 1 { return standing.height <= anchor }
        guard anchor < UInt64(views.count) else { return false }
        return standing.view + 2 <= views[Int(anchor)]
    }

    /// Whether neither the account nor its owner works on this job, and it is not the submitter's own unless allowed.
    func isFree(_ account: PublicKey, _ owner: PublicKey, _ story: JobStory) -> Bool {
        for lease in story.leases
        where lease.terms.account == account || lease.terms.owner == account
            || lease.terms.account == owner || lease.terms.owner == owner
        {
            return false
        }
        if story.spec.flags.contains(.allowSelf), genesis.selfExecution { return true }
        return owner != (holders[story.submitter]?.owner ?? story.submitter)
    }
}
