/// A number as exact decimal text in the one form of `ledger.md` 9.3: `1`, `1.0` and `10e-1` are the same value.
///
/// It never passes through a binary float, so integers of any admitted length keep all their digits.
public struct JSONNumber: Sendable, Hashable, Comparable {
    /// Digits that a number may have between its first and last non-zero one.
    public static let digitsMax = 10_000
    /// Largest distance of the first digit from the units.
    public static let exponentMax = 99_999

    /// The canonical text.
    public let text: String

    /// Reads RFC 8259 number text; nil if it is none, or outside the limits of `ledger.md` 9.3. O(n).
    public init?(_ source: some Collection<UInt8>) {
        guard let decimal = Decimal(source), decimal.isWithinLimits else { return nil }
        text = String(decoding: decimal.canonical, as: UTF8.self)
    }

    public init?(_ source: String) { self.init(Array(source.utf8)) }

    public init(_ value: UInt64) { self.init(integerText: String(value)) }
    public init(_ value: Int64) { self.init(integerText: String(value)) }

    init(integerText: String) {
        // At most 20 digits: below 64 places the canonical form of an integer is its plain decimal text.
        text = integerText
    }

    /// The value as ± D × 10^E.
    public var decimal: Decimal { Decimal(canonical: Array(text.utf8)) }

    /// Whether the value is an integer.
    public var isInteger: Bool { decimal.exponent >= 0 }

    /// The value if it is an integer of 64 bits without sign.
    public var asUInt64: UInt64? {
        let d = decimal
        guard !d.isNegative || d.digits.isEmpty, d.exponent >= 0, d.digits.count + d.exponent <= 20
        else { return nil }
        var value: UInt64 = 0
        for digit in d.digits + [UInt8](repeating: 0, count: d.exponent) {
            let (product, over) = value.multipliedReportingOverflow(by: 10)
            let (sum, more) = product.addingReportingOverflow(UInt64(digit))
            if over || more { return nil }
            value = sum
        }
        return value
    }

    public static func == (a: JSONNumber, b: JSONNumber) -> Bool { a.text == b.text }
    public static func < (a: JSONNumber, b: JSONNumber) -> Bool { a.decimal < b.decimal }
}

/// ± D × 10^E: `digits` of D (values 0 to 9) without leading and trailing zeros, empty for zero.
public struct Decimal: Sendable, Hashable, Comparable {
    public var isNegative: Bool
    public var digits: [UInt8]
    public var exponent: Int

    /// Exponent text beyond this is held here: no input is long enough to bring it back into the limits.
    static let exponentHeldAt = 1_000_000_000_000

    /// Reads RFC 8259 number text; nil if it is none.
    init?(_ source: some Collection<UInt8>) {
        let bytes = Array(source)
        var i = 0
        func digitAt(_ i: Int) -> UInt8? {
            i < bytes.count && bytes[i] >= 0x30 && bytes[i] <= 0x39 ? bytes[i] - 0x30 : nil
        }
        let minus = bytes.first == 0x2d
        if minus { i += 1 }
        var collected: [UInt8] = []
        guard let first = digitAt(i) else { return nil }
        while let digit = digitAt(i) {
            collected.append(digit)
            i += 1
        }
        if first == 0 && collected.count > 1 { return nil }
        var scale = 0
        if i < bytes.count, bytes[i] == 0x2e {
            i += 1
            guard digitAt(i) != nil else { return nil }
            while let digit = digitAt(i) {
                collected.append(digit)
                scale -= 1
                i += 1
            }
        }
        if i < bytes.count, bytes[i] == 0x65 || bytes[i] == 0x45 {
            i += 1
            var isDown = false
            if i < bytes.count, bytes[i] == 0x2b || bytes[i] == 0x2d {
                isDown = bytes[i] == 0x2d
                i += 1
            }
            guard digitAt(i) != nil else { return nil }
            var written = 0
            while let digit = digitAt(i) {
                written = min(written * 10 + Int(digit), Self.exponentHeldAt)
                i += 1
            }
            scale += isDown ? -written : written
        }
        if i != bytes.count { return nil }
        self.init(isNegative: minus, digits: collected, exponent: scale)
    }

    /// Reads canonical text, which is known to be well-formed.
    init(canonical: [UInt8]) {
        guard let value = Decimal(canonical) else {
            self.init(isNegative: false, digits: [], exponent: 0)
            return
        }
        self = value
    }

    /// Strips zeros at both ends; zero has no sign, digits or exponent.
    init(isNegative: Bool, digits: [UInt8], exponent: Int) {
        let start = digits.firstIndex { $0 != 0 } ?? digits.count
        let end = (digits.lastIndex { $0 != 0 } ?? -1) + 1
        if start >= end {
            self.isNegative = false
            self.digits = []
            self.exponent = 0
            return
        }
        self.isNegative = isNegative
        self.digits = Array(digits[start..<end])
        self.exponent = exponent + digits.count - end
    }

    /// Digits before the point: the value is 0.D × 10^point.
    var point: Int { digits.count + exponent }

    var isWithinLimits: Bool {
        digits.isEmpty
            || digits.count <= JSONNumber.digitsMax && abs(point - 1) <= JSONNumber.exponentMax
    }

    /// The printing rule of `ledger.md` 9.3.
    var canonical: [UInt8] {
        if digits.isEmpty { return [0x30] }
        let ascii = digits.map { $0 + 0x30 }
        let (k, p) = (ascii.count, point)
        var out: [UInt8] = isNegative ? [0x2d] : []
        if exponent >= 0 && p <= max(64, 2 * k) {
            out += ascii
            out += [UInt8](repeating: 0x30, count: exponent)
        } else if exponent < 0 && p > 0 && p <= 64 {
            out += ascii[..<p]
            out.append(0x2e)
            out += ascii[p...]
        } else if exponent < 0 && p > -6 && p <= 0 {
            out += [0x30, 0x2e]
            out += [UInt8](repeating: 0x30, count: -p)
            out += ascii
        } else {
            out.append(ascii[0])
            if k > 1 {
                out.append(0x2e)
                out += ascii[1...]
            }
            out.append(0x65)
            out += Array(String(p - 1).utf8)
        }
        return out
    }

    public static func < (a: Decimal, b: Decimal) -> Bool {
        if a.isNegative != b.isNegative { return a.isNegative }
        let order = magnitudeOrder(a, b)
        return a.isNegative ? order > 0 : order < 0
    }

    /// Negative if |a| < |b|, 0 if equal, positive if greater.
    static func magnitudeOrder(_ a: Decimal, _ b: Decimal) -> Int {
        if a.digits.isEmpty || b.digits.isEmpty { return a.digits.count - b.digits.count }
        if a.point != b.point { return a.point - b.point }
        for i in 0..<max(a.digits.count, b.digits.count) {
            let x = i < a.digits.count ? a.digits[i] : 0
            let y = i < b.digits.count ? b.digits[i] : 0
            if x != y { return Int(x) - Int(y) }
        }
        return 0
    }
}
