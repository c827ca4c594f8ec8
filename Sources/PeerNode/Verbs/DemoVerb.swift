import API
import ArgumentParser
import Foundation
import Glibc

/// `demo`: five peers, one killed, everything proved.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "Watch five local peers run, replace, pay for and prove a job.",
        discussion: """
            Example: peernode demo
            Exit: 0 every step held; 1 one did not (it is named, the folder is kept);
            6 there is no sandbox here; 130 interrupted.
            """)

    @Option(help: "5 to 9.") var peers = 5
    @Flag(help: "Leave the peers running and say how to use and stop them.") var keep = false
    @Flag(help: "Print one document.") var json = false
    @Option(name: .customLong("fail-at"), help: .hidden) var failAt: Int?

    mutating func validate() throws {
        if !(5...9).contains(peers) { throw ValidationError("--peers is \(peers); allowed are 5 to 9") }
    }

    func run() async throws {
        try Founder.ready()
        guard FileManager.default.isReadableFile(atPath: DemoJob.text) else {
            throw CommandFailure(
                code: Codes.failed,
                text: "demo failed at step 2 (submit): there is no \(DemoJob.text); install the package base-files")
        }
        let folder = try DemoCommand.makeFolder()
        if !json {
            Terminal.error("the job, as it is submitted in step 2 (timeouts: run 5 s, lease 10 s):\n")
            Terminal.error(DemoJob.manifest(text: DemoJob.text) + "\n")
        }
        let isQuiet = json
        let demo = await Demo(folder: folder, isKept: keep, failAt: failAt) { if !isQuiet { Terminal.output($0) } }
        let signals = Signals([SIGINT, SIGTERM, SIGHUP])
        let watch = Task { @MainActor in
            for await _ in signals.stream {
                demo.killAll()
                try? FileManager.default.removeItem(atPath: folder)
                Glibc.exit(Int32(Codes.interrupted))
            }
        }
        let isOK = await demo.run(count: peers)
        watch.cancel()
        try await tell(demo, isOK)
    }

    /// Prints the document or what is left to say, and chooses the exit code.
    @MainActor private func tell(_ demo: Demo, _ isOK: Bool) throws {
        if !isOK {
            let failure = demo.document.failure?.value ?? "demo failed"
            for peer in demo.peers {
                Terminal.error("== \(peer.name), the end of \(peer.log)")
                for line in peer.tail(20) { Terminal.error(String(line)) }
            }
            demo.killAll()
            Terminal.error(failure)
            Terminal.error("kept: \(demo.folder)")
            if json { Terminal.output(demo.document.json() + [0x0a]) }
            throw CommandFailure(code: Codes.failed)
        }
        if json { Terminal.output(demo.document.json() + [0x0a]) }
        if keep, !json {
            let homes = demo.living
            Terminal.output("use one of them   peernode status --home \(homes[0].home)")
            let pids = homes.compactMap { $0.process.map { String($0.pid) } }.joined(separator: " ")
            Terminal.output(
                "join them         peernode join --home NEW --invite \(demo.inviteFile) "
                    + homes.map(\.address).joined(separator: " "))
            Terminal.output("stop them         kill \(pids) && rm -r \(demo.folder)")
        }
        if let wall = demo.missingWall {
            throw Problem(
                .noSandbox, "no program was run: the sandbox is not complete here: \(wall)",
                fix: "peernode doctor sandbox shows the wall and its fix")
        }
    }

    /// Below /tmp, whatever TMPDIR says: a socket's path has at most 107 bytes.
    private static func makeFolder() throws -> String {
        var name = Array(("/tmp/peernode-demo." + String(repeating: "X", count: 6)).utf8CString)
        guard mkdtemp(&name) != nil else {
            throw CommandFailure(
                code: Codes.readOrWrite, text: "demo failed at step 1 (start): cannot write below /tmp")
        }
        let folder = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // Sandboxes of a root daemon run as a plain uid, which must reach their stage.
        chmod(folder, 0o755)
        return folder
    }
}
