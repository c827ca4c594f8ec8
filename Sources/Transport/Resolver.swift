import Basis
import CLibuv
import Glibc
public import Loop
public import Records

/// Name look-up on libuv's threads (`gossip.md` 14: at most 16 addresses, at most 10 s).
public enum Resolver {
    /// The addresses of a name or of a numeric address, in the system's order; empty if there are none or too late.
    /// `done` runs once, on the loop's thread. Call on the loop's thread.
    public static func resolve(
        _ host: String, port: UInt16, on loop: UVLoop, limits: TransportLimits = TransportLimits(),
        done: @escaping ([SocketAddress]) -> Void
    ) {
        invariant(loop.isOnLoop, "a name is looked up away from the loop's thread")
        if let address = SocketAddress(host: host, port: port) { return done([address]) }
        let lookup = Lookup(port: port, addressesMax: limits.resolvedAddressesMax, done: done)
        guard let timer = try? UVTimer(loop, ring: { [weak lookup] in lookup?.finish([]) }) else {
            return done([])
        }
        lookup.timer = timer
        timer.start(after: limits.resolveInterval)
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG
        lookup.request.pointee.data = Unmanaged.passRetained(lookup).toOpaque()
        let code = uv_getaddrinfo(loop.handle, lookup.request, { Lookup.found($0, $1, $2) }, host, nil, &hints)
        if code < 0 {
            Unmanaged.passUnretained(lookup).release()
            lookup.finish([])
        }
    }

    /// Addresses of the interfaces that are up, without those of the host itself, each with `port`.
    public static func interfaceAddresses(port: UInt16) -> [SocketAddress] {
        var list: UnsafeMutablePointer<uv_interface_address_t>?
        var count: Int32 = 0
        guard uv_interface_addresses(&list, &count) == 0, let list else { return [] }
        defer { uv_free_interface_addresses(list, count) }
        var found: [SocketAddress] = []
        for i in 0..<Int(count) where list[i].is_internal == 0 {
            let address = withUnsafePointer(to: list[i].address) { union in
                union.withMemoryRebound(to: sockaddr.self, capacity: 1) { SystemAddress.read($0) }
            }
            if let address, address.scope != .invalid, !address.isLinkLocal {
                found.append(address.with(port: port))
            }
        }
        return found
    }
}

/// One look-up in flight; released in its callback, which comes even after the time is over.
private final class Lookup {
    let port: UInt16
    let addressesMax: Int
    var done: (([SocketAddress]) -> Void)?
    var timer: UVTimer?
    let request = UnsafeMutablePointer<uv_getaddrinfo_t>.allocate(capacity: 1)

    init(port: UInt16, addressesMax: Int, done: @escaping ([SocketAddress]) -> Void) {
        self.port = port
        self.addressesMax = addressesMax
        self.done = done
    }

    deinit { request.deallocate() }

    func finish(_ addresses: [SocketAddress]) {
        timer?.close()
        timer = nil
        guard let done else { return }
        self.done = nil
        done(addresses)
    }

    static func found(
        _ request: UnsafeMutablePointer<uv_getaddrinfo_t>?, _ status: Int32,
        _ result: UnsafeMutablePointer<addrinfo>?
    ) {
        guard let data = request?.pointee.data else { return }
        let lookup = Unmanaged<Lookup>.fromOpaque(data).takeRetainedValue()
        defer { uv_freeaddrinfo(result) }
        var addresses: [SocketAddress] = []
        var entry = status == 0 ? result : nil
        while let info = entry, addresses.count < lookup.addressesMax {
            if let address = SystemAddress.read(info.pointee.ai_addr)?.with(port: lookup.port),
                !addresses.contains(address)
            {
                addresses.append(address)
            }
            entry = info.pointee.ai_next
        }
        lookup.finish(addresses)
    }
}
