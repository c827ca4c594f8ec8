import Basis
import Glibc

/// State that several threads share, with a condition to wait on it. Plain pthreads, since ThreadSanitizer reports
/// false races for `Synchronization.Mutex` on Linux (STYLE 6.5).
///
/// `@unchecked Sendable`: `state` is touched only while the mutex is held.
final class Monitor<State>: @unchecked Sendable {
    /// What a waiting thread found.
    enum Waiting<R> {
        case done(R)
        /// Look again after the next `signal()`.
        case again
        /// Look again after the next `signal()`, or when the monotonic clock reaches this many nanoseconds.
        case until(UInt64)
    }

    private var state: State
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init(_ state: State) {
        self.state = state
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func withLock<R, E: Error>(_ body: (inout State) throws(E) -> R) throws(E) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&state)
    }

    /// Wakes all waiting threads, so that they look again.
    func signal() { pthread_cond_broadcast(condition) }

    /// Runs `look` under the lock until it is done; sleeps in between.
    func wait<R>(_ look: (inout State) -> Waiting<R>) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            switch look(&state) {
            case .done(let result): return result
            case .again: pthread_cond_wait(condition, mutex)
            case .until(let deadline):
                var moment = timespec(
                    tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
                pthread_cond_timedwait(condition, mutex, &moment)
            }
        }
    }
}

/// The clocks of this shell.
enum Clock {
    /// Monotonic nanoseconds.
    static func monotonicNanoseconds() -> UInt64 { read(CLOCK_MONOTONIC) }
    /// Milliseconds since 1970.
    static func wallMilliseconds() -> UInt64 { read(CLOCK_REALTIME) / 1_000_000 }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var now = timespec()
        clock_gettime(clock, &now)
        return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
    }
}
