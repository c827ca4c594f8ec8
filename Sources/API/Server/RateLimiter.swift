import NIOConcurrencyHelpers

/// Limits how much one token may ask, and how often a source may show a wrong token (`surfaces.md` 4.1). The socket
/// is not limited in rate: who owns it owns the node.
///
/// A class because all requests share it; a lock guards its state.
final class RateLimiter: Sendable {
    /// A bucket of requests that fills at a steady rate.
    private struct Bucket {
        var level: Double
        var at: ContinuousClock.Instant

        /// Takes one; returns the seconds until there is one if there is none.
        mutating func take(rate: Double, burst: Double, now: ContinuousClock.Instant) -> Double? {
            level = min(burst, level + rate * seconds(now - at))
            at = now
            if level >= 1 {
                level -= 1
                return nil
            }
            return (1 - level) / rate
        }
    }

    private struct Failures {
        var times: [ContinuousClock.Instant] = []
        var lockedUntil: ContinuousClock.Instant?
    }

    private struct State {
        var buckets: [String: Bucket] = [:]
        var failures: [String: Failures] = [:]
        var inFlight: [String: Int] = [:]
    }

    private let limits: APILimits
    private let state = NIOLockedValueBox(State())

    init(limits: APILimits) { self.limits = limits }

    /// Counts a request of `account`.
    ///
    /// - Returns: E605 with the time to wait if it is one too many.
    func admit(_ account: String, isWrite: Bool, now: ContinuousClock.Instant = .now) -> Problem? {
        let rate = isWrite ? limits.writesPerSecond : limits.readsPerSecond
        let burst = isWrite ? limits.writesBurst : limits.readsBurst
        let key = account + (isWrite ? "/write" : "/read")
        let wait = state.withLockedValue { state in
            var bucket = state.buckets[key] ?? Bucket(level: Double(burst), at: now)
            defer { state.buckets[key] = bucket }
            return bucket.take(rate: Double(rate), burst: Double(burst), now: now)
        }
        guard let wait else { return nil }
        let kind = isWrite ? "writes" : "reads"
        return Problem(
            .rate, "this token made more than \(rate) \(kind) a second",
            retryAfterSeconds: max(1, Int(wait.rounded(.up))))
    }

    /// Whether `source` showed too many wrong tokens; then E605 with the time to wait.
    func lockout(_ source: String, now: ContinuousClock.Instant = .now) -> Problem? {
        let until = state.withLockedValue { $0.failures[source]?.lockedUntil }
        guard let until, until > now else { return nil }
        return Problem(
            .rate, "too many wrong tokens came from this address",
            retryAfterSeconds: max(1, Int(seconds(until - now).rounded(.up))))
    }

    /// Notes a wrong token.
    func failed(_ source: String, now: ContinuousClock.Instant = .now) {
        state.withLockedValue { state in
            // Sources are addresses of our own machine and of hosts that the owner let in; still, a bound.
            if state.failures.count >= 1_024 {
                state.failures = state.failures.filter { isLive($0.value, now) }
            }
            var failures = state.failures[source] ?? Failures()
            failures.times = failures.times.filter { now - $0 < .seconds(60) } + [now]
            if failures.times.count >= limits.failedTokensPerMinute {
                failures.lockedUntil = now + .seconds(60)
                failures.times = []
            }
            state.failures[source] = failures
        }
    }

    private func isLive(_ failures: Failures, _ now: ContinuousClock.Instant) -> Bool {
        (failures.lockedUntil.map { $0 > now } ?? false)
            || failures.times.contains { now - $0 < .seconds(60) }
    }

    /// Occupies one of `limit` places of a kind; false if all are taken. Give it back with `leave`.
    func enter(_ place: String, limit: Int) -> Bool {
        state.withLockedValue { state in
            let count = state.inFlight[place, default: 0]
            if count >= limit { return false }
            state.inFlight[place] = count + 1
            return true
        }
    }

    func leave(_ place: String) {
        state.withLockedValue { state in
            let count = state.inFlight[place, default: 1] - 1
            state.inFlight[place] = count > 0 ? count : nil
        }
    }

    /// How many places of a kind are taken.
    func occupied(_ place: String) -> Int {
        state.withLockedValue { $0.inFlight[place, default: 0] }
    }
}

/// Seconds of a duration, for rates.
func seconds(_ duration: Duration) -> Double {
    let (whole, atto) = duration.components
    return Double(whole) + Double(atto) / 1e18
}
