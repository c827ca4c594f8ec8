import Basis
import Records

/// Δ: how long a round trip through a leader may take (`ledger.md` 4.7). A wrong Δ costs time, never safety.
struct DelayEstimate: Sendable {
    static let samplesMax = 16

    let least: Interval
    let most: Interval
    private let start: Interval
    private var samples: [Interval] = []
    private(set) var delta: Interval

    init(limits: LedgerLimits) {
        least = .milliseconds(Int64(limits.deltaMillisMin))
        most = .milliseconds(Int64(limits.deltaMillisMax))
        start = .milliseconds(Int64(limits.deltaMillisStart))
        delta = start
    }

    /// Takes the time from demand to the notarisation in a view that ended so.
    mutating func note(_ sample: Interval) {
        samples.append(sample)
        if samples.count > DelayEstimate.samplesMax { samples.removeFirst() }
        // Element ⌈2k/3⌉: a third of slow or lying leaders cannot raise it.
        let ordered = samples.sorted()
        let element = ordered[(2 * ordered.count + 2) / 3 - 1]
        delta = min(max(element * 2, least), most)
    }

    /// Δ_c after `failures` views in a row that timers nullified: it reaches the maximum from any Δ.
    func backedOff(_ failures: Int) -> Interval {
        var wide = delta
        for _ in 0..<min(failures / 2, 40) where wide < most { wide = wide * 2 }
        return min(wide, most)
    }
}
