import Basis
import Records
import Session

/// One stream connection between two peers (`simulation.md` 6, streams): ordered bytes; what would be lost is late.
struct StreamPipe: Sendable {
    struct End: Sendable {
        let peer: Int
        let boot: Int
        /// False once this end closed, or its process died.
        var isOpen = true
        var isReadingPaused = false
        /// Arrived while reading is paused.
        var held: [[UInt8]] = []
    }

    struct Way: Sendable {
        /// Segments arrive in order.
        var lastArrival = Instant.zero
        /// Could not leave because the path is cut, oldest first.
        var waiting: [[UInt8]] = []
        var isClosing = false
        /// Since when nothing passes.
        var blockedSince: Instant?
        var retry = StreamPipe.retryFirst
    }

    static let retryFirst = Interval.milliseconds(200)
    static let retryMax = Interval.seconds(8)
    /// Of a late segment: 0.2 + 0.4 + … + 6.4 s.
    static let copiesMax = 6
    /// A path that is cut for so long breaks its connections.
    static let blockedMax = Interval.seconds(60)

    /// The ticket of the initiator, until the connection stands.
    var connecting: Ticket?
    var ends: [End]
    var ways = [Way(), Way()]

    /// The transport's name of this connection at one end.
    static func connection(_ pipe: UInt64, _ end: Int) -> ConnectionID { ConnectionID(pipe << 1 | UInt64(end)) }
    static func place(_ id: ConnectionID) -> (pipe: UInt64, end: Int) { (id.number >> 1, Int(id.number & 1)) }
}
