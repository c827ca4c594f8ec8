import Basis
import CSandbox
import Glibc
import Loop
import Records

// Walls about what is still there afterwards. Processes are found from outside by a word in their command line, so
// nothing that the sandbox says is believed.

extension Trial {
    /// A word that no other process has.
    func marker(_ wall: Wall) -> String { "\(token)-\(wall.id)" }

    /// Waits until no process has the marker. Returns how long that took, or how many are left.
    func waitUntilGone(_ marker: String) async -> (millis: Int64, left: Int) {
        let start = host.loop.now
        while true {
            let left = Int(pn_count_marked(marker, false))
            let spent = host.loop.now - start
            if left <= 0 || spent > test.patience { return (spent.milliseconds, max(0, left)) }
            try? await Task.sleep(nanoseconds: 2_000_000)
        }
    }

    func judge(_ wall: Wall, _ gone: (millis: Int64, left: Int)) -> WallResult {
        gone.left == 0
            ? WallResult(wall, .ok, "gone after \(gone.millis) ms")
            : WallResult(wall, .fail, "\(gone.left) processes are still there after \(gone.millis) ms")
    }

    /// W22: the program ends, the daemon that it left behind must end too.
    func survivor(_ wall: Wall) async throws(RunnerError) -> WallResult {
        let marker = marker(wall)
        let escaped = test.weakening.leavesMarker ? try await host.startCanary(marker) : nil
        defer { escaped?.end() }
        let record = try await run("W22", ["marker=\(marker)"])
        let said = Trial.read(wall, record)
        if said.verdict != .ok { return said }
        return judge(wall, await waitUntilGone(marker))
    }

    /// Starts a job that does not want to end, and calls `then` when its processes are all there.
    private func withStubbornJob(
        _ wall: Wall, _ host: SandboxHost, _ then: @Sendable () async -> Void
    ) async throws(RunnerError) -> WallResult {
        let marker = marker(wall)
        let stop = Locked<CheckedContinuation<Bool, Never>?>(nil)
        let early = Locked<Bool?>(nil)
        @Sendable func tell(_ isReady: Bool) {
            let waiter = stop.withLock { waiter in
                defer { waiter = nil }
                if waiter == nil { early.withLock { $0 = $0 ?? isReady } }
                return waiter
            }
            waiter?.resume(returning: isReady)
        }
        let job = frame(wall.id, ["marker=\(marker)"])
        let run = Task {
            try? await host.run(job) { event in
                switch event {
                case .progress: tell(true)
                case .ended, .failed: tell(false)
                default: break
                }
            }
        }
        let isReady = await withCheckedContinuation { continuation in
            let known = stop.withLock { waiter -> Bool? in
                if let known = early.current { return known }
                waiter = continuation
                return nil
            }
            if let known { continuation.resume(returning: known) }
        }
        guard isReady else {
            let record = await run.value
            return WallResult(wall, .fail, "the job did not begin: \(record.map(Trial.brief) ?? "no run")")
        }
        await then()
        let result = judge(wall, await waitUntilGone(marker))
        // What is left, if the wall did not hold, goes with its sandbox.
        await host.close()
        _ = await run.value
        return result
    }

    /// W23: SIGKILL for the process that started the sandbox, while its descriptors stay open elsewhere.
    func deadRunner(_ wall: Wall) async throws(RunnerError) -> WallResult {
        let standIn = SandboxHost(
            test.loop, test.settings, weakening: test.weakening,
            outerPrefix: [test.settings.slots.support + "/probe", "parent"])
        return try await withStubbornJob(wall, standIn) { await standIn.killOuter() }
    }

    /// W24: the order to end, for processes that ignore SIGTERM and come back.
    func stubborn(_ wall: Wall) async throws(RunnerError) -> WallResult {
        let other = SandboxHost(test.loop, test.settings, weakening: test.weakening)
        return try await withStubbornJob(wall, other) {
            await other.order(.cancel(.cancelled, gentle: false))
        }
    }

    /// W12: two sandboxes at once.
    func neighbour(_ wall: Wall) async throws(RunnerError) -> WallResult {
        let ready = Locked<[CheckedContinuation<Void, Never>]>([])
        let isTold = Locked(false)
        @Sendable func tell() {
            isTold.withLock { $0 = true }
            for waiter in ready.withLock({ list in
                defer { list = [] }
                return list
            }) { waiter.resume() }
        }
        let other = SandboxHost(test.loop, test.settings, weakening: test.weakening)
        let job = frame("W12n", ["name=\(token)"])
        let run = Task {
            let record = try? await other.run(job) { event in
                switch event {
                case .progress, .ended, .failed: tell()
                default: break
                }
            }
            tell()
            return record
        }
        await withCheckedContinuation { continuation in
            ready.withLock { $0.append(continuation) }
            if isTold.current { tell() }
        }
        let result: WallResult
        do throws(RunnerError) {
            result = Trial.read(wall, try await self.run("W12"))
        } catch {
            await other.close()
            _ = await run.value
            throw error
        }
        await other.close()
        let record = await run.value
        if let record, record.reason != .nodeRestarted {
            return WallResult(wall, .fail, "the other sandbox did not last: \(Trial.brief(record))")
        }
        return result
    }
}
