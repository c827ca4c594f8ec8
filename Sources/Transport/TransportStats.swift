public import Basis
public import Records

/// Bounds of queues and waits in the transport (`gossip.md` 14, table of effects).
public struct TransportLimits: Sendable, Hashable {
    /// Per socket, when the kernel takes no more; the oldest goes.
    public var datagramQueueMax = 256
    /// Asked of the kernel per datagram socket; it may grant less.
    public var datagramBufferBytes: Int32 = 4 << 20
    /// The kernel holds at most so much unsent of a connection (`TCP_NOTSENT_LOWAT`).
    public var unsentBytesMax: Int32 = 32_768
    /// How long a closed connection may still send and listen for the end of the other side.
    public var lingerInterval = Interval.seconds(2)
    /// Connections that linger; beyond these the oldest is cut.
    public var lingeringMax = 64
    public var resolveInterval = Interval.seconds(10)
    public var resolvedAddressesMax = 16
    /// Attempts to find one port free for both datagrams and streams when port 0 is asked.
    public var portAttemptsMax = 16

    public init() {}
}

/// Counts since start; every drop has a name.
public struct TransportStats: Sendable, Hashable {
    public var datagramsIn: UInt64 = 0
    public var datagramsOut: UInt64 = 0
    public var bytesIn: UInt64 = 0
    public var bytesOut: UInt64 = 0
    /// Longer than any packet may be.
    public var datagramsTruncated: UInt64 = 0
    /// The kernel and our queue were full.
    public var datagramsDropped: UInt64 = 0
    public var datagramsFailed: UInt64 = 0
    /// No socket of the address's family.
    public var datagramsWithoutSocket: UInt64 = 0
    public var connectionsAccepted: UInt64 = 0
    public var connectionsOpened: UInt64 = 0
    public var connectionsFailed: UInt64 = 0
    public var acceptsFailed: UInt64 = 0
    public var lingeringCut: UInt64 = 0
}

/// Why the node cannot listen. No socket stays open.
public enum ListenError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Another socket has the port.
    case inUse(SocketAddress)
    /// The address is not one of this machine's.
    case notLocal(SocketAddress)
    /// Ports below 1,024 need a privilege.
    case notPermitted(SocketAddress)
    case system(SocketAddress, reason: String)

    public var description: String {
        switch self {
        case .inUse(let address):
            "cannot listen on \(address): another program uses that port. "
                + "Stop it, or choose another address with --listen"
        case .notLocal(let address):
            "cannot listen on \(address): this machine does not have that address. "
                + "Choose one of its own, or '[::]:\(address.port)' for all"
        case .notPermitted(let address):
            "cannot listen on \(address): not permitted. Choose a port above 1023"
        case .system(let address, let reason): "cannot listen on \(address): \(reason)"
        }
    }
}
