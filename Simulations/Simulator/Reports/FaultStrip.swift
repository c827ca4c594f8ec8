import Basis

/// What went wrong when, as bars in lanes: once with names, and small beneath every chart.
struct FaultStrip {
    struct Item {
        var text: String
        var from: Interval
        var to: Interval
    }

    /// Ascending by begin; those that the run did not reach are left out.
    var items: [Item]
    /// Of the small drawing, per item.
    private var smallLanes: [Int]
    /// So many of the plan came after the end of the run.
    var notReached: Int

    private static let smallLanesMax = 5
    /// Drawn with names; the table has them all.
    private static let namedMax = 150

    init(_ record: RunRecord, frame: TimeFrame) {
        let all = record.strip.map { Item(text: $0.text, from: $0.from, to: max($0.from, $0.to)) }
        items = all.filter { $0.from <= frame.end }
            .sorted { ($0.from, $0.to, $0.text) < ($1.from, $1.to, $1.text) }
        notReached = all.count - items.count
        smallLanes = FaultStrip.lanes(
            items.map { (frame.x($0.from), max(frame.x($0.to), frame.x($0.from) + 3)) }, gap: 1)
    }

    /// For each extent the lowest lane in which it touches none of those before it.
    static func lanes(_ extents: [(from: Double, to: Double)], gap: Double) -> [Int] {
        var taken: [[(from: Double, to: Double)]] = []
        return extents.map { extent in
            let free = taken.firstIndex { lane in
                !lane.contains { extent.from < $0.to + gap && $0.from < extent.to + gap }
            }
            let lane = free ?? taken.count
            if free == nil { taken.append([]) }
            taken[lane].append(extent)
            return lane
        }
    }

    /// Of the small drawing, with the space around it.
    var smallHeight: Double {
        guard let last = smallLanes.max() else { return 2 }
        return Double(min(last + 1, FaultStrip.smallLanesMax)) * 5 + 6
    }

    func drawSmall(_ frame: TimeFrame, top: Double, into page: inout Markup) {
        for (item, lane) in zip(items, smallLanes) {
            let (from, to) = (frame.x(item.from), frame.x(item.to))
            let y = top + Double(min(lane, FaultStrip.smallLanesMax - 1)) * 5
            page.element(
                "rect",
                [
                    "class": "fault", "x": px(from), "y": px(y), "width": px(max(to - from, 3)), "height": "4",
                    "rx": "1",
                ]
            ) { page in
                page.element("title", "\(item.text), \(FaultStrip.times(item))")
            }
        }
    }

    static func times(_ item: Item) -> String {
        let from = Wording.seconds(item.from) + " s"
        return item.from == item.to ? "at " + from : from + " to " + Wording.seconds(item.to) + " s"
    }

    // MARK: With names

    private struct Bar {
        var from: Double
        var to: Double
        var name: String
        var x: Double
        var anchor: Markup.Anchor
        /// Of bar and name together.
        var extent: (from: Double, to: Double)

        /// The name stands in its bar if it fits, else after it, else before it.
        init(_ item: Item, _ frame: TimeFrame) {
            from = frame.x(item.from)
            to = max(frame.x(item.to), from + 3)
            name = Wording.clipped(item.text, to: 60)
            let wide = textWidth(name)
            if to - from >= wide + 10 {
                (x, anchor, extent) = (from + 5, .start, (from, to))
            } else if to + 5 + wide <= TimeFrame.width {
                (x, anchor, extent) = (to + 5, .start, (from, to + 5 + wide))
            } else {
                (x, anchor, extent) = (from - 5, .end, (from - 5 - wide, to))
            }
        }
    }

    func write(_ frame: TimeFrame, into page: inout Markup) {
        let bars = items.prefix(FaultStrip.namedMax).map { Bar($0, frame) }
        let lanes = FaultStrip.lanes(bars.map(\.extent), gap: 8)
        let (head, laneHeight) = (18.0, 18.0)
        let bottom = head + 4 + Double((lanes.max() ?? 0) + 1) * laneHeight
        // A strip that stays in sight must leave room for what it explains.
        let stays = lanes.max() ?? 0 < 8
        page.element("div", ["class": stays ? "strip drawing stays" : "strip drawing"]) { page in
            page.element(
                "svg",
                [
                    "viewBox": "0 0 \(px(TimeFrame.width)) \(px(bottom + 20))", "role": "img",
                    "aria-label": "Faults over time",
                ]
            ) { page in
                frame.drawBands(head: 0, top: head, bottom: bottom, into: &page)
                frame.drawGrid(top: head, bottom: bottom, into: &page)
                page.label("faults", TimeFrame.left - 8, head + 17, "tick", .end)
                if bars.isEmpty { page.label("none", TimeFrame.left + 5, head + 15, "tick") }
                for (index, bar) in bars.enumerated() {
                    let y = head + 4 + Double(lanes[index]) * laneHeight
                    page.element("g") { page in
                        page.box(bar.from, y, bar.to - bar.from, 15, "fault wide", round: 2)
                        page.label(bar.name, bar.x, y + 11, "fault-name", bar.anchor)
                        page.element("title", "\(items[index].text), \(FaultStrip.times(items[index]))")
                    }
                }
                frame.drawFailure(head: 0, bottom: bottom, into: &page)
                frame.drawTimes(y: bottom + 14, into: &page)
            }
        }
        page.newline()
    }

    /// All faults in words.
    func writeTable(into page: inout Markup) {
        if items.isEmpty, notReached == 0 { return }
        page.element("details") { page in
            page.element("summary", "Faults in words")
            if items.count > FaultStrip.namedMax {
                page.element("p", ["class": "note"], "The strip names the first \(FaultStrip.namedMax) of these.")
            }
            if notReached > 0 {
                page.element("p", ["class": "note"], "\(notReached) more were planned for after the end of this run.")
            }
            page.element("div", ["class": "scroll"]) { page in
                page.element("table", ["class": "numbers"]) { page in
                    page.element("thead") { page in
                        page.element("tr") { page in
                            for name in ["from, s", "to, s", "fault"] { page.element("th", name) }
                        }
                    }
                    page.element("tbody") { page in
                        for item in items {
                            page.element("tr") { page in
                                page.element("td", Wording.seconds(item.from))
                                page.element("td", item.from == item.to ? "" : Wording.seconds(item.to))
                                page.element("td", ["class": "words"], item.text)
                            }
                        }
                    }
                }
            }
        }
    }
}
