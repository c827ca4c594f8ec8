public import Gossip
public import Logging
public import Records

/// How to run a node.
public struct NodeOptions: Sendable {
    public var layout: HomeLayout
    public var configuration: Configuration
    /// Networks to join through; none: the remembered peers are dialled again.
    public var targets: [JoinTarget]
    /// Admits this account where the network asks for it.
    public var invite: InviteToken?
    /// `--listen`: a port that is taken is an error then.
    public var listen: String?
    /// `--api-listen`; `none` serves the socket alone.
    public var apiListen: String?
    /// Addresses that peers are told.
    public var advertise: [SocketAddress]
    public var version: String
    public var logger: Logger

    public init(
        layout: HomeLayout, configuration: Configuration, targets: [JoinTarget] = [], invite: InviteToken? = nil,
        listen: String? = nil, apiListen: String? = nil, advertise: [SocketAddress] = [], version: String,
        logger: Logger
    ) {
        self.layout = layout
        self.configuration = configuration
        self.targets = targets
        self.invite = invite
        self.listen = listen
        self.apiListen = apiListen
        self.advertise = advertise
        self.version = version
        self.logger = logger
    }
}
