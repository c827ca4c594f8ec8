/// A point on one process's monotonic clock, in nanoseconds from an arbitrary start.
///
/// Cores receive it as `now:` and never read a clock themselves (STYLE 1.3). Instants of two processes, or of two
/// runs of one process, cannot be compared.
public struct Instant: Sendable, Hashable, Comparable {
    /// Nanoseconds since the clock's start; 0 … 2⁶³ − 1 (292 years).
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// The start of the clock.
    public static let zero = Instant(nanoseconds: 0)
    /// Later than every instant that occurs.
    public static let distantFuture = Instant(nanoseconds: .max)

    public static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }
    public static func + (a: Instant, b: Interval) -> Instant {
        Instant(nanoseconds: a.nanoseconds + b.nanoseconds)
    }
    public static func - (a: Instant, b: Interval) -> Instant {
        Instant(nanoseconds: a.nanoseconds - b.nanoseconds)
    }
    public static func - (a: Instant, b: Instant) -> Interval {
        Interval(nanoseconds: a.nanoseconds - b.nanoseconds)
    }
    public static func += (a: inout Instant, b: Interval) { a = a + b }
}

extension Instant: CustomStringConvertible {
    public var description: String { "\(nanoseconds) ns" }
}

/// A span of time in nanoseconds, possibly negative. Overflow traps: time that overflows is a bug (STYLE 2.5).
public struct Interval: Sendable, Hashable, Comparable {
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    public static let zero = Interval(nanoseconds: 0)
    public static func nanoseconds(_ n: Int64) -> Interval { Interval(nanoseconds: n) }
    public static func microseconds(_ n: Int64) -> Interval { Interval(nanoseconds: n * 1_000) }
    public static func milliseconds(_ n: Int64) -> Interval { Interval(nanoseconds: n * 1_000_000) }
    public static func seconds(_ n: Int64) -> Interval { Interval(nanoseconds: n * 1_000_000_000) }

    /// Whole milliseconds, rounded towards zero.
    public var milliseconds: Int64 { nanoseconds / 1_000_000 }

    public static func < (a: Interval, b: Interval) -> Bool { a.nanoseconds < b.nanoseconds }
    public static func + (a: Interval, b: Interval) -> Interval {
        Interval(nanoseconds: a.nanoseconds + b.nanoseconds)
    }
    public static func - (a: Interval, b: Interval) -> Interval {
        Interval(nanoseconds: a.nanoseconds - b.nanoseconds)
    }
    public static func * (a: Interval, b: Int64) -> Interval {
        Interval(nanoseconds: a.nanoseconds * b)
    }
    public static func / (a: Interval, b: Int64) -> Interval {
        Interval(nanoseconds: a.nanoseconds / b)
    }

    /// A uniform draw from `self` ± `percent` %, as the specifications write "± 20 %".
    public func jittered(percent: Int64, using rng: inout some RandomNumberGenerator) -> Interval {
        let reach = nanoseconds / 100 * percent
        if reach <= 0 { return self }
        return Interval(nanoseconds: nanoseconds + Int64.random(in: -reach...reach, using: &rng))
    }
}

extension Interval: CustomStringConvertible {
    public var description: String { "\(nanoseconds) ns" }
}
