public import Wire

/// The running sums of all credit (`ledger.md` 10.4), 184 bytes.
public struct SupplyRecord: StateRecord, Sendable, Hashable {
    /// Without the treasury.
    public var available: UInt128 = 0
    public var escrow: UInt128 = 0
    public var granted: UInt128 = 0
    public var bonded: UInt128 = 0
    public var unbonding: UInt128 = 0
    public var treasury: UInt128 = 0
    public var genesis: UInt128 = 0
    public var minted: UInt128 = 0
    public var grants: UInt128 = 0
    public var burned: UInt128 = 0
    /// ⌊T / 86,400,000⌋.
    public var dayIndex: UInt64 = 0
    public var mintedToday: UInt64 = 0
    public var welcomedToday: UInt64 = 0

    public static let dayMillis: UInt64 = 86_400_000

    init() {}

    /// Where all credit is.
    public var located: UInt128 { available + escrow + granted + bonded + unbonding + treasury }
    /// How much there must be; what was burned never passes what was issued.
    public var issued: UInt128 { (genesis + minted + grants).subtractingReportingOverflow(burned).partialValue }
    public var isConserved: Bool { located == issued }
    /// How the equation fails, in words.
    var problem: String? { isConserved ? nil : "located \(located), issued \(issued)" }

    public func encode(to w: inout WireWriter) {
        for sum in [
            available, escrow, granted, bonded, unbonding, treasury, genesis, minted, grants, burned,
        ] {
            w.u64(UInt64(truncatingIfNeeded: sum))
            w.u64(UInt64(truncatingIfNeeded: sum >> 64))
        }
        w.u64(dayIndex)
        w.u64(mintedToday)
        w.u64(welcomedToday)
    }

    public init(from r: inout WireReader) throws(WireError) {
        func wide(_ r: inout WireReader) throws(WireError) -> UInt128 {
            let low = try r.u64()
            let high = try r.u64()
            // No sum of the ledger passes 65 bits; refusing more keeps every later addition within 128.
            if high > 1 { throw .outOfRange }
            return UInt128(high) << 64 | UInt128(low)
        }
        available = try wide(&r)
        escrow = try wide(&r)
        granted = try wide(&r)
        bonded = try wide(&r)
        unbonding = try wide(&r)
        treasury = try wide(&r)
        genesis = try wide(&r)
        minted = try wide(&r)
        grants = try wide(&r)
        burned = try wide(&r)
        dayIndex = try r.u64()
        mintedToday = try r.u64()
        welcomedToday = try r.u64()
    }
}
