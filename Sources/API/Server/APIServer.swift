import Glibc
import HTTPTypes
import HummingbirdCore
public import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
public import Trust

/// The HTTP API of a node (`surfaces.md` 4): a Unix socket for this machine's owner, and loopback TCP with a token.
///
/// The problem: programs and people want the node's facts and orders, and so does every web page that the owner's
/// browser shows. The idea: one table of routes; each request passes the same checks in the same order (``Responder``)
/// and crosses into the node once (``NodeService``). It holds no state of the node, and does not speak to peers.
///
/// A class because it owns two listeners, their thread and their tasks, until `stop`.
public final class APIServer: Sendable {
    /// How to serve.
    public struct Configuration: Sendable {
        /// The socket's path, at most 107 bytes, in a folder that is ours alone; nil: no socket.
        public var socketPath: String?
        /// The address to listen on; nil: no TCP. Port 0 takes a free one.
        public var http: (host: String, port: Int)?
        /// `api.hosts` and `api.origins`.
        public var hosts: [String] = []
        public var origins: [String] = []
        /// Tokens of the TCP side.
        public var tokens: [AccessToken] = []
        /// `api.metricsOpen`.
        public var metricsAreOpen = false
        /// Sent as `Peernode-Version`.
        public var version: String
        public var limits = APILimits()
        /// The wall clock; tests give another.
        public var now: @Sendable () -> Timestamp = { SystemClock.now() }

        public init(
            socketPath: String? = nil, http: (host: String, port: Int)? = nil, version: String
        ) {
            self.socketPath = socketPath
            self.http = http
            self.version = version
        }
    }

    /// Where it listens.
    public let socketPath: String?
    /// The port of the TCP side; nil without one.
    public let port: Int?

    private let group: MultiThreadedEventLoopGroup
    private let servers: [Server<GuardedHTTP1>]
    private let tasks: [Task<Void, any Error>]
    private let registry: ConnectionRegistry
    private let stopping = NIOLockedValueBox<Task<Void, Never>?>(nil)

    private init(
        socketPath: String?, port: Int?, group: MultiThreadedEventLoopGroup,
        servers: [Server<GuardedHTTP1>],
        tasks: [Task<Void, any Error>], registry: ConnectionRegistry
    ) {
        self.socketPath = socketPath
        self.port = port
        self.group = group
        self.servers = servers
        self.tasks = tasks
        self.registry = registry
    }

    /// Binds both listeners and serves until `stop`.
    ///
    /// - Throws: E702 if an address cannot be bound, E705 if the socket's folder is not ours alone. Nothing listens
    ///   then.
    public static func start(
        _ configuration: Configuration, node: any NodeService, idempotency: any IdempotencyStore,
        hashing: any Hashing, logger: Logger
    ) async throws(Problem) -> APIServer {
        let limiter = RateLimiter(limits: configuration.limits)
        let table = RouteTable.shared
        let context = ServerContext(
            node: node,
            access: AccessControl(
                tokens: configuration.tokens, hosts: configuration.hosts,
                origins: configuration.origins),
            limits: configuration.limits, limiter: limiter, metrics: APIMetrics(limiter: limiter),
            idempotency: idempotency, hashing: hashing, now: configuration.now,
            version: configuration.version,
            metricsAreOpen: configuration.metricsAreOpen, logger: logger,
            openAPI: JSONText.encode(OpenAPI.document(table, version: configuration.version)))
        let responder = Responder(context: context, table: table, ownUser: getuid())
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let registry = ConnectionRegistry()
        var running: [Running] = []
        do throws(Problem) {
            if let path = configuration.socketPath {
                try SocketFolder.prepare(path)
                running.append(
                    try await listen(
                        .unixDomainSocket(path: path), "socket \(path)", responder, group, registry)
                )
                chmod(path, 0o600)
            }
            if let (host, port) = configuration.http {
                running.append(
                    try await listen(
                        .hostname(host, port: port), "\(host):\(port)", responder, group, registry))
            }
        } catch {
            for one in running { one.task.cancel() }
            try? await group.shutdownGracefully()
            throw error
        }
        return APIServer(
            socketPath: configuration.socketPath, port: running.compactMap(\.port).first,
            group: group,
            servers: running.map(\.server), tasks: running.map(\.task), registry: registry)
    }

    private struct Running {
        var server: Server<GuardedHTTP1>
        var task: Task<Void, any Error>
        var port: Int?
    }

    private static func listen(
        _ address: BindAddress, _ shown: String, _ responder: Responder,
        _ group: MultiThreadedEventLoopGroup,
        _ registry: ConnectionRegistry
    ) async throws(Problem) -> Running {
        let limits = responder.context.limits
        let child = GuardedHTTP1(limits: limits, registry: registry) { request, writer, channel in
            try await HTTPBridge.serve(request, writer, channel, responder)
        }
        let (ports, started) = AsyncStream<Int?>.makeStream()
        var quiet = Logger(label: "peernode.http") { _ in SwiftLogNoOpLogHandler() }
        quiet.logLevel = .critical
        let server = Server(
            childChannelSetup: child,
            configuration: ServerConfiguration(
                address: address,
                availableConnectionsDelegate: MaximumAvailableConnections(limits.connectionsMax)),
            onServerRunning: { channel in
                started.yield(channel.localAddress?.port)
                started.finish()
            },
            eventLoopGroup: group, logger: quiet)
        let task = Task {
            defer { started.finish() }
            try await server.run()
        }
        for await port in ports { return Running(server: server, task: task, port: port) }
        var reason = "it is not possible"
        if case .failure(let error) = await task.result { reason = describe(error) }
        throw Problem(.bind, "cannot listen on \(shown): \(reason)")
    }

    private static func describe(_ error: any Error) -> String {
        guard let error = error as? IOError else { return "the address is not usable" }
        switch error.errnoCode {
        case EADDRINUSE: return "it is in use"
        case EACCES, EPERM: return "it is not permitted"
        case EADDRNOTAVAIL: return "it is not an address of this machine"
        default: return String(cString: strerror(error.errnoCode))
        }
    }

    /// Takes no new requests, lets running ones end within `grace`, then cuts them off. The socket's file is removed.
    /// A second call waits for the first.
    public func stop(grace: Duration = .seconds(2)) async {
        let task = stopping.withLockedValue { stopping in
            let task = stopping ?? Task { await self.end(grace) }
            stopping = task
            return task
        }
        await task.value
    }

    private func end(_ grace: Duration) async {
        let tasks = tasks
        let registry = registry
        let cut = Task {
            try await Task.sleep(for: grace)
            for task in tasks { task.cancel() }
            // Clients that neither read nor close, and requests that do not end.
            registry.closeAll()
        }
        for server in servers { try? await server.shutdownGracefully() }
        for task in tasks { _ = await task.result }
        cut.cancel()
        _ = await cut.result
        try? await group.shutdownGracefully()
        if let socketPath { unlink(socketPath) }
    }
}
