import Basis
import CSandbox
import Glibc
import Loop
import Records
import Testing

@testable import Runner

/// What crosses the wall of a sandbox without being asked to, and what is left when it is over (C31–C34, C51).
extension Sandboxes {
    @Suite(.serialized) struct LeakTests {
        /// No descriptor and no variable of the daemon reaches the program, whatever the daemon holds open (C32).
        @Test(.enabled(if: Bench.hasSandbox)) func nothingOfTheDaemonLeaksIn() async throws {
            let bench = try Bench()
            setenv("PN_SECRET", "do not show", 1)
            defer { unsetenv("PN_SECRET") }
            let null = open("/dev/null", O_RDONLY)
            let leaks = (0..<30).map { pn_leak(null, 20 + Int32($0)) }
            let record = try await bench.run(
                Sandboxes.EndsTests.sh(
                    "ls /proc/self/fd; env; cat /proc/self/environ /proc/1/environ"))
            for fd in leaks + [null] { close(fd) }
            let lines = record.text.split(separator: "\n")
            // 3 is the folder that ls itself reads.
            #expect(lines.prefix { Int($0) != nil } == ["0", "1", "2", "3"])
            #expect(!record.text.contains("do not show"))
            #expect(record.text.contains("PATH=/usr/bin:/bin"))
            #expect(
                !record.text.contains("HOME=" + String(cString: getenv("HOME") ?? strdup("/root"))))
            await bench.close()
        }

        /// SIGKILL to the outer process at 60 moments of its first 12 ms, most of which bwrap needs to build the sandbox: the
        /// run ends as `sandbox_failed`, and no process is left, not even one of bwrap's own (C34).
        @Test(.enabled(if: Bench.hasSandbox)) func killedSandboxLeavesNothing() async throws {
            let bench = try Bench()
            let marker = "pn-leak-\(UInt64.random(in: 0 ... .max))"
            let job = Bench.command(["sh", "-c", "sleep 60 & sleep 61 & exec sleep 62", marker])
            var started = 0
            for moment in 0..<60 {
                async let pending = bench.run(job)
                while await bench.host.counters.started == moment { await Task.yield() }
                try await Task.sleep(nanoseconds: UInt64(moment) * 200_000)
                await bench.host.killOuter()
                let record = try await pending
                guard case .sandboxFailed = record.reason else {
                    Issue.record("ended as \(String(describing: record.reason))")
                    return
                }
                if record.events.count > 1 { started += 1 }
            }
            print("killed 60 sandboxes, \(started) of them behind the gate")
            #expect(await bench.isGone(marker))
            #expect(await bench.isGone("/.pn/init", orphansOnly: true))
            await bench.close()
        }

        /// When the descriptors of a dead runner close, process 1 ends everything by itself, even if nobody kills it.
        @Test(.enabled(if: Bench.hasSandbox)) func endOfOrdersEndsAll() async throws {
            var hole = Weakening()
            hole.replaced = [(["--die-with-parent"], [])]
            let bench = try Bench(hole)
            let marker = "pn-orders-\(UInt64.random(in: 0 ... .max))"
            let job = Bench.command([
                "sh", "-c", "trap '' TERM; while :; do sleep 60; done", marker,
            ])
            async let pending = bench.run(job)
            while pn_count_marked(marker, false) == 0 {
                try await Task.sleep(nanoseconds: 1_000_000)
            }
            await bench.close()
            _ = try await pending
            #expect(await bench.isGone(marker))
        }

        /// 200 runs, four at a time, some good, some bad: processes, mounts, folders and descriptors are what they were.
        @Test(.enabled(if: Bench.hasSandbox)) func manyRunsLeaveNothing() async throws {
            let bench = try Bench()
            _ = try await bench.run(Sandboxes.EndsTests.sh("true"))
            let before = (
                descriptors: names("/proc/self/fd").count, mounts: mounts(),
                spools: names(bench.home + "/spool")
            )
            let marker = "pn-many-\(UInt64.random(in: 0 ... .max))"
            await withTaskGroup(of: Void.self) { group in
                for lane in 0..<4 {
                    group.addTask {
                        for i in 0..<50 {
                            let script = [
                                "exit \(i)", "sleep 60 & true", "kill -9 $$", "echo $$ > /out/x",
                            ][(i + lane) % 4]
                            let frame = Bench.command(["sh", "-c", script, marker]) {
                                $0.collect = [
                                    CollectEntry(
                                        name: "x", path: "x", bytesMax: 100, isOptional: true)
                                ]
                            }
                            let record = try? await bench.run(frame)
                            #expect(record?.end != nil, "\(record?.reason?.text ?? "no record")")
                        }
                    }
                }
            }
            #expect(await bench.isGone(marker))
            #expect(names("/proc/self/fd").count == before.descriptors)
            #expect(mounts() == before.mounts)
            #expect(names(bench.home + "/spool") == before.spools)
            #expect(names(bench.host.settings.slots.stage).isEmpty)
            let counters = await bench.host.counters
            #expect(counters.ended == 201 && counters.failed == 0 && counters.malformedReports == 0)
            await bench.close()
            #expect(names(bench.home).isEmpty)
        }

        /// A root daemon without another user for its programs makes no runner at all (C31).
        @Test func rootIsRefused() async throws {
            let bench = try Bench()
            var settings = bench.host.settings
            settings.uid = 0
            let host = SandboxHost(bench.loop, settings)
            let error = await #expect(throws: RunnerError.self) {
                try await host.run(Sandboxes.EndsTests.sh("true"))
            }
            #expect(error?.description.contains("as root") == true)
            if getuid() == 0 {
                settings.uid = nil
                let other = SandboxHost(bench.loop, settings)
                _ = await #expect(throws: RunnerError.self) {
                    try await other.run(Sandboxes.EndsTests.sh("true"))
                }
            }
            await bench.close()
        }

        /// The launcher itself refuses: as root without a user to become, it exits with 125 and starts nothing.
        @Test(.enabled(if: getuid() == 0)) func launcherRefusesRoot() async throws {
            let bench = try Bench()
            let launch = Runner.executableFolder + "/peernode-launch"
            #expect(
                try await bench.output([launch, "-", "-", "-", "--", "/bin/echo", "started"]) == "")
            #expect(
                try await bench.output([launch, "0", "-", "-", "--", "/bin/echo", "started"]) == "")
            #expect(
                try await bench.output([launch, "61000", "-", "-", "--", "/bin/echo", "started"])
                    == "started\n")
            await bench.close()
        }

        /// Slots go below the home if the sandboxes' user can enter it, else to a place named by the home's path (S23).
        @Test func slotsLieWhereTheUserCanEnter() throws {
            #expect(SlotFolders.canEnter("/usr/bin", as: 61_000))
            #expect(SlotFolders.canEnter("/tmp/not-there-yet/below", as: 61_000))
            if getuid() == 0 {
                let closed = "/tmp/pn-closed-\(UInt32.random(in: 0 ... .max))"
                try SlotFolders.make(closed, mode: 0o700)
                defer { rmdir(closed) }
                #expect(!SlotFolders.canEnter(closed + "/home", as: 61_000))
                #expect(SlotFolders.canEnter(closed + "/home", as: 0))
            }
        }

        /// Cancel ends what ignores everything, a gentle one lets a program end by itself; pause stops the clock.
        @Test(.enabled(if: Bench.hasSandbox)) func ordersAreObeyed() async throws {
            let bench = try Bench()
            let marker = "pn-order-\(UInt64.random(in: 0 ... .max))"
            let deaf = Bench.command([
                "sh", "-c", "trap '' TERM INT HUP; while :; do sleep 60; done", marker,
            ])
            async let first = bench.run(deaf)
            while pn_count_marked(marker, false) == 0 {
                try await Task.sleep(nanoseconds: 1_000_000)
            }
            await bench.host.order(.cancel(.ownerStopped, gentle: false))
            #expect(try await first.reason == .ownerStopped)
            #expect(await bench.isGone(marker))

            let paused = Locked(0)
            let frame = Sandboxes.EndsTests.sh("echo ::progress 0.1 x >&2; sleep 0.4; exit 5") {
                $0.limits.wallMillis = 2_000
            }
            let host = bench.host
            async let second = host.run(frame) { event in
                if case .progress = event { Task { await host.order(.pause) } }
                if case .paused = event {
                    paused.withLock { $0 += 1 }
                    Task {
                        try? await Task.sleep(nanoseconds: 2_500_000_000)
                        await host.order(.resume)
                    }
                }
            }
            let record = try await second
            #expect(
                record.firstItem?.process == .exited(code: 5), "\(String(describing: record.end))")
            #expect(paused.current == 1)
            #expect(record.events.contains(.resumed))
            #expect((record.end?.usage.pausedMicros ?? 0) > 2_000_000)
            #expect((record.end?.usage.wallMicros ?? 0) < 2_000_000)
            await bench.close()
        }

        func names(_ path: String) -> [String] {
            guard let folder = opendir(path) else { return [] }
            defer { closedir(folder) }
            var names: [String] = []
            while let entry = readdir(folder) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name != "." && name != ".." { names.append(name) }
            }
            return names.sorted()
        }

        func mounts() -> String {
            String(decoding: (try? SlotFolders.read("/proc/self/mountinfo")) ?? [], as: UTF8.self)
        }
    }
}

extension Bench {
    /// Whether, within 5 s, no process has the marker in its command line any more.
    func isGone(_ marker: String, orphansOnly: Bool = false) async -> Bool {
        for _ in 0..<2_500 {
            if pn_count_marked(marker, orphansOnly) == 0 { return true }
            try? await Task.sleep(nanoseconds: 2_000_000)
        }
        return false
    }
}

extension [UInt8] {
    var text: String { String(decoding: self, as: UTF8.self) }
}
