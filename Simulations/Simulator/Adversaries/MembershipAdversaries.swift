import Basis
import NodeCore
import Records
import Trust
import Wire

extension Means {
    /// A record signed with a key that a member holds.
    func record(
        of key: SimKey, sequence: UInt64, at endpoints: [Endpoint], minutes: UInt16 = 1_440
    ) -> [UInt8] {
        UnsignedRecord(
            networkTag: NetworkTag(network), key: key.publicKey, sequence: sequence, lifetimeMinutes: minutes,
            reach: endpoints.isEmpty ? .client : .open, endpoints: endpoints
        ).signed(by: key, network: network).encoded
    }

    /// Hands records to a peer as news that it did not ask for.
    mutating func push(_ records: [[UInt8]], by member: Member, to peer: PeerID) {
        let part = RecordsPart(purpose: .push, records: Array(records.prefix(RecordsPart.recordsMax)))
        now(.whisper([.records(part)], by: member.index, to: peer))
    }
}

/// Many keys behind few addresses: the members answer and push records of peers that do not exist.
struct SybilSwarm: Trick {
    static let phantoms = 64

    var pace: Interval? { .seconds(1) }
    private var keys: [SimKey] = []

    mutating func acts(_ sight: Sight, _ means: inout Means) {
        let member = sight.member
        while keys.count < SybilSwarm.phantoms { keys.append(SimKey(room: member.key.room, seed: means.rng.next())) }
        for peer in means.others where means.takesChance() {
            means.push(records(RecordsPart.recordsMax, member, &means), by: member, to: peer.id)
        }
    }

    mutating func passing(
        _ messages: [PeerMessage], by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [PeerMessage] {
        if keys.isEmpty { return messages }
        return messages.map { message in
            guard case .records(var part) = message, part.purpose == .answer, means.takesChance() else {
                return message
            }
            // As many bytes as before, so that the compound still fits.
            part.records = part.records.map { old in
                let new = records(1, member, &means)[0]
                return new.count <= old.count ? new : old
            }
            return .records(part)
        }
    }

    private func records(_ count: Int, _ member: Member, _ means: inout Means) -> [[UInt8]] {
        (0..<count).map { _ in
            let at = means.below(keys.count)
            let address = member.address.with(port: UInt16(20_000 + at))
            return means.record(of: keys[at], sequence: means.wall, at: [Endpoint(address)])
        }
    }
}

/// Signs two different records with one sequence, and shows one to half of the peers.
struct RecordEquivocator: Trick {
    var pace: Interval? { .seconds(2) }

    mutating func acts(_ sight: Sight, _ means: inout Means) {
        let member = sight.member
        if !means.takesChance() { return }
        // Newer than what its node published, so that both are taken.
        let sequence = means.wall + 1_000
        let one = means.record(of: member.key, sequence: sequence, at: [Endpoint(member.address)])
        let other = means.record(
            of: member.key, sequence: sequence,
            at: [Endpoint(member.address), Endpoint(member.address.with(port: member.address.port + 1))])
        for (k, peer) in means.others.enumerated() {
            means.push([k % 2 == 0 ? one : other], by: member, to: peer.id)
            // Some are shown both.
            if k % 3 == 0 { means.push([k % 2 == 0 ? other : one], by: member, to: peer.id) }
        }
    }
}

/// Dates its own record hours or a year ahead.
struct ClockLiar: Trick {
    var pace: Interval? { .seconds(2) }

    mutating func acts(_ sight: Sight, _ means: inout Means) {
        let member = sight.member
        if !means.takesChance() { return }
        let ahead: UInt64 = [7_500_000, 10_800_000, 31_536_000_000, UInt64.max / 2][means.below(4)]
        let record = means.record(
            of: member.key, sequence: means.wall &+ ahead, at: [Endpoint(member.address)])
        for peer in means.others { means.push([record], by: member, to: peer.id) }
    }

    mutating func passing(
        _ messages: [PeerMessage], by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [PeerMessage] {
        messages.map { message in
            guard case .ping(var ping) = message, means.takesChance() else { return message }
            ping.mySequence &+= 10_800_000
            return .ping(ping)
        }
    }
}

/// Says of peers that they are gone: doubts them, and denies to have reached them for others.
struct ThirdPartyAccuser: Trick {
    var pace: Interval? { .seconds(1) }

    mutating func acts(_ sight: Sight, _ means: inout Means) {
        let member = sight.member
        let accused = means.plan.victims.isEmpty ? means.others : means.plan.victims.map { means.everyone[$0] }
        for peer in means.others where means.takesChance() {
            let doubts = accused.filter { $0.id != peer.id }.prefix(8).map {
                PeerMessage.doubt(target: $0.id, sequence: means.wall)
            }
            if doubts.isEmpty { continue }
            means.now(.whisper(Array(doubts), by: member.index, to: peer.id))
        }
    }

    mutating func passing(
        _ messages: [PeerMessage], by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [PeerMessage] {
        messages.map { message in
            guard case .indirectAck(var ack) = message, ack.verdict == .reached, means.takesChance() else {
                return message
            }
            ack.verdict = .noAnswer
            return .indirectAck(ack)
        }
    }
}

/// Tells the oldest record of a peer that it ever told, and never a newer one.
struct StaleTeller: Trick {
    var pace: Interval? { .seconds(2) }
    private var oldest: [PublicKey: [UInt8]] = [:]
    /// In the order in which they were met.
    private var known: [PublicKey] = []
    /// A record of the own account from the past.
    static let past: UInt64 = 3_600_000

    mutating func passing(
        _ messages: [PeerMessage], by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [PeerMessage] {
        messages.map { message in
            guard case .records(var part) = message else { return message }
            part.records = part.records.map { bytes in
                guard let record = try? PeerRecord(decoding: bytes) else { return bytes }
                guard let old = oldest[record.key] else {
                    oldest[record.key] = bytes
                    known.append(record.key)
                    return bytes
                }
                return old != bytes && old.count <= bytes.count && means.takesChance() ? old : bytes
            }
            return .records(part)
        }
    }

    mutating func acts(_ sight: Sight, _ means: inout Means) {
        let member = sight.member
        for peer in means.others where means.takesChance() {
            let old = means.record(
                of: member.key, sequence: means.wall - StaleTeller.past, at: [Endpoint(member.address)])
            var told = [old]
            if !known.isEmpty, let other = oldest[known[means.below(known.count)]] { told.append(other) }
            means.push(told, by: member, to: peer.id)
        }
    }
}

/// Begins handshakes, takes each as far as the responder keeps something for it, and ends none (`gossip.md` 4.1).
struct HandshakeAbuser: Trick {
    static let perActMax = 100
    static let helloBytes = 1_200
    static let openMax = 1_024

    var pace: Interval? { .seconds(1) }
    /// Ephemeral keys of those that wait for a cookie, by initiator index.
    private var open = Memory<UInt32, Bytes32>(most: HandshakeAbuser.openMax)

    mutating func acts(_ sight: Sight, _ means: inout Means) {
        let others = means.others
        if others.isEmpty { return }
        let count = min(HandshakeAbuser.perActMax, max(1, means.bytesPerMember / HandshakeAbuser.helloBytes))
        for k in 0..<count where means.takesChance() {
            let index = UInt32(truncatingIfNeeded: means.rng.next()) | 1
            let ephemeral = means.digest().raw
            open[index] = ephemeral
            let to = others[means.below(others.count)]
            var hello = HandshakeAbuser.hello(means.network, index, ephemeral, cookie: Array(repeating: 0, count: 20))
            hello += Array(repeating: 0, count: HandshakeAbuser.helloBytes - hello.count)
            // Some are cut, or have a cookie that nobody gave.
            switch means.below(8) {
            case 0: hello.removeLast(means.below(hello.count))
            case 1:
                hello = HandshakeAbuser.hello(means.network, index, ephemeral, cookie: means.rng.bytes(20))
            default: break
            }
            let after = Interval.milliseconds(Int64(k * 1_000 / count))
            means.later(after, .datagram(hello, by: sight.member.index, to: to.address))
        }
    }

    /// A Retry brings the cookie with which the responder will keep state.
    mutating func overhears(
        _ datagram: [UInt8], by member: Member, from address: SocketAddress, _ means: inout Means
    ) {
        guard datagram.count == 80, datagram[0] == 0xd2 else { return }
        let index = (0..<4).reduce(UInt32(0)) { $0 | UInt32(datagram[7 + $1]) << UInt32(8 * $1) }
        guard let ephemeral = open[index] else { return }
        let hello = HandshakeAbuser.hello(means.network, index, ephemeral, cookie: Array(datagram[27..<47]))
        means.deeds += 1
        means.now(.datagram(hello, by: member.index, to: address))
    }

    static func hello(_ network: NetworkID, _ index: UInt32, _ ephemeral: Bytes32, cookie: [UInt8]) -> [UInt8] {
        var w = WireWriter(capacity: 160)
        w.u8(0xd1)
        w.value(NetworkTag(network))
        w.u8(1)
        w.u8(1)
        w.u8(1)
        w.u8(0)
        w.u32(index)
        w.bytes32(ephemeral)
        w.bytes32(.zero)
        w.value(network)
        w.fixed(cookie)
        return w.finish()
    }
}
