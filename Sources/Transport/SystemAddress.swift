import Basis
import CLibuv
import Glibc
import Records

/// A `sockaddr` of either family in stable memory; the only place that rebinds one.
struct SystemAddress {
    var storage = sockaddr_storage()

    init() {}

    /// `mapped` writes an IPv4 address as IPv6 (`::ffff:a.b.c.d`), as a dual-stack socket wants it.
    init(_ address: SocketAddress, mapped: Bool = false) {
        let bytes = address.addressBytes
        withUnsafeMutableBytes(of: &storage) { raw in
            let isV6 = address.family == .v6 || mapped
            let family = sa_family_t(isV6 ? AF_INET6 : AF_INET)
            raw.storeBytes(of: family, toByteOffset: 0, as: sa_family_t.self)
            raw.storeBytes(of: address.port.bigEndian, toByteOffset: 2, as: UInt16.self)
            var at = isV6 ? 8 : 4
            if isV6 && address.family == .v4 {
                raw[at + 10] = 0xff
                raw[at + 11] = 0xff
                at += 12
            }
            for (i, byte) in bytes.enumerated() { raw[at + i] = byte }
        }
    }

    func with<T>(_ body: (UnsafePointer<sockaddr>) -> T) -> T {
        withUnsafePointer(to: storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1, body)
        }
    }

    /// Lets `body` fill the memory; it gets the room in bytes.
    mutating func fill(_ body: (UnsafeMutablePointer<sockaddr>, inout Int32) -> Int32) -> Int32 {
        var room = Int32(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, &room) }
        }
    }

    var address: SocketAddress? { with { SystemAddress.read($0) } }

    /// The address of a `sockaddr`; nil for other families. An IPv4-mapped one becomes IPv4.
    static func read(_ pointer: UnsafePointer<sockaddr>?) -> SocketAddress? {
        guard let pointer else { return nil }
        let isV4 = pointer.pointee.sa_family == sa_family_t(AF_INET)
        let isV6 = pointer.pointee.sa_family == sa_family_t(AF_INET6)
        if !isV4 && !isV6 { return nil }
        let size = isV4 ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
        let raw = UnsafeRawBufferPointer(start: pointer, count: size)
        let port = UInt16(raw[2]) << 8 | UInt16(raw[3])
        return SocketAddress(bytes: Array(raw[isV4 ? 4..<8 : 8..<24]), port: port)
    }
}
