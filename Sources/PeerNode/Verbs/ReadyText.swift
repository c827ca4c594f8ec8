import Compute
import Records
import API
import Basis
import Daemon
import Foundation

/// The five lines of `join` (`surfaces.md` 1.2).
enum ReadyText {
    static func lines(_ node: NodeDocument, _ took: Duration, _ lent: String, home: String) -> [String] {
        let name = VisibleText.escape(node.network.name, limit: 64)
        let peers = node.links.total == 1 ? "1 peer" : "\(node.links.total) peers"
        let seats = node.ledger.seats == 1 ? "1 seat" : "\(node.ledger.seats) seats"
        let credit = node.credit.map { Texts.credit($0.availableMicro) } ?? "unknown"
        return [
            "network   \(name) (\(Texts.short(node.network.id)))   peer \(Texts.short(node.peer))   account \(Texts.short(node.account))",
            "linked    \(peers) in \(Texts.duration(took))              ledger height \(node.ledger.height), \(seats), up to date",
            "lending   \(lent)",
            "credit    \(credit)",
            "working.  watch: peernode status --watch\(home)   stop: Ctrl-C   leave for good: peernode leave\(home)",
        ]
    }

    /// What is lent, or why nothing is.
    static func lent(_ lending: Lending?, _ wish: LendOptions.Wish) -> String {
        guard let lending else { return "nothing: \(wish.reason)" }
        guard lending.runner != nil, let capability = lending.capability else {
            return "nothing: \(lending.reason ?? "the sandbox is not available here")"
        }
        let settings = lending.settings
        let all = ProcessInfo.processInfo.activeProcessorCount
        let runtimes = capability.runtimes.map { $0.runtime }.joined(separator: " and ")
        let strangers = settings.isOpenNetwork ? " (members only: strangers are off)" : ""
        return "\(Consent.decimal(UInt64(settings.cpuThousandths))) of \(all) cores, "
            + "\(Quantity.text(bytes: settings.memoryBytes)), \(Quantity.text(bytes: settings.diskBytes)) disk for "
            + "\(runtimes.isEmpty ? "nothing that runs here" : runtimes)\(strangers); sandbox full; "
            + "\(CreditText.format(settings.rateCPU)) per CPU-second"
    }
}
