import Dispatch
import Glibc
import Logging
import NIOCore
import NIOPosix
import TestKit
import Testing

@testable import API

/// A server over a memory node, on a real socket and a real port, and clients for it.
struct ServerFixture: Sendable {
    let node: MemoryNode
    let server: APIServer
    let folder: String
    let secrets: [Scope: String]

    static func run(
        limits: APILimits = APILimits(), origins: [String] = [], metricsAreOpen: Bool = false,
        idempotency: any IdempotencyStore = MemoryIdempotencyStore(),
        _ body: (ServerFixture) async throws -> Void
    ) async throws {
        var template = Array("/tmp/peernode-api-XXXXXX".utf8CString)
        let folder = template.withUnsafeMutableBufferPointer {
            String(cString: mkdtemp($0.baseAddress!))
        }
        var secrets: [Scope: String] = [:]
        for scope in [Scope.read, .submit, .admin] { secrets[scope] = AccessToken.makeSecret() }
        var configuration = APIServer.Configuration(
            socketPath: folder + "/run/api.sock", http: ("127.0.0.1", 0), version: "0.1.0")
        configuration.limits = limits
        configuration.origins = origins
        configuration.metricsAreOpen = metricsAreOpen
        configuration.tokens = secrets.map {
            AccessToken(name: $0.key.name, scope: $0.key, secret: $0.value)
        }
        let node = MemoryNode()
        let server = try await APIServer.start(
            configuration, node: node, idempotency: idempotency, hashing: MixHashing(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let fixture = ServerFixture(node: node, server: server, folder: folder, secrets: secrets)
        do {
            try await body(fixture)
        } catch {
            await fixture.end()
            throw error
        }
        await fixture.end()
    }

    private func end() async {
        node.events.close()
        await server.stop(grace: .milliseconds(200))
        rmdir(folder + "/run")
        #expect(rmdir(folder) == 0, "something is left in \(folder)")
    }

    var port: Int { server.port ?? 0 }
    var socket: APIClient { APIClient(endpoint: .unix(path: server.socketPath ?? "")) }
    func tcp(_ scope: Scope?) -> APIClient {
        APIClient(
            endpoint: .tcp(host: "127.0.0.1", port: port), token: scope.flatMap { secrets[$0] })
    }

    /// Bytes over a plain connection, and all that comes back until the server closes it or the time is over.
    func raw(_ text: String, closesAfter: Duration = .seconds(5)) async throws -> String {
        let port = port
        let result: Result<String, Problem> = await withCheckedContinuation { continuation in
            // Blocking calls, so on a thread of their own.
            DispatchQueue.global().async {
                continuation.resume(returning: PlainConnection.exchange(text, port, closesAfter))
            }
        }
        return try result.get()
    }
}

/// A connection without any HTTP library.
enum PlainConnection {
    static func exchange(_ text: String, _ port: Int, _ closesAfter: Duration) -> Result<
        String, Problem
    > {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var time = timeval(tv_sec: Int(closesAfter.components.seconds), tv_usec: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else { return .failure(Problem(.noNode, "cannot connect")) }
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes {
            send(descriptor, $0.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
        }
        var out: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = buffer.withUnsafeMutableBytes {
                recv(descriptor, $0.baseAddress, $0.count, 0)
            }
            if count <= 0 { break }
            out += buffer[..<count]
        }
        return .success(String(decoding: out, as: UTF8.self))
    }
}

/// The head and the whole body of an answer.
struct Whole: Sendable {
    var status: Int
    var headers: [String: String]
    var body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
    var problem: Problem? { try? JSONText.decode(Problem.self, from: body) }
}

extension APIClient {
    func whole(
        _ method: String = "GET", _ path: String, query: [(name: String, value: String)] = [],
        headers: [(name: String, value: String)] = [], body: ClientRequest.Body = .none
    ) async throws -> Whole {
        let request = ClientRequest(method, path, query: query, headers: headers, body: body)
        return try await perform(request) { response in
            Whole(
                status: response.status, headers: response.headers,
                body: try await response.body.collect(limit: 1 << 26))
        }
    }
}
