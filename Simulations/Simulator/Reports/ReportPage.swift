import Basis

/// A run as one page that a browser shows, offline and without scripts (`simulation.md` 20).
///
/// Whatever a reader looks for first stands first: how it ended and why; what broke, with the events that led there;
/// then the charts, all on one time axis, with the faults beneath; then what was judged, how often. Texts of a run may
/// hold anything that a peer sent, so they enter only through `Markup`, which escapes them; the page itself forbids the
/// browser to load or run anything.
public enum ReportPage {
    /// The whole file, in UTF-8 when written.
    public static func html(_ record: RunRecord) -> String {
        let reading = OutcomeReading(record)
        let frame = TimeFrame(record)
        var page = Markup()
        page.literal("<!DOCTYPE html>\n")
        page.element("html", ["lang": "en"]) { page in
            head(record, into: &page)
            page.element("body") { page in
                page.element("main") { page in
                    ReportSummary.write(record, reading, into: &page)
                    failure(record, into: &page)
                    charts(record, frame, into: &page)
                    InvariantTable.write(record, into: &page)
                }
            }
        }
        page.newline()
        return page.text
    }

    private static func head(_ record: RunRecord, into page: inout Markup) {
        page.element("head") { page in
            page.empty("meta", ["charset": "utf-8"])
            page.empty("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"])
            page.empty(
                "meta",
                ["http-equiv": "Content-Security-Policy", "content": "default-src 'none'; style-src 'unsafe-inline'"])
            page.element("title", "\(record.plan.name) \(Wording.seed(record.seed)): \(record.outcome.word)")
            page.element("style") { $0.literal(ReportStyle.sheet) }
        }
        page.newline()
    }

    // MARK: What broke

    private static func failure(_ record: RunRecord, into page: inout Markup) {
        var fatal: UInt64?
        switch record.outcome {
        case .violated(let violation):
            fatal = violation.event
            block(violation, record, into: &page)
        case .stuck(_, let waits):
            page.element("section", ["class": "failed", "id": "failure"]) { page in
                page.element("h2", "Who waits for what")
                if waits.isEmpty { page.element("p", ["class": "note"], "Nobody says that it waits for anything.") }
                page.element("ul", ["class": "waits"]) { page in
                    for wait in waits { page.element("li", wait) }
                }
            }
        case .passed, .halted, .exhausted, .trapped: break
        }
        if record.lastEvents.isEmpty { return }
        let shown = min(record.lastEvents.count, SequenceDiagram.eventsMax)
        page.element("section", ["id": "events"]) { page in
            page.element("h2", "How it came to this")
            let some = shown < record.lastEvents.count ? ", of \(record.lastEvents.count) told" : ""
            page.element(
                "p", ["class": "note"],
                "The last \(shown) events\(some), oldest first. Columns are peers; an arrow is a message on its "
                    + "arrival, a dot something that a peer did by itself.")
            SequenceDiagram(record).write(into: &page)
            SequenceDiagram.writeList(record.lastEvents, fatal: fatal, into: &page)
        }
        page.newline()
    }

    private static func block(_ violation: Violation, _ record: RunRecord, into page: inout Markup) {
        page.element("section", ["class": "failed", "id": "failure"]) { page in
            let statement = OutcomeReading.statement(of: violation.invariant, in: record).map { ": " + $0 } ?? ""
            page.element("h2", violation.invariant + statement)
            let event = Wording.grouped(violation.event, by: Wording.narrowSpace)
            page.element(
                "p", ["class": "where"],
                "at \(Wording.seconds(violation.at)) s, event \(event), \(Wording.peers(violation.peers))")
            page.element("dl", ["class": "sides"]) { page in
                for (name, words) in [("expected", violation.expected), ("found", violation.found)] {
                    page.element("div", ["class": "side"]) { page in
                        page.element("dt", name)
                        page.element("dd", words)
                    }
                }
            }
        }
        page.newline()
    }

    // MARK: Charts

    private static func charts(_ record: RunRecord, _ frame: TimeFrame, into page: inout Markup) {
        let strip = FaultStrip(record, frame: frame)
        page.element("section", ["id": "charts"]) { page in
            page.element("h2", "Over time")
            page.element(
                "p", ["class": "note"],
                "One axis of virtual time for all. Marks beneath each chart are the faults named at the bottom; "
                    + "numbers beside names are the last ones.")
            for series in record.series { SeriesChart(series: series, frame: frame, strip: strip).write(into: &page) }
            strip.write(frame, into: &page)
            strip.writeTable(into: &page)
        }
        page.newline()
    }
}
