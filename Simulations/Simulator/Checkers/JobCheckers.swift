import Basis
import Credits
import NodeCore
import Records
import Trust
import Wire

/// J1: a draw is a function of the finalised prefix: equal everywhere and in a second implementation.
struct DrawIsAFunction: Checker {
    static let id = "J1"
    static let statement = "a draw is a function of the finalised prefix, equal in a second implementation"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        for draw in read.draws {
            judged += 1
            if let (expected, found) = difference(draw, read, in: world) {
                return Finding(
                    peers: [read.by], expected: "\(expected) in draw \(draw.drawn.round) of job \(draw.drawn.job)",
                    found: found)
            }
        }
        return nil
    }

    private func difference(
        _ draw: ReadBlock.DrawReading, _ read: ReadBlock, in world: borrowing World
    ) -> (String, String)? {
        let drawn = draw.drawn
        let key = world.peers[0].key
        var bytes = Array("peernode/eligible/v1".utf8) + [0]
        for one in draw.eligible {
            bytes += one.account.bytes + [one.slotClass]
            for shift in 0..<4 as Range<UInt32> { bytes.append(UInt8(truncatingIfNeeded: one.tickets >> (shift * 8))) }
            bytes += one.owner.bytes
        }
        let owners = Set(draw.eligible.map(\.owner)).count
        let tickets = draw.eligible.reduce(UInt64(0)) { $0 + UInt64($1.tickets) }
        if drawn.round != draw.story.round + 1 { return ("round \(draw.story.round + 1)", "round \(drawn.round)") }
        if drawn.eligibleOwners != UInt32(owners) || drawn.totalTickets != tickets {
            return ("\(owners) owners with \(tickets) tickets", "\(drawn.eligibleOwners) with \(drawn.totalTickets)")
        }
        if drawn.eligibleHash != key.digest(bytes) {
            return ("eligible list \(key.digest(bytes))", "\(drawn.eligibleHash)")
        }
        let chosen = DrawIsAFunction.choose(draw.eligible, drawn.leases.count, read.clock.mix, drawn, key)
        for (index, lease) in drawn.leases.enumerated() {
            guard index < chosen.count else { return ("\(chosen.count) leases", "\(drawn.leases.count)") }
            let one = chosen[index]
            if one.account != lease.account || one.slotClass != lease.slotClass || one.owner != lease.owner
                || one.tickets != lease.tickets || Int(lease.lease) != draw.story.leases.count + index
            {
                return (
                    "lease \(draw.story.leases.count + index) for \(one.account)", "\(lease.lease) for \(lease.account)"
                )
            }
        }
        return nil
    }

    /// `ledger.md` 7.2, rule 4, word for word.
    static func choose(
        _ eligible: [EligibleOffer], _ count: Int, _ mix: Digest, _ drawn: LedgerEvent.Drawn, _ key: SimKey
    ) -> [EligibleOffer] {
        var left = eligible
        var chosen: [EligibleOffer] = []
        var counter: UInt32 = 0
        while chosen.count < count {
            let total = left.reduce(UInt64(0)) { $0 + UInt64($1.tickets) }
            if total == 0 { break }
            // 2⁶⁴ mod total.
            let least = (UInt64.max % total + 1) % total
            var x: UInt64 = 0
            repeat {
                var bytes = Array("peernode/draw/v1".utf8) + [0] + mix.bytes + drawn.job.bytes
                for word in [drawn.round, counter] {
                    for shift in 0..<4 as Range<UInt32> { bytes.append(UInt8(truncatingIfNeeded: word >> (shift * 8))) }
                }
                x = key.digest(bytes).bytes.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                counter += 1
            } while x < least
            let k = x % total
            var sum: UInt64 = 0
            guard
                let hit = left.first(where: { one in
                    sum += UInt64(one.tickets)
                    return sum > k
                })
            else { break }
            chosen.append(hit)
            left.removeAll { $0.owner == hit.owner }
        }
        return chosen
    }
}

/// J2: each drawn offer met the job's constraints, and no owner works on a job twice.
struct DrawnOffersFit: Checker {
    static let id = "J2"
    static let statement = "each drawn offer met the job's constraints, was old enough and free; owners are distinct"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        for draw in read.draws {
            var owners: Set<PublicKey> = []
            for lease in draw.story.leases {
                owners.insert(lease.terms.owner)
                owners.insert(lease.terms.account)
            }
            for (index, terms) in draw.drawn.leases.enumerated() {
                judged += 1
                if let problem = problem(draw, index, terms, owners, read, in: world) {
                    return Finding(
                        peers: [read.by], expected: "an offer that fits job \(draw.drawn.job)", found: problem)
                }
                owners.insert(terms.owner)
                owners.insert(terms.account)
            }
        }
        return nil
    }

    private func problem(
        _ draw: ReadBlock.DrawReading, _ index: Int, _ terms: LedgerEvent.DrawnLease, _ owners: Set<PublicKey>,
        _ read: ReadBlock, in world: borrowing World
    ) -> String? {
        let spec = draw.spec
        guard let standing = draw.standings[index], let holder = draw.holders[index], standing.isLive else {
            return "\(terms.account) has no offer of class \(terms.slotClass)"
        }
        if !LogReader.meets(standing.offer, spec) { return "the offer of \(terms.account) lacks something" }
        if standing.offer.rateCPU != terms.rateCPU || standing.offer.rateMemory != terms.rateMemory {
            return "lease \(terms.lease) has other rates than its offer"
        }
        if !spec.only.isEmpty, !spec.only.contains(terms.account) { return "\(terms.account) is not on the list" }
        if !world.reader.isOldEnough(standing, draw.drawn.anchorHeight) {
            return "the offer of height \(standing.height) is too new for anchor \(draw.drawn.anchorHeight)"
        }
        if standing.active >= Int(standing.offer.slots) { return "\(terms.account) has no free slot" }
        if holder.owner != terms.owner { return "owner \(terms.owner) of \(terms.account)" }
        if owners.contains(terms.owner) || owners.contains(terms.account) {
            return "\(terms.owner) works on it already"
        }
        let mayBeOwn = spec.flags.contains(.allowSelf) && world.genesis.selfExecution
        return terms.owner == draw.story.submitter && !mayBeOwn ? "the submitter's own offer" : nil
    }
}

/// J3: no offer has more active leases than slots.
struct SlotsHold: Checker {
    static let id = "J3"
    static let statement = "no offer has more active leases than slots, by records and by events"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0
    /// Active leases by the records of leases.
    private var active: [LeaseKey: OfferKey] = [:]
    private var counts: [OfferKey: Int] = [:]

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        for case .lease(let key, let record) in read.writes {
            if let old = active.removeValue(forKey: key) { counts[old, default: 0] -= 1 }
            guard let record, record.state == .active else { continue }
            let offer = OfferKey(account: record.account, slotClass: record.slotClass)
            active[key] = offer
            counts[offer, default: 0] += 1
        }
        for case .offer(let key, let record) in read.writes {
            judged += 1
            let leases = counts[key] ?? 0
            if Int(record?.activeLeases ?? 0) != leases {
                return finding(read, key, "\(leases) active leases", "\(record?.activeLeases ?? 0) counted")
            }
        }
        for draw in read.draws {
            for (index, terms) in draw.drawn.leases.enumerated() {
                judged += 1
                guard let standing = draw.standings[index], standing.active >= Int(standing.offer.slots) else {
                    continue
                }
                return finding(
                    read, OfferKey(account: terms.account, slotClass: terms.slotClass),
                    "at most \(standing.offer.slots) leases", "\(standing.active + 1)")
            }
        }
        return nil
    }

    private func finding(_ read: ReadBlock, _ key: OfferKey, _ expected: String, _ found: String) -> Finding {
        Finding(peers: [read.by], expected: "\(expected) on offer \(key.slotClass) of \(key.account)", found: found)
    }
}

/// J4: jobs and leases move along listed edges only, and deadlines fire in their order.
struct EdgesAreListed: Checker {
    static let id = "J4"
    static let statement =
        "jobs and leases move along listed edges; deadlines fire in (deadline, kind, job, index) order"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0
    private var jobs: [JobID: JobRecord.State] = [:]
    private var leases: [LeaseKey: LeaseRecord.State] = [:]
    /// Deadlines of leases and reveal windows, from what was written before.
    private var leaseDeadlines: [LeaseKey: UInt64] = [:]
    private var revealDeadlines: [JobID: UInt64] = [:]

    init(_ plan: Plan) {}

    /// Within one block a job may take several steps.
    private static func reachable(_ from: JobRecord.State?, _ to: JobRecord.State) -> Bool {
        switch (from, to) {
        case (nil, .queued), (nil, .cancelled): true
        case (nil, _): false
        case (.queued?, _): true
        case (.running?, .queued): false
        case (.running?, _): true
        case (.revealing?, .running), (.revealing?, .revealing), (.revealing?, .settled), (.revealing?, .refunded): true
        case (.revealing?, _): false
        case (let ended?, let to): ended == to
        }
    }

    private static func reachable(_ from: LeaseRecord.State?, _ to: LeaseRecord.State) -> Bool {
        switch (from ?? .active, to) {
        case (.active, .noReveal): false
        case (.active, _): true
        case (.committed, .active), (.committed, .declined), (.committed, .expired): false
        case (.committed, _): true
        case (.revealed, .won), (.revealed, .lost), (.revealed, .revealed): true
        case (let ended, let to): ended == to
        }
    }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        if let finding = order(read) { return finding }
        for write in read.writes {
            switch write {
            case .job(let job, let record?):
                judged += 1
                if !EdgesAreListed.reachable(jobs[job], record.state) {
                    return finding(
                        read, "a listed edge of job \(job)", "\(String(describing: jobs[job])) → \(record.state)")
                }
                jobs[job] = record.state
                revealDeadlines[job] = record.state == .revealing ? record.revealDeadline : nil
            case .job(let job, nil): jobs[job] = nil
            case .lease(let key, let record?):
                judged += 1
                if !EdgesAreListed.reachable(leases[key], record.state) {
                    return finding(
                        read, "a listed edge of lease \(key.index) of \(key.job)",
                        "\(String(describing: leases[key])) → \(record.state)")
                }
                leases[key] = record.state
                leaseDeadlines[key] = record.state == .active ? record.deadline : nil
            case .lease(let key, nil): leases[key] = nil
            default: continue
            }
        }
        return nil
    }

    /// Timers fire after the draws and before the entries.
    private mutating func order(_ read: ReadBlock) -> Finding? {
        var last: TimerKey?
        for event in read.early {
            guard case .leaseEnded(let job, let index, let state, _) = event else { continue }
            let key: TimerKey
            switch LeaseRecord.State(rawValue: state) {
            case .expired:
                guard let deadline = leaseDeadlines[LeaseKey(job: job, index: index)] else { continue }
                key = TimerKey(deadline: deadline, kind: .lease, job: job, index: index)
            case .noReveal:
                guard let deadline = revealDeadlines[job] else { continue }
                key = TimerKey(deadline: deadline, kind: .reveal, job: job)
            default: continue
            }
            judged += 1
            if let before = last, key < before {
                return finding(
                    read, "deadline \(before.deadline) of \(before.job) after \(key.deadline) of \(job)", "before it")
            }
            if key.deadline > read.clock.ledgerTime {
                return finding(read, "no timer before L \(key.deadline)", "it fired at \(read.clock.ledgerTime)")
            }
            last = key
        }
        return nil
    }

    private func finding(_ read: ReadBlock, _ expected: String, _ found: String) -> Finding {
        Finding(peers: [read.by], expected: "\(expected) at height \(read.height)", found: found)
    }
}
