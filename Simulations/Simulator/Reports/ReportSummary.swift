import Basis

/// The top of a page: how it ended, why it was run, what it was, how to run it again.
enum ReportSummary {
    static func write(_ record: RunRecord, _ reading: OutcomeReading, into page: inout Markup) {
        page.element("header") { page in
            page.element("p", ["class": "eyebrow"], "Simulated run")
            page.element("h1", record.plan.name)
            page.element("div", ["class": "outcome \(reading.tone.rawValue)"]) { page in
                sign(reading.tone, into: &page)
                page.element("div", ["class": "outcome-words"]) { page in
                    page.element("p", ["class": "headline"], reading.headline)
                    page.element("p", ["class": "sentence"], reading.sentence)
                }
            }
            if !record.plan.why.isEmpty {
                page.element("p", ["class": "why"]) { page in
                    page.element("strong", "Why ")
                    page.words(record.plan.why)
                }
            }
            figures(record, into: &page)
            facts(record, into: &page)
            page.element("p", ["class": "again"]) { page in
                page.element("span", "again ")
                page.element("code", OutcomeText.again(record))
            }
        }
        page.newline()
    }

    /// A check, a cross or three dots: the outcome without its colour.
    private static func sign(_ tone: OutcomeReading.Tone, into page: inout Markup) {
        page.element("svg", ["viewBox": "0 0 48 48", "class": "sign", "aria-hidden": "true"]) { page in
            page.empty("circle", ["cx": "24", "cy": "24", "r": "22"])
            switch tone {
            case .good: page.empty("path", ["d": "M14 25l7 7l14-15"])
            case .bad: page.empty("path", ["d": "M16 16l16 16M32 16l-16 16"])
            case .open: page.empty("path", ["d": "M14 24h.1M24 24h.1M34 24h.1"])
            }
        }
    }

    private static func figures(_ record: RunRecord, into page: inout Markup) {
        if record.figures.isEmpty { return }
        page.element("dl", ["class": "figures"]) { page in
            for figure in record.figures {
                page.element("div", ["class": "tile"]) { page in
                    page.element("dt", figure.name)
                    page.element("dd", figure.value)
                }
            }
        }
    }

    private static func facts(_ record: RunRecord, into page: inout Markup) {
        let plan = record.plan
        let space = Wording.narrowSpace
        var facts: [(name: String, value: String, isCode: Bool)] = [
            ("seed", Wording.seed(record.seed), true),
            ("trace hash", Wording.hash(record.traceHash), true),
            ("commit", record.commit.isEmpty ? "unknown" : record.commit, !record.commit.isEmpty),
            ("simulated", Wording.duration(record.simulated), false),
            ("real time", real(record), false),
            ("events", Wording.grouped(record.events, by: space), false),
            ("peers", Wording.grouped(plan.peers.count, by: space), false),
            ("seats", "\(plan.seatCount)" + (plan.seatCount > 0 ? ", \(plan.tolerated) may lie" : ""), false),
            // Tier XL has limits of its own, whatever a plan asks for.
            ("tier", plan.tier == .extraLarge ? "XL" : "\(plan.tier.rawValue), \(plan.limits.rawValue) limits", false),
            ("network", plan.network.name, false),
            ("signatures", plan.crypto.rawValue, false),
            ("faults", "\(plan.faults.count)", false),
        ]
        if !plan.adversaries.isEmpty {
            let all = plan.adversaries.map { "\($0.peers.count) × \($0.type.rawValue)" }
            facts.append(("adversaries", Wording.list(all), false))
        }
        page.element("dl", ["class": "facts"]) { page in
            for fact in facts {
                page.element("div", ["class": fact.value.count > 20 ? "fact long" : "fact"]) { page in
                    page.element("dt", fact.name)
                    page.element("dd", ["class": fact.isCode ? "code" : "plain"], fact.value)
                }
            }
        }
    }

    /// With how much faster than the clock on the wall it went.
    private static func real(_ record: RunRecord) -> String {
        if record.realMilliseconds == 0 { return "unknown" }
        let ratio = UInt64(max(0, record.simulated.milliseconds)) / record.realMilliseconds
        let faster = ratio >= 2 ? ", \(Wording.compact(ratio, by: Wording.narrowSpace))× faster" : ""
        return Wording.duration(milliseconds: record.realMilliseconds) + faster
    }
}
