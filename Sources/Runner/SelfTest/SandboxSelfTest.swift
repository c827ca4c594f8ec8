// The self-test: the walls of the sandbox, attacked for real (`compute.md` 4.8).
//
// Problem: a wall that is believed in and not there is worse than none. Idea: peernode-probe does inside a real slot
// what a hostile program would do; what can only be judged from outside (limits, survivors) is judged here, by the same
// reports that jobs are judged by. A FAIL takes the level `full` away. What it does not do: trust versions, or the
// outcome of an earlier start.

import Basis
import CSandbox
import Glibc
public import Loop
import Records

/// Tries the walls on this machine, with the sandbox that jobs would get.
public struct SandboxSelfTest: Sendable {
    public enum Extent: Sendable {
        /// Those tried at every start, in well under a second.
        case atStart
        case all
    }

    let loop: UVLoop
    let settings: Runner.Settings
    let weakening: Weakening
    /// How long something that should be gone may still be there before its line is FAIL (S24).
    let patience: Interval

    public init(_ loop: UVLoop, _ settings: Runner.Settings) {
        self.init(loop, settings, weakening: Weakening(), patience: .seconds(5))
    }

    init(_ loop: UVLoop, _ settings: Runner.Settings, weakening: Weakening, patience: Interval) {
        self.loop = loop
        self.settings = settings
        self.weakening = weakening
        self.patience = patience
    }

    /// Tries the walls and tells what was found. Takes under half a second at start and some 5 s in all.
    public func run(_ extent: Extent) async -> SandboxReport {
        let walls = Wall.all.filter { extent == .all || $0.isAtStart }
        return await run(walls)
    }

    func run(_ walls: [Wall]) async -> SandboxReport {
        let host = SandboxHost(loop, settings, weakening: weakening)
        var report = SandboxReport(results: [], meter: .polling)
        do throws(RunnerError) {
            let canaries = try await Canaries(host)
            let trial = Trial(
                test: self, host: host, words: canaries.words + weakening.probeWords,
                token: canaries.token)
            let inside = walls.filter { Trial.isJudgedInside($0.id) }
            report.results += try await trial.inside(inside)
            for wall in walls where !Trial.isJudgedInside(wall.id) {
                report.results.append(try await trial.outside(wall))
            }
            report.results.sort { $0.wall.id < $1.wall.id }
        } catch {
            report.refusal = error.description
        }
        await host.close()
        return report
    }
}

/// One self-test under way.
struct Trial: Sendable {
    let test: SandboxSelfTest
    let host: SandboxHost
    let words: [String]
    let token: String

    static let memory: UInt64 = 96 << 20
    static let disk: UInt64 = 8 << 20
    static let pids: UInt32 = 24
    static let output: UInt64 = 1 << 20
    static let cpuMillis: UInt64 = 300

    static func isJudgedInside(_ id: String) -> Bool {
        !["W12", "W17", "W18", "W19", "W20", "W21", "W22", "W23", "W24", "W25", "W27"].contains(id)
    }

    /// The walls that the probe judges itself, in one sandbox.
    func inside(_ walls: [Wall]) async throws(RunnerError) -> [WallResult] {
        if walls.isEmpty { return [] }
        // W08 first: what the probe opened for another wall is its own.
        let order = walls.map(\.id).sorted { ($0 != "W08" ? 1 : 0, $0) < ($1 != "W08" ? 1 : 0, $1) }
        let record = try await run(order.joined(separator: ","))
        if let reason = record.reason { throw RunnerError(reason.text) }
        return walls.map { wall in Trial.read(wall, record) }
    }

    func outside(_ wall: Wall) async throws(RunnerError) -> WallResult {
        switch wall.id {
        case "W12": return try await neighbour(wall)
        case "W17": return try await greed(wall, "W17", nil)
        case "W18": return try await allocator(wall)
        case "W19": return try await writers(wall)
        case "W20": return try await greed(wall, "W20", .cpuTime)
        case "W21": return try await greed(wall, "W21", .standardOutput)
        case "W22": return try await survivor(wall)
        case "W23": return try await deadRunner(wall)
        case "W24": return try await stubborn(wall)
        case "W25": return try await ends(wall)
        case "W27": return try await planted(wall)
        default: unreachable("no trial for \(wall.id)")
        }
    }

    // MARK: the runs

    func frame(_ id: String, _ more: [String] = [], _ change: (inout RunFrame) -> Void = { _ in })
        -> RunFrame
    {
        var limits = RunLimits(
            cpuMicros: 20_000_000, wallMillis: 20_000, memoryBytes: Trial.memory,
            diskBytes: Trial.disk,
            pids: Trial.pids)
        limits.stdoutBytes = Trial.output
        if id == "W20" { limits.cpuMicros = Trial.cpuMillis * 1_000 }
        let settings = [
            "memory=\(Trial.memory)", "disk=\(Trial.disk)", "pids=\(Trial.pids)",
            "output=\(Trial.output)",
            "millis=\(Trial.cpuMillis)",
        ]
        var frame = RunFrame(
            item: ItemFrame(argv: ["/.pn/probe", id] + words + settings + more),
            environment: RunEnvironment.entries(
                seed: 0, epoch: 0, isDeterministic: false, architecture: "amd64"),
            limits: limits, isDeterministic: false)
        change(&frame)
        return frame
    }

    func run(
        _ id: String, _ more: [String] = [], _ change: (inout RunFrame) -> Void = { _ in },
        watch: (@Sendable (RunnerEvent) -> Void)? = nil
    ) async throws(RunnerError) -> RunRecord {
        try await host.run(frame(id, more, change), watch: watch)
    }

    /// The probe's own line. A probe that was ended before it could print one met a wall that is judged by its end.
    static func read(_ wall: Wall, _ record: RunRecord) -> WallResult {
        for line in record.text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
            guard words.count == 3, words[0] == wall.id else { continue }
            guard let verdict = WallResult.Verdict(rawValue: String(words[1])) else { continue }
            return WallResult(wall, verdict, String(words[2]))
        }
        let end = record.reason?.text ?? "\(record.firstItem.map { "\($0.process)" } ?? "no end")"
        return WallResult(wall, .fail, "the probe did not answer: \(end)")
    }

    // MARK: limits

    /// A run that must be ended by `limit`; without one the probe itself says how far it got.
    func greed(_ wall: Wall, _ id: String, _ limit: LimitHit?) async throws(RunnerError)
        -> WallResult
    {
        let record = try await run(id)
        guard let limit else { return Trial.read(wall, record) }
        if let reason = record.reason { return WallResult(wall, .fail, reason.text) }
        guard let end = record.end, end.limit == limit else {
            return WallResult(wall, .fail, Trial.brief(record))
        }
        switch limit {
        case .standardOutput:
            let kept = UInt64(record.stdout.count)
            return WallResult(
                wall, kept <= Trial.output ? .ok : .fail, "ended with \(kept) bytes kept")
        default:
            let millis = end.usage.cpuMicros / 1_000
            let isOver = millis > Trial.cpuMillis * 3
            return WallResult(wall, isOver ? .fail : .ok, "ended at \(millis) ms of CPU time")
        }
    }

    func allocator(_ wall: Wall) async throws(RunnerError) -> WallResult {
        let record = try await run("W18")
        guard let end = record.end, end.limit == .memory else {
            return WallResult(wall, .fail, Trial.brief(record))
        }
        let peak = end.usage.memoryPeakBytes
        let isOver = peak > Trial.memory + 32 << 20
        return WallResult(
            wall, isOver ? .fail : .ok, "ended at \(peak >> 20) of \(Trial.memory >> 20) MiB")
    }

    func writers(_ wall: Wall) async throws(RunnerError) -> WallResult {
        let full = Trial.read(wall, try await run("W19"))
        if full.verdict != .ok { return full }
        for place in ["/job", "/dev/shm", "/in"] {
            let record = try await run("W19i", ["place=\(place)"])
            if record.end?.limit != .inodes {
                return WallResult(wall, .fail, "empty files in \(place): \(Trial.brief(record))")
            }
        }
        return WallResult(wall, .ok, full.found + "; empty files end at their limit")
    }

    // MARK: ends

    func ends(_ wall: Wall) async throws(RunnerError) -> WallResult {
        let exit = try await run("W25e")
        let kill = try await run("W25k")
        let isRight =
            exit.firstItem?.process == .exited(code: 137) && exit.end?.limit == nil
            && kill.firstItem?.process == .signalled(number: 9) && kill.end?.limit == nil
        return WallResult(
            wall, isRight ? .ok : .fail, "\(Trial.brief(exit)) and \(Trial.brief(kill))")
    }

    func planted(_ wall: Wall) async throws(RunnerError) -> WallResult {
        let names = ["link", "up/etc/passwd", "tree", "pipe", "socket"]
        let record = try await run("W27") { frame in
            frame.collect = names.map { CollectEntry(name: $0, path: $0, bytesMax: 1 << 20) }
        }
        let said = Trial.read(wall, record)
        if said.verdict != .ok { return said }
        if let leak = record.outputs.first {
            return WallResult(
                wall, .fail, "\(leak.file.path) came out with \(leak.bytes.count) bytes")
        }
        let refused = record.firstItem?.refused ?? []
        let kinds = refused.map { "\($0.path): \($0.kind.word)" }.joined(separator: ", ")
        return WallResult(wall, refused.count == names.count ? .ok : .fail, kinds)
    }

    static func brief(_ record: RunRecord) -> String {
        if let reason = record.reason { return reason.text }
        let line = record.text.split(separator: "\n").last.map { " (\($0.prefix(80)))" } ?? ""
        if let limit = record.end?.limit { return "ended by the limit \(limit)" }
        switch record.firstItem?.process {
        case .exited(let code): return "exit code \(code)\(line)"
        case .signalled(let number): return "signal \(number)\(line)"
        case .notStarted(let errno): return "not started, error \(errno)"
        case nil: return "no end"
        }
    }
}
