/// One thing that is wrong in a file: where, what, why it is refused, and what to do (`simulation.md` 13).
public struct Mistake: Sendable, Hashable, Error {
    /// From 1.
    public var line: Int
    public var column: Int
    /// How much of the line is meant, in Unicode scalars.
    public var length: Int
    public var message: String
    public var why: String
    public var fix: String

    /// As many as are shown at once.
    public static let shownMax = 20

    /// The form of section 13: place and message, the line with a caret under what is meant, why, fix.
    public func text(file: String, source: [Substring]) -> String {
        var lines = ["\(file):\(line):\(column): \(message)"]
        if source.indices.contains(line - 1) {
            let number = String(line)
            let shown = Array(source[line - 1].unicodeScalars.map { $0 == "\t" ? " " : $0 }.prefix(160))
            let gutter = String(repeating: " ", count: max(0, 5 - number.count)) + number + " | "
            lines.append(gutter + String(String.UnicodeScalarView(shown)))
            let room = max(1, shown.count - (column - 1))
            let caret = String(repeating: "^", count: max(1, min(length, room)))
            lines.append("      | " + String(repeating: " ", count: min(column - 1, shown.count)) + caret)
        }
        lines.append("   why: " + why)
        lines.append("   fix: " + fix)
        return lines.joined(separator: "\n")
    }
}

/// All mistakes of one file, in the order of their places; at most `Mistake.shownMax`.
public struct Mistakes: Error, Sendable {
    public var all: [Mistake]
    /// How many more there were.
    public var omitted: Int

    public init(_ found: [Mistake]) {
        let sorted = found.enumerated().sorted { a, b in
            (a.element.line, a.element.column, a.offset) < (b.element.line, b.element.column, b.offset)
        }.map(\.element)
        all = Array(sorted.prefix(Mistake.shownMax))
        omitted = sorted.count - all.count
    }

    public func text(file: String, source: String) -> String {
        let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
        var texts = all.map { $0.text(file: file, source: lines) }
        if omitted > 0 { texts.append("\(file): \(omitted) more mistakes are not shown; correct these first") }
        return texts.joined(separator: "\n")
    }
}

/// Finds what somebody may have meant.
enum Suggestion {
    /// The nearest of the candidates within a third of the word's length (at least 1, at most 3), first of equals.
    static func nearest(to word: String, in candidates: [String]) -> String? {
        let reach = max(1, min(3, word.count / 3 + 1))
        var best: (distance: Int, word: String)?
        for candidate in candidates {
            let distance = editDistance(Array(word.utf8), Array(candidate.utf8))
            if distance <= reach, distance < best?.distance ?? .max { best = (distance, candidate) }
        }
        return best?.word
    }

    /// Least number of bytes inserted, removed, changed, or swapped with their neighbour.
    static func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var before: [Int] = []
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var best = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, before[j - 1] + 1) }
                row.append(best)
            }
            before = last
            last = row
        }
        return last[b.count]
    }
}
