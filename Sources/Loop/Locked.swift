import Glibc

/// A value that several threads share, behind one pthread mutex.
///
/// Not `Synchronization.Mutex`, because ThreadSanitizer reports false races for it on Linux (STYLE 6.5). The lock is
/// held only while `body` runs; `body` must not wait for another thread and must not lock the same value again.
public final class Locked<Value: Sendable>: @unchecked Sendable {
    // The mutex owns `value`. It lives at a fixed address, as pthreads demands.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var value: Value

    public init(_ value: Value) {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        self.value = value
        pthread_mutex_init(mutex, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Runs `body` alone on the value and returns what it returns.
    public func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }

    /// A copy of the value as it is now.
    public var current: Value { withLock { $0 } }
}
