import Basis
import Trust

/// A shuffled list of rows, each visited once before the list is redrawn (`gossip.md` 7.4, GP-01, GP-02).
///
/// A plain queue would let whoever is told last be checked last; a random position gives a newcomer no say in when it
/// is looked at.
struct VerificationWalk: Sendable {
    /// What is still to be visited in this round, next first.
    private(set) var ahead: [PeerID] = []
    private var isNeverTurn = true

    /// A row that was learnt: enters at a random position.
    mutating func insert(_ id: PeerID, using rng: inout some RandomNumberGenerator) {
        if ahead.contains(id) { return }
        ahead.insert(id, at: Int.random(in: 0...ahead.count, using: &rng))
    }

    mutating func remove(_ id: PeerID) { ahead.removeAll { $0 == id } }

    /// The next row to dial: alternately one never verified and the one verified longest ago; nil if none is eligible.
    /// - Parameters:
    ///   - eligible: every row that may be visited, with the time of its last proof (0 = never), in id order.
    mutating func next(
        eligible: [(id: PeerID, verifiedAt: UInt64)], using rng: inout some RandomNumberGenerator
    ) -> PeerID? {
        if eligible.isEmpty { return nil }
        var times = SortedMap<PeerID, UInt64>()
        for row in eligible { times.insert(row.verifiedAt, for: row.id) }
        if !ahead.contains(where: { times.contains($0) }) {
            ahead = eligible.map(\.id)
            ahead.shuffle(using: &rng)
        }
        defer { isNeverTurn.toggle() }
        let candidates = ahead.filter { times.contains($0) }
        let never = candidates.first { times[$0] == 0 }
        let longest = candidates.filter { times[$0] != 0 }
            .min { (times[$0] ?? 0, $0) < (times[$1] ?? 0, $1) }
        let chosen = isNeverTurn ? never ?? longest : longest ?? never
        if let chosen { remove(chosen) }
        return chosen
    }
}
