import Basis

/// The hash of everything that a run did (`simulation.md` 17): chained over each event and each state digest.
public struct TraceHash: Sendable, Hashable {
    /// Events between two fingerprints.
    public static let fingerprintInterval: UInt64 = 65_536

    private var chain: UInt64 = 0x7065_6572_6e6f_6465
    public private(set) var events: UInt64 = 0
    /// The chain after every `fingerprintInterval` events: where two runs part is found by halving these.
    public private(set) var fingerprints: [UInt64] = []

    public var value: UInt64 { chain }

    mutating func event(_ at: Instant, order: UInt64, peer: Int, kind: UInt8, payload: UInt64) {
        var sip = SipHash(chain, 0x6576_656e_7400_0000 | UInt64(kind))
        sip.add(UInt64(bitPattern: at.nanoseconds))
        sip.add(order)
        sip.add(UInt64(truncatingIfNeeded: peer))
        sip.add(payload)
        chain = sip.finished()
        events += 1
        if events % TraceHash.fingerprintInterval == 0 { fingerprints.append(chain) }
    }

    mutating func state(_ peer: Int, _ digest: UInt64) {
        chain = Seeding.mixed(chain ^ digest &+ UInt64(truncatingIfNeeded: peer))
    }

    public static func == (a: TraceHash, b: TraceHash) -> Bool { a.chain == b.chain && a.events == b.events }
    public func hash(into hasher: inout Hasher) { hasher.combine(chain) }
}
