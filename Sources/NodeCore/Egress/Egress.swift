import Records
import Trust

/// The last gate before messages are sealed and leave.
///
/// In production everything passes. A simulation puts an adversary here: what a lying seat, worker or member says
/// differently, it says with its own keys, while the node under it stays the production code (`simulation.md` 10).
struct Egress: Sendable {
    var filter: (any EgressFilter)?

    /// What leaves for `peer` in the place of `message`; nothing if it is withheld.
    mutating func passing(_ message: LogMessage, to peer: PeerID) -> [LogMessage] {
        guard var filter else { return [message] }
        self.filter = nil
        defer { self.filter = filter }
        return filter.passing(message, to: peer)
    }

    /// The same for messages of membership.
    mutating func passing(_ messages: [PeerMessage], to peer: PeerID) -> [PeerMessage] {
        guard var filter else { return messages }
        self.filter = nil
        defer { self.filter = filter }
        return filter.passing(messages, to: peer)
    }
}
