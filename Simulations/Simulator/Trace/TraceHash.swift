public import Basis

/// One event of a trace, as a `.pntrace` file holds it: 40 bytes.
public struct TraceEvent: Sendable, Hashable {
    /// From 1.
    public let number: UInt64
    public let at: Interval
    /// Peer, or below zero: -1 a fault begins, -2 one ends, -3 a phase.
    public let peer: Int
    /// `EventKind`.
    public let kind: UInt8
    public let order: UInt64
    public let payload: UInt64

    public init(number: UInt64, at: Interval, peer: Int, kind: UInt8, order: UInt64, payload: UInt64) {
        self.number = number
        self.at = at
        self.peer = peer
        self.kind = kind
        self.order = order
        self.payload = payload
    }

    /// One line for people.
    public var text: String {
        let hex = String(payload, radix: 16)
        let micros = at.nanoseconds / 1_000
        let rest = String(micros % 1_000_000)
        let stamp = "\(micros / 1_000_000)." + String(repeating: "0", count: 6 - rest.count) + rest
        let who = peer >= 0 ? "peer \(peer)" : "world"
        return "\(number)  \(stamp) s  \(who)  \(kindName)  \(hex)"
    }

    public var kindName: String { EventKind(rawValue: kind).map { "\($0)" } ?? "kind \(kind)" }
}

/// The hash of everything that a run did (`simulation.md` 17): chained over each event and each state digest.
public struct TraceHash: Sendable, Hashable {
    /// Events between two fingerprints.
    public static let fingerprintInterval: UInt64 = 65_536

    private var chain: UInt64 = 0x7065_6572_6e6f_6465
    public private(set) var events: UInt64 = 0
    /// The chain after every `fingerprintInterval` events: where two runs part is found by halving these.
    public private(set) var fingerprints: [UInt64] = []

    public var value: UInt64 { chain }

    /// Which events are kept, by number; empty: none.
    public var window: Range<UInt64> = 0..<0
    /// Of the window, oldest first.
    public private(set) var recorded: [TraceEvent] = []
    /// Keeps only the newest so many of the window; 0: all.
    public var ring = 0

    mutating func event(_ at: Instant, order: UInt64, peer: Int, kind: UInt8, payload: UInt64) {
        var sip = SipHash(chain, 0x6576_656e_7400_0000 | UInt64(kind))
        sip.add(UInt64(bitPattern: at.nanoseconds))
        sip.add(order)
        sip.add(UInt64(truncatingIfNeeded: peer))
        sip.add(payload)
        chain = sip.finished()
        events += 1
        if window.contains(events) {
            recorded.append(
                TraceEvent(
                    number: events, at: at - Instant.zero, peer: peer, kind: kind, order: order, payload: payload))
            if ring > 0, recorded.count >= ring * 2 { recorded.removeFirst(recorded.count - ring) }
        }
        if events % TraceHash.fingerprintInterval == 0 { fingerprints.append(chain) }
    }

    mutating func state(_ peer: Int, _ digest: UInt64) {
        chain = Seeding.mixed(chain ^ digest &+ UInt64(truncatingIfNeeded: peer))
    }

    public static func == (a: TraceHash, b: TraceHash) -> Bool { a.chain == b.chain && a.events == b.events }
    public func hash(into hasher: inout Hasher) { hasher.combine(chain) }
}
