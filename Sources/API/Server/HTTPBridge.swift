import Glibc
import HTTPTypes
import HummingbirdCore
import NIOCore

/// Between the HTTP library's types and ours.
enum HTTPBridge {
    /// Ends a connection whose body was not read to its end.
    private struct Closing: Error {}

    @concurrent static func serve(
        _ request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel,
        _ responder: Responder
    ) async throws {
        let raw = await rawRequest(request, channel)
        let body = raw.body
        let reply = await respond(raw, responder, borrowed: writer)
        let isRest =
            !body.isAtEnd && (!body.isInvited || hasLongRest(raw, responder.context.limits))
        try await write(reply, method: raw.method, closes: isRest, writer, channel)
        // The rest of the body stands before the next request. A short one is read, a long one ends the connection.
        var drained = 0
        while !body.isAtEnd && body.isInvited {
            guard drained <= responder.context.limits.drainBytesMax,
                let piece = try await body.next()
            else { break }
            drained += piece.readableBytes
        }
        if isRest || !body.isAtEnd { throw Closing() }
    }

    @concurrent private static func respond(
        _ raw: RawRequest, _ responder: Responder, borrowed writer: borrowing ResponseWriter
    ) async -> Reply {
        // The library's writer cannot be captured, so a client that waits is told before the checks that need the
        // body; those that do not have run by then.
        await responder.respond(to: raw) {
            try await writer.writeInformationalHead(HTTPResponse(status: .continue))
        }
    }

    private static func hasLongRest(_ raw: RawRequest, _ limits: APILimits) -> Bool {
        if let declared = raw.body.declaredBytes {
            return declared - min(declared, raw.body.bytesRead) > UInt64(limits.drainBytesMax)
        }
        return raw.headers["transfer-encoding"] != nil
    }

    @concurrent private static func rawRequest(_ request: Request, _ channel: any Channel) async
        -> RawRequest
    {
        var headers: [String: String] = [:]
        var headerBytes = 0
        for field in request.headers {
            let name = field.name.canonicalName
            headerBytes += name.utf8.count + field.value.utf8.count + 4
            headers[name] = headers[name].map { $0 + ", " + field.value } ?? field.value
        }
        let host = request.head.authority
        headerBytes += host?.utf8.count ?? 0
        var iterator = request.body.makeAsyncIterator()
        let body = BodyReader(declaredBytes: headers["content-length"].flatMap(UInt64.init)) {
            try await iterator.next()
        }
        if headers["expect"]?.lowercased() == "100-continue" { body.isInvited = false }
        return RawRequest(
            method: request.method.rawValue, target: request.head.path ?? "", host: host,
            headers: headers,
            headerBytes: headerBytes, body: body, listener: await listener(channel))
    }

    private static func listener(_ channel: any Channel) async -> Listener {
        switch channel.localAddress {
        case .unixDomainSocket, nil: return .socket(peer: await peerUser(channel))
        case let local?:
            return .tcp(
                source: channel.remoteAddress?.ipAddress ?? "unknown", port: local.port ?? 0)
        }
    }

    /// What the kernel says about the other end of a Unix socket (`struct ucred`).
    private struct Credentials: Sendable {
        var process: Int32 = 0
        var user: UInt32 = 0
        var group: UInt32 = 0
    }

    private static func peerUser(_ channel: any Channel) async -> UInt32? {
        guard let provider = channel as? any SocketOptionProvider else { return nil }
        let option: EventLoopFuture<Credentials> = provider.unsafeGetSocketOption(
            level: SocketOptionLevel(SOL_SOCKET), name: SocketOptionName(SO_PEERCRED))
        return try? await option.get().user
    }

    @concurrent private static func write(
        _ reply: Reply, method: String, closes: Bool, _ writer: consuming ResponseWriter,
        _ channel: any Channel
    ) async throws {
        var head = HTTPResponse(status: .init(code: reply.status))
        for (name, value) in reply.headers {
            guard let name = HTTPField.Name(name) else { continue }
            head.headerFields.append(HTTPField(name: name, value: value))
        }
        if let type = reply.mediaType { head.headerFields[.contentType] = type }
        if closes { head.headerFields[.connection] = "close" }
        let isBodiless = method == "HEAD" || reply.status == 204 || reply.status == 304
        switch reply.body {
        case .empty:
            if reply.status != 204 && reply.status != 304 {
                head.headerFields[.contentLength] = "0"
            }
            try await writer.writeResponse(head)
        case .bytes(let bytes):
            head.headerFields[.contentLength] = String(bytes.count)
            if isBodiless { return try await writer.writeResponse(head) }
            try await writer.write(
                response: head, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
        case .stream(let count, let produce):
            if let count { head.headerFields[.contentLength] = String(count) }
            if isBodiless {
                // Without a length the encoder would begin a chunked body, which HEAD must not have.
                if count == nil { head.headerFields[.contentLength] = "0" }
                return try await writer.writeResponse(head)
            }
            var body: any ResponseBodyWriter = try await writer.writeHead(head)
            try await produce { try await body.write($0) }
            try await body.finish(nil)
        case .endless(let end, let produce):
            channel.eventLoop.execute {
                try? channel.pipeline.syncOperations.handler(type: ConnectionGuard.self)
                    .endWithInput(channel)
            }
            channel.closeFuture.whenComplete { _ in end() }
            var body: any ResponseBodyWriter = try await writer.writeHead(head)
            try await produce { try await body.write($0) }
            try await body.finish(nil)
            throw Closing()
        }
    }
}
