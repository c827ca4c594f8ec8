import Trust
import Wire

/// Carries out a request with an idempotency key at most once.
enum Idempotent {
    static func answer(_ call: Call, key: String) async throws(Problem) -> Reply {
        guard (1...128).contains(key.utf8.count),
            key.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else {
            throw Problem(
                .badParameter, "Idempotency-Key is \"\(VisibleText.escape(key, limit: 40))\"",
                fix: "give 1 to 128 visible ASCII characters")
        }
        let server = call.server
        let account = call.request.caller.account
        let body = server.hashing.hash("peernode/idempotency/v1") { writer in
            writer.fixed(Array((call.route.name + "\n" + call.request.pathText + "\n").utf8))
            writer.fixed(call.body)
        }
        switch await server.idempotency.begin(key, account: account, body: body, now: server.now())
        {
        case .answered(let answer): return replay(answer)
        case .otherBody:
            throw Problem(
                .idempotency, "the idempotency key \"\(key)\" was used with another request",
                fix: "use a new key for a new request")
        case .inProgress:
            throw Problem(
                .idempotency,
                "the first request with the idempotency key \"\(key)\" is not finished",
                fix: "repeat it in a second", retryAfterSeconds: 1)
        case .new: break
        }
        let reply: Reply
        do {
            reply = try await call.route.handler(call)
        } catch {
            // A refused request changed nothing, so the key is free for the next try.
            await server.idempotency.abandon(key, account: account)
            throw error
        }
        guard case .bytes(let bytes) = reply.body else { return reply }
        let answer = StoredAnswer(
            status: reply.status, mediaType: reply.mediaType,
            headers: Dictionary(
                reply.headers.map { ($0.name, $0.value) }, uniquingKeysWith: { a, _ in a }),
            body: bytes)
        await server.idempotency.finish(key, account: account, answer: answer, now: server.now())
        return reply
    }

    private static func replay(_ answer: StoredAnswer) -> Reply {
        var headers = answer.headers.sorted { $0.key < $1.key }.map {
            (name: $0.key, value: $0.value)
        }
        headers.append(("Idempotent-Replayed", "true"))
        return Reply(
            status: answer.status, mediaType: answer.mediaType, headers: headers,
            body: .bytes(answer.body))
    }
}
