import NIOCore

/// Events as a stream or a page (`surfaces.md` 4.6).
enum EventReplies {
    static func reply(_ call: Call) throws(Problem) -> Reply {
        let words = call.query.list("types")
        let types = words.isEmpty ? nil : Set(words.compactMap(EventType.init(rawValue:)))
        let since = call.query.integer("since")
        if call.accepted == Media.json { return page(call, types, since) }
        return try stream(call, types: types, subject: nil, since: since)
    }

    /// A page after `since`, or the newest ones. Where events are no longer here, one `reset` stands for them.
    private static func page(_ call: Call, _ types: Set<EventType>?, _ since: Int64?) -> Reply {
        let limit = call.query.integer("limit").map { Int($0) } ?? call.server.limits.pageDefault
        let hub = call.node.events
        let events = hub.page(
            since: since ?? hub.newestID - Int64(limit), types: types, limit: limit)
        if let events { return .document(Page(items: events)) }
        if since == nil, let events = hub.page(since: hub.oldestID - 1, types: types, limit: limit)
        {
            return .document(Page(items: events))
        }
        return .document(Page(items: [hub.resetEvent()]))
    }

    /// A stream of server-sent events: the ring first if the reader names its last event, then as they come.
    static func stream(
        _ call: Call, types: Set<EventType>?, subject: String?, since: Int64?
    ) throws(Problem) -> Reply {
        var resumed = since
        if let last = call.request.headers["last-event-id"] {
            guard let id = Int64(last), id >= 0 else {
                throw Problem(
                    .badParameter, "Last-Event-ID is \"\(VisibleText.escape(last, limit: 40))\"",
                    fix: "send the id of the last event that came")
            }
            resumed = id
        }
        let start = resumed
        if let problem = room(call.server, call.request.caller) { throw problem }
        let limiter = call.server.limiter
        let limits = call.server.limits
        let own = "streams/" + call.request.caller.account
        // HEAD opens no stream.
        if call.request.method == "HEAD" { return Reply(mediaType: Media.events) }
        let events = call.node.events.subscribe(since: start, types: types, subject: subject)
        return Reply(
            mediaType: Media.events,
            body: .endless(end: { events.end() }) { write in
                guard limiter.enter("streams", limit: limits.streamsMax) else { return }
                defer { limiter.leave("streams") }
                guard limiter.enter(own, limit: limits.streamsPerTokenMax) else { return }
                defer { limiter.leave(own) }
                // The heartbeat only wakes the reader, so that one task alone writes.
                let heartbeat = Task {
                    while !Task.isCancelled {
                        try await Task.sleep(for: limits.heartbeat)
                        events.wake()
                    }
                }
                defer { heartbeat.cancel() }
                try await write(ByteBuffer(string: ": peernode events\n\n"))
                for await batch in events {
                    var text = batch.isEmpty ? ": alive\n\n" : ""
                    for event in batch {
                        text += "id: \(event.id)\nevent: \(event.type.rawValue)\ndata: "
                        text += String(decoding: event.json(), as: UTF8.self) + "\n\n"
                    }
                    try await write(ByteBuffer(string: text))
                }
            })
    }

    /// Whether there is room for one more stream; E605 if not.
    static func room(_ server: ServerContext, _ caller: Caller) -> Problem? {
        let own = server.limiter.occupied("streams/" + caller.account)
        if server.limiter.occupied("streams") >= server.limits.streamsMax
            || own >= server.limits.streamsPerTokenMax
        {
            return Problem(
                .rate,
                "too many event streams are open: \(own) of this token, at most "
                    + "\(server.limits.streamsPerTokenMax), \(server.limits.streamsMax) in all",
                retryAfterSeconds: 10)
        }
        return nil
    }
}
