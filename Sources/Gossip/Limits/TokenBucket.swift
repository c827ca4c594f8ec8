import Basis

/// A budget: `burst` at once, refilled at `rate` per `period`. Whole tokens, integer time.
struct TokenBucket: Sendable {
    let burst: Int
    /// Time for one token.
    let step: Interval
    private var tokens: Int
    private var filledAt: Instant

    init(rate: Int, per period: Interval, burst: Int, now: Instant) {
        self.burst = burst
        step = period / Int64(rate)
        tokens = burst
        filledAt = now
    }

    /// Takes a token if there is one.
    mutating func take(now: Instant) -> Bool {
        refill(now)
        if tokens == 0 { return false }
        tokens -= 1
        return true
    }

    /// When the next token is there.
    mutating func nextAt(now: Instant) -> Instant {
        refill(now)
        return tokens > 0 ? now : filledAt + step
    }

    private mutating func refill(_ now: Instant) {
        let steps = (now - filledAt).nanoseconds / step.nanoseconds
        if steps <= 0 { return }
        if steps >= Int64(burst - tokens) {
            tokens = burst
            filledAt = now
        } else {
            tokens += Int(steps)
            filledAt += step * steps
        }
    }
}
