/// An exact probability: `numerator` in `denominator` (`simulation.md` 13). No floating point decides anything in a
/// world.
public struct Chance: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let numerator: UInt32
    /// Not 0.
    public let denominator: UInt32

    /// - Parameters: `numerator` ≤ `denominator` ≠ 0; more is 1.
    public init(_ numerator: UInt32, in denominator: UInt32) {
        self.numerator = min(numerator, max(1, denominator))
        self.denominator = max(1, denominator)
    }

    public static let never = Chance(0, in: 1)
    public static let always = Chance(1, in: 1)

    public var isNever: Bool { numerator == 0 }

    /// Whether a uniform 64-bit draw means yes.
    public func fires(_ draw: UInt64) -> Bool {
        numerator != 0 && draw.multipliedFullWidth(by: UInt64(denominator)).high < UInt64(numerator)
    }

    /// Parts in a million, rounded down.
    public var perMillion: UInt64 { UInt64(numerator) * 1_000_000 / UInt64(denominator) }

    /// That at least one of two independent chances fires, to a millionth: how overlapping faults add up.
    public func combined(with other: Chance) -> Chance {
        if isNever { return other }
        if other.isNever { return self }
        let (a, b) = (perMillion, other.perMillion)
        return Chance(UInt32(a + b - a * b / 1_000_000), in: 1_000_000)
    }

    /// A tenth of it: what calm leaves.
    public var tenth: Chance { Chance(UInt32(perMillion / 10), in: 1_000_000) }

    public static func < (a: Chance, b: Chance) -> Bool {
        UInt64(a.numerator) * UInt64(b.denominator) < UInt64(b.numerator) * UInt64(a.denominator)
    }
    public var description: String { "\(numerator)/\(denominator)" }
}
