import Basis

/// What was promised, how often each promise was judged, and which were not.
enum InvariantTable {
    private enum State: String {
        case held, broken, waived
        case silent = "not judged"
        /// For the style sheet.
        var style: String { self == .silent ? "silent" : rawValue }
    }

    private static func state(_ judged: RunRecord.Judged, in record: RunRecord) -> State {
        if case .violated(let violation) = record.outcome, violation.invariant == judged.invariant { return .broken }
        if record.plan.waived.contains(where: { $0.invariant == judged.invariant }) { return .waived }
        return judged.count == 0 ? .silent : .held
    }

    static func write(_ record: RunRecord, into page: inout Markup) {
        page.element("section", ["id": "invariants"]) { page in
            page.element("h2", "Invariants")
            if record.judged.isEmpty {
                page.element("p", ["class": "note"], "None were judged.")
                return
            }
            let states = record.judged.map { state($0, in: record) }
            let counts = [State.held, .broken, .silent, .waived].compactMap { state in
                let count = states.count { $0 == state }
                return count == 0 ? nil : "\(count) \(state.rawValue)"
            }
            page.element("p", ["class": "note"], counts.joined(separator: " · "))
            page.element("div", ["class": "scroll"]) { page in
                page.element("table", ["class": "invariants"]) { page in
                    page.element("thead") { page in
                        page.element("tr") { page in
                            page.element("th", "id")
                            page.element("th", "statement")
                            page.element("th", ["class": "count"], "judged")
                            page.element("th", "result")
                        }
                    }
                    page.element("tbody") { page in
                        for (judged, state) in zip(record.judged, states) { row(judged, state, record, into: &page) }
                    }
                }
            }
        }
        page.newline()
    }

    private static func row(
        _ judged: RunRecord.Judged, _ state: State, _ record: RunRecord, into page: inout Markup
    ) {
        page.element("tr", ["class": state.style]) { page in
            page.element("td", ["class": "id"], judged.invariant)
            page.element("td") { page in
                page.words(judged.statement)
                for waiver in record.plan.waived where waiver.invariant == judged.invariant {
                    page.element("span", ["class": "reason"], "waived: \(waiver.reason)")
                }
            }
            page.element("td", ["class": "count"], Wording.grouped(judged.count, by: Wording.narrowSpace))
            page.element("td", ["class": "state"], state.rawValue)
        }
    }
}
