import Basis
import Records
import Trust

/// What is known of an established session with one peer, whatever its paths.
struct PeerSession: Sendable {
    struct Way: Sendable, Hashable {
        let remote: SocketAddress
        let isOutbound: Bool
    }

    let id: PeerID
    let key: PublicKey
    var bootNonce: UInt64
    var datagram: Way?
    var main: Way?
    /// Bulk connections are others' business, but their end must not end the session.
    var hasBulk = false
    /// No Data comes back on the datagram path; compounds go through the main connection (8.1).
    var isStreamOnly = false
    var openedAt: Instant
    /// A LinkRequest that came before the peer's record was admitted.
    var heldRequest: HeldRequest?
    /// When its last Pull, Find and PingRequest came: they have budgets per session.
    var lastPull: Instant?
    var lastFind: Instant?
    var lastPingRequest: Instant?
    /// The newest sequence of our own record that went to it, and when.
    var pushedSequence: UInt64 = 0
    var pushedAt: Instant?

    struct HeldRequest: Sendable {
        let linkCount: UInt8
        let isLowPriority: Bool
        let at: Instant
    }

    init(id: PeerID, key: PublicKey, bootNonce: UInt64, now: Instant) {
        self.id = id
        self.key = key
        self.bootNonce = bootNonce
        openedAt = now
    }

    var hasPath: Bool { datagram != nil || main != nil }
    /// Whether we dialled it: what makes a link outbound.
    var isOutbound: Bool { datagram?.isOutbound ?? main?.isOutbound ?? false }
    /// The address that bounds what it may tell us (3.4, check 5).
    var remote: SocketAddress? { datagram?.remote ?? main?.remote }
    var scope: SocketAddress.Scope { remote?.scope ?? .invalid }

    /// Whether datagrams are expected to arrive.
    var usesDatagrams: Bool { datagram != nil && !isStreamOnly }
    var choice: PathChoice { usesDatagrams ? .datagram : .main }
}
