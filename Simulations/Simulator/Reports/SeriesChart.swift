import Basis

/// One series as lines over time, each with a style, a mark and its name at the right end.
struct SeriesChart {
    var series: Series
    var frame: TimeFrame
    /// Drawn small beneath the axis.
    var strip: FaultStrip

    private static let head = 18.0
    private static let labelGap = 15.0
    /// How many styles of lines the style sheet has.
    static let styles = 8

    /// What a reader calls it; the name of the file where there is no other.
    static func title(_ name: String) -> String {
        switch name {
        case "components": "Convergence: live peers, linked peers, the largest component"
        case "links": "Links"
        case "records": "Views of the membership: records kept"
        case "spread": "Spread of probe broadcasts"
        case "traffic": "Traffic"
        case "packets": "Packets"
        case "views": "Views of consensus"
        case "jobs": "Jobs by state"
        case "credit": "Credit by kind"
        case "queues": "Depth of queues"
        case "work": "Work per peer"
        case "coalition": "Share of adversaries"
        default: name.prefix(1).uppercased() + name.dropFirst()
        }
    }

    func write(into page: inout Markup) {
        page.element("figure", ["class": "chart"]) { page in
            page.element("figcaption") { page in
                page.element("h3", SeriesChart.title(series.name))
                if !series.unit.isEmpty { page.element("span", ["class": "unit"], "in " + series.unit) }
            }
            if let silence {
                page.element("p", ["class": "silence"], silence)
            } else {
                draw(into: &page)
            }
            numbers(into: &page)
        }
        page.newline()
    }

    /// Why there is nothing to draw.
    private var silence: String? {
        if series.rows.isEmpty || series.columns.isEmpty { return "Nothing was measured." }
        if series.rows.contains(where: { $0.values.contains { $0 != 0 } }) { return nil }
        let rows = Wording.grouped(series.rows.count, by: Wording.narrowSpace)
        return "Stayed 0 all the time, in \(rows) measurements: " + series.columns.joined(separator: ", ") + "."
    }

    // MARK: Drawing

    private var bounds: (low: Int64, high: Int64) {
        var (low, high): (Int64, Int64) = (0, 0)
        for row in series.rows {
            for value in row.values {
                low = min(low, value)
                high = max(high, value)
            }
        }
        return (low, high)
    }

    private func draw(into page: inout Markup) {
        let (low, high) = bounds
        // A limit far above what was reached would press the lines flat: then words alone tell of it.
        let showsLimit = series.limit.map { $0 >= 0 && $0 / 4 <= high } ?? false
        let axis = ValueAxis(low: low, high: showsLimit ? max(high, series.limit ?? 0) : high)
        let top = SeriesChart.head
        let height = max(132, Double(series.columns.count) * SeriesChart.labelGap)
        let bottom = top + height
        let stripHeight = strip.smallHeight
        let total = bottom + stripHeight + 22
        let right = TimeFrame.width - TimeFrame.right
        func y(_ value: Int64) -> Double {
            let share = (Double(value) - Double(axis.bottom)) / (Double(axis.top) - Double(axis.bottom))
            return bottom - share * height
        }

        let name = SeriesChart.title(series.name)
        page.element("div", ["class": "drawing"]) { page in
            page.element(
                "svg",
                [
                    "viewBox": "0 0 \(px(TimeFrame.width)) \(px(total))", "role": "img",
                    "aria-label": "\(name) in \(series.unit) over time",
                ]
            ) { page in
                frame.drawBands(head: 0, top: top, bottom: bottom, into: &page)
                frame.drawGrid(top: top, bottom: bottom, into: &page)
                for (tick, label) in zip(axis.ticks, axis.labels) {
                    page.line(TimeFrame.left, y(tick), right, y(tick), tick == 0 ? "axis" : "grid")
                    page.label(label, TimeFrame.left - 8, y(tick) + 3.5, "tick", .end)
                }
                if let limit = series.limit { drawLimit(limit, at: showsLimit ? y(limit) : nil, top, into: &page) }
                for column in series.columns.indices { drawLine(column, y: y, into: &page) }
                frame.drawFailure(head: 0, bottom: bottom + stripHeight, into: &page)
                drawNames(y: y, top: top, bottom: bottom, into: &page)
                strip.drawSmall(frame, top: bottom + 4, into: &page)
                frame.drawTimes(y: bottom + stripHeight + 15, into: &page)
            }
        }
    }

    private func drawLimit(_ limit: Int64, at y: Double?, _ top: Double, into page: inout Markup) {
        let right = TimeFrame.width - TimeFrame.right
        let text = "limit " + Wording.compact(limit, by: Wording.narrowSpace)
        if let y {
            page.line(TimeFrame.left, y, right, y, "limit")
            page.label(text, right - 5, y - 4 < top + 6 ? y + 12 : y - 4, "limit-name", .end)
        } else {
            page.label("↑ \(text), far above", right - 5, top + 10, "limit-name", .end)
        }
    }

    private func drawLine(_ column: Int, y: (Int64) -> Double, into page: inout Markup) {
        var path = ""
        var isOpen = false
        for index in drawnRows(column) {
            guard let index else {
                isOpen = false
                continue
            }
            let row = series.rows[index]
            path += (isOpen ? "L" : "M") + px(frame.x(row.at)) + " " + px(y(row.values[column]))
            isOpen = true
        }
        if path.isEmpty { return }
        page.element("path", ["class": SeriesChart.style(column), "d": path]) { page in
            page.element("title", series.columns[column])
        }
    }

    /// Rows that a line goes through; nil is a gap. Where several fall on one pixel, the first, the least, the greatest
    /// and the last are enough to look the same.
    private func drawnRows(_ column: Int) -> [Int?] {
        let rows = series.rows
        let all: [Int?] = rows.indices.map { rows[$0].values.count > column ? $0 : nil }
        if rows.count <= 2 * Int(TimeFrame.plotWidth) { return all }
        var out: [Int?] = []
        var start = 0
        while start < all.count {
            guard let first = all[start] else {
                if out.last != .some(nil) { out.append(nil) }
                start += 1
                continue
            }
            let pixel = Int(frame.x(rows[first].at))
            var (least, greatest, end) = (first, first, start)
            while end < all.count, let index = all[end], Int(frame.x(rows[index].at)) == pixel {
                if rows[index].values[column] < rows[least].values[column] { least = index }
                if rows[index].values[column] > rows[greatest].values[column] { greatest = index }
                end += 1
            }
            var kept = -1
            for index in [first, min(least, greatest), max(least, greatest), end - 1] where index > kept {
                out.append(index)
                kept = index
            }
            start = end
        }
        return out
    }

    /// Names at the ends of the lines, pushed apart where they would cover one another.
    private func drawNames(y: (Int64) -> Double, top: Double, bottom: Double, into page: inout Markup) {
        struct Name {
            var column: Int
            var x: Double
            var y: Double
            var value: Int64
            var place: Double
        }
        var names: [Name] = []
        for column in series.columns.indices {
            guard let last = series.rows.last(where: { $0.values.count > column }) else { continue }
            let value = last.values[column]
            names.append(Name(column: column, x: frame.x(last.at), y: y(value), value: value, place: y(value)))
        }
        names.sort { ($0.y, $0.column) < ($1.y, $1.column) }
        for index in names.indices.dropFirst() {
            names[index].place = max(names[index].place, names[index - 1].place + SeriesChart.labelGap)
        }
        var lowest = bottom + 2
        for index in names.indices.reversed() {
            names[index].place = min(names[index].place, lowest)
            lowest = names[index].place - SeriesChart.labelGap
        }
        for name in names {
            let style = name.column % SeriesChart.styles
            let edge = TimeFrame.width - TimeFrame.right
            page.empty(
                "path",
                [
                    "class": "leader",
                    "d": "M\(px(name.x + 5)) \(px(name.y))L\(px(edge + 6)) \(px(name.y))"
                        + "L\(px(edge + 14)) \(px(name.place))",
                ])
            SeriesChart.drawMark(style, x: name.x, y: name.y, into: &page)
            let start = edge + 18
            page.line(start, name.place, start + 22, name.place, SeriesChart.style(name.column))
            SeriesChart.drawMark(style, x: start + 11, y: name.place, into: &page)
            let title = Wording.clipped(series.columns[name.column], to: 16)
            page.element("text", ["class": "name", "x": px(start + 28), "y": px(name.place + 4)]) { page in
                page.words(title)
                page.element(
                    "tspan", ["class": "name-value", "dx": "6"],
                    Wording.compact(name.value, by: Wording.narrowSpace))
                page.element("title", series.columns[name.column])
            }
        }
    }

    /// Beyond the last style they begin again, but broad and pale.
    private static func style(_ column: Int) -> String {
        "line s\(column % styles)" + (column < styles ? "" : " again")
    }

    /// A shape of its own for each style, so that neither colour nor dashes need to be told apart.
    static func drawMark(_ style: Int, x: Double, y: Double, into page: inout Markup) {
        func polygon(_ corners: [(Double, Double)]) -> String {
            corners.enumerated().map { index, corner in
                (index == 0 ? "M" : "L") + px(x + corner.0) + " " + px(y + corner.1)
            }.joined() + "Z"
        }
        let shape: String
        switch style % 4 {
        case 0:
            page.empty("circle", ["class": "mark m\(style)", "cx": px(x), "cy": px(y), "r": "3.2"])
            return
        case 1: shape = polygon([(-3, -3), (3, -3), (3, 3), (-3, 3)])
        case 2: shape = polygon([(0, -4), (4, 3), (-4, 3)])
        default: shape = polygon([(0, -4.2), (4.2, 0), (0, 4.2), (-4.2, 0)])
        }
        page.empty("path", ["class": "mark m\(style)", "d": shape])
    }

    // MARK: Numbers

    /// Rows that the page prints of each series.
    static let rowsMax = 200

    private func numbers(into page: inout Markup) {
        if series.rows.isEmpty { return }
        page.element("details") { page in
            page.element("summary", "Numbers")
            let shown = Wording.thinned(series.rows.count, to: SeriesChart.rowsMax)
            if shown.count < series.rows.count {
                let all = Wording.grouped(series.rows.count, by: Wording.narrowSpace)
                page.element(
                    "p", ["class": "note"],
                    "\(shown.count) of \(all) rows, evenly apart; all of them are in series/\(series.name).csv.")
            }
            page.element("div", ["class": "scroll"]) { page in
                page.element("table", ["class": "numbers"]) { page in
                    page.element("thead") { page in
                        page.element("tr") { page in
                            page.element("th", "time in s")
                            for column in series.columns { page.element("th", column) }
                        }
                    }
                    page.element("tbody") { page in
                        for index in shown { row(series.rows[index], into: &page) }
                    }
                }
            }
        }
    }

    private func row(_ row: Series.Row, into page: inout Markup) {
        page.element("tr") { page in
            page.element("td", Wording.seconds(row.at))
            for column in series.columns.indices {
                let value = row.values.count > column ? row.values[column] : nil
                page.element("td", value.map { Wording.grouped($0, by: Wording.narrowSpace) } ?? "")
            }
        }
    }
}
