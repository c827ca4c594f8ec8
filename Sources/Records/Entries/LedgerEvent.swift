public import Basis
public import Trust
public import Wire

/// What execution did, as a light client or an index reads it (`ledger.md` 5.5).
///
/// Kinds of stage 2 (revoked, escalated, minted, seat reports, boundary, slashed, payout) are not written and are
/// `unknownTag` when read.
public enum LedgerEvent: Sendable, Hashable {
    public enum OfferReason: UInt8, Sendable { case put = 1, withdrawn, lapsed, revoked }
    public enum RefundReason: UInt8, Sendable { case deadline = 1, noAgreement, inputUnavailable, exhausted }

    public struct DrawnLease: Sendable, Hashable {
        public let lease: UInt16
        public let account: PublicKey
        public let owner: PublicKey
        public let slotClass: UInt8
        public let tickets: UInt32
        /// Copied from the offer: what it is paid can be recomputed from events alone.
        public let rateCPU: CreditAmount
        public let rateMemory: CreditAmount
        public init(
            lease: UInt16, account: PublicKey, owner: PublicKey, slotClass: UInt8, tickets: UInt32,
            rateCPU: CreditAmount, rateMemory: CreditAmount
        ) {
            self.lease = lease
            self.account = account
            self.owner = owner
            self.slotClass = slotClass
            self.tickets = tickets
            self.rateCPU = rateCPU
            self.rateMemory = rateMemory
        }
    }

    public struct Drawn: Sendable, Hashable {
        public var job: JobID
        public var round: UInt32
        public var mix: Digest
        public var anchorHeight: UInt64
        public var eligibleOwners: UInt32
        public var totalTickets: UInt64
        public var eligibleHash: Digest
        /// 1 restricted, 2 self.
        public var flags: UInt8
        public var leases: [DrawnLease]
        public init(
            job: JobID, round: UInt32, mix: Digest, anchorHeight: UInt64, eligibleOwners: UInt32,
            totalTickets: UInt64, eligibleHash: Digest, flags: UInt8, leases: [DrawnLease]
        ) {
            self.job = job
            self.round = round
            self.mix = mix
            self.anchorHeight = anchorHeight
            self.eligibleOwners = eligibleOwners
            self.totalTickets = totalTickets
            self.eligibleHash = eligibleHash
            self.flags = flags
            self.leases = leases
        }
    }

    public struct Winner: Sendable, Hashable {
        public let lease: UInt16
        public let pay: CreditAmount
        public let bodyHash: BlobID
        public init(lease: UInt16, pay: CreditAmount, bodyHash: BlobID) {
            self.lease = lease
            self.pay = pay
            self.bodyHash = bodyHash
        }
    }

    public struct Attempt: Sendable, Hashable {
        public let lease: UInt16
        public let pay: CreditAmount
        public init(lease: UInt16, pay: CreditAmount) {
            self.lease = lease
            self.pay = pay
        }
    }

    public struct Settled: Sendable, Hashable {
        public var job: JobID
        public var r: UInt8
        public var q: UInt8
        public var revealed: UInt8
        public var comparator: UInt8
        public var diameter: UInt64
        public var tolerance: UInt64
        public var core: [UInt16]
        public var winners: [Winner]
        public var losers: [UInt16]
        public var canonical: Digest
        public var paidCpuMicros: UInt64
        public var paidMemory: UInt64
        public var refund: CreditAmount
        public var agreement: UInt16
        public var credibility: UInt16
        /// 1 restricted, 2 self, 4 pending, 8 synthetic canonical value.
        public var flags: UInt8
        public init(
            job: JobID, r: UInt8, q: UInt8, revealed: UInt8, comparator: UInt8, diameter: UInt64,
            tolerance: UInt64, core: [UInt16], winners: [Winner], losers: [UInt16], canonical: Digest,
            paidCpuMicros: UInt64, paidMemory: UInt64, refund: CreditAmount, agreement: UInt16,
            credibility: UInt16, flags: UInt8
        ) {
            self.job = job
            self.r = r
            self.q = q
            self.revealed = revealed
            self.comparator = comparator
            self.diameter = diameter
            self.tolerance = tolerance
            self.core = core
            self.winners = winners
            self.losers = losers
            self.canonical = canonical
            self.paidCpuMicros = paidCpuMicros
            self.paidMemory = paidMemory
            self.refund = refund
            self.agreement = agreement
            self.credibility = credibility
            self.flags = flags
        }
    }

    case outcome(txIndex: UInt32, id: TransactionID, code: OutcomeCode, fee: CreditAmount)
    case admitted(account: PublicKey, inviter: PublicKey, owner: PublicKey, welcome: CreditAmount)
    case transferred(from: PublicKey, to: PublicKey, amount: CreditAmount)
    case offerChanged(account: PublicKey, slotClass: UInt8, slots: UInt16, reason: OfferReason)
    case jobOpened(job: JobID, submitter: PublicKey, funded: CreditAmount, fee: CreditAmount)
    case drawn(Drawn)
    case drawFailed(job: JobID, round: UInt32, eligibleOwners: UInt32, retryAt: UInt64)
    case committed(job: JobID, lease: UInt16)
    case revealed(job: JobID, lease: UInt16, compareHash: Digest, bodyHash: BlobID)
    /// `state` is the lease's new state of 8.2; `reason` is the decline's reason, else 0.
    case leaseEnded(job: JobID, lease: UInt16, state: UInt8, reason: UInt8)
    case revealOpened(job: JobID, deadline: UInt64)
    case settled(Settled)
    case refunded(job: JobID, reason: RefundReason, attempts: [Attempt], refund: CreditAmount)
    case cancelled(job: JobID, attempts: [Attempt], refund: CreditAmount)
    case suspended(account: PublicKey, until: UInt64)

    public var kind: UInt8 {
        switch self {
        case .outcome: 1
        case .admitted: 2
        case .transferred: 4
        case .offerChanged: 5
        case .jobOpened: 6
        case .drawn: 7
        case .drawFailed: 8
        case .committed: 9
        case .revealed: 10
        case .leaseEnded: 11
        case .revealOpened: 12
        case .settled: 14
        case .refunded: 15
        case .cancelled: 16
        case .suspended: 18
        }
    }

    /// The job that the event is about, if any.
    public var job: JobID? {
        switch self {
        case .jobOpened(let job, _, _, _), .drawFailed(let job, _, _, _), .committed(let job, _),
            .revealed(let job, _, _, _), .leaseEnded(let job, _, _, _), .revealOpened(let job, _),
            .refunded(let job, _, _, _), .cancelled(let job, _, _):
            job
        case .drawn(let drawn): drawn.job
        case .settled(let settled): settled.job
        case .outcome, .admitted, .transferred, .offerChanged, .suspended: nil
        }
    }
}

/// An event with its place in the block: kind u8, ordinal u32, then the fields.
public struct NumberedEvent: Sendable, Hashable, WireCodable {
    public let ordinal: UInt32
    public let event: LedgerEvent

    public init(ordinal: UInt32, event: LedgerEvent) {
        self.ordinal = ordinal
        self.event = event
    }

    public func encode(to w: inout WireWriter) {
        w.u8(event.kind)
        w.u32(ordinal)
        event.encodeFields(to: &w)
    }

    public init(from r: inout WireReader) throws(WireError) {
        let kind = try r.u8()
        ordinal = try r.u32()
        event = try LedgerEvent(kind: kind, fieldsFrom: &r)
    }
}
