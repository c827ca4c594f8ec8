import Basis
import Records

/// Bounds what records that list a stranger's address cost the stranger (`gossip.md` 7.3, damping).
///
/// A global address that was never verified is dialled at most `dialsMax` times a window, and at most `portsMax` of
/// its ports, whichever records name it.
struct DialDamping: Sendable {
    struct Window: Sendable {
        var opened: Instant
        var dials: [(port: UInt16, count: Int)]
    }

    var windows = SortedMap<SocketAddress, Window>()
    let dialsMax: Int
    let portsMax: Int
    let length: Interval
    let addressesMax: Int

    init(limits: GossipLimits) {
        dialsMax = limits.unverifiedDialsMax
        portsMax = limits.unverifiedPortsPerAddressMax
        length = limits.unverifiedDialWindow
        addressesMax = limits.dampedAddressesMax
    }

    /// Whether one more dial of `address` fits now; counts it if so.
    mutating func admit(_ address: SocketAddress, now: Instant) -> Bool {
        let host = address.with(port: 0)
        var window = windows[host] ?? Window(opened: now, dials: [])
        if now - window.opened >= length { window = Window(opened: now, dials: []) }
        if let i = window.dials.firstIndex(where: { $0.port == address.port }) {
            if window.dials[i].count >= dialsMax { return false }
            window.dials[i].count += 1
        } else {
            if window.dials.count >= portsMax { return false }
            window.dials.append((address.port, 1))
        }
        windows.insert(window, for: host)
        if windows.count > addressesMax {
            let oldest = windows.min { $0.value.opened < $1.value.opened }
            if let oldest { windows.remove(oldest.key) }
        }
        return true
    }

    mutating func dropEnded(now: Instant) {
        for (host, window) in windows where now - window.opened >= length { windows.remove(host) }
    }
}
