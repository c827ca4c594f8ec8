import Basis
import Foundation
@testable import Simulator
import Testing

/// What programs and terminals get of a run.
@Suite struct ReportsTextTests {
    /// Shows the form of a series as CSV, with quotes where RFC 4180 wants them.
    @Test func csv() {
        let series = Series(
            name: "x", unit: "ms", columns: ["plain", "a,b", "say \"no\"", "two\r\nlines"],
            rows: [
                .init(at: .zero, values: [0, -1, .max, .min]), .init(at: .milliseconds(1_500), values: [1]),
                .init(at: Interval(nanoseconds: 12_000_000_007), values: [1, 2, 3, 4, 5]),
            ])
        #expect(
            SeriesCSV.text(series) == #"""
                seconds,plain,"a,b","say ""no""","two\#r\#nlines"
                0,0,-1,9223372036854775807,-9223372036854775808
                1.5,1,,,
                12.000000007,1,2,3,4

                """#)
    }

    /// Shows what one line says of a trap: the words of the runtime, not of its backtrace, and the first source line.
    @Test func traps() {
        let runtime = """
            *** Signal 4: Backtracing from 0x1... done ***

            *** Swift runtime failure: arithmetic overflow ***

            Thread 0 "peersim" crashed:

              0 [inlined] [system] 0x1 Swift runtime failure: arithmetic overflow in peersim at //<compiler-generated>
              1           0x1 SavedRow.value.getter + 483 in peersim at /a/Gossip/MembershipBatch.swift:49:34
              2 [ra]      0x2 MembershipBatch.store(into:) + 283 in peersim at /a/Gossip/Other.swift:87:62

            Backtrace took 1.18s
            """
        #expect(
            TrapText.line(runtime)
                == "Swift runtime failure: arithmetic overflow  at MembershipBatch.swift:49:34")
        #expect(
            TrapText.line("noise\nGossip/Membership.swift:105: Fatal error: time went back\nmore\n")
                == "Gossip/Membership.swift:105: Fatal error: time went back")
        #expect(TrapText.line("Killed\n") == nil && TrapText.line("") == nil)
    }

    struct Line: Decodable {
        struct Broken: Decodable {
            var invariant, expected, found: String
            var at_ns, event: UInt64
            var peers: [Int]
        }
        struct Figure: Decodable { var name, value: String }
        var outcome, scenario, seed, hash, commit: String
        var expected: Bool
        var events, simulated_ms, real_ms: UInt64
        var violation: Broken?
        var must: String?
        var waits: [String]?
        var trap: String?
        var judged: [String: UInt64]
        var figures: [Figure]
    }

    static func parsed(_ record: RunRecord) throws -> Line {
        let line = OutcomeJSON.line(record)
        #expect(!line.contains { $0.isNewline })
        return try JSONDecoder().decode(Line.self, from: Data(line.utf8))
    }

    /// Shows that each outcome comes back from its JSON, and that the same record gives the same bytes.
    @Test func json() throws {
        let failed = try ReportsTextTests.parsed(MadeUp.failed())
        #expect(failed.outcome == "violated(L4)" && !failed.expected && failed.scenario == "one-way-minority")
        #expect(failed.seed == "0x9e3779b97f4a7c15" && failed.hash == "0000000000c0ffee" && failed.commit == "4f1c2ab")
        #expect(failed.events == 1_204_551 && failed.simulated_ms == 231_418 && failed.real_ms == 2_950)
        #expect(failed.violation?.peers == [3, 17] && failed.violation?.at_ns == 231_418_000_000)
        #expect(failed.judged["L4"] == 80 && failed.judged["M14"] == 0 && failed.figures.first?.value == "412 ms")
        let stuck = try ReportsTextTests.parsed(MadeUp.stuck())
        #expect(stuck.must == "jobs_end" && stuck.waits?.count == 2 && stuck.violation == nil)
        var record = MadeUp.passed()
        #expect(try ReportsTextTests.parsed(record).expected)
        #expect(OutcomeJSON.line(record) == OutcomeJSON.line(MadeUp.passed()))
        let evil = "\"\\\n\r\t\u{0}\u{1F}\u{7F}\u{2028}é😀</"
        record.outcome = .trapped(evil)
        record.plan.name = evil
        record.judged += [.init(invariant: "S3", statement: "", count: 6)]
        let line = try ReportsTextTests.parsed(record)
        #expect(line.trap == evil && line.scenario == evil && line.judged["S3"] == 300)
    }

    /// Shows the line of a run and the block of a failure, in the words of `simulation.md` 22.
    @Test func block() {
        #expect(
            OutcomeText.line(MadeUp.passed())
                == "passed  one-way-minority  seed 0x9e3779b97f4a7c15  15 min in 2.9 s  1 204 551 events  "
                + "hash 0000000000c0ffee")
        #expect(OutcomeText.failure(MadeUp.passed(), folder: nil) == nil)
        let folder = "peersim-out/one-way-minority-9e3779b97f4a7c15"
        #expect(
            OutcomeText.failure(MadeUp.failed(), folder: folder) == """
                FAILED L4  an escrow resolves exactly once
                  at 231.418 s, event 1 204 551, peers 3 and 17
                  expected  escrow of job 9c1e… stays closed      found  settled at height 431, refunded at height 433
                  see       peersim-out/one-way-minority-9e3779b97f4a7c15/report.html
                  again     peersim replay --scenario one-way-minority --seed 0x9e3779b97f4a7c15 --commit 4f1c2ab
                  smaller   peersim shrink --scenario one-way-minority --seed 0x9e3779b97f4a7c15
                """)
        var record = MadeUp.stuck()
        record.commit = ""
        #expect(
            OutcomeText.failure(record, folder: nil) == """
                FAILED jobs_end  every opened job is settled, refunded or cancelled
                  at 900.000 s, event 1 204 551
                  waits     seat 3 waits for a reveal of job 9c1e…
                            observer 90 waits for block 913
                  again     peersim replay --scenario one-way-minority --seed 0x9e3779b97f4a7c15
                  smaller   peersim shrink --scenario one-way-minority --seed 0x9e3779b97f4a7c15
                """)
        record.outcome = .passed
        record.plan.expects = .halt
        #expect(OutcomeText.failure(record, folder: nil)?.hasPrefix("FAILED passed  the plan expects another") == true)
        record.outcome = .exhausted
        #expect(OutcomeText.failure(record, folder: nil) == nil)
        record.outcome = .trapped("index\u{1B}[2J\nout of range")
        let trapped = OutcomeText.failure(record, folder: nil)
        #expect(trapped?.contains("  found     index\u{FFFD}[2J out of range\n") == true)
    }

    /// Shows that what does not fit in one line of a terminal takes two.
    @Test func longSides() throws {
        var record = MadeUp.failed()
        let long = String(repeating: "long ", count: 20)
        record.outcome = .violated(
            Violation(invariant: "Q9", at: .zero, event: 0, peers: [], expected: long, found: "short"))
        let block = try #require(OutcomeText.failure(record, folder: nil))
        #expect(block.hasPrefix("FAILED Q9\n  at 0.000 s, event 0\n  expected  long"))
        #expect(block.contains("\n  found     short\n"))
    }

    /// Shows the progress line of `simulation.md` 22, and its ends.
    @Test func progress() {
        func line(_ at: Int64, _ of: Int64, seed: UInt64 = 0x9e37_79b9_7f4a_7c15) -> String {
            OutcomeText.progress(
                name: "one-way-minority", seed: seed, phase: .faults, at: .seconds(at), of: .seconds(of),
                eventsPerSecond: 412_345, ratio: 305, note: "jobs 61/80  height 912  2 faults on  ok")
        }
        #expect(
            line(192, 900)
                == "one-way-minority  seed 0x9e37…7c15  faults 03:12/15:00 [##--------]  412 k ev/s  305x  "
                + "jobs 61/80  height 912  2 faults on  ok")
        #expect(line(0, 900, seed: 7).contains("seed 0x7  faults 00:00/15:00 [----------]"))
        #expect(line(1_000, 900).contains("[##########]") && line(0, 0).contains("[##########]"))
    }
}
