public import Basis
import CLibuv

/// One timer on the loop: rings once, or again and again.
///
/// Milliseconds are libuv's grain. Times are rounded up, and `arm(at:)` never rings before its instant, so that a core
/// that is called by it always finds something due.
public final class UVTimer: UVHandle {
    private var ring: (() -> Void)?
    private var deadline: Instant?

    /// A timer at rest. `ring` runs on the loop's thread; it is dropped when the timer closes.
    public init(_ loop: UVLoop, ring: @escaping () -> Void) throws(UVError) {
        try super.init(loop, UV_TIMER, attempt: "make a timer") { loop, memory in
            uv_timer_init(loop, memory.assumingMemoryBound(to: uv_timer_t.self))
        }
        self.ring = ring
    }

    /// Rings after `delay`, and from then on every `interval` if one is given. Replaces what was set before.
    public func start(after delay: Interval, every interval: Interval? = nil) {
        deadline = nil
        set(delay, interval)
    }

    /// Rings once at `instant`, at once if that has passed; `nil` rests. Replaces what was set before.
    public func arm(at instant: Instant?) {
        guard let instant, instant < .distantFuture else { return stop() }
        deadline = instant
        set(max(.zero, instant - loop.now), nil)
    }

    /// Rests until it is set again.
    public func stop() {
        deadline = nil
        if isOpen { uv_timer_stop(structure(uv_timer_t.self)) }
    }

    public override func didClose() { ring = nil }

    private func set(_ delay: Interval, _ interval: Interval?) {
        if !isOpen { return }
        uv_update_time(loop.handle)
        let result = uv_timer_start(
            structure(uv_timer_t.self), { UVTimer.fired($0) }, UVTimer.milliseconds(delay),
            interval.map { max(1, UVTimer.milliseconds($0)) } ?? 0)
        invariant(result == 0, "uv_timer_start answered \(result)")
    }

    private static func milliseconds(_ interval: Interval) -> UInt64 {
        interval.nanoseconds <= 0 ? 0 : UInt64((interval.nanoseconds - 1) / 1_000_000 + 1)
    }

    private static func fired(_ pointer: UnsafeMutablePointer<uv_timer_t>?) {
        guard let data = pointer?.pointee.data else { unreachable("a timer without its owner") }
        let timer = Unmanaged<UVTimer>.fromOpaque(data).takeUnretainedValue()
        if let deadline = timer.deadline {
            // libuv's clock is cached and in milliseconds: it may be a moment early.
            if timer.loop.now < deadline { return timer.arm(at: deadline) }
            timer.deadline = nil
        }
        timer.ring?()
    }
}
