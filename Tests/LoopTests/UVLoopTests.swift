import Basis
import CLibuv
import Loop
import Testing

/// A counter that lives on a loop and notes every visit from a wrong thread.
actor Visitor {
    nonisolated let loop: UVLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private(set) var visits = 0
    private(set) var strays = 0
    private var timers: [UVTimer] = []

    init(_ loop: UVLoop) { self.loop = loop }

    func visit() {
        visits += 1
        if !loop.isOnLoop { strays += 1 }
    }

    func visit(through other: Visitor) async {
        visit()
        await other.visit()
        visit()
    }

    /// Sets a timer and returns when it has rung: the instants when it was set and when it rang.
    func ring(after delay: Interval) async throws -> (asked: Instant, rang: Instant) {
        let asked = loop.now + delay
        let rang = try await withCheckedThrowingContinuation { continuation in
            do throws(UVError) {
                let loop = loop
                let timer = try UVTimer(loop) { continuation.resume(returning: loop.now) }
                timer.arm(at: asked)
                timers.append(timer)
            } catch {
                continuation.resume(throwing: error)
            }
        }
        return (asked, rang)
    }

    func open() throws(UVError) { timers.append(try UVTimer(loop) {}) }
    func openCount() -> Int { timers.filter(\.isOpen).count }
    func closeAll() { for timer in timers { timer.close() } }

    func ringsOfRepeating(every interval: Interval, until count: Int) async throws -> Int {
        var rings = 0
        return try await withCheckedThrowingContinuation { continuation in
            do throws(UVError) {
                var timer: UVTimer?
                let made = try UVTimer(loop) {
                    rings += 1
                    if rings == count {
                        timer?.close()
                        timer = nil
                        continuation.resume(returning: rings)
                    }
                }
                timer = made
                made.start(after: .zero, every: interval)
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }
}

@Suite struct UVLoopTests {
    /// Actors of a loop run on its thread only, whatever thread calls them, and actors of two loops can call each
    /// other. Many tasks at once; each visit checks its thread.
    @Test func actorsRunOnTheirLoop() async throws {
        let loops = [try UVLoop(name: "one"), try UVLoop(name: "two")]
        let visitors = [Visitor(loops[0]), Visitor(loops[1]), Visitor(loops[0])]
        await withTaskGroup(of: Void.self) { group in
            for i in 0..<600 {
                group.addTask {
                    await visitors[i % 3].visit(through: visitors[(i + 1) % 3])
                }
            }
        }
        var visits = 0
        for visitor in visitors {
            visits += await visitor.visits
            #expect(await visitor.strays == 0)
        }
        #expect(visits == 1_800)
        for loop in loops {
            #expect(!loop.isOnLoop)
            loop.stop()
            loop.join()
        }
    }

    /// What is posted runs on the loop, in order, and `assumeIsolated` enters an actor of the loop from there, as a C
    /// callback does.
    @Test func postedCallsRunInOrder() async throws {
        let loop = try UVLoop()
        let visitor = Visitor(loop)
        let order = Locked<[Int]>([])
        await withCheckedContinuation { continuation in
            for i in 0..<100 {
                loop.post {
                    order.withLock { $0.append(i) }
                    visitor.assumeIsolated { $0.visit() }
                }
            }
            loop.post { continuation.resume() }
        }
        #expect(order.current == Array(0..<100))
        #expect(await visitor.visits == 100)
        #expect(await visitor.strays == 0)
        loop.stop()
        loop.join()
    }

    /// Jobs that beget jobs without end do not starve timers: a task hops to the loop for ever while a timer is set.
    @Test func jobsDoNotStarveTimers() async throws {
        let loop = try UVLoop()
        let busy = Visitor(loop)
        let other = Visitor(loop)
        let hopper = Task {
            while !Task.isCancelled {
                await busy.visit()
                await Task.yield()
            }
        }
        let poster = Locked(true)
        @Sendable func again() { if poster.current { loop.post { again() } } }
        again()
        let (asked, rang) = try await other.ring(after: .milliseconds(5))
        #expect(rang >= asked)
        hopper.cancel()
        poster.withLock { $0 = false }
        await hopper.value
        loop.stop()
        loop.join()
    }

    /// A timer armed for an instant rings at or after it, never before, also when the delay is no whole number of
    /// milliseconds; an instant that has passed rings at once.
    @Test func timersNeverRingEarly() async throws {
        let loop = try UVLoop()
        let visitor = Visitor(loop)
        for delay in [-5_000_000, 0, 1, 300_000, 1_000_000, 1_900_001, 4_123_456] as [Int64] {
            let (asked, rang) = try await visitor.ring(after: .nanoseconds(delay))
            #expect(rang >= asked, "delay \(delay)")
        }
        #expect(try await visitor.ringsOfRepeating(every: .milliseconds(1), until: 5) == 5)
        loop.stop()
        loop.join()
    }

    /// Stop closes what is open, runs what waits, and ends the thread; later handles are refused in words, later jobs
    /// still run, so a task that awaits a stopped actor comes back.
    @Test func stopIsOrderly() async throws {
        let loop = try UVLoop()
        let visitor = Visitor(loop)
        for _ in 0..<50 { try await visitor.open() }
        #expect(await visitor.openCount() == 50)
        let ran = Locked(0)
        for _ in 0..<20 { loop.post { ran.withLock { $0 += 1 } } }
        loop.stop()
        loop.post { ran.withLock { $0 += 1 } }
        loop.stop()
        loop.join()
        #expect(ran.current == 21)
        #expect(await visitor.openCount() == 0)
        await visitor.visit()
        #expect(await visitor.strays == 0)
        let error = await #expect(throws: UVError.self) { try await visitor.open() }
        #expect(error?.description == "cannot make a timer: operation canceled")
    }

    /// Handles closed by their owner free themselves: 300 loops' worth of timers, then uv_loop_close must find nothing
    /// (it would stop the process).
    @Test func closedHandlesLeaveNothing() async throws {
        for _ in 0..<20 {
            let loop = try UVLoop()
            let visitor = Visitor(loop)
            for _ in 0..<15 { try await visitor.open() }
            await visitor.closeAll()
            loop.stop()
            loop.join()
        }
    }

    /// Errors carry the system's words.
    @Test func errorsAreReadable() {
        let error = UVError("listen on port 7717", code: UV_EADDRINUSE.rawValue)
        #expect(error.description == "cannot listen on port 7717: address already in use")
        #expect(error.name == "EADDRINUSE")
        #expect(throws: UVError.self) { try UVError.check("x", -1) }
        #expect((try? UVError.check("x", 3)) == 3)
    }

    /// `Locked` lets one thread in at a time: 8 tasks add to one number.
    @Test func lockedCountsExactly() async {
        let count = Locked(0)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { for _ in 0..<2_000 { count.withLock { $0 += 1 } } } }
        }
        #expect(count.current == 16_000)
    }
}
