import Basis
import Testing

@testable import API

@Suite struct ClientTests {
    /// Addresses are read as they are written, and what is none is refused.
    @Test func endpoints() {
        #expect(APIEndpoint("unix:/run/api.sock") == .unix(path: "/run/api.sock"))
        #expect(APIEndpoint("http://127.0.0.1:7718") == .tcp(host: "127.0.0.1", port: 7718))
        #expect(APIEndpoint("http://[::1]:7718/") == .tcp(host: "::1", port: 7718))
        #expect(APIEndpoint("http://[::1]:7718")?.description == "http://[::1]:7718")
        for bad in [
            "", "unix:api.sock", "https://a:1", "http://a", "http://a:0", "http://a:65536",
            "http://a/b:1",
            "http://u@a:1", "http://::1:1", "http://:1",
            "unix:/" + String(repeating: "x", count: 107),
        ] {
            #expect(APIEndpoint(bad) == nil, "\(bad)")
        }
    }

    /// A node that is not there is E701 with exit 69, on both ways.
    @Test func nobodyThere() async {
        for endpoint in [
            APIEndpoint.unix(path: "/tmp/nothing/api.sock"), .tcp(host: "127.0.0.1", port: 1),
        ] {
            do {
                _ = try await APIClient(endpoint: endpoint).bytes(ClientRequest("GET", "/v1/node"))
                Issue.record("answered")
            } catch {
                #expect(error.code == "E701" && error.exitCode == 69, "\(error.detail)")
                #expect(error.detail.contains(endpoint.description))
            }
        }
    }

    /// A problem of the node arrives as it was, with its exit code; a document of another type is refused.
    @Test func problemsArrive() async throws {
        try await ServerFixture.run { fixture in
            do throws(Problem) {
                _ = try await fixture.socket.document(
                    JobDocument.self, ClientRequest("GET", "/v1/jobs/job_none"))
                Issue.record("answered")
            } catch {
                #expect(error.code == "E301" && error.exitCode == 4 && error.requestID?.count == 16)
                #expect(error.detail == "no job job_none")
            }
            await #expect(throws: Problem.self) {
                try await fixture.socket.document(
                    JobDocument.self, ClientRequest("GET", "/v1/node"))
            }
        }
    }

    /// A request that takes too long ends with what it waited for, and the server goes on.
    @Test func timeouts() async throws {
        try await ServerFixture.run { fixture in
            do throws(Problem) {
                _ = try await fixture.socket.bytes(
                    ClientRequest("GET", "/v1/events"), timeout: .milliseconds(100))
                Issue.record("ended")
            } catch {
                #expect(
                    error.code == "E701" && error.detail.contains("GET /v1/events within 0.1 s"),
                    "\(error.detail)")
            }
            let answer = try await fixture.socket.whole("GET", "/v1/node")
            #expect(answer.status == 200)
        }
    }

    /// A list is walked to its end, or until the reader has enough.
    @Test func lists() async throws {
        try await ServerFixture.run { fixture in
            for n in 0..<7 {
                _ = try await fixture.socket.create(
                    JobDocument.self,
                    ClientRequest(
                        "POST", "/v1/jobs", body: .bytes(Array("\(n)".utf8), mediaType: Media.yaml))
                )
            }
            var seen: Set<String> = []
            let request = ClientRequest("GET", "/v1/jobs", query: [("limit", "2")])
            try await fixture.socket.each(JobDocument.self, request) { job in
                seen.insert(job.id)
                return true
            }
            #expect(seen.count == 7)
            var count = 0
            try await fixture.socket.each(JobDocument.self, request) { _ in
                count += 1
                return count < 3
            }
            #expect(count == 3)
        }
    }

    /// Events arrive in order and each once although the connection is cut after every third: the reader names its
    /// last event. A reader that is too far behind gets `reset`.
    @Test func eventsResume() async throws {
        try await ServerFixture.run { fixture in
            let hub = fixture.node.events
            let publisher = Task {
                for n in 0..<150 {
                    hub.publish(.jobState, subject: "job_\(n)", data: ["n": .integer(Int64(n))])
                    if n % 10 == 0 { try await Task.sleep(for: .milliseconds(1)) }
                }
            }
            let seen = Collected()
            while await seen.ids.count < 150 {
                let last = await seen.ids.last ?? 0
                let round = Counter()
                try await fixture.socket.events(after: last) { event in
                    await seen.add(event.id)
                    await round.add(1)
                    return await round.value < 3 && event.id < 150
                }
            }
            try await publisher.value
            #expect(await seen.ids == Array(1...150))
            let future = try await fixture.socket.document(
                Page<EventDocument>.self,
                ClientRequest(
                    "GET", "/v1/events", query: [("since", "9000")],
                    headers: [("Accept", "application/json")]))
            #expect(future.items.map(\.type) == [.reset])
            let page = try await fixture.socket.document(
                Page<EventDocument>.self,
                ClientRequest(
                    "GET", "/v1/events", query: [("since", "100"), ("limit", "5")],
                    headers: [("Accept", "application/json")]))
            #expect(page.items.map(\.id) == Array(101...105))
            let newest = try await fixture.socket.document(
                Page<EventDocument>.self,
                ClientRequest(
                    "GET", "/v1/events", query: [("limit", "2")],
                    headers: [("Accept", "application/json")]))
            #expect(newest.items.map(\.id) == [149, 150])
        }
    }

    /// Events of a job are its own alone; the stream begins at once and shows signs of life.
    @Test func eventsOfAJob() async throws {
        var limits = APILimits()
        limits.heartbeat = .milliseconds(20)
        try await ServerFixture.run(limits: limits) { fixture in
            let job = try await fixture.socket.create(
                JobDocument.self,
                ClientRequest("POST", "/v1/jobs", body: .bytes([0x78], mediaType: Media.yaml)))
            let alive = try await fixture.socket.perform(
                ClientRequest("GET", "/v1/jobs/\(job.id)/events")
            ) { response in
                var text = ""
                while !text.contains(": alive"), let piece = try await response.body.next() {
                    text += String(decoding: piece, as: UTF8.self)
                }
                return text
            }
            #expect(alive.contains(": alive"))
            let seen = Collected()
            let reading = Task {
                try await fixture.socket.events("/v1/jobs/\(job.id)/events", after: 0) { event in
                    await seen.add(event.id)
                    return event.data["state"]?.text != "completed"
                }
            }
            fixture.node.events.publish(.jobState, subject: "job_other")
            fixture.node.complete(job.id, output: [])
            try await reading.value
            #expect(await seen.ids == [1, 3])
        }
    }

    /// Server-sent events are the same however their bytes are cut, and with every kind of line end.
    @Test func eventStreamsAreParsed() {
        let text =
            ": hello\n\nid: 1\nevent: a\ndata: x\ndata:y\n\ndata: ä€\r\n\r\nid: 3\n\nevent: b\rdata\r\rdata: end"
        let expected: [EventStreamParser.Message] = [
            .init(id: "1", event: "a", data: "x\ny"), .init(id: nil, event: nil, data: "ä€"),
            .init(id: nil, event: "b", data: ""),
        ]
        for seed in 0..<50 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            var parser = EventStreamParser()
            var rest = Array(text.utf8)[...]
            var messages: [EventStreamParser.Message] = []
            while !rest.isEmpty {
                let count = Int.random(in: 1...9, using: &random)
                messages += parser.feed(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            #expect(messages == expected)
        }
    }

    /// Stopping the server ends open streams and waits within its grace, and removes the socket.
    @Test func stoppingEndsStreams() async throws {
        try await ServerFixture.run { fixture in
            let started = Gate()
            let reading = Task {
                try await fixture.socket.perform(
                    ClientRequest("GET", "/v1/events"), timeout: .seconds(30)
                ) { response in
                    _ = try await response.body.next()
                    await started.open()
                    while try await response.body.next() != nil {}
                }
            }
            await started.wait()
            let start = ContinuousClock.now
            await fixture.server.stop(grace: .milliseconds(100))
            _ = await reading.result
            #expect(ContinuousClock.now - start < .seconds(5))
            await #expect(throws: Problem.self) {
                try await fixture.socket.bytes(ClientRequest("GET", "/healthz"))
            }
        }
    }
}

/// Collects ids across tasks.
actor Collected {
    private(set) var ids: [Int64] = []
    func add(_ id: Int64) { ids.append(id) }
}
