// The runner: carries out frames in sandboxed processes.
//
// Problem: run a stranger's program with every wall of `compute.md` 4 up, meter it, hold it to its limits, and report
// what really happened, without ever blocking the loop. Idea: one state machine a run (`Run`), fed by pipes, the exit
// of the outer process and one timer; the reading of /proc goes to libuv's worker threads. What it does not do: decide
// what is run, who is paid, or what an output means; it makes no file but its spools, and hashes nothing.

import Basis
import CLibuv
import CSandbox
import Glibc
public import Loop
public import Records

/// Runs frames in sandboxes. Lives on its loop's thread and is used only there.
///
/// ```swift
/// let runner = try Runner(loop, settings) { id, event in … }
/// runner.start(RunID(1), frame)                 // events come later, the last is `ended` or `failed`
/// runner.order(RunID(1), .cancel(.cancelled, gentle: false))
/// ```
public final class Runner {
    public struct Settings: Sendable {
        /// The folder of `peernode-launch`; by default that of the running executable.
        public var programs: String
        public var slots: SlotFolders
        /// Where outputs wait to be stored, a folder per run. In the daemon's own home; the sandbox never sees it.
        public var spool: String
        /// The user of the sandboxes. A root daemon must name one; an ordinary one must not.
        public var uid: UInt32?
        /// Cores that runs may be given.
        public var cpus: [Int]
        /// `i` SCHED_IDLE, `n` nice 19, `o` idle I/O (`compute.md` 7).
        public var courtesy: String = "ino"
        public var bubblewrap = "/usr/bin/bwrap"

        public init(
            programs: String = Runner.executableFolder, slots: SlotFolders, spool: String, uid: UInt32?,
            cpus: [Int] = Runner.allowedCPUs
        ) {
            self.programs = programs
            self.slots = slots
            self.spool = spool
            self.uid = uid
            self.cpus = cpus
        }
    }

    /// What was counted since start; nothing is dropped silently.
    public struct Counters: Sendable, Hashable {
        public var started = 0
        public var ended = 0
        public var failed = 0
        /// Orders and frames for runs that are unknown or over.
        public var ignored = 0
        /// Reports of init that could not be read.
        public var malformedReports = 0
        public var polls = 0
    }

    let loop: UVLoop
    let settings: Settings
    private(set) var weakening: Weakening
    /// What stands before `peernode-launch`: the self-test's stand-in for a runner that is killed (W23).
    let outerPrefix: [String]
    let buffer = ReadBuffer()
    let filter: MemoryFile
    let passwd: MemoryFile
    let group: MemoryFile
    let cmdline: MemoryFile
    public internal(set) var counters = Counters()

    private let onEvent: (RunID, RunnerEvent) -> Void
    private var runs: [RunID: Run] = [:]
    private var order: [RunID] = []
    private var timer: UVTimer?
    private var poller: Poller
    private var load: [Int]
    private var onIdle: (() -> Void)?

    /// The meter in use. Other back-ends of `compute.md` 4.5 are not in this version.
    public let meter = Meter.polling

    /// - Parameter onEvent: called on the loop, never from inside `start` or `order`.
    public convenience init(
        _ loop: UVLoop, _ settings: Settings, onEvent: @escaping (RunID, RunnerEvent) -> Void
    ) throws(RunnerError) {
        try self.init(loop, settings, weakening: Weakening(), onEvent: onEvent)
    }

    init(
        _ loop: UVLoop, _ settings: Settings, weakening: Weakening, outerPrefix: [String] = [],
        onEvent: @escaping (RunID, RunnerEvent) -> Void
    ) throws(RunnerError) {
        if getuid() == 0 && settings.uid == nil || settings.uid == 0 {
            throw RunnerError("cannot run programs as root: name another user (sandbox.uidBase)")
        }
        self.loop = loop
        self.settings = settings
        self.weakening = weakening
        self.outerPrefix = outerPrefix
        self.onEvent = onEvent
        let made = pn_filter(weakening.omittedFilter)
        if made < 0 { throw RunnerError.system("build the seccomp filter", -made) }
        filter = MemoryFile(owning: made)
        passwd = try MemoryFile("passwd", Array(SandboxCall.passwd.utf8))
        group = try MemoryFile("group", Array(SandboxCall.group.utf8))
        cmdline = try MemoryFile("cmdline", [0x0a])
        poller = Poller(loop)
        load = settings.cpus.map { _ in 0 }
        try SlotFolders.make(settings.spool, mode: 0o700)
        do throws(UVError) {
            timer = try UVTimer(loop) { [weak self] in self?.tick() }
        } catch { throw RunnerError(error.description) }
        poller.onSamples = { [weak self] samples in self?.sampled(samples) }
        // A program that closes its pipes must not end the daemon.
        signal(SIGPIPE, SIG_IGN)
    }

    /// Carries out `frame`. Whatever goes wrong is told as `failed`.
    public func start(_ id: RunID, _ frame: RunFrame) {
        invariant(loop.isOnLoop, "a run is started away from the loop")
        if runs[id] != nil {
            counters.ignored += 1
            return
        }
        counters.started += 1
        let cpus = takeCPUs(frame)
        let run = Run(id, frame, cpus: cpus, runner: self)
        runs[id] = run
        order.append(id)
        if order.count == 1 { schedule(.milliseconds(20)) }
        run.begin()
    }

    /// Passes an order to a run. One that is unknown or over ignores it.
    public func order(_ id: RunID, _ order: RunnerOrder) {
        invariant(loop.isOnLoop, "a run is ordered away from the loop")
        guard let run = runs[id] else {
            counters.ignored += 1
            return
        }
        run.obey(order)
    }

    /// The spool folder of a run: files `stdout`, `stderr` and `out-<n>`, each only if it holds a byte. It stays until
    /// `discard`.
    public func spool(_ id: RunID) -> String { "\(settings.spool)/\(id.value)" }

    /// Removes a run's spool, once its outputs are stored. Takes as long as the removal of its files.
    public func discard(_ id: RunID) {
        invariant(runs[id] == nil, "\(id) is discarded while it runs")
        SlotFolders.remove(spool(id), keepingTop: false)
    }

    /// Runs under way, oldest first.
    public var running: [RunID] { order }

    /// Ends every run as `failed(reason)` and calls `then` on the loop when no process is left.
    public func stop(_ reason: RunEndReason, then: @escaping () -> Void) {
        onIdle = then
        // A hole of a test ends with the test.
        weakening.withholdsOrders = false
        for id in order { runs[id]?.obey(.cancel(reason, gentle: false)) }
        if order.isEmpty { finishStop() }
    }

    /// Releases the timer; after `stop`, when the loop goes on without this runner.
    public func close() {
        timer?.close()
        timer = nil
    }

    /// SIGKILL to the outer process of every run, as if somebody else had sent it.
    func killOuter() {
        for id in order { runs[id]?.child?.kill() }
    }

    // MARK: for Run

    func emit(_ id: RunID, _ event: RunnerEvent) { onEvent(id, event) }

    func remove(_ id: RunID, cpus: [Int]) {
        runs[id] = nil
        order.removeAll { $0 == id }
        for cpu in cpus {
            if let index = settings.cpus.firstIndex(of: cpu) { load[index] -= 1 }
        }
        if order.isEmpty {
            timer?.stop()
            finishStop()
        }
    }

    // MARK: below their use

    private func finishStop() {
        let call = onIdle
        onIdle = nil
        call?()
    }

    /// A fixed set of cores for the run, those with the fewest runs.
    private func takeCPUs(_ frame: RunFrame) -> [Int] {
        let count = min(settings.cpus.count, max(1, Int(frame.cpuCount)))
        let chosen = settings.cpus.indices.sorted { (load[$0], $0) < (load[$1], $1) }.prefix(count).sorted()
        for index in chosen { load[index] += 1 }
        return chosen.map { settings.cpus[$0] }
    }

    private func schedule(_ delay: Interval) { timer?.start(after: delay) }

    /// Wall limits are looked at here; the rest waits for the sample, which is taken on another thread.
    private func tick() {
        for id in order { runs[id]?.checkClock() }
        let wanted = order.compactMap { runs[$0]?.pollTarget }
        if order.isEmpty { return }
        if wanted.isEmpty || !poller.start(wanted) {
            schedule(.milliseconds(5))
        } else {
            counters.polls += 1
        }
    }

    private func sampled(_ samples: [Poller.Sample]) {
        for sample in samples { runs[sample.id]?.sampled(sample) }
        if order.isEmpty { return }
        // A run near its memory limit is looked at more often: a fast program fills 40 MiB in 20 ms.
        let urgency = order.compactMap { runs[$0]?.pollInterval }.min()
        schedule(urgency ?? .milliseconds(20))
    }

    /// The cores that this process may use.
    public static var allowedCPUs: [Int] {
        var numbers = [Int32](repeating: 0, count: 1_024)
        let count = pn_allowed_cpus(&numbers, Int32(numbers.count))
        let list = numbers.prefix(max(0, Int(count))).map { Int($0) }
        return list.isEmpty ? [0] : list
    }

    /// The folder of the running executable.
    public static var executableFolder: String {
        var bytes = [CChar](repeating: 0, count: 4_096)
        let count = readlink("/proc/self/exe", &bytes, bytes.count)
        let path = String(decoding: bytes.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }
}
