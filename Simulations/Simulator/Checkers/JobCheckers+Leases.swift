import Basis
import Credits
import NodeCore
import Records
import Trust
import Wire

/// What the log says of every lease so far, for the rows about commits and reveals.
struct LeaseBook: Sendable {
    struct Lease: Sendable {
        let account: PublicKey
        let drawHeight: UInt64
        /// L in milliseconds.
        let deadline: UInt64
        var commit: Digest?
        var hasRevealed = false
        /// The state in which it ended.
        var ended: LeaseRecord.State?
    }
    struct Job: Sendable {
        let spec: JobSpec
        let submitter: PublicKey
        var leases: [Lease] = []
        var revealHeight: UInt64?
        var revealDeadline: UInt64 = 0
        var hasEnded = false

        mutating func change(_ index: UInt16, _ body: (inout Lease) -> Void) {
            if Int(index) < leases.count { body(&leases[Int(index)]) }
        }
    }

    private(set) var jobs: [JobID: Job] = [:]

    func lease(_ job: JobID, _ index: UInt16) -> Lease? {
        guard let leases = jobs[job]?.leases, Int(index) < leases.count else { return nil }
        return leases[Int(index)]
    }

    mutating func change(_ job: JobID, _ index: UInt16, _ body: (inout Lease) -> Void) {
        jobs[job]?.change(index, body)
    }

    /// Events that open, draw, end and close; commits and reveals are told by their entries.
    mutating func follow(_ event: LedgerEvent, _ entry: Entry?, _ clock: ShadowClock) {
        switch event {
        case .jobOpened(let job, let submitter, _, _):
            if case .openJob(let spec)? = entry?.body { jobs[job] = Job(spec: spec, submitter: submitter) }
        case .drawn(let drawn):
            guard let seconds = jobs[drawn.job]?.spec.leaseSeconds else { return }
            for terms in drawn.leases {
                jobs[drawn.job]?.leases.append(
                    Lease(
                        account: terms.account, drawHeight: clock.height,
                        deadline: clock.ledgerTime + UInt64(seconds) * 1_000))
            }
        case .leaseEnded(let job, let index, let state, _):
            change(job, index) { $0.ended = LeaseRecord.State(rawValue: state) ?? .released }
        case .revealOpened(let job, let deadline):
            jobs[job]?.revealHeight = clock.height
            jobs[job]?.revealDeadline = deadline
        case .settled(let one): jobs[one.job]?.hasEnded = true
        case .refunded(let job, _, _, _), .cancelled(let job, _, _): jobs[job]?.hasEnded = true
        default: break
        }
    }

    mutating func forget(_ job: JobID) { jobs[job] = nil }
}

/// J5: a lease index is used once per job, and a lease that has ended never commits, reveals or wins.
struct EndedLeasesStayEnded: Checker {
    static let id = "J5"
    static let statement = "a lease index is used once per job, and an ended lease never commits, reveals or wins"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0
    private var ended: [JobID: Set<UInt16>] = [:]
    private var drawn: [JobID: Int] = [:]

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        for event in read.execution.events {
            if let found = follow(event) {
                return Finding(
                    peers: [read.by], expected: "leases that end once at height \(read.height)", found: found)
            }
        }
        return nil
    }

    private mutating func follow(_ event: LedgerEvent) -> String? {
        switch event {
        case .drawn(let one):
            for terms in one.leases {
                judged += 1
                let next = drawn[one.job] ?? 0
                if Int(terms.lease) != next { return "lease \(terms.lease) of \(one.job) after \(next) others" }
                drawn[one.job] = next + 1
            }
        case .leaseEnded(let job, let index, _, _):
            judged += 1
            if !ended[job, default: []].insert(index).inserted { return "lease \(index) of \(job) ends twice" }
        case .committed(let job, let index), .revealed(let job, let index, _, _):
            judged += 1
            if ended[job]?.contains(index) == true { return "ended lease \(index) of \(job) goes on" }
            if Int(index) >= drawn[job] ?? 0 { return "lease \(index) of \(job) was never drawn" }
        case .settled(let one):
            for winner in one.winners where ended[one.job]?.contains(winner.lease) == true {
                return "ended lease \(winner.lease) of \(one.job) wins"
            }
        default: break
        }
        return nil
    }
}

/// J6: no reveal counts before its commit window closed; it opens its own commit.
struct RevealsOpenCommits: Checker {
    static let id = "J6"
    static let statement =
        "a reveal counts only in the reveal window, and opens the commit of its own lease and account"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0
    private var book = LeaseBook()

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        for event in read.early { book.follow(event, nil, read.clock) }
        for line in read.lines {
            if line.code == .applied, let entry = line.entry, case .lease(let job, let index) = entry.envelope {
                if let problem = problem(entry, job, index, in: world) {
                    return Finding(
                        peers: [read.by], expected: "a reveal of lease \(index) of \(job) that opens its commit",
                        found: problem)
                }
            }
            for event in line.events { book.follow(event, line.entry, read.clock) }
        }
        for closing in read.closings { book.forget(closing.job) }
        return nil
    }

    private mutating func problem(
        _ entry: Entry, _ job: JobID, _ index: UInt16, in world: borrowing World
    ) -> String? {
        switch entry.body {
        case .commit(let hash): book.change(job, index) { $0.commit = $0.commit ?? hash }
        case .reveal(let salt, let result):
            judged += 1
            guard let known = book.jobs[job], let lease = book.lease(job, index) else {
                return "a lease that is not there"
            }
            if lease.account != entry.account { return "it is by \(entry.account)" }
            if known.spec.isDirect { return entry.signature == nil ? "a direct reveal without signature" : nil }
            if known.revealHeight == nil { return "the window has not opened" }
            let opened = Opening.hash(result, salt, job, index, lease.account, in: world)
            if lease.commit != opened { return "commit \(String(describing: lease.commit)), opened \(opened)" }
        default: break
        }
        return nil
    }
}

/// J7: no commit or reveal window closes before its deadline and f + 1 distinct proposers inside it.
struct WindowsStayOpen: Checker {
    static let id = "J7"
    static let statement = "no window closes before its ledger deadline and f + 1 distinct proposers inside it"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0
    private var book = LeaseBook()
    private var proposers: [UInt16] = []
    private let needed: Int

    init(_ plan: Plan) { needed = plan.tolerated + 1 }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        proposers.append(read.block.header.seat)
        for event in read.early {
            if let finding = close(event, read) { return finding }
            book.follow(event, nil, read.clock)
        }
        for line in read.lines {
            for event in line.events {
                if let finding = close(event, read) { return finding }
                book.follow(event, line.entry, read.clock)
            }
        }
        for closing in read.closings { book.forget(closing.job) }
        return nil
    }

    /// Seats that proposed above height `w`.
    private func distinct(above w: UInt64) -> Int {
        guard Int(w) < proposers.count else { return 0 }
        var seen: Set<UInt16> = []
        for seat in proposers[Int(w)...].reversed() {
            seen.insert(seat)
            if seen.count >= needed { break }
        }
        return seen.count
    }

    private mutating func close(_ event: LedgerEvent, _ read: ReadBlock) -> Finding? {
        guard case .leaseEnded(let job, let index, let state, _) = event, let known = book.jobs[job],
            let lease = book.lease(job, index)
        else { return nil }
        let (deadline, since): (UInt64, UInt64)
        switch LeaseRecord.State(rawValue: state) {
        case .expired: (deadline, since) = (lease.deadline, lease.drawHeight)
        case .noReveal: (deadline, since) = (known.revealDeadline, known.revealHeight ?? read.height)
        default: return nil
        }
        judged += 1
        let count = distinct(above: since)
        if read.clock.ledgerTime >= deadline, count >= needed { return nil }
        return Finding(
            peers: [read.by],
            expected: "lease \(index) of \(job) open until L \(deadline) and \(needed) proposers after height \(since)",
            found: "closed at L \(read.clock.ledgerTime) after \(count)")
    }
}

/// J8: a second commit under one lease changes nothing.
struct FirstCommitStands: Checker {
    static let id = "J8"
    static let statement = "a second commit under one lease changes nothing"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0
    private var commits: [LeaseKey: Digest] = [:]

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        for line in read.lines {
            guard let entry = line.entry, case .commit(let hash) = entry.body,
                case .lease(let job, let index) = entry.envelope
            else { continue }
            judged += 1
            let key = LeaseKey(job: job, index: index)
            if line.code != .applied {
                if line.events.isEmpty { continue }
                return finding(read, key, "no effect of a refused commit", "\(line.events.count) events")
            }
            if commits[key] != nil { return finding(read, key, "one commit", "a second applied") }
            commits[key] = hash
        }
        for case .lease(let key, let record?) in read.writes where !record.commitHash.isZero {
            judged += 1
            if commits[key] != record.commitHash {
                return finding(read, key, "\(String(describing: commits[key]))", "\(record.commitHash)")
            }
        }
        for closing in read.closings {
            for index in closing.story.leases.indices {
                commits[LeaseKey(job: closing.job, index: UInt16(index))] = nil
            }
        }
        return nil
    }

    private func finding(_ read: ReadBlock, _ key: LeaseKey, _ expected: String, _ found: String) -> Finding {
        Finding(peers: [read.by], expected: "\(expected) under lease \(key.index) of \(key.job)", found: found)
    }
}
