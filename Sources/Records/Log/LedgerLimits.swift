public import Basis

/// Every limit of `ledger.md` 2, with its arithmetic there; `production` is what a network runs with.
///
/// Limits that decide whether bytes are valid are the same on every peer and never change within a rules version.
public struct LedgerLimits: Sendable {
    /// A certificate of 100 seats is 4,475 B; a genesis with more is invalid.
    public static let seatsMax = 100
    /// A larger block is invalid: 6 receivers × 1 MiB = 2.5 s on 20 Mbit/s.
    public static let blockBytesMax = 1 << 20
    /// 4,096 × 33.5 µs = 137 ms of uncached verification.
    public static let blockEntriesMax = 4_096
    /// 256 payees × 40 B = 10 KiB; one full reveal = 5 KiB.
    public static let entryBytesMax = 16 * 1_024
    public static let parentCertificateBytesMax = 16 * 1_024
    /// Seconds of ledger time that an entry may stay valid: it is settled or dead within a day.
    public static let validUntilMillisAheadMax: UInt64 = 86_400_000
    public static let replicasMax = 9
    public static let leasesPerJobMax = 32
    public static let openJobsPerAccountMax: UInt32 = 1_000
    public static let openJobsMax = 100_000
    public static let offersPerAccountMax = 4
    public static let slotsPerAccountMax = 64
    public static let runtimesPerOfferMax = 16
    public static let cachedPerOfferMax = 32
    public static let inlineResultBytesMax = 4_096
    public static let sketchBytesMax = 512
    public static let comparatorBytesMax = 1_024
    public static let onlyMax = 16
    public static let holdersMax = 4
    public static let payeesMax = 256
    public static let memoBytesMax = 64
    public static let labelBytesMax = 64
    /// 200 × 10,000 offers × 30 ns = 60 ms; the rest is drawn in the next block.
    public static let drawsPerBlockMax = 200
    public static let timersPerBlockMax = 2_000
    public static let lapsesPerBlockMax = 1_000
    public static let drawRetryMillis: UInt64 = 5_000
    public static let jobSecondsMax: UInt32 = 604_800
    /// Micro-credits per second: rate × usage ≤ 10¹² × 10¹⁵ < 2¹²⁸.
    public static let rateMax = CreditAmount(micro: 1_000_000_000_000)
    /// An outage of any length moves the ledger clock by at most this.
    public static let clockStepMillisMax: UInt64 = 2_000
    public static let fullDigestInterval: UInt64 = 1_000
    public static let digestRing: UInt64 = 128
    public static let syncBlocksMax = 64
    public static let linksMax = 64
    public static let invitesUsesMax: UInt16 = .max
    public static let beaconLengthMax: UInt32 = 1 << 22
    /// Ended jobs keep their record for 7 days of T.
    public static let endedJobMillis: UInt64 = 7 * 86_400_000
    public static let offerMillisAheadMax: UInt64 = 86_400_000
    public static let putOfferCooldownMillis: UInt64 = 10_000

    // Limits of one peer's own behaviour: they may differ between peers and in simulations.

    /// Ten times the error of NTP; a block ahead of it waits.
    public var clockSkewMillisMax: UInt64 = 500
    /// How long the oldest entry waits for company before its leader proposes.
    public var batchMillis: UInt64 = 20
    /// The clock step minus one slow view (2 × 0.25 s at δ = 50 ms).
    public var clockBlockMillis: UInt64 = 1_500
    public var deltaMillisMin: UInt64 = 50
    public var deltaMillisStart: UInt64 = 500
    public var deltaMillisMax: UInt64 = 5_000
    /// 100 seats × 64 views × 3 kinds × 150 B = 2.9 MB of buffered votes.
    public var viewsAheadMax: UInt64 = 64
    public var unexecutedBlocksMax: UInt64 = 16
    public var uncertifiedBlocksMax: UInt64 = 64
    /// The leader stops filling a block here.
    public var blockBytesTarget = 256 * 1_024
    /// 2 s at 10,000 entries/s, then `poolFull`.
    public var poolEntriesMax = 20_000
    public var poolBytesMax = 32 << 20
    public var poolPerAccountMax: UInt64 = 4_096
    public var followersMax = 32

    public init() {}

    public static let production = LedgerLimits()

    /// Small enough for a simulation to meet every limit.
    public static let tiny: LedgerLimits = {
        var limits = LedgerLimits()
        limits.viewsAheadMax = 8
        limits.unexecutedBlocksMax = 4
        limits.uncertifiedBlocksMax = 8
        limits.blockBytesTarget = 4_096
        limits.poolEntriesMax = 32
        limits.poolBytesMax = 64 << 10
        limits.poolPerAccountMax = 8
        limits.followersMax = 2
        return limits
    }()
}
