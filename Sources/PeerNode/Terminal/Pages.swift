import API
import Daemon

/// `peernode help CODE` and `help lending`.
enum Pages {
    /// False if there is no page of that name.
    static func show(_ name: String) -> Bool {
        if name == "lending" {
            Terminal.output(Consent.text(network: "your network", lending: .init(cores: nil, memory: nil, disk: nil)))
            return true
        }
        guard let page = ErrorCatalogue.page(name) else { return false }
        Terminal.write(Array(page.utf8), to: 1)
        return true
    }
}

/// What `peernode` alone says.
enum Greeting {
    static func show() {
        let running = NodeFile.running(.find(home: nil, environment: Environment.all))
        Terminal.output(
            running.map { "a node runs here: process \($0.pid), \(Texts.short($0.peer)) on \(Texts.short($0.network))" }
                ?? "no node runs here")
        Terminal.output(
            """
              peernode init --new-network NAME    found a network
              peernode join SEED                  join one
              peernode run -- CMD                 run a program on it
              peernode status                     see how things stand
              peernode receipt verify last        check the last result
              peernode --help                     everything else
            """)
    }
}

/// Verbs of later versions: known, and refused in words.
enum Later {
    static let verbs: [String: String] = [
        "map": "arrays", "explain": "explanations", "why-idle": "explanations", "plan": "planning",
        "check": "checking for determinism", "pause": "pausing", "resume": "pausing", "drain": "draining",
        "policy": "changing the policy", "blob": "the content store", "audit": "auditing a log",
        "risk": "risk figures", "convert": "other job formats", "top": "the live view", "shell": "the shell",
        "bench": "measuring", "completion": "shell completion",
        "schema": "printing schemas", "openapi": "printing the interface", "config": "showing the configuration",
        "retry": "retrying", "image": "images", "provider": "providers", "pack": "packs",
        "workflow": "workflows", "kv": "the key-value store", "topic": "topics",
        "completions": "shell completion", "dashboard": "the dashboard",
    ]

    static func refuse(_ words: [String]) throws(Problem) {
        if let first = words.first, let what = verbs[first] {
            throw Problem(
                .notYet, "\(what) (peernode \(first)) is not part of this version", fix: "peernode --help lists what is"
            )
        }
        if words.contains("--peer") || words.contains(where: { $0.hasPrefix("--peer=") }) {
            throw Problem(
                .notYet, "--peer, talking to a remote peer without a node, is not part of this version",
                fix: "start a node with peernode join, or name an API with --api")
        }
        if words.starts(with: ["key", "url"]) || words.starts(with: ["key", "token"]) {
            throw Problem(
                .notYet, "\(words.prefix(2).joined(separator: " ")) is not part of this version",
                fix: "peernode key --help")
        }
    }
}
