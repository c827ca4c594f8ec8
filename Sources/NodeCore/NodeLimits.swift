public import Gossip
public import Session

/// Sizes of tables and queues of one node that its peers need not share.
public struct NodeLimits: Sendable {
    public var session: SessionLimits
    public var gossip: GossipLimits

    public init(session: SessionLimits, gossip: GossipLimits) {
        self.session = session
        self.gossip = gossip
    }

    public static var production: NodeLimits { NodeLimits(session: SessionLimits(), gossip: .production) }
    /// Small enough for a simulation to meet every limit.
    public static var tiny: NodeLimits { NodeLimits(session: .tiny, gossip: .tiny) }
}
