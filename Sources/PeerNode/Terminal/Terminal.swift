import API
import Foundation
import Glibc

/// Results to standard output, all else to standard error (`surfaces.md` 1.1).
enum Terminal {
    static func write(_ bytes: [UInt8], to descriptor: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written <= 0 {
                if errno == EINTR { continue }
                return
            }
            rest = rest.dropFirst(written)
        }
    }

    static func output(_ text: String) { write(Array((text + "\n").utf8), to: 1) }
    static func output(_ bytes: [UInt8]) { write(bytes, to: 1) }
    static func error(_ text: String) { write(Array((text + "\n").utf8), to: 2) }

    static func tell(_ problem: Problem, isJSON: Bool, file: String? = nil) {
        if isJSON {
            write(JSONText.encode(problem) + [0x0a], to: 2)
        } else {
            error(problem.text(file: file))
        }
    }

    static var isErrorTerminal: Bool { isatty(2) == 1 }
    static var isOutputTerminal: Bool { isatty(1) == 1 }
    static var isInputTerminal: Bool { isatty(0) == 1 }

    /// Rows with aligned columns on a terminal, tab-separated and without header elsewhere.
    static func table(_ header: [String], _ rows: [[String]]) {
        guard isOutputTerminal else {
            for row in rows { output(row.joined(separator: "\t")) }
            return
        }
        let all = [header] + rows
        let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        for row in all {
            let cells = row.enumerated().map { $1.padding(toLength: widths[$0], withPad: " ", startingAt: 0) }
            var line = cells.joined(separator: "  ")
            while line.hasSuffix(" ") { line.removeLast() }
            output(line)
        }
    }

    /// Asks for yes or no; `whenAway` is the error where nobody can answer.
    static func confirm(_ question: String, flag: String) throws {
        guard isInputTerminal else {
            throw CommandFailure(code: Codes.wrongFlags, text: "\(question) nobody can answer here; give \(flag)")
        }
        write(Array((question + " [y/n] ").utf8), to: 2)
        guard let line = readLine(), line.lowercased().hasPrefix("y") else {
            throw CommandFailure(code: Codes.failed, text: "nothing was done")
        }
    }
}
