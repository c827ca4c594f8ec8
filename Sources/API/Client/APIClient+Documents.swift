extension APIClient {
    /// The document that a request gives; problems of the node are thrown as they came.
    ///
    /// - Parameter timeout: for the whole answer; nil: none.
    public func document<D: Document>(
        _ type: D.Type, _ request: ClientRequest, timeout: Duration? = .seconds(30)
    ) async throws(Problem) -> D {
        let bytes = try await bytes(request, timeout: timeout)
        do {
            return try D(json: bytes)
        } catch {
            throw Problem(
                .bug, "the node's answer to \(request.shown) is not a \(D.documentType): \(error)")
        }
    }

    /// The body of a request's answer.
    ///
    /// - Parameter limit: E606 if it is longer, in bytes.
    public func bytes(
        _ request: ClientRequest, timeout: Duration? = .seconds(30), limit: Int = 64 << 20
    ) async throws(Problem) -> [UInt8] {
        try await perform(request, timeout: timeout) { response in
            if let problem = try await response.problem() { throw problem }
            return try await response.body.collect(limit: limit)
        }
    }

    /// A request that creates something, carried out once even if the connection is lost: it carries an idempotency
    /// key and is repeated with it, at most twice.
    ///
    /// - Parameter key: made up if nil.
    public func create<D: Document>(
        _ type: D.Type, _ request: ClientRequest, key: String? = nil,
        timeout: Duration? = .seconds(30)
    ) async throws(Problem) -> D {
        var request = request
        if !request.headers.contains(where: { $0.name.lowercased() == "idempotency-key" }) {
            request.headers.append(("Idempotency-Key", key ?? APIClient.makeKey()))
        }
        var tries = 0
        while true {
            do {
                return try await document(type, request, timeout: timeout)
            } catch {
                tries += 1
                let isLost = error.code == ProblemCode.noNode.rawValue && error.requestID == nil
                let isRunning =
                    error.code == ProblemCode.idempotency.rawValue && error.retryAfterSeconds != nil
                    && tries > 1
                guard isLost || isRunning, tries < 3 else { throw error }
                try? await Task.sleep(for: .milliseconds(isRunning ? 1_000 : 200))
            }
        }
    }

    /// 128 random bits.
    static func makeKey() -> String {
        var random = SystemRandomNumberGenerator()
        return "cli-" + String(random.next(), radix: 36) + String(random.next(), radix: 36)
    }

    /// All items of a list, part by part, until `take` returns false or the list ends.
    public func each<D: Document>(
        _ type: D.Type, _ request: ClientRequest, timeout: Duration? = .seconds(30),
        take: (D) throws -> Bool
    ) async throws {
        var request = request
        while true {
            let page = try await document(Page<D>.self, request, timeout: timeout)
            for item in page.items where try !take(item) { return }
            guard let next = page.next?.value else { return }
            request.query.removeAll { $0.name == "cursor" }
            request.query.append(("cursor", next))
        }
    }

    /// Events as they come, until `take` returns false. A connection that is lost is made again, at the event where
    /// it broke off; after eight failures in a row the problem is thrown.
    ///
    /// - Parameters:
    ///   - path: `/v1/events` or a job's.
    ///   - after: the last event that is known; nil: from now on.
    public func events(
        _ path: String = "/v1/events", query: [(name: String, value: String)] = [],
        after: Int64? = nil,
        take: @escaping @Sendable (EventDocument) async throws -> Bool
    ) async throws(Problem) {
        let progress = EventProgress(last: after)
        var failures = 0
        while true {
            var headers = [(name: "Accept", value: Media.events)]
            if let last = progress.last { headers.append(("Last-Event-ID", String(last))) }
            let request = ClientRequest("GET", path, query: query, headers: headers)
            do throws(Problem) {
                let isDone = try await perform(request, timeout: nil) { response in
                    if let problem = try await response.problem() { throw problem }
                    return try await progress.read(response.body, take)
                }
                if isDone { return }
                failures = progress.takeIsAlive() ? 1 : failures + 1
                if failures >= 8 {
                    throw Problem(.noNode, "the events of the node at \(endpoint) ended")
                }
            } catch {
                failures = progress.takeIsAlive() ? 1 : failures + 1
                guard error.code == ProblemCode.noNode.rawValue, failures < 8, !Task.isCancelled
                else { throw error }
            }
            do {
                try await Task.sleep(for: .milliseconds(100 << min(failures, 5)))
            } catch {
                throw Problem(.noNode, "waiting for events was cancelled")
            }
        }
    }
}

/// How far a reader of events came over several connections.
///
/// A class because each connection goes on with it; only one is open at a time, hence unchecked.
private final class EventProgress: @unchecked Sendable {
    private(set) var last: Int64?
    private var isAlive = false

    init(last: Int64?) { self.last = last }

    /// Whether anything came since the last call.
    func takeIsAlive() -> Bool {
        defer { isAlive = false }
        return isAlive
    }

    /// True if `take` has enough, false if the stream ended before.
    @concurrent func read(
        _ body: ClientBody, _ take: @Sendable (EventDocument) async throws -> Bool
    ) async throws -> Bool {
        var parser = EventStreamParser()
        while let piece = try await body.next() {
            isAlive = true
            for message in parser.feed(piece) {
                let event: EventDocument
                do {
                    event = try EventDocument(json: Array(message.data.utf8))
                } catch {
                    throw Problem(.bug, "the node sent something that is no event: \(error)")
                }
                last = event.id
                if try await !take(event) { return true }
            }
        }
        return false
    }
}
