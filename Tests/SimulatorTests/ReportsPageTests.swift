import Basis
import Foundation
@testable import Simulator
import Testing

/// The page of a run: well-formed whatever a run holds, complete, and without anything to load or execute.
@Suite struct ReportsPageTests {
    /// A reader of tags that knows just enough to see whether each is closed in turn and each attribute is quoted.
    struct Tags {
        struct Broken: Error, CustomStringConvertible {
            var description: String
        }

        /// Names of the elements, in the order of their begin.
        private(set) var names: [String] = []
        private(set) var texts: [String] = []

        init(_ page: String) throws {
            var rest = Substring(page)
            var open: [String] = []
            while let start = rest.firstIndex(of: "<") {
                let text = rest[..<start]
                if text.contains(">") && open.last != "style" { throw Broken(description: "a bare > in \(text)") }
                try Tags.checkReferences(text)
                texts.append(String(text))
                rest = rest[start...].dropFirst()
                guard let end = rest.firstIndex(of: ">") else { throw Broken(description: "no end") }
                let tag = rest[..<end]
                rest = rest[end...].dropFirst()
                if tag.hasPrefix("!DOCTYPE") { continue }
                if tag.hasPrefix("/") {
                    guard open.popLast() == String(tag.dropFirst()) else {
                        throw Broken(description: "</\(tag.dropFirst())> closes nothing in \(open)")
                    }
                    continue
                }
                let isEmpty = tag.hasSuffix("/")
                let name = String((isEmpty ? tag.dropLast() : tag).prefix { $0 != " " })
                try Tags.checkAttributes((isEmpty ? tag.dropLast() : tag).dropFirst(name.count))
                names.append(name)
                if !isEmpty { open.append(name) }
            }
            if !open.isEmpty { throw Broken(description: "left open: \(open)") }
        }

        /// ` a="b" c="d"` and nothing else, no name twice.
        private static func checkAttributes(_ text: Substring) throws {
            var rest = text
            var seen: Set<String> = []
            while !rest.isEmpty {
                guard rest.first == " ", let sign = rest.firstIndex(of: "="), rest[sign...].hasPrefix("=\"") else {
                    throw Broken(description: "not an attribute: \(rest)")
                }
                let name = String(rest[..<sign].dropFirst())
                guard seen.insert(name).inserted, name.allSatisfy({ $0.isLetter || $0 == "-" || $0.isNumber }) else {
                    throw Broken(description: "attribute \(name) in \(text)")
                }
                let value = rest[sign...].dropFirst(2)
                guard let end = value.firstIndex(of: "\"") else { throw Broken(description: "open quote: \(text)") }
                try checkReferences(value[..<end])
                rest = value[end...].dropFirst()
            }
        }

        private static func checkReferences(_ text: Substring) throws {
            for part in text.split(separator: "&", omittingEmptySubsequences: false).dropFirst()
            where !["amp;", "lt;", "gt;", "quot;", "#39;"].contains(where: part.hasPrefix) {
                throw Broken(description: "a bare & before \(part.prefix(20))")
            }
        }
    }

    static let records: [(String, RunRecord)] = [
        ("passed", MadeUp.passed()), ("failed", MadeUp.failed()), ("stuck", MadeUp.stuck()),
    ]

    /// Shows that every element of a page is closed in turn, by the checker above, and that it holds a drawing for each
    /// series with values and one for the faults.
    @Test func pagesAreWellFormed() throws {
        for (name, record) in ReportsPageTests.records {
            let page = ReportPage.html(record)
            let tags = try Tags(page)
            #expect(tags.names.first == "html", "\(name)")
            #expect(tags.names.count { $0 == "figure" } == 10)
            // Sign, eight charts, strip, and the diagram where there are events.
            #expect(tags.names.count { $0 == "svg" } == 10 + (record.lastEvents.isEmpty ? 0 : 1))
            let loading = ["script", "link", "img", "iframe", "object", "use", "image"]
            #expect(!tags.names.contains { loading.contains($0) })
            #expect(!page.contains("http:") && !page.contains("https:") && !page.contains("url("))
            #expect(!page.contains("javascript:") && !page.contains("@import"))
        }
    }

    /// Shows that the checker sees what it should see.
    @Test(arguments: ["<a>", "<a></b>", "<a b></a>", "<a b=\"c></a>", "<a>&</a>", "<a b=\"1\" b=\"2\"/>", "<a>></a>"])
    func checkerRefuses(_ text: String) {
        #expect(throws: Tags.Broken.self) { try Tags(text) }
    }

    /// Shows that the top says what the run was.
    @Test func topIsComplete() {
        let page = ReportPage.html(MadeUp.passed())
        let space = "\u{202F}"
        for words in [
            ">Passed<", "must not stop payments for the others", "0x9e3779b97f4a7c15", "0000000000c0ffee", "4f1c2ab",
            "1\(space)204\(space)551", "15 min", "2.9 s, 305× faster", ">7, 2 may lie<", "M, tiny limits",
            ">internet<", "6 × same_wrong_result", ">peersim replay --scenario one-way-minority --seed 0x9e3779b97f4a",
            ">finality p99<", ">2.9 s<",
        ] {
            let isThere = page.contains(words)
            #expect(isThere, "\(words)")
        }
        #expect(!page.contains("id=\"failure\"") && !page.contains("id=\"events\""))
    }

    /// Shows that charts have phases, limits, faults, names and numbers, and that silence is told.
    @Test func chartsAreComplete() {
        let page = ReportPage.html(MadeUp.passed())
        for words in [
            ">boot<", ">faults<", ">calm<", "14\u{202F}min<", "limit 24<", "↑ limit 4\u{202F}096, far above<",
            ">crash seat 5<", ">in bytes/s<", "Gini, thousandt…<", "Stayed 0 all the time, in 451 measurements",
            "of links, of samplers", "Nothing was measured.", "200 of 451 rows", "series/spread.csv",
        ] {
            let isThere = page.contains(words)
            #expect(isThere, "\(words)")
        }
    }

    /// Shows that a broken promise stands first, with its event, peers, both sides and the events before it.
    @Test func failureIsComplete() throws {
        let page = ReportPage.html(MadeUp.failed())
        for words in [
            ">L4 broken<", ">L4: an escrow resolves exactly once<", "at 231.418 s, event 1\u{202F}204\u{202F}551",
            "peers 3 and 17", ">escrow of job 9c1e… stays closed<", ">settled at height 431, refunded at height 433<",
            "The last 40 events, of 46 told", "The last 46 events in words", "class=\"fatal\"", "class=\"tip\"",
            "✕ L4<", "<tr class=\"broken\">",
        ] {
            let isThere = page.contains(words)
            #expect(isThere, "\(words)")
        }
        let failure = try #require(page.range(of: "id=\"failure\""))
        let charts = try #require(page.range(of: "id=\"charts\""))
        #expect(failure.lowerBound < charts.lowerBound)
        let stuck = ReportPage.html(MadeUp.stuck())
        #expect(stuck.contains(">Stuck: jobs_end<") && stuck.contains("Who waits for what"))
        #expect(stuck.contains("<li>observer 90 waits for block 913</li>"))
        #expect(stuck.contains("within 1 min of calm"))
    }

    /// Shows that an invariant judged zero times, a waived one and a broken one are told apart.
    @Test func invariantsAreCounted() {
        let page = ReportPage.html(MadeUp.failed())
        #expect(page.contains("6 held · 1 broken · 1 not judged · 1 waived"))
        #expect(page.contains("<tr class=\"silent\"><td class=\"id\">M14<"))
        #expect(page.contains("waived: the measure of idle traffic needs 4 h"))
        #expect(page.contains("116\u{202F}736"))
    }

    /// Shows that an outcome that the plan wanted is good news, and another is not.
    @Test func expectationsAreWeighed() {
        var record = MadeUp.failed()
        record.plan.expects = .violation("L4")
        #expect(OutcomeReading(record).tone == .good)
        #expect(ReportPage.html(record).contains("outcome good"))
        record.plan.expects = .violation("L5")
        #expect(OutcomeReading(record).tone == .bad)
        record.outcome = .halted
        record.plan.expects = .halt
        #expect(OutcomeReading(record).tone == .good)
        record.outcome = .passed
        #expect(OutcomeReading(record).tone == .bad)
        record.outcome = .exhausted
        #expect(OutcomeReading(record).tone == .open)
        record.outcome = .trapped("Fatal error: <index>")
        #expect(ReportPage.html(record).contains("Fatal error: &lt;index&gt;"))
    }

    /// Shows that no text of a run can leave its place: every field holds markup, quotes, control characters and what
    /// turns the direction of writing, and the page stays well-formed, with none of it as it was.
    @Test func everythingIsEscaped() throws {
        let evil = "<script>\"'&\u{0}\u{1B}[2J\u{202E}</style></svg>\u{FFFE}"
        var record = MadeUp.failed()
        record.plan.name = evil
        record.plan.why = evil
        record.plan.network.name = evil
        record.plan.adversaries[0].name = evil
        record.commit = evil
        record.judged[0] = .init(invariant: evil, statement: evil, count: 1)
        record.plan.waived = [Plan.Waiver(invariant: evil, reason: evil)]
        record.figures = [(evil, evil)]
        record.strip = [(evil, .zero, .seconds(9))]
        record.series = record.series.map {
            Series(name: evil, unit: evil, columns: $0.columns.map { _ in evil }, limit: $0.limit, rows: $0.rows)
        }
        record.lastEvents[45].kind = evil
        record.lastEvents[45].text = evil
        let violation = Violation(
            invariant: evil, at: .seconds(9), event: 7, peers: [1], expected: evil, found: evil)
        for outcome in [Outcome.violated(violation), .stuck(.quiet, waits: [evil]), .trapped(evil)] {
            record.outcome = outcome
            let page = ReportPage.html(record)
            let tags = try Tags(page)
            #expect(!tags.names.contains("script"))
            #expect(tags.names.count { $0 == "style" } == 1)
            #expect(!page.unicodeScalars.contains { Wording.isUnreadable($0) && $0 != "\n" })
        }
        #expect(Markup.escaped("a<b>&\"c'\u{7}\n") == "a&lt;b&gt;&amp;&quot;c&#39;\u{FFFD}\n")
    }

    /// Shows that records with little, nothing or too much in them still make a page.
    @Test func oddRecords() throws {
        let plan = Plan(name: "empty", why: "", peers: [])
        _ = try Tags(ReportPage.html(RunRecord(plan: plan, seed: 0, outcome: .passed, traceHash: 0)))
        let record = MadeUp.odd()
        let page = ReportPage.html(record)
        _ = try Tags(page)
        // A lone spike survives the thinning of a line that is drawn with four points a pixel at most.
        let hasSpike = page.contains(">−100\u{202F}k<")
        #expect(hasSpike)
        #expect(SequenceDiagram(record).events.count == 40)
        #expect(page.utf8.count < 900_000)
    }

    /// Shows that overlapping faults never share a lane, and that lanes are used again.
    @Test func lanes() {
        let lanes = FaultStrip.lanes([(0, 10), (5, 7), (7.5, 9), (10.5, 12), (11, 20)], gap: 1)
        #expect(lanes == [0, 1, 2, 1, 0])
    }

    /// Writes pages for eyes; set `REPORT_PAGES` to a folder.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["REPORT_PAGES"] != nil)) func writesPages() throws {
        let folder = URL(fileURLWithPath: ProcessInfo.processInfo.environment["REPORT_PAGES"] ?? ".")
        for (name, record) in ReportsPageTests.records + [("odd", MadeUp.odd())] {
            let page = ReportPage.html(record)
            try Data(page.utf8).write(to: folder.appendingPathComponent(name + ".html"))
        }
    }
}
