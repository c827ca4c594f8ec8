import Basis

/// How far an agreed answer can be trusted (`ledger.md` 9.4), in per mille.
///
/// Credibility assumes that errors are independent; colluders break it. Every place that shows it also shows r, q and
/// the number of eligible owners.
public enum Confidence {
    /// What is known of a replica, from nothing (0) to long standing (3).
    public enum Tier: UInt8, Sendable, Comparable, CaseIterable {
        case unknown, tried, proven, established

        /// Error weight φ per mille.
        var errorPerMille: UInt64 {
            switch self {
            case .unknown: 100
            case .tried: 50
            case .proven: 20
            case .established: 10
            }
        }

        public static func < (a: Tier, b: Tier) -> Bool { a.rawValue < b.rawValue }
    }

    /// ⌊1000 × winners / revealed⌋; 0 if nothing was revealed.
    public static func agreement(winners: Int, revealed: Int) -> UInt16 {
        invariant(winners >= 0 && winners <= revealed, "\(winners) winners of \(revealed)")
        return revealed == 0 ? 0 : UInt16(1_000 * winners / revealed)
    }

    /// Credibility of the winners against `losers`, which are grouped by equal compareHash.
    ///
    /// At most 9 replicas in all: the numerator stays below 10³⁰.
    public static func credibility(winners: [Tier], losers: [[Tier]]) -> UInt16 {
        let groups = [winners] + losers
        let count = groups.reduce(0) { $0 + $1.count }
        invariant(!winners.isEmpty && count <= MinimumDiameterCore.answersMax, "\(count) replicas")
        let good = groups.map { product($0) { 1_000 - $0 } }
        let bad = groups.map { product($0) { $0 } }
        func onlyRight(_ j: Int) -> UInt128 {
            groups.indices.reduce(good[j]) { $1 == j ? $0 : $0 * bad[$1] }
        }
        let allWrong = bad.reduce(UInt128(1), *)
        let sum = groups.indices.reduce(allWrong) { $0 + onlyRight($1) }
        return UInt16(1_000 * onlyRight(0) / sum)
    }

    static func product(_ tiers: [Tier], _ weight: (UInt64) -> UInt64) -> UInt128 {
        tiers.reduce(UInt128(1)) { $0 * UInt128(weight($1.errorPerMille)) }
    }
}
