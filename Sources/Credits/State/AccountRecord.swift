public import Basis
public import Trust
public import Wire

/// An account (`ledger.md` 3.2), 190 bytes.
public struct AccountRecord: StateRecord, Sendable, Hashable {
    public struct Flags: OptionSet, Sendable, Hashable {
        public let rawValue: UInt16
        public init(rawValue: UInt16) { self.rawValue = rawValue }
        public static let admitted = Flags(rawValue: 1)
        public static let revoked = Flags(rawValue: 2)
        public static let guilty = Flags(rawValue: 4)
        static let known: UInt16 = 7
    }

    /// Spendable.
    public var available = CreditAmount.zero
    /// Sum of the open escrows that it funded.
    public var held = CreditAmount.zero
    /// Stage 2; 0.
    public var granted = CreditAmount.zero
    /// For "one replica per owner"; itself unless an invite says otherwise.
    public var owner: PublicKey
    public var ownerChangedAt: UInt64 = 0
    /// Next nonce of lane 0 and lane 1.
    public var nonceWallet: UInt64
    public var nonceNode: UInt64
    public var flags: Flags
    public var createdHeight: UInt64
    /// T in milliseconds.
    public var admittedAt: UInt64
    /// The inviter, or zero.
    public var invitedBy: PublicKey
    public var failStreak: UInt16 = 0
    public var suspensions: UInt8 = 0
    /// L in milliseconds.
    public var suspendedUntil: UInt64 = 0
    public var openJobs: UInt32 = 0
    /// Live offers, those with slots.
    public var offers: UInt8 = 0
    public var invitesUsed: UInt32 = 0

    /// Nonces start at `createdHeight << 20`, so that old entries of an account made anew are stale.
    init(owner: PublicKey, flags: Flags, createdHeight: UInt64, admittedAt: UInt64, invitedBy: PublicKey) {
        self.owner = owner
        self.flags = flags
        self.createdHeight = createdHeight
        self.admittedAt = admittedAt
        self.invitedBy = invitedBy
        nonceWallet = createdHeight << 20
        nonceNode = createdHeight << 20
    }

    /// Whether the account may open jobs and put offers in mode `admitted`.
    public var isAdmitted: Bool { flags.contains(.admitted) && flags.isDisjoint(with: [.revoked, .guilty]) }

    public func encode(to w: inout WireWriter) {
        w.amount(available)
        w.amount(held)
        w.amount(granted)
        w.value(owner)
        w.u64(ownerChangedAt)
        w.u64(nonceWallet)
        w.u64(nonceNode)
        w.u16(flags.rawValue)
        w.u64(createdHeight)
        w.u64(admittedAt)
        w.value(invitedBy)
        w.u16(failStreak)
        w.u8(suspensions)
        w.u64(suspendedUntil)
        w.u32(openJobs)
        w.u8(offers)
        w.u32(invitesUsed)
    }

    public init(from r: inout WireReader) throws(WireError) {
        available = try r.amount()
        held = try r.amount()
        granted = try r.amount()
        owner = try r.value()
        ownerChangedAt = try r.u64()
        nonceWallet = try r.u64()
        nonceNode = try r.u64()
        flags = Flags(rawValue: try r.u16())
        if flags.rawValue & ~Flags.known != 0 { throw .unknownTag(UInt64(flags.rawValue)) }
        createdHeight = try r.u64()
        admittedAt = try r.u64()
        invitedBy = try r.value()
        failStreak = try r.u16()
        suspensions = try r.u8()
        suspendedUntil = try r.u64()
        openJobs = try r.u32()
        offers = try r.u8()
        invitesUsed = try r.u32()
    }
}
