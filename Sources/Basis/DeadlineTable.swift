/// The deadlines of one core: at most one per id, fired in (deadline, id) order (STYLE 1.3).
///
/// A binary heap in which moved and cancelled deadlines stay until they reach the root: moving one, which cores do with
/// most inputs, is an append. The root itself always stands.
public struct DeadlineTable<ID: Comparable & Hashable & Sendable>: Sendable {
    // All of it is inlinable: what other modules specialise must be usable from where they are specialised in turn.
    @usableFromInline
    struct Entry: Comparable, Sendable {
        @usableFromInline let at: Instant
        @usableFromInline let id: ID

        @inlinable
        init(at: Instant, id: ID) {
            self.at = at
            self.id = id
        }

        @inlinable
        static func < (a: Entry, b: Entry) -> Bool { a.at != b.at ? a.at < b.at : a.id < b.id }
        @inlinable
        static func == (a: Entry, b: Entry) -> Bool { a.at == b.at && a.id == b.id }
    }

    /// An entry stands while `byID` says the same of its id.
    @usableFromInline var heap: [Entry] = []
    @usableFromInline var byID: [ID: Instant] = [:]

    @inlinable public init() {}

    /// When the earliest entry is due; nil if there is none. O(1).
    @inlinable public var next: Instant? { heap.first?.at }
    @inlinable public var count: Int { byID.count }

    @inlinable public subscript(id: ID) -> Instant? { byID[id] }

    /// Sets or moves the deadline of `id`. O(log n).
    @inlinable
    public mutating func set(_ id: ID, at: Instant) {
        let standing = byID.updateValue(at, forKey: id)
        if standing == at { return }
        push(Entry(at: at, id: id))
        if let standing { gone(from: standing) }
    }

    /// Sets the deadline unless one that is not later stands already.
    @inlinable
    public mutating func setNoLater(_ id: ID, than at: Instant) {
        if let standing = byID[id], standing <= at { return }
        set(id, at: at)
    }

    @discardableResult
    @inlinable
    public mutating func cancel(_ id: ID) -> Bool {
        guard let at = byID.removeValue(forKey: id) else { return false }
        gone(from: at)
        return true
    }

    /// Takes the earliest entry whose time has come, if any.
    @inlinable
    public mutating func popDue(_ now: Instant) -> ID? {
        guard let first = heap.first, first.at <= now else { return nil }
        byID[first.id] = nil
        popRoot()
        prune()
        return first.id
    }

    @inlinable
    public mutating func removeAll() {
        heap = []
        byID = [:]
    }

    // MARK: below their use

    /// A deadline at this time no longer stands: if it is the root, it goes now.
    @inlinable
    mutating func gone(from at: Instant) {
        if let first = heap.first, first.at == at { prune() }
        if heap.count > 2 * byID.count + 64 { compact() }
    }

    /// Removes what does not stand from the root.
    @inlinable
    mutating func prune() {
        while let first = heap.first, byID[first.id] != first.at { popRoot() }
    }

    /// Keeps what stands, once each: a sorted array is a heap.
    @inlinable
    mutating func compact() {
        var kept: [Entry] = []
        for entry in heap.sorted() where byID[entry.id] == entry.at && kept.last != entry { kept.append(entry) }
        heap = kept
    }

    @inlinable
    mutating func push(_ entry: Entry) {
        heap.append(entry)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if heap[parent] < entry { break }
            heap[child] = heap[parent]
            child = parent
        }
        heap[child] = entry
    }

    @inlinable
    mutating func popRoot() {
        let last = heap.removeLast()
        if heap.isEmpty { return }
        var parent = 0
        while true {
            var child = 2 * parent + 1
            if child >= heap.count { break }
            if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
            if last < heap[child] { break }
            heap[parent] = heap[child]
            parent = child
        }
        heap[parent] = last
    }
}
