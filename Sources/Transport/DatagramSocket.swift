import Basis
import CLibuv
import Glibc
import Loop
import Records

/// One bound UDP socket on the loop. A class: libuv comes back to it (see `UVHandle`).
final class DatagramSocket: UVHandle {
    typealias Receive = (_ bytes: [UInt8], _ from: SocketAddress) -> Void
    /// What a send came to.
    enum Outcome { case sent, queued, failed(Int32) }

    private var receive: Receive?
    private var truncated: (() -> Void)?
    private var sendFailed: ((SocketAddress, Int32) -> Void)?
    private(set) var bound: SocketAddress
    /// Whether it is `[::]`, which also takes IPv4.
    private let isDualStack: Bool
    private let queueMax: Int
    private var queue: [(bytes: [UInt8], to: SocketAddress)] = []
    private var isSending = false
    private let buffer = UnsafeMutableRawPointer.allocate(byteCount: 65_536, alignment: 16)

    init(
        _ loop: UVLoop, on address: SocketAddress, isOnlyV6: Bool, limits: TransportLimits,
        receive: @escaping Receive,
        truncated: @escaping () -> Void, sendFailed: @escaping (SocketAddress, Int32) -> Void
    ) throws(UVError) {
        bound = address
        isDualStack = address.family == .v6 && address.high == 0 && address.low == 0 && !isOnlyV6
        queueMax = limits.datagramQueueMax
        try super.init(loop, UV_UDP, attempt: "open a datagram socket") { loop, memory in
            uv_udp_init(loop, memory.assumingMemoryBound(to: uv_udp_t.self))
        }
        self.receive = receive
        self.truncated = truncated
        self.sendFailed = sendFailed
        do throws(UVError) {
            try start(address, isOnlyV6, limits)
        } catch {
            close()
            throw error
        }
    }

    deinit { buffer.deallocate() }

    private var socket: UnsafeMutablePointer<uv_udp_t> { structure(uv_udp_t.self) }

    private func start(
        _ address: SocketAddress, _ isOnlyV6: Bool, _ limits: TransportLimits
    ) throws(UVError) {
        let socket = socket
        try UVError.check(
            "bind \(address)",
            SystemAddress(address).with {
                uv_udp_bind(socket, $0, isOnlyV6 ? UInt32(UV_UDP_IPV6ONLY.rawValue) : 0)
            })
        var size = limits.datagramBufferBytes
        // Asked for, not demanded: the kernel's maximum may be lower.
        _ = uv_recv_buffer_size(pointer, &size)
        var system = SystemAddress()
        let code = system.fill { uv_udp_getsockname(socket, $0, &$1) }
        try UVError.check("read the address of a socket", code)
        bound = system.address ?? address
        try UVError.check(
            "receive datagrams",
            uv_udp_recv_start(
                socket, { DatagramSocket.allocate($0, $1, $2) },
                { DatagramSocket.received($0, $1, $2, $3, $4) }))
    }

    /// Whether it can send to addresses of this family.
    func reaches(_ family: SocketAddress.Family) -> Bool { bound.family == family || isDualStack }

    /// Sends at once if the kernel takes it, else queues; returns how many older ones were dropped for it.
    func send(_ bytes: [UInt8], to: SocketAddress) -> (Outcome, dropped: Int) {
        if !isSending {
            let code = trySend(bytes, to)
            if code >= 0 { return (.sent, 0) }
            if code != UV_EAGAIN.rawValue { return (.failed(code), 0) }
        }
        queue.append((bytes, to))
        var dropped = 0
        while queue.count > queueMax {
            queue.removeFirst()
            dropped += 1
        }
        if !isSending { sendNext() }
        return (.queued, dropped)
    }

    private func trySend(_ bytes: [UInt8], _ to: SocketAddress) -> Int32 {
        let system = SystemAddress(to, mapped: isDualStack && to.family == .v4)
        return bytes.withUnsafeBytes { raw in
            let base = UnsafeMutableRawPointer(mutating: raw.baseAddress)?.assumingMemoryBound(
                to: CChar.self)
            var buffer = uv_buf_init(base, UInt32(raw.count))
            return system.with { uv_udp_try_send(socket, &buffer, 1, $0) }
        }
    }

    /// One queued datagram goes to libuv at a time, so that the queue here can drop its oldest.
    private func sendNext() {
        guard isOpen, !queue.isEmpty else { return }
        let (bytes, to) = queue.removeFirst()
        let request = SendRequest(owner: self, bytes: bytes, to: to)
        isSending = true
        let system = SystemAddress(to, mapped: isDualStack && to.family == .v4)
        let code = system.with {
            uv_udp_send(request.request, socket, &request.buffer, 1, $0) { DatagramSocket.sent($0, $1) }
        }
        if code < 0 {
            isSending = false
            request.release()
            sendFailed?(to, code)
        }
    }

    override func didClose() {
        receive = nil
        truncated = nil
        sendFailed = nil
        queue = []
    }

    // MARK: callbacks of libuv, on the loop's thread

    private static func of(_ handle: UnsafeMutablePointer<uv_handle_t>?) -> DatagramSocket {
        guard let socket = UVHandle.owner(handle) as? DatagramSocket else {
            unreachable("a datagram socket of another kind")
        }
        return socket
    }

    private static func allocate(
        _ handle: UnsafeMutablePointer<uv_handle_t>?, _ suggested: Int,
        _ buffer: UnsafeMutablePointer<uv_buf_t>?
    ) {
        let socket = of(handle)
        buffer?.pointee = uv_buf_init(socket.buffer.assumingMemoryBound(to: CChar.self), 65_536)
    }

    private static func received(
        _ handle: UnsafeMutablePointer<uv_udp_t>?, _ count: Int, _ buffer: UnsafePointer<uv_buf_t>?,
        _ from: UnsafePointer<sockaddr>?, _ flags: UInt32
    ) {
        // Errors of earlier sends come here too; the next packet tells more.
        guard count >= 0, let from = SystemAddress.read(from), let base = buffer?.pointee.base else {
            return
        }
        let socket = of(UnsafeMutableRawPointer(handle)?.assumingMemoryBound(to: uv_handle_t.self))
        if flags & UInt32(UV_UDP_PARTIAL.rawValue) != 0 {
            socket.truncated?()
            return
        }
        socket.receive?(Array(UnsafeRawBufferPointer(start: base, count: count)), from)
    }

    private static func sent(_ pointer: UnsafeMutablePointer<uv_udp_send_t>?, _ status: Int32) {
        guard let request = SendRequest.of(pointer?.pointee.data) else { return }
        let socket = request.owner
        request.release()
        socket.isSending = false
        if status < 0 && status != UV_ECANCELED.rawValue { socket.sendFailed?(request.to, status) }
        socket.sendNext()
    }
}

/// One send in flight: the request and a copy of the bytes, freed in its callback.
private final class SendRequest {
    let owner: DatagramSocket
    let to: SocketAddress
    let request = UnsafeMutablePointer<uv_udp_send_t>.allocate(capacity: 1)
    let bytes: UnsafeMutablePointer<CChar>
    var buffer: uv_buf_t

    init(owner: DatagramSocket, bytes source: [UInt8], to: SocketAddress) {
        self.owner = owner
        self.to = to
        bytes = .allocate(capacity: max(1, source.count))
        for (i, byte) in source.enumerated() { bytes[i] = CChar(bitPattern: byte) }
        buffer = uv_buf_init(bytes, UInt32(source.count))
        request.pointee.data = Unmanaged.passRetained(self).toOpaque()
    }

    static func of(_ data: UnsafeMutableRawPointer?) -> SendRequest? {
        data.map { Unmanaged<SendRequest>.fromOpaque($0).takeUnretainedValue() }
    }

    func release() { Unmanaged.passUnretained(self).release() }

    deinit {
        request.deallocate()
        bytes.deallocate()
    }
}
