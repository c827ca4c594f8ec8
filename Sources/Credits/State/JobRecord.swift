public import Basis
public import Records
public import Trust
public import Wire

/// A draw that waits for its beacon, or for its next attempt (`ledger.md` 8.2).
public struct PendingDraw: Sendable, Hashable, WireCodable {
    public var anchorHeight: UInt64
    public var anchorEpoch: UInt64
    public var anchorView: UInt64
    /// Leases wanted, at least 1.
    public var count: UInt8
    /// L of the next attempt in milliseconds; 0 = waits for its beacon.
    public var retryAt: UInt64

    public init(anchorHeight: UInt64, anchorEpoch: UInt64, anchorView: UInt64, count: UInt8, retryAt: UInt64) {
        self.anchorHeight = anchorHeight
        self.anchorEpoch = anchorEpoch
        self.anchorView = anchorView
        self.count = count
        self.retryAt = retryAt
    }

    public func encode(to w: inout WireWriter) {
        w.u64(anchorHeight)
        w.u64(anchorEpoch)
        w.u64(anchorView)
        w.u8(count)
        w.u64(retryAt)
    }

    public init(from r: inout WireReader) throws(WireError) {
        anchorHeight = try r.u64()
        anchorEpoch = try r.u64()
        anchorView = try r.u64()
        count = try r.u8()
        retryAt = try r.u64()
    }
}

/// A job (`ledger.md` 8.2), about 380 bytes while it is open.
public struct JobRecord: StateRecord, Sendable, Hashable {
    public enum State: UInt8, Sendable, CaseIterable {
        case queued = 1, running, revealing
        case settled = 5, refunded, cancelled

        public var isEnded: Bool { rawValue >= State.settled.rawValue }
    }

    public let submitter: PublicKey
    /// Absent once the job ended: it lives on in its block.
    public var spec: JobSpec?
    public let openHeight: UInt64
    /// L in milliseconds.
    public let openedAt: UInt64
    public var state: State
    public var r: UInt8
    public var q: UInt8
    /// Successful draws so far.
    public var round: UInt32 = 0
    public var leaseCount: UInt16 = 0
    /// Not yet paid out.
    public var escrow: CreditAmount
    /// Stage 2; 0.
    public var fundedGranted = CreditAmount.zero
    public var draw: PendingDraw?
    public var revealHeight: UInt64 = 0
    /// L in milliseconds.
    public var revealDeadline: UInt64 = 0
    /// Owners that were eligible at the last failed draw.
    public var lastEligible: UInt32 = 0

    init(submitter: PublicKey, spec: JobSpec, openHeight: UInt64, openedAt: UInt64, escrow: CreditAmount) {
        self.submitter = submitter
        self.spec = spec
        self.openHeight = openHeight
        self.openedAt = openedAt
        state = .queued
        r = spec.r
        q = spec.q
        self.escrow = escrow
    }

    public func encode(to w: inout WireWriter) {
        w.value(submitter)
        w.optional(spec)
        w.u64(openHeight)
        w.u64(openedAt)
        w.u8(state.rawValue)
        w.u8(r)
        w.u8(q)
        w.u32(round)
        w.u16(leaseCount)
        w.amount(escrow)
        w.amount(fundedGranted)
        w.optional(draw)
        w.u64(revealHeight)
        w.u64(revealDeadline)
        w.u32(lastEligible)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        submitter = try reader.value()
        spec = try reader.optional { (r) throws(WireError) in try r.value() }
        openHeight = try reader.u64()
        openedAt = try reader.u64()
        let tag = try reader.u8()
        guard let state = State(rawValue: tag) else { throw .unknownTag(UInt64(tag)) }
        self.state = state
        r = try reader.u8()
        q = try reader.u8()
        round = try reader.u32()
        leaseCount = try reader.u16()
        escrow = try reader.amount()
        fundedGranted = try reader.amount()
        draw = try reader.optional { (r) throws(WireError) in try r.value() }
        revealHeight = try reader.u64()
        revealDeadline = try reader.u64()
        lastEligible = try reader.u32()
    }
}
