import Basis
import Foundation
import Simulator

/// Tries the candidates of a `Shrinker`, several at once in processes of their own.
///
/// While the first candidate runs, those run that come next if it is refused; their answers are thrown away if it is
/// not. So the result is that of one after another, whatever the machine has to do besides.
struct ShrinkRun {
    /// What a world that must fail showed.
    struct Verdict: Sendable, Hashable {
        /// Id of the invariant or must; S5 if a node trapped.
        var failed: String
        /// What a trap said.
        var trap: String?
        var failure: Shrinker.Failure
        var events: UInt64

        init?(_ record: RunRecord) {
            switch record.outcome {
            case .violated(let violation):
                failed = violation.invariant
                failure = .init(at: violation.at, peers: violation.peers)
            case .stuck(let must, _):
                failed = must.rawValue
                failure = .init(at: record.simulated, isStuck: true)
            case .passed, .halted, .exhausted, .trapped: return nil
            }
            events = record.events
        }

        /// A child that trapped: what it said, and how far it told to be.
        init?(trapped result: ChildProcess.Result) {
            guard result.isSignalled, !result.isTimedOut, let said = TrapText.line(result.errors) else { return nil }
            let words = result.output.split(separator: "\n").last?.split(separator: " ") ?? []
            let way = words.count == 3 && words[0] == "at" ? (Int64(words[1]) ?? 0, UInt64(words[2]) ?? 0) : (0, 0)
            failed = "S5"
            trap = said
            failure = .init(at: .nanoseconds(way.0))
            events = way.1 + WorldRun.eventsPerSlice
        }

        /// The same promise, or a trap that says the same but for its numbers, which are of that run.
        func isLike(_ other: Verdict) -> Bool {
            failed == other.failed && trap?.filter { !$0.isNumber } == other.trap?.filter { !$0.isNumber }
        }

        /// One line, as a child tells it.
        var line: String {
            let peers = failure.peers.map { String($0) }.joined(separator: ",")
            return "failed \(failed) \(failure.isStuck ? "stuck" : "violated") \(failure.at.nanoseconds) \(events) "
                + (peers.isEmpty ? "-" : peers)
        }

        init?(line: String) {
            let words = line.split(separator: " ").map(String.init)
            guard words.count == 6, words[0] == "failed", let at = Int64(words[3]), let count = UInt64(words[4]) else {
                return nil
            }
            failed = words[1]
            events = count
            failure = .init(
                at: .nanoseconds(at), peers: words[5].split(separator: ",").compactMap { Int($0) },
                isStuck: words[2] == "stuck")
        }
    }

    let seed: UInt64
    let jobs: Int
    /// Worlds whose answer may be asked for.
    let runsMax: Int
    let deadline: Date
    /// Where candidates lie while they run.
    let folder: URL
    /// Real time of one world.
    var secondsMax = Double.infinity

    /// One world in a process of its own; nil if it does not fail, cannot be read, or takes too long.
    func verdict(of plan: Plan, number: Int, eventsMax: UInt64?, until stop: ChildProcess.Stop = .init()) -> Verdict? {
        let file = folder.appendingPathComponent("\(number).json")
        let left = deadline.timeIntervalSinceNow
        if left <= 0 { return nil }
        do {
            try PlanWriter.json(plan).write(to: file, atomically: false, encoding: .utf8)
        } catch {
            return nil
        }
        defer { try? FileManager.default.removeItem(at: file) }
        var arguments = ["shrink", "--one", "--plan", file.path, "--seed", "0x" + String(seed, radix: 16)]
        if let eventsMax { arguments += ["--events-max", String(eventsMax)] }
        let result = ChildProcess(arguments: arguments, secondsMax: min(left, secondsMax)).run(until: stop)
        if let trapped = Verdict(trapped: result) { return trapped }
        if result.isTimedOut || result.status != 0 { return nil }
        return result.output.split(separator: "\n").last.flatMap { Verdict(line: String($0)) }
    }

    /// One candidate under way.
    private final class Trial: @unchecked Sendable {
        let candidate: Shrinker.Candidate
        /// The shrinker once this candidate is refused.
        let after: Shrinker
        let stop = ChildProcess.Stop()
        private let ended = DispatchSemaphore(value: 0)
        private var verdict: Verdict?

        init(_ candidate: Shrinker.Candidate, after: Shrinker) {
            self.candidate = candidate
            self.after = after
        }

        func start(_ work: @escaping @Sendable (Trial) -> Verdict?) {
            Thread.detachNewThread { [self] in
                verdict = work(self)
                ended.signal()
            }
        }

        func wait() -> Verdict? {
            ended.wait()
            return verdict
        }
    }

    /// Shrinks until nothing helps, or the budget of runs or time is spent.
    ///
    /// - Parameters:
    ///   - like: how the whole plan fails, and a smaller one must.
    ///   - eventsMax: a candidate that goes on for longer is another story.
    ///   - tell: hears of every candidate that was kept.
    func run(
        _ first: Shrinker, like: Verdict, eventsMax: UInt64, tell: (Shrinker.Candidate, _ runs: Int) -> Void
    ) -> (best: Plan, runs: Int, isDone: Bool) {
        var state = first
        var ahead: [Trial] = []
        var started = 0
        var runs = 0
        var isDone = false
        while runs < runsMax, deadline.timeIntervalSinceNow > 0 {
            var tip = ahead.last?.after ?? state
            while ahead.count < max(1, jobs), let candidate = tip.next() {
                started += 1
                let number = started
                let trial = Trial(candidate, after: tip)
                trial.start { trial in
                    verdict(of: trial.candidate.plan, number: number, eventsMax: eventsMax, until: trial.stop)
                }
                ahead.append(trial)
            }
            if ahead.isEmpty {
                isDone = true
                break
            }
            let head = ahead.removeFirst()
            let answer = head.wait()
            runs += 1
            state = head.after
            guard let answer, answer.isLike(like) else { continue }
            for trial in ahead { trial.stop.now() }
            ahead = []
            state.keep(head.candidate, failure: answer.failure)
            tell(head.candidate, runs)
        }
        for trial in ahead { trial.stop.now() }
        return (state.best, runs, isDone)
    }
}
