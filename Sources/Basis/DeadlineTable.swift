/// The deadlines of one core: at most one per id, fired in (deadline, id) order (STYLE 1.3).
public struct DeadlineTable<ID: Comparable & Hashable & Sendable>: Sendable {
    // Inlinable, as its witnesses are called by maps that are specialised elsewhere.
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

    var order = SortedMap<Entry, Bool>()
    var byID: [ID: Instant] = [:]

    public init() {}

    /// When the earliest entry is due; nil if there is none. O(1).
    public var next: Instant? { order.firstKey?.at }
    public var count: Int { byID.count }

    public subscript(id: ID) -> Instant? { byID[id] }

    /// Sets or moves the deadline of `id`. O(log n).
    public mutating func set(_ id: ID, at: Instant) {
        let standing = byID.updateValue(at, forKey: id)
        if standing == at { return }
        if let standing { order.remove(Entry(at: standing, id: id)) }
        order.insert(true, for: Entry(at: at, id: id))
    }

    /// Sets the deadline unless one that is not later stands already.
    public mutating func setNoLater(_ id: ID, than at: Instant) {
        if let standing = byID[id], standing <= at { return }
        set(id, at: at)
    }

    @discardableResult
    public mutating func cancel(_ id: ID) -> Bool {
        guard let at = byID.removeValue(forKey: id) else { return false }
        order.remove(Entry(at: at, id: id))
        return true
    }

    /// Takes the earliest entry whose time has come, if any.
    public mutating func popDue(_ now: Instant) -> ID? {
        guard let first = order.firstKey, first.at <= now else { return nil }
        order.popFirst()
        byID[first.id] = nil
        return first.id
    }

    public mutating func removeAll() {
        order = SortedMap()
        byID = [:]
    }
}
