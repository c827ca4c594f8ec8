import Basis
import CSandbox
import Loop
import Records

// Orders, clocks and samples: everything that may end a run before its program does.

extension Run {
    func obey(_ order: RunnerOrder) {
        switch order {
        case .cancel(let reason, let gentle):
            if self.reason == nil { self.reason = reason }
            stop(gently: gentle)
        case .pause: write("p")
        case .resume: write("c")
        case .usage: runner.emit(id, .sampled(currentUsage))
        case .nextItem(let item):
            if state == .running { frames?.write(InitFrame.item(item).framed) }
        case .finish:
            if state == .running { frames?.write(InitFrame.finish.framed, thenClose: true) }
        }
    }

    /// Called every 20 ms at most 5 ms late: wall limits and the steps of stopping.
    func checkClock() {
        switch state {
        case .gated:
            // The sandbox itself takes milliseconds; one that is not there after 10 s never will be.
            if now - begun > .seconds(10) { fail(.sandboxFailed("it was not ready after 10 s")) }
        case .running:
            guard let programBegun, items.isEmpty, pausedSince == nil else { return }
            let spent = now - programBegun - pausedFor
            if spent > .milliseconds(Int64(clamping: limits.wallMillis)) { hit(.wallTime) }
        case .stopping:
            if let killDeadline, now >= killDeadline, !runner.weakening.withholdsOrders { sever() }
        case .draining: finishIfDrained()
        case .done: break
        }
    }

    var pollTarget: Poller.Target? {
        guard root > 0, state == .running || state == .stopping, !hasExited else { return nil }
        // One more than the limit is enough to know that it is broken.
        return Poller.Target(id: id, root: root, tasksMax: limits.pids + 64)
    }

    func sampled(_ sample: Poller.Sample) {
        let facts = sample.facts
        guard state == .running || state == .stopping, facts.alive else { return }
        lastResident = facts.resident_bytes
        usage.memoryPeakBytes = max(usage.memoryPeakBytes, facts.resident_bytes)
        usage.cpuMicros = max(usage.cpuMicros, facts.cpu_micros)
        usage.diskPeakBytes = max(usage.diskPeakBytes, facts.disk_bytes)
        usage.processPeak = max(usage.processPeak, facts.tasks)
        guard state == .running, items.isEmpty else { return }
        if facts.resident_bytes > limits.memoryBytes { return hit(.memory) }
        if facts.cpu_micros > limits.cpuMicros { return hit(.cpuTime) }
        if facts.inodes > limits.inodes { return hit(.inodes) }
        if facts.tasks > limits.pids + 4 { return hit(.processes) }
    }

    /// How soon this run wants to be looked at again: a program that has a quarter of its memory can have all of it
    /// within 20 ms.
    var pollInterval: Interval? {
        guard pollTarget != nil else { return .milliseconds(5) }
        if lastResident > limits.memoryBytes / 2 { return .milliseconds(2) }
        if lastResident > limits.memoryBytes / 4 { return .milliseconds(5) }
        return .milliseconds(20)
    }

    private var currentUsage: Usage {
        var usage = usage
        usage.wallMicros = UInt64(max(0, (now - (programBegun ?? begun) - pausedFor).nanoseconds) / 1_000)
        usage.stdoutBytes = streams.stdoutCount
        return usage
    }
}
