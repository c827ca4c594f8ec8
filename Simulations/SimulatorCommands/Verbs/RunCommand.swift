public import ArgumentParser
import Basis
import Foundation
import Simulator

/// `peersim run SCENARIO…`
public struct RunCommand: ParsableCommand {
    public enum Recording: String, ExpressibleByArgument, CaseIterable, Sendable { case hash, ring, full }

    public static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Runs scenarios, plans and regressions.",
        discussion: """
            Each runs in a process of its own, so that a node that traps costs one run. Exit codes: 0 every outcome \
            was the expected one, 1 an invariant or a must failed or a node trapped, 2 a golden hash differs, 3 a \
            limit came first, 65 and 66 a file has mistakes or is not there.
            """)

    @Argument(help: "Files, or names from Simulations/Scenarios and Simulations/Regressions.")
    var scenarios: [String]

    @OptionGroup var flags: RunFlags

    @OptionGroup var plant: PlantFlag

    @Option(help: "What is kept of the events: hash, ring (the last 65,536) or full.")
    var record = Recording.hash

    @Option(help: ArgumentHelp("Virtual time at which to stop.", valueName: "time"))
    var until: String?

    @Option(help: "Overrides the scenario's: real or sim.")
    var crypto: String?

    @Option(help: "Overrides the scenario's: tiny or production.")
    var limits: String?

    @Flag(help: "Writes the trace hash of this seed into the scenario file.")
    var updateGolden = false

    @Flag(help: "Writes the folder with report and figures also after a success.")
    var report = false

    @Flag(help: "Runs here instead of in a process of its own.")
    var inProcess = false

    @Flag(help: ArgumentHelp("Prints fingerprints of the trace.", visibility: .hidden))
    var fingerprints = false

    @Option(help: ArgumentHelp("Prints the events from this number on.", visibility: .hidden))
    var eventsFrom: UInt64?

    public init() {}

    static let ringEvents = 65_536

    public func run() throws {
        var worst: Int32 = 0
        if inProcess {
            for scenario in scenarios { worst = SimulatorExit.worst(worst, try runHere(scenario)) }
        } else {
            worst = try runApart()
        }
        if worst != 0 { throw ExitCode(worst) }
    }

    /// Every scenario as a child process.
    private func runApart() throws -> Int32 {
        // Mistakes of files and flags are told at once, not by children.
        for scenario in scenarios { _ = try plan(scenario) }
        let seconds = try flags.secondsMax()
        let all = scenarios
        let own = childArguments
        let folders = all.map { out(of: ScenarioFile.name(of: $0)).map { ["--out", $0] } ?? [] }
        let shows = all.count == 1 && !flags.quiet && !flags.noProgress
        var worst: Int32 = 0
        inParallel(all.count, jobs: flags.jobCount()) { index in
            ChildProcess(
                arguments: ["run", all[index], "--in-process"] + own + folders[index]
                    + (shows ? [] : ["--no-progress"]),
                secondsMax: seconds + 30, showsErrors: shows
            ).run()
        } done: { index, result in
            print(result.output, terminator: "")
            if result.isTimedOut {
                print("exhausted  \(all[index])  no outcome in \(Int(seconds)) s")
                worst = SimulatorExit.worst(worst, 3)
            } else if result.isSignalled {
                print("trapped  \(all[index])  \(result.trap)")
                worst = SimulatorExit.worst(worst, 1)
            } else {
                if !shows { Console.tell(result.errors) }
                worst = SimulatorExit.worst(worst, result.status)
            }
            fflush(nil)
        }
        return worst
    }

    /// `--out` itself for one scenario, a folder in it for each of several.
    private func out(of name: String) -> String? {
        flags.out.map { scenarios.count == 1 ? $0 : "\($0)/\(name)" }
    }

    private var childArguments: [String] {
        var all = ["--record", record.rawValue, "--time-limit", flags.timeLimit]
        if RunFlags.isSeedGiven { all += ["--seed", flags.seed.defaultValueDescription] }
        if let until { all += ["--until", until] }
        if let crypto { all += ["--crypto", crypto] }
        if let limits { all += ["--limits", limits] }
        if let id = plant.id { all += ["--plant", id] }
        for (flag, isOn) in [
            ("--json", flags.json), ("--quiet", flags.quiet), ("--update-golden", updateGolden), ("--report", report),
            ("--fingerprints", fingerprints),
        ] where isOn { all.append(flag) }
        if let eventsFrom { all += ["--events-from", String(eventsFrom)] }
        return all
    }

    private func plan(_ scenario: String) throws -> (plan: Plan, seed: UInt64, file: ScenarioFile) {
        let found = try ScenarioFile.readOrExit(scenario)
        let seed = try flags.seed(of: found)
        var plan = found.scenario.expand(seed: seed)
        if let crypto {
            guard let mode = Plan.Crypto(rawValue: crypto), mode != .none else {
                throw usage("--crypto is real or sim, not \"\(crypto)\"")
            }
            plan.crypto = mode
        }
        if let limits {
            guard let name = Plan.LimitsName(rawValue: limits) else {
                throw usage("--limits is tiny or production, not \"\(limits)\"")
            }
            plan.limits = name
        }
        try plant.put(into: &plan)
        return (plan, seed, found)
    }

    private func usage(_ text: String) -> ExitCode {
        Console.complain(text)
        return ExitCode(64)
    }

    private func runHere(_ scenario: String) throws -> Int32 {
        let (plan, seed, file) = try plan(scenario)
        var run = WorldRun(plan: plan, seed: seed)
        run.secondsMax = try flags.secondsMax()
        run.showsProgress = !flags.quiet && !flags.noProgress
        if let until {
            guard let time = try? Scalar.duration(until) else {
                throw usage("--until \"\(until)\" is no time; write 90s")
            }
            run.until = time
        }
        switch record {
        case .hash: break
        case .ring: run.ring = RunCommand.ringEvents
        case .full: run.window = 1..<UInt64.max
        }
        if let eventsFrom { run.window = eventsFrom..<(eventsFrom + TraceHash.fingerprintInterval + 1) }
        let result = run.run()
        let made = result.record
        if fingerprints {
            print(result.fingerprints.map { String($0, radix: 16) }.joined(separator: " "))
            print(String(made.traceHash, radix: 16), made.events)
            for event in result.recorded { print(event.text) }
            return 0
        }
        var code = SimulatorExit.code(made)
        if until != nil, made.outcome == .exhausted { code = 0 }
        let folder = RunFolder(out(of: plan.name), scenario: plan.name, seed: seed)
        let writes = report || code != 0 || record != .hash || flags.out != nil
        if writes { try folder.write(result) }
        if flags.json {
            print(OutcomeJSON.line(made))
        } else if code != 0 || !flags.quiet {
            print(OutcomeText.line(made))
            if let failure = OutcomeText.failure(made, folder: writes ? folder.path : nil) { print(failure) }
        }
        if updateGolden {
            try Golden.update(file.path, seed: seed, hash: made.traceHash)
        } else if let golden = plan.golden, golden.seed == seed, golden.hash != made.traceHash, until == nil {
            print(
                "  golden    \(String(golden.hash, radix: 16)) was expected; "
                    + "if the change is meant, run with --update-golden"
            )
            code = SimulatorExit.worst(code, 2)
        }
        return code
    }
}

/// The golden line of a scenario file.
enum Golden {
    static func update(_ path: String, seed: UInt64, hash: UInt64) throws {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            Console.complain("cannot read \(path)")
            throw ExitCode(66)
        }
        let line = "golden: {seed: 0x\(String(seed, radix: 16)), hash: 0x\(String(hash, radix: 16))}"
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if let place = lines.firstIndex(where: { $0.hasPrefix("golden:") }) {
            lines[place] = line
        } else {
            while lines.last == "" { lines.removeLast() }
            lines += [line, ""]
        }
        try OutputFile.write(lines.joined(separator: "\n"), to: path)
    }
}
