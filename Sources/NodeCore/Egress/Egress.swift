import Gossip
package import Basis
package import Records
import Session
package import Trust

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

/// Changes, withholds or adds messages on their way out.
package protocol EgressFilter: Sendable {
    mutating func passing(_ message: LogMessage, to peer: PeerID) -> [LogMessage]
    mutating func passing(_ messages: [PeerMessage], to peer: PeerID) -> [PeerMessage]
}

/// What an adversary says of its own accord.
package enum Utterance: Sendable {
    /// A number and bytes that need not be a message.
    case lane(LaneMessage)
    case compound([PeerMessage])
}

extension NodeCore {
    /// Says something over this node's own connections, past its filter: for adversaries of a simulation.
    package mutating func utter(_ word: Utterance, to peer: PeerID, now: Instant, wall: UInt64) -> [Effect] {
        invariant(now >= self.now, "time went back from \(self.now) to \(now)")
        self.now = now
        self.wall = wall
        effects = []
        switch word {
        case .lane(let message): post(message, to: peer)
        case .compound(let messages): session(.send(peer, messages, via: .best))
        }
        defer { effects = [] }
        return effects
    }
}
