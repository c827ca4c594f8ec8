import Basis

/// The last events before a failure: peers as columns, time downwards, a message as an arrow.
struct SequenceDiagram {
    static let eventsMax = 40
    private static let columnsMax = 12

    var events: [ToldEvent]
    /// Peers and the event of the violation, if it is one.
    var guilty: [Int]
    var fatal: UInt64?
    /// Of the columns, ascending; peers beyond them share the last.
    private var peers: [Int]
    private var others: Bool

    private static let head = 30.0
    private static let rowHeight = 22.0
    private static let left = 148.0
    private static let columns = 470.0

    init(_ record: RunRecord) {
        events = Array(record.lastEvents.suffix(SequenceDiagram.eventsMax))
        guilty = []
        fatal = nil
        if case .violated(let violation) = record.outcome {
            guilty = violation.peers
            fatal = violation.event
        }
        // Those of the violation first, then who shows up latest: nearest to the failure.
        var seen: [Int] = []
        for peer in guilty + events.reversed().flatMap({ [$0.peer] + ($0.from.map { [$0] } ?? []) })
        where !seen.contains(peer) {
            seen.append(peer)
        }
        others = seen.count > SequenceDiagram.columnsMax
        peers = seen.prefix(others ? SequenceDiagram.columnsMax - 1 : SequenceDiagram.columnsMax).sorted()
    }

    private func x(_ peer: Int) -> Double {
        let count = peers.count + (others ? 1 : 0)
        let index = peers.firstIndex(of: peer) ?? peers.count
        let gap = min(90, SequenceDiagram.columns / Double(count))
        return SequenceDiagram.left + gap / 2 + Double(index) * gap
    }

    private var wordsX: Double {
        let count = Double(peers.count + (others ? 1 : 0))
        return SequenceDiagram.left + min(90, SequenceDiagram.columns / count) * count + 16
    }

    private func y(_ row: Int) -> Double {
        SequenceDiagram.head + (Double(row) + 0.5) * SequenceDiagram.rowHeight
    }

    func write(into page: inout Markup) {
        if events.isEmpty { return }
        let bottom = SequenceDiagram.head + Double(events.count) * SequenceDiagram.rowHeight
        page.element("div", ["class": "drawing"]) { page in
            page.element(
                "svg",
                [
                    "viewBox": "0 0 \(px(TimeFrame.width)) \(px(bottom + 8))", "role": "img",
                    "aria-label": "The last events as a sequence diagram",
                ]
            ) { page in
                for (row, event) in events.enumerated() where event.number == fatal {
                    page.box(
                        0, y(row) - SequenceDiagram.rowHeight / 2, TimeFrame.width, SequenceDiagram.rowHeight, "fatal",
                        round: 3)
                }
                page.label("time in s", 62, 18, "tick", .end)
                page.label("event", SequenceDiagram.left - 14, 18, "tick", .end)
                for peer in peers { column("\(peer)", x(peer), bottom, guilty.contains(peer), into: &page) }
                if others { column("others", x(.max), bottom, false, into: &page) }
                for (row, event) in events.enumerated() { draw(event, y(row), into: &page) }
            }
        }
        page.newline()
    }

    private func column(_ name: String, _ x: Double, _ bottom: Double, _ isGuilty: Bool, into page: inout Markup) {
        page.line(x, SequenceDiagram.head - 4, x, bottom, isGuilty ? "life guilty" : "life")
        let wide = max(26, textWidth(name) + 10)
        page.box(x - wide / 2, 4, wide, 20, isGuilty ? "peer guilty" : "peer", round: 4)
        page.label(name, x, 18, isGuilty ? "peer-name guilty" : "peer-name", .middle)
    }

    private func draw(_ event: ToldEvent, _ y: Double, into page: inout Markup) {
        page.label(Wording.seconds(event.at), 62, y + 4, "tick", .end)
        let number = Wording.grouped(event.number, by: Wording.narrowSpace)
        page.label(number, SequenceDiagram.left - 14, y + 4, "tick", .end)
        let to = x(event.peer)
        page.element("g") { page in
            if let from = event.from, x(from) != to {
                let start = x(from)
                let way: Double = to > start ? 1 : -1
                page.line(start, y, to - way * 8, y, "arrow")
                let tip = "M\(px(to - way)) \(px(y))L\(px(to - way * 9)) \(px(y - 4))L\(px(to - way * 9)) \(px(y + 4))Z"
                page.empty("path", ["class": "tip", "d": tip])
                page.empty("circle", ["class": "tail", "cx": px(start), "cy": px(y), "r": "2.5"])
            } else {
                page.empty("circle", ["class": "own", "cx": px(to), "cy": px(y), "r": "4"])
            }
            let room = Int((TimeFrame.width - wordsX) / 6.1)
            let kind = Wording.clipped(event.kind, to: 24)
            page.element("text", ["class": "told", "x": px(wordsX), "y": px(y + 4)]) { page in
                page.element("tspan", ["class": "kind"], kind)
                let rest = Wording.clipped(event.text, to: max(4, room - kind.count - 2))
                page.element("tspan", ["dx": "8"], rest)
            }
            page.element("title", "\(event.kind): \(event.text)")
        }
    }

    /// All of them in words.
    static func writeList(_ events: [ToldEvent], fatal: UInt64?, into page: inout Markup) {
        page.element("details") { page in
            page.element("summary", "The last \(events.count) events in words")
            page.element("div", ["class": "scroll"]) { page in
                page.element("table", ["class": "numbers"]) { page in
                    page.element("thead") { page in
                        page.element("tr") { page in
                            for name in ["time in s", "event", "peer", "from", "kind", "what"] {
                                page.element("th", name)
                            }
                        }
                    }
                    page.element("tbody") { page in
                        for event in events {
                            page.element("tr", ["class": event.number == fatal ? "fatal" : "usual"]) { page in
                                page.element("td", Wording.seconds(event.at))
                                page.element("td", Wording.grouped(event.number, by: Wording.narrowSpace))
                                page.element("td", "\(event.peer)")
                                page.element("td", event.from.map { "\($0)" } ?? "")
                                page.element("td", ["class": "words"], event.kind)
                                page.element("td", ["class": "words"], event.text)
                            }
                        }
                    }
                }
            }
        }
    }
}
