import Basis
import NIOConcurrencyHelpers

/// Spreads events to readers (`surfaces.md` 4.6).
///
/// The problem: readers are slow or come back after a break, the node must not wait for them, and nothing may be lost
/// silently. The idea: a ring of the newest events and a bounded queue per reader; who falls out of either is told
/// `reset` once and reads state anew. It does not decide what is an event, nor thin out frequent ones.
///
/// A class because publishers and readers share it; a lock guards its state.
public final class EventHub: Sendable {
    /// Quantities of `surfaces.md` 4.1 and 4.6.
    public struct Limits: Sendable {
        /// Events kept for readers that come back: 65,536 of some 300 bytes, about 20 MiB.
        public var ringMax = 65_536
        /// How long they are kept.
        public var ringMilliseconds: Int64 = 24 * 3_600_000
        /// Events waiting for one reader; one more, and it gets `reset` instead of them.
        public var queueMax = 1_024

        public init() {}
    }

    private struct State {
        var nextID: Int64
        /// The oldest first; begins at `start`.
        var ring: [EventDocument] = []
        var start = 0
        var readers: [Int: Reader] = [:]
        var nextReader = 0
        var isClosed = false
    }

    private struct Reader {
        var types: Set<EventType>?
        var subject: String?
        var queue: [EventDocument] = []
        /// The queue's limit now: what was replayed at the beginning comes on top.
        var queueMax: Int
        var isLost = false
        var waiting: CheckedContinuation<[EventDocument]?, Never>?
    }

    private let limits: Limits
    private let now: @Sendable () -> Timestamp
    private let firstID: Int64
    private let state: NIOLockedValueBox<State>

    /// - Parameters:
    ///   - firstID: the id of the first event, above every id of earlier runs of this home.
    ///   - now: the wall clock.
    public init(firstID: Int64, limits: Limits = Limits(), now: @escaping @Sendable () -> Timestamp)
    {
        self.limits = limits
        self.now = now
        self.firstID = firstID
        state = NIOLockedValueBox(State(nextID: firstID))
    }

    /// Gives the event its id and hands it to all readers. Never waits.
    @discardableResult
    public func publish(
        _ type: EventType, subject: String, height: UInt64? = nil, data: JSONValue = .object([:])
    ) -> EventDocument {
        let at = now()
        var awake: [(CheckedContinuation<[EventDocument]?, Never>, [EventDocument])] = []
        let event = state.withLockedValue { state in
            let event = EventDocument(
                id: state.nextID, type: type, at: at, subject: subject, height: height, data: data)
            state.nextID += 1
            state.ring.append(event)
            trim(&state, at)
            for key in state.readers.keys { offer(event, to: key, in: &state, awake: &awake) }
            return event
        }
        for (continuation, events) in awake { continuation.resume(returning: events) }
        return event
    }

    private func offer(
        _ event: EventDocument, to key: Int, in state: inout State,
        awake: inout [(CheckedContinuation<[EventDocument]?, Never>, [EventDocument])]
    ) {
        guard var reader = state.readers.removeValue(forKey: key) else { return }
        defer { state.readers[key] = reader }
        guard wants(event, reader.types, reader.subject) else { return }
        if let waiting = reader.waiting {
            reader.waiting = nil
            awake.append((waiting, [event]))
        } else if reader.queue.count >= reader.queueMax {
            reader.queue = []
            reader.isLost = true
        } else if !reader.isLost {
            reader.queue.append(event)
        }
    }

    private func wants(_ event: EventDocument, _ types: Set<EventType>?, _ subject: String?) -> Bool
    {
        (types?.contains(event.type) ?? true) && (subject.map { $0 == event.subject } ?? true)
    }

    private func trim(_ state: inout State, _ at: Timestamp) {
        let oldest = at.unixMilliseconds - limits.ringMilliseconds
        while state.ring.count - state.start > limits.ringMax
            || (state.start < state.ring.count
                && state.ring[state.start].at.unixMilliseconds < oldest)
        {
            state.start += 1
        }
        // Moving the rest costs as much as the dropped part held, so each event is moved once on average.
        if state.start > state.ring.count / 2 {
            state.ring.removeFirst(state.start)
            state.start = 0
        }
    }

    /// The newest id; one below the first before any event.
    public var newestID: Int64 { state.withLockedValue { $0.nextID - 1 } }

    /// Events after `since`, oldest first, at most `limit` of the wanted types.
    ///
    /// - Returns: nil if events after `since` are no longer here: the reader must read state anew.
    public func page(since: Int64, types: Set<EventType>?, limit: Int) -> [EventDocument]? {
        state.withLockedValue { state in
            guard covers(since, state) else { return nil }
            return Array(
                state.ring[state.start...].lazy.filter { event in
                    event.id > since && self.wants(event, types, nil)
                }.prefix(limit))
        }
    }

    private func covers(_ since: Int64, _ state: State) -> Bool {
        if since >= state.nextID { return false }
        return since >= oldest(state) - 1
    }

    private func oldest(_ state: State) -> Int64 {
        state.start < state.ring.count ? state.ring[state.start].id : state.nextID
    }

    /// The id of the oldest event that is still here; the next id if there is none.
    public var oldestID: Int64 { state.withLockedValue { oldest($0) } }

    /// What a reader gets instead of events that are no longer here.
    public func resetEvent() -> EventDocument { reset(before: newestID + 1) }

    /// A reader of events after `since`; nil: from now on. The first event is `reset` if some are no longer here.
    ///
    /// - Parameter subject: only events about it, and resets.
    public func subscribe(
        since: Int64? = nil, types: Set<EventType>? = nil, subject: String? = nil
    ) -> EventStream {
        let key = state.withLockedValue { state in
            let key = state.nextReader
            state.nextReader += 1
            var reader = Reader(types: types, subject: subject, queueMax: limits.queueMax)
            if let since {
                if covers(since, state) {
                    reader.queue = state.ring[state.start...].filter { event in
                        event.id > since && self.wants(event, types, subject)
                    }
                    reader.queueMax += reader.queue.count
                } else {
                    reader.isLost = true
                }
            }
            state.readers[key] = reader
            return key
        }
        return EventStream(hub: self, key: key)
    }

    /// Ends all readers; what is published later reaches nobody.
    public func close() {
        let waiting = state.withLockedValue { state in
            state.isClosed = true
            let waiting = state.readers.values.compactMap(\.waiting)
            for key in state.readers.keys { state.readers[key]?.waiting = nil }
            return waiting
        }
        for continuation in waiting { continuation.resume(returning: nil) }
    }

    /// The next events of a reader; nil when it is closed or the hub is. One call at a time.
    fileprivate func next(_ key: Int) async -> [EventDocument]? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let ready: [EventDocument]?? = state.withLockedValue { state in
                    if state.isClosed || Task.isCancelled { return .some(nil) }
                    guard var reader = state.readers.removeValue(forKey: key) else {
                        return .some(nil)
                    }
                    defer { state.readers[key] = reader }
                    if reader.isLost {
                        reader.isLost = false
                        reader.queue = []
                        return [reset(before: state.nextID)]
                    }
                    if !reader.queue.isEmpty {
                        let events = reader.queue
                        reader.queue = []
                        reader.queueMax = limits.queueMax
                        return events
                    }
                    invariant(reader.waiting == nil, "two calls of next of one reader")
                    reader.waiting = continuation
                    return nil
                }
                if let ready { continuation.resume(returning: ready) }
            }
        } onCancel: {
            unsubscribe(key)
        }
    }

    /// Carries the newest id, so that a reader that comes back goes on from there.
    private func reset(before nextID: Int64) -> EventDocument {
        EventDocument(
            id: nextID - 1, type: .reset, at: now(), subject: "events", data: .object([:]))
    }

    fileprivate func unsubscribe(_ key: Int) {
        let waiting = state.withLockedValue { $0.readers.removeValue(forKey: key)?.waiting }
        waiting?.resume(returning: nil)
    }

    /// Lets a waiting reader go on with no event, so that it can write a sign of life.
    fileprivate func wake(_ key: Int) {
        let waiting = state.withLockedValue { state in
            let waiting = state.readers[key]?.waiting
            state.readers[key]?.waiting = nil
            return waiting
        }
        waiting?.resume(returning: [])
    }

    /// Readers now, for the metrics.
    public var readerCount: Int { state.withLockedValue { $0.readers.count } }
}

/// One reader's events, in order, each once; `reset` where some were lost. Ends when the task is cancelled or the hub
/// closes.
///
/// A class so that the reader is removed from the hub when nobody holds it any more.
public final class EventStream: AsyncSequence, Sendable {
    public typealias Element = [EventDocument]
    private let hub: EventHub
    private let key: Int

    fileprivate init(hub: EventHub, key: Int) {
        self.hub = hub
        self.key = key
    }

    deinit { hub.unsubscribe(key) }

    public func makeAsyncIterator() -> Iterator { Iterator(stream: self) }

    /// Ends the stream: `next` returns nil from now on.
    public func end() { hub.unsubscribe(key) }

    /// Makes a waiting reader's `next` return an empty element.
    public func wake() { hub.wake(key) }

    /// Gives all events that are there as one element; it is empty only after `wake`.
    public struct Iterator: AsyncIteratorProtocol {
        let stream: EventStream
        public mutating func next() async -> [EventDocument]? { await stream.hub.next(stream.key) }
    }
}
