/// One measure of a run that runs of other seeds can be added to (`simulation.md` 22, `sweep`).
public struct Measure: Sendable, Hashable {
    public enum Values: Sendable, Hashable {
        /// Milliseconds, in the order in which they were measured.
        case times([Int64])
        /// So many events in so many seconds of exposure.
        case events(UInt64, seconds: UInt64)
        /// Hits among trials, with the sum of their chances and of the variances `p(1 − p)`, both in millionths.
        case hits(UInt64, of: UInt64, expected: UInt64, variance: UInt64)
    }

    public var name: String
    public var values: Values

    public init(_ name: String, _ values: Values) {
        self.name = name
        self.values = values
    }

    /// Puts the same measure of another run to this one; what is of another kind is left out.
    public mutating func add(_ other: Measure) {
        switch (values, other.values) {
        case (.times(let a), .times(let b)): values = .times(a + b)
        case (.events(let a, let seconds), .events(let b, let more)): values = .events(a + b, seconds: seconds + more)
        case (.hits(let a, let n, let e, let v), .hits(let b, let m, let f, let w)):
            values = .hits(a + b, of: n + m, expected: e + f, variance: v + w)
        default: break
        }
    }

    // MARK: as a line between processes

    /// The name comes last, so that it may hold spaces.
    public var line: String {
        switch values {
        case .times(let all): "times \(all.isEmpty ? "-" : all.map { String($0) }.joined(separator: ",")) \(name)"
        case .events(let count, let seconds): "events \(count),\(seconds) \(name)"
        case .hits(let hits, let trials, let expected, let variance):
            "hits \(hits),\(trials),\(expected),\(variance) \(name)"
        }
    }

    /// Nil if it is no such line.
    public init?(line: some StringProtocol) {
        let words = line.split(separator: " ", maxSplits: 2)
        guard words.count == 3 else { return nil }
        let numbers = words[1].split(separator: ",")
        let counts = numbers.compactMap { UInt64($0) }
        switch words[0] {
        case "times": self.init(String(words[2]), .times(numbers.compactMap { Int64($0) }))
        case "events":
            guard counts.count == 2 else { return nil }
            self.init(String(words[2]), .events(counts[0], seconds: counts[1]))
        case "hits":
            guard counts.count == 4 else { return nil }
            self.init(
                String(words[2]), .hits(counts[0], of: counts[1], expected: counts[2], variance: counts[3]))
        default: return nil
        }
    }
}

/// Trials with known chances, counted: how far what happened lies from what was to be expected.
struct HitCount: Sendable {
    private(set) var hits: UInt64 = 0
    private(set) var trials: UInt64 = 0
    /// Sums in millionths.
    private(set) var expected: UInt64 = 0
    private(set) var variance: UInt64 = 0

    static let one: UInt64 = 1_000_000

    /// - Parameter chance: in millionths.
    mutating func add(isHit: Bool, chance: UInt64) {
        hits += isHit ? 1 : 0
        trials += 1
        expected += chance
        variance += chance * (HitCount.one - chance) / HitCount.one
    }

    var values: Measure.Values { .hits(hits, of: trials, expected: expected, variance: variance) }

    /// Whether it lies more than so many standard deviations from its expectation, by a variance that says something.
    func isBeyond(sigmas: UInt64) -> Bool {
        if variance < HitCount.one * 4 { return false }
        let found = hits * HitCount.one
        let off = UInt128(found > expected ? found - expected : expected - found)
        return off * off > UInt128(sigmas * sigmas) * UInt128(variance) * UInt128(HitCount.one)
    }
}
