import NIOConcurrencyHelpers
import Testing

@testable import API

@Suite struct RepetitionTests {
    private func transfer(_ amount: Int, key: String?) -> ClientRequest {
        let body = #"{"to":[{"account":"acct_b","amountMicro":"\#(amount)"}]}"#
        return ClientRequest(
            "POST", "/v1/transfers", headers: key.map { [("Idempotency-Key", $0)] } ?? [],
            body: .bytes(Array(body.utf8), mediaType: Media.json))
    }

    private func ask(_ client: APIClient, _ request: ClientRequest) async throws -> Whole {
        try await client.whole(
            request.method, request.path, headers: request.headers, body: request.body)
    }

    /// The same key and body give the same answer and pay once; another body or another path is 409; without a key
    /// each request counts; keys of different tokens do not meet.
    @Test func sameKeyPaysOnce() async throws {
        try await ServerFixture.run { fixture in
            let client = fixture.socket
            let first = try await ask(client, transfer(100, key: "k1"))
            #expect(first.status == 202 && first.headers["idempotent-replayed"] == nil)
            let second = try await ask(client, transfer(100, key: "k1"))
            #expect(second.status == 202 && second.body == first.body)
            #expect(second.headers["idempotent-replayed"] == "true")
            #expect(second.headers["location"] == first.headers["location"])
            let other = try await ask(client, transfer(101, key: "k1"))
            #expect(other.status == 409 && other.problem?.code == "E608")
            let job = ClientRequest(
                "POST", "/v1/jobs", headers: [("Idempotency-Key", "k1")],
                body: .bytes(Array("x".utf8), mediaType: Media.yaml))
            #expect(try await ask(client, job).status == 409)
            #expect(
                try await ask(fixture.tcp(.submit), transfer(100, key: "k1")).headers[
                    "idempotent-replayed"] == nil)
            for _ in 0..<2 { _ = try await ask(client, transfer(100, key: nil)) }
            #expect(fixture.node.state.withLockedValue { $0.balances["acct_b"] } == 400)
            for bad in [String(repeating: "k", count: 129), "a b"] {
                #expect(try await ask(client, transfer(1, key: bad)).status == 400, "\(bad)")
            }
        }
    }

    /// Of concurrent requests with one key one makes the job; the others are told to wait, and then get its answer.
    @Test func concurrentDuplicatesMakeOneJob() async throws {
        try await ServerFixture.run { fixture in
            fixture.node.state.withLockedValue { $0.submitDelay = .milliseconds(30) }
            let request = ClientRequest(
                "POST", "/v1/jobs", headers: [("Idempotency-Key", "same")],
                body: .bytes(Array("x".utf8), mediaType: Media.yaml))
            let answers = try await withThrowingTaskGroup(of: Whole.self) { group in
                for _ in 0..<8 { group.addTask { try await ask(fixture.socket, request) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(answers.map(\.status)).isSubset(of: [202, 409]))
            for answer in answers where answer.status == 409 {
                #expect(answer.problem?.code == "E608" && answer.headers["retry-after"] == "1")
            }
            #expect(fixture.node.state.withLockedValue { $0.order.count } == 1)
            let id = fixture.node.state.withLockedValue { $0.order[0] }
            let again = try await fixture.socket.create(
                JobDocument.self,
                ClientRequest(
                    "POST", "/v1/jobs", body: .bytes(Array("x".utf8), mediaType: Media.yaml)),
                key: "same")
            #expect(again.id == id)
        }
    }

    /// A refused request leaves its key free: with the cause removed, the same request succeeds.
    @Test func refusalsFreeTheKey() async throws {
        try await ServerFixture.run { fixture in
            let refused = try await ask(fixture.socket, transfer(99_000_000, key: "k"))
            #expect(refused.status == 402 && refused.problem?.code == "E501")
            fixture.node.state.withLockedValue { $0.balances["acct_self"] = 100_000_000 }
            #expect(try await ask(fixture.socket, transfer(99_000_000, key: "k")).status == 202)
        }
    }

    /// Keys outlive a restart of the server with the same store, and are forgotten after 24 h.
    @Test func storesKeep() async throws {
        let store = MemoryIdempotencyStore(recordsMax: 3)
        let start = Timestamp(unixMilliseconds: 0)
        let late = Timestamp(unixMilliseconds: 24 * 3_600_000 + 1)
        let (a, b) = (MixDigest.of(1), MixDigest.of(2))
        #expect(await store.begin("k", account: "x", body: a, now: start) == .new)
        #expect(await store.begin("k", account: "x", body: a, now: start) == .inProgress)
        #expect(await store.begin("k", account: "x", body: b, now: start) == .otherBody)
        #expect(await store.begin("k", account: "y", body: b, now: start) == .new)
        let answer = StoredAnswer(status: 202, mediaType: nil, headers: [:], body: [1])
        await store.finish("k", account: "x", answer: answer, now: start)
        #expect(await store.begin("k", account: "x", body: a, now: start) == .answered(answer))
        #expect(await store.begin("k", account: "x", body: b, now: late) == .new)
        await store.abandon("k", account: "x")
        #expect(await store.begin("k", account: "x", body: a, now: late) == .new)
        // With room for three, five later keys push this one out.
        for n in 0..<5 {
            let next = Timestamp(unixMilliseconds: late.unixMilliseconds + 1 + Int64(n))
            #expect(await store.begin("m\(n)", account: "x", body: a, now: next) == .new)
        }
        #expect(await store.begin("k", account: "x", body: b, now: late) == .new)
    }
}
