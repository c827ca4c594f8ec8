/// The last `capacity` values that were put in: a bounded memory of what was verified already.
struct RecentSet<Element: Hashable & Sendable>: Sendable {
    private var ring: [Element] = []
    private var next = 0
    private var members: Set<Element> = []
    let capacity: Int

    init(capacity: Int) { self.capacity = capacity }

    func contains(_ element: Element) -> Bool { members.contains(element) }

    mutating func insert(_ element: Element) {
        guard members.insert(element).inserted else { return }
        if ring.count < capacity {
            ring.append(element)
        } else {
            members.remove(ring[next])
            ring[next] = element
            next = (next + 1) % capacity
        }
    }
}

/// The last `capacity` values by key; the oldest is forgotten first.
struct RecentMap<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private var ring: [Key] = []
    private var next = 0
    private var values: [Key: Value] = [:]
    let capacity: Int

    init(capacity: Int) { self.capacity = capacity }

    subscript(key: Key) -> Value? { values[key] }

    mutating func insert(_ value: Value, for key: Key) {
        if values.updateValue(value, forKey: key) != nil { return }
        if ring.count < capacity {
            ring.append(key)
        } else {
            values[ring[next]] = nil
            ring[next] = key
            next = (next + 1) % capacity
        }
    }
}
