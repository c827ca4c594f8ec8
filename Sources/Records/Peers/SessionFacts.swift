public import Trust

/// What a finished handshake proved or told (`gossip.md` 14).
public struct SessionFacts: Sendable, Equatable {
    public var path: Path
    public var remote: SocketAddress
    /// Whether we dialled.
    public var isOutbound: Bool
    /// Proven identity key.
    public var key: PublicKey
    /// The peer's own newest record, its signature checked; nil for a tool that takes no part in membership.
    public var record: Verified<PeerRecord>?
    /// Random per process start of the peer.
    public var bootNonce: UInt64
    /// Where the peer sees us.
    public var observed: SocketAddress
    /// Their raw wall clock minus ours, milliseconds.
    public var clockDifferenceMilliseconds: Int64
    public var version: UInt8
    public var features: UInt64
    /// Whether an earlier session of ours knew another `bootNonce` of this peer.
    public var hasRestarted: Bool
    /// The dial that led here; nil if they dialled.
    public var ticket: Ticket?
    /// The network whose id the handshake proved: at first contact it is news (`gossip.md` 10.1).
    public var network: NetworkID

    public init(
        path: Path, remote: SocketAddress, isOutbound: Bool, key: PublicKey,
        record: Verified<PeerRecord>?, bootNonce: UInt64, observed: SocketAddress,
        clockDifferenceMilliseconds: Int64, version: UInt8, features: UInt64, hasRestarted: Bool,
        ticket: Ticket?, network: NetworkID
    ) {
        self.path = path
        self.remote = remote
        self.isOutbound = isOutbound
        self.key = key
        self.record = record
        self.bootNonce = bootNonce
        self.observed = observed
        self.clockDifferenceMilliseconds = clockDifferenceMilliseconds
        self.version = version
        self.features = features
        self.hasRestarted = hasRestarted
        self.ticket = ticket
        self.network = network
    }
}
