import API
import Foundation

/// The five lines of `join` (`surfaces.md` 1.2).
enum ReadyText {
    static func lines(_ node: NodeDocument, _ took: Duration, _ lent: String, home: String) -> [String] {
        let name = VisibleText.escape(node.network.name, limit: 64)
        let peers = node.links.total == 1 ? "1 peer" : "\(node.links.total) peers"
        let seats = node.ledger.seats == 1 ? "1 seat" : "\(node.ledger.seats) seats"
        let credit = node.credit.map { Texts.credit($0.availableMicro) } ?? "unknown"
        return [
            "network   \(name) (\(Texts.short(node.network.id)))   peer \(Texts.short(node.peer))   account "
                + "\(Texts.short(node.account))",
            "linked    \(peers) in \(Texts.duration(took))              ledger height "
                + "\(node.ledger.height), \(seats), up to date",
            "lending   \(lent)",
            "credit    \(credit)",
            "working.  watch: peernode status --watch\(home)   stop: Ctrl-C   leave for good: peernode leave\(home)",
        ]
    }

    /// What is lent, or why nothing is.
    static func lent(_ node: NodeDocument, _ wish: LendOptions.Wish) -> String {
        guard wish.isLending else { return "nothing: \(wish.reason)" }
        guard node.lending.enabled, node.sandbox.tier == .full else {
            return "nothing: this machine's sandbox is not whole; peernode doctor sandbox names the wall"
        }
        guard !node.lending.runtimes.isEmpty else {
            return "nothing: no runtime passed its probe (peernode doctor runtimes), or this network is open and "
                + "lend.strangers in config.yaml names none of them"
        }
        let all = ProcessInfo.processInfo.activeProcessorCount
        return "\(node.lending.cores ?? 0) of \(all) cores, \(Texts.bytes(node.lending.memoryBytes ?? 0)), "
            + "\(Texts.bytes(node.lending.diskBytes ?? 0)) disk for "
            + "\(node.lending.runtimes.joined(separator: " and ")) "
            + "(\(wish.strangers)); sandbox full"
    }
}
