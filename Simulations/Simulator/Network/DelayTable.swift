import Basis

/// Draws delays of a model from 64-bit numbers, in integers only (`simulation.md` 6, latency).
struct DelayTable: Sendable {
    private let model: DelayModel
    /// e^(σz) at 1,024 points in 1/65,536; empty unless lognormal.
    private var factors: [Int64] = []

    init(_ model: DelayModel) {
        self.model = model
        guard case .lognormal(_, let tail) = model else { return }
        // σ in hundredths: p99 is 1.6, 2.5 and 6.4 times the median.
        let sigma: Int64 =
            switch tail {
            case .light: 20
            case .normal: 40
            case .heavy: 80
            }
        factors = (0..<1_024).map { DelayTable.exp(NormalQuantiles.point($0) * sigma / 100) }
    }

    /// e^x for x in millionths, in 1/65,536; x within ±10.
    static func exp(_ x: Int64) -> Int64 {
        // e^x = 2^k e^r with r within ±ln 2 / 2, then eight terms of the series.
        let ln2: Int64 = 693_147
        var k = x / ln2
        var r = x - k * ln2
        if r > ln2 / 2 {
            k += 1
            r -= ln2
        } else if r < -ln2 / 2 {
            k -= 1
            r += ln2
        }
        let one: Int64 = 1 << 32
        var term = one
        var sum = one
        for n in 1...8 as ClosedRange<Int64> {
            term = term * r / (1_000_000 * n)
            sum += term
        }
        return k >= 0 ? (sum >> 16) << k : sum >> (16 - k)
    }

    func draw(_ word: UInt64) -> Interval {
        switch model {
        case .constant(let delay): return delay
        case .uniform(let low, let high):
            let span = UInt64(max(0, high.nanoseconds - low.nanoseconds)) + 1
            return low + .nanoseconds(Int64(word.multipliedFullWidth(by: span).high))
        case .lognormal(let median, _):
            let index = Int(word >> 54)
            let next = factors[min(index + 1, 1_023)]
            // Between two points by the next 16 bits.
            let part = Int64(word >> 38 & 0xffff)
            let factor = factors[index] + (next - factors[index]) * part / 65_536
            // In µs: a median of 100 s and a factor of 50 stay far below 2⁶³.
            return .nanoseconds(median.nanoseconds / 1_000 * factor / 65_536 * 1_000)
        }
    }
}
