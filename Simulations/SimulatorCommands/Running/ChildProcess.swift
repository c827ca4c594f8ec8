import ArgumentParser
import Foundation
import Simulator

/// This program again, in a process of its own: a node that traps, or a world that hangs, costs one run.
struct ChildProcess: Sendable {
    struct Result: Sendable {
        var status: Int32
        /// Killed by a signal: the process trapped, or was ended for its time.
        var isSignalled: Bool
        var isTimedOut: Bool
        var output: String
        /// The end of standard error; a backtrace with its registers has some 6,000 characters.
        var errors: String

        /// What broke, in one line, out of what a trap prints.
        var trap: String { TrapText.line(errors) ?? "the process ended by signal \(status)" }
    }

    /// Arguments after the program's name and, in `peernode simulate`, after that verb.
    var arguments: [String]
    var secondsMax = Double.infinity
    /// Another build of this program; nil: this one.
    var binary: String?
    /// Whether standard error goes where this process's goes.
    var showsErrors = false

    /// Held from the making of a child's pipes until it runs: another child that starts in between would inherit them,
    /// and whoever reads until the end of one would wait for both children.
    private static let starting = NSLock()

    /// Ends a child whose answer nobody needs any more; from any thread, also before it starts.
    final class Stop: @unchecked Sendable {
        private let lock = NSLock()
        private var process: Process?
        private var isOn = false

        func now() {
            lock.withLock {
                isOn = true
                if let process, process.isRunning { kill(process.processIdentifier, SIGKILL) }
            }
        }

        /// Starts it unless it is not needed any more.
        fileprivate func start(_ process: Process) throws -> Bool {
            try lock.withLock {
                if isOn { return false }
                try process.run()
                self.process = process
                return true
            }
        }
    }

    /// Runs it to its end. Blocking.
    func run(until stop: Stop = Stop()) -> Result {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe")
        let isMounted = CommandLine.arguments.dropFirst().first == "simulate"
        process.arguments = (isMounted ? ["simulate"] : []) + arguments
        ChildProcess.starting.lock()
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        if !showsErrors { process.standardError = errors }
        process.standardInput = FileHandle.nullDevice
        do {
            defer { ChildProcess.starting.unlock() }
            // The link names the program of whoever opens it, so it is resolved here.
            process.executableURL = URL(
                fileURLWithPath: try binary ?? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
            if try !stop.start(process) {
                return Result(status: 0, isSignalled: true, isTimedOut: false, output: "", errors: "not needed")
            }
        } catch {
            return Result(status: 70, isSignalled: false, isTimedOut: false, output: "", errors: "\(error)")
        }
        let collected = Collected()
        let reader = Thread {
            collected.errors = errors.fileHandleForReading.readDataToEndOfFile()
            collected.isDone.signal()
        }
        if !showsErrors { reader.start() } else { collected.isDone.signal() }
        let timer = Timeout(process, seconds: secondsMax)
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        collected.isDone.wait()
        return Result(
            status: process.terminationStatus, isSignalled: process.terminationReason == .uncaughtSignal,
            isTimedOut: timer.end(), output: String(decoding: bytes, as: UTF8.self),
            errors: String(String(decoding: collected.errors, as: UTF8.self).suffix(16_000)))
    }

    private final class Collected: @unchecked Sendable {
        var errors = Data()
        let isDone = DispatchSemaphore(value: 0)
    }

    /// Ends a process that takes too long.
    private final class Timeout: @unchecked Sendable {
        private let ended = DispatchSemaphore(value: 0)
        private let told = DispatchSemaphore(value: 0)
        private var isLate = false

        init(_ process: Process, seconds: Double) {
            guard seconds.isFinite else {
                told.signal()
                return
            }
            Thread.detachNewThread { [self] in
                if ended.wait(timeout: .now() + seconds) == .timedOut {
                    isLate = true
                    kill(process.processIdentifier, SIGKILL)
                }
                told.signal()
            }
        }

        func end() -> Bool {
            ended.signal()
            told.wait()
            return isLate
        }
    }
}

/// What the threads of `inParallel` share, under its lock.
private final class SharedWork<Value: Sendable>: @unchecked Sendable {
    let lock = NSLock()
    var next = 0
    var results: [(Int, Value)] = []
    var running = 0
    let changed = DispatchSemaphore(value: 0)
}

/// Runs `count` pieces of work with at most `jobs` at a time, each on a thread; `done` is called one at a time, in the
/// order in which they end. `next` may say that nothing more begins.
func inParallel<Value: Sendable>(
    _ count: Int, jobs: Int, mayBegin: @escaping @Sendable () -> Bool = { true },
    work: @escaping @Sendable (Int) -> Value, done: (Int, Value) -> Void
) {
    let shared = SharedWork<Value>()
    let workers = min(jobs, count)
    shared.running = workers
    for _ in 0..<workers {
        let thread = Thread {
            while true {
                let index: Int? = shared.lock.withLock {
                    guard shared.next < count, mayBegin() else { return nil }
                    shared.next += 1
                    return shared.next - 1
                }
                guard let index else { break }
                let value = work(index)
                shared.lock.withLock { shared.results.append((index, value)) }
                shared.changed.signal()
            }
            shared.lock.withLock { shared.running -= 1 }
            shared.changed.signal()
        }
        thread.stackSize = 8 << 20
        thread.start()
    }
    while true {
        shared.changed.wait()
        let (ready, isOver) = shared.lock.withLock {
            defer { shared.results = [] }
            return (shared.results, shared.running == 0)
        }
        for (index, value) in ready { done(index, value) }
        if isOver, shared.lock.withLock({ shared.results.isEmpty }) { return }
    }
}
