import Basis
import Records
import Trust

/// One seat's vote as counted: the first that came.
struct SeatVote: Sendable, Hashable {
    /// Zero for nullify.
    let hash: Digest
    let signature: Signature
}

/// What is known of one view.
struct ViewRecord: Sendable {
    enum Added: Sendable { case new, repeated, conflicting(SeatVote) }

    /// Votes by kind (1–3, less 1) and seat; a kind without votes is empty.
    private var votes: [[SeatVote?]] = [[], [], []]
    private var certificates: [Certificate?] = [nil, nil, nil]
    /// The own marks: what the journal says, or will say before anything leaves.
    var notarizeMark: Digest?
    var nullifyMark = false
    var finalizeMark: Digest?
    /// The first proposal of the leader.
    var proposal: Digest?
    /// The leader's signature of that proposal, to show it again.
    var ownProposal: Proposal?
    /// When a certificate ended the view here.
    var endedAt: Basis.Instant?
    /// Seats whose equivocation in this view was reported.
    var reported: [Int] = []

    subscript(_ kind: VoteKind) -> Certificate? {
        get { certificates[Int(kind.rawValue) - 1] }
        set { certificates[Int(kind.rawValue) - 1] = newValue }
    }

    func vote(_ kind: VoteKind, of seat: Int) -> SeatVote? {
        let list = votes[Int(kind.rawValue) - 1]
        return list.isEmpty ? nil : list[seat]
    }

    /// Counts a seat's first vote of a kind; `n` is the number of seats.
    mutating func add(_ kind: VoteKind, _ vote: SeatVote, of seat: Int, n: Int) -> Added {
        let k = Int(kind.rawValue) - 1
        if votes[k].isEmpty { votes[k] = Array(repeating: nil, count: n) }
        if let known = votes[k][seat] {
            return known.hash == vote.hash ? .repeated : .conflicting(known)
        }
        votes[k][seat] = vote
        return .new
    }

    func count(_ kind: VoteKind, for hash: Digest) -> Int {
        votes[Int(kind.rawValue) - 1].reduce(0) { $0 + ($1?.hash == hash ? 1 : 0) }
    }

    /// Votes to nullify by seats other than `own`.
    func nullifications(besides own: Int?) -> Int {
        votes[Int(VoteKind.nullify.rawValue) - 1].enumerated()
            .reduce(0) { $0 + ($1.element != nil && $1.offset != own ? 1 : 0) }
    }

    /// All votes held for `ballot`, those of a certificate included, ascending by seat.
    func allVotes(for ballot: Ballot) -> [SeatSignature] {
        var out: [SeatSignature] = []
        let listed = self[ballot.kind].flatMap { $0.ballot == ballot ? $0.votes : nil } ?? []
        let single = votes[Int(ballot.kind.rawValue) - 1]
        var next = 0
        for seat in 0..<max(single.count, listed.last.map { Int($0.seat) + 1 } ?? 0) {
            if next < listed.count, Int(listed[next].seat) == seat {
                out.append(listed[next])
                next += 1
            } else if seat < single.count, let vote = single[seat], vote.hash == ballot.blockHash {
                out.append(SeatSignature(seat: UInt16(seat), signature: vote.signature))
            }
        }
        return out
    }
}
