public import Trust

/// Names a request of a core until its answer comes back with the same number (STYLE 1.5).
public struct Ticket: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let number: UInt64
    public init(_ number: UInt64) { self.number = number }
    public static func < (a: Ticket, b: Ticket) -> Bool { a.number < b.number }
    public var description: String { "ticket \(number)" }
}

/// A peer's place in the dense tables of this node; given out by the node's directory.
public struct PeerIndex: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let number: UInt32
    public init(_ number: UInt32) { self.number = number }
    public static func < (a: PeerIndex, b: PeerIndex) -> Bool { a.number < b.number }
    public var description: String { "peer \(number)" }
}

/// A way to a peer: sealed datagrams, or a stream connection of some purpose. Bulk and relayed are stage 2.
public enum Path: UInt8, Sendable, Hashable, Comparable {
    case datagram = 1, main, bulk, relayed
    public static func < (a: Path, b: Path) -> Bool { a.rawValue < b.rawValue }
}

/// Which path a message asks for; `best` is the datagram path, then the main connection.
public enum PathChoice: UInt8, Sendable, Hashable {
    case datagram = 1, main, best
}

/// Why a session, link or connection ended, as LinkClose, Goodbye and GOAWAY say it (`gossip.md` 14).
public enum CloseReason: UInt8, Sendable, Hashable, CaseIterable {
    case leaving = 1, stopping, surplus, idle, duplicate, protocolError, lowScore, banned, overload
    case notLinked, oneWay, silent, restarted, policy, expired
}

/// Why a dial ended without a session. Nothing of it stays.
public enum DialFailure: Error, Sendable, Hashable {
    case timeout, unreachable, connectionRefused, wrongPeer, badSignature, cancelled, noEntropy
    case tooManySessions, selfDial, policy
    case busy(retrySeconds: UInt16)
    case wrongNetwork(NetworkID)
    case wrongVersion(min: UInt8, max: UInt8)
}

/// Why messages did not leave. They are gone.
public enum SendFailure: UInt8, Sendable, Hashable {
    case noPath = 1, unreachable, queueFull
}
