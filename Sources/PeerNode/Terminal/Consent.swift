import API
import Basis
import Daemon
import Foundation

/// What volunteers are told before anything of theirs is lent (`surfaces.md` 11), and their answer.
enum Consent {
    /// Raised when the text promises something else, so that everybody is asked again.
    static let version = "v1"

    struct Limits: Equatable {
        var cores: UInt64?
        var memory: UInt64?
        var disk: UInt64?
    }

    enum Answer { case yes, no }

    static func text(network: String, lending: Limits) -> String {
        let all = ProcessInfo.processInfo.activeProcessorCount
        let cores = lending.cores.map { "\(decimal($0)) of \(all) cores" } ?? "the cores you set"
        let memory = lending.memory.map { Quantity.text(bytes: $0) + " memory" } ?? "the memory you set"
        let disk = lending.disk.map { Quantity.text(bytes: $0) + " disk" } ?? "the disk you set"
        return """
            You are about to lend part of this computer to \(network).
            It will      use at most \(cores) (lowest priority), \(memory), \(disk); tell other peers its
                         address, hardware and offers; keep and pass on blocks of the ledger; run other \
            people's programs in
                         a sandbox (strangers: none in this version; members you trust: also native programs).
            It will not  let those programs see your files, your network, your devices or your other processes; \
            run anything
                         as root; run native programs at all if a wall of the sandbox is missing; open ports on \
            your router;
                         report anything to us: there is no "us", no telemetry, and no update without you. \
            Memory is watched
                         every 20 ms, so a program can pass its limit for that long.
            You can      stop at once (Ctrl-C, peernode leave), look (peernode status), change limits (config.yaml).
                         What this node does for others stands in a public, lasting ledger.
            You earn     credit for certified results. It buys computing here; it is not money, and nobody owes you an
                         exchange.
            """
    }

    static func decimal(_ thousandths: UInt64) -> String {
        let rest = thousandths % 1_000
        return rest == 0 ? "\(thousandths / 1_000)" : "\(thousandths / 1_000).\(rest / 100)"
    }

    /// What is stored as `lend.consent`.
    static func record(_ limits: Limits) -> String {
        "\(version) cpu=\(limits.cores ?? 0) memory=\(limits.memory ?? 0) disk=\(limits.disk ?? 0)"
    }

    /// Whether what was agreed to covers these limits: narrower ones never ask again, wider ones do.
    static func covers(_ record: String, _ limits: Limits) -> Bool {
        var agreed: [String: UInt64] = [:]
        let words = record.split(separator: " ")
        guard words.first == Substring(version) else { return false }
        for word in words.dropFirst() {
            let parts = word.split(separator: "=")
            if parts.count == 2 { agreed[String(parts[0])] = UInt64(parts[1]) }
        }
        return (limits.cores ?? 0) <= agreed["cpu"] ?? 0 && (limits.memory ?? 0) <= agreed["memory"] ?? 0
            && (limits.disk ?? 0) <= agreed["disk"] ?? 0
    }

    /// Keeps the answer where the configuration is read, in a file of its own so that nobody's `config.yaml` changes.
    static func store(_ limits: Limits, _ layout: HomeLayout) throws {
        let text = """
            # Written by peernode join: what was agreed to lend (peernode help lending). Delete it to be asked again.
            lend:
              enabled: true
              consent: "\(record(limits))"

            """
        do throws(Home.Failure) {
            try Home.makeConfigurationFolder(layout)
            try Home.write(text, to: layout.configurationFolder.appendingPathComponent("50-lending.yaml"), mode: 0o644)
        } catch {
            throw HomeProblems.problem(error)
        }
    }
}
