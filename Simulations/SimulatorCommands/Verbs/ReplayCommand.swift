public import ArgumentParser
import Basis
import Foundation
import Simulator

/// `peersim replay`
public struct ReplayCommand: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "replay", abstract: "Runs a scenario once more and tells its story, one line an event.")

    @Option(help: "A file, or a name from Simulations/Scenarios or Simulations/Regressions.")
    var scenario: String

    @OptionGroup var flags: RunFlags

    @OptionGroup var plant: PlantFlag

    @Option(help: "The commit whose run is repeated; another build gives a warning.")
    var commit: String?

    @Option(help: ArgumentHelp("Virtual time from which on to tell.", valueName: "time"))
    var from: String?

    @Option(help: "Tell only what concerns this peer.")
    var peer: Int?

    @Option(
        help: ArgumentHelp("Tell only lines that contain this, such as the start of a job's id.", valueName: "text"))
    var follow: String?

    public init() {}

    public func run() throws {
        let file = try ScenarioFile.readOrExit(scenario)
        let seed = try flags.seed(of: file)
        if let commit, let head = SeedArgument.head(), !head.hasPrefix(commit) {
            Console.complain(
                "this is commit \(head.prefix(7)), not \(commit): the run may differ; check it out and build")
        }
        var begin = Interval.zero
        if let from {
            guard let time = try? Scalar.duration(from) else {
                Console.complain("--from \"\(from)\" is no time; write 90s")
                throw ExitCode(64)
            }
            begin = time
        }
        var plan = file.scenario.expand(seed: seed)
        try plant.put(into: &plan)
        var run = WorldRun(plan: plan, seed: seed)
        run.secondsMax = try flags.secondsMax()
        run.showsProgress = !flags.quiet && !flags.noProgress
        run.tellsAll = true
        let result = run.run()
        for event in result.told where event.at >= begin {
            if let peer, event.peer != peer, event.peer >= 0 { continue }
            let line = StoryLine.text(event)
            if let follow, !line.contains(follow) { continue }
            print(line)
        }
        print(OutcomeText.line(result.record))
        if let failure = OutcomeText.failure(result.record, folder: nil) { print(failure) }
        let code = SimulatorExit.code(result.record)
        if code != 0 { throw ExitCode(code) }
    }
}

/// `peersim trace FILE`
public struct TraceCommand: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "trace", abstract: "Prints a recorded trace as text, one event per line.")

    @Argument(help: "A .pntrace file, written by run --record ring or full.")
    var file: String

    @Option(help: "Only events of this peer.")
    var peer: Int?

    @Option(help: "Only events of this kind: datagram, opened, bytes, closed, deadline, disk, task, operation, …")
    var kind: String?

    @Option(help: ArgumentHelp("Only the hundred events around this number.", valueName: "event"))
    var around: UInt64?

    @Option(help: ArgumentHelp("Only between two virtual times, such as 30s..90s.", valueName: "times"))
    var between: String?

    public init() {}

    public func run() throws {
        guard let data = FileManager.default.contents(atPath: file) else {
            Console.complain("cannot read \(file): it is not there, or not readable by you")
            throw ExitCode(66)
        }
        guard let events = TraceFile.events([UInt8](data)) else {
            Console.complain("\(file) is no trace: it should begin with \"pntrace1\" and hold 40 bytes an event")
            throw ExitCode(65)
        }
        var span: ClosedRange<Interval>?
        if let between {
            let ends = between.components(separatedBy: "..").map { try? Scalar.duration($0) }
            guard ends.count == 2, let low = ends[0], let high = ends[1], low <= high else {
                Console.complain("--between \"\(between)\" is no span; write 30s..90s")
                throw ExitCode(64)
            }
            span = low...high
        }
        for event in events {
            if let peer, event.peer != peer { continue }
            if let kind, event.kindName != kind { continue }
            if let around, event.number + 50 < around || event.number > around + 50 { continue }
            if let span, !span.contains(event.at) { continue }
            print(event.text)
        }
    }
}

/// `peersim report FILE…`
public struct ReportCommand: ParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Runs scenarios or plans and writes page and CSV files of each.")

    @Argument(help: "Scenarios, plans or regressions; the plan.yaml of a run's folder, too.")
    var files: [String]

    @OptionGroup var flags: RunFlags

    @Option(
        name: .customShort("o"),
        help: ArgumentHelp("The HTML file; CSV files go beside it into series/.", valueName: "file"))
    var page: String?

    public init() {}

    public func run() throws {
        var worst: Int32 = 0
        for name in files {
            let file = try ScenarioFile.readOrExit(name)
            let seed = try file.scenario.finding?.seed ?? flags.seed.value()
            var run = WorldRun(plan: file.scenario.expand(seed: seed), seed: seed)
            run.secondsMax = try flags.secondsMax()
            run.showsProgress = !flags.quiet && !flags.noProgress
            let result = run.run()
            let folder = RunFolder(
                page.map { URL(fileURLWithPath: $0).deletingLastPathComponent().path } ?? flags.out,
                scenario: run.plan.name, seed: seed)
            try folder.write(result)
            if let page { try folder.put(URL(fileURLWithPath: page).lastPathComponent, ReportPage.html(result.record)) }
            print(OutcomeText.line(result.record))
            print("  report    \(page ?? folder.path + "/report.html")")
            worst = SimulatorExit.worst(worst, SimulatorExit.code(result.record))
        }
        if worst != 0 { throw ExitCode(worst) }
    }
}
