import Basis

/// The clocks of one peer: a monotonic one that drifts, and a wall clock that is off and may jump (`simulation.md` 9).
struct SimClock: Sendable {
    /// 2026-01-01, the birth of every simulated network, in ms since 1970.
    static let birth: UInt64 = 1_767_225_600_000

    private var ppm: Int64
    /// Local time at world time `anchor`.
    private var anchor: Instant
    private var local: Instant
    /// Wall clock minus true time.
    private(set) var offset: Interval

    init(offset: Interval, ppm: Int64) {
        self.offset = offset
        self.ppm = ppm
        anchor = .zero
        // One second, so that deadlines a little in the past are still times.
        local = Instant(nanoseconds: 1_000_000_000)
    }

    func now(_ world: Instant) -> Instant {
        let passed = (world - anchor).nanoseconds
        return local + .nanoseconds(passed + passed / 1_000 * ppm / 1_000)
    }

    /// The earliest world time at which `now` shows at least `at`.
    func world(of at: Instant) -> Instant {
        let wanted = (at - local).nanoseconds
        if wanted <= 0 { return anchor }
        var passed = wanted - wanted / 1_000 * ppm / 1_000
        // The inverse above is good to a part in 10⁸.
        while now(anchor + .nanoseconds(passed)) < at { passed += 1 + wanted / 1_000_000_000 }
        return anchor + .nanoseconds(passed)
    }

    func wall(_ world: Instant) -> UInt64 {
        let millis = (now(world).nanoseconds - 1_000_000_000) / 1_000_000 + offset.milliseconds
        return UInt64(max(0, Int64(SimClock.birth) + millis))
    }

    mutating func drift(_ ppm: Int64, at world: Instant) {
        local = now(world)
        anchor = world
        self.ppm = ppm
    }

    mutating func jump(_ by: Interval) { offset = offset + by }
}
