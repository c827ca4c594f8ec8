import Basis
import NodeCore
import Records
import Trust

/// A peer that belongs to a coalition, with the keys that are its own.
struct Member: Sendable {
    let index: Int
    let key: SimKey
    /// nil if it is no seat.
    let voting: SimKey?
    let id: PeerID
    let address: SocketAddress
    /// Its place in the seat list.
    let seat: UInt16?

    var account: PublicKey { key.publicKey }
}

/// What everybody may know of a peer.
struct Acquaintance: Sendable {
    let index: Int
    let id: PeerID
    let account: PublicKey
    let address: SocketAddress
    let isSeat: Bool
}

/// Something that an adversary does of its own accord.
enum Act: Sendable {
    /// A message of the log, past the member's own filter.
    case say(LogMessage, by: Int, to: PeerID)
    /// Bytes on a lane that need not be a message.
    case lane(LaneMessage, by: Int, to: PeerID)
    case whisper([PeerMessage], by: Int, to: PeerID)
    case datagram([UInt8], by: Int, to: SocketAddress)
    /// An input of the member's own node.
    case give(SimPeer.Node.Input, by: Int)

    var member: Int {
        switch self {
        case .say(_, let i, _), .lane(_, let i, _), .whisper(_, let i, _), .datagram(_, let i, _), .give(_, let i): i
        }
    }
}

/// What the members of a coalition share: what they know of the network, their randomness, and what they have done.
struct Means: Sendable {
    let plan: AdversaryPlan
    let network: NetworkID
    let seats: SeatList
    let seatPeers: [PeerID]
    /// Every peer of the world, by index.
    let everyone: [Acquaintance]
    /// Ascending.
    var members: [Int]
    var rng: SeededGenerator
    /// World time of the event under way, and the wall clock of its peer.
    var now = Instant.zero
    var wall: UInt64 = 0
    /// How often it did what an honest peer would not do.
    var deeds: UInt64 = 0
    /// What it will do, and after how long.
    var planned: [(after: Interval, act: Act)] = []

    /// Whether it acts on this occasion.
    mutating func strikes() -> Bool {
        plan.intensity == .always || plan.intensity.fires(rng.next())
    }

    /// As `strikes`; an occasion taken is a deed.
    mutating func takesChance() -> Bool {
        let isOn = strikes()
        if isOn { deeds += 1 }
        return isOn
    }

    mutating func later(_ after: Interval, _ act: Act) { planned.append((after, act)) }
    mutating func now(_ act: Act) { planned.append((.zero, act)) }

    mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<max(1, limit), using: &rng) }
    mutating func between(_ low: Interval, _ high: Interval) -> Interval {
        .nanoseconds(Int64.random(in: low.nanoseconds...max(low.nanoseconds, high.nanoseconds), using: &rng))
    }

    func isVictim(_ peer: PeerID) -> Bool { plan.victims.contains { everyone[$0].id == peer } }
    func isVictim(_ address: SocketAddress) -> Bool { plan.victims.contains { everyone[$0].address == address } }
    func isVictim(account: PublicKey) -> Bool { plan.victims.contains { everyone[$0].account == account } }

    /// Peers that are no members.
    var others: [Acquaintance] { everyone.filter { !members.contains($0.index) } }
    func seat(of peer: PeerID) -> Int? { seatPeers.firstIndex(of: peer) }

    /// What a member may send in a second.
    var bytesPerMember: Int { Int(clamping: plan.bytesPerSecond) / max(1, members.count) }
}

/// What a member sees when it acts on its own.
struct Sight: Sendable {
    let member: Member
    /// Of its own node.
    let log: LogNode?
}

/// The conduct of a type of adversary. Every method has the honest conduct as its default; state is that of the whole
/// coalition, since members share what they know.
protocol Trick: Sendable {
    /// What leaves in the place of a message of the log.
    mutating func passing(
        _ message: LogMessage, by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [LogMessage]
    mutating func passing(
        _ messages: [PeerMessage], by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [PeerMessage]
    mutating func sending(
        _ datagram: [UInt8], by member: Member, to address: SocketAddress, _ means: inout Means
    ) -> [[UInt8]]
    /// Whether bytes of a connection vanish.
    mutating func swallows(_ bytes: Int, by member: Member, to peer: PeerID, _ means: inout Means) -> Bool
    mutating func overhears(
        _ datagram: [UInt8], by member: Member, from address: SocketAddress, _ means: inout Means)
    /// A member's node executed a block.
    mutating func learns(_ block: LogNode.ExecutedBlock, by member: Member, _ means: inout Means)

    /// Between two acts of its own; nil if it only twists what its members do.
    var pace: Interval? { get }
    /// Puts what it does into `means`.
    mutating func acts(_ sight: Sight, _ means: inout Means)

    // Work.
    mutating func isSilent(on job: JobID, by member: Member, _ means: inout Means) -> Bool
    /// What a program prints, given what an honest one prints.
    mutating func output(
        _ honest: [UInt8], of job: JobID, by member: Member, _ means: inout Means
    ) -> [UInt8]
    mutating func submits(_ job: Operation.Job, _ means: inout Means) -> Operation.Job
    mutating func withholdsBlobs(_ means: inout Means) -> Bool
    /// Rows that are gone when a member starts again.
    mutating func forgets(_ means: inout Means) -> StoreBatch?
}

extension Trick {
    mutating func passing(
        _ message: LogMessage, by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [LogMessage] { [message] }
    mutating func passing(
        _ messages: [PeerMessage], by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [PeerMessage] { messages }
    mutating func sending(
        _ datagram: [UInt8], by member: Member, to address: SocketAddress, _ means: inout Means
    ) -> [[UInt8]] { [datagram] }
    mutating func swallows(_ bytes: Int, by member: Member, to peer: PeerID, _ means: inout Means) -> Bool { false }
    mutating func overhears(
        _ datagram: [UInt8], by member: Member, from address: SocketAddress, _ means: inout Means
    ) {}
    mutating func learns(_ block: LogNode.ExecutedBlock, by member: Member, _ means: inout Means) {}
    var pace: Interval? { nil }
    mutating func acts(_ sight: Sight, _ means: inout Means) {}
    mutating func isSilent(on job: JobID, by member: Member, _ means: inout Means) -> Bool { false }
    mutating func output(
        _ honest: [UInt8], of job: JobID, by member: Member, _ means: inout Means
    ) -> [UInt8] { honest }
    mutating func submits(_ job: Operation.Job, _ means: inout Means) -> Operation.Job { job }
    mutating func withholdsBlobs(_ means: inout Means) -> Bool { false }
    mutating func forgets(_ means: inout Means) -> StoreBatch? { nil }
}

/// One coalition of a world.
///
/// A class, since the filters inside its members' nodes share it; it belongs to one world, and `copied()` makes that of
/// a snapshot.
final class Coalition: @unchecked Sendable {
    var trick: any Trick
    var means: Means

    init(trick: any Trick, means: Means) {
        self.trick = trick
        self.means = means
    }

    func copied() -> Coalition { Coalition(trick: trick, means: means) }
    var plan: AdversaryPlan { means.plan }
}

/// Stands between a member's node and the network.
struct Mask: EgressFilter {
    let member: Member
    let coalitions: [Coalition]

    mutating func passing(_ message: LogMessage, to peer: PeerID) -> [LogMessage] {
        var passed = [message]
        for one in coalitions { passed = passed.flatMap { one.trick.passing($0, by: member, to: peer, &one.means) } }
        return passed
    }

    mutating func passing(_ messages: [PeerMessage], to peer: PeerID) -> [PeerMessage] {
        var passed = messages
        for one in coalitions where !passed.isEmpty {
            passed = one.trick.passing(passed, by: member, to: peer, &one.means)
        }
        return passed
    }
}

/// Decisions that hold for a whole occasion, such as a view: an honest node says things more than once.
struct Occasions: Sendable {
    static let keptMax = 256
    private var decided = SortedMap<UInt64, Bool>()

    /// The same answer each time; the first yes is a deed.
    mutating func isOn(_ occasion: UInt64, _ means: inout Means) -> Bool {
        if let known = decided[occasion] { return known }
        let isOn = means.takesChance()
        decided.insert(isOn, for: occasion)
        if decided.count > Occasions.keptMax { decided.popFirst() }
        return isOn
    }
}

/// A table that forgets its smallest keys.
struct Memory<Key: Comparable & Sendable, Value: Sendable>: Sendable {
    private var map = SortedMap<Key, Value>()
    private let most: Int

    init(most: Int = 256) { self.most = most }

    subscript(key: Key) -> Value? {
        get { map[key] }
        set {
            map[key] = newValue
            if map.count > most { map.popFirst() }
        }
    }
    var keys: [Key] { map.keys }
}
