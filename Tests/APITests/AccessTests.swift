import Glibc
import Logging
import TestKit
import Testing

@testable import API

@Suite struct AccessTests {
    private func path(_ route: Route) -> String {
        "/" + route.segments.map { $0.hasPrefix("{") ? "self" : $0 }.joined(separator: "/")
    }

    /// Over TCP, every row but the open ones refuses a request without a token (401), with a wrong one (401) and with
    /// one of a lower scope (403); the socket needs none.
    @Test func everyRowChecksTheToken() async throws {
        var limits = APILimits()
        limits.failedTokensPerMinute = 10_000
        try await ServerFixture.run(limits: limits) { fixture in
            let wrong = APIClient(
                endpoint: .tcp(host: "127.0.0.1", port: fixture.port),
                token: AccessToken.makeSecret())
            for route in RouteTable.shared.routes where route.scope != .open {
                let none = try await fixture.tcp(nil).whole(route.method, path(route))
                #expect(none.status == 401 && none.problem?.code == "E601", "\(route.name)")
                #expect(none.headers["www-authenticate"] == "Bearer")
                #expect(
                    try await wrong.whole(route.method, path(route)).status == 401, "\(route.name)")
                let lower: Scope? =
                    route.scope == .admin ? .submit : route.scope == .submit ? .read : nil
                if let lower {
                    let answer = try await fixture.tcp(lower).whole(route.method, path(route))
                    #expect(answer.status == 403 && answer.problem?.code == "E602", "\(route.name)")
                    #expect(
                        answer.problem?.detail
                            == "the token has \(lower.name), this needs \(route.scope.name)")
                }
            }
            #expect(try await fixture.tcp(nil).whole("GET", "/healthz").status == 200)
            #expect(try await fixture.socket.whole("GET", "/v1/node").status == 200)
        }
    }

    /// A foreign Host, a foreign Origin and a cross-site fetch are refused on every row, before routing and before
    /// the token, open rows and unknown paths included.
    @Test func foreignPagesAreRefused() async throws {
        try await ServerFixture.run(origins: ["https://ok.example"]) { fixture in
            let token = fixture.secrets[.admin] ?? ""
            let own = "127.0.0.1:\(fixture.port)"
            func ask(_ method: String, _ path: String, _ headers: [String]) async throws
                -> Substring
            {
                let lines =
                    ["\(method) \(path) HTTP/1.1"] + headers
                    + [
                        "Authorization: Bearer \(token)", "Content-Length: 0", "Connection: close",
                        "", "",
                    ]
                return try await fixture.raw(lines.joined(separator: "\r\n")).prefix(12)
            }
            let paths =
                RouteTable.shared.routes.map { ($0.method, path($0)) } + [
                    ("GET", "/nothing"), ("PUT", "/"),
                ]
            for (method, path) in paths {
                for headers in [
                    ["Host: evil.example"], ["Host: evil.example:\(fixture.port)"],
                    ["Host: 127.0.0.1"],
                    ["Host: 127.0.0.1.evil.example:\(fixture.port)"],
                    ["Host: \(own)", "Origin: https://evil.example"],
                    ["Host: \(own)", "Origin: null"],
                    ["Host: \(own)", "Sec-Fetch-Site: cross-site"],
                    ["Host: \(own)", "Origin: http://127.0.0.1:1"],
                ] {
                    let answer = try await ask(method, path, headers)
                    #expect(answer == "HTTP/1.1 403", "\(method) \(path) \(headers)")
                }
            }
            for headers in [
                ["Host: \(own)"], ["Host: localhost:\(fixture.port)"],
                ["Host: [::1]:\(fixture.port)"],
                ["Host: \(own)", "Origin: http://\(own)"],
                ["Host: \(own)", "Origin: https://ok.example"],
                ["Host: \(own)", "Origin: https://ok.example", "Sec-Fetch-Site: cross-site"],
                ["Host: \(own)", "Sec-Fetch-Site: same-origin"],
            ] {
                let answer = try await ask("GET", "/v1/node", headers)
                #expect(answer == "HTTP/1.1 200", "\(headers)")
            }
        }
    }

    /// A listed origin gets CORS headers and a preflight; no other does, and never a wildcard or credentials.
    @Test func onlyListedOriginsGetHeaders() async throws {
        try await ServerFixture.run(origins: ["https://ok.example"]) { fixture in
            let client = fixture.tcp(.read)
            let listed = try await client.whole(
                "GET", "/v1/node", headers: [("Origin", "https://ok.example")])
            #expect(listed.headers["access-control-allow-origin"] == "https://ok.example")
            #expect(listed.headers["vary"] == "Origin")
            #expect(listed.headers["access-control-allow-credentials"] == nil)
            let preflight = try await fixture.tcp(nil).whole(
                "OPTIONS", "/v1/jobs",
                headers: [
                    ("Origin", "https://ok.example"), ("Access-Control-Request-Method", "POST"),
                ])
            #expect(preflight.status == 204)
            let own = try await client.whole(
                "GET", "/v1/node", headers: [("Origin", "http://127.0.0.1:\(fixture.port)")])
            #expect(own.status == 200 && own.headers["access-control-allow-origin"] == nil)
            #expect(try await client.whole("OPTIONS", "/v1/jobs").status == 405)
        }
    }

    /// After ten wrong tokens in a minute an address waits: 429, with the time, also with the right token.
    @Test func wrongTokensLockOut() async throws {
        try await ServerFixture.run { fixture in
            let wrong = APIClient(
                endpoint: .tcp(host: "127.0.0.1", port: fixture.port), token: "pnt_wrong")
            for _ in 0..<10 { #expect(try await wrong.whole("GET", "/v1/node").status == 401) }
            let locked = try await fixture.tcp(.admin).whole("GET", "/v1/node")
            #expect(locked.status == 429 && locked.problem?.code == "E605")
            #expect(Int(locked.headers["retry-after"] ?? "").map { (1...60).contains($0) } == true)
            #expect(try await fixture.socket.whole("GET", "/v1/node").status == 200)
            #expect(try await fixture.tcp(nil).whole("GET", "/healthz").status == 200)
        }
        let limiter = RateLimiter(limits: APILimits())
        let start = ContinuousClock.now
        for _ in 0..<10 { limiter.failed("a", now: start) }
        #expect(limiter.lockout("a", now: start + .seconds(59)) != nil)
        #expect(limiter.lockout("a", now: start + .seconds(61)) == nil)
        #expect(limiter.lockout("b", now: start) == nil)
        for n in 0..<9 { limiter.failed("c", now: start + .seconds(n * 8)) }
        limiter.failed("c", now: start + .seconds(72))
        #expect(limiter.lockout("c", now: start + .seconds(72)) == nil)
    }

    /// More requests than the rate are 429 with `Retry-After`, and waiting that long helps; the socket has no rate.
    @Test func ratesHold() async throws {
        var limits = APILimits()
        limits.readsPerSecond = 1
        limits.readsBurst = 3
        try await ServerFixture.run(limits: limits) { fixture in
            var statuses: [Int] = []
            // However slow the machine is, some second sees more than one request.
            while statuses.count < 200, statuses.last != 429 {
                statuses.append(try await fixture.tcp(.read).whole("GET", "/v1/node").status)
            }
            #expect(statuses.prefix(3) == [200, 200, 200] && statuses.last == 429)
            for _ in 0..<8 {
                #expect(try await fixture.socket.whole("GET", "/v1/node").status == 200)
            }
            // Another token is not slowed by this one.
            #expect(try await fixture.tcp(.admin).whole("GET", "/v1/node").status == 200)
        }
        let limiter = RateLimiter(limits: limits)
        let start = ContinuousClock.now
        for _ in 0..<3 { #expect(limiter.admit("t", isWrite: false, now: start) == nil) }
        let refused = limiter.admit("t", isWrite: false, now: start)
        #expect(refused?.retryAfterSeconds == 1)
        #expect(limiter.admit("t", isWrite: true, now: start) == nil)
        #expect(limiter.admit("t", isWrite: false, now: start + .seconds(1)) == nil)
    }

    /// Tokens are compared whole; secrets have 256 bits and never repeat.
    @Test func tokens() {
        let secret = AccessToken.makeSecret()
        #expect(
            secret.hasPrefix("pnt_") && secret.utf8.count == 47
                && secret != AccessToken.makeSecret())
        let access = AccessControl(
            tokens: [.init(name: "a", scope: .read, secret: secret)], hosts: ["node.lan"],
            origins: [])
        #expect(access.token("Bearer " + secret)?.name == "a")
        #expect(access.token("bearer " + secret)?.name == "a")
        for bad in [
            "", "Bearer ", "Bearer \(secret)x", "Bearer \(secret.dropLast())", secret,
            "Basic " + secret,
        ] {
            #expect(access.token(bad) == nil, "\(bad)")
        }
        #expect(
            access.refusal(host: "node.lan:7718", origin: nil, fetchSite: nil, port: 7718) == nil)
        #expect(access.refusal(host: nil, origin: nil, fetchSite: nil, port: 7718) != nil)
    }

    /// The socket is 0600 in a 0700 folder; a folder that others can enter is refused, as is a port that is taken.
    @Test func modesAndBinding() async throws {
        try await ServerFixture.run { fixture in
            var status = stat()
            #expect(
                stat(fixture.server.socketPath ?? "", &status) == 0
                    && status.st_mode & 0o777 == 0o600)
            #expect(stat(fixture.folder + "/run", &status) == 0 && status.st_mode & 0o777 == 0o700)
            let open = fixture.folder + "/open"
            mkdir(open, 0o700)
            chmod(open, 0o755)
            defer { rmdir(open) }
            await expectStart("E705", .init(socketPath: open + "/api.sock", version: "1"))
            await expectStart("E702", .init(http: ("127.0.0.1", fixture.port), version: "1"))
            await expectStart("E702", .init(http: ("192.0.2.1", 0), version: "1"))
            await expectStart("E702", .init(socketPath: "/nowhere/else/api.sock", version: "1"))
            // What listened before still answers.
            let answer = try await fixture.socket.whole("GET", "/healthz")
            #expect(answer.status == 200)
        }
        let long = "/" + String(repeating: "x", count: 120)
        let path = SocketFolder.socketPath(runFolder: long, hashing: MixHashing())
        #expect(path.hasPrefix("/tmp/peernode-\(getuid())-") && path.utf8.count <= 107)
        #expect(
            SocketFolder.socketPath(runFolder: "/run/x", hashing: MixHashing()) == "/run/x/api.sock"
        )
    }

    private func expectStart(_ code: String, _ configuration: APIServer.Configuration) async {
        do {
            let server = try await APIServer.start(
                configuration, node: MemoryNode(), idempotency: MemoryIdempotencyStore(),
                hashing: MixHashing(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            await server.stop()
            Issue.record("started, expected \(code)")
        } catch {
            #expect(error.code == code, "\(error.detail)")
        }
    }

    /// A peer of the socket with another user id is refused. The kernel's word is taken from the connection; here the
    /// responder is asked directly, because a test has one user.
    @Test func otherUsersAreRefused() async throws {
        let limiter = RateLimiter(limits: APILimits())
        let context = ServerContext(
            node: MemoryNode(), access: AccessControl(tokens: [], hosts: [], origins: []),
            limits: APILimits(),
            limiter: limiter, metrics: APIMetrics(limiter: limiter),
            idempotency: MemoryIdempotencyStore(),
            hashing: MixHashing(), now: { Timestamp(unixMilliseconds: 0) }, version: "1",
            metricsAreOpen: false,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, openAPI: [])
        let responder = Responder(context: context, table: .shared, ownUser: 1_000)
        for (user, status) in [(1_000, 200), (0, 200), (1_001, 403), (nil, 403)] as [(UInt32?, Int)]
        {
            let raw = RawRequest(
                method: "GET", target: "/v1/node", host: "localhost", headers: [:], headerBytes: 0,
                body: BodyReader(declaredBytes: nil) { nil }, listener: .socket(peer: user))
            #expect(
                await responder.respond(to: raw) {}.status == status,
                "\(user.map(String.init) ?? "unknown")")
        }
    }
}
