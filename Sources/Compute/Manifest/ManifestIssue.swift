import Basis

/// The codes of `compute.md` 1.9 that belong to stage 1. A code's number never changes its meaning.
public enum ManifestCode: String, Sendable, CaseIterable, Comparable {
    case unknownField = "E101"
    case badType = "E102"
    case notReadable = "E103"
    case outOfRange = "E104"
    case notAManifest = "E105"
    case badChoice = "E106"
    case missingField = "E107"
    case badName = "E108"
    case exclusive = "E109"
    case unpinned = "E110"
    case badReference = "E111"
    case sourceMissing = "E112"
    case badPath = "E113"
    case pathOverlap = "E114"
    case inputRefused = "E115"
    case inputUnknown = "E116"
    case quorum = "E120"
    case quorumEven = "E121"
    case ignoredPointer = "E130"
    case comparator = "E134"
    case verifyMissing = "E135"
    case unsatisfiable = "E140"
    case timeouts = "E150"
    case secret = "E160"
    case sourceKind = "E171"
    case privateJob = "E190"
    case notYet = "E191"
    case hashMismatch = "E340"
    case insufficientCredit = "E501"
    case overBudget = "E502"
    case floatExact = "W203"
    case unusedFile = "W204"

    public var isWarning: Bool { rawValue.hasPrefix("W") }

    public static func < (a: ManifestCode, b: ManifestCode) -> Bool { a.rawValue < b.rawValue }
}

/// One thing that is wrong with a manifest, where, and what to do about it.
public struct ManifestIssue: Sendable, Hashable, Error {
    public var code: ManifestCode
    /// JSON pointer into the author's file.
    public var pointer: String
    /// From 1; 0 where there is no file (command lines, parameters).
    public var line: Int
    public var column: Int
    /// What is wrong, with the values found.
    public var message: String
    public var fix: String
    /// The value found, as problem documents carry it; nil where nothing was.
    public var found: String?
    /// What may stand there; empty where that is no list.
    public var allowed: [String]

    public init(
        code: ManifestCode, pointer: String, line: Int, column: Int, message: String, fix: String,
        found: String? = nil, allowed: [String] = []
    ) {
        self.code = code
        self.pointer = pointer
        self.line = line
        self.column = column
        self.message = message
        self.fix = fix
        self.found = found
        self.allowed = allowed
    }

    init(
        _ code: ManifestCode, _ place: Place, _ message: String, fix: String, found: String? = nil,
        allowed: [String] = []
    ) {
        self.init(
            code: code, pointer: place.pointer, line: place.line, column: place.column,
            message: message, fix: fix, found: found, allowed: allowed)
    }

    /// The two lines that a person sees (`compute.md` 1.9). `file` is what the author calls it.
    public func text(file: String) -> String {
        let position = line > 0 ? "\(file):\(line):\(column)" : file
        let shown = pointer.isEmpty ? "" : pointer + ": "
        let head = "\(position)  \(shown)\(message)"
        let padding = max(2, ManifestIssue.codeColumn - head.unicodeScalars.count)
        return head + String(repeating: " ", count: padding) + "(\(code.rawValue))\n  fix: \(fix)"
    }

    /// Where codes stand, so that they form a column.
    static let codeColumn = 105

    /// The order in which issues are shown: line, column, code, then pointer and message.
    static func precedes(_ a: ManifestIssue, _ b: ManifestIssue) -> Bool {
        if a.line != b.line { return a.line < b.line }
        if a.column != b.column { return a.column < b.column }
        if a.code != b.code { return a.code < b.code }
        if a.pointer != b.pointer { return a.pointer.asBytes < b.pointer.asBytes }
        return a.message.asBytes < b.message.asBytes
    }
}

/// The issues of one step, sorted, at most 100.
public struct ManifestIssues: Error, Sendable, Hashable {
    public let all: [ManifestIssue]

    public init(_ issues: [ManifestIssue]) {
        all = Array(issues.sorted(by: ManifestIssue.precedes).prefix(ComputeLimits.issuesMax))
    }

    public var isEmpty: Bool { all.isEmpty }

    /// All issues as a person sees them, two lines each.
    public func text(file: String) -> String {
        all.map { $0.text(file: file) }.joined(separator: "\n")
    }
}

/// Values in messages.
enum Shown {
    static let charactersMax = 60

    /// At most 60 characters, controls and bidirectional marks as escapes.
    static func text(_ value: String) -> String {
        var out = String.UnicodeScalarView()
        for scalar in value.unicodeScalars {
            if out.count >= charactersMax {
                out.append("…")
                break
            }
            switch scalar.value {
            case 0x0a: out.append(contentsOf: "\\n".unicodeScalars)
            case 0x09: out.append(contentsOf: "\\t".unicodeScalars)
            case 0..<0x20, 0x7f..<0xa0, 0x200b...0x200f, 0x2028...0x202e, 0x2066...0x2069, 0xfeff:
                out.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
            default: out.append(scalar)
            }
        }
        return String(out)
    }

    /// `"a", "b"`-less list: words by comma.
    static func list(_ words: [String]) -> String { words.joined(separator: ", ") }

    /// `1h30m` of nanoseconds.
    static func duration(_ nanoseconds: UInt64) -> String {
        var rest = nanoseconds / 1_000_000
        if rest == 0 { return "0s" }
        var out = ""
        for (unit, millis) in [
            ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1),
        ] as [(String, UInt64)]
        where rest >= millis {
            out += "\(rest / millis)\(unit)"
            rest %= millis
        }
        return out
    }

    /// The largest binary unit that divides the size.
    static func size(_ bytes: UInt64) -> String {
        for (unit, shift) in [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)]
            as [(String, UInt64)]
        where bytes >= 1 << shift && bytes % (1 << shift) == 0 {
            return "\(bytes >> shift)\(unit)"
        }
        return "\(bytes)B"
    }

    /// Credits with at most 6 decimals, at least two.
    static func credit(_ amount: CreditAmount) -> String {
        let whole = amount.micro / 1_000_000
        var digits = Array(String(1_000_000 + amount.micro % 1_000_000).utf8.dropFirst())
        while digits.count > 2, digits.last == 0x30 { digits.removeLast() }
        return "\(whole).\(String(decoding: digits, as: UTF8.self)) cr"
    }
}
