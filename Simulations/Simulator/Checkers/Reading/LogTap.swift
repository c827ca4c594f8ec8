import NodeCore
import Records
import Trust

/// Keeps the votes that left a core during one call; a world reads it right after the call, as it reads `CryptoMeter`.
///
/// A class, because a node is a value: every node of a world has the same one, and every call begins with `begin`.
final class LogTap: EgressTap, @unchecked Sendable {
    /// A message of the log that a node said or heard.
    enum Talk: Sendable {
        case said(LogMessage, to: [PeerID])
        case heard(LogMessage, from: PeerID)
    }

    private(set) var left: [LogMessage] = []
    /// Whether everything is kept, for a replay that tells it.
    var keepsTalk = false
    private(set) var talk: [Talk] = []

    func begin() {
        if !left.isEmpty { left.removeAll(keepingCapacity: true) }
        if !talk.isEmpty { talk.removeAll(keepingCapacity: true) }
    }

    func leaves(_ message: LogMessage, to peers: [PeerID]) {
        if keepsTalk { talk.append(.said(message, to: peers)) }
        switch message {
        case .vote, .proposal: left.append(message)
        default: break
        }
    }

    func arrives(number: UInt16, body: [UInt8], from peer: PeerID) {
        guard keepsTalk, let message = try? LogMessage(number: number, body: body) else { return }
        talk.append(.heard(message, from: peer))
    }
}
