public import Basis

/// Names one stream connection of this process; given out by the transport, never reused.
public struct ConnectionID: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let number: UInt64
    public init(_ number: UInt64) { self.number = number }
    public static func < (a: ConnectionID, b: ConnectionID) -> Bool { a.number < b.number }
    public var description: String { "connection \(number)" }
}

extension ConnectionID: Numbered {
    @inlinable public var tableNumber: UInt64 { number }
}

/// Names a flow of one connection: 0 control, 1…7 lane of that class, from 16 on streams (`gossip.md` 5.2).
public struct FlowID: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let number: UInt32
    public init(_ number: UInt32) { self.number = number }
    public static let control = FlowID(0)
    public static func < (a: FlowID, b: FlowID) -> Bool { a.number < b.number }
    public var description: String { "flow \(number)" }
}

/// Names a datagram socket of the transport. `any` lets the transport take one that fits the address.
public struct LocalSocket: Sendable, Hashable {
    public let number: UInt16
    public init(_ number: UInt16) { self.number = number }
    public static let any = LocalSocket(0)
}

/// Codes of RESET (`gossip.md` 5.2).
public enum ResetCode {
    public static let busy: UInt16 = 1
    public static let notFound: UInt16 = 2
    public static let refused: UInt16 = 3
    public static let tooLarge: UInt16 = 4
    public static let stalled: UInt16 = 5
    public static let cancelled: UInt16 = 6
    public static let `internal`: UInt16 = 7
}

/// Numbers of the services of `gossip.md` 5.5.
public enum ServiceNumber {
    public static let genesis: UInt16 = 1
    public static let document: UInt16 = 2
    public static let ledgerSync: UInt16 = 3
    public static let ledgerQuery: UInt16 = 4
    public static let blobInfo: UInt16 = 5
    public static let blobChunks: UInt16 = 6
    public static let jobQuery: UInt16 = 7
}

/// Traffic classes of `gossip.md` 5.3 that streams use.
public enum TrafficClass {
    public static let sync: UInt8 = 5
    public static let bulk: UInt8 = 6
}
