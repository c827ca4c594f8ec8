/// A non-negative fraction of integers, for rules that must give the same bits on every machine (STYLE 2.4).
public struct Ratio: Sendable, Hashable {
    public let numerator: UInt64
    /// Never 0.
    public let denominator: UInt64

    public init(_ numerator: UInt64, _ denominator: UInt64) {
        invariant(denominator != 0, "ratio \(numerator)/0")
        self.numerator = numerator
        self.denominator = denominator
    }

    /// ⌊value × numerator / denominator⌋ with a 128-bit product; traps if the result exceeds 64 bits.
    public func floor(of value: UInt64) -> UInt64 {
        let wide = value.multipliedFullWidth(by: numerator)
        invariant(wide.high < denominator, "\(value) × \(numerator)/\(denominator) passes 64 bits")
        return denominator.dividingFullWidth(wide).quotient
    }
}
