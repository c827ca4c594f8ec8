import Basis
import Consensus
import Credits
import Gossip
import NodeCore
import Records
import Session
import Trust

extension SimPeer {
    /// What the protocol knows here: log, pool, book and links. Two equal digests mean that nothing of it moved.
    func protocolDigest() -> UInt64 {
        inPlace { node in
            var sip = SipHash(0x7072_6f74_6f00, 1)
            if let log = node.log {
                sip.add(log.ledger.height)
                sip.add(log.replica.view)
                sip.add(log.replica.certifiedHeight)
                sip.add(UInt64(log.pool.count))
                sip.add(UInt64(log.pool.bytes))
                sip.add(UInt64(log.outbox.count))
            }
            for row in node.membership.rows {
                sip.add(row.id.raw.w0)
                sip.add(row.record.sequence)
                sip.add(UInt64(row.state.rawValue))
            }
            for link in node.membership.linkRows {
                sip.add(link.id.raw.w0)
                sip.add(link.isUp ? 1 : 2)
                sip.add(link.isOutbound ? 1 : 2)
            }
            return sip.finished()
        } ?? 0
    }
}

/// S10: the second copy of a datagram changes nothing and is answered by nothing sealed.
struct DuplicatesHarmless: Checker {
    static let id = "S10"
    static let statement = "a message delivered twice leaves the protocol digest as once (1 in 100, tried on a copy)"
    static let watches: [Observation.Kind] = [.received, .handled]
    private(set) var judged: UInt64 = 0
    private var count: UInt64 = 0
    private var last: (peer: Int, bytes: [UInt8], from: SocketAddress)?

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        switch observation {
        case .received(let i, let bytes, let from):
            count += 1
            last = count % 100 == 0 ? (i, bytes, from) : nil
        case .handled(let i):
            guard let tried = last, tried.peer == i else { return nil }
            last = nil
            return again(i, tried.bytes, tried.from, world)
        default: break
        }
        return nil
    }

    private mutating func again(
        _ i: Int, _ bytes: [UInt8], _ from: SocketAddress, _ world: borrowing World
    ) -> Finding? {
        guard world.peers[i].isLive else { return nil }
        judged += 1
        let copy = world.peers[i].copied()
        let before = copy.protocolDigest()
        let effects = copy.handle(
            .transport(.datagram(bytes, from: from, on: LocalSocket(1))), now: world.localNow(i),
            wall: copy.clock.wall(world.now))
        for effect in effects {
            guard case .transport(.transmit(let answer, _, _)) = effect, bytes.first == SealedText.kind,
                answer.first == SealedText.kind
            else { continue }
            return Finding(
                peers: [i], expected: "no sealed answer to a sealed datagram that came twice",
                found: "one of \(answer.count) bytes")
        }
        if copy.protocolDigest() == before { return nil }
        return Finding(
            peers: [i], expected: "the same protocol digest after a second copy of \(bytes.count) bytes",
            found: "another one")
    }
}

/// S11: from calm on, nobody waits for something without a timer that looks after it.
struct NobodyForgets: Checker {
    static let id = "S11"
    static let statement = "after calm nobody is idle and owing: a deadline exists while a link or entry waits for it"
    static let watches: [Observation.Kind] = [.handled]
    private(set) var judged: UInt64 = 0
    private var counts: [UInt64]

    init(_ plan: Plan) { counts = Array(repeating: 0, count: plan.peers.count) }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .handled(let i) = observation, world.phase == .calm else { return nil }
        counts[i] += 1
        // The look at all links of a peer is worth one in so many of its events.
        return counts[i] % 64 == 1 ? judge(i, world) : nil
    }

    mutating func end(of world: borrowing World) -> Finding? {
        for i in world.peers.indices { if let finding = judge(i, world) { return finding } }
        return nil
    }

    private mutating func judge(_ i: Int, _ world: borrowing World) -> Finding? {
        let peer = world.peers[i]
        guard peer.isLive else { return nil }
        judged += 1
        let owed = peer.inPlace { node in
            (
                node.membership.linksWithoutTimer, node.forgottenEntries,
                node.log.map { $0.isStopped || $0.nextDeadline != nil } ?? true
            )
        }
        guard let owed else { return nil }
        if let link = owed.0.first {
            return Finding(peers: [i], expected: "a timer for every link", found: "none for that to \(link)")
        }
        if owed.1 > 0 {
            return Finding(peers: [i], expected: "a deadline for every entry that waits", found: "\(owed.1) have none")
        }
        return owed.2 ? nil : Finding(peers: [i], expected: "a deadline of the log", found: "none")
    }
}

/// S12: datagrams that lead to nothing cost next to no signature checks.
struct GarbageCheap: Checker {
    static let id = "S12"
    static let statement = "garbage costs at most one signature check in 100 datagrams"
    static let watches: [Observation.Kind] = [.booted, .received, .handled]
    /// Fewer say nothing.
    static let datagramsMin: UInt64 = 100
    private(set) var judged: UInt64 = 0
    private var drops: [UInt64]
    private var isDatagram: [Bool]
    private var verifies: UInt64 = 0

    init(_ plan: Plan) {
        drops = Array(repeating: 0, count: plan.peers.count)
        isDatagram = Array(repeating: false, count: plan.peers.count)
    }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        switch observation {
        case .booted(let i): drops[i] = 0
        case .received(let i, _, _): isDatagram[i] = true
        case .handled(let i):
            guard let count = world.peers[i].inPlace({ $0.garbageCount }) else { return nil }
            defer {
                drops[i] = count
                isDatagram[i] = false
            }
            guard isDatagram[i], count > drops[i], !world.peers[i].isByzantine else { return nil }
            judged += 1
            verifies += UInt64(world.peers[i].lastVerifies)
        default: break
        }
        return nil
    }

    mutating func end(of world: borrowing World) -> Finding? {
        guard judged >= GarbageCheap.datagramsMin, verifies * 100 > judged else { return nil }
        return Finding(
            peers: [], expected: "at most \(judged / 100) signature checks for \(judged) useless datagrams",
            found: "\(verifies)")
    }
}
