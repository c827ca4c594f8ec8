import Foundation
import Simulator

/// What the runs of one value showed, added up.
struct SweepRow: Sendable {
    /// As it stands on the command line; empty where nothing varies.
    var value: String
    /// Outcomes that were expected, and others with how often they came.
    var passed = 0
    var others: [(word: String, count: Int)] = []
    /// In the order in which the first run had them.
    var measures: [Measure] = []

    mutating func add(outcome word: String, isExpected: Bool, _ more: [Measure]) {
        if isExpected {
            passed += 1
        } else if let at = others.firstIndex(where: { $0.word == word }) {
            others[at].count += 1
        } else {
            others.append((word, 1))
        }
        for one in more {
            if let at = measures.firstIndex(where: { $0.name == one.name }) {
                measures[at].add(one)
            } else {
                measures.append(one)
            }
        }
    }

    var runs: Int { passed + others.reduce(0) { $0 + $1.count } }

    /// `8 passed`, or `6 passed, 2 stuck(jobs_end)`
    var outcomes: String {
        (["\(passed) passed"] + others.map { "\($0.count) \($0.word)" }).joined(separator: ", ")
    }
}

/// A table for people and the same as CSV.
struct SweepTable {
    /// What varies; empty if nothing does.
    var over: String
    var rows: [SweepRow]

    /// By how many standard deviations hits lie above (or below) their expectation; nil if chance plays no part.
    static func sigmas(_ hits: UInt64, _ expected: UInt64, _ variance: UInt64) -> Double? {
        variance == 0 ? nil : (Double(hits) - Double(expected) / 1e6) / (Double(variance) / 1e6).squareRoot()
    }

    /// Beyond three standard deviations a set has another share than its own (J13).
    static let sigmasMax = 3.0

    private static func percentile(_ sorted: [Int64], _ share: Int) -> Int64 {
        sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, sorted.count * share / 100)]
    }

    private static func fixed(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }

    /// What one measure says, for people.
    static func text(_ values: Measure.Values) -> String {
        switch values {
        case .times(let all):
            let sorted = all.sorted()
            if sorted.isEmpty { return "none" }
            return "\(sorted.count) measured: p50 \(percentile(sorted, 50)) ms, p99 \(percentile(sorted, 99)) ms, "
                + "longest \(sorted[sorted.count - 1]) ms"
        case .events(let count, let seconds):
            let hours = Double(seconds) / 3_600
            return "\(count) in \(fixed(hours, 1)) neighbour-hours"
                + (seconds == 0 ? "" : ", \(fixed(Double(count) / hours, 4)) an hour")
        case .hits(let hits, let trials, let expected, let variance):
            let share = trials == 0 ? 0 : Double(hits) / Double(trials)
            let due = trials == 0 ? 0 : Double(expected) / 1e6 / Double(trials)
            var text = "\(hits) of \(trials) (\(fixed(share * 100, 2)) %), by chance \(fixed(due * 100, 2)) %"
            if let off = sigmas(hits, expected, variance) {
                text += ", \(off >= 0 ? "+" : "")\(fixed(off, 2)) σ" + (abs(off) > sigmasMax ? "  BEYOND 3 σ" : "")
            }
            return text
        }
    }

    var text: String {
        var lines: [String] = []
        for row in rows {
            lines.append((over.isEmpty ? "all" : "\(over)=\(row.value)") + "  " + row.outcomes)
            let width = row.measures.map(\.name.count).max() ?? 0
            for one in row.measures {
                let gap = String(repeating: " ", count: width - one.name.count + 2)
                lines.append("  " + one.name + gap + SweepTable.text(one.values))
            }
        }
        return lines.joined(separator: "\n")
    }

    private static let columns = [
        "over", "value", "runs", "passed", "measure", "count", "of", "p50_ms", "p99_ms", "longest_ms", "expected",
        "sigmas",
    ]

    /// One line a value and measure; fields that a measure does not have are empty.
    private var cells: [[String]] {
        rows.flatMap { row in
            row.measures.map { one in
                let head = [over, row.value, "\(row.runs)", "\(row.passed)", one.name]
                switch one.values {
                case .times(let all):
                    let sorted = all.sorted()
                    let times = [50, 99, 100].map { sorted.isEmpty ? "" : "\(SweepTable.percentile(sorted, $0))" }
                    return head + ["\(sorted.count)", ""] + times + ["", ""]
                case .events(let count, let seconds): return head + ["\(count)", "\(seconds)", "", "", "", "", ""]
                case .hits(let hits, let trials, let expected, let variance):
                    let off = SweepTable.sigmas(hits, expected, variance)
                    return head + [
                        "\(hits)", "\(trials)", "", "", "", SweepTable.fixed(Double(expected) / 1e6, 3),
                        off.map { SweepTable.fixed($0, 3) } ?? "",
                    ]
                }
            }
        }
    }

    var csv: String {
        ([SweepTable.columns] + cells).map { $0.joined(separator: ",") + "\n" }.joined()
    }

    /// The same as objects, one a line, without the fields that are empty.
    var json: String {
        cells.map { cells in
            PlainDocument.mapping(
                zip(SweepTable.columns, cells).enumerated().filter { !$1.1.isEmpty }.map { at, cell in
                    (cell.0, [0, 1, 4].contains(at) ? .text(cell.1) : .digits(cell.1))
                }
            ).json
        }.joined(separator: "\n")
    }

    /// Sets whose share of hits lies beyond three standard deviations.
    var unfair: Int {
        rows.flatMap(\.measures).count { one in
            guard case .hits(let hits, _, let expected, let variance) = one.values,
                let off = SweepTable.sigmas(hits, expected, variance)
            else { return false }
            return abs(off) > SweepTable.sigmasMax
        }
    }
}
