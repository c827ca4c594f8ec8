import Logging
import NIOCore
import Trust

/// Where a request came in.
enum Listener: Sendable, Equatable {
    /// The Unix socket; the peer's user as the kernel says.
    case socket(peer: UInt32?)
    /// TCP; the source's address and our port.
    case tcp(source: String, port: Int)
}

/// A request as it came, before any check.
struct RawRequest: Sendable {
    var method: String
    /// Path and query as they came.
    var target: String
    /// The `Host` header.
    var host: String?
    /// Names in lower case; several fields of one name joined by commas.
    var headers: [String: String]
    var headerBytes: Int
    var body: BodyReader
    var listener: Listener
}

/// Takes a request through all checks to its handler, and makes the answer fit for the world.
///
/// The order matters: sizes, then where it comes from (`Host`, `Origin`), then the path, then who asks, then how
/// often, then what is asked. Nothing before the last step reaches the node.
struct Responder: Sendable {
    let context: ServerContext
    let table: RouteTable
    /// Our user id; with root, the only ones on the socket.
    let ownUser: UInt32

    /// - Parameter proceed: sends `100 Continue`; called when the body is wanted and the client waits for that.
    @concurrent func respond(to raw: RawRequest, proceed: @concurrent () async throws -> Void) async
        -> Reply
    {
        let start = ContinuousClock.now
        let requestID = Responder.makeRequestID()
        var routeName: String?
        var reply: Reply
        do throws(Problem) {
            try checkSizes(raw)
            try checkOrigin(raw)
            if let preflight = preflight(raw) {
                reply = preflight
            } else {
                let (request, route, path) = try find(raw, id: requestID)
                routeName = route.name
                reply = try await answer(request, route, path, raw: raw, proceed: proceed)
            }
        } catch {
            reply = problem(error, requestID)
        }
        finish(&reply, raw, requestID)
        context.metrics.note(
            route: routeName, method: raw.method, status: reply.status,
            seconds: seconds(.now - start))
        return reply
    }

    private func problem(_ problem: Problem, _ requestID: String) -> Reply {
        var problem = problem
        problem.requestID = requestID
        if problem.status == 401 || problem.status == 403 {
            context.logger.warning(
                "request refused", metadata: ["id": "api.denied", "code": "\(problem.code)"])
        } else if problem.code == ProblemCode.bug.rawValue {
            context.logger.error(
                "request failed", metadata: ["id": "api.bug", "reason": "\(problem.detail)"])
        }
        return .problem(problem)
    }

    // MARK: Before routing

    private func checkSizes(_ raw: RawRequest) throws(Problem) {
        let limits = context.limits
        if raw.target.utf8.count > limits.urlBytesMax {
            throw Problem(
                .tooLarge,
                "the URL has \(raw.target.utf8.count) bytes, allowed are \(limits.urlBytesMax)")
        }
        if raw.headerBytes > limits.headerBytesMax {
            throw Problem(
                .tooLarge,
                "the headers have \(raw.headerBytes) bytes, allowed are \(limits.headerBytesMax)",
                fix: "send fewer or shorter headers")
        }
    }

    private func checkOrigin(_ raw: RawRequest) throws(Problem) {
        let origin = raw.headers["origin"]
        let site = raw.headers["sec-fetch-site"]
        let refusal =
            switch raw.listener {
            case .socket: context.access.refusal(origin: origin, fetchSite: site, host: nil)
            case .tcp(_, let port):
                context.access.refusal(host: raw.host, origin: origin, fetchSite: site, port: port)
            }
        if let refusal { throw refusal }
    }

    /// The answer to a browser that asks whether a listed origin may ask; nil if this is another request.
    private func preflight(_ raw: RawRequest) -> Reply? {
        guard raw.method == "OPTIONS", let origin = raw.headers["origin"],
            context.access.origins.contains(origin),
            raw.headers["access-control-request-method"] != nil
        else { return nil }
        return Reply(
            status: 204,
            headers: [
                ("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE"),
                (
                    "Access-Control-Allow-Headers",
                    "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Range"
                ),
                ("Access-Control-Max-Age", "600"),
            ])
    }

    private func find(
        _ raw: RawRequest, id: String
    ) throws(Problem) -> (APIRequest, Route, [String: String]) {
        let cut = raw.target.firstIndex(of: "?")
        let pathText = String(raw.target[..<(cut ?? raw.target.endIndex)])
        let queryText = cut.map { raw.target[raw.target.index(after: $0)...] } ?? ""
        guard pathText.hasPrefix("/"), let query = PercentCoding.pairs(queryText) else {
            throw Problem(
                .badParameter, "the URL is not well formed",
                fix: "escape what is not a letter or a digit")
        }
        var path: [String] = []
        for segment in Route.split(pathText) {
            guard let decoded = PercentCoding.decode(segment, isQuery: false) else {
                throw Problem(
                    .badParameter, "the path is not well formed",
                    fix: "escape what is not a letter or a digit")
            }
            path.append(decoded)
        }
        switch table.match(raw.method, path) {
        case .nothing: throw RouteTable.notFound(pathText)
        case .otherMethod(let allowed): throw MethodProblem.make(raw.method, pathText, allowed)
        case .route(let route, let values):
            let caller = try caller(raw, context.scope(route))
            let request = APIRequest(
                method: raw.method, path: path, pathText: pathText, query: query,
                headers: raw.headers,
                body: raw.body, caller: caller, id: id)
            return (request, route, values)
        }
    }

    // MARK: Who asks

    private func caller(_ raw: RawRequest, _ needed: Scope) throws(Problem) -> Caller {
        switch raw.listener {
        case .socket(let peer):
            guard let peer, peer == ownUser || peer == 0 else {
                throw Problem(
                    .scope,
                    "user \(peer.map(String.init) ?? "unknown") may not use this socket; it belongs to user"
                        + " \(ownUser)")
            }
            return Caller(way: .socket, scope: .admin)
        case .tcp(let source, _):
            if needed == .open { return Caller(way: .token(nil), scope: .open) }
            guard let authorization = raw.headers["authorization"] else {
                throw Problem(.noToken, "this needs a token, and none came")
            }
            if let problem = context.limiter.lockout(source) { throw problem }
            guard let token = context.access.token(authorization) else {
                context.limiter.failed(source)
                throw Problem(.noToken, "this token is not one of this node's")
            }
            guard token.scope >= needed else {
                throw Problem(
                    .scope, "the token has \(token.scope.name), this needs \(needed.name)")
            }
            return Caller(way: .token(token.name), scope: token.scope)
        }
    }

    // MARK: What is asked

    @concurrent private func answer(
        _ request: APIRequest, _ route: Route, _ path: [String: String], raw: RawRequest,
        proceed: @concurrent () async throws -> Void
    ) async throws(Problem) -> Reply {
        let places = try admit(request, route)
        defer { for place in places { context.limiter.leave(place) } }
        let query = try QueryValues(request.query, route: route)
        try checkMediaType(request, route)
        if let height = query.integer("minHeight") {
            try await context.node.reach(height: UInt64(height))
        }
        if route.input != nil, raw.headers["expect"]?.lowercased() == "100-continue" {
            let most = limit(route)
            if let declared = request.body.declaredBytes, declared > most {
                throw Problem(.tooLarge, "the body has \(declared) bytes, allowed are \(most)")
            }
            request.body.isInvited = true
            do {
                try await proceed()
            } catch {
                throw Problem(.badParameter, "the connection broke off")
            }
        }
        let body = try await collect(request, route)
        let call = Call(
            request: request, path: path, query: query, body: body, route: route, server: context)
        guard route.creates, let key = request.headers["idempotency-key"] else {
            return try await route.handler(call)
        }
        return try await Idempotent.answer(call, key: key)
    }

    /// Counts the request; the places that it takes are given back at its end.
    private func admit(_ request: APIRequest, _ route: Route) throws(Problem) -> [String] {
        guard case .token(let name?) = request.caller.way else { return [] }
        let account = request.caller.account
        if let problem = context.limiter.admit(account, isWrite: route.isWrite) { throw problem }
        let limits = context.limits
        guard context.limiter.enter(account, limit: limits.requestsPerTokenMax) else {
            throw Problem(
                .rate, "token \(name) has \(limits.requestsPerTokenMax) requests open",
                retryAfterSeconds: 1)
        }
        guard route.input == .blob else { return [account] }
        let uploads = account + "/uploads"
        guard context.limiter.enter(uploads, limit: limits.uploadsPerTokenMax) else {
            context.limiter.leave(account)
            throw Problem(
                .rate, "token \(name) has \(limits.uploadsPerTokenMax) uploads open",
                retryAfterSeconds: 1)
        }
        return [account, uploads]
    }

    private func checkMediaType(_ request: APIRequest, _ route: Route) throws(Problem) {
        guard let accepted = route.input?.mediaTypes, !accepted.isEmpty else { return }
        guard let type = request.headers["content-type"] else {
            if case .optionalJSON = route.input { return }
            throw Problem(
                .mediaType,
                "the body has no Content-Type; accepted: \(accepted.joined(separator: ", "))")
        }
        if !accepted.contains(Media.essence(type)) {
            throw Problem(
                .mediaType,
                "the body is \(VisibleText.escape(type, limit: 60)); accepted: "
                    + accepted.joined(separator: ", "))
        }
    }

    private func limit(_ route: Route) -> UInt64 {
        switch route.input {
        case .manifest: UInt64(context.limits.manifestBytesMax)
        case .receipt: UInt64(context.limits.receiptBytesMax)
        case .blob: context.limits.blobBytesMax
        default: UInt64(context.limits.jsonBytesMax)
        }
    }

    private func collect(_ request: APIRequest, _ route: Route) async throws(Problem) -> [UInt8] {
        let most = Int(limit(route))
        switch route.input {
        case nil, .blob: return []
        case .manifest: return try await request.body.collect(limit: most, what: "the manifest")
        case .receipt: return try await request.body.collect(limit: most, what: "the receipt")
        case .entry: return try await request.body.collect(limit: most, what: "the entry")
        case .json(let shape):
            let body = try await request.body.collect(limit: most, what: "the body")
            try StrictBody.check(body, shape)
            return body
        case .optionalJSON(let shape):
            let body = try await request.body.collect(limit: most, what: "the body")
            if !body.isEmpty { try StrictBody.check(body, shape) }
            return body
        }
    }

    // MARK: Making the answer fit

    private func finish(_ reply: inout Reply, _ raw: RawRequest, _ requestID: String) {
        if case .bytes(let bytes) = reply.body, reply.status == 200,
            raw.method == "GET" || raw.method == "HEAD",
            isResource(raw)
        {
            let digest = context.hashing.digest(Array((reply.mediaType ?? "").utf8) + [0] + bytes)
            let tag = "\"\(digest.hex.prefix(32))\""
            reply.headers.append(("ETag", tag))
            if ETag.matches(raw.headers["if-none-match"], tag) {
                reply.status = 304
                reply.mediaType = nil
                reply.body = .empty
            }
        }
        reply.headers += [
            ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Resource-Policy", "same-origin"), ("Peernode-Version", context.version),
            ("Request-Id", requestID),
        ]
        if !reply.headers.contains(where: { $0.name == "Cache-Control" }) {
            reply.headers.append(("Cache-Control", "no-store"))
        }
        if isForeign(raw) {
            reply.headers.append(("Content-Security-Policy", "sandbox; default-src 'none'"))
            if reply.status < 300 { reply.headers.append(("Content-Disposition", "attachment")) }
        }
        if let origin = raw.headers["origin"], context.access.origins.contains(origin) {
            reply.headers += [
                ("Access-Control-Allow-Origin", origin), ("Vary", "Origin"),
                (
                    "Access-Control-Expose-Headers",
                    "ETag, Location, Peernode-Height, Request-Id, Retry-After"
                ),
            ]
        }
    }

    private func route(_ raw: RawRequest) -> Route? {
        let path = raw.target.prefix { $0 != "?" }
        let segments = Route.split(path).compactMap { PercentCoding.decode($0, isQuery: false) }
        if case .route(let route, _) = table.match(raw.method, segments) { return route }
        return nil
    }

    private func isResource(_ raw: RawRequest) -> Bool { route(raw)?.isResource ?? false }
    private func isForeign(_ raw: RawRequest) -> Bool { route(raw)?.isForeign ?? false }

    private static func makeRequestID() -> String {
        var random = SystemRandomNumberGenerator()
        let text = String(random.next(), radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}

/// The 405 of a path that is there.
enum MethodProblem {
    static func make(_ method: String, _ path: String, _ allowed: [String]) -> Problem {
        var problem = Problem(
            .method,
            "\(VisibleText.escape(method, limit: 20)) \(VisibleText.escape(path, limit: 100)) is not allowed",
            fix: "allowed are " + allowed.joined(separator: ", "))
        problem.allowedMethods = allowed
        return problem
    }
}
