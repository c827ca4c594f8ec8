import API
import ArgumentParser
import Basis
import Daemon
import Foundation

/// `status [JOB]`
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "How this node, or a job, stands.",
        discussion: "Example: peernode status last\nExit: 0 if it could be told; 4 no such job; 69 no node.")

    @OptionGroup var common: CommonOptions
    @Flag(help: "Go on, a line per change.") var watch = false
    @Argument(help: "A job, or last.") var job: String?

    private func withReplicas(_ job: JobDocument, _ client: APIClient) async throws -> String {
        let all = try await client.document(
            Page<ReplicaDocument>.self, ClientRequest(ClientRequest.path("v1", "jobs", job.id, "replicas")),
            timeout: try common.limit()
        ).items
        return ([JobTexts.status(job)] + all.map { JobTexts.replica($0, among: all) }).joined(separator: "\n")
    }

    func run() async throws {
        let client = try common.client()
        var last = ""
        repeat {
            let text: String
            if let job {
                let document = try await client.document(
                    JobDocument.self, ClientRequest(ClientRequest.path("v1", "jobs", try LastJob.resolve(job, common))),
                    timeout: try common.limit())
                text =
                    common.json
                    ? String(decoding: document.json(), as: UTF8.self) : try await withReplicas(document, client)
            } else {
                let document = try await client.document(
                    NodeDocument.self, ClientRequest("/v1/node"), timeout: try common.limit())
                text = common.json ? String(decoding: document.json(), as: UTF8.self) : StatusCommand.text(document)
            }
            if text != last { Terminal.output(text) }
            last = text
            if watch { try await Task.sleep(for: .seconds(1)) }
        } while watch
    }

    static func text(_ node: NodeDocument) -> String {
        var lines = ["\(node.state.rawValue)\(node.reason?.value.map { ": \($0)" } ?? "")"]
        let ledger = node.ledger
        lines.append(
            "network   \(VisibleText.escape(node.network.name)) (\(Texts.short(node.network.id))), "
                + "\(node.links.total) links, "
                + "height \(ledger.height)")
        if let credit = node.credit {
            lines.append(
                "credit    \(Texts.credit(credit.availableMicro)), \(Texts.credit(credit.heldMicro)) held, "
                    + "\(Texts.credit(credit.earnedMicro)) earned here")
        }
        lines.append("peer      \(node.peer)")
        lines.append("account   \(node.account)")
        return lines.joined(separator: "\n")
    }
}

/// `peers [PEER]`
struct PeersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peers", abstract: "Peers known here.", discussion: "Example: peernode peers --linked")

    @OptionGroup var common: CommonOptions
    @Flag(help: "Only linked ones.") var linked = false
    @Flag(help: "More columns.") var wide = false
    @Argument(help: "One peer.") var peer: String?

    func run() async throws {
        let client = try common.client()
        if let peer {
            let one = try await client.document(
                PeerDocument.self, ClientRequest(ClientRequest.path("v1", "peers", peer)), timeout: try common.limit())
            return common.show(one) { PeersCommand.show([$0]) }
        }
        let page = try await client.document(
            Page<PeerDocument>.self,
            ClientRequest("/v1/peers", query: linked ? [("state", "linked"), ("limit", "500")] : [("limit", "500")]),
            timeout: try common.limit())
        common.show(page) { PeersCommand.show($0.items) }
    }

    static func show(_ peers: [PeerDocument]) {
        Terminal.table(
            ["peer", "name", "state", "rtt", "endpoints"],
            peers.map {
                [
                    Texts.short($0.id), VisibleText.escape($0.name?.value ?? "", limit: 24), $0.state.rawValue,
                    $0.rttMs.map { "\($0) ms" } ?? "", $0.endpoints.joined(separator: " "),
                ]
            })
    }
}

/// `seats`
struct SeatsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "seats", abstract: "Who orders the log.", discussion: "Example: peernode seats")

    @OptionGroup var common: CommonOptions
    @Option(help: "An epoch; by default the one that runs.") var epoch: UInt64?

    func run() async throws {
        let client = try common.client()
        let list = try await client.document(
            SeatListDocument.self,
            ClientRequest("/v1/seats", query: epoch.map { [("epoch", String($0))] } ?? []), timeout: try common.limit())
        common.show(list) { list in
            if list.halted {
                Terminal.output(
                    "the log has halted; missing: \(list.missing.map { "seat \($0)" }.joined(separator: ", "))")
            }
            Terminal.output(
                "epoch \(list.epoch), quorum \(list.quorum) of \(list.seats.count), tolerates \(list.tolerates)")
            Terminal.table(
                ["seat", "account", "peer", "state"],
                list.seats.map {
                    [
                        String($0.index), Texts.short($0.account), Texts.short($0.peer?.value ?? ""),
                        $0.state?.rawValue ?? "",
                    ]
                })
        }
    }
}

/// `leave`
struct LeaveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "leave", abstract: "Withdraw offers, finish work, publish the leave, stop the daemon.",
        discussion: "Example: peernode leave\nExit: 0; 69 not running.")

    @OptionGroup var common: CommonOptions
    @Flag(help: "Hand back what runs instead of finishing it.") var now = false

    func run() async throws {
        let client = try common.client()
        let body = ClientRequest.Body.bytes(Array("{\"now\":\(now)}".utf8), mediaType: "application/json")
        let node = try await client.create(
            NodeDocument.self, ClientRequest("POST", "/v1/node/leave", body: body), timeout: try common.limit())
        let file = common.layout.nodeFile.path
        let limit = try common.limit() ?? .seconds(3_600)
        let start = ContinuousClock.now
        while common.api == nil, FileManager.default.fileExists(atPath: file), ContinuousClock.now - start < limit {
            try await Task.sleep(for: .milliseconds(50))
        }
        common.show(node) { _ in Terminal.output("left; credit and keys stay") }
    }
}

/// `version`
struct VersionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Version, protocol and libraries.")

    @OptionGroup var common: CommonOptions

    func run() async throws {
        common.show(Versions.document) { one in
            Terminal.output(
                "peernode \(one.version), protocol \(one.protocol.low) to \(one.protocol.high), Swift \(one.swift)")
            for library in one.libraries.sorted(by: { $0.key < $1.key }) {
                Terminal.output("  \(library.key) \(library.value)")
            }
        }
    }
}
