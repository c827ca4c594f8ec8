import Basis
import CLibuv
import Glibc
import Loop
import Records

/// One TCP connection on the loop: reads, writes, and a close that lets what was written leave.
///
/// A class: libuv comes back to it (see `UVHandle`).
final class StreamSocket: UVHandle {
    /// What it tells its owner. Nothing is told after `finish()` or `close()`.
    struct Events {
        var bytes: (_ bytes: [UInt8]) -> Void
        /// A write ended; so many bytes still wait in this process.
        var wrote: (_ queuedBytes: Int) -> Void
        /// End of file or an error; the socket is closed.
        var ended: () -> Void
    }

    var events: Events?
    private var closed: (() -> Void)?
    private var isFinishing = false
    private var linger: UVTimer?
    private let unsentBytesMax: Int32
    private var connectDone: ((Int32) -> Void)?
    private static let readBytes = 65_536
    private let buffer = UnsafeMutableRawPointer.allocate(byteCount: readBytes, alignment: 16)

    /// - Parameter closed: called once when the socket is gone for good.
    init(_ loop: UVLoop, limits: TransportLimits, closed: @escaping () -> Void) throws(UVError) {
        unsentBytesMax = limits.unsentBytesMax
        try super.init(loop, UV_TCP, attempt: "open a stream socket") { loop, memory in
            uv_tcp_init(loop, memory.assumingMemoryBound(to: uv_tcp_t.self))
        }
        self.closed = closed
    }

    deinit { buffer.deallocate() }

    var socket: UnsafeMutablePointer<uv_tcp_t> { structure(uv_tcp_t.self) }
    var stream: UnsafeMutablePointer<uv_stream_t> { structure(uv_stream_t.self) }

    /// Connects; `done` gets 0 or libuv's error, unless the socket is closed before.
    func connect(to address: SocketAddress, done: @escaping (Int32) -> Void) -> Int32 {
        connectDone = done
        let request = UnsafeMutablePointer<uv_connect_t>.allocate(capacity: 1)
        let code = SystemAddress(address).with {
            uv_tcp_connect(request, socket, $0) { StreamSocket.connected($0, $1) }
        }
        if code < 0 {
            request.deallocate()
            connectDone = nil
        }
        return code
    }

    /// The other end.
    var remote: SocketAddress? {
        var system = SystemAddress()
        let socket = socket
        let code = system.fill { uv_tcp_getpeername(socket, $0, &$1) }
        return code == 0 ? system.address : nil
    }

    /// Small packets leave at once, and the kernel holds little unsent, so that a vote never waits behind much.
    func prepare() {
        uv_tcp_nodelay(socket, 1)
        var descriptor: Int32 = -1
        guard uv_fileno(pointer, &descriptor) == 0 else { return }
        var most = unsentBytesMax
        setsockopt(
            descriptor, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, &most,
            socklen_t(MemoryLayout<Int32>.size))
    }

    @discardableResult
    func startReading() -> Int32 {
        if !isOpen { return UV_ECANCELED.rawValue }
        return uv_read_start(
            stream, { StreamSocket.allocate($0, $1, $2) }, { StreamSocket.read($0, $1, $2) })
    }

    func stopReading() { if isOpen { uv_read_stop(stream) } }

    var queuedBytes: Int { isOpen ? uv_stream_get_write_queue_size(stream) : 0 }

    func write(_ bytes: [UInt8]) {
        if !isOpen || isFinishing { return }
        let request = WriteRequest(owner: self, bytes: bytes)
        let code = uv_write(request.request, stream, &request.buffer, 1) { StreamSocket.wrote($0, $1) }
        if code < 0 {
            request.release()
            fail()
        }
    }

    /// Sends what is queued, says the end, hears the other's end, and closes; after `interval` in any case.
    ///
    /// Bytes that come meanwhile are read and dropped: closing with unread bytes would make the kernel reset the
    /// connection, and the other side would lose our last words.
    func finish(within interval: Interval) {
        if !isOpen || isFinishing { return }
        isFinishing = true
        events = nil
        guard let timer = try? UVTimer(loop, ring: { [weak self] in self?.end() }) else { return end() }
        linger = timer
        timer.start(after: interval)
        startReading()
        let request = UnsafeMutablePointer<uv_shutdown_t>.allocate(capacity: 1)
        let code = uv_shutdown(request, stream) { request, _ in request?.deallocate() }
        if code < 0 {
            request.deallocate()
            end()
        }
    }

    /// Closes at once.
    func end() {
        events = nil
        linger?.close()
        linger = nil
        close()
    }

    private func fail() {
        let events = events
        end()
        events?.ended()
    }

    override func didClose() {
        linger?.close()
        linger = nil
        events = nil
        connectDone = nil
        closed?()
        closed = nil
    }

    // MARK: callbacks of libuv, on the loop's thread

    private static func of(_ handle: UnsafeMutableRawPointer?) -> StreamSocket {
        let owner = UVHandle.owner(handle?.assumingMemoryBound(to: uv_handle_t.self))
        guard let socket = owner as? StreamSocket else { unreachable("a stream socket of another kind") }
        return socket
    }

    private static func connected(_ request: UnsafeMutablePointer<uv_connect_t>?, _ status: Int32) {
        guard let request else { return }
        let socket = of(request.pointee.handle)
        request.deallocate()
        guard let done = socket.connectDone else { return }
        socket.connectDone = nil
        if status == UV_ECANCELED.rawValue { return }
        done(status)
    }

    private static func allocate(
        _ handle: UnsafeMutablePointer<uv_handle_t>?, _ suggested: Int,
        _ buffer: UnsafeMutablePointer<uv_buf_t>?
    ) {
        let socket = of(handle)
        buffer?.pointee = uv_buf_init(
            socket.buffer.assumingMemoryBound(to: CChar.self), UInt32(readBytes))
    }

    private static func read(
        _ stream: UnsafeMutablePointer<uv_stream_t>?, _ count: Int, _ buffer: UnsafePointer<uv_buf_t>?
    ) {
        let socket = of(stream)
        if count == 0 { return }
        if count < 0 {
            if socket.isFinishing { return socket.end() }
            return socket.fail()
        }
        guard let base = buffer?.pointee.base, let events = socket.events else { return }
        events.bytes(Array(UnsafeRawBufferPointer(start: base, count: count)))
    }

    private static func wrote(_ pointer: UnsafeMutablePointer<uv_write_t>?, _ status: Int32) {
        guard let data = pointer?.pointee.data else { return }
        let request = Unmanaged<WriteRequest>.fromOpaque(data).takeUnretainedValue()
        let socket = request.owner
        request.release()
        if !socket.isOpen || status == UV_ECANCELED.rawValue { return }
        if status < 0 {
            if socket.isFinishing { return socket.end() }
            return socket.fail()
        }
        socket.events?.wrote(socket.queuedBytes)
    }
}

/// One write in flight, with a copy of the bytes, freed in its callback.
private final class WriteRequest {
    let owner: StreamSocket
    let request = UnsafeMutablePointer<uv_write_t>.allocate(capacity: 1)
    let bytes: UnsafeMutableBufferPointer<CChar>
    var buffer: uv_buf_t

    init(owner: StreamSocket, bytes source: [UInt8]) {
        self.owner = owner
        let copy = UnsafeMutableBufferPointer<CChar>.allocate(capacity: max(1, source.count))
        source.withUnsafeBytes { UnsafeMutableRawBufferPointer(copy).copyMemory(from: $0) }
        bytes = copy
        buffer = uv_buf_init(bytes.baseAddress, UInt32(source.count))
        request.pointee.data = Unmanaged.passRetained(self).toOpaque()
    }

    func release() { Unmanaged.passUnretained(self).release() }

    deinit {
        request.deallocate()
        bytes.deallocate()
    }
}

/// A socket that listens for streams.
final class StreamListener: UVHandle {
    private var incoming: (() -> Void)?
    private(set) var bound: SocketAddress

    init(
        _ loop: UVLoop, on address: SocketAddress, isOnlyV6: Bool, incoming: @escaping () -> Void
    ) throws(UVError) {
        bound = address
        try super.init(loop, UV_TCP, attempt: "open a listening socket") { loop, memory in
            uv_tcp_init(loop, memory.assumingMemoryBound(to: uv_tcp_t.self))
        }
        self.incoming = incoming
        do throws(UVError) {
            try start(address, isOnlyV6)
        } catch {
            close()
            throw error
        }
    }

    private func start(_ address: SocketAddress, _ isOnlyV6: Bool) throws(UVError) {
        let socket = structure(uv_tcp_t.self)
        try UVError.check(
            "bind \(address)",
            SystemAddress(address).with {
                uv_tcp_bind(socket, $0, isOnlyV6 ? UInt32(UV_TCP_IPV6ONLY.rawValue) : 0)
            })
        try UVError.check(
            "listen on \(address)",
            uv_listen(structure(uv_stream_t.self), 128) { stream, status in
                StreamListener.arrived(stream, status)
            })
        var system = SystemAddress()
        try UVError.check(
            "read the address of a socket",
            system.fill { uv_tcp_getsockname(socket, $0, &$1) })
        bound = system.address ?? address
    }

    /// Hands the waiting connection to `socket`.
    func accept(into socket: StreamSocket) -> Int32 {
        uv_accept(structure(uv_stream_t.self), socket.stream)
    }

    override func didClose() { incoming = nil }

    private static func arrived(_ stream: UnsafeMutablePointer<uv_stream_t>?, _ status: Int32) {
        let owner = UVHandle.owner(
            UnsafeMutableRawPointer(stream)?.assumingMemoryBound(to: uv_handle_t.self))
        guard let listener = owner as? StreamListener, status == 0 else { return }
        listener.incoming?()
    }
}
