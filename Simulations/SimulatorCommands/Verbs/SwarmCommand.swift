public import ArgumentParser
import Basis
import Foundation
import Simulator

/// `peersim swarm`
public struct SwarmCommand: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "swarm", abstract: "Runs many seeds, each another network with other faults and adversaries.",
        discussion: """
            Ends with "N passed, M failed, K exhausted". Exit codes: 0 all passed, 1 a seed failed, 2 a seed gave two \
            different runs, 3 a seed came to no outcome in its time.
            """)

    @OptionGroup var flags: RunFlags

    @OptionGroup var plant: PlantFlag

    @Option(help: "S or M.")
    var tier = "M"

    @Option(help: "So many peers in each network instead of a drawn number: 3 to 9 in tier S, 32 to 128 in M.")
    var peers: Int?

    @Option(help: ArgumentHelp("First and last seed; the default is 0..63, or 64 from --seed on.", valueName: "a..b"))
    var seeds: String?

    @Option(help: "Stops beginning new seeds after so many minutes.")
    var minutes: Double?

    @Flag(help: "Goes on after failures.")
    var keepGoing = false

    @Option(help: "Ends after so many failures unless --keep-going.")
    var maxFailures = 1

    @Option(help: "One seed in so many is run twice; 0: none.")
    var verifyEvery: UInt64 = 20

    @Option(help: ArgumentHelp("Runs one seed here.", visibility: .hidden))
    var one: UInt64?

    public init() {}

    struct Told: Sendable {
        var code: Int32
        var text: String
        var json: String
    }

    public func run() throws {
        guard let size = Plan.Tier(rawValue: tier), size == .small || size == .medium else {
            Console.complain("--tier is S or M, not \"\(tier)\"")
            throw ExitCode(64)
        }
        let sizes = SwarmPlan.sizes(size)
        if let peers, !sizes.contains(peers) {
            Console.complain(
                "--peers \(peers) is no size of tier \(tier); it has \(sizes.lowerBound) to \(sizes.upperBound)")
            throw ExitCode(64)
        }
        if let id = plant.id { _ = try PlantFlag.checked(id) }
        if let one { return try runOne(one, size) }
        let range = try seedRange()
        let seconds = try flags.secondsMax()
        let began = Date()
        let limit = minutes.map { $0 * 60 }
        let budget = Budget(failuresMax: keepGoing ? .max : maxFailures)
        var passed = 0
        var failed = 0
        var exhausted = 0
        var worst: Int32 = 0
        var judged: [String: UInt64] = [:]
        var shownAt = Date()
        let count = Int(clamping: range.count)
        let base = range.lowerBound
        let every = verifyEvery
        let (json, out) = (flags.json, flags.out)
        var own = ["--tier", tier, "--json", "--time-limit", "\(Int(seconds))s"]
        if let out = flags.out { own += ["--out", out] }
        if let id = plant.id { own += ["--plant", id] }
        if let peers { own += ["--peers", String(peers)] }
        let common = own
        inParallel(count, jobs: flags.jobCount()) {
            if let limit, Date().timeIntervalSince(began) > limit { return false }
            return !budget.isSpent
        } work: { index in
            let seed = base + UInt64(index)
            let told = SwarmCommand.runApart(
                seed, size, out, seconds, common, isTwice: every > 0 && seed % every == every - 1)
            if told.code == 1 || told.code == 2 { budget.fail() }
            return told
        } done: { _, told in
            switch told.code {
            case 0: passed += 1
            case 3: exhausted += 1
            default: failed += 1
            }
            worst = SimulatorExit.worst(worst, told.code)
            if json { print(told.json) } else if told.code != 0 { print(told.text) }
            SwarmCommand.add(told.json, to: &judged)
            if !flags.noProgress, !flags.quiet, Date().timeIntervalSince(shownAt) >= WorldRun.lineSeconds {
                shownAt = Date()
                let past = Int(Date().timeIntervalSince(began))
                Console.tell(
                    "swarm \(tier)  \(passed + failed + exhausted) of \(count) seeds in \(past) s  \(failed) failed\n")
            }
            fflush(nil)
        }
        let least = judged.sorted { $0.value != $1.value ? $0.value < $1.value : $0.key < $1.key }.prefix(5)
        if !flags.json, !least.isEmpty {
            print("judged least: " + least.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
        }
        print("\(passed) passed, \(failed) failed, \(exhausted) exhausted")
        if worst != 0 { throw ExitCode(worst) }
    }

    private func seedRange() throws -> Range<UInt64> {
        guard let seeds else {
            let first = RunFlags.isSeedGiven ? try flags.seed.value() : 0
            return first..<(first &+ 64)
        }
        let ends = seeds.components(separatedBy: "..").map { try? Scalar.word($0) }
        guard ends.count == 2, let low = ends[0], let high = ends[1], low <= high, high < .max else {
            Console.complain("--seeds \"\(seeds)\" is no range; write 0..1000")
            throw ExitCode(64)
        }
        return low..<(high + 1)
    }

    /// Counts failures across threads.
    private final class Budget: @unchecked Sendable {
        private let lock = NSLock()
        private var left: Int
        init(failuresMax: Int) { left = failuresMax }
        var isSpent: Bool { lock.withLock { left <= 0 } }
        func fail() { lock.withLock { left -= 1 } }
    }

    // MARK: one seed

    private static func runApart(
        _ seed: UInt64, _ tier: Plan.Tier, _ out: String?, _ seconds: Double, _ common: [String], isTwice: Bool
    ) -> Told {
        func child() -> ChildProcess.Result {
            ChildProcess(arguments: ["swarm", "--one", String(seed)] + common, secondsMax: seconds + 30).run()
        }
        let first = child()
        var told = told(first, seed, tier, out)
        if isTwice, !first.isSignalled, !first.isTimedOut {
            let second = child()
            if hash(second.output) != hash(first.output) {
                told.code = 2
                told.text =
                    "differs  \(name(seed, tier))  \(hash(first.output)) and \(hash(second.output))"
            }
        }
        return told
    }

    private static func told(
        _ result: ChildProcess.Result, _ seed: UInt64, _ tier: Plan.Tier, _ out: String?
    ) -> Told {
        let lines = result.output.split(separator: "\n").map(String.init)
        let json = lines.first ?? "{\"outcome\":\"none\",\"seed\":\"\(seed)\"}"
        if result.isTimedOut { return Told(code: 3, text: "exhausted  \(name(seed, tier))", json: json) }
        if result.isSignalled {
            let plan = folder(seed, tier, out).path + "/plan.yaml --seed 0x\(String(seed, radix: 16))"
            return Told(
                code: 1,
                text: """
                    trapped  \(name(seed, tier))  \(result.trap)
                      again     peersim run \(plan)
                      shrink    peersim shrink --plan \(plan)
                    """, json: json)
        }
        return Told(code: result.status, text: lines.dropFirst().joined(separator: "\n"), json: json)
    }

    private static func name(_ seed: UInt64, _ tier: Plan.Tier) -> String {
        "\(SwarmPlan.name(seed: seed, tier: tier))  seed 0x\(String(seed, radix: 16))"
    }

    /// Where the plan of a seed goes, and what else a failed run leaves.
    private static func folder(_ seed: UInt64, _ tier: Plan.Tier, _ out: String?) -> RunFolder {
        let name = SwarmPlan.name(seed: seed, tier: tier)
        return RunFolder(out.map { "\($0)/\(name)-\(String(seed, radix: 16))" }, scenario: name, seed: seed)
    }

    private static func hash(_ output: String) -> String {
        guard let at = output.range(of: "\"hash\":\"") else { return "" }
        return String(output[at.upperBound...].prefix(16))
    }

    private static func add(_ json: String, to judged: inout [String: UInt64]) {
        guard let value = try? JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any],
            let counts = value["judged"] as? [String: Any]
        else { return }
        for (id, count) in counts { judged[id, default: 0] += (count as? NSNumber)?.uint64Value ?? 0 }
    }

    /// In a process of its own: the plan is written before anything can trap.
    private func runOne(_ seed: UInt64, _ size: Plan.Tier) throws {
        var plan = SwarmPlan.make(seed: seed, tier: size, peers: peers)
        try plant.put(into: &plan)
        let folder = SwarmCommand.folder(seed, size, flags.out)
        try folder.put("plan.yaml", PlanWriter.yaml(plan))
        var run = WorldRun(plan: plan, seed: seed)
        run.secondsMax = try flags.secondsMax()
        let result = run.run()
        let code = SimulatorExit.code(result.record)
        print(OutcomeJSON.line(result.record))
        if code == 0 {
            try? FileManager.default.removeItem(atPath: folder.path)
            return
        }
        try folder.write(result)
        let failed: String =
            switch result.record.outcome {
            case .violated(let violation): violation.invariant
            case .stuck(let must, _): must.rawValue
            default: result.record.outcome.word
            }
        let isKnown = CheckerSet.invariants.contains { $0.id == failed } || Must.ID(rawValue: failed) != nil
        let finding = isKnown ? Scenario.Finding(seed: seed, violated: failed, cause: "not explained yet") : nil
        try folder.put("plan.yaml", PlanWriter.yaml(plan, finding: finding))
        print(OutcomeText.line(result.record))
        if let failure = OutcomeText.failure(result.record, folder: folder.path) { print(failure) }
        print("  replay    peersim replay --scenario \(folder.path)/plan.yaml --seed 0x\(String(seed, radix: 16))")
        print("  shrink    peersim shrink --plan \(folder.path)/plan.yaml")
        throw ExitCode(code)
    }
}
