import Basis

/// Round marks for values: multiples of 1, 2 or 5 times a power of ten.
struct ValueAxis: Equatable {
    /// Ascending; the first and the last bound the drawing.
    var ticks: [Int64]
    var step: Int64

    /// By the shortest round step of which `intervals` hold zero and all values from `low` to `high`.
    init(low: Int64, high: Int64, intervals: Int64 = 4) {
        invariant(low <= high && intervals >= 2, "an axis from \(low) to \(high) in \(intervals)")
        let least = Int128(min(low, 0))
        let most = Int128(max(high, 0, least == 0 ? 1 : 0))
        var chosen: Int128 = 1
        var power: Int128 = 1
        search: while true {
            for factor: Int128 in [1, 2, 5] {
                chosen = factor * power
                let below = (-least + chosen - 1) / chosen
                let above = (most + chosen - 1) / chosen
                if below + above <= Int128(intervals) { break search }
            }
            power *= 10
        }
        // At the ends of Int64 the outermost mark stands at the end itself: not round, but nothing overflows.
        let first = -((-least + chosen - 1) / chosen)
        let last = (most + chosen - 1) / chosen
        step = Int64(clamping: chosen)
        ticks = (Int64(first)...Int64(last)).map { Int64(clamping: Int128($0) * chosen) }
    }

    var bottom: Int64 { ticks[0] }
    var top: Int64 { ticks[ticks.count - 1] }

    /// All in one scale and with equally many decimals: `0`, `0.5 M`, `1.0 M`.
    var labels: [String] {
        let largest = ticks.reduce(0) { max($0, $1.magnitude) }
        let scales: [(UInt64, String)] = [
            (1_000_000_000_000_000, "P"), (1_000_000_000_000, "T"), (1_000_000_000, "G"), (1_000_000, "M"),
            (10_000, "k"), (0, ""),
        ]
        let letter = (scales.first { largest >= $0.0 } ?? (0, "")).1
        let digits = ["": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15][letter] ?? 0
        var places = digits
        var rest = step
        while places > 0, rest.isMultiple(of: 10) {
            rest /= 10
            places -= 1
        }
        return ticks.map { tick in
            if tick == 0 { return "0" }
            if digits == 0 { return Wording.grouped(tick, by: Wording.narrowSpace) }
            let text = Wording.decimal(Int64(clamping: tick.magnitude), digits: digits, places: places, padded: true)
            return (tick < 0 ? "−" : "") + text + Wording.narrowSpace + letter
        }
    }
}

/// Round marks for time: of seconds, minutes and hours as clocks have them.
struct TimeAxis: Equatable {
    /// Ascending from zero, none after the end.
    var ticks: [Interval]
    var step: Interval

    private static let milliseconds: [Int64] = [
        1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000,
        600_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000, 21_600_000, 43_200_000, 86_400_000,
    ]

    /// The shortest step of which at most `intervals` fit before `end`; beyond ten days, whole days.
    init(end: Interval, intervals: Int64 = 10) {
        let length = max(end.milliseconds, 1)
        let day: Int64 = 86_400_000
        let fitting = TimeAxis.milliseconds.first { length / $0 <= intervals }
        let chosen = fitting ?? (length / intervals / day + 1) * day
        step = .milliseconds(chosen)
        ticks = (0...(length / chosen)).map { .milliseconds($0 * chosen) }
    }

    /// `0`, `30 s`, `60 s` … or `0`, `5 min`, `10 min` …: one unit for all.
    var labels: [String] {
        let units: [(Int64, String)] = [(3_600_000, "h"), (60_000, "min"), (1_000, "s"), (1, "ms")]
        let (size, name) = units.first { step.milliseconds.isMultiple(of: $0.0) } ?? (1, "ms")
        return ticks.map { $0 == .zero ? "0" : "\($0.milliseconds / size)\(Wording.narrowSpace)\(name)" }
    }
}
