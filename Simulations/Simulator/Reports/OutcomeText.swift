public import Basis

/// What a terminal shows of runs (`simulation.md` 22). No text ends with a newline.
public enum OutcomeText {
    private static let columnsMax = 120

    /// The one line of a run: outcome, scenario, seed, simulated and real time, events, hash.
    public static func line(_ record: RunRecord) -> String {
        let simulated = Wording.duration(record.simulated)
        let real = record.realMilliseconds == 0 ? "" : " in " + Wording.duration(milliseconds: record.realMilliseconds)
        return [
            record.outcome.word, plain(record.plan.name), "seed " + Wording.seed(record.seed), simulated + real,
            Wording.grouped(record.events) + " events", "hash " + Wording.hash(record.traceHash),
        ].joined(separator: "  ")
    }

    /// What failed, where to look and what to do next; nil if the outcome was the expected one, or none came.
    ///
    /// - Parameter folder: Where the report of the run lies; nil if none was written.
    public static func failure(_ record: RunRecord, folder: String?) -> String? {
        if record.plan.expects.isMet(by: record.outcome) { return nil }
        var lines: [String] = []
        let now = "  at \(Wording.seconds(record.simulated)) s, event \(Wording.grouped(record.events))"
        switch record.outcome {
        case .exhausted: return nil
        case .violated(let violation):
            let statement = OutcomeReading.statement(of: violation.invariant, in: record).map { "  " + plain($0) } ?? ""
            lines.append("FAILED \(plain(violation.invariant))" + statement)
            let whom = violation.peers.isEmpty ? "" : ", " + Wording.peers(violation.peers)
            lines.append(
                "  at \(Wording.seconds(violation.at)) s, event \(Wording.grouped(violation.event))" + whom)
            let expected = "  expected  " + plain(violation.expected)
            let found = "found  " + plain(violation.found)
            if expected.count + 6 + found.count <= columnsMax {
                lines.append(expected + "      " + found)
            } else {
                lines += [expected, "  found     " + plain(violation.found)]
            }
        case .stuck(let must, let waits):
            lines += ["FAILED \(must.rawValue)  \(must.meaning)", now]
            for (index, wait) in waits.enumerated() {
                lines.append((index == 0 ? "  waits     " : "            ") + plain(wait))
            }
        case .trapped(let text):
            lines += ["FAILED trapped  a node stopped by a broken invariant of its own", now]
            lines.append("  found     " + plain(text))
        case .passed, .halted:
            let expected =
                switch record.plan.expects {
                case .pass: "a pass"
                case .halt: "finality to be lost, safely"
                case .violation(let invariant): "\(plain(invariant)) to break"
                }
            lines += ["FAILED \(record.outcome.word)  the plan expects another outcome", now]
            lines.append("  expected  \(expected)      found  \(record.outcome.word)")
        }
        if let folder { lines.append("  see       \(plain(folder))/report.html") }
        lines.append("  again     " + again(record))
        lines.append("  smaller   peersim shrink" + which(record))
        return lines.joined(separator: "\n")
    }

    /// The command that runs it once more.
    static func again(_ record: RunRecord) -> String {
        "peersim replay" + which(record) + (record.commit.isEmpty ? "" : " --commit \(plain(record.commit))")
    }

    private static func which(_ record: RunRecord) -> String {
        " --scenario \(plain(record.plan.name)) --seed \(Wording.seed(record.seed))"
            + (record.plan.plant.map { " --plant " + plain($0) } ?? "")
    }

    /// How far a run is.
    ///
    /// - Parameters:
    ///   - at: Virtual time that has passed.
    ///   - of: Virtual time at which the plan ends.
    ///   - ratio: Virtual seconds per real one.
    ///   - note: The rest of the line as it is: `jobs 61/80  height 912  2 faults on  ok`.
    public static func progress(
        name: String, seed: UInt64, phase: Phase, at: Interval, of: Interval, eventsPerSecond: UInt64, ratio: UInt64,
        note: String
    ) -> String {
        let digits = String(seed, radix: 16)
        let short = digits.count <= 9 ? digits : digits.prefix(4) + "…" + digits.suffix(4)
        let cells: Int64 = 10
        let full = of > .zero ? min(cells, max(0, at.nanoseconds / max(1, of.nanoseconds / cells))) : cells
        let bar = String(repeating: "#", count: Int(full)) + String(repeating: "-", count: Int(cells - full))
        let progress = "\(phase.rawValue) \(Wording.clock(at))/\(Wording.clock(of)) [\(bar)]"
        let speed = Wording.compact(eventsPerSecond) + " ev/s"
        return [plain(name), "seed 0x\(short)", progress, speed, "\(ratio)x", plain(note)]
            .filter { !$0.isEmpty }.joined(separator: "  ")
    }

    /// Without what could end the line, speak to the terminal, or make a text read as another.
    static func plain(_ words: String) -> String {
        var out = ""
        for scalar in words.unicodeScalars {
            let isSpace = scalar == "\n" || scalar == "\t"
            out.unicodeScalars.append(isSpace ? " " : Wording.isUnreadable(scalar) ? "\u{FFFD}" : scalar)
        }
        return out
    }
}
