import Basis
import Gossip
import NodeCore
import Records
import Session
import Trust
import Wire

/// First bytes of packets (`gossip.md` 4.1) as an observer on the wire reads them.
enum SeenPacket {
    static let hello: UInt8 = 0xd1
    static let retry: UInt8 = 0xd2
    static let refuse: UInt8 = 0xd3
    static let accept: UInt8 = 0xd4
    static let confirm: UInt8 = 0xd5
    static let unknown: UInt8 = 0xd7
}

/// M7: in a sample, a peer tells only whom it met.
struct AnswersVerified: Checker {
    static let id = "M7"
    static let statement = "every record relayed in a sample was verified by the teller's own handshake"
    static let watches: [Observation.Kind] = [.received, .connected, .sent]
    private(set) var judged: UInt64 = 0
    /// (i, j): i got a proof of identity from the address of j, or had a connection with it.
    private var met: Set<UInt64> = []
    private let isReadable: Bool

    init(_ plan: Plan) { isReadable = plan.crypto == .sim }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        switch observation {
        case .received(let i, let bytes, let from):
            guard bytes.first == SeenPacket.accept || bytes.first == SeenPacket.confirm,
                let j = world.byAddress[from]
            else { return nil }
            met.insert(UInt64(i) << 32 | UInt64(j))
        case .connected(let i, let j): met.insert(UInt64(i) << 32 | UInt64(j))
        case .sent(let i, let bytes, _):
            guard isReadable, !world.peers[i].isByzantine else { return nil }
            let answer = RecordsPart.Purpose.answer
            for part in SealedText.records(bytes, where: { $0.dropFirst(4).first == answer.rawValue })
            where part.purpose == answer {
                for bytes in part.records {
                    guard let record = SeenRecord(bytes), !record.isLeave, let j = world.byAccount[record.key], j != i
                    else { continue }
                    judged += 1
                    if met.contains(UInt64(i) << 32 | UInt64(j)) { continue }
                    return Finding(
                        peers: [i, j], expected: "records of peers that the teller met", found: "one it never met")
                }
            }
        default: break
        }
        return nil
    }
}

/// M8: strangers cannot make a peer send more than they sent, nor elsewhere.
struct NoAmplification: Checker {
    static let id = "M8"
    static let statement = "to an address not proven: bytes out ≤ bytes in, and answers go to the source"
    static let watches: [Observation.Kind] = [.received, .sent, .handled]
    private(set) var judged: UInt64 = 0
    private var trigger: (peer: Int, from: SocketAddress, left: Int)?

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        switch observation {
        case .received(let i, let bytes, let from): trigger = (i, from, bytes.count)
        case .handled: trigger = nil
        case .sent(let i, let bytes, let to):
            guard let kind = bytes.first else { return nil }
            switch kind {
            case SeenPacket.retry, SeenPacket.refuse, SeenPacket.accept, SeenPacket.unknown: break
            default: return nil
            }
            if world.peers[i].isByzantine { return nil }
            judged += 1
            guard let asked = trigger, asked.peer == i else {
                return Finding(peers: [i], expected: "an answer only to a datagram", found: "kind \(kind) without one")
            }
            if asked.from != to {
                return Finding(peers: [i], expected: "an answer to \(asked.from)", found: "one to \(to)")
            }
            // A cookie that came back proves the address: only what leaves before is weighed.
            if kind != SeenPacket.accept, bytes.count > asked.left {
                return Finding(
                    peers: [i], expected: "at most \(asked.left) bytes in answer", found: "\(bytes.count)")
            }
            trigger?.left -= bytes.count
        default: break
        }
        return nil
    }
}

/// M9: every path carries every datagram.
struct DatagramsFit: Checker {
    static let id = "M9"
    static let statement = "no datagram is above 1,200 bytes"
    static let watches: [Observation.Kind] = [.sent]
    static let bytesMax = 1_200
    private(set) var judged: UInt64 = 0

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .sent(let i, let bytes, _) = observation, !world.peers[i].isByzantine else { return nil }
        judged += 1
        if bytes.count <= DatagramsFit.bytesMax { return nil }
        return Finding(peers: [i], expected: "at most \(DatagramsFit.bytesMax) bytes", found: "\(bytes.count)")
    }
}

/// M12: no two peers talk on and on.
struct ExchangesEnd: Checker {
    static let id = "M12"
    static let statement = "exchanges end: no pair chats on after the last real input"
    static let watches: [Observation.Kind] = [.sent]
    static let window = Interval.seconds(10)
    /// Probes, helpers, pulls with four parts of answer, records pushed to a peer that joins: some 40 in 10 s.
    static let datagramsMax: UInt32 = 300
    private(set) var judged: UInt64 = 0
    private var seen: [UInt64: (from: Instant, count: UInt32)] = [:]

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .sent(let i, _, let to) = observation, !world.peers[i].isByzantine, let j = world.byAddress[to],
            !world.peers[j].isByzantine
        else { return nil }
        judged += 1
        let pair = UInt64(i) << 32 | UInt64(j)
        var one = seen[pair] ?? (world.now, 0)
        if world.now - one.from > ExchangesEnd.window { one = (world.now, 0) }
        one.count += 1
        seen[pair] = one
        if one.count <= ExchangesEnd.datagramsMax { return nil }
        return Finding(
            peers: [i, j], expected: "at most \(ExchangesEnd.datagramsMax) datagrams from one peer to another in "
                + "\(ExchangesEnd.window)", found: "as many in \(world.now - one.from)")
    }
}

/// M19: who has nothing to say is nearly silent.
struct IdleQuiet: Checker {
    static let id = "M19"
    static let statement = "idle traffic ≤ 1.5 kB/s per direction, ≤ 3 kB/s with churn"
    static let watches: [Observation.Kind] = [.sent]
    /// Who is new pulls often for a minute; the last may start half a minute late.
    static let settled = Interval.seconds(90)
    static let spanMin = Interval.seconds(20)
    private(set) var judged: UInt64 = 0
    private var bytes: [UInt64]
    private var since: [Instant?]
    private let most: UInt64
    private let isAttacked: Bool
    private let from: Interval

    init(_ plan: Plan) {
        bytes = Array(repeating: 0, count: plan.peers.count)
        since = Array(repeating: nil, count: plan.peers.count)
        // Links that go down and come up again cost more than links that stay.
        most = plan.faults.isEmpty ? 1_500 : 3_000
        // While peers join seeds serve them, which is not idle; what faults left behind takes a minute.
        from = max(IdleQuiet.settled, plan.faults.isEmpty ? plan.boot : plan.calmAt + .seconds(60))
        isAttacked = plan.adversaries.contains { $0.type.attacksNetwork }
    }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        // Who is attacked through membership is not idle: M8, M12 and S12 bound what it answers.
        guard case .sent(let i, let datagram, _) = observation, world.elapsed > from,
            !world.peers[i].isByzantine, !isAttacked
        else { return nil }
        if since[i] == nil { since[i] = world.now }
        bytes[i] += UInt64(datagram.count + World.datagramOverhead)
        return nil
    }

    mutating func end(of world: borrowing World) -> Finding? {
        for i in world.peers.indices {
            guard let begun = since[i], world.now - begun >= IdleQuiet.spanMin else { continue }
            judged += 1
            let rate = bytes[i] * 1_000 / UInt64((world.now - begun).milliseconds)
            if rate > most {
                return Finding(peers: [i], expected: "at most \(most) bytes/s of datagrams", found: "\(rate)")
            }
        }
        return nil
    }
}
