import NIOCore
import NIOHTTP1
import NIOPosix

/// A small HTTP/1.1 client for a node's API, for the command line: over the Unix socket or TCP, one connection per
/// request, bodies in pieces both ways. It follows no redirects, keeps no cookies and speaks no TLS: it talks to one
/// server, ours.
public struct APIClient: Sendable {
    public let endpoint: APIEndpoint
    /// Sent as a bearer token; the Unix socket needs none.
    public let token: String?

    public init(endpoint: APIEndpoint, token: String? = nil) {
        self.endpoint = endpoint
        self.token = token
    }

    /// The server took a request for good before it had all of it.
    private struct Incomplete: Error {}

    private typealias Connection = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    /// Sends a request and hands the answer to `use`, whatever its status. The connection ends with `use`.
    ///
    /// - Parameter timeout: for everything, `use` included; nil: none.
    /// - Throws: E701 if the node cannot be reached, breaks off, or does not end in time; what `use` throws.
    @concurrent public func perform<Value: Sendable>(
        _ request: ClientRequest, timeout: Duration? = .seconds(30),
        _ use: @concurrent (ClientResponse) async throws -> Value
    ) async throws(Problem) -> Value {
        let connection = try await connect(timeout: timeout)
        let channel = connection.channel
        let clock = timeout.map { time in
            channel.eventLoop.scheduleTask(in: .nanoseconds(ConnectionGuard.nanoseconds(time))) {
                channel.close(promise: nil)
            }
        }
        defer { clock?.cancel() }
        let start = ContinuousClock.now
        do {
            return try await withTaskCancellationHandler {
                try await connection.executeThenClose { inbound, outbound in
                    // A server that refuses a body may answer and close before it has all: then its answer counts.
                    let isSent = try await send(request, outbound)
                    let response = try await receive(inbound, request)
                    if !isSent && (200..<300).contains(response.status) { throw Incomplete() }
                    return try await use(response)
                }
            } onCancel: {
                channel.close(promise: nil)
            }
        } catch let problem as Problem {
            throw late(request, timeout, start) ?? problem
        } catch {
            throw late(request, timeout, start)
                ?? Problem(
                    .noNode,
                    "the connection to the node at \(endpoint) broke off during \(request.shown)")
        }
    }

    /// The problem of a request whose time is over.
    private func late(
        _ request: ClientRequest, _ timeout: Duration?, _ start: ContinuousClock.Instant
    ) -> Problem? {
        guard let timeout, ContinuousClock.now - start >= timeout else { return nil }
        return Problem(
            .noNode,
            "the node at \(endpoint) did not finish \(request.shown) within \(seconds(timeout)) s",
            fix: "repeat it, or give it more time with --timeout")
    }

    private func connect(timeout: Duration?) async throws(Problem) -> Connection {
        let nanoseconds =
            timeout.map { min(ConnectionGuard.nanoseconds($0), 10_000_000_000) } ?? 10_000_000_000
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.nanoseconds(nanoseconds))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        let set: @Sendable (any Channel) -> EventLoopFuture<Connection> = { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHTTPClientHandlers()
                return try Connection(wrappingChannelSynchronously: channel)
            }
        }
        do {
            switch endpoint {
            case .unix(let path):
                // The option above is TCP's.
                return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .connectTimeout(.nanoseconds(nanoseconds))
                    .connect(unixDomainSocketPath: path, channelInitializer: set)
            case .tcp(let host, let port):
                return try await bootstrap.connect(host: host, port: port, channelInitializer: set)
            }
        } catch {
            throw Problem(.noNode, "no node answers at \(endpoint)")
        }
    }

    /// False if the connection broke off before all was sent. What the body's source throws is thrown.
    @concurrent private func send(
        _ request: ClientRequest, _ outbound: NIOAsyncChannelOutboundWriter<HTTPClientRequestPart>
    ) async throws -> Bool {
        var head = HTTPRequestHead(
            version: .http1_1, method: .init(rawValue: request.method), uri: request.target)
        head.headers.add(name: "Host", value: endpoint.host)
        head.headers.add(name: "Connection", value: "close")
        if let token { head.headers.add(name: "Authorization", value: "Bearer " + token) }
        for (name, value) in request.headers { head.headers.add(name: name, value: value) }
        switch request.body {
        case .none:
            if request.method != "GET" && request.method != "HEAD" {
                head.headers.add(name: "Content-Length", value: "0")
            }
            return await write([.head(head), .end(nil)], outbound)
        case .bytes(let bytes, let type):
            head.headers.add(name: "Content-Type", value: type)
            head.headers.add(name: "Content-Length", value: String(bytes.count))
            return await write(
                [.head(head), .body(.byteBuffer(ByteBuffer(bytes: bytes))), .end(nil)], outbound)
        case .stream(let count, let type, let next):
            head.headers.add(name: "Content-Type", value: type)
            if let count {
                head.headers.add(name: "Content-Length", value: String(count))
            } else {
                head.headers.add(name: "Transfer-Encoding", value: "chunked")
            }
            guard await write([.head(head)], outbound) else { return false }
            while let piece = try await next() {
                guard await write([.body(.byteBuffer(ByteBuffer(bytes: piece)))], outbound) else {
                    return false
                }
            }
            return await write([.end(nil)], outbound)
        }
    }

    @concurrent private func write(
        _ parts: [HTTPClientRequestPart],
        _ outbound: NIOAsyncChannelOutboundWriter<HTTPClientRequestPart>
    ) async -> Bool {
        do {
            try await outbound.write(contentsOf: parts)
            return true
        } catch {
            return false
        }
    }

    @concurrent private func receive(
        _ inbound: NIOAsyncChannelInboundStream<HTTPClientResponsePart>, _ request: ClientRequest
    ) async throws -> ClientResponse {
        var parts = inbound.makeAsyncIterator()
        let endpoint = endpoint
        let broken = Problem(
            .noNode, "the connection to the node at \(endpoint) broke off during \(request.shown)")
        guard case .head(let head)? = try await parts.next() else { throw broken }
        var headers: [String: String] = [:]
        for (name, value) in head.headers {
            let name = name.lowercased()
            headers[name] = headers[name].map { $0 + ", " + value } ?? value
        }
        var isEnded = false
        let body = ClientBody {
            if isEnded { return nil }
            switch try await parts.next() {
            case .body(let buffer): return Array(buffer.readableBytesView)
            case .end, .head:
                isEnded = true
                return nil
            case nil: throw broken
            }
        }
        return ClientResponse(status: Int(head.status.code), headers: headers, body: body)
    }
}
