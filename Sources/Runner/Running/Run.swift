import Basis
import CSandbox
import Glibc
import Loop
import Records

/// One run, from the call of bwrap to its end: `gated → running → stopping → draining → done` (`compute.md` 8).
///
/// - gated: the sandbox is being built; init waits for its first frame, and gets it only when process 1 is polled.
/// - running: the frame was sent.
/// - stopping: a limit or an order ends the program; init's `k`, then SIGKILL.
/// - draining: the outer process has exited; pipes are read to their end, for at most 200 ms.
/// - done: the last event was told.
///
/// A class because pipes, the process and the timer all come back to it.
final class Run {
    enum State: Sendable { case gated, running, stopping, draining, done }

    let id: RunID
    let frame: RunFrame
    let cpus: [Int]
    /// Held until the run is removed from it: late callbacks of the loop find it alive.
    let runner: Runner
    var state = State.gated

    var child: UVChild?
    var frames: UVPipe?
    var orders: UVPipe?
    var inputsOpen: [UVPipe] = []
    var statusLine: [UInt8] = []
    /// Process 1 of the sandbox, as the host numbers it.
    var root: Int32 = 0
    var rootStart: UInt64 = 0
    var hasExited = false
    /// Our end of the pipe that launch's watcher reads: closing it is SIGKILL for all outer processes.
    private var lifeline: Int32 = -1

    var reports = InitReportReader()
    var items: [ItemEnd] = []
    var collecting: Collecting?
    var spoolSerial: UInt32 = 0
    var resultBytes: [UInt8] = []
    var isFinished = false
    var hasStarted = false
    var streams: Streams
    var progress = Progress()

    var usage: Usage
    var endedCPU: UInt64 = 0
    var limit: LimitHit?
    var reason: RunEndReason?
    let begun: Instant
    var ended: Instant?
    var programBegun: Instant?
    var pausedSince: Instant?
    var pausedFor = Interval.zero
    /// When the next harder step of stopping is due.
    var killDeadline: Instant?
    var drainDeadline: Instant?
    var lastResident: UInt64 = 0

    init(_ id: RunID, _ frame: RunFrame, cpus: [Int], runner: Runner) {
        self.id = id
        self.frame = frame
        self.cpus = cpus
        self.runner = runner
        usage = Usage(meter: runner.meter)
        streams = Streams(spool: runner.spool(id), limits: frame.limits)
        begun = runner.loop.now
    }

    var limits: RunLimits { frame.limits }
    var now: Instant { runner.loop.now }

    /// Starts the outer process. A failure is told by an event of its own turn of the loop.
    func begin() {
        do throws(RunnerError) {
            try spawn()
        } catch {
            fail(.sandboxFailed(error.description))
            state = .draining
            hasExited = true
            // The next tick finishes it: no event is told from inside `start`.
        }
    }

    // MARK: the call

    private func spawn() throws(RunnerError) {
        var descriptors = Descriptors()
        defer { descriptors.closeAll() }
        let call = SandboxCall(
            support: runner.settings.slots.support, inputs: frame.inputs, diskBytes: limits.diskBytes,
            weakening: runner.weakening)
        let null = pn_open("/dev/null", O_RDONLY, 0)
        if null < 0 { throw RunnerError.system("open /dev/null", -null) }
        descriptors.give(null)
        let output = try descriptors.pipe(own: 0)
        let errors = try descriptors.pipe(own: 0)
        let memory = call.bytes
        let arguments = pn_memory_file("arguments", memory, memory.count)
        if arguments < 0 { throw RunnerError.system("make a memory file", -arguments) }
        descriptors.give(arguments)
        descriptors.give(try runner.filter.reopened())
        let framesEnd = try descriptors.pipe(own: 1)
        let reportsEnd = try descriptors.pipe(own: 0)
        let ordersEnd = try descriptors.pipe(own: 1)
        let statusEnd = try descriptors.pipe(own: 0)
        descriptors.give(try runner.passwd.reopened())
        descriptors.give(try runner.group.reopened())
        descriptors.give(try runner.cmdline.reopened())
        let life = try descriptors.pipe(own: 1)
        do throws(UVError) {
            let loop = runner.loop
            frames = try UVPipe(loop, fd: descriptors.keep(framesEnd))
            orders = try UVPipe(loop, fd: descriptors.keep(ordersEnd))
            try open(descriptors.keep(output)) { $0.take(.standardOutput, $1) }
            try open(descriptors.keep(errors)) { $0.take(.standardError, $1) }
            try open(descriptors.keep(reportsEnd)) { $0.takeReports($1) }
            try open(descriptors.keep(statusEnd)) { $0.takeStatus($1) }
            let line = SandboxCall.commandLine(
                launch: runner.settings.programs + "/peernode-launch", uid: runner.settings.uid, cpus: cpus,
                flags: (frame.isDeterministic ? "la" : "l") + runner.settings.courtesy,
                bubblewrap: runner.settings.bubblewrap)
            lifeline = descriptors.keep(life)
            child = try UVChild(
                loop, arguments: runner.outerPrefix + line, descriptors: descriptors.given
            ) { [self] _, signal in
                // Somebody killed the watcher: its group is ours to end. Its members keep the number from reuse.
                if signal != 0, runner.outerPrefix.isEmpty, let child { Glibc.kill(-child.pid, SIGKILL) }
                outerExited()
            }
        } catch {
            closePipes()
            throw RunnerError(error.description)
        }
    }

    /// Reads a pipe to its end; `take` gets the bytes, and nothing once the run is done.
    private func open(
        _ fd: Int32, _ take: @escaping (Run, UnsafeRawBufferPointer) -> Void
    ) throws(UVError) {
        let pipe = try UVPipe(runner.loop, fd: fd, buffer: runner.buffer)
        inputsOpen.append(pipe)
        pipe.read { [self] bytes in
            if state != .done { take(self, bytes) }
        } onEnd: { [self] in
            inputsOpen.removeAll { $0 === pipe }
            finishIfDrained()
        }
    }

    /// bwrap's status: `{ "child-pid": 812, … }` and a newline, in pieces.
    func takeStatus(_ bytes: UnsafeRawBufferPointer) {
        if root != 0 || statusLine.count > 4_096 { return }
        statusLine += bytes
        guard let end = statusLine.firstIndex(of: 0x0a) else { return }
        let line = String(decoding: statusLine[..<end], as: UTF8.self)
        guard let pid = Run.childPID(line) else {
            return fail(.sandboxFailed("bubblewrap said \(line.prefix(80))"))
        }
        root = pid
        rootStart = pn_start_time(pid)
        openGate()
    }

    static func childPID(_ line: String) -> Int32? {
        for part in line.split(whereSeparator: { "{,}".contains($0) }) {
            let words = part.split(whereSeparator: { ": \"".contains($0) })
            if words.count == 2, words[0] == "child-pid", let pid = Int32(words[1]), pid > 1 { return pid }
        }
        return nil
    }

    /// From here on process 1 is polled; only now may the program begin (property C33).
    private func openGate() {
        guard state == .gated else { return }
        state = .running
        programBegun = now
        var header = InitHeader(frame)
        header.limits.removeAll { runner.weakening.omittedLimits.contains($0.resource) }
        var item = frame.item
        if !runner.weakening.wrapper.isEmpty {
            item.argv = runner.weakening.wrapper.map { Array($0.utf8) } + item.argv
        }
        var bytes = InitFrame.header(header).framed + InitFrame.item(item).framed
        if !frame.hasMoreItems { bytes += InitFrame.finish.framed }
        frames?.write(bytes, thenClose: !frame.hasMoreItems)
        runner.emit(id, .started(pid: child?.pid ?? 0))
    }

    // MARK: ends

    /// SIGKILL for everything outside the sandbox proper, which then follows.
    func sever() {
        if lifeline >= 0 { close(lifeline) }
        lifeline = -1
    }

    private func outerExited() {
        hasExited = true
        // What is left, if it did not exit in order, has nobody to wait for. Behind a stand-in (W23) nobody helps: the
        // descriptors of a dead runner may live on in another process.
        if runner.outerPrefix.isEmpty {
            sever()
            orders?.close()
        }
        if state != .done { state = .draining }
        drainDeadline = now + .milliseconds(200)
        if ended == nil { ended = now }
        finishIfDrained()
    }

    /// Ends the run without an outcome.
    func fail(_ reason: RunEndReason) {
        if self.reason == nil { self.reason = reason }
        stop(gently: false)
    }

    /// Ends the run because of a limit. The first one counts.
    func hit(_ limit: LimitHit) {
        if runner.weakening.ignoredLimits.contains(limit) || self.limit != nil || reason != nil { return }
        // What the program does after its main process ended is init's to clear away, and nobody's limit.
        if !items.isEmpty && !frame.hasMoreItems && limit != .artifacts { return }
        self.limit = limit
        runner.emit(id, .limitHit(limit))
        stop(gently: false)
    }

    func stop(gently: Bool) {
        if state == .draining || state == .done { return }
        if state == .stopping && gently { return }
        state = .stopping
        // 4.4: `t` is SIGTERM and, 2 s later, what `k` is at once. If init does not answer, SIGKILL ends it
        // from outside.
        write(gently ? "t" : "k")
        killDeadline = now + (gently ? .milliseconds(2_500) : .milliseconds(500))
    }

    func write(_ order: Unicode.Scalar) {
        if !runner.weakening.withholdsOrders { orders?.write([UInt8(ascii: order)]) }
    }

    /// The last step, when everything has been read or the time for it is over.
    func finishIfDrained() {
        guard hasExited, state == .draining else { return }
        let isLate = drainDeadline.map { now >= $0 } ?? true
        if !inputsOpen.isEmpty && !isLate { return }
        // Killed from outside, process 1 follows its parent a moment later (4.2); done means gone.
        if root > 0 && rootStart > 0 && pn_start_time(root) == rootStart && pn_alive(root) && !isVeryLate {
            return
        }
        state = .done
        closePipes()
        finishUsage()
        let logs = streams.close()
        runner.remove(id, cpus: cpus)
        if reason == nil && limit == nil && !isFinished {
            reason = .sandboxFailed(failureText)
        }
        if let reason {
            runner.counters.failed += 1
            runner.emit(id, .failed(reason))
        } else {
            runner.counters.ended += 1
            if items.isEmpty { items = [ItemEnd(index: frame.item.index, process: .signalled(number: 9))] }
            runner.emit(
                id,
                .ended(
                    RunEnd(
                        items: items, usage: usage, limit: limit, logs: logs,
                        droppedBytes: streams.droppedBytes)))
        }
    }

    private var isVeryLate: Bool { drainDeadline.map { now >= $0 + .seconds(5) } ?? true }

    /// What bwrap or launch said on standard error is the best reason there is, as long as no program could speak
    /// there.
    private var failureText: String {
        if hasStarted { return "process 1 of the sandbox ended before its reports did" }
        let text = String(decoding: streams.beginningOfErrors, as: UTF8.self)
        let line = text.split(separator: "\n").first ?? ""
        return line.isEmpty ? "it ended before the program began" : String(line.prefix(200))
    }

    private func finishUsage() {
        let end = ended ?? now
        let wall = (end - (programBegun ?? begun)).nanoseconds - pausedFor.nanoseconds
        usage.wallMicros = UInt64(max(0, wall) / 1_000)
        usage.pausedMicros = UInt64(max(0, pausedFor.nanoseconds) / 1_000)
        if endedCPU > 0 { usage.cpuMicros = endedCPU }
        usage.stdoutBytes = streams.stdoutCount
    }

    private func closePipes() {
        let open = inputsOpen
        inputsOpen = []
        for pipe in open { pipe.close() }
        frames?.close()
        orders?.close()
        sever()
    }
}

/// The descriptors of a child, in their order; everything that is not handed on is closed.
private struct Descriptors {
    private(set) var given: [Int32] = []
    private var own: [Int32] = []

    mutating func give(_ fd: Int32) { given.append(fd) }

    /// A pipe: the other end is the child's next descriptor, the returned number names our end.
    mutating func pipe(own side: Int32) throws(RunnerError) -> Int {
        var ends: [Int32] = [-1, -1]
        let result = pn_pipe(&ends, side)
        if result < 0 { throw RunnerError.system("make a pipe", -result) }
        given.append(ends[side == 0 ? 1 : 0])
        own.append(ends[Int(side)])
        return own.count - 1
    }

    /// Our end, which somebody else closes from now on.
    mutating func keep(_ index: Int) -> Int32 {
        let fd = own[index]
        own[index] = -1
        return fd
    }

    func closeAll() {
        for fd in given + own where fd >= 0 { close(fd) }
    }
}
