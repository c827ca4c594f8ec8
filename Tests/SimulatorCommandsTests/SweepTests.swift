import Basis
import Simulator
import Testing

@testable import SimulatorCommands

/// What `peersim sweep` and `peersim shrink` say and take.
@Suite struct SweepTests {
    static let scenario = try? ScenarioReader.read(
        """
        why: Whatever this test asks must hold in a full sentence.
        peers: 12
        workload: [{op: open_job, rate: 1/s}]
        adversaries: [{type: same_wrong_result, share: 10%}]
        """, name: "test")

    /// Shows that each field lands in the plan.
    @Test func fields() throws {
        let scenario = try #require(Self.scenario)
        func plan(_ field: SweepField, _ value: String) throws -> Plan {
            try field.put(value, into: scenario).expand(seed: 1)
        }
        #expect(try plan(.peers, "20").peers.count == 20)
        #expect(try plan(.seats, "7").seatCount == 7)
        #expect(try plan(.loss, "5%").network.loss == Chance(5, in: 100))
        #expect(try plan(.network, "lan").network == .lan)
        #expect(try plan(.limits, "production").limits == .production)
        #expect(try plan(.share, "50%").adversaries[0].peers.count == 4)
        #expect(
            try plan(.replicas, "5").operations.allSatisfy {
                if case .openJob(let job) = $0.kind { job.replicas == 5 } else { true }
            })
    }

    /// Shows that what cannot vary, or not to that value, is refused with the allowed ones.
    @Test(arguments: ["los=1%", "loss", "loss=", "=1"])
    func refusedOver(text: String) {
        do throws(Wrong) {
            _ = try SweepField.parse(text)
            Issue.record("taken")
        } catch {
            #expect(error.fix.contains("replicas"))
        }
    }

    @Test(arguments: [
        (SweepField.peers, "0"), (.seats, "13"), (.loss, "0.2"), (.network, "moon"), (.limits, "huge"),
        (.replicas, "10"),
    ])
    func refusedValue(field: SweepField, value: String) throws {
        let scenario = try #require(Self.scenario)
        #expect(throws: Wrong.self) { try field.put(value, into: scenario) }
    }

    /// Shows rows that are added up, and a share beyond three standard deviations in words.
    @Test func table() {
        var row = SweepRow(value: "5%")
        row.add(outcome: "passed", isExpected: true, [Measure("finality", .times([300, 100]))])
        row.add(
            outcome: "stuck(jobs_end)", isExpected: false,
            [
                Measure("finality", .times([200])),
                Measure("draws of ring", .hits(70, of: 100, expected: 50_000_000, variance: 25_000_000)),
            ])
        let table = SweepTable(over: "loss", rows: [row])
        #expect(
            table.text == """
                loss=5%  1 passed, 1 stuck(jobs_end)
                  finality       3 measured: p50 200 ms, p99 300 ms, longest 300 ms
                  draws of ring  70 of 100 (70.00 %), by chance 50.00 %, +4.00 σ  BEYOND 3 σ
                """)
        #expect(table.unfair == 1)
        #expect(
            table.csv == """
                over,value,runs,passed,measure,count,of,p50_ms,p99_ms,longest_ms,expected,sigmas
                loss,5%,2,1,finality,3,,200,300,300,,
                loss,5%,2,1,draws of ring,70,100,,,,50.000,4.000

                """)
        #expect(
            table.json.split(separator: "\n").last == """
                {"over": "loss", "value": "5%", "runs": 2, "passed": 1, "measure": "draws of ring", "count": 70, \
                "of": 100, "expected": 50.000, "sigmas": 4.000}
                """)
    }

    /// Shows that a child's word about a failure comes over as it was, and that nothing else counts.
    @Test(arguments: ["failed L4 violated 31041000000 48600 3,17", "failed jobs_end stuck 5000000000 7 -"])
    func verdicts(line: String) throws {
        let verdict = try #require(ShrinkRun.Verdict(line: line))
        #expect(verdict.line == line)
        #expect(ShrinkRun.Verdict(line: "none") == nil && ShrinkRun.Verdict(line: "failed L4") == nil)
    }

    /// Shows that a file carries its plant, and that a shrunk planted plan is kept apart from the regressions.
    @Test func plants() throws {
        var plan = SwarmPlan.make(seed: 3, tier: .medium, peers: 64)
        #expect(plan.peers.count == 64)
        #expect(ShrinkCommand.path(plan, "L4", 3).hasPrefix("Simulations/Regressions/"))
        plan.plant = "L4"
        #expect(ShrinkCommand.path(plan, "L4", 3).hasPrefix("peersim-out/"))
        let read = try ScenarioReader.read(PlanWriter.yaml(plan), name: "other").expand(seed: 9)
        #expect(read == plan)
    }
}
