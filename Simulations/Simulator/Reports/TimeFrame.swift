import Basis

/// The time axis that all drawings of a page share, so that an eye can go straight down from one to the next.
struct TimeFrame {
    struct Band {
        var phase: Phase
        var from: Interval
        var to: Interval
    }

    /// Of a drawing, in pixels; `left` holds the labels of values, `right` those of lines.
    static let width = 1_080.0
    static let left = 64.0
    static let right = 180.0
    static var plotWidth: Double { width - left - right }

    var end: Interval
    var axis: TimeAxis
    var bands: [Band]
    /// Where a promise was broken, and which.
    var failure: (at: Interval, name: String)?

    init(_ record: RunRecord) {
        var end = record.simulated
        for series in record.series { end = max(end, series.rows.last?.at ?? .zero) }
        if case .violated(let violation) = record.outcome {
            failure = (violation.at, violation.invariant)
            end = max(end, violation.at)
        }
        end = max(end, .milliseconds(1))
        self.end = end
        axis = TimeAxis(end: end)
        let boot = min(max(record.plan.boot, .zero), end)
        let calm = min(max(record.plan.calmAt, boot), end)
        bands = [
            Band(phase: .boot, from: .zero, to: boot), Band(phase: .faults, from: boot, to: calm),
            Band(phase: .calm, from: calm, to: end),
        ].filter { $0.from < $0.to }
    }

    /// Of a time; times outside are drawn at the edge.
    func x(_ time: Interval) -> Double {
        let share = Double(time.nanoseconds) / Double(end.nanoseconds)
        return TimeFrame.left + min(max(share, 0), 1) * TimeFrame.plotWidth
    }

    /// Shades and names the phases. The names stand between `head` and `top`, where no line is drawn.
    func drawBands(head: Double, top: Double, bottom: Double, into page: inout Markup) {
        for band in bands {
            let (from, to) = (x(band.from), x(band.to))
            page.box(from, head, to - from, bottom - head, "phase-\(band.phase.rawValue)")
            let name = band.phase.rawValue
            if to - from > textWidth(name) + 2 { page.label(name, from + 3, top - 5, "phase") }
        }
    }

    func drawGrid(top: Double, bottom: Double, into page: inout Markup) {
        for tick in axis.ticks { page.line(x(tick), top, x(tick), bottom, "grid") }
    }

    func drawTimes(y: Double, into page: inout Markup) {
        for (tick, label) in zip(axis.ticks, axis.labels) { page.label(label, x(tick), y, "tick", .middle) }
    }

    /// A line across everything where the promise broke.
    func drawFailure(head: Double, bottom: Double, into page: inout Markup) {
        guard let failure else { return }
        let x = x(failure.at)
        page.line(x, head, x, bottom, "failure")
        // Before the line, for names of lines stand after it; after it where there is no room yet.
        let isEarly = x - TimeFrame.left < 90
        page.label("✕ " + failure.name, isEarly ? x + 4 : x - 5, head + 12, "failure-name", isEarly ? .start : .end)
    }
}

/// How wide a text of the drawings' small type is, in pixels: an estimate on the wide side.
func textWidth(_ text: String) -> Double { Double(text.count) * 6.1 }
