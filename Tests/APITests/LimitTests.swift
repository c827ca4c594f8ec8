import Glibc
import NIOConcurrencyHelpers
import Testing

@testable import API

@Suite struct LimitTests {
    /// Bodies above their limit are 413, whether their length is said before or they come in chunks; what is just
    /// within passes.
    @Test func oversizedBodies() async throws {
        var limits = APILimits()
        limits.jsonBytesMax = 2_000
        limits.manifestBytesMax = 1_000
        limits.receiptBytesMax = 3_000
        limits.blobBytesMax = 4_000
        try await ServerFixture.run(limits: limits) { fixture in
            for client in [fixture.socket, fixture.tcp(.admin)] {
                for (path, type, limit) in [
                    ("/v1/jobs", Media.yaml, 1_000), ("/v1/jobs/validate", Media.json, 1_000),
                    ("/v1/transactions", Media.entry, 2_000),
                    ("/v1/receipts/verify", Media.receipt, 3_000),
                    ("/v1/blobs", Media.octets, 4_000),
                ] {
                    for isChunked in [false, true] {
                        for (size, isRefused) in [
                            (limit, false), (limit + 1, true), (limit + 50_000, true),
                        ] {
                            let answer = try await client.whole(
                                "POST", path, body: body(size, type, isChunked))
                            #expect(
                                (answer.status == 413) == isRefused
                                    && (answer.problem?.code == "E606") == isRefused,
                                "\(path) \(size) \(isChunked): \(answer.status)")
                        }
                    }
                }
            }
            #expect(
                fixture.node.state.withLockedValue {
                    $0.blobs.values.allSatisfy { $0.count == 4_000 }
                })
        }
    }

    private func body(_ size: Int, _ type: String, _ isChunked: Bool) -> ClientRequest.Body {
        let bytes = [UInt8](repeating: 0x20, count: size)
        if !isChunked { return .bytes(bytes, mediaType: type) }
        let pieces = Pieces(bytes, size: 700)
        return .stream(count: nil, mediaType: type) { await pieces.next() }
    }

    /// A body far above the limit is cut off: the client gets the answer, and the server does not read on.
    @Test func endlessBodiesAreCut() async throws {
        var limits = APILimits()
        limits.drainBytesMax = 100_000
        try await ServerFixture.run(limits: limits) { fixture in
            let sent = Counter()
            let answer = try await fixture.socket.whole(
                "POST", "/v1/transfers",
                body: .stream(count: nil, mediaType: Media.json) {
                    await sent.add(1 << 16)
                    return [UInt8](repeating: 0x20, count: 1 << 16)
                })
            #expect(answer.status == 413)
            #expect(await sent.value < 64 << 20)
        }
    }

    /// Oversized heads and URLs are 413 or a closed connection; the server stays well.
    @Test func oversizedHeads() async throws {
        try await ServerFixture.run { fixture in
            let client = fixture.socket
            let long = String(repeating: "a", count: 9_000)
            #expect(
                try await client.whole("GET", "/v1/jobs", query: [("name", long)]).status == 413)
            let headers = (0..<20).map {
                (name: "X-\($0)", value: String(repeating: "b", count: 1_000))
            }
            #expect(try await client.whole("GET", "/v1/node", headers: headers).status == 413)
            let huge =
                "GET / HTTP/1.1\r\nHost: x\r\nX: " + String(repeating: "c", count: 200_000)
                + "\r\n\r\n"
            let refused = try await fixture.raw(huge)
            #expect(refused.isEmpty || refused.hasPrefix("HTTP/1.1 4"))
            #expect(try await client.whole("GET", "/v1/node").status == 200)
        }
    }

    /// A head that does not end and a body that stalls are cut off after their time; quick clients are not.
    @Test func slowClientsAreCut() async throws {
        var limits = APILimits()
        limits.headerTime = .milliseconds(200)
        limits.bodyStall = .milliseconds(200)
        try await ServerFixture.run(limits: limits) { fixture in
            let token = fixture.secrets[.admin] ?? ""
            let host = "Host: 127.0.0.1:\(fixture.port)\r\nAuthorization: Bearer \(token)\r\n"
            let start = ContinuousClock.now
            #expect(try await fixture.raw("GET /v1/node HT", closesAfter: .seconds(20)) == "")
            #expect(
                try await fixture.raw("GET /v1/node HTTP/1.1\r\nX: y", closesAfter: .seconds(20))
                    == "")
            let stalled = try await fixture.raw(
                "POST /v1/jobs HTTP/1.1\r\n\(host)Content-Type: application/json\r\nContent-Length: 5\r\n\r\n{",
                closesAfter: .seconds(20))
            #expect(!stalled.contains(" 202 "))
            #expect(ContinuousClock.now - start < .seconds(15))
            #expect(fixture.node.state.withLockedValue { $0.jobs.isEmpty })
            #expect(try await fixture.socket.whole("GET", "/v1/node").status == 200)
        }
    }

    /// A client that waits for `100 Continue` gets it if its body is wanted, and the refusal if not.
    @Test func expectContinue() async throws {
        try await ServerFixture.run { fixture in
            let token = fixture.secrets[.admin] ?? ""
            func ask(_ length: Int, _ token: String) async throws -> String {
                try await fixture.raw(
                    "POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1:\(fixture.port)\r\nAuthorization: Bearer \(token)\r\n"
                        + "Content-Type: application/json\r\nContent-Length: \(length)\r\nExpect: 100-continue\r\n"
                        + "Connection: close\r\n\r\n" + (length == 2 ? "{}" : ""),
                    closesAfter: .seconds(20))
            }
            let wanted = try await ask(2, token)
            #expect(wanted.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202"))
            #expect(try await ask(300_000, token).hasPrefix("HTTP/1.1 413"))
            #expect(try await ask(2, "pnt_no").hasPrefix("HTTP/1.1 401"))
        }
    }

    /// Two requests in one write get two answers in order, also when the first one's body was not wanted.
    @Test func pipelining() async throws {
        try await ServerFixture.run { fixture in
            let token = fixture.secrets[.read] ?? ""
            let head = "Host: 127.0.0.1:\(fixture.port)\r\nAuthorization: Bearer \(token)\r\n"
            let text = try await fixture.raw(
                "GET /v1/node HTTP/1.1\r\n\(head)Content-Length: 4\r\n\r\nabcd"
                    + "POST /v1/jobs HTTP/1.1\r\n\(head)Content-Length: 2\r\n\r\n{}"
                    + "GET /healthz HTTP/1.1\r\n\(head)Connection: close\r\n\r\n")
            let starts = text.components("HTTP/1.1 ")
            #expect(starts.map { $0.prefix(3) } == ["200", "403", "200"])
        }
    }

    /// Event streams are limited per token: one more is 429, and after one ended there is room again.
    @Test func streamsAreLimited() async throws {
        var limits = APILimits()
        limits.streamsPerTokenMax = 2
        try await ServerFixture.run(limits: limits) { fixture in
            let client = fixture.tcp(.read)
            let gates = [Gate(), Gate()]
            let opened = Counter()
            let streams = gates.map { gate in
                Task {
                    try await client.perform(
                        ClientRequest("GET", "/v1/events"), timeout: .seconds(20)
                    ) { response in
                        _ = try await response.body.next()
                        await opened.add(1)
                        await gate.wait()
                        return response.status
                    }
                }
            }
            while await opened.value < 2 { try await Task.sleep(for: .milliseconds(2)) }
            let refused = try await client.whole("GET", "/v1/events")
            #expect(refused.status == 429 && refused.problem?.code == "E605")
            await gates[0].open()
            #expect(try await streams[0].value == 200)
            // The server notices the closed connection when it writes next.
            var status = 429
            while status == 429 {
                fixture.node.events.publish(.peerUp, subject: "p")
                status = try await client.perform(ClientRequest("GET", "/v1/events")) { $0.status }
            }
            #expect(status == 200)
            await gates[1].open()
            #expect(try await streams[1].value == 200)
        }
    }
}

/// Hands out bytes in pieces.
actor Pieces {
    private var rest: ArraySlice<UInt8>
    private let size: Int

    init(_ bytes: [UInt8], size: Int) {
        rest = bytes[...]
        self.size = size
    }

    func next() -> [UInt8]? {
        if rest.isEmpty { return nil }
        defer { rest = rest.dropFirst(size) }
        return Array(rest.prefix(size))
    }
}

/// Counts across tasks.
actor Counter {
    private(set) var value = 0
    func add(_ n: Int) { value += n }
}

/// Holds tasks until it is opened.
actor Gate {
    private var isOpen = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func wait() async {
        if isOpen { return }
        await withCheckedContinuation { waiting.append($0) }
    }

    func open() {
        isOpen = true
        for continuation in waiting { continuation.resume() }
        waiting = []
    }
}

extension String {
    /// The non-empty parts between occurrences of `separator`.
    func components(_ separator: String) -> [Substring] {
        split(separator: separator, omittingEmptySubsequences: true)
    }
}
