import API
import ArgumentParser
import Daemon
import Foundation

/// Flags of every verb (`surfaces.md` 1.1).
struct CommonOptions: ParsableArguments {
    @Option(help: "Use this home.")
    var home: String?

    @Option(help: "Talk to this API: http://127.0.0.1:7718 or unix:/path.")
    var api: String?

    @Option(name: .customLong("token-file"), help: "Token for an API on TCP.")
    var tokenFile: String?

    @Flag(help: "Print documents.")
    var json = false

    @Flag(name: [.short, .long], help: "Print ids only.")
    var quiet = false

    @Flag(name: [.short, .long], help: "Chain of causes and timings.")
    var verbose = false

    @Flag(name: [.short, .long], help: "Answer every question with yes.")
    var yes = false

    @Option(help: "End after this time, such as 30s; 0 is never.")
    var timeout: String?

    @Flag(name: .customLong("no-progress"), help: "No progress lines.")
    var noProgress = false

    @Option(help: "auto, always or never.")
    var color = "auto"

    var layout: HomeLayout { HomeLayout.find(home: home, environment: Environment.all) }

    /// ` --home DIR` for commands that we print, if that is where this home is.
    var homeFlag: String { layout.explicit.map { " --home \($0.path)" } ?? "" }

    /// Nil means without end.
    func limit(default seconds: Int64? = 30) throws -> Duration? {
        guard let timeout else { return seconds.map { .seconds($0) } }
        if timeout == "0" { return nil }
        guard let millis = Quantity.milliseconds(timeout) else {
            throw ValidationError("--timeout is \"\(timeout)\"; write a duration such as 30s, or 0 for none")
        }
        return .milliseconds(Int64(clamping: millis))
    }

    /// The node that the verb talks to: `--api`, `PEERNODE_API`, or the home's own (`surfaces.md` 1.1).
    func client() throws -> APIClient {
        if let text = api ?? (home == nil ? Environment.all["PEERNODE_API"] : nil) {
            guard let endpoint = APIEndpoint(text) else {
                throw ValidationError("\"\(text)\" is no API; write http://127.0.0.1:7718 or unix:/path")
            }
            return APIClient(endpoint: endpoint, token: try token())
        }
        let layout = layout
        guard let file = NodeFile.running(layout) else {
            // A node that is not ready has a socket, but no file yet.
            if NodeFile.isStarting(layout) { return APIClient(endpoint: .unix(path: layout.socket.path)) }
            throw Problem(
                .noNode, "no node runs on the home \(layout.description)",
                why: "\(layout.nodeFile.path) names none that is alive",
                fix: "start one: peernode join" + homeFlag)
        }
        return APIClient(endpoint: .unix(path: file.socket))
    }

    func token() throws -> String? {
        let own = layout.tokenFile.path
        guard let path = tokenFile ?? (FileManager.default.fileExists(atPath: own) ? own : nil) else { return nil }
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
            throw CommandFailure(code: Codes.noFile, text: "cannot read the token file \(path)")
        }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Prints a document as `--json` wants it, or what `text` makes of it.
    func show<D: Document>(_ document: D, _ text: (D) -> Void) {
        if json { Terminal.output(document.json() + [0x0a]) } else { text(document) }
    }

    /// Whether progress may be redrawn in place.
    var redraws: Bool { !noProgress && !json && Terminal.isErrorTerminal }
}

extension ClientRequest {
    /// A GET.
    init(_ path: String, query: [(name: String, value: String)] = []) { self.init("GET", path, query: query) }
}
