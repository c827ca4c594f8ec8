import Basis
import API
import Compute
import Credits
import NodeCore
import Records
import Sodium
import Trust

/// Names of runtimes by the digests that offers carry.
struct RuntimeNames: Sendable {
    static let shared = RuntimeNames()
    let names: [Digest: String]

    init() {
        var names: [Digest: String] = [:]
        for kind in RuntimeKind.allCases {
            names[SodiumHashing().hash("peernode/runtime/v1", Array(kind.id.utf8))] = kind.id
        }
        self.names = names
    }

    /// The runtime's word; an equivalence class shows the beginning of its digest.
    func name(_ digest: Digest) -> String { names[digest] ?? "class:" + digest.raw.hex.prefix(12) }
}

/// Numbers of offers in words.
enum OfferTexts {
    static func tier(_ isolation: UInt8) -> SandboxTier {
        switch isolation {
        case 1: .builtinOnly
        case 2: .wasmOnly
        case 3: .full
        default: .none
        }
    }

    static func view(_ record: OfferRecord, _ account: PublicKey, _ log: LogNode) -> OfferView {
        let holder = log.ledger.account(account)
        return OfferView(
            key: .init(account: account, slotClass: record.offer.slotClass), record: record,
            owner: holder?.owner ?? account, free: max(0, record.free), suspendedUntil: holder?.suspendedUntil ?? 0)
    }

    static func meter(_ number: UInt8) -> String { Meter(rawValue: number)?.text ?? "unknown" }
}
