import Simulator
import Testing

@testable import SimulatorCommands

/// What a person is told about a file that is wrong (`simulation.md` 13).
@Suite struct MistakeTests {
    static let why = "why: Whatever this test asks must hold in a full sentence.\n"

    /// The first lines of all mistakes, with line and column.
    static func mistakes(_ text: String) -> [String] {
        do throws(Mistakes) {
            _ = try ScenarioReader.read(text, name: "test")
            return []
        } catch {
            return error.all.map { "\($0.line):\($0.column): \($0.message)" }
        }
    }

    /// Shows the form of section 13 to the letter: place, excerpt, caret, why, fix.
    @Test func form() {
        let text = Self.why + "faults:\n  - {kind: partision, at: 60s}\n"
        do throws(Mistakes) {
            _ = try ScenarioReader.read(text, name: "churn")
            Issue.record("read")
        } catch {
            #expect(
                error.text(file: "churn.yaml", source: text) == """
                    churn.yaml:3:12: unknown fault kind "partision"
                        3 |   - {kind: partision, at: 60s}
                          |            ^^^^^^^^^
                       why: kinds are a closed list, so that a misspelt fault cannot quietly do nothing
                       fix: did you mean "partition"? `peersim list faults` prints all of them
                    """)
        }
    }

    /// Shows every case in the table of section 13.
    @Test(arguments: [
        ("peers: 8\n\tseats: 4\n", "3:1: not readable as YAML: a tab starts the line; indent with spaces"),
        ("peers: 8\nseats: 4\npeers: 9\n", "4:1: \"peers\" is set twice, first in line 2"),
        ("faults:\n  - {at: 60s, kind: lose, at: 61s, who: all}\n", "3:27: \"at\" is set twice, first in line 3"),
        ("peer: 8\n", "2:1: unknown field \"peer\"; did you mean \"peers\"?"),
        ("duration: 60\n", "2:11: \"60\" has no unit; write 60s, 60ms or 60min"),
        ("peers: 8\nseats: 9\n", "3:8: 9 seats, but only 8 peers"),
        ("peers: 10000\ncrypto: real\n", "3:9: crypto real with 10000 peers would take hours; use sim"),
        ("seats: 7\nfaults:\n  - {at: 60s, kind: crash, who: \"seat:9\"}\n",
            "4:33: \"seat:9\" asks for 9 seats, but there are 7"),
        ("duration: 15min\ncalm_at: 20min\n", "3:10: calm_at 20min is after the end of the run (15min)"),
        ("seats: 7\nfaults:\n  - {at: 60s, kind: lose, who: \"seat:3\"}\n",
            "4:5: 3 seats are lost for good, 2 are tolerated; lose fewer or write \"expect: halt\""),
        ("calm_at: 7min\nfaults:\n  - {at: 8min, kind: pause, who: all}\n",
            "4:10: this fault starts at 8min, after calm_at 7min"),
    ])
    func table(text: String, expected: String) {
        #expect(Self.mistakes(Self.why + text) == [expected])
    }

    /// Shows that values are read strictly, whatever YAML makes of them, and that nothing is accepted silently.
    @Test(arguments: [
        ("peers: 010", "2:8: \"010\" is not a whole number"),
        ("peers: 0x20", "2:8: \"0x20\" is not a whole number"),
        ("peers: 1e3", "2:8: \"1e3\" is not a whole number"),
        ("peers: ~", "2:8: \"~\" is not a whole number"),
        ("peers: 0", "2:8: 0 is out of range; from 1 to 100000 is allowed"),
        ("boot: 12:30", "2:7: \"12:30\" is not a duration"),
        ("boot: -3s", "2:7: \"-3s\" is negative"),
        ("boot: 3 s", "2:7: \"3 s\" is not a duration"),
        ("duration: 2000h", "2:11: \"2000h\" is not a duration"),
        ("network: {loss: 0.2}", "2:17: \"0.2\" is not a ratio"),
        ("network: {loss: 3/2}", "2:17: \"3/2\" is more than all"),
        ("network: {mtu: 1200}", "2:16: \"1200\" has no unit; write 1200B or 1200KiB"),
        ("network: {up: 20}", "2:15: \"20\" is not a bandwidth"),
        ("network: internett", "2:10: unknown network profile \"internett\""),
        ("workload: {in_calm: yes}", "2:21: \"yes\" is neither true nor false"),
        ("workload:\n  - {op: transfer, rate: 5}", "3:26: \"5\" is not a rate"),
        ("workload:\n  - {op: transfer, replicas: 3}", "3:20: transfer has no \"replicas\""),
        ("must: [jobs_end, jobsend]", "2:18: unknown must \"jobsend\""),
        ("must: [quiet, {quiet: 5s}]", "2:15: \"quiet\" is demanded twice"),
        ("expect: {violation: Q1}", "2:21: unknown invariant \"Q1\""),
        ("expect: fail", "2:9: expected outcome \"fail\" is not one"),
        ("mode: bonded", "2:7: mode \"bonded\" belongs to a later stage"),
        ("sweep: {peers: [1, 2]}", "2:1: field \"sweep\" belongs to a later stage"),
        ("seed: 5", "2:1: a regression needs \"violated\" and \"cause\" as well"),
        ("tier: XXL", "2:7: unknown tier \"XXL\""),
        ("tier: S\npeers: 500", "2:7: tier S with 500 peers would take hours; use a larger tier"),
        ("adversaries: [{type: copyer, count: 1}]", "2:22: unknown adversary type \"copyer\""),
        ("adversaries: [{type: tolerance_walker, count: 1}]", "2:22: \"tolerance_walker\" cannot act yet"),
        ("plant: L44", "2:8: unknown plant \"L44\""),
        ("adversaries: [{type: copier}]", "2:15: the adversary has no members"),
        ("adversaries: [{type: silent_leader, count: 2}]",
            "2:15: 2 seats are lost for good or lying, 1 is tolerated; lose fewer or write \"expect: halt\""),
        ("peer_list: [{address: \"8.1.2.3:7717\", role: seat}]\npeers: 3",
            "3:1: \"peers\" cannot stand beside \"peer_list\""),
        ("groups: {a: \"peers:0-40\"}", "2:13: peer 40 does not exist; peers are 0 to 31"),
        ("faults: [{kind: pause, who: all}]", "2:10: \"at\" is missing"),
        ("faults: [{at: 40s, kind: pause}]", "2:10: \"who\" is missing"),
        ("faults: [{at: 40s, kind: loss, who: all}]", "2:10: \"p\" is missing"),
        ("faults: [{at: 40s, kind: pause, who: leaders}]", "2:38: \"leaders\" is not a selector"),
        ("faults: [{at: 40s, kind: pause, who: rest}]", "2:38: \"rest\" has nothing to be the rest of"),
        ("faults: [{at: 40s, kind: pause, who: \"group:b\"}]", "2:38: there is no group \"b\""),
        ("faults: [{at: 40s, kind: partition, groups: [leader, rest]}]", "2:46: \"leader\" cannot stand here"),
        ("faults: [{at: 40s, kind: upgrade, who: all}]", "2:26: fault kind \"upgrade\" belongs to a later stage"),
        ("faults: [{at: 40s, kind: pause, who: all, p: 1/2}]", "2:43: unknown field \"p\""),
        ("faults: [{at: 40s, kind: pause, who: all, every: 5s}]", "2:43: \"times\" and \"every\" belong together"),
        ("faults: [{at: 40s, kind: pause, who: all, every: 1min, times: 9}]",
            "2:63: the last of these faults starts at 520s, after calm_at 6min"),
        ("peers: &n 5", "2:8: not readable as YAML: an anchor is not supported"),
        ("peers: !!int 5", "2:8: not readable as YAML: a tag is not supported"),
        ("peers: &n 5\nseats: *n", "2:8: not readable as YAML: an anchor is not supported"),
        ("peers: 5\n---\npeers: 6", "4:1: not readable as YAML: a second document begins"),
        ("peers: [1, 2", "3:1: not readable as YAML: did not find expected ',' or ']'"),
    ])
    func strict(text: String, expected: String) {
        #expect(Self.mistakes(Self.why + text + "\n") == [expected])
    }

    /// Shows that all mistakes are told at once, in order, and that more than 20 are counted.
    @Test func allAtOnce() {
        let three = Self.mistakes("peers: x\nboot: 9\ncolour: red\n")
        #expect(
            three == [
                "1:1: \"why\" is missing: say in a sentence what must hold", "1:8: \"x\" is not a whole number",
                "2:7: \"9\" has no unit; write 9s, 9ms or 9min", "3:1: unknown field \"colour\"",
            ])
        let many = Self.why + "faults:\n" + String(repeating: "  - {kind: nothing, at: 1}\n", count: 30)
        do throws(Mistakes) {
            _ = try ScenarioReader.read(many, name: "test")
            Issue.record("read")
        } catch {
            #expect(error.all.count == 20 && error.omitted == 10)
            let text = error.text(file: "f", source: many)
            #expect(text.hasSuffix("10 more mistakes are not shown; correct these first"))
        }
    }

    /// Shows that what a scenario asks for beyond tolerance is fine where it says so.
    @Test func expectedHalt() {
        #expect(
            Self.mistakes(Self.why + "expect: halt\nfaults: [{at: 60s, kind: lose, who: \"seat:3\"}]\n").isEmpty)
        #expect(
            Self.mistakes(Self.why + "faults: [{at: 60s, kind: crash, who: \"seat:3\"}]\n").isEmpty)
    }
}
