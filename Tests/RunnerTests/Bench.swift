import Basis
import CSandbox
import Glibc
import Loop
import Records
import TestKit
import Testing

@testable import Runner

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
            home: home, uid: Bench.uid ?? getuid(), programs: Runner.executableFolder,
            hashing: MixHashing())
        let settings = Runner.Settings(slots: slots, spool: home + "/spool", uid: Bench.uid)
        host = SandboxHost(loop, settings, weakening: weakening)
    }

    /// Whether this kernel can make a sandbox at all. If not, what needs one is skipped, and this says why.
    static let hasSandbox: Bool = {
        let can = pn_can_unshare() == 0
        if !can {
            print(
                "SKIPPED: this kernel gives an ordinary user no namespaces, so no sandbox can be tried"
            )
        }
        return can
    }()

    /// What a program outside any sandbox prints.
    func output(_ argv: [String]) async throws -> String {
        var ends: [Int32] = [-1, -1]
        #expect(pn_pipe(&ends, -1) == 0)
        let null = open("/dev/null", O_RDWR)
        let loop = loop
        let reader = ends[0]
        let writer = ends[1]
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            loop.post {
                do throws(UVError) {
                    _ = try UVChild(loop, arguments: argv, descriptors: [null, writer, 2]) { _, _ in
                        continuation.resume()
                    }
                } catch {
                    print(error)
                    continuation.resume()
                }
            }
        }
        Glibc.close(writer)
        Glibc.close(null)
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = read(reader, &bytes, bytes.count)
        Glibc.close(reader)
        return String(decoding: bytes[..<max(0, count)], as: UTF8.self)
    }

    func run(_ frame: RunFrame) async throws -> RunRecord { try await host.run(frame) }

    func close() async {
        await host.close()
        host.settings.slots.remove()
        SlotFolders.remove(home, keepingTop: false)
        loop.stop()
        loop.join()
    }

    static func command(_ argv: [String], _ change: (inout RunFrame) -> Void = { _ in }) -> RunFrame
    {
        let limits = RunLimits(
            cpuMicros: 10_000_000, wallMillis: 10_000, memoryBytes: 128 << 20, diskBytes: 16 << 20,
            pids: 32)
        var frame = RunFrame(
            item: ItemFrame(argv: argv),
            environment: RunEnvironment.entries(
                seed: 1, epoch: 1_767_225_600, isDeterministic: true, architecture: "amd64"),
            limits: limits)
        change(&frame)
        return frame
    }
}
