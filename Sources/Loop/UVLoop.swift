// The loop: one thread that owns everything networky, as an actor executor.
//
// Problem: sockets, processes and timers of libuv may be touched by one thread only, and protocol state wants the same
// thread, so that a packet is handled without a hop (D7). Idea: the loop's thread is a `SerialExecutor`. An actor whose
// executor it is lives on that thread; a C callback enters it with `assumeIsolated`; code elsewhere writes `await`.
// What it does not do: signals (one side of the program owns them, and it is not this one), and work that takes long.

public import Basis
public import CLibuv
import Glibc

/// A libuv loop on a thread of its own, which runs the jobs of the actors that name it as their executor.
///
/// ```swift
/// actor Node {
///     nonisolated let loop: UVLoop
///     nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
/// }
/// ```
/// Crossing to the loop from another thread costs a wake-up (7–45 µs), so cross in batches.
public final class UVLoop: SerialExecutor, @unchecked Sendable {
    // `handle`, `async` and `isStopping` belong to the loop's thread, everything in `inbox` to its lock.

    /// The C loop, for the wrappers of handles. Only the loop's thread may use it.
    public let handle: UnsafeMutablePointer<uv_loop_t>
    /// Whether `stop()` has begun: no handle is opened any more. Read on the loop's thread.
    public private(set) var isStopping = false

    private enum Work: Sendable {
        case job(UnownedJob)
        case call(@Sendable () -> Void)
    }
    private struct Inbox: Sendable {
        var work: [Work] = []
        /// Somebody has already asked the thread to look; one wake-up serves all.
        var isSignalled = false
        /// The libuv loop is gone; `async` must not be touched.
        var isClosed = false
        /// A thread for late jobs is running.
        var hasLateThread = false
    }
    private let inbox = Locked(Inbox())
    private let async: UnsafeMutablePointer<uv_async_t>
    private let doneSignal = DoneSignal()

    /// Rounds of jobs before sockets and timers get their turn; jobs that beget jobs cannot starve the network.
    private static let roundsMax = 16

    /// Starts the thread. `name` (at most 15 bytes are kept) is what `top -H` shows.
    public init(name: String = "peernode-loop") throws(UVError) {
        handle = .allocate(capacity: 1)
        async = .allocate(capacity: 1)
        let made = uv_loop_init(handle)
        if made < 0 {
            handle.deallocate()
            async.deallocate()
            throw UVError("make an event loop", code: made)
        }
        let woken = uv_async_init(handle, async) { pointer in UVLoop.woken(pointer) }
        invariant(woken == 0, "uv_async_init answered \(woken)")
        async.pointee.data = Unmanaged.passUnretained(self).toOpaque()
        UVLoop.spawn(name, Unmanaged.passRetained(self)) { $0.run() }
    }

    deinit {
        handle.deallocate()
        async.deallocate()
    }

    /// The monotonic clock. Any thread.
    public var now: Instant { Instant(nanoseconds: Int64(clamping: uv_hrtime())) }

    /// Whether the caller runs on this loop's thread. Any thread.
    public var isOnLoop: Bool {
        pthread_getspecific(UVLoop.key) == Unmanaged.passUnretained(self).toOpaque()
    }

    // MARK: the executor

    public func enqueue(_ job: consuming ExecutorJob) { add(.job(UnownedJob(job))) }
    public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        UnownedSerialExecutor(ordinary: self)
    }
    public func checkIsolated() {
        invariant(isOnLoop, "code of the loop runs on another thread")
    }
    public func isIsolatingCurrentContext() -> Bool? { isOnLoop }

    /// Runs `body` on the loop's thread, after everything posted before. Any thread; about 60 ns, plus a wake-up if
    /// the loop sleeps.
    public func post(_ body: @escaping @Sendable () -> Void) { add(.call(body)) }

    /// Ends the loop in order: jobs that wait are run, every open handle is closed, the thread ends. Returns at once;
    /// any thread, any number of times. Jobs that arrive later still run, one at a time, on a thread made for them, so
    /// that nobody waits for ever; they can open no handle.
    public func stop() {
        post { [self] in
            if isStopping { return }
            isStopping = true
            // With the wake-up handle set aside, uv_run returns when the last other handle has closed.
            uv_unref(UnsafeMutableRawPointer(async).assumingMemoryBound(to: uv_handle_t.self))
            uv_walk(handle, { pointer, own in
                if UnsafeMutableRawPointer(pointer) != own { UVHandle.owner(pointer).close() }
            }, async)
        }
    }

    /// Waits until the thread has ended after `stop()`. Not on the loop itself.
    public func join() {
        invariant(!isOnLoop, "the loop waits for itself")
        doneSignal.wait()
    }

    // MARK: below their use

    private func add(_ work: Work) {
        let needsThread = inbox.withLock { box -> Bool in
            box.work.append(work)
            if box.isClosed {
                if box.hasLateThread { return false }
                box.hasLateThread = true
                return true
            }
            if !box.isSignalled {
                box.isSignalled = true
                uv_async_send(async)
            }
            return false
        }
        if needsThread { UVLoop.spawn("peernode-late", Unmanaged.passRetained(self)) { $0.runLate() } }
    }

    private func run() {
        UVLoop.enter(self)
        uv_run(handle, UV_RUN_DEFAULT)
        // Closing may have made new jobs, and those may wait for requests; go on until neither is left.
        while true {
            drain()
            if uv_run(handle, UV_RUN_NOWAIT) != 0 {
                uv_run(handle, UV_RUN_ONCE)
                continue
            }
            let isEmpty = inbox.withLock { box in
                box.isClosed = box.work.isEmpty
                return box.isClosed
            }
            if isEmpty { break }
        }
        uv_close(UnsafeMutableRawPointer(async).assumingMemoryBound(to: uv_handle_t.self), nil)
        uv_run(handle, UV_RUN_DEFAULT)
        let closed = uv_loop_close(handle)
        invariant(closed == 0, "uv_loop_close answered \(closed)")
        pthread_setspecific(UVLoop.key, nil)
        doneSignal.signal()
    }

    private func runLate() {
        doneSignal.wait()
        UVLoop.enter(self)
        while true {
            let works = inbox.withLock { box in
                defer { box.work = [] }
                box.hasLateThread = !box.work.isEmpty
                return box.work
            }
            if works.isEmpty { break }
            for work in works { perform(work) }
        }
        pthread_setspecific(UVLoop.key, nil)
    }

    private func drain() {
        for _ in 0..<UVLoop.roundsMax {
            let works = inbox.withLock { box in
                defer { box.work = [] }
                box.isSignalled = !box.work.isEmpty
                return box.work
            }
            if works.isEmpty { return }
            for work in works { perform(work) }
        }
        inbox.withLock { box in
            box.isSignalled = true
            uv_async_send(async)
        }
    }

    private func perform(_ work: Work) {
        switch work {
        case .job(let job): job.runSynchronously(on: asUnownedSerialExecutor())
        case .call(let body): body()
        }
    }

    private static func woken(_ pointer: UnsafeMutablePointer<uv_async_t>?) {
        guard let data = pointer?.pointee.data else { unreachable("a loop without its owner") }
        Unmanaged<UVLoop>.fromOpaque(data).takeUnretainedValue().drain()
    }

    // MARK: threads

    /// Which loop the current thread runs. Thread-local, so asking is free of races.
    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        let result = pthread_key_create(&key, nil)
        invariant(result == 0, "pthread_key_create answered \(result)")
        return key
    }()

    private static func enter(_ loop: UVLoop) {
        pthread_setspecific(key, Unmanaged.passUnretained(loop).toOpaque())
    }

    private final class Start {
        let name: String
        let loop: Unmanaged<UVLoop>
        let body: @Sendable (UVLoop) -> Void
        init(_ name: String, _ loop: Unmanaged<UVLoop>, _ body: @escaping @Sendable (UVLoop) -> Void) {
            self.name = name
            self.loop = loop
            self.body = body
        }
    }

    /// A detached thread that runs `body`. Signals are not its business: all are blocked, but for SIGCHLD, by which
    /// libuv learns of ended children wherever the other threads block it, and those that a fault raises.
    private static func spawn(
        _ name: String, _ loop: Unmanaged<UVLoop>, _ body: @escaping @Sendable (UVLoop) -> Void
    ) {
        var blocked = sigset_t()
        var before = sigset_t()
        sigfillset(&blocked)
        for signal in [SIGCHLD, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS] {
            sigdelset(&blocked, signal)
        }
        pthread_sigmask(SIG_SETMASK, &blocked, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var thread = pthread_t()
        let start = Unmanaged.passRetained(Start(name, loop, body)).toOpaque()
        let result = pthread_create(&thread, nil, { raw in UVLoop.begin(raw) }, start)
        invariant(result == 0, "no thread for the loop: error \(result)")
        pthread_detach(thread)
    }

    private static func begin(_ raw: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        guard let raw else { unreachable("a thread without its start") }
        let start = Unmanaged<Start>.fromOpaque(raw).takeRetainedValue()
        setName(start.name)
        let loop = start.loop.takeRetainedValue()
        start.body(loop)
        return nil
    }

    /// Names the current thread. (`pthread_setname_np` is hidden from Swift behind a feature macro.)
    private static func setName(_ name: String) {
        let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        if file < 0 { return }
        let bytes = Array(name.utf8.prefix(15))
        _ = write(file, bytes, bytes.count)
        close(file)
    }
}

/// A door that opens once.
final class DoneSignal: @unchecked Sendable {
    // `mutex` owns `isOpen`.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var isOpen = false

    init() {
        mutex.initialize(to: pthread_mutex_t())
        condition.initialize(to: pthread_cond_t())
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func signal() {
        pthread_mutex_lock(mutex)
        isOpen = true
        pthread_cond_broadcast(condition)
        pthread_mutex_unlock(mutex)
    }

    func wait() {
        pthread_mutex_lock(mutex)
        while !isOpen { pthread_cond_wait(condition, mutex) }
        pthread_mutex_unlock(mutex)
    }
}
