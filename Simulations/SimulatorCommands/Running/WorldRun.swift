import Basis
import Foundation
import Simulator

/// One world run to its end in this process, with progress and a limit of real time.
struct WorldRun {
    /// Between two lines where standard error is no terminal.
    static let lineSeconds = 10.0
    static let redrawSeconds = 0.25
    /// Between two looks at the clock.
    static let eventsPerSlice: UInt64 = 4_096

    var plan: Plan
    var seed: UInt64
    var checkers = CheckerSet.all
    var secondsMax = Double.infinity
    var eventsMax = UInt64.max
    var until: Interval?
    var showsProgress = false
    /// Whether the newest events are kept one by one.
    var ring = 0
    var window: Range<UInt64> = 0..<0
    var tellsAll = false
    /// Whether git is asked for the commit; a run whose record nobody keeps need not wait for it.
    var asksCommit = true
    /// Whether standard output hears how far it is, for whoever watches and would see only a trap.
    var tellsWay = false

    struct Result {
        var record: RunRecord
        var fingerprints: [UInt64]
        var recorded: [TraceEvent]
        var told: [ToldEvent]
    }

    func run() -> Result {
        var world = World(
            plan: plan, seed: seed, real: plan.crypto == .real ? SodiumRealCrypto() : nil, checkers: checkers)
        if !window.isEmpty {
            world.record(events: window)
        } else if ring > 0 {
            world.record(events: 0..<UInt64.max, ring: ring)
        }
        world.tellsAll = tellsAll
        let clock = ContinuousClock()
        let began = clock.now
        func seconds() -> Double {
            let past = began.duration(to: clock.now).components
            return Double(past.seconds) + Double(past.attoseconds) / 1e18
        }
        var progress = ProgressLine(name: plan.name, seed: seed, of: plan.duration)
        let limit = until.map { Instant.zero + $0 } ?? .distantFuture
        let site = Plant.coreSite(of: plan.plant)
        while world.outcome == nil, seconds() < secondsMax, world.events < eventsMax {
            let before = world.now
            let events = world.events
            let most = min(eventsMax, events + WorldRun.eventsPerSlice)
            Planted.with(site) { _ = world.run(until: limit, eventsMax: most) }
            if world.now >= limit || world.now == before && world.events == events { break }
            if tellsWay {
                print("at \(world.elapsed.nanoseconds) \(world.events)")
                fflush(nil)
            }
            if showsProgress {
                progress.show(phase: world.phase, at: world.elapsed, events: world.events, seconds: seconds())
            }
        }
        if showsProgress { progress.end() }
        var record = world.record()
        record.realMilliseconds = UInt64(seconds() * 1_000)
        record.commit = asksCommit ? SeedArgument.head() ?? "" : ""
        return Result(
            record: record, fingerprints: world.trace.fingerprints, recorded: world.trace.recorded, told: world.told)
    }
}

/// Redraws one line on a terminal, or prints one now and then.
struct ProgressLine {
    let name: String
    let seed: UInt64
    let of: Interval
    private var shownAt = 0.0
    private var lastEvents: UInt64 = 0
    private let isTerminal = isatty(2) == 1
    private var isShown = false

    init(name: String, seed: UInt64, of: Interval) {
        self.name = name
        self.seed = seed
        self.of = of
    }

    mutating func show(phase: Phase, at: Interval, events: UInt64, seconds: Double) {
        let wait = isTerminal ? WorldRun.redrawSeconds : WorldRun.lineSeconds
        if seconds - shownAt < wait { return }
        let rate = UInt64(Double(events - lastEvents) / max(0.001, seconds - shownAt))
        let ratio = UInt64(Double(at.milliseconds) / 1_000 / max(0.001, seconds))
        shownAt = seconds
        lastEvents = events
        let line = OutcomeText.progress(
            name: name, seed: seed, phase: phase, at: at, of: of, eventsPerSecond: rate, ratio: ratio, note: "")
        Console.tell(isTerminal ? "\r\u{1b}[K" + line : line + "\n")
        isShown = true
    }

    func end() { if isShown, isTerminal { Console.tell("\r\u{1b}[K") } }
}

extension Console {
    /// To standard error, as it is.
    static func tell(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
