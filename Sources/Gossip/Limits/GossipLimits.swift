public import Basis

/// Every bound and period of the membership core (`gossip.md` 15.1): quantity, arithmetic, and what happens there.
///
/// Packets, sessions and streams have their limits in `Session`; numbers that both need (`recordBytesMax`) stand with
/// the wire types in `Records`.
public struct GossipLimits: Sendable, Hashable {
    // MARK: records

    /// Bounds the replay of old records to a day.
    public var recordAgeMax = Interval.seconds(86_400)
    /// Tolerates two hours of clock error.
    public var recordFutureMax = Interval.seconds(7_200)
    /// Life of an own record: 4 issues per lifetime, 3 may be lost. 1,440 minutes = the longest a layout allows.
    public var recordLifetimeMinutes: UInt16 = 1_440
    public var recordRefresh = Interval.seconds(21_600)
    /// Own records per time, so that a flapping interface costs others one record a minute.
    public var ownRecordIntervalMin = Interval.seconds(60)
    /// Changes after a start that are exempt from `ownRecordIntervalMin`: a start discovers itself in steps.
    public var ownRecordExemptChangesMax = 3
    /// 200 × 71 µs = 1.4 % of a core; the rest is dropped (`recordNoRoom`).
    public var recordVerifiesPerSecondMax = 200
    /// 16 answers + 14 forwards; the rest of that teller is dropped (`recordTellerBudget`).
    public var recordVerifiesPerTellerPerMinuteMax = 30
    public var recordVerifiesPerTellerBurstMax = 64
    /// 64 × 484 B = 31 kB, oldest dropped.
    public var equivocationProofsMax = 64
    /// Batches of signature checks without an answer; older ones are forgotten.
    public var verificationsOpenMax = 64
    public var ban = Interval.seconds(86_400)
    public var faultBar = Interval.seconds(600)
    /// One `addressConflict` per address, pair and hour.
    public var conflictRepeat = Interval.seconds(3_600)
    /// Oldest ban goes.
    public var bansMax = 2_048

    // MARK: clock

    /// Samples of the offset: median of the last 15 outbound handshakes.
    public var clockSamplesMax = 15
    /// A median below this is noise and not adopted.
    public var clockOffsetAdoptedMin = Interval.seconds(3_600)
    /// Beyond it nothing is adopted and a join is refused.
    public var clockOffsetMax = Interval.seconds(86_400)
    /// Above it `clockSkew` is raised.
    public var clockSkewReportedMin = Interval.seconds(600)
    /// Groups that must have spoken before a median replaces a standing one.
    public var clockGroupsMin = 3

    // MARK: book

    /// 256 tried + 1,024 new; × 384 B = 480 KiB. When full, the entry of least use goes (7.1).
    public var bookEntriesMax = 1_280
    /// Hearsay that nobody could verify for half an hour is dropped.
    public var heardAgeMax = Interval.seconds(1_800)
    /// Failed dials that remove a heard entry.
    public var heardFailuresMax = 3
    /// 30 days since the last proof: `memberExpired`.
    public var triedAgeMax = Interval.seconds(30 * 86_400)
    /// 1,024 × 48 B = 49 kB; oldest forgotten.
    public var unansweredEntriesMax = 1_024
    public var unansweredAge = Interval.seconds(6 * 3_600)
    /// Rows written to disk, of which `anchorsMax` are flagged: what a restart dials without seeds.
    public var savedRowsMax = 256
    public var anchorsMax = 8
    /// ≥ 1,280 + 4,096 + 200 + bans 2,048.
    public var peerDirectoryEntriesMax = 8_192
    /// Seat records kept apart from the book: current and next list of ≤ 100.
    public var seatRecordsMax = 200

    // MARK: dials

    /// 8 × 1,200 B of Hellos; further dials wait.
    public var dialsInFlightMax = 8
    /// 3 × 2 × 1,200 B = 7.2 kB per half hour and peer to an address that never answers.
    public var unverifiedDialsMax = 3
    public var unverifiedDialWindow = Interval.seconds(1_800)
    /// Ports of one address that may be tried in that time, whichever records name them.
    public var unverifiedPortsPerAddressMax = 4
    /// Addresses whose damping is remembered; at the limit the oldest window is forgotten.
    public var dampedAddressesMax = 4_096
    /// 240 B/s only while someone is lost.
    public var healDial = Interval.seconds(5)
    /// How long an unreachable entry stays a candidate of heal dials.
    public var healAgeMax = Interval.seconds(86_400)
    /// 115 B/s in both roles.
    public var verifyWalk = Interval.seconds(20)
    public var backoffBase = Interval.seconds(5)
    public var backoffMax = Interval.seconds(86_400)
    /// A stream is dialled this long after a datagram to the same endpoint.
    public var streamDialDelay = Interval.seconds(1)
    /// Longer than `handshakeSeconds` of Session (5 s): a dial that never reports is given up.
    public var dialMax = Interval.seconds(15)
    public var mainBackoffBase = Interval.seconds(1)
    public var mainBackoffMax = Interval.seconds(60)
    public var seatBackoffBase = Interval.milliseconds(500)
    public var seatBackoffMax = Interval.seconds(15)
    /// The larger id of two seats waits this long for the smaller to dial.
    public var seatDialWait = Interval.seconds(2)

    // MARK: links

    public var outboundLinksTarget = 8
    public var inboundLinksMax = 16
    /// 8 + 16 = 24: a full mesh needs no extra room.
    public var fullMeshPeersMax = 24
    /// Hysteresis: a full mesh is left above this many live peers.
    public var fullMeshLeavePeersMax = 28
    /// Wait for LinkAccept before the request is repeated.
    public var linkRequestRepeat = Interval.seconds(1)
    public var linkRequestMax = Interval.seconds(3)
    public var linkConfirmRepeat = Interval.milliseconds(500)
    public var linkConfirmMax = Interval.seconds(3)
    /// A link that could not be confirmed is asked for again after this time, not in a loop.
    public var linkUnconfirmedBackoff = Interval.seconds(10)
    public var linkOfferMax = Interval.seconds(3)
    /// A link younger than this may miss the bit linked: answers of before are under way.
    public var linkYoung = Interval.seconds(3)
    public var linkBackoffMin = Interval.seconds(60)
    /// Backoffs kept, 48 B each; at the limit the one that ends first is forgotten.
    public var linkBackoffsMax = 1_024
    /// One peer without links displaces a link per this time.
    public var linkDisplace = Interval.seconds(10)
    /// Oldest inbound links that are never displaced.
    public var linkOldestKept = 4
    /// The dialler of a link opens its main connection within this time.
    public var mainDialSpread = Interval.seconds(5)
    /// Subjects of which a link remembers what it was told, × 48 B; at the limit all are forgotten, and a record may
    /// go over that link twice.
    public var linkSentMax = 1_024
    /// The other side tries once, this long after the dialler should have.
    public var mainDialOther = Interval.seconds(10)
    /// How often a path of datagrams is tried again on a link that is streamOnly.
    public var datagramRetry = Interval.seconds(60)

    // MARK: probes

    public var probeInterval = Interval.milliseconds(5_000)
    public var probeRound = Interval.milliseconds(1_500)
    /// 2.5 + 3 × 1.5 = 7 s mean, 6.0 + 4.5 = 10.5 s worst.
    public var probeRoundsMax = 3
    public var probeHelpersMax = 3
    /// 12 probe intervals.
    public var oneWay = Interval.seconds(60)
    /// A Ping is evidence if its sender heard us at most this long ago.
    public var evidenceAge = Interval.seconds(7)
    public var helperPingsPerTargetPerMinuteMax = 4
    /// Requests for one target within this time share a Ping.
    public var helperShare = Interval.seconds(2)
    /// A second request of one peer within this time is `overBudget`.
    public var helperRequestMin = Interval.seconds(1)
    /// Requests a helper works on at once; over it `overBudget`.
    public var helperRoundsMax = 64
    public var roundMillisecondsMin: UInt16 = 200
    public var roundMillisecondsMax: UInt16 = 6_000
    public var healthMax: UInt8 = 3
    /// A timer this late says that this process was paused.
    public var timerLate = Interval.milliseconds(500)
    /// Two links that doubt us within this time say that we are the slow one.
    public var doubtedWindow = Interval.seconds(30)

    // MARK: spreading

    /// (980 + 871) / 30 s = 62 B/s.
    public var pull = Interval.seconds(30)
    /// 271 / 30 s = 9 B/s.
    public var push = Interval.seconds(30)
    /// Pulls of a peer that joined less than `pullNewSpan` ago: 12 more of 1 kB, once.
    public var pullNew = Interval.seconds(5)
    public var pullNewSpan = Interval.seconds(60)
    /// A push of the same record to the same peer is not repeated within this time: answers are under way.
    public var pushRepeatMin = Interval.seconds(2)
    /// One Pull per this time is answered per session.
    public var pullAnswerMin = Interval.seconds(5)
    public var pullKnownMax = 64
    public var pullWantMax = 16
    public var askMax = 8
    public var recordsPerMessageMax = 4
    public var answerPartsMax = 4
    /// An answer belongs to a request younger than this.
    public var requestAgeMax = Interval.seconds(3)
    public var findIDsMax = 8
    public var findAnswerMin = Interval.seconds(1)
    public var findFirst = Interval.seconds(5)
    public var findLater = Interval.seconds(30)
    /// Between two Finds to the same peers: `findAnswerMin` and what a path delays.
    public var findSpacing = Interval.milliseconds(1_250)
    /// Repeats at the first pace.
    public var findFirstRepeatsMax = 6
    /// Ids sought at once; further ones are answered nil at once.
    public var findsMax = 256
    /// Mean with 2 h sessions: 3 changes / 7,200 s × 256 copies × 280 B = 30 B/s.
    /// Over it, the entry of most hops goes.
    public var forwardRecordsPerSecondMax = 10
    /// A record of a stranger that is older than this is passed on by answers alone: who joins or restarts issues a
    /// new one.
    public var forwardAgeMax = Interval.seconds(120)
    /// How often expiries of all tables are looked at.
    public var housekeeping = Interval.seconds(10)
    /// Records that wait for their turn of the forwarding budget, × 250 B.
    public var forwardQueueMax = 256
    /// How often a record is passed on after its subject told its links.
    public var hopsSmall: UInt8 = 3
    /// 16 links + 16 × 15 of theirs = 256 copies of a change; a second time would make it 3,856.
    public var hopsLarge: UInt8 = 1
    /// Below this many live peers `hopsSmall` holds.
    public var hopsLargePeersMin = 256
    public var persist = Interval.seconds(30)
    /// A write of the own sequence that failed is tried again after this time: 12 small writes a minute at worst.
    public var persistRetry = Interval.seconds(5)

    // MARK: joining

    public var addressesPerNameMax = 16
    public var seedsMax = 16
    public var resolveMax = Interval.seconds(12)
    /// After the first answer at first contact, the other seeds have this long to disagree.
    public var compareWait = Interval.seconds(1)
    /// Seeds are dialled this long after saved peers, unless they were given.
    public var seedsWait = Interval.seconds(10)
    public var isolatedWait = Interval.seconds(10)
    public var isolatedDial = Interval.seconds(15)
    /// Waits between rounds of unreachable seeds; the last repeats. ± 20 %.
    public var joinWaits: [Interval] = [1, 2, 4, 8, 15, 30, 60].map { .seconds($0) }
    /// A leave waits this long for its record to be signed and stored.
    public var leaveMax = Interval.seconds(2)
    /// Queued records get this long to leave before the sessions are closed.
    public var leaveLinger = Interval.milliseconds(200)

    // MARK: pins, documents, upper layers

    public var pinsMax = 1_024
    /// The previous seat list stays pinned this long after a change.
    public var previousSeatsKept = Interval.seconds(60)
    /// A peer is told the seats' records: f + 1 of them get each own record.
    public var seatDirectoryEntriesMax = 20_000
    /// × 8 KiB = 2 MiB; least recently used goes.
    public var documentCacheEntriesMax = 256
    public var documentFetchMax = Interval.seconds(10)
    public var documentRetryMin = Interval.seconds(60)
    public var documentRetryMax = Interval.seconds(3_600)
    public var documentFetchesMax = 64
    /// A tip ahead of ours for this long raises `behind`.
    public var behindAfter = Interval.seconds(2)
    public var behindRepeat = Interval.seconds(5)

    public init() { check() }

    /// The values of a production node.
    public static let production = GossipLimits()

    /// Small tables, so that simulations meet the limits (15.1, in parentheses).
    public static let tiny: GossipLimits = {
        var limits = GossipLimits()
        limits.recordVerifiesPerSecondMax = 20
        limits.recordVerifiesPerTellerPerMinuteMax = 4
        limits.recordVerifiesPerTellerBurstMax = 8
        limits.ban = .seconds(600)
        limits.bookEntriesMax = 16
        limits.dialsInFlightMax = 2
        limits.outboundLinksTarget = 2
        limits.inboundLinksMax = 3
        limits.fullMeshPeersMax = 4
        limits.fullMeshLeavePeersMax = 6
        limits.linkOldestKept = 1
        limits.documentCacheEntriesMax = 4
        limits.check()
        return limits
    }()

    /// Inbound links beyond which the youngest are closed: what a full mesh leaves may stay, since its diallers close
    /// it.
    var inboundLinksKept: Int { max(inboundLinksMax + outboundLinksTarget, fullMeshLeavePeersMax) }

    /// Relations between limits (15.1, last paragraph).
    func check() {
        invariant(
            probeRound * Int64(probeRoundsMax) * (Int64(healthMax) + 1) < .seconds(30),
            "3 rounds of \(probeRound) at the worst health pass 30 s")
        invariant(fullMeshPeersMax <= fullMeshLeavePeersMax, "full mesh has no hysteresis")
        invariant(
            outboundLinksTarget + inboundLinksMax >= fullMeshPeersMax,
            "\(fullMeshPeersMax) links of a full mesh exceed the slots")
        invariant(
            probeRound * (Int64(healthMax) + 1) <= .milliseconds(Int64(roundMillisecondsMax)),
            "a round of \(probeRound) does not fit PingRequest")
        invariant(linkOldestKept < inboundLinksMax || inboundLinksMax < 8, "no link to displace")
        invariant(bookEntriesMax > outboundLinksTarget, "book of \(bookEntriesMax)")
    }
}
