import NIOConcurrencyHelpers
import Testing

@testable import API

@Suite struct RouteTests {
    /// Every row answers: with its parameters filled in from things that exist, each route gives one of its own
    /// statuses, with one of its media types, over the socket and over TCP; and HEAD gives GET's head without a body.
    @Test func everyRowAnswers() async throws {
        var limits = APILimits()
        limits.readsBurst = 1_000
        limits.writesBurst = 1_000
        try await ServerFixture.run(limits: limits) { fixture in
            for client in [fixture.socket, fixture.tcp(.admin)] {
                for route in RouteTable.shared.routes { try await check(route, client, fixture) }
            }
        }
    }

    private func check(_ route: Route, _ client: APIClient, _ fixture: ServerFixture) async throws {
        let job = try await submit(fixture, "run: {}")
        if route.name != "cancelJob" { fixture.node.complete(job, output: Array("42\n".utf8)) }
        let blob = try await fixture.node.putBlob(expected: nil, upload([1, 2])).blob
        let entry = try await fixture.node.submitTransaction([7])
        let path = fill(route.pattern, job: job, blob: blob.id, entry: entry.id)
        // A stream that does not end by itself is asked for as a page, or only its head.
        var headers: [(name: String, value: String)] = []
        if route.name == "events" { headers = [("Accept", Media.json)] }
        if route.name != "jobEvents" {
            let answer = try await client.whole(
                route.method, path, headers: headers, body: body(route))
            // Once the node was asked to leave, it is no longer ready.
            let statuses = route.answers.map(\.status)
            #expect(
                statuses.contains(answer.status), "\(route.name): \(answer.status) \(answer.text)")
            let types = route.answers.filter { $0.status == answer.status }.compactMap(\.mediaType)
            #expect(
                types.isEmpty || types.contains(answer.headers["content-type"] ?? ""),
                "\(route.name)")
            expectCommon(answer, route.name)
        }
        if route.method == "GET" {
            let head = try await client.whole("HEAD", path, headers: headers)
            let isLeaving = fixture.node.state.withLockedValue { $0.isLeaving }
            #expect(
                head.status == (route.name == "readiness" && isLeaving ? 503 : 200), "\(route.name)"
            )
            #expect(head.body.isEmpty, "\(route.name)")
            expectCommon(head, route.name)
        }
    }

    private func upload(_ bytes: [UInt8]) -> UploadBody {
        let rest = NIOLockedValueBox<[UInt8]?>(bytes)
        return UploadBody(declaredBytes: UInt64(bytes.count)) {
            rest.withLockedValue { rest in
                defer { rest = nil }
                return rest
            }
        }
    }

    private func expectCommon(_ answer: Whole, _ name: String) {
        #expect(answer.headers["x-content-type-options"] == "nosniff", "\(name)")
        #expect(answer.headers["referrer-policy"] == "no-referrer", "\(name)")
        #expect(answer.headers["cross-origin-resource-policy"] == "same-origin", "\(name)")
        #expect(answer.headers["peernode-version"] == "0.1.0", "\(name)")
        #expect(answer.headers["request-id"]?.count == 16, "\(name)")
        #expect(answer.headers["cache-control"] != nil, "\(name)")
    }

    private func fill(_ pattern: String, job: String, blob: String, entry: String) -> String {
        let values = [
            "/v1/jobs/{id}": "/v1/jobs/" + job, "/v1/blobs/{id}": "/v1/blobs/" + blob,
            "/v1/transactions/{id}": "/v1/transactions/" + entry,
            "/v1/peers/{id}": "/v1/peers/self",
            "/v1/receipts/{id}": "/v1/receipts/rcpt_" + job.dropFirst(4), "{acct}": "self",
            "{height}": "1",
            "{name}": "stdout", "{type}": "job", "{code}": "E301",
        ]
        var path = pattern
        for (from, to) in values {
            if let range = path.firstRange(of: from) { path.replaceSubrange(range, with: to) }
        }
        return path
    }

    private func body(_ route: Route) -> ClientRequest.Body {
        switch route.name {
        case "submitJob", "validateJob": .bytes(Array("run: {}".utf8), mediaType: Media.yaml)
        case "verifyReceipt": .bytes(Array("receipt of x".utf8), mediaType: Media.receipt)
        case "submitTransaction": .bytes([7], mediaType: Media.entry)
        case "addPeer": .bytes(Array(#"{"seed":"192.0.2.1:7717"}"#.utf8), mediaType: Media.json)
        case "transfer":
            .bytes(
                Array(#"{"to":[{"account":"acct_b","amountMicro":"5"}]}"#.utf8),
                mediaType: Media.json)
        case "postBlob", "putBlob": .bytes([1, 2], mediaType: Media.octets)
        default: .none
        }
    }

    private func submit(_ fixture: ServerFixture, _ manifest: String) async throws -> String {
        try await fixture.socket.create(
            JobDocument.self,
            ClientRequest(
                "POST", "/v1/jobs", body: .bytes(Array(manifest.utf8), mediaType: Media.yaml))
        ).id
    }

    /// Rows, `openapi.json` and served paths are the same set, and each operation names the scope of its row.
    @Test func openAPIIsTheTable() async throws {
        try await ServerFixture.run { fixture in
            let bytes = try await fixture.tcp(nil).bytes(ClientRequest("GET", "/openapi.json"))
            let document = try JSONText.decode(JSONValue.self, from: bytes)
            var seen: Set<String> = []
            for (path, methods) in document["paths"]?.members ?? [:] {
                for (method, operation) in methods.members ?? [:] where method != "head" {
                    seen.insert(method.uppercased() + " " + path)
                    let route = RouteTable.shared.routes.first {
                        $0.pattern == path && $0.method == method.uppercased()
                    }
                    #expect(operation["x-peernode-scope"]?.text == route?.scope.name)
                }
            }
            #expect(seen == Set(RouteTable.shared.routes.map { $0.method + " " + $0.pattern }))
            #expect(
                Set(RouteTable.shared.routes.map(\.name)).count == RouteTable.shared.routes.count)
            // Every reference leads to a schema.
            let text = String(decoding: bytes, as: UTF8.self)
            for part in text.split(separator: "#/components/schemas/").dropFirst() {
                let name = String(part.prefix { $0 != "\"" })
                #expect(document["components"]?["schemas"]?[name] != nil, "\(name)")
            }
        }
    }

    /// An unknown path is 404, one of a later version says so, another method is 405 with `Allow`; all as problems.
    @Test func wrongPathsAndMethods() async throws {
        try await ServerFixture.run { fixture in
            let client = fixture.socket
            for path in ["/v2", "/v1/jobs/", "/v1//jobs", "/v1/jobs/a/b/c/d", "/v1/nod%65x"] {
                let answer = try await client.whole("GET", path)
                #expect(answer.status == 404 && answer.problem?.code == "E301", "\(path)")
                #expect(answer.headers["content-type"] == Media.problem)
            }
            #expect(try await client.whole("GET", "/v1/nod%65").status == 200)
            for path in ["/", "/v1/session", "/ui/x.js", "/v1/kv/a/b", "/v1/node/pause"] {
                let answer = try await client.whole("GET", path)
                #expect(
                    answer.status == 404
                        && answer.problem?.detail.contains("not part of this version") == true)
            }
            let answer = try await client.whole("DELETE", "/v1/jobs")
            #expect(answer.status == 405 && answer.problem?.code == "E613")
            #expect(
                Set(answer.headers["allow"]?.split(separator: ",").map { $0.trimmed() } ?? []) == [
                    "GET", "HEAD", "POST",
                ])
            #expect(try await client.whole("GET", "/v1/jobs/validate").headers["allow"] == "POST")
            #expect(try await client.whole("GET", "/v1/jobs/%00").status == 400)
            #expect(try await client.whole("GET", "/v1/jobs/%zz").status == 400)
        }
    }

    /// Unknown and wrong parameters and fields are refused, all at once, with what was probably meant.
    @Test func strictReading() async throws {
        try await ServerFixture.run { fixture in
            let client = fixture.socket
            let near = try await client.whole("GET", "/v1/jobs", query: [("limt", "5")])
            #expect(near.status == 400 && near.problem?.code == "E611")
            #expect(near.problem?.fix == "did you mean \"limit\"?")
            for (name, value) in [
                ("limit", "0"), ("limit", "501"), ("limit", "x"), ("state", "runing"),
                ("since", "yesterday"),
                ("label", "nolabel"), ("minHeight", "-1"), ("cursor", ""),
            ] {
                let answer = try await client.whole("GET", "/v1/jobs", query: [(name, value)])
                #expect(answer.status == 400 && answer.problem?.code == "E611", "\(name)=\(value)")
            }
            let several = try await client.whole(
                "GET", "/v1/jobs", query: [("a", "1"), ("limit", "0"), ("limit", "1")])
            #expect(several.problem?.errors.count == 2)
            let job = try await submit(fixture, "x")
            for (wait, until) in [("30", "end"), ("61s", "end"), ("1s", "runing"), ("1s", "final")]
            {
                let answer = try await client.whole(
                    "GET", "/v1/jobs/" + job, query: [("wait", wait), ("until", until)])
                #expect(answer.status == 400, "\(wait) \(until)")
            }
            let bad = #"{"to":[{"account":"acct_b","amount":"5"}],"too":1}"#
            let answer = try await client.whole(
                "POST", "/v1/transfers", body: .bytes(Array(bad.utf8), mediaType: Media.json))
            #expect(answer.status == 400)
            let pointers = answer.problem?.errors.map { $0.pointer ?? "" }
            #expect(pointers == ["/too", "/to/0/amount", "/to/0/amountMicro"])
            #expect(answer.problem?.errors.first?.fix == "did you mean \"to\"?")
            for text in [
                "", "{", "[]", #"{"to":[{"account":"a","amountMicro":5}]}"#, #"{"to":[]}"#,
                #"{"to":[1.5]}"#,
            ] {
                let answer = try await client.whole(
                    "POST", "/v1/transfers", body: .bytes(Array(text.utf8), mediaType: Media.json))
                #expect(answer.status == 400, "\(text)")
            }
            let type = try await client.whole(
                "POST", "/v1/transfers", body: .bytes([], mediaType: "text/html"))
            #expect(type.status == 415 && type.problem?.detail.contains("application/json") == true)
        }
    }

    /// All mistakes of a manifest arrive with their places; E140 goes away with `allowWait`.
    @Test func manifestProblemsArrive() async throws {
        try await ServerFixture.run { fixture in
            let body = ClientRequest.Body.bytes(
                Array("verify:\n  replica: 3".utf8), mediaType: Media.yaml)
            let answer = try await fixture.socket.whole("POST", "/v1/jobs", body: body)
            #expect(answer.status == 422 && answer.problem?.errors.map(\.line) == [2, 1])
            #expect(answer.problem?.requestID == answer.headers["request-id"])
            let large = ClientRequest.Body.bytes(Array("memory: 1TiB".utf8), mediaType: Media.yaml)
            #expect(
                try await fixture.socket.whole("POST", "/v1/jobs", body: large).problem?.code
                    == "E140")
            let waiting = try await fixture.socket.whole(
                "POST", "/v1/jobs", query: [("allowWait", "true")], body: large)
            #expect(
                waiting.status == 202
                    && waiting.headers["location"]?.hasPrefix("/v1/jobs/job_") == true)
        }
    }

    /// Walking a list while items are added returns each older item once; a cursor serves its own list only.
    @Test func cursorsAreStable() async throws {
        try await ServerFixture.run { fixture in
            var old: Set<String> = []
            for n in 0..<25 { old.insert(try await submit(fixture, "n: \(n)")) }
            var seen: [String] = []
            var query = [(name: "limit", value: "4")]
            while true {
                let page = try await fixture.socket.document(
                    Page<JobDocument>.self, ClientRequest("GET", "/v1/jobs", query: query))
                seen += page.items.map(\.id)
                _ = try await submit(fixture, "new: \(seen.count)")
                guard let next = page.next?.value else { break }
                query = [("limit", "4"), ("cursor", next)]
            }
            #expect(seen.filter(old.contains).count == 25 && Set(seen) == old)
            let first = try await fixture.socket.document(
                Page<JobDocument>.self, ClientRequest("GET", "/v1/jobs", query: [("limit", "1")]))
            let cursor = first.next?.value ?? ""
            for query in [
                [("cursor", cursor), ("state", "running")], [("cursor", "zzzz")],
                [("cursor", cursor + "a")],
            ] {
                let answer = try await fixture.socket.whole(
                    "GET", "/v1/jobs", query: query.map { (name: $0.0, value: $0.1) })
                #expect(answer.status == 400 && answer.problem?.code == "E610", "\(query)")
            }
            let other = try await fixture.socket.whole(
                "GET", "/v1/peers", query: [("cursor", cursor)])
            #expect(other.problem?.code == "E610")
            let old1 = Cursor.make(after: "x", list: "l", now: Timestamp(unixMilliseconds: 0))
            #expect(throws: Problem.self) {
                _ = try Cursor.open(old1, list: "l", now: Timestamp(unixMilliseconds: 3_601_000))
            }
            #expect(
                try Cursor.open(old1, list: "l", now: Timestamp(unixMilliseconds: 3_600_000)) == "x"
            )
        }
    }

    /// ETags: the same resource gives 304, a changed one its new state. Heights are stated, and a height that is not
    /// here is E511. Waiting answers when the state is reached.
    @Test func resourcesStateAndWait() async throws {
        try await ServerFixture.run { fixture in
            let client = fixture.socket
            let job = try await submit(fixture, "x")
            let first = try await client.whole("GET", "/v1/jobs/" + job)
            let tag = first.headers["etag"] ?? ""
            #expect(tag.hasPrefix("\"") && first.headers["peernode-height"] == "7")
            let same = try await client.whole(
                "GET", "/v1/jobs/" + job, headers: [("If-None-Match", tag)])
            #expect(same.status == 304 && same.body.isEmpty && same.headers["etag"] == tag)
            async let waiting = client.whole(
                "GET", "/v1/jobs/" + job, query: [("wait", "30s"), ("until", "completed")])
            async let timely = client.whole(
                "GET", "/v1/jobs/" + job, query: [("wait", "1ms"), ("until", "running")])
            #expect(try await timely.status == 200)
            fixture.node.complete(job, output: [])
            #expect(try await waiting.text.contains("\"state\":\"completed\""))
            let changed = try await client.whole(
                "GET", "/v1/jobs/" + job, headers: [("If-None-Match", tag)])
            #expect(changed.status == 200 && changed.headers["peernode-height"] == "8")
            #expect(
                try await client.whole("GET", "/v1/ledger", query: [("minHeight", "8")]).status
                    == 200)
            let behind = try await client.whole("GET", "/v1/ledger", query: [("minHeight", "9")])
            #expect(behind.status == 503 && behind.problem?.code == "E511")
        }
    }

    /// The receipt, an error page and logs come in the type that is asked for; without one, in the row's first.
    @Test func negotiation() async throws {
        try await ServerFixture.run { fixture in
            let client = fixture.socket
            let job = try await submit(fixture, "x")
            fixture.node.complete(
                job, output: [],
                logs: [
                    LogLineDocument(replica: 0, stream: .stdout, offsetBytes: 0, text: "one"),
                    LogLineDocument(replica: 1, stream: .stderr, offsetBytes: 0, base64: "/w=="),
                ])
            func type(_ path: String, _ accept: String?) async throws -> String {
                let headers = accept.map { [(name: "Accept", value: $0)] } ?? []
                return try await client.whole("GET", path, headers: headers).headers["content-type"]
                    ?? ""
            }
            let receipt = "/v1/jobs/\(job)/receipt"
            #expect(try await type(receipt, nil) == Media.receipt)
            #expect(try await type(receipt, "application/json") == Media.json)
            #expect(try await type(receipt, "text/html, application/*;q=0.5") == Media.receipt)
            #expect(try await type(receipt, "image/png") == Media.receipt)
            #expect(try await type(receipt, "application/json;q=0.1, */*;q=0.01") == Media.json)
            #expect(try await type("/errors/E501", "application/json") == Media.json)
            let logs = "/v1/jobs/\(job)/logs"
            let text = try await client.whole("GET", logs)
            #expect(text.body == Array("r0 | one\nr1 | ".utf8) + [0xff, 0x0a])
            #expect(try await type(logs, Media.jsonLines) == Media.jsonLines)
            #expect(try await client.whole("GET", logs, query: [("replica", "0")]).text == "one\n")
            let stream = try await client.whole("GET", logs, headers: [("Accept", Media.events)])
            #expect(
                stream.text.hasPrefix("event: log\ndata: {")
                    && stream.headers["content-type"] == Media.events)
        }
    }
}
