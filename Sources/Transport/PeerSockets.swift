// The transport: datagrams and streams between this node and others, on one loop.
//
// Problem: `SessionTable` is pure, the network is not. Idea: this class carries out the table's effects with libuv and
// turns what the kernel says into the table's inputs; every decision stays in the table. What it does not do: look
// into packets, retry, know peers. All of it runs on the loop's thread.

import Basis
import CLibuv
import Glibc
public import Loop
public import Records
public import Session

/// The sockets of a node. Confined to the loop's thread; a class because sockets have an identity and an end.
///
/// ```swift
/// let sockets = PeerSockets(loop) { input in node.assumeIsolated { $0.take(input) } }
/// try sockets.listen(on: [SocketAddress("[::]:7717")!])
/// for effect in table.handle(input, now: loop.now) where !sockets.carry(effect) { /* not the transport's */ }
/// ```
public final class PeerSockets: @unchecked Sendable {
    // Everything here belongs to the loop's thread.

    let loop: UVLoop
    let limits: TransportLimits
    private var input: ((SessionInput) -> Void)?
    private var datagramSockets: [DatagramSocket] = []
    private var listeners: [StreamListener] = []
    private var streams: [ConnectionID: StreamSocket] = [:]
    private var connecting: [Ticket: StreamSocket] = [:]
    /// Closed by the table, still sending; oldest first.
    private var lingering: [StreamSocket] = []
    private var nextConnection: UInt64 = 1
    /// Inputs that arose while an effect was carried out; told in a turn of their own.
    private var pending: [SessionInput] = []

    /// Counts since start.
    public private(set) var stats = TransportStats()

    /// - Parameter input: called on the loop's thread with each input, never while `carry` runs.
    public init(
        _ loop: UVLoop, limits: TransportLimits = TransportLimits(),
        input: @escaping (SessionInput) -> Void
    ) {
        invariant(loop.isOnLoop, "sockets are made away from their loop's thread")
        self.loop = loop
        self.limits = limits
        self.input = input
    }

    /// Where datagrams and streams arrive, with real ports.
    public var localAddresses: [SocketAddress] { datagramSockets.map(\.bound) }
    public var connectionCount: Int { streams.count }

    /// Opens a datagram socket and a listening socket, with one port, for each address. `[::]` takes IPv4 as well,
    /// unless an IPv4 address with the same port is in the list. Port 0 lets the system choose. On an error no socket
    /// of this call stays.
    public func listen(on addresses: [SocketAddress]) throws(ListenError) {
        var opened: [(DatagramSocket, StreamListener)] = []
        let base = datagramSockets.count
        do throws(ListenError) {
            for address in addresses {
                let isOnlyV6 =
                    address.family == .v6
                    && addresses.contains { $0.family == .v4 && $0.port == address.port && $0.port != 0 }
                opened.append(
                    try open(address, isOnlyV6, LocalSocket(UInt16(clamping: base + opened.count + 1))))
            }
        } catch {
            for (datagrams, listener) in opened {
                datagrams.close()
                listener.close()
            }
            throw error
        }
        datagramSockets += opened.map(\.0)
        listeners += opened.map(\.1)
    }

    private func open(
        _ address: SocketAddress, _ isOnlyV6: Bool, _ local: LocalSocket
    ) throws(ListenError) -> (DatagramSocket, StreamListener) {
        var last = ListenError.inUse(address)
        for _ in 0..<(address.port == 0 ? limits.portAttemptsMax : 1) {
            let datagrams = try openDatagrams(address, isOnlyV6, local)
            do throws(UVError) {
                let streams = address.with(port: datagrams.bound.port)
                return (datagrams, try openListener(streams, isOnlyV6))
            } catch {
                datagrams.close()
                last = PeerSockets.listenError(error, address)
                if error.code != UV_EADDRINUSE.rawValue { break }
            }
        }
        throw last
    }

    private func openDatagrams(
        _ address: SocketAddress, _ isOnlyV6: Bool, _ local: LocalSocket
    ) throws(ListenError) -> DatagramSocket {
        do throws(UVError) {
            return try DatagramSocket(
                loop, on: address, isOnlyV6: isOnlyV6, limits: limits,
                receive: { [weak self] bytes, from in
                    guard let self else { return }
                    stats.datagramsIn += 1
                    stats.bytesIn += UInt64(bytes.count)
                    input?(.datagram(bytes, from: from, on: local))
                },
                truncated: { [weak self] in self?.stats.datagramsTruncated += 1 },
                sendFailed: { [weak self] to, _ in self?.datagramFailed(to) })
        } catch {
            throw PeerSockets.listenError(error, address)
        }
    }

    private func openListener(
        _ address: SocketAddress, _ isOnlyV6: Bool
    ) throws(UVError) -> StreamListener {
        var made: StreamListener?
        let listener = try StreamListener(loop, on: address, isOnlyV6: isOnlyV6) { [weak self] in
            if let listener = made { self?.accept(from: listener) }
        }
        made = listener
        return listener
    }

    static func listenError(_ error: UVError, _ address: SocketAddress) -> ListenError {
        switch error.code {
        case UV_EADDRINUSE.rawValue: .inUse(address)
        case UV_EADDRNOTAVAIL.rawValue: .notLocal(address)
        case UV_EACCES.rawValue, UV_EPERM.rawValue: .notPermitted(address)
        default: .system(address, reason: error.reason)
        }
    }

    /// Carries out an effect of the session table that concerns sockets; false for all others, which are the caller's.
    public func carry(_ effect: SessionEffect) -> Bool {
        switch effect {
        case .transmit(let bytes, let to, let socket): transmit(bytes, to, socket)
        case .connect(let ticket, let to): connect(ticket, to)
        case .cancelConnect(let ticket): connecting.removeValue(forKey: ticket)?.end()
        case .writeBytes(let id, let bytes):
            stats.bytesOut += UInt64(bytes.count)
            streams[id]?.write(bytes)
        case .closeConnection(let id): finish(id)
        case .pauseReading(let id): streams[id]?.stopReading()
        case .resumeReading(let id): streams[id]?.startReading()
        default: return false
        }
        return true
    }

    /// Closes every socket. No input follows.
    public func close() {
        input = nil
        pending = []
        for socket in datagramSockets { socket.close() }
        for listener in listeners { listener.close() }
        for ticket in connecting.keys.sorted() { connecting[ticket]?.end() }
        for id in streams.keys.sorted() { streams[id]?.finish(within: limits.lingerInterval) }
        datagramSockets = []
        listeners = []
        connecting = [:]
        streams = [:]
    }

    // MARK: datagrams

    private func transmit(_ bytes: [UInt8], _ to: SocketAddress, _ local: LocalSocket) {
        let named = Int(local.number) - 1
        let socket =
            datagramSockets.indices.contains(named)
            ? datagramSockets[named]
            : datagramSockets.first { $0.bound.family == to.family }
                ?? datagramSockets.first { $0.reaches(to.family) }
        guard let socket, socket.reaches(to.family) else {
            stats.datagramsWithoutSocket += 1
            return tell(.datagramFailed(to: to, .unreachable))
        }
        let (outcome, dropped) = socket.send(bytes, to: to)
        stats.datagramsDropped += UInt64(dropped)
        switch outcome {
        case .sent, .queued:
            stats.datagramsOut += 1
            stats.bytesOut += UInt64(bytes.count)
        case .failed: datagramFailed(to)
        }
    }

    private func datagramFailed(_ to: SocketAddress) {
        stats.datagramsFailed += 1
        tell(.datagramFailed(to: to, .unreachable))
    }

    // MARK: streams

    private func connect(_ ticket: Ticket, _ to: SocketAddress) {
        func fail(_ code: Int32) {
            stats.connectionsFailed += 1
            tell(.connectFailed(ticket, PeerSockets.dialFailure(code)))
        }
        let id = ConnectionID(nextConnection)
        nextConnection += 1
        guard let socket = try? StreamSocket(loop, limits: limits, closed: { [weak self] in self?.gone(id) })
        else { return fail(UV_EMFILE.rawValue) }
        let code = socket.connect(to: to) { [weak self] status in
            guard let self, connecting.removeValue(forKey: ticket) != nil else { return }
            if status < 0 {
                socket.end()
                return fail(status)
            }
            stats.connectionsOpened += 1
            adopt(socket, id)
            input?(.connected(ticket, id, to: to))
            socket.startReading()
        }
        if code < 0 {
            socket.end()
            return fail(code)
        }
        connecting[ticket] = socket
    }

    private func accept(from listener: StreamListener) {
        let id = ConnectionID(nextConnection)
        nextConnection += 1
        guard let socket = try? StreamSocket(loop, limits: limits, closed: { [weak self] in self?.gone(id) })
        else {
            stats.acceptsFailed += 1
            return
        }
        guard listener.accept(into: socket) == 0, let remote = socket.remote else {
            stats.acceptsFailed += 1
            return socket.end()
        }
        stats.connectionsAccepted += 1
        adopt(socket, id)
        input?(.accepted(id, from: remote))
        socket.startReading()
    }

    private func adopt(_ socket: StreamSocket, _ id: ConnectionID) {
        streams[id] = socket
        socket.prepare()
        socket.events = StreamSocket.Events(
            bytes: { [weak self] bytes in
                guard let self else { return }
                stats.bytesIn += UInt64(bytes.count)
                input?(.bytes(id, bytes))
            },
            wrote: { [weak self] queued in self?.input?(.writable(id, queuedBytes: queued)) },
            ended: { [weak self] in
                guard let self, streams.removeValue(forKey: id) != nil else { return }
                tell(.ended(id))
            })
    }

    private func finish(_ id: ConnectionID) {
        guard let socket = streams.removeValue(forKey: id) else { return }
        socket.finish(within: limits.lingerInterval)
        if !socket.isOpen { return }
        lingering.append(socket)
        if lingering.count > limits.lingeringMax {
            stats.lingeringCut += 1
            lingering.removeFirst().end()
        }
    }

    private func gone(_ id: ConnectionID) {
        streams[id] = nil
        lingering.removeAll { !$0.isOpen }
    }

    static func dialFailure(_ code: Int32) -> DialFailure {
        switch code {
        case UV_ECONNREFUSED.rawValue: .connectionRefused
        case UV_ETIMEDOUT.rawValue: .timeout
        default: .unreachable
        }
    }

    /// Gives an input in a turn of its own, so that the table is never entered twice.
    private func tell(_ next: SessionInput) {
        pending.append(next)
        if pending.count > 1 { return }
        loop.post { [self] in
            let due = pending
            pending = []
            for next in due { input?(next) }
        }
    }
}
