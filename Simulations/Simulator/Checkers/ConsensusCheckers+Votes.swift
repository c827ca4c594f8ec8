import Basis
import Credits
import NodeCore
import Records
import Trust
import Wire

/// What each seat signed and sent, for the rows about one seat's votes.
///
/// What was signed counts until the process dies; what left counts for ever, since a crash may take a signature that
/// nobody saw.
struct BallotBook: Sendable {
    struct Place: Hashable, Sendable {
        let epoch: UInt64
        let view: UInt64
        let kind: VoteKind
    }

    private var signed: [[Place: Digest]]
    private var left: [[Place: Digest]]

    init(seats: Int) {
        signed = Array(repeating: [:], count: seats)
        left = signed
    }

    func hash(_ seat: Int, _ place: Place) -> Digest? { left[seat][place] ?? signed[seat][place] }
    func hasLeft(_ seat: Int, _ place: Place) -> Digest? { left[seat][place] }

    mutating func sign(_ seat: Int, _ ballot: Ballot) {
        let place = Place(epoch: ballot.epoch, view: ballot.view, kind: ballot.kind)
        if signed[seat][place] == nil { signed[seat][place] = ballot.blockHash }
    }

    mutating func leave(_ seat: Int, _ ballot: Ballot) {
        let place = Place(epoch: ballot.epoch, view: ballot.view, kind: ballot.kind)
        if left[seat][place] == nil { left[seat][place] = ballot.blockHash }
    }

    mutating func crash(_ seat: Int) { signed[seat] = [:] }
}

/// The seat whose vote an observation is, if a row judges it.
private func judgedSeat(
    _ i: Int, _ key: PublicKey?, _ exempt: Exempt, in world: borrowing World
) -> Int? {
    guard i < world.plan.seatCount, !world.peers[i].isByzantine, !exempt.hasBadDisk(i) else { return nil }
    if let key, world.peers[i].voting?.publicKey != key { return nil }
    return i
}

/// What the rows about pairs of votes of one seat have in common: a vote is compared with what was signed or sent
/// before, and then belongs to that itself.
struct VotePairs: Sendable {
    private(set) var book: BallotBook
    private let exempt: Exempt
    private let kinds: [VoteKind]

    init(_ plan: Plan, of kinds: [VoteKind]) {
        book = BallotBook(seats: plan.seatCount)
        exempt = Exempt(plan)
        self.kinds = kinds
    }

    /// Hears of votes and crashes.
    ///
    /// - Parameter check: what is wrong with a vote of a seat that is judged, by the book before it.
    mutating func hear(
        _ observation: Observation, in world: borrowing World, _ check: (BallotBook, Int, Ballot) -> Finding?
    ) -> Finding? {
        switch observation {
        case .crashed(let i):
            if i < world.plan.seatCount { book.crash(i) }
            return nil
        case .voted(let i, let key, let ballot) where kinds.contains(ballot.kind):
            guard let seat = judgedSeat(i, key, exempt, in: world) else { return nil }
            defer { book.sign(seat, ballot) }
            return check(book, seat, ballot)
        case .left(let i, let ballot) where kinds.contains(ballot.kind):
            guard let seat = judgedSeat(i, nil, exempt, in: world) else { return nil }
            defer { book.leave(seat, ballot) }
            return check(book, seat, ballot)
        default: return nil
        }
    }
}

/// C2: an honest seat signs `notarize` for at most one block per view.
struct OneNotarizePerView: Checker {
    static let id = "C2"
    static let statement = "an honest seat signs notarize for at most one block per view"
    static let watches: [Observation.Kind] = [.voted, .left, .crashed]
    private(set) var judged: UInt64 = 0
    private var pairs: VotePairs

    init(_ plan: Plan) { pairs = VotePairs(plan, of: [.notarize]) }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        var count: UInt64 = 0
        defer { judged += count }
        return pairs.hear(observation, in: world) { book, seat, ballot in
            count += 1
            let place = BallotBook.Place(epoch: ballot.epoch, view: ballot.view, kind: .notarize)
            guard let known = book.hash(seat, place), known != ballot.blockHash else { return nil }
            return Finding(
                peers: [seat], expected: "one block of view \(ballot.view): \(known)",
                found: "a vote for \(ballot.blockHash) too")
        }
    }
}

/// C3: an honest seat never signs both `nullify(v)` and `finalize(v)`.
struct NoNullifyAndFinalize: Checker {
    static let id = "C3"
    static let statement = "an honest seat never signs both nullify and finalize of one view"
    static let watches: [Observation.Kind] = [.voted, .left, .crashed]
    private(set) var judged: UInt64 = 0
    private var pairs: VotePairs

    init(_ plan: Plan) { pairs = VotePairs(plan, of: [.nullify, .finalize]) }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        var count: UInt64 = 0
        defer { judged += count }
        return pairs.hear(observation, in: world) { book, seat, ballot in
            count += 1
            let other: VoteKind = ballot.kind == .nullify ? .finalize : .nullify
            let place = BallotBook.Place(epoch: ballot.epoch, view: ballot.view, kind: other)
            if book.hash(seat, place) != nil {
                return Finding(
                    peers: [seat], expected: "\(other) of view \(ballot.view) alone", found: "\(ballot.kind) of it too")
            }
            let same = BallotBook.Place(epoch: ballot.epoch, view: ballot.view, kind: ballot.kind)
            guard let known = book.hash(seat, same), known != ballot.blockHash else { return nil }
            return Finding(
                peers: [seat], expected: "\(ballot.kind) of \(known) in view \(ballot.view)",
                found: "of \(ballot.blockHash) too")
        }
    }
}

/// C8: every vote is durable before it leaves, and agrees with all that the seat ever sent.
struct VotesAreDurable: Checker {
    static let id = "C8"
    static let statement = "every vote is durable before it leaves; after a restart no vote is older than the journal"
    static let watches: [Observation.Kind] = [.left, .voted, .booted]
    private(set) var judged: UInt64 = 0
    private var book: BallotBook
    private let exempt: Exempt
    /// Highest view of a durable mark when the process began.
    private var floors: [UInt64]
    private var marks: [[BallotBook.Place: Digest]]

    init(_ plan: Plan) {
        book = BallotBook(seats: plan.seatCount)
        exempt = Exempt(plan)
        floors = Array(repeating: 0, count: plan.seatCount)
        marks = Array(repeating: [:], count: plan.seatCount)
    }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        switch observation {
        case .booted(let i):
            if let seat = judgedSeat(i, nil, exempt, in: world) { read(seat, in: world) }
        case .left(let i, let ballot):
            guard let seat = judgedSeat(i, nil, exempt, in: world), world.peers[i].isUp else { return nil }
            judged += 1
            let key = JournalKey.mark(epoch: ballot.epoch, view: ballot.view, kind: ballot.kind)
            if world.peers[i].disk.durableValue(.journal, key) != ballot.blockHash.bytes {
                // A peer that was behind may have executed past the view before the vote had its turn: marks go then.
                let clock = world.peers[i].disk.durableValue(.state, [0x12]).flatMap { try? ClockRecord(decoding: $0) }
                if let clock, clock.view >= ballot.view { return nil }
                return Finding(
                    peers: [i], expected: "a durable mark before \(ballot.kind) of view \(ballot.view) leaves",
                    found: "a vote without its mark on the disk")
            }
            let place = BallotBook.Place(epoch: ballot.epoch, view: ballot.view, kind: ballot.kind)
            if let known = book.hasLeft(seat, place), known != ballot.blockHash {
                return Finding(
                    peers: [i], expected: "\(known) as sent before in view \(ballot.view)", found: "\(ballot.blockHash)"
                )
            }
            book.leave(seat, ballot)
        case .voted(let i, let key, let ballot):
            guard let seat = judgedSeat(i, key, exempt, in: world), ballot.view < floors[seat] else { return nil }
            judged += 1
            let place = BallotBook.Place(epoch: ballot.epoch, view: ballot.view, kind: ballot.kind)
            if marks[seat][place] == ballot.blockHash { return nil }
            return Finding(
                peers: [i], expected: "no new vote below view \(floors[seat]), which its journal shows",
                found: "\(ballot.kind) of view \(ballot.view)")
        default: break
        }
        return nil
    }

    /// What the journal says when a process begins.
    private mutating func read(_ seat: Int, in world: borrowing World) {
        floors[seat] = 0
        marks[seat] = [:]
        var batch = StoreBatch(isSynced: false)
        for row in world.peers[seat].disk.rows(.journal) { batch.put(.journal, row.key, row.value) }
        for mark in LogWrites(batch).marks {
            floors[seat] = max(floors[seat], mark.view)
            marks[seat][.init(epoch: mark.epoch, view: mark.view, kind: mark.kind)] = mark.hash
        }
    }
}

/// C4: it signs `finalize(v)` only for the block whose notarisation it holds, on leaving v.
struct FinalizesWhatIsNotarised: Checker {
    static let id = "C4"
    static let statement =
        "a seat signs finalize only for the block whose notarisation it holds, and never votes below it"
    static let watches: [Observation.Kind] = [.voted, .left, .crashed]
    private(set) var judged: UInt64 = 0
    private let exempt: Exempt
    /// One more than the highest view that each seat finalised since its process began, or sent so.
    private var finalizedBelow: [UInt64]
    private var sentBelow: [UInt64]
    private var known: BallotBook

    init(_ plan: Plan) {
        exempt = Exempt(plan)
        finalizedBelow = Array(repeating: 0, count: plan.seatCount)
        sentBelow = finalizedBelow
        known = BallotBook(seats: plan.seatCount)
    }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        switch observation {
        case .crashed(let i):
            guard i < world.plan.seatCount else { return nil }
            finalizedBelow[i] = sentBelow[i]
            known.crash(i)
        case .left(let i, let ballot) where i < world.plan.seatCount:
            if ballot.kind == .finalize { sentBelow[i] = max(sentBelow[i], ballot.view + 1) }
            known.leave(i, ballot)
        case .voted(let i, let key, let ballot):
            guard let seat = judgedSeat(i, key, exempt, in: world), world.peers[i].isUp else { return nil }
            let place = BallotBook.Place(epoch: ballot.epoch, view: ballot.view, kind: ballot.kind)
            // A journaled mark may be signed again at any time.
            if known.hash(seat, place) == ballot.blockHash { return nil }
            known.sign(seat, ballot)
            if ballot.kind == .finalize { return checkFinalize(seat, ballot, in: world) }
            if ballot.kind == .notarize { return checkNotarize(seat, ballot, in: world) }
        default: break
        }
        return nil
    }

    private mutating func checkFinalize(_ seat: Int, _ ballot: Ballot, in world: borrowing World) -> Finding? {
        // A store that failed keeps nothing more, and nothing that waits for it leaves: C8 and S9 judge that.
        if world.peers[seat].isRefusing { return nil }
        judged += 1
        finalizedBelow[seat] = max(finalizedBelow[seat], ballot.view + 1)
        let disk = world.peers[seat].disk
        let keys: [(Family, [UInt8])] = [
            (.journal, JournalKey.ended(epoch: ballot.epoch, view: ballot.view, kind: .notarize)),
            (.certs, JournalKey.certificate(.notarize, epoch: ballot.epoch, view: ballot.view)),
        ]
        for (family, key) in keys {
            guard let bytes = disk.get(family, key), let raw = RawProof(.init(bytes: bytes, isOfState: false)) else {
                continue
            }
            if raw.kind == VoteKind.notarize.rawValue, raw.number == ballot.view, raw.hash == ballot.blockHash,
                Set(raw.seats).count >= referenceQuorum(world.plan.seatCount)
            {
                return nil
            }
        }
        return Finding(
            peers: [seat], expected: "the notarisation of \(ballot.blockHash) in view \(ballot.view) in its journal",
            found: "finalize without it")
    }

    private mutating func checkNotarize(_ seat: Int, _ ballot: Ballot, in world: borrowing World) -> Finding? {
        judged += 1
        if ballot.view >= finalizedBelow[seat] { return nil }
        let mark = JournalKey.mark(epoch: ballot.epoch, view: ballot.view, kind: .notarize)
        if world.peers[seat].disk.durableValue(.journal, mark) == ballot.blockHash.bytes { return nil }
        return Finding(
            peers: [seat], expected: "no notarize below view \(finalizedBelow[seat]), which it left",
            found: "notarize of view \(ballot.view)")
    }
}
