public import ArgumentParser
import Foundation
import Simulator

/// `peersim verify SCENARIO…`
public struct VerifyCommand: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Shows that a seed gives the same run in another process or another build.",
        discussion: "Exit codes: 0 the hashes are equal, 2 two runs differ (the first differing event is printed).")

    @Argument(help: "Files, or names from Simulations/Scenarios and Simulations/Regressions.")
    var scenarios: [String]

    @OptionGroup var flags: RunFlags

    @Option(help: ArgumentHelp("Another build of this program, such as the debug build.", valueName: "binary"))
    var against: String?

    @Option(help: "How many processes run the same; at least 2 unless --against is given.")
    var runs = 2

    public init() {}

    struct Print: Equatable {
        var fingerprints: [String]
        var hash: String
        var events: UInt64
    }

    public func run() throws {
        var worst: Int32 = 0
        for scenario in scenarios {
            _ = try ScenarioFile.readOrExit(scenario)
            worst = SimulatorExit.worst(worst, try verify(scenario))
        }
        if worst != 0 { throw ExitCode(worst) }
    }

    private func verify(_ scenario: String) throws -> Int32 {
        let seed = try flags.seed.value()
        let seconds = try flags.secondsMax()
        let own = max(against == nil ? 2 : 1, runs)
        let count = own + (against == nil ? 0 : 1)
        let other = against
        var prints = [Print?](repeating: nil, count: count)
        var failures: [String] = []
        inParallel(count, jobs: flags.jobCount()) { index in
            VerifyCommand.printOf(
                scenario, seed, seconds: seconds, binary: index >= own ? other : nil, from: nil)
        } done: { index, result in
            prints[index] = VerifyCommand.parse(result.output)
            if prints[index] == nil { failures.append(result.isTimedOut ? "it took too long" : result.trap) }
        }
        guard failures.isEmpty, let first = prints[0] else {
            print("failed  \(scenario)  \(failures.joined(separator: "; "))")
            return 1
        }
        for (index, one) in prints.enumerated() where one != first {
            print(
                "differs  \(scenario)  seed 0x\(String(seed, radix: 16))  \(first.hash) and \(one?.hash ?? "nothing")")
            if let one { tellDifference(scenario, seed, seconds, first, one, binary: index >= own ? other : nil) }
            return 2
        }
        print(
            "same  \(scenario)  seed 0x\(String(seed, radix: 16))  \(count) runs  \(first.events) events  "
                + "hash \(first.hash)"
        )
        return 0
    }

    /// Finds the first window whose fingerprints differ, runs it again with every event kept, and prints both sides.
    private func tellDifference(
        _ scenario: String, _ seed: UInt64, _ seconds: Double, _ a: Print, _ b: Print, binary: String?
    ) {
        var window = zip(a.fingerprints, b.fingerprints).enumerated().first { $0.element.0 != $0.element.1 }?.offset
        window = window ?? min(a.fingerprints.count, b.fingerprints.count)
        let from = UInt64(window ?? 0) * TraceHash.fingerprintInterval + 1
        let one = VerifyCommand.printOf(scenario, seed, seconds: seconds, binary: nil, from: from)
        let two = VerifyCommand.printOf(scenario, seed, seconds: seconds, binary: binary, from: from)
        let (left, right) = (VerifyCommand.events(one.output), VerifyCommand.events(two.output))
        let place = zip(left, right).enumerated().first { $0.element.0 != $0.element.1 }?.offset
        guard let place = place ?? (left.count == right.count ? nil : min(left.count, right.count)) else {
            return print("  the two runs agree when they are repeated: something outside the seed decides")
        }
        if place > 0 { print("  before    \(left[place - 1])") }
        print("  one side  \(place < left.count ? left[place] : "has ended")")
        print("  other     \(place < right.count ? right[place] : "has ended")")
    }

    private static func printOf(
        _ scenario: String, _ seed: UInt64, seconds: Double, binary: String?, from: UInt64?
    ) -> ChildProcess.Result {
        var child = ChildProcess(
            arguments: [
                "run", scenario, "--in-process", "--no-progress", "--fingerprints", "--seed",
                "0x" + String(seed, radix: 16), "--time-limit", "\(Int(seconds))s",
            ] + (from.map { ["--events-from", String($0)] } ?? []), secondsMax: seconds + 30)
        child.binary = binary
        return child.run()
    }

    private static func parse(_ output: String) -> Print? {
        let lines = output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.count >= 2 else { return nil }
        let words = lines[1].split(separator: " ")
        guard words.count == 2, let events = UInt64(words[1]) else { return nil }
        return Print(
            fingerprints: lines[0].split(separator: " ").map(String.init), hash: String(words[0]), events: events)
    }

    private static func events(_ output: String) -> [String] {
        output.split(separator: "\n", omittingEmptySubsequences: false).dropFirst(2).map(String.init).filter {
            !$0.isEmpty
        }
    }
}
