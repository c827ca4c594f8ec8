/// Every limit of the HTTP side (`surfaces.md` 4.1). Each bounds memory or time that a caller can make us spend.
public struct APILimits: Sendable {
    /// JSON bodies and ledger entries: 1 MiB is a block's payload.
    public var jsonBytesMax = 1 << 20
    /// `manifestBytesMax` of `compute.md` 1.
    public var manifestBytesMax = 256 << 10
    /// A receipt with all its commits, reveals and eligible lists.
    public var receiptBytesMax = 4 << 20
    /// `blobBytesMax` of `compute.md` 1.
    public var blobBytesMax: UInt64 = 16 << 30
    public var headerBytesMax = 16 << 10
    public var urlBytesMax = 8 << 10
    /// Each of the two listeners; 256 × (16 KiB headers + 64 KiB of buffers) is some 20 MiB.
    public var connectionsMax = 256
    /// Requests at once of one token.
    public var requestsPerTokenMax = 64
    public var streamsMax = 64
    public var streamsPerTokenMax = 16
    public var uploadsPerTokenMax = 4
    public var readsPerSecond = 50
    public var readsBurst = 100
    public var writesPerSecond = 20
    public var writesBurst = 40
    public var failedTokensPerMinute = 10
    public var headerTime = Duration.seconds(10)
    public var bodyStall = Duration.seconds(60)
    public var idleTime = Duration.seconds(75)
    /// A comment this often keeps event streams alive.
    public var heartbeat = Duration.seconds(15)
    public var pageMax = 500
    public var pageDefault = 100
    public var waitMillisecondsMax: Int64 = 60_000
    /// What is still read of a body that was refused, so that the client sees the answer and not a reset.
    public var drainBytesMax = 1 << 20

    public init() {}
}
