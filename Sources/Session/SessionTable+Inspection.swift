import Basis

/// What simulations look at, and what they alter to plant a bug (`simulation.md` 15, 16). No logic uses any of it.
extension SessionTable {
    /// Entries of each table, in the order of `capacities`.
    package var sizes: [Int] {
        [
            sessions.count, halfOpen.count, dials.count, connections.count, proven.order.count, entropy.count,
            bufferedBytes,
        ]
    }

    /// Names and limits of `sizes` for nodes with these limits.
    package static func capacities(_ limits: SessionLimits) -> [(name: String, most: Int)] {
        [
            // The losers of simultaneous opens receive for a while beside the winners.
            ("sessions", limits.sessionsMax * 2), ("half-open handshakes", limits.halfOpenEntriesMax),
            ("handshakes of ours", limits.dialsMax), ("connections", limits.streamConnectionsMax),
            ("proven addresses", limits.provenAddressesMax), ("entropy seeds", limits.entropySeedsMax),
            ("buffered bytes", limits.receiveBufferBytesMax + (2 << 20)),
        ]
    }

    /// Forgets which packets arrived.
    package mutating func plantForgottenReplays() {
        sessions.changeAll { $0.value.window = ReplayWindow() }
    }
}
