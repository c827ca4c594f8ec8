import Basis
import CSandbox
import Glibc
import Loop

/// A process outside the sandboxes, under their own user, that none of them may see. It ends when it is closed.
final class Canary: Sendable {
    let pid: Int32
    private let loop: UVLoop
    private let parts: LoopBound

    /// Handles of the loop, used there only.
    private final class LoopBound: @unchecked Sendable {
        let child: UVChild
        let input: UVPipe
        let output: UVPipe
        init(_ child: UVChild, _ input: UVPipe, _ output: UVPipe) {
            self.child = child
            self.input = input
            self.output = output
        }
    }

    private init(_ loop: UVLoop, _ parts: LoopBound) {
        self.loop = loop
        self.parts = parts
        pid = parts.child.pid
    }

    /// On the loop's thread.
    static func start(
        _ name: String, _ loop: UVLoop, _ settings: Runner.Settings, isolation: isolated (any Actor)? = #isolation
    ) async throws(RunnerError) -> Canary {
        var input: [Int32] = [-1, -1]
        var output: [Int32] = [-1, -1]
        let made = min(pn_pipe(&input, 1), pn_pipe(&output, 0))
        let null = pn_open("/dev/null", O_WRONLY, 0)
        if made < 0 || null < 0 { throw RunnerError.system("make a pipe", max(-made, -null)) }
        defer { for fd in [input[0], output[1], null] { close(fd) } }
        do throws(UVError) {
            let writer = try UVPipe(loop, fd: input[1])
            let reader = try UVPipe(loop, fd: output[0], buffer: ReadBuffer())
            let words = [
                settings.programs + "/peernode-launch", settings.uid.map { "\($0)" } ?? "-", "-", "-", "--",
                settings.slots.support + "/probe", "canary", name,
            ]
            let child = try UVChild(loop, arguments: words, descriptors: [input[0], output[1], null]) { _, _ in }
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                var isTold = false
                func tell() {
                    if !isTold { continuation.resume() }
                    isTold = true
                }
                reader.read { _ in tell() } onEnd: { tell() }
            }
            return Canary(loop, LoopBound(child, writer, reader))
        } catch { throw RunnerError(error.description) }
    }

    func end() {
        loop.post { [parts] in
            parts.child.kill()
            parts.input.close()
            parts.output.close()
        }
    }
}

/// Everything that the self-test puts outside: what a sandbox must not reach.
struct Canaries: ~Copyable, Sendable {
    let token: String
    let folder: String
    let process: Canary
    private let descriptors: [Int32]
    private let port: Int32

    init(_ host: SandboxHost) async throws(RunnerError) {
        var random = SystemRandomNumberGenerator()
        let token = "pn-" + String(UInt64.random(in: .min ... .max, using: &random) >> 16, radix: 16)
        let folder = host.settings.slots.own + "/" + token
        try SlotFolders.make(folder, mode: 0o755)
        let file = folder + "/file"
        try SlotFolders.write(file, Array("canary".utf8), mode: 0o600)
        // The sandboxes' own user owns it: nothing but the walls keeps a program from it.
        if let uid = host.settings.uid { chown(file, uid, uid) }
        let process = try await host.startCanary(token)
        var port: Int32 = 0
        let null = pn_open("/dev/null", O_RDONLY, 0)
        let opened = [pn_listen_port(&port), pn_listen_abstract(token), null, pn_leak(null, 40)]
        _ = pn_add_key(token)
        if let error = opened.first(where: { $0 < 0 }) {
            process.end()
            for fd in opened where fd >= 0 { close(fd) }
            throw RunnerError.system("place a canary", -error)
        }
        self.token = token
        self.folder = folder
        self.process = process
        self.port = port
        descriptors = opened
    }

    /// What the probe is told.
    var words: [String] {
        [
            "file=\(folder)/file", "folder=\(folder)", "pid=\(process.pid)", "name=\(token)", "socket=\(token)",
            "port=\(port)", "key=\(token)",
        ]
    }

    deinit {
        process.end()
        for fd in descriptors where fd >= 0 { close(fd) }
        SlotFolders.remove(folder, keepingTop: false)
    }
}
