import Foundation

/// Quantities as people type them (`surfaces.md` 0): a size or a duration without a unit is an error.
public enum Quantity {
    static let sizes: [(String, UInt64)] = [
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("KB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000), ("TB", 1_000_000_000_000), ("B", 1),
    ]
    static let durations: [(String, UInt64)] = [
        ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]

    /// `512MiB`, `1.5GB`; nil for anything else. Bytes, rounded down.
    public static func bytes(_ text: String) -> UInt64? {
        for (unit, factor) in sizes where text.hasSuffix(unit) {
            return scaled(String(text.dropLast(unit.count)), by: factor)
        }
        return nil
    }

    /// `250ms`, `2h`, `1h30m`; nil for anything else. Milliseconds.
    public static func milliseconds(_ text: String) -> UInt64? {
        var rest = text[...]
        var sum: UInt64 = 0
        var last = UInt64.max
        if rest.isEmpty { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCIIDigit || $0 == "." }
            rest = rest.dropFirst(digits.count)
            let letters = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(letters.count)
            guard let factor = durations.first(where: { $0.0 == letters })?.1, factor < last,
                let part = scaled(String(digits), by: factor)
            else { return nil }
            last = factor
            let (next, overflow) = sum.addingReportingOverflow(part)
            if overflow { return nil }
            sum = next
        }
        return sum
    }

    /// `50%` as thousandths: 500; nil for anything else or more than 100 %.
    public static func permille(_ text: String) -> UInt64? {
        guard text.hasSuffix("%"), let value = scaled(String(text.dropLast()), by: 10),
            value <= 1_000
        else { return nil }
        return value
    }

    /// A decimal number of at most 6 decimals times `factor`, rounded down.
    static func scaled(_ text: String, by factor: UInt64) -> UInt64? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let whole = parts.first, !whole.isEmpty,
            parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(\.isASCIIDigit) }),
            let number = UInt64(whole)
        else { return nil }
        let (scaled, overflow) = number.multipliedReportingOverflow(by: factor)
        if overflow { return nil }
        guard parts.count == 2 else { return scaled }
        guard parts[1].count <= 6, let decimals = UInt64(parts[1]) else { return nil }
        let divisor = (0..<parts[1].count).reduce(UInt64(1)) { value, _ in value * 10 }
        let part = decimals.multipliedFullWidth(by: factor)
        guard part.high < divisor else { return nil }
        let (sum, overflow2) = scaled.addingReportingOverflow(
            divisor.dividingFullWidth(part).quotient)
        return overflow2 ? nil : sum
    }

    /// `1.2 GiB`, as people read sizes.
    public static func text(bytes: UInt64) -> String {
        for (unit, factor) in [
            ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10),
        ] as [(String, UInt64)]
        where bytes >= factor {
            let tenths = bytes / (factor / 10)
            return "\(tenths / 10).\(tenths % 10) \(unit)"
        }
        return "\(bytes) B"
    }

    /// `2 min 14 s`, `0.4 s`, as people read durations.
    public static func text(milliseconds: UInt64) -> String {
        if milliseconds < 60_000 {
            return "\(milliseconds / 1_000).\(milliseconds % 1_000 / 100) s"
        }
        let seconds = milliseconds / 1_000
        if seconds < 3_600 { return "\(seconds / 60) min \(seconds % 60) s" }
        let minutes = seconds / 60
        if minutes < 1_440 { return "\(minutes / 60) h \(minutes % 60) min" }
        return "\(minutes / 1_440) d \(minutes % 1_440 / 60) h"
    }
}
