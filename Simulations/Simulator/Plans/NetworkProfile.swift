public import Basis

/// How long a packet is under way, one direction.
public enum DelayModel: Sendable, Hashable {
    public enum Tail: String, Sendable, CaseIterable { case light, normal, heavy }

    case constant(Interval)
    case uniform(Interval, Interval)
    case lognormal(median: Interval, tail: Tail)
}

/// Loss in bursts by Gilbert and Elliott: a good and a bad state per directed link.
public struct BurstLoss: Sendable, Hashable {
    public var toBad: Chance
    public var toGood: Chance
    /// In the bad state; the good one has the profile's `loss`.
    public var loss: Chance

    public init(toBad: Chance, toGood: Chance, loss: Chance) {
        self.toBad = toBad
        self.toGood = toGood
        self.loss = loss
    }
}

/// What of an address the outside sees (`simulation.md` 6).
public enum NATKind: String, Sendable, CaseIterable {
    case `public` = "public"
    case fullCone = "full_cone"
    case restricted
    case portRestricted = "port_restricted"
    case symmetric
    case cgnat
    case udpBlocked = "udp_blocked"
}

/// The weather of a network before any fault (`simulation.md` 6, profiles).
public struct NetworkProfile: Sendable, Hashable {
    public var name: String
    public var delay: DelayModel
    public var slowTail: Chance
    public var slowTailFactor: Int64
    public var loss: Chance
    public var burst: BurstLoss?
    public var duplicate: Chance
    public var reorder: Chance
    /// What a reordered packet waits longer.
    public var reorderExtra: Interval
    public var corrupt: Chance
    /// Bits a second; 0 = unlimited.
    public var upRate: UInt64
    public var downRate: UInt64
    /// Of each direction of a peer.
    public var queueBytes: Int
    /// Larger datagrams vanish.
    public var mtu: Int
    /// Share of peers without a NAT.
    public var openShare: Chance

    public static let internet = NetworkProfile(
        name: "internet", delay: .lognormal(median: .milliseconds(60), tail: .normal), slowTail: Chance(1, in: 1_000),
        slowTailFactor: 10, loss: Chance(1, in: 200),
        burst: BurstLoss(toBad: Chance(1, in: 500), toGood: Chance(1, in: 5), loss: Chance(1, in: 3)),
        duplicate: .never, reorder: .never, reorderExtra: .milliseconds(50), corrupt: .never, upRate: 20_000_000,
        downRate: 50_000_000, queueBytes: 256 << 10, mtu: 1_232, openShare: Chance(35, in: 100))

    public static let hostile = NetworkProfile(
        name: "hostile", delay: .lognormal(median: .milliseconds(120), tail: .heavy), slowTail: Chance(1, in: 1_000),
        slowTailFactor: 10, loss: Chance(1, in: 20),
        burst: BurstLoss(toBad: Chance(1, in: 200), toGood: Chance(1, in: 10), loss: Chance(1, in: 2)),
        duplicate: Chance(1, in: 100), reorder: Chance(1, in: 20), reorderExtra: .milliseconds(50), corrupt: .never,
        upRate: 5_000_000, downRate: 20_000_000, queueBytes: 256 << 10, mtu: 1_232, openShare: Chance(10, in: 100))

    public static let lan = NetworkProfile(
        name: "lan", delay: .uniform(.microseconds(100), .microseconds(400)), slowTail: .never, slowTailFactor: 1,
        loss: .never, burst: nil, duplicate: .never, reorder: .never, reorderExtra: .zero, corrupt: .never,
        upRate: 1_000_000_000, downRate: 1_000_000_000, queueBytes: 1 << 20, mtu: 1_232, openShare: .always)

    public static let perfect = NetworkProfile(
        name: "perfect", delay: .constant(.milliseconds(10)), slowTail: .never, slowTailFactor: 1, loss: .never,
        burst: nil, duplicate: .never, reorder: .never, reorderExtra: .zero, corrupt: .never, upRate: 1_000_000_000,
        downRate: 1_000_000_000, queueBytes: 1 << 20, mtu: 1_232, openShare: .always)

    public static let all = [internet, hostile, lan, perfect]
}
