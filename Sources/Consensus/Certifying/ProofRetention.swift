/// Which state certificates stay on disk (`ledger.md` 14.1).
///
/// All of the last 1,000 heights, for peers that catch up. Of older ones the last in each window of 16 heights: a
/// receipt links its block to the next certificate by at most 64 digests, and must be made however old its block is.
struct ProofRetention: Sendable {
    /// Heights.
    static let recent: UInt64 = 1_000
    static let window: UInt64 = 16

    /// Those that are not the last of their window, ascending; at most `recent` of them. A restart forgets them, and
    /// then they stay.
    private var passing: [UInt64] = []

    /// The heights whose certificates go when `height` is certified after `previous`. Amortised O(1).
    mutating func add(_ height: UInt64, after previous: UInt64) -> [UInt64] {
        if previous > 0, previous / ProofRetention.window == height / ProofRetention.window { passing.append(previous) }
        var old = 0
        while old < passing.count, passing[old] + ProofRetention.recent <= height { old += 1 }
        if old == 0 { return [] }
        defer { passing.removeFirst(old) }
        return Array(passing[..<old])
    }
}
