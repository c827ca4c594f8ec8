import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes

/// HTTP/1.1 as the library has it, behind a guard against slow clients.
struct GuardedHTTP1: ServerChildChannel {
    typealias Value = HTTP1Channel.Value

    let http: HTTP1Channel
    let limits: APILimits
    let registry: ConnectionRegistry

    init(
        limits: APILimits, registry: ConnectionRegistry,
        responder: @escaping HTTPChannelHandler.Responder
    ) {
        self.limits = limits
        self.registry = registry
        var decoder = HTTP1Channel.Configuration.DecoderConfiguration()
        // A little more than we allow, so that most oversized heads get a proper answer instead of a closed door.
        decoder.maxHeaderListSize = 2 * limits.headerBytesMax
        decoder.maxHeaderFieldSize = 2 * limits.headerBytesMax
        http = HTTP1Channel(
            responder: responder,
            configuration: .init(
                additionalChannelHandlers: [HeadWatcher()],
                idleTimeout: .nanoseconds(ConnectionGuard.nanoseconds(limits.idleTime)),
                httpDecoderConfiguration: decoder))
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        registry.add(channel)
        do {
            try channel.pipeline.syncOperations.addHandler(ConnectionGuard(limits: limits))
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
        return http.setup(channel: channel, logger: logger)
    }

    func handle(value: Value, logger: Logger) async {
        await http.handle(value: value, logger: logger)
    }
}

/// Closes connections whose client is too slow: a head must come within `headerTime` of its first byte, a body must
/// not stall for `bodyStall` while we want it, and an answer must be taken as fast.
///
/// Lives on the connection's event loop.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    /// What the next bytes belong to.
    private enum Expectation {
        case head
        case body
        case nothing
    }

    private let headerTime: TimeAmount
    private let stallTime: TimeAmount
    private var expectation = Expectation.head
    private var reading: Scheduled<Void>?
    private var writing: Scheduled<Void>?
    private var isInputClosed = false
    private var endsWithInput = false

    init(limits: APILimits) {
        headerTime = .nanoseconds(ConnectionGuard.nanoseconds(limits.headerTime))
        stallTime = .nanoseconds(ConnectionGuard.nanoseconds(limits.bodyStall))
    }

    static func nanoseconds(_ duration: Duration) -> Int64 {
        let (seconds, atto) = duration.components
        return seconds * 1_000_000_000 + atto / 1_000_000_000
    }

    /// A head is complete; its body follows.
    func headCame() {
        reading?.cancel()
        reading = nil
        expectation = .body
    }

    /// A request is complete; the next bytes begin another.
    func requestEnded() {
        reading?.cancel()
        reading = nil
        expectation = .head
    }

    /// From now on an answer is written that has no end: with the client gone, nobody else would notice.
    func endWithInput(_ channel: any Channel) {
        endsWithInput = true
        if isInputClosed { channel.close(promise: nil) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            isInputClosed = true
            if endsWithInput { context.close(promise: nil) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if expectation == .body {
            reading?.cancel()
            reading = nil
        } else if reading == nil {
            reading = closing(context, after: headerTime)
        }
        context.fireChannelRead(data)
    }

    /// The server wants more. Only then a silent client is at fault.
    func read(context: ChannelHandlerContext) {
        if expectation == .body && reading == nil { reading = closing(context, after: stallTime) }
        context.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            writing?.cancel()
            writing = nil
        } else if writing == nil {
            writing = closing(context, after: stallTime)
        }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        stop()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { stop() }

    private func stop() {
        reading?.cancel()
        writing?.cancel()
        reading = nil
        writing = nil
        expectation = .nothing
    }

    private func closing(_ context: ChannelHandlerContext, after time: TimeAmount) -> Scheduled<
        Void
    > {
        let channel = context.channel
        return context.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
    }
}

/// Tells the guard where requests begin and end.
final class HeadWatcher: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart

    private var watched: ConnectionGuard?

    func handlerAdded(context: ChannelHandlerContext) {
        watched = try? context.pipeline.syncOperations.handler(type: ConnectionGuard.self)
    }

    func handlerRemoved(context: ChannelHandlerContext) { watched = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: watched?.headCame()
        case .body: break
        case .end: watched?.requestEnded()
        }
        context.fireChannelRead(data)
    }
}

@available(*, unavailable)
extension ConnectionGuard: Sendable {}
@available(*, unavailable)
extension HeadWatcher: Sendable {}
