import Basis

/// Clients that wait for the next change of anything.
struct ChangeWaiters {
    private var waiting = SortedMap<UInt64, CheckedContinuation<Void, Never>>()
    private var deadlines = DeadlineTable<UInt64>()
    private var last: UInt64 = 0
    /// How often something changed: whoever read before the number moved must read again.
    private(set) var count: UInt64 = 0

    var nextDeadline: Basis.Instant? { deadlines.next }

    mutating func add(_ continuation: CheckedContinuation<Void, Never>, _ deadline: Basis.Instant) {
        last += 1
        waiting[last] = continuation
        deadlines.set(last, at: deadline)
    }

    mutating func wakeAll() {
        count += 1
        let all = waiting.values
        waiting = SortedMap()
        deadlines.removeAll()
        for continuation in all { continuation.resume() }
    }

    mutating func expire(_ now: Basis.Instant) {
        while let id = deadlines.popDue(now) { waiting.remove(id)?.resume() }
    }
}
