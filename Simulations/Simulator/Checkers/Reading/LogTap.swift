import NodeCore
import Records
import Trust

/// Keeps the votes that left a core during one call; a world reads it right after the call, as it reads `CryptoMeter`.
///
/// A class, because a node is a value: every node of a world has the same one, and every call begins with `begin`.
final class LogTap: EgressTap, @unchecked Sendable {
    private(set) var left: [LogMessage] = []

    func begin() { if !left.isEmpty { left.removeAll(keepingCapacity: true) } }

    func leaves(_ message: LogMessage) {
        switch message {
        case .vote, .proposal: left.append(message)
        default: break
        }
    }
}
