public import Basis

/// An integer that can pass 2⁵³ − 1 and therefore travels as a string of digits (`surfaces.md` 0): micro-credits,
/// nonces, fuel.
public struct Digits<Value: FixedWidthInteger & Sendable & Codable>: Codable, Sendable, Hashable,
    ExpressibleByIntegerLiteral
where Value.IntegerLiteralType == Value {
    public var value: Value

    public init(_ value: Value) { self.value = value }
    public init(integerLiteral value: Value) { self.value = value }

    /// The number that `text` spells canonically: no sign but a minus, no leading zero. Nil for anything else.
    public init?(text: String) {
        guard let value = Value(text), String(value) == text else { return nil }
        self.value = value
    }

    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let digits = Digits(text: text) else {
            throw DocumentError("\"\(text.prefix(40))\" is not a string of digits in range")
        }
        self = digits
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(String(value))
    }
}

/// An amount of micro-credits.
public typealias Micro = Digits<UInt64>
/// A change of a balance in micro-credits.
public typealias SignedMicro = Digits<Int64>

extension Digits where Value == UInt64 {
    public init(_ amount: CreditAmount) { self.init(amount.micro) }
    /// The amount, as the ledger holds it.
    public var amount: CreditAmount { CreditAmount(micro: value) }
}
