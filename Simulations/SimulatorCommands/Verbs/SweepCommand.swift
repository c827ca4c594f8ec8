public import ArgumentParser
import Basis
import Foundation
import Simulator

/// `peersim sweep SCENARIO`
public struct SweepCommand: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "sweep", abstract: "Runs a scenario under many seeds and values, and adds up what it measures.",
        discussion: """
            Prints a table and writes a CSV file; both follow from the scenario, the values and the seeds alone. What \
            may vary: \(SweepField.allCases.map { "\($0.rawValue), \($0.meaning)" }.joined(separator: "; ")). Exit \
            codes: 0 every run ended as expected and no share lies beyond 3 standard deviations, 1 otherwise, 3 a run \
            came to no outcome in its time, 64 wrong flags or values, 65 and 66 a file has mistakes or is not there, \
            74 the CSV file cannot be written.
            """)

    @Argument(help: "A file, or a name from Simulations/Scenarios or Simulations/Regressions.")
    var scenario: String

    @OptionGroup var flags: RunFlags

    @Option(help: ArgumentHelp("What varies, and its values.", valueName: "name=a,b,c"))
    var over: String?

    @Option(help: "Seeds of each value: --seed and those after it.")
    var repeats = 8

    @Option(help: ArgumentHelp("Runs one value and prints its measures.", visibility: .hidden))
    var cell: String?

    public init() {}

    private struct Told: Sendable {
        var word: String
        var isExpected: Bool
        var isExhausted: Bool
        var measures: [Measure]
    }

    public func run() throws {
        let file = try ScenarioFile.readOrExit(scenario)
        let seed = try flags.seed.value()
        if let cell { return try runHere(file, cell, seed) }
        guard (1...10_000).contains(repeats) else {
            Console.complain("--repeats \(repeats) is out of range; from 1 to 10000 is allowed")
            throw ExitCode(64)
        }
        let (field, values) = try swept()
        // Values that cannot be are told at once, not by children.
        for value in values { _ = try varied(file, field, value) }
        let told = try tellAll(field, values, seed)
        var table = SweepTable(over: field?.rawValue ?? "", rows: values.map { SweepRow(value: $0) })
        var worst: Int32 = 0
        // By value and seed, not by when they ended: the table is the same every time.
        for (at, one) in told.enumerated() {
            table.rows[at / repeats].add(outcome: one.word, isExpected: one.isExpected, one.measures)
            worst = SimulatorExit.worst(worst, one.isExpected ? 0 : one.isExhausted ? 3 : 1)
        }
        if table.unfair > 0 { worst = SimulatorExit.worst(worst, 1) }
        let path = (flags.out ?? "peersim-out/sweeps") + "/\(file.scenario.name).csv"
        try OutputFile.write(table.csv, to: path)
        print(flags.json ? table.json : table.text)
        if !flags.json { print("\(repeats) seeds from 0x\(String(seed, radix: 16)); figures: \(path)") }
        if worst != 0 { throw ExitCode(worst) }
    }

    private func swept() throws -> (SweepField?, [String]) {
        guard let over else { return (nil, [""]) }
        do throws(Wrong) {
            return try SweepField.parse(over)
        } catch {
            throw SweepCommand.refused(error)
        }
    }

    private func varied(_ file: ScenarioFile, _ field: SweepField?, _ value: String) throws -> Scenario {
        guard let field else { return file.scenario }
        do throws(Wrong) {
            return try field.put(value, into: file.scenario)
        } catch {
            throw SweepCommand.refused(error)
        }
    }

    private static func refused(_ wrong: Wrong) -> ExitCode {
        Console.complain("\(wrong.message)\n   why: \(wrong.why)\n   fix: \(wrong.fix)")
        return ExitCode(64)
    }

    /// Every value under every seed, in processes of their own; by value, then seed.
    private func tellAll(_ field: SweepField?, _ values: [String], _ seed: UInt64) throws -> [Told] {
        let seconds = try flags.secondsMax()
        let (name, count, shows) = (scenario, repeats, !flags.quiet && !flags.noProgress)
        let total = values.count * count
        var all = [Told?](repeating: nil, count: total)
        var ended = 0
        inParallel(total, jobs: flags.jobCount()) { index in
            let own = seed &+ UInt64(index % count)
            let cell = field.map { "\($0.rawValue)=\(values[index / count])" } ?? "-"
            let child = ChildProcess(
                arguments: [
                    "sweep", name, "--cell", cell, "--seed", "0x" + String(own, radix: 16), "--time-limit",
                    "\(Int(seconds))s",
                ], secondsMax: seconds + 30)
            return SweepCommand.told(child.run())
        } done: { index, told in
            all[index] = told
            ended += 1
            if shows {
                let value = field.map { "\($0.rawValue)=\(values[index / count])  " } ?? ""
                Console.tell(
                    "sweep \(name)  \(value)seed 0x\(String(seed &+ UInt64(index % count), radix: 16))  \(told.word)  "
                        + "\(ended) of \(total)\n")
            }
        }
        return all.compactMap { $0 }
    }

    private static func told(_ result: ChildProcess.Result) -> Told {
        if result.isTimedOut { return Told(word: "exhausted", isExpected: false, isExhausted: true, measures: []) }
        let lines = result.output.split(separator: "\n")
        let words = (lines.first ?? "").split(separator: " ")
        guard !result.isSignalled, words.count == 2 else {
            return Told(word: "trapped", isExpected: false, isExhausted: false, measures: [])
        }
        return Told(
            word: String(words[1]), isExpected: words[0] == "expected", isExhausted: words[1] == "exhausted",
            measures: lines.dropFirst().compactMap { Measure(line: $0) })
    }

    /// In a process of its own.
    private func runHere(_ file: ScenarioFile, _ cell: String, _ seed: UInt64) throws {
        let parts = cell.split(separator: "=", maxSplits: 1).map(String.init)
        let field = parts.count == 2 ? SweepField(rawValue: parts[0]) : nil
        let scenario = try varied(file, field, parts.last ?? "")
        var run = WorldRun(plan: scenario.expand(seed: seed), seed: seed)
        run.secondsMax = try flags.secondsMax()
        run.asksCommit = false
        let record = run.run().record
        print(record.plan.expects.isMet(by: record.outcome) ? "expected" : "unexpected", record.outcome.word)
        for one in record.measures { print(one.line) }
    }
}
