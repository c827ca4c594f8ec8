import Dispatch
import Glibc

/// Signals of this process as values, so that no code runs in a handler.
///
/// A class, unchecked: sources of libdispatch may be cancelled from any thread; nothing else is kept.
final class Signals: @unchecked Sendable {
    private let sources: [any DispatchSourceSignal]
    let stream: AsyncStream<Int32>

    init(_ numbers: [Int32]) {
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        self.stream = stream
        sources = numbers.map { Signals.source($0, continuation) }
    }

    deinit { for source in sources { source.cancel() } }

    private static func source(
        _ number: Int32, _ continuation: AsyncStream<Int32>.Continuation
    ) -> any DispatchSourceSignal {
        // The default would end the process before the source hears of it.
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        let tell: @Sendable () -> Void = { continuation.yield(number) }
        source.setEventHandler(handler: tell)
        source.resume()
        return source
    }
}
