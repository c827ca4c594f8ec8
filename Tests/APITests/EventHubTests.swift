import Testing

@testable import API

@Suite struct EventHubTests {
    private func hub(queue: Int = 8, ring: Int = 100) -> EventHub {
        var limits = EventHub.Limits()
        limits.queueMax = queue
        limits.ringMax = ring
        return EventHub(firstID: 50, limits: limits) { Timestamp(unixMilliseconds: 1_000) }
    }

    /// A reader that comes back with the last id it saw gets what followed, in order, each once.
    @Test func replayIsComplete() async {
        let hub = hub()
        for n in 0..<20 { hub.publish(.jobState, subject: "job_\(n)") }
        var seen: [Int64] = []
        var since: Int64 = 49
        while seen.count < 20 {
            // Each round reads one batch and goes away, as a cut connection does.
            var iterator = hub.subscribe(since: since).makeAsyncIterator()
            let events = await iterator.next() ?? []
            seen += events.prefix(3).map(\.id)
            since = seen.last ?? since
        }
        #expect(seen == Array(50..<70))
        #expect(hub.readerCount == 0)
    }

    /// A reader that is too far behind, in the ring or in its queue, is told `reset` once and goes on from there.
    @Test func lostReadersAreReset() async {
        let hub = hub(queue: 4, ring: 10)
        for n in 0..<30 { hub.publish(.jobState, subject: "job_\(n)") }
        #expect(hub.page(since: 60, types: nil, limit: 5) == nil)
        #expect(hub.page(since: 70, types: nil, limit: 5)?.map(\.id) == [71, 72, 73, 74, 75])
        #expect(hub.page(since: 5_000, types: nil, limit: 5) == nil)
        let old = hub.subscribe(since: 3)
        var iterator = old.makeAsyncIterator()
        #expect(await iterator.next()?.map(\.type) == [.reset])
        for n in 0..<5 { hub.publish(.jobProgress, subject: "job_\(n)") }
        let reset = await iterator.next() ?? []
        #expect(reset.map(\.type) == [.reset])
        #expect(reset.first?.id == hub.newestID)
        hub.publish(.peerUp, subject: "peer_a")
        #expect(await iterator.next()?.map(\.subject) == ["peer_a"])
    }

    /// A reader gets only the types it asked for, wakes when one comes, and ends with the hub.
    @Test func readersWakeAndEnd() async {
        let hub = hub()
        let stream = hub.subscribe(types: [.peerUp])
        async let first: [EventDocument]? = {
            var iterator = stream.makeAsyncIterator()
            return await iterator.next()
        }()
        hub.publish(.peerDown, subject: "x")
        hub.publish(.peerUp, subject: "y")
        #expect(await first?.map(\.subject) == ["y"])
        let waiting = Task { () -> [EventDocument]? in
            var iterator = stream.makeAsyncIterator()
            return await iterator.next()
        }
        hub.close()
        #expect(await waiting.value == nil)
    }

    /// Cancelling a reader's task ends its wait.
    @Test func cancellingEnds() async {
        let hub = hub()
        let stream = hub.subscribe()
        let waiting = Task { () -> [EventDocument]? in
            var iterator = stream.makeAsyncIterator()
            return await iterator.next()
        }
        waiting.cancel()
        #expect(await waiting.value == nil)
    }
}
