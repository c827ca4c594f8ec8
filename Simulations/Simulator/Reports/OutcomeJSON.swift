import Basis

/// An outcome for programs: `outcome.json`, and the lines of `--json`.
public enum OutcomeJSON {
    /// One line without spaces or a newline at its end; always the same members in the same order. Seeds and hashes are
    /// texts, because many readers of JSON cut numbers to 53 bits.
    public static func line(_ record: RunRecord) -> String {
        var members: [(String, String)] = [
            ("outcome", text(record.outcome.word)),
            ("expected", record.plan.expects.isMet(by: record.outcome) ? "true" : "false"),
            ("scenario", text(record.plan.name)),
            ("seed", text(Wording.seed(record.seed))),
            ("commit", text(record.commit)),
            ("hash", text(Wording.hash(record.traceHash))),
            ("events", String(record.events)),
            ("simulated_ms", String(record.simulated.milliseconds)),
            ("real_ms", String(record.realMilliseconds)),
        ]
        switch record.outcome {
        case .violated(let violation): members.append(("violation", object(violation)))
        case .stuck(let must, let waits):
            members.append(("must", text(must.rawValue)))
            members.append(("waits", array(waits.map(text))))
        case .trapped(let words): members.append(("trap", text(words)))
        case .passed, .halted, .exhausted: break
        }
        members.append(("judged", object(judged(record))))
        members.append(
            ("figures", array(record.figures.map { object([("name", text($0.name)), ("value", text($0.value))]) })))
        return object(members)
    }

    private static func object(_ violation: Violation) -> String {
        object([
            ("invariant", text(violation.invariant)),
            ("at_ns", String(violation.at.nanoseconds)),
            ("event", String(violation.event)),
            ("peers", array(violation.peers.map { String($0) })),
            ("expected", text(violation.expected)),
            ("found", text(violation.found)),
        ])
    }

    /// Counts by id in their order; an object may have a name once only, so those of one id are added up.
    private static func judged(_ record: RunRecord) -> [(String, String)] {
        var counts: [(id: String, count: UInt64)] = []
        for judged in record.judged {
            if let index = counts.firstIndex(where: { $0.id == judged.invariant }) {
                counts[index].count += judged.count
            } else {
                counts.append((judged.invariant, judged.count))
            }
        }
        return counts.map { ($0.id, String($0.count)) }
    }

    // MARK: Syntax

    private static func object(_ members: [(String, String)]) -> String {
        "{" + members.map { text($0.0) + ":" + $0.1 }.joined(separator: ",") + "}"
    }

    private static func array(_ items: [String]) -> String { "[" + items.joined(separator: ",") + "]" }

    /// With the short escapes of RFC 8259 where there are any; U+2028 and U+2029 end lines for some readers.
    static func text(_ words: String) -> String {
        var out = "\""
        for scalar in words.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            default:
                let value = scalar.value
                if value < 0x20 || (0x7F...0x9F).contains(value) || value == 0x2028 || value == 0x2029 {
                    let digits = String(value, radix: 16)
                    out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                } else {
                    out.unicodeScalars.append(scalar)
                }
            }
        }
        return out + "\""
    }
}
