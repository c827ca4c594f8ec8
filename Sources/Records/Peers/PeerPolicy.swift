import Basis
public import Trust

/// A range of addresses: those that share the first `bits` of `base`.
public struct AddressPrefix: Sendable, Hashable {
    public let base: SocketAddress
    /// 0…32 for IPv4, 0…128 for IPv6.
    public let bits: Int

    /// nil if `bits` exceeds the length of the address.
    public init?(_ base: SocketAddress, bits: Int) {
        guard bits >= 0, bits <= (base.family == .v4 ? 32 : 128) else { return nil }
        self.base = base
        self.bits = bits
    }

    public func contains(_ address: SocketAddress) -> Bool {
        guard address.family == base.family else { return false }
        func shared(_ a: UInt64, _ b: UInt64, _ bits: Int, of width: Int) -> Bool {
            bits <= 0 || (a ^ b) >> UInt64(width - min(bits, width)) == 0
        }
        if base.family == .v4 { return shared(address.low, base.low, bits, of: 32) }
        return shared(address.high, base.high, bits, of: 64)
            && shared(address.low, base.low, bits - 64, of: 64)
    }
}

/// What the owner allows and offers (`gossip.md` 10.5): checked before a dial, in refusals, and in the own record.
public struct PeerPolicy: Sendable, Hashable {
    /// Takes no new work; links and following the ledger go on.
    public var isSilent: Bool
    /// Finishes and hands over; refuses new links.
    public var isDraining: Bool
    /// The hours in which work is taken; nil = always.
    public var schedule: WeekHours?
    /// Local offset + 1,440.
    public var zoneOffsetMinutes: UInt16
    public var deniedPeers: [PeerID]
    public var deniedPrefixes: [AddressPrefix]
    /// Peers whose silence datagrams and helpers alone decide (8.1).
    public var withoutStreamFallback: [PeerID]
    /// Addresses to put into the own record in place of those of the interfaces.
    public var advertised: [SocketAddress]

    public init(
        isSilent: Bool = false, isDraining: Bool = false, schedule: WeekHours? = nil,
        zoneOffsetMinutes: UInt16 = 1_440, deniedPeers: [PeerID] = [],
        deniedPrefixes: [AddressPrefix] = [], withoutStreamFallback: [PeerID] = [],
        advertised: [SocketAddress] = []
    ) {
        self.isSilent = isSilent
        self.isDraining = isDraining
        self.schedule = schedule
        self.zoneOffsetMinutes = zoneOffsetMinutes
        self.deniedPeers = deniedPeers
        self.deniedPrefixes = deniedPrefixes
        self.withoutStreamFallback = withoutStreamFallback
        self.advertised = advertised
    }

    public func denies(_ peer: PeerID) -> Bool { deniedPeers.contains(peer) }
    public func denies(_ address: SocketAddress) -> Bool {
        deniedPrefixes.contains { $0.contains(address) }
    }
}
