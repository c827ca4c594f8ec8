import Basis
import CSandbox
import Glibc
import Loop
import Records
import Testing

@testable import Runner

/// Property C30: the walls hold, and each has a planted hole that turns its line to FAIL.
extension Sandboxes {
    @Suite(.serialized) struct SelfTestTests {
        /// Every wall is tried for real on this machine, and none fails.
        @Test(.enabled(if: Bench.hasSandbox)) func wallsHold() async throws {
            let bench = try Bench()
            let report = await SandboxSelfTest(bench.loop, bench.host.settings).run(.all)
            #expect(report.refusal == nil)
            for result in report.results {
                if result.verdict == .skip { print(result.line) }
                #expect(result.verdict != .fail, "\(result.line)")
            }
            #expect(report.results.map(\.wall) == Wall.all)
            #expect(report.isFull)
            #expect(report.meter == .polling)
            await bench.close()
        }

        /// The walls of every start are those with a dot in the specification, and none may be skipped.
        @Test(.enabled(if: Bench.hasSandbox)) func wallsAtStartHold() async throws {
            let bench = try Bench()
            let report = await SandboxSelfTest(bench.loop, bench.host.settings).run(.atStart)
            #expect(
                report.results.map(\.wall.id) == [
                    "W01", "W02", "W03", "W04", "W05", "W06", "W08", "W09", "W11", "W14", "W22",
                ])
            #expect(
                report.results.allSatisfy { $0.verdict == .ok }, "\(report.results.map(\.line))")
            await bench.close()
        }

        /// A wall that was skipped at start, a failure, or no sandbox at all: none of them is `full`.
        @Test func levelNeedsEveryWall() {
            let first = Wall.all[0]
            let later = Wall.all[6]
            func report(_ results: [WallResult]) -> SandboxReport {
                SandboxReport(results: results, refusal: nil, meter: .polling)
            }
            #expect(
                report([WallResult(first, .ok, ""), WallResult(later, .skip, "no kernel")]).isFull)
            #expect(!report([WallResult(first, .skip, "")]).isFull)
            #expect(!report([WallResult(first, .ok, ""), WallResult(later, .fail, "")]).isFull)
            #expect(!report([]).isFull)
            var refused = report([WallResult(first, .ok, "")])
            refused.refusal = "no namespaces"
            #expect(!refused.isFull)
        }

        static func hole(_ id: String, _ shared: String) -> Weakening? {
            var hole = Weakening()
            let sharedNet = [
                "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts",
                "--unshare-cgroup",
            ]
            switch id {
            case "W01": hole.extra = ["--ro-bind", shared, shared]
            case "W02": hole.replaced = [(["--remount-ro", "/dev"], [])]
            case "W03": hole.replaced = [(["--cap-drop", "ALL"], ["--cap-add", "CAP_NET_RAW"])]
            case "W04":
                hole.replaced = [(["--disable-userns"], [])]
                hole.omittedFilter = "namespace"
            case "W05":
                hole.replaced = [(["--cap-drop", "ALL"], ["--cap-add", "ALL"])]
                hole.omittedFilter = "mount"
            case "W06": hole.omittedFilter = "socket"
            case "W07": hole.replaced = [(["--unshare-all", "--unshare-user"], sharedNet)]
            case "W08": hole.wrapper = ["/bin/sh", "-c", "exec \"$@\" 9</dev/null", "sh"]
            case "W09": hole.replaced = [(["--ro-bind-data", "11", "/proc/cmdline"], [])]
            case "W10": hole.replaced = [(["--as-pid-1"], [])]
            case "W11": hole.replaced = [(["--proc", "/proc"], ["--ro-bind", "/proc", "/proc"])]
            case "W12":
                hole.replaced = [
                    (
                        ["--size", "16777216", "--tmpfs", "/dev/shm"],
                        ["--bind", shared, "/dev/shm"]
                    )
                ]
                // A folder of the host brings its own number of files.
                hole.ignoredLimits = [.inodes]
            case "W13": hole.omittedFilter = "trace"
            case "W14": hole.omittedFilter = "kernel"
            case "W15": hole.omittedFilter = "keyring"
            case "W17":
                hole.omittedLimits = [6]
                hole.ignoredLimits = [.processes]
            case "W18": hole.ignoredLimits = [.memory]
            case "W19":
                hole.replaced = [
                    (["--size", "\(Trial.disk)", "--tmpfs", "/job"], ["--tmpfs", "/job"])
                ]
            case "W19i": hole.ignoredLimits = [.inodes]
            case "W20":
                hole.omittedLimits = [0]
                hole.ignoredLimits = [.cpuTime]
            case "W21": hole.ignoredLimits = [.standardOutput]
            case "W22": hole.leavesMarker = true
            case "W23": hole.replaced = [(["--die-with-parent"], [])]
            case "W24": hole.withholdsOrders = true
            case "W25": hole.wrapper = ["/bin/sh", "-c", "\"$@\"; exit $?", "sh"]
            case "W26": hole.omittedFilter = "terminal"
            case "W27": hole.probeWords = ["instead=1"]
            case "W28": hole.omittedFilter = "architecture"
            default: return nil
            }
            return hole
        }

        /// One weakening of the call at a time: its line becomes FAIL, by the same judge that said ok above. W16 is in
        /// `setIDHoleIsFound`, since no call of bwrap can be weakened so that set-id programs give something.
        @Test(
            .enabled(if: Bench.hasSandbox),
            arguments: Wall.all.map(\.id).filter { $0 != "W16" } + ["W19i"])
        func holeIsFound(_ id: String) async throws {
            let bench = try Bench()
            // W01 gets the folder of the canary, W12 one that both sandboxes can write.
            var shared = bench.host.settings.slots.own
            if id == "W12" {
                shared = bench.home + "/shared"
                try SlotFolders.make(shared, mode: 0o777)
            }
            let weakening = try #require(Sandboxes.SelfTestTests.hole(id, shared))
            let wall = try #require(Wall.all.first { $0.id == id.prefix(3) })
            let test = SandboxSelfTest(
                bench.loop, bench.host.settings, weakening: weakening, patience: .milliseconds(300))
            let report = await test.run([wall])
            #expect(report.refusal == nil)
            #expect(report.results.map(\.verdict) == [.fail], "\(report.results.map(\.line))")
            if ProcessInfo.isVerbose { print(report.results.map(\.line)) }
            await bench.close()
        }

        /// W16: without the sandbox the probe sees a set-id program change its user.
        @Test(.enabled(if: Bench.hasSandbox)) func setIDHoleIsFound() async throws {
            let bench = try Bench()
            let probe = bench.host.settings.slots.support + "/probe"
            let change = Bench.uid.map {
                ["/usr/bin/setpriv", "--reuid=\($0)", "--regid=\($0)", "--clear-groups"]
            }
            let line = try await bench.output((change ?? []) + [probe, "W16"])
            #expect(line.hasPrefix("W16 FAIL"), "\(line)")
            await bench.close()
        }
    }
}

enum ProcessInfo {
    static var isVerbose: Bool { getenv("VERBOSE") != nil }
}
