import Basis

/// Everything that sessions drop or refuse has a name here (`gossip.md` 2.6).
public enum SessionCounter: Int, Sendable, CaseIterable {
    case packetUnknownKind, packetMalformed, packetTooLong, foreignTag, foreignNetwork
    case helloUnwanted, helloBadCookie, helloSelf, retrySuppressed, refuseSuppressed, refused
    case answerUnmatched, acceptUnopened, confirmUnopened, handshakeForged, handshakeBarred
    case dataUnopened, dataReplayed, dataForeignSource, dataUnknownIndex, unknownUnmatched
    case unknownSuppressed, entropyEmpty, halfOpenFull, acceptsFull, sessionEvicted
    case outboxDropped, sendWithoutPath, compoundMalformed
    case streamRefused, streamMalformed, streamTruncated, frameMalformed, creditOverrun
    case controlFlood, laneDropped, laneRefused, streamBusy, streamUnknownFlow, handshakeTimeout
}

/// Counts since start, read by shells, never by logic.
public struct SessionStats: Sendable {
    var counts = [UInt64](repeating: 0, count: SessionCounter.allCases.count)

    /// Packets that could not be anything: not opened, not expected, not of this protocol.
    public private(set) var garbage: UInt64 = 0

    public subscript(counter: SessionCounter) -> UInt64 { counts[counter.rawValue] }

    mutating func add(_ counter: SessionCounter, _ n: Int = 1) {
        counts[counter.rawValue] += UInt64(n)
        switch counter {
        case .packetUnknownKind, .packetMalformed, .packetTooLong, .foreignTag, .helloUnwanted, .helloBadCookie,
            .answerUnmatched, .acceptUnopened, .confirmUnopened, .dataUnopened, .dataReplayed, .dataForeignSource,
            .dataUnknownIndex, .unknownUnmatched:
            garbage &+= UInt64(n)
        default: break
        }
    }
}

/// At most so many in a second, with a burst of one second's worth.
struct SecondBudget: Sendable {
    var perSecond: Int
    var burst: Int
    /// Thousandths of one unit.
    var tokens: Int64
    var at: Instant

    init(perSecond: Int, burst: Int? = nil, now: Instant) {
        self.perSecond = perSecond
        self.burst = burst ?? perSecond
        tokens = Int64(self.burst) * 1_000
        at = now
    }

    mutating func take(_ now: Instant) -> Bool {
        refill(now)
        if tokens < 1_000 { return false }
        tokens -= 1_000
        return true
    }

    mutating func refill(_ now: Instant) {
        let elapsed = (now - at).nanoseconds
        // An hour fills every bucket; more would only risk the product.
        let span = min(elapsed, 3_600_000_000_000) / 1_000_000
        if span <= 0 { return }
        tokens = min(Int64(burst) * 1_000, tokens + span * Int64(perSecond))
        at += .milliseconds(elapsed / 1_000_000)
    }
}

/// Bytes per second with debts: what is sent may pass the level once, then waits.
struct ByteBudget: Sendable {
    /// 0 = unlimited.
    var perSecond: UInt64
    var level: Int64
    var at: Instant

    init(perSecond: UInt64, now: Instant) {
        self.perSecond = min(perSecond, 1 << 40)
        level = Int64(self.perSecond / 10)
        at = now
    }

    mutating func isOpen(_ now: Instant) -> Bool {
        if perSecond == 0 { return true }
        let elapsed = min((now - at).nanoseconds, 1_000_000_000) / 1_000_000
        if elapsed > 0 {
            // Never more than a tenth of a second's worth at once, so that bulk does not come in bursts.
            level = min(Int64(perSecond / 10), level + Int64(perSecond) / 1_000 * elapsed)
            at = now
        }
        return level > 0
    }

    mutating func spend(_ bytes: Int) {
        if perSecond > 0 { level -= Int64(bytes) }
    }

    /// How long until something may be sent again.
    var wait: Interval {
        if perSecond == 0 || level > 0 { return .zero }
        let milliseconds = (1 - level) / max(1, Int64(perSecond) / 1_000) + 1
        return .milliseconds(max(2, milliseconds))
    }
}
