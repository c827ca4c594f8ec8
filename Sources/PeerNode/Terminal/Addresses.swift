import API
import Daemon
import Foundation
import Glibc
import Records

/// Addresses of this machine that others can be told.
enum Addresses {
    /// What a seed string names: what is advertised, else where it listens, with this machine's own address in the
    /// place of "everywhere".
    static func told(_ layout: HomeLayout) throws -> [String] {
        let configuration = try Settings.read(layout)
        if !configuration.network.advertise.isEmpty { return configuration.network.advertise }
        let listen = configuration.network.listen
        guard let address = SocketAddress(listen) else { return ["127.0.0.1:7717"] }
        if address.high == 0, address.low == 0 || (address.family == .v4 && address.addressBytes.allSatisfy { $0 == 0 })
        {
            return ["\(outward() ?? "127.0.0.1"):\(address.port)"]
        }
        return ["\(address)"]
    }

    /// The first IPv4 address of an interface that is up and not loopback.
    static func outward() -> String? {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return nil }
        defer { freeifaddrs(list) }
        var next = list
        while let one = next {
            next = one.pointee.ifa_next
            let flags = Int32(bitPattern: one.pointee.ifa_flags)
            guard let address = one.pointee.ifa_addr, address.pointee.sa_family == sa_family_t(AF_INET),
                flags & Int32(IFF_UP) != 0, flags & Int32(IFF_LOOPBACK) == 0
            else { continue }
            let raw = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee.sin_addr.s_addr }
            let value = UInt32(bigEndian: raw)
            return [24, 16, 8, 0].map { String(value >> $0 & 255) }.joined(separator: ".")
        }
        return nil
    }
}

/// The configuration of a home, with its mistakes told all at once.
enum Settings {
    static func read(_ layout: HomeLayout) throws -> Configuration {
        do throws(ConfigurationIssues) {
            return try ConfigurationReader.read(layout, environment: Environment.all)
        } catch {
            throw CommandFailure(code: Codes.badConfiguration, text: error.all.map(\.text).joined(separator: "\n"))
        }
    }
}
