public import Basis
public import Records
public import Trust
public import Wire

/// One replica's right and duty to run a job (`ledger.md` 8.2): 98 fixed bytes, state, commit, result.
public struct LeaseRecord: StateRecord, Sendable, Hashable {
    public enum State: UInt8, Sendable, CaseIterable {
        case active = 1, committed, revealed, won, lost, expired, declined, noReveal, released
    }

    public struct Flags: OptionSet, Sendable, Hashable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let restricted = Flags(rawValue: 1)
        public static let selfExecution = Flags(rawValue: 2)
        /// A reveal of the job was on the log when it was drawn.
        public static let afterReveal = Flags(rawValue: 4)
        /// Bits 4–6 hold the reason of a decline.
        static let reasonShift: UInt8 = 4
        static let known: UInt8 = 0x77
    }

    public let account: PublicKey
    /// Owner of the account at the draw.
    public let owner: PublicKey
    public let slotClass: UInt8
    /// Copied from the offer at the draw.
    public let rateCPU: CreditAmount
    public let rateMemory: CreditAmount
    public let drawHeight: UInt64
    /// L in milliseconds.
    public let deadline: UInt64
    public var flags: Flags
    public var state: State
    /// Zero before a commit.
    public var commitHash: Digest
    public var result: ReplicaResult?

    init(
        account: PublicKey, owner: PublicKey, slotClass: UInt8, rateCPU: CreditAmount, rateMemory: CreditAmount,
        drawHeight: UInt64, deadline: UInt64, flags: Flags
    ) {
        self.account = account
        self.owner = owner
        self.slotClass = slotClass
        self.rateCPU = rateCPU
        self.rateMemory = rateMemory
        self.drawHeight = drawHeight
        self.deadline = deadline
        self.flags = flags
        state = .active
        commitHash = .zero
    }

    /// Why it was declined; nil if it was not.
    public var declineReason: Entry.DeclineReason? {
        get { Entry.DeclineReason(rawValue: flags.rawValue >> Flags.reasonShift) }
        set {
            let reason = (newValue?.rawValue ?? 0) << Flags.reasonShift
            flags = Flags(rawValue: flags.rawValue & 7 | reason)
        }
    }

    public func encode(to w: inout WireWriter) {
        w.value(account)
        w.value(owner)
        w.u8(slotClass)
        w.amount(rateCPU)
        w.amount(rateMemory)
        w.u64(drawHeight)
        w.u64(deadline)
        w.u8(flags.rawValue)
        w.u8(state.rawValue)
        w.value(commitHash)
        w.optional(result)
    }

    public init(from r: inout WireReader) throws(WireError) {
        account = try r.value()
        owner = try r.value()
        slotClass = try r.u8()
        rateCPU = try r.amount()
        rateMemory = try r.amount()
        drawHeight = try r.u64()
        deadline = try r.u64()
        flags = Flags(rawValue: try r.u8())
        if flags.rawValue & ~Flags.known != 0 { throw .unknownTag(UInt64(flags.rawValue)) }
        let tag = try r.u8()
        guard let state = State(rawValue: tag) else { throw .unknownTag(UInt64(tag)) }
        self.state = state
        commitHash = try r.value()
        result = try r.optional { (r) throws(WireError) in try r.value() }
    }
}
