/// An amount of credit in micro-credits, never negative; at most `supplyMax` in any sum of the ledger.
///
/// Plain `+` and `-` trap on overflow: money that overflows is a bug (STYLE 2.5). What comes from outside is
/// checked with `adding(_:)` and `subtracting(_:)` before.
public struct CreditAmount: Sendable, Hashable, Comparable, BitwiseCopyable {
    public var micro: UInt64

    public init(micro: UInt64) { self.micro = micro }

    public static let zero = CreditAmount(micro: 0)
    /// 2⁶³ − 1: the sum of any two balances fits 64 bits (`ledger.md` 2).
    public static let supplyMax = CreditAmount(micro: UInt64(Int64.max))
    public static func credits(_ n: UInt64) -> CreditAmount { CreditAmount(micro: n * 1_000_000) }

    public static func < (a: CreditAmount, b: CreditAmount) -> Bool { a.micro < b.micro }
    public static func + (a: CreditAmount, b: CreditAmount) -> CreditAmount {
        CreditAmount(micro: a.micro + b.micro)
    }
    public static func - (a: CreditAmount, b: CreditAmount) -> CreditAmount {
        CreditAmount(micro: a.micro - b.micro)
    }
    public static func += (a: inout CreditAmount, b: CreditAmount) { a = a + b }
    public static func -= (a: inout CreditAmount, b: CreditAmount) { a = a - b }

    /// The sum, or nil if it passes 64 bits.
    public func adding(_ other: CreditAmount) -> CreditAmount? {
        let (sum, overflow) = micro.addingReportingOverflow(other.micro)
        return overflow ? nil : CreditAmount(micro: sum)
    }

    /// The difference, or nil if it would be negative.
    public func subtracting(_ other: CreditAmount) -> CreditAmount? {
        micro >= other.micro ? CreditAmount(micro: micro - other.micro) : nil
    }
}

extension CreditAmount: CustomStringConvertible {
    public var description: String { "\(micro) µcr" }
}
