import Basis
import Glibc

/// A thread of ours that runs one closure from beginning to end. Joined once.
///
/// `@unchecked Sendable`: `handle` is written before `init` returns and never again.
final class WorkerThread: @unchecked Sendable {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private var handle = pthread_t()

    /// Starts the thread. `name` has at most 15 bytes, as the kernel keeps no more.
    init(name: String, _ run: @escaping @Sendable () -> Void) {
        let body = Unmanaged.passRetained(
            Body {
                WorkerThread.nameThisThread(name)
                run()
            })
        let failed = pthread_create(
            &handle, nil,
            { argument in
                Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, body.toOpaque())
        invariant(failed == 0, "no thread for \(name): error \(failed)")
    }

    /// For `top -H` and debuggers. `pthread_setname_np` is hidden from Swift.
    private static func nameThisThread(_ name: String) {
        try? OpenFile("/proc/thread-self/comm", O_WRONLY).write(Array(name.utf8), at: 0)
    }

    var isCurrent: Bool { pthread_equal(pthread_self(), handle) != 0 }

    /// Waits for the end of the thread's closure.
    func join() {
        invariant(!isCurrent, "a thread waits for itself")
        pthread_join(handle, nil)
    }
}

/// One thread that runs closures in the order in which they came, so that long file work never blocks the loop.
///
/// `@unchecked Sendable`: the queue lives in a `Monitor`; `thread` is set in `init`.
public final class SerialThread: @unchecked Sendable {
    private struct State {
        var work: [@Sendable () -> Void] = []
        var isStopping = false
    }

    private let monitor = Monitor(State())
    private var thread: WorkerThread!

    public init(name: String) {
        let monitor = self.monitor
        thread = WorkerThread(name: name) {
            while true {
                let batch: [@Sendable () -> Void] = monitor.wait { state in
                    if !state.work.isEmpty {
                        defer { state.work = [] }
                        return .done(state.work)
                    }
                    return state.isStopping ? .done([]) : .again
                }
                if batch.isEmpty { return }
                for work in batch { work() }
            }
        }
    }

    /// Runs `work` after everything that was enqueued before. Nothing runs after `stop()`: false says so.
    @discardableResult
    public func enqueue(_ work: @escaping @Sendable () -> Void) -> Bool {
        let taken = monitor.withLock { state in
            if !state.isStopping { state.work.append(work) }
            return !state.isStopping
        }
        monitor.signal()
        return taken
    }

    /// Finishes what was enqueued and ends the thread. Called once, by its owner, from another thread.
    public func stop() {
        monitor.withLock { $0.isStopping = true }
        monitor.signal()
        thread.join()
    }
}
