import Basis

/// Numbers and times as people read them.
enum Wording {
    /// Between thousands in HTML: narrow, and no line breaks there.
    static let narrowSpace = "\u{202F}"

    /// `1 204 551`.
    static func grouped(_ value: some BinaryInteger, by separator: String = " ") -> String {
        let digits = String(value.magnitude)
        var out = value < 0 ? "−" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { out += separator }
            out.append(digit)
        }
        return out
    }

    /// Three digits that count from ten thousand on: `9 999`, `12.3 k`, `412 k`, `1.2 M`.
    static func compact(_ value: some BinaryInteger, by separator: String = " ") -> String {
        let magnitude = UInt64(clamping: value.magnitude)
        guard magnitude >= 10_000 else { return grouped(value, by: separator) }
        let scales: [(UInt64, String)] = [
            (1_000_000_000_000_000, "P"), (1_000_000_000_000, "T"), (1_000_000_000, "G"), (1_000_000, "M"),
            (1_000, "k"),
        ]
        let (scale, letter) = scales.first { magnitude >= $0.0 } ?? (1, "")
        let sign = value < 0 ? "−" : ""
        let whole = magnitude / scale
        let tenth = magnitude % scale * 10 / scale
        let fraction = whole < 100 && tenth > 0 ? ".\(tenth)" : ""
        return sign + grouped(whole, by: separator) + fraction + separator + letter
    }

    /// `value` over 10^`digits`, with at most `places` of them, cut; trailing zeros only if `padded`.
    static func decimal(_ value: Int64, digits: Int, places: Int, padded: Bool = false) -> String {
        let text = String(value.magnitude)
        let filled = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
        var fraction = String(filled.suffix(digits).prefix(places))
        if !padded { while fraction.hasSuffix("0") { fraction.removeLast() } }
        let sign = value < 0 ? "-" : ""
        return sign + filled.dropLast(digits) + (fraction.isEmpty ? "" : "." + fraction)
    }

    /// `231.418`: seconds to the millisecond.
    static func seconds(_ time: Interval) -> String {
        decimal(time.nanoseconds, digits: 9, places: 3, padded: true)
    }

    /// `412 ms`, `3.2 s`, `2 min 30 s`, `15 min`, `2 h 5 min`.
    static func duration(milliseconds: UInt64) -> String {
        let seconds = milliseconds / 1_000
        switch milliseconds {
        case 0..<1_000: return "\(milliseconds) ms"
        case 1_000..<60_000:
            let tenth = milliseconds % 1_000 / 100
            return "\(seconds)" + (tenth == 0 ? "" : ".\(tenth)") + " s"
        case 60_000..<3_600_000:
            return "\(seconds / 60) min" + (seconds % 60 == 0 ? "" : " \(seconds % 60) s")
        default:
            let minutes = seconds / 60
            return "\(minutes / 60) h" + (minutes % 60 == 0 ? "" : " \(minutes % 60) min")
        }
    }

    static func duration(_ time: Interval) -> String { duration(milliseconds: UInt64(max(0, time.milliseconds))) }

    /// `03:12`: minutes and seconds; minutes go on above 59.
    static func clock(_ time: Interval) -> String {
        let seconds = max(0, time.nanoseconds) / 1_000_000_000
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return two(seconds / 60) + ":" + two(seconds % 60)
    }

    /// `0x9e3779b97f4a7c15`, as `--seed` takes it.
    static func seed(_ seed: UInt64) -> String { "0x" + String(seed, radix: 16) }

    /// 16 digits.
    static func hash(_ hash: UInt64) -> String {
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// `3`, `3 and 17`, `3, 5 and 17`.
    static func list(_ items: [String]) -> String {
        guard let last = items.last, items.count > 1 else { return items.first ?? "" }
        return items.dropLast().joined(separator: ", ") + " and " + last
    }

    /// `peer 3`, `peers 3 and 17`; from the ninth on only how many more.
    static func peers(_ peers: [Int]) -> String {
        if peers.isEmpty { return "no peer" }
        let most = 8
        var items = peers.prefix(most).map { "\($0)" }
        if peers.count > most { items.append("\(peers.count - most) more") }
        return (peers.count == 1 ? "peer " : "peers ") + list(items)
    }

    /// At most `columns` characters; an ellipsis tells that some are missing.
    static func clipped(_ text: String, to columns: Int) -> String {
        text.count <= columns ? text : text.prefix(max(0, columns - 1)) + "…"
    }

    /// At most `most` of `count` indices, evenly apart, the first and the last among them.
    static func thinned(_ count: Int, to most: Int) -> [Int] {
        invariant(most >= 2, "thinned to \(most)")
        if count <= most { return Array(0..<count) }
        return (0..<most).map { $0 * (count - 1) / (most - 1) }
    }

    /// Control characters, what is no character, and what turns the direction of writing: a text with it could end a
    /// line, speak to a terminal, or read as another text.
    static func isUnreadable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F...0x9F, 0x2028...0x202E, 0x2066...0x2069: true
        default: scalar.value & 0xFFFE == 0xFFFE
        }
    }
}
