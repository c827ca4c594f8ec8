import API
import Daemon
import Foundation
import Glibc

/// `join --detach`: the same command as a process of its own session, followed until it is ready.
enum Detached {
    static func join(_ common: CommonOptions, _ wish: LendOptions.Wish) async throws {
        let layout = common.layout
        if let file = NodeFile.running(layout) {
            throw Problem(
                .homeInUse, "process \(file.pid) runs on this home",
                fix: "stop it first: peernode leave\(common.homeFlag)")
        }
        let started = ContinuousClock.now
        let from = fileSize(layout.log.path)
        let pid = try spawn(layout, isLending: wish.isLending)
        let limit = try common.limit(default: 60) ?? .seconds(86_400)
        while true {
            var status: Int32 = 0
            if waitpid(pid, &status, WNOHANG) == pid { throw ended(status, layout, from) }
            if let file = NodeFile.running(layout), file.pid == Int(pid) {
                return try await tell(file, common, started, wish)
            }
            if ContinuousClock.now - started > limit {
                await stop(pid)
                throw Problem(
                    .noSeed,
                    "not ready after \(Texts.duration(limit)), so it was stopped: "
                        + (lastWords(layout, from) ?? "the log says why: \(layout.log.path)"),
                    fix: "check address and port of the seeds; with a longer --timeout it tries longer")
            }
            try await Task.sleep(for: .milliseconds(30))
        }
    }

    /// Ends the process, by force if it does not obey.
    private static func stop(_ pid: pid_t) async {
        var status: Int32 = 0
        for number in [SIGTERM, SIGKILL] {
            kill(pid, number)
            let end = ContinuousClock.now + .seconds(10)
            while ContinuousClock.now < end {
                if waitpid(pid, &status, WNOHANG) == pid { return }
                try? await Task.sleep(for: .milliseconds(30))
            }
        }
    }

    /// The last thing that the node said it waits for.
    private static func lastWords(_ layout: HomeLayout, _ from: UInt64) -> String? {
        said(layout, from).split(separator: "\n").last { $0.hasPrefix("waiting: ") }.map { String($0.dropFirst(9)) }
    }

    /// What the process wrote to the log since `from`.
    private static func said(_ layout: HomeLayout, _ from: UInt64) -> String {
        guard let file = FileHandle(forReadingAtPath: layout.log.path) else { return "" }
        try? file.seek(toOffset: from)
        return String(decoding: (try? file.readToEnd()) ?? Data(), as: UTF8.self)
    }

    private static func tell(
        _ file: NodeFileDocument, _ common: CommonOptions, _ started: ContinuousClock.Instant, _ wish: LendOptions.Wish
    ) async throws {
        let client = APIClient(endpoint: .unix(path: file.socket))
        let node = try await client.document(NodeDocument.self, ClientRequest("/v1/node"))
        if common.json {
            let ready = ReadyDocument(
                peer: node.peer, account: node.account, network: node.network.id, peerAddresses: node.peerAddresses,
                api: .init(socket: file.socket, http: file.http), pid: file.pid, links: node.links.total,
                height: node.ledger.height, lending: node.lending)
            return Terminal.output(ready.json() + [0x0a])
        }
        if common.quiet { return Terminal.output(node.peer) }
        let lines = ReadyText.lines(
            node, ContinuousClock.now - started, ReadyText.lent(node, wish), home: common.homeFlag)
        for line in lines.dropLast() { Terminal.output(line) }
        Terminal.output(
            "working.  process \(file.pid), log \(common.layout.log.path)   leave for good: peernode "
                + "leave\(common.homeFlag)"
        )
    }

    /// Starts this program again without a terminal; what it says goes to the home's log.
    private static func spawn(_ layout: HomeLayout, isLending: Bool) throws -> pid_t {
        var words = CommandLine.arguments.filter { $0 != "--detach" && $0 != "--json" }
        // What was asked here was answered here.
        words.append(isLending ? "--yes" : "--no-lend")
        do throws(Spawning.Refusal) {
            return try Spawning.start(
                Spawning.ownProgram, words, environment: Environment.all, output: layout.log.path)
        } catch {
            throw CommandFailure(code: Codes.readOrWrite, text: error.text)
        }
    }

    /// The reason of a process that ended before it was ready: the last lines of its log, and its code.
    private static func ended(_ status: Int32, _ layout: HomeLayout, _ from: UInt64) -> CommandFailure {
        let code = Spawning.exitCode(status)
        let lines = said(layout, from).split(separator: "\n").filter { !$0.hasPrefix("{") }.suffix(8).joined(
            separator: "\n")
        return CommandFailure(
            code: code == 0 ? Codes.failed : code,
            text: lines.isEmpty ? "the node ended with code \(code); its log is \(layout.log.path)" : lines)
    }

    private static func fileSize(_ path: String) -> UInt64 {
        var info = stat()
        return stat(path, &info) == 0 ? UInt64(clamping: info.st_size) : 0
    }
}
