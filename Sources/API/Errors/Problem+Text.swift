extension Problem {
    /// What a person sees: what happened, `why:`, `fix:`, the code last; at most four lines. With `errors`, two lines
    /// for each of them, as `compute.md` 1.9 shows.
    ///
    /// Text of other peers in it is shown with its control characters escaped.
    ///
    /// - Parameter file: the name before the line and column of each mistake.
    public func text(file: String? = nil) -> String {
        if !errors.isEmpty {
            return errors.map { Problem.text($0, file: file) }.joined(separator: "\n")
        }
        var lines = [detail]
        if let why { lines.append("  why: " + why) }
        if let fix { lines.append("  fix: " + fix) }
        let mark = "(\(code))"
        let last = VisibleText.escape(lines[lines.count - 1])
        let gap = max(2, 100 - last.count - mark.count)
        lines = lines.map(VisibleText.escape)
        lines[lines.count - 1] = last + String(repeating: " ", count: gap) + mark
        return lines.joined(separator: "\n")
    }

    private static func text(_ item: Item, file: String?) -> String {
        var place = file ?? ""
        if let line = item.line {
            place += (place.isEmpty ? "" : ":") + "\(line):\(item.column ?? 1)"
        }
        var head = place.isEmpty ? "" : place + "  "
        if let pointer = item.pointer, !pointer.isEmpty { head += pointer + ": " }
        head = VisibleText.escape(head + item.message)
        let mark = "(\(item.code))"
        head += String(repeating: " ", count: max(2, 104 - head.count - mark.count)) + mark
        guard let fix = item.fix else { return head }
        return head + "\n  fix: " + VisibleText.escape(fix)
    }
}

/// Text of others made harmless for terminals, logs and pages (`surfaces.md` 0).
public enum VisibleText {
    /// `text` with control characters, line ends and bidirectional marks as visible escapes.
    public static func escape(_ text: String) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x0a: out += "\\n"
            case 0x0d: out += "\\r"
            case 0x09: out += "\\t"
            case 0x00..<0x20, 0x7f..<0xa0, 0x061c, 0x200b...0x200f, 0x2028...0x202e,
                0x2060...0x206f, 0xfeff,
                0xfff9...0xfffb, 0xe0000...0xe007f:
                out += "\\u{" + String(scalar.value, radix: 16) + "}"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }

    /// `escape`, cut at `limit` characters with an ellipsis.
    public static func escape(_ text: String, limit: Int) -> String {
        let shown = escape(text)
        return shown.count <= limit ? shown : String(shown.prefix(max(0, limit - 1))) + "…"
    }
}
