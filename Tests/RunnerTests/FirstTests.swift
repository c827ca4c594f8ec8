import Basis
import Glibc
import Loop
import Records
@testable import Runner
import TestKit
import Testing

/// A runner in a folder of its own, for one test.
struct Bench: Sendable {
    let loop: UVLoop
    let host: SandboxHost
    let home: String

    /// The user that sandboxes of these tests run as; an ordinary user runs them as itself.
    static var uid: UInt32? { getuid() == 0 ? 61_000 : nil }

    init(_ weakening: Weakening = Weakening()) throws {
        var random = SystemRandomNumberGenerator()
        home = "/tmp/pn-test-" + String(UInt64.random(in: .min ... .max, using: &random), radix: 16)
        try SlotFolders.make(home, mode: 0o711)
        loop = try UVLoop()
        let slots = try SlotFolders(
            home: home, uid: Bench.uid ?? getuid(), programs: Runner.executableFolder, hashing: MixHashing())
        let settings = Runner.Settings(slots: slots, spool: home + "/spool", uid: Bench.uid)
        host = SandboxHost(loop, settings, weakening: weakening)
    }

    func run(_ frame: RunFrame) async throws -> RunRecord { try await host.run(frame) }

    func close() async {
        await host.close()
        host.settings.slots.remove()
        SlotFolders.remove(home, keepingTop: false)
        loop.stop()
        loop.join()
    }

    static func command(_ argv: [String], _ change: (inout RunFrame) -> Void = { _ in }) -> RunFrame {
        let limits = RunLimits(
            cpuMicros: 10_000_000, wallMillis: 10_000, memoryBytes: 128 << 20, diskBytes: 16 << 20, pids: 32)
        var frame = RunFrame(
            item: ItemFrame(argv: argv),
            environment: RunEnvironment.entries(
                seed: 1, epoch: 1_767_225_600, isDeterministic: true, architecture: "amd64"),
            limits: limits)
        change(&frame)
        return frame
    }
}

@Suite(.serialized) struct FirstTests {
    @Test func shellPrints() async throws {
        let bench = try Bench()
        let record = try await bench.run(Bench.command(["sh", "-c", "echo 42; env; ls -l / /proc/self/fd; id"]))
        print(record.events, record.reason as Any, record.text, record.errorText)
        #expect(record.text.hasPrefix("42\n"))
        await bench.close()
    }
}
