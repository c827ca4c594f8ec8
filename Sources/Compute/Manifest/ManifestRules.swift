import Basis
import Verdict

/// Ranges of numbers, the same for the reader of manifests and the decoder of canonical jobs.
enum ManifestRanges {
    static let second: UInt64 = 1_000_000_000
    static let day: UInt64 = 86_400 * second
    /// Ten years: sums of several spans stay far below 2⁶³ nanoseconds.
    static let spanMax: UInt64 = 3_660 * day
    static let cpuThousandths: ClosedRange<UInt64> = 100...64_000
    static let memory: ClosedRange<UInt64> = (16 << 20)...(1 << 40)
    static let disk: ClosedRange<UInt64> = (1 << 20)...(64 << 30)
    static let pids: ClosedRange<UInt64> = 1...1_024
    static let run: ClosedRange<UInt64> = 100_000_000...(7 * day)
    /// The ledger counts at most 10¹³ CPU microseconds.
    static let cpuTime: ClosedRange<UInt64> = 1_000_000...10_000_000_000_000_000
    static let queue: ClosedRange<UInt64> = second...(7 * day)
    /// The ledger's `totalSeconds`: 15 s of lease and 10 s more at least, one week at most.
    static let total: ClosedRange<UInt64> = (25 * second)...(7 * day)
    static let lease: ClosedRange<UInt64> = (6 * second)...(7 * day)
    static let keep: ClosedRange<UInt64> = (60 * second)...spanMax
}

/// Names that people give.
enum ManifestNames {
    static func isLower(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte) }
    static func isUpper(_ byte: UInt8) -> Bool { (0x41...0x5a).contains(byte) }
    static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    /// `[a-z0-9][a-z0-9-]{0,62}`
    static func isJob(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        return (1...63).contains(bytes.count) && bytes[0] != 0x2d
            && bytes.allSatisfy { isLower($0) || isDigit($0) || $0 == 0x2d }
    }

    /// `[A-Za-z_][A-Za-z0-9_]{0,63}`
    static func isInput(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        return (1...64).contains(bytes.count) && !isDigit(bytes[0])
            && bytes.allSatisfy { isLower($0) || isUpper($0) || isDigit($0) || $0 == 0x5f }
    }

    /// `[A-Z_][A-Z0-9_]*`, not of those that loaders and runtimes obey.
    static func isVariable(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        return (1...256).contains(bytes.count) && !isDigit(bytes[0])
            && bytes.allSatisfy { isUpper($0) || isDigit($0) || $0 == 0x5f }
            && !["LD_", "PEERNODE_", "GLIBC_", "PYTHON"].contains { name.hasPrefix($0) }
    }

    /// `[A-Za-z0-9._-]{1,24}`, the tags of `gossip.md` 11.2.
    static func isTag(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        return (1...24).contains(bytes.count)
            && bytes.allSatisfy {
                isLower($0) || isUpper($0) || isDigit($0) || $0 == 0x2e || $0 == 0x5f || $0 == 0x2d
            }
    }

    /// A file name made into a job name; `job` if nothing of it can stand.
    static func job(from file: String) -> String {
        var base = Array(file.utf8.split(separator: 0x2f).last ?? [])
        if let dot = base.lastIndex(of: 0x2e), dot > 0 { base = Array(base[..<dot]) }
        var out: [UInt8] = []
        for byte in base {
            if isLower(byte) || isDigit(byte) {
                out.append(byte)
            } else if isUpper(byte) {
                out.append(byte + 0x20)
            } else if !out.isEmpty, out.last != 0x2d {
                out.append(0x2d)
            }
        }
        out = Array(out.prefix(63))
        while out.last == 0x2d { out.removeLast() }
        return out.isEmpty ? "job" : String(decoding: out, as: UTF8.self)
    }

    static let secretWords = [
        "SECRET", "TOKEN", "PASSWORD", "PASSWD", "API_KEY", "APIKEY", "ACCESS_KEY", "PRIVATE_KEY",
        "CREDENTIAL",
    ]

    static func looksSecret(_ name: String) -> Bool {
        secretWords.contains { name.contains($0) }
    }
}

/// Absolute paths inside the sandbox.
public enum SandboxPath {
    /// Whether `path` lies strictly below `root`, without empty, `.` or `..` segments, controls, or more than 1 KiB.
    public static func isBelow(_ root: String, _ path: String) -> Bool {
        let prefix = root + "/"
        guard path.utf8.count <= 1_024, path.hasPrefix(prefix) else { return false }
        let parts = path.utf8.dropFirst(prefix.utf8.count)
            .split(separator: 0x2f, omittingEmptySubsequences: false)
        return parts.allSatisfy { part in
            !part.isEmpty && part.count <= 255 && Array(part) != [0x2e]
                && Array(part) != [0x2e, 0x2e]
                && part.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
        }
    }

    /// Whether one is the other or lies below it.
    static func overlap(_ a: String, _ b: String) -> Bool {
        a.isSameBytes(as: b) || a.hasPrefix(b + "/") || b.hasPrefix(a + "/")
    }
}

/// Numbers with units, as people type them.
enum Quantity {
    enum Reading: Equatable {
        case value(UInt64)
        case needsUnit
        case tooLarge
        case unreadable
    }

    static let durations: [(String, UInt64)] = [
        ("ms", 1_000_000), ("s", ManifestRanges.second), ("m", 60 * ManifestRanges.second),
        ("h", 3_600 * ManifestRanges.second), ("d", ManifestRanges.day),
    ]
    static let sizes: [(String, UInt64)] = [
        ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
        ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000),
    ]

    /// Nanoseconds of `1h30m`: whole numbers with units, the larger unit first.
    static func duration(_ text: String) -> Reading {
        parse(text, units: durations, isRepeatable: true)
    }

    /// Bytes of `512MiB`.
    static func size(_ text: String) -> Reading {
        parse(text, units: sizes, isRepeatable: false)
    }

    static func parse(
        _ text: String, units: [(String, UInt64)], isRepeatable: Bool
    ) -> Reading {
        var rest = Array(text.utf8)[...]
        var total: UInt64 = 0
        var last: UInt64?
        if rest.isEmpty { return .unreadable }
        while !rest.isEmpty {
            let digits = rest.prefix { ManifestNames.isDigit($0) }
            rest = rest.dropFirst(digits.count)
            let letters = rest.prefix { ManifestNames.isLower($0) || ManifestNames.isUpper($0) }
            rest = rest.dropFirst(letters.count)
            if digits.isEmpty { return .unreadable }
            if letters.isEmpty { return rest.isEmpty && last == nil ? .needsUnit : .unreadable }
            let word = String(decoding: letters, as: UTF8.self)
            guard let unit = units.first(where: { $0.0 == word })?.1 else { return .unreadable }
            if let last, unit >= last || !isRepeatable { return .unreadable }
            last = unit
            guard digits.count <= 19, let count = UInt64(String(decoding: digits, as: UTF8.self))
            else { return .tooLarge }
            let (product, over) = count.multipliedReportingOverflow(by: unit)
            let (sum, more) = total.addingReportingOverflow(product)
            if over || more { return .tooLarge }
            total = sum
        }
        return .value(total)
    }

    /// A decimal with at most `places` digits behind the point, times 10^places.
    static func fixedPoint(_ text: String, places: Int) -> Reading {
        guard let source = PlainScalar.decimal(Array(text.utf8)), let number = JSONNumber(source)
        else { return .unreadable }
        let decimal = number.decimal
        if decimal.isNegative || decimal.exponent < -places { return .unreadable }
        let digits =
            decimal.digits + [UInt8](repeating: 0, count: min(decimal.exponent + places, 40))
        if digits.count > 19 { return .tooLarge }
        return .value(digits.reduce(UInt64(0)) { $0 * 10 + UInt64($1) })
    }

    /// Micro-credits of `12.5` or `12.5cr`.
    static func credit(_ text: String) -> Reading {
        fixedPoint(text.hasSuffix("cr") ? String(text.dropLast(2)) : text, places: 6)
    }
}
