public import Basis
import Records

/// Numbers of `gossip.md` 4, 5 and 15 that sessions and connections keep to.
public struct SessionLimits: Sendable, Hashable {
    /// Session protocol versions spoken.
    public var versionMin: UInt8 = 1
    public var versionMax: UInt8 = 1

    /// 4 sends at 0, 0.5, 1.5 and 3.5 s fit; then the dial fails.
    public var handshakeInterval = Interval.seconds(5)
    /// Steps between Hellos to an address that was proven before.
    public var helloResends: [Interval] = [.milliseconds(500), .seconds(1), .seconds(2)]
    /// To an address never proven: a stranger's address gets two Hellos, not four.
    public var helloResendsUnproven: [Interval] = [.seconds(1)]
    public var confirmResends: [Interval] = [
        .milliseconds(300), .milliseconds(600), .milliseconds(1_200),
    ]
    /// Identical Accepts and Readys given to repeats.
    public var repeatedAnswersMax = 3
    public var halfOpenInterval = Interval.seconds(10)
    /// 256 × 0.6 kB = 154 kB; then Refuse(busy).
    public var halfOpenEntriesMax = 256
    public var halfOpenPerGroupMax = 16
    /// 100 × 260 µs = 2.6 % of a core; then Refuse(busy).
    public var acceptsPerSecondMax = 100
    /// 80 kB/s out; then silence.
    public var retriesPerSecondMax = 1_000
    public var retriesPerGroupPerSecondMax = 20
    public var refusesPerSecondMax = 10
    public var unknownsPerSecondMax = 100
    /// × 290 B = 1.2 MB; least recently used goes.
    public var sessionsMax = 4_096
    /// Of these, for current and next seats (2 × 100).
    public var seatSessionsReserved = 200
    public var sessionLifetime = Interval.seconds(43_200)
    /// The initiator makes new keys at 11 h ± 30 min.
    public var rekeyAge = Interval.seconds(39_600)
    public var rekeySpread = Interval.seconds(1_800)
    public var sessionIdle = Interval.seconds(600)
    /// 2 × handshake: both may have dialled.
    public var simultaneousOpen = Interval.seconds(10)
    /// How long the loser of two sessions still receives.
    public var retiredInterval = Interval.seconds(10)
    public var rekeyedInterval = Interval.seconds(60)
    public var dialsMax = 256
    /// Seeds kept; refilled below half. 64 × 32 B = 2 kB.
    public var entropySeedsMax = 64
    public var cookieSecretInterval = Interval.seconds(3_600)
    public var cookieSecretGrace = Interval.seconds(120)
    /// Addresses proven by a handshake; 1,024 × 24 B. The oldest goes.
    public var provenAddressesMax = 1_024
    /// Peers barred by policy or ban that handshakes refuse.
    public var barredPeersMax = 4_096

    /// 55 datagrams of 1,167 B; the oldest of the lowest class goes.
    public var outboxBytesMax = 65_536
    /// How long messages that are not urgent may wait for company.
    public var outboxDelay = Interval.milliseconds(20)
    /// Sent packets remembered to judge an Unknown.
    public var sentPacketsMax = 32
    public var unknownInterval = Interval.seconds(10)

    /// 13 ms at 10 Mbit/s.
    public var frameBytesMax = 16_384
    /// 2 frames handed to the socket ahead of completion.
    public var writeAheadBytesMax = 32_768
    public var streamConnectionsMax = 512
    public var streamHandshakesMax = 64
    public var streamConnectionsPerHostMax = 8
    public var requestBytesMax = 8_192
    public var streamsPerClassMax: [UInt8: Int] = [5: 8, 6: 16]
    /// What a stream may hold unsent: the largest answer of class 5 twice.
    public var streamQueueBytesMax = 16 << 20
    /// Without CREDIT; a peer that sends more is closed.
    public var controlFramesPerSecondMax = 64
    public var controlFramesBurst = 256
    public var controlQueueBytesMax = 65_536
    /// All connections of the node.
    public var receiveBufferBytesMax = 64 << 20
    public var mainPingIdle = Interval.seconds(60)
    public var mainPingWait = Interval.seconds(10)
    /// After frames of ours that nothing answers the other end is asked so soon; with two PINGs, gone after 30 s.
    public var mainUnanswered = Interval.seconds(10)
    public var mainIdle = Interval.seconds(120)
    public var streamStall = Interval.seconds(30)
    public var drainInterval = Interval.seconds(30)
    /// How old a partial message of class 1 may become, counted over frames that arrive.
    public var partialVoteInterval = Interval.seconds(5)
    /// The same for the other classes.
    public var partialInterval = Interval.seconds(30)
    /// What a gap between two frames counts at most of it: a stream that stands still holds back everything.
    public var partialSilence = Interval.seconds(1)
    /// So many times as old it may become in all: who only answers PINGs, or waits for credit that an overloaded node
    /// does not give, keeps our memory no longer.
    public var partialSilenceFactor: Int64 = 10
    /// What class 6 keeps while more urgent bytes wait: transfers end even under load.
    public var bulkFloorBytesPerSecond: UInt64 = 65_536
    /// Bytes of classes 0…2 that wait longer than this hold up all bulk of the node.
    public var urgentWaitMax = Interval.milliseconds(20)
    /// 0 = unlimited.
    public var bulkSendBytesPerSecond: UInt64 = 10 << 20
    public var bulkReceiveBytesPerSecond: UInt64 = 10 << 20

    public init() {}

    /// Small tables, so that simulations meet their limits.
    public static var tiny: SessionLimits {
        var limits = SessionLimits()
        limits.halfOpenEntriesMax = 8
        limits.halfOpenPerGroupMax = 4
        limits.acceptsPerSecondMax = 10
        limits.sessionsMax = 16
        limits.seatSessionsReserved = 4
        limits.outboxBytesMax = 4_096
        limits.receiveBufferBytesMax = 65_536
        return limits
    }

    /// Checks relations between limits; a broken one is a bug of who set them.
    func check() {
        invariant(versionMin >= 1 && versionMin <= versionMax, "versions \(versionMin)...\(versionMax)")
        invariant(outboxBytesMax >= Compound.bytesMax, "outbox \(outboxBytesMax)")
        invariant(frameBytesMax >= Compound.bytesMax + 6 && frameBytesMax <= 16_384, "frame \(frameBytesMax)")
        invariant(writeAheadBytesMax >= frameBytesMax, "write-ahead \(writeAheadBytesMax)")
        invariant(seatSessionsReserved < sessionsMax, "reserved \(seatSessionsReserved) of \(sessionsMax)")
        for lane in LaneRules.all {
            invariant(lane.messageBytesMax <= lane.queueBytesMax, "class \(lane.trafficClass)")
        }
    }
}

/// One row of the table of `gossip.md` 5.3.
struct LaneRules: Sendable {
    enum WhenFull: Sendable { case dropOldest, refuseNew, dropSameKey }

    var trafficClass: UInt8
    var messageBytesMax: Int
    var windowBytes: Int
    var queueBytesMax: Int
    /// Share among classes 2…7; class 1 is strict.
    var weight: Int
    var whenFull: WhenFull

    static let all: [LaneRules] = [
        LaneRules(
            trafficClass: 1, messageBytesMax: 64 << 10, windowBytes: 256 << 10,
            queueBytesMax: 2 << 20, weight: 0, whenFull: .dropOldest),
        LaneRules(
            trafficClass: 2, messageBytesMax: 2 << 20, windowBytes: 2 << 20,
            queueBytesMax: 8 << 20, weight: 8, whenFull: .dropOldest),
        LaneRules(
            trafficClass: 3, messageBytesMax: 1 << 20, windowBytes: 256 << 10,
            queueBytesMax: 4 << 20, weight: 4, whenFull: .refuseNew),
        LaneRules(
            trafficClass: 4, messageBytesMax: 256 << 10, windowBytes: 256 << 10,
            queueBytesMax: 1 << 20, weight: 4, whenFull: .dropSameKey),
    ]

    static func of(_ trafficClass: UInt8) -> LaneRules? {
        (1...4).contains(trafficClass) ? all[Int(trafficClass) - 1] : nil
    }

    /// Streams of class 5 share with weight 2; class 6 has what is left, weight 1 (there is one connection per pair).
    static func streamWindow(_ trafficClass: UInt8) -> Int {
        trafficClass == TrafficClass.bulk ? 512 << 10 : 256 << 10
    }

    static func weight(_ trafficClass: UInt8) -> Int {
        switch trafficClass {
        case 5: 2
        case 6: 1
        default: of(trafficClass)?.weight ?? 1
        }
    }
}
