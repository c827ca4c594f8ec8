import Dispatch
import Foundation
import Glibc

/// Signals of this process as values, so that no code runs in a handler.
///
/// One object per signal number at a time: when one of two sources of a signal ends, libdispatch stops hearing it for
/// the other too. Whoever listens takes a `stream` of its own.
///
/// A class, unchecked: sources of libdispatch may be cancelled from any thread; the listeners stand behind a lock.
final class Signals: @unchecked Sendable {
    private var sources: [any DispatchSourceSignal] = []
    private let lock = NSLock()
    private var listeners: [Int: AsyncStream<Int32>.Continuation] = [:]
    private var lastListener = 0

    init(_ numbers: [Int32]) {
        for number in numbers {
            // The default would end the process before the source hears of it.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { [weak self] in self?.tell(number) }
            source.resume()
            sources.append(source)
        }
    }

    deinit { for source in sources { source.cancel() } }

    /// What comes from now on. It ends with the task that reads it.
    var stream: AsyncStream<Int32> {
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        let number = lock.withLock {
            lastListener += 1
            listeners[lastListener] = continuation
            return lastListener
        }
        continuation.onTermination = { [weak self] _ in
            guard let self else { return }
            self.lock.withLock { self.listeners[number] = nil }
        }
        return stream
    }

    private func tell(_ number: Int32) {
        let all = lock.withLock { Array(listeners.values) }
        for listener in all { listener.yield(number) }
    }
}
