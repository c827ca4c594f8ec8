import Basis
import NodeCore
import Records
import Trust
import Wire

/// Loses a share of what it should send.
struct Dropper: Trick {
    mutating func passing(
        _ message: LogMessage, by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [LogMessage] { means.takesChance() ? [] : [message] }

    mutating func sending(
        _ datagram: [UInt8], by member: Member, to address: SocketAddress, _ means: inout Means
    ) -> [[UInt8]] { means.takesChance() ? [] : [datagram] }
}

/// Serves everybody but its victims; without victims it serves nobody who is behind.
struct SelectiveDropper: Trick {
    mutating func passing(
        _ message: LogMessage, by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [LogMessage] {
        if means.plan.victims.isEmpty {
            switch message {
            case .blocks, .final, .certificates, .stateCertificate: return means.takesChance() ? [] : [message]
            default: return [message]
            }
        }
        return means.isVictim(peer) && means.takesChance() ? [] : [message]
    }

    mutating func sending(
        _ datagram: [UInt8], by member: Member, to address: SocketAddress, _ means: inout Means
    ) -> [[UInt8]] { means.isVictim(address) && means.takesChance() ? [] : [datagram] }

    /// A connection of which bytes vanish breaks: that is for coalitions that always act.
    mutating func swallows(_ bytes: Int, by member: Member, to peer: PeerID, _ means: inout Means) -> Bool {
        means.plan.intensity == .always && means.isVictim(peer) && means.takesChance()
    }
}

/// Sends late.
struct Delayer: Trick {
    static let least = Interval.milliseconds(100)
    static let most = Interval.seconds(3)

    mutating func passing(
        _ message: LogMessage, by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [LogMessage] {
        // Answers go back on the stream that asked, at once or never.
        if MessageNumber.lane(message.number) == nil || !means.takesChance() { return [message] }
        means.later(means.between(Delayer.least, Delayer.most), .say(message, by: member.index, to: peer))
        return []
    }

    mutating func sending(
        _ datagram: [UInt8], by member: Member, to address: SocketAddress, _ means: inout Means
    ) -> [[UInt8]] {
        if !means.takesChance() { return [datagram] }
        means.later(means.between(Delayer.least, Delayer.most), .datagram(datagram, by: member.index, to: address))
        return []
    }
}

/// Sends again, much later, what its members sent: to the same peers and to others.
struct Replayer: Trick {
    static let keptMax = 256
    static let perAct = 8

    var pace: Interval? { .seconds(1) }
    private var datagrams: [(bytes: [UInt8], to: SocketAddress)] = []
    private var messages: [LogMessage] = []

    mutating func passing(
        _ message: LogMessage, by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [LogMessage] {
        if messages.count < Replayer.keptMax {
            messages.append(message)
        } else {
            messages[means.below(messages.count)] = message
        }
        return [message]
    }

    mutating func sending(
        _ datagram: [UInt8], by member: Member, to address: SocketAddress, _ means: inout Means
    ) -> [[UInt8]] {
        if datagrams.count < Replayer.keptMax {
            datagrams.append((datagram, address))
        } else {
            datagrams[means.below(datagrams.count)] = (datagram, address)
        }
        return [datagram]
    }

    mutating func acts(_ sight: Sight, _ means: inout Means) {
        let i = sight.member.index
        let others = means.others
        if others.isEmpty { return }
        for k in 0..<Replayer.perAct where means.strikes() {
            let somebody = others[means.below(others.count)]
            if !datagrams.isEmpty {
                let (bytes, to) = datagrams[means.below(datagrams.count)]
                means.now(.datagram(bytes, by: i, to: k % 2 == 0 ? to : somebody.address))
                means.deeds += 1
            }
            if !messages.isEmpty {
                means.now(.say(messages[means.below(messages.count)], by: i, to: somebody.id))
                means.deeds += 1
            }
        }
    }
}

/// Changes bytes of valid datagrams, and of valid messages inside good sessions.
struct Mutator: Trick {
    mutating func passing(
        _ message: LogMessage, by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [LogMessage] {
        if MessageNumber.lane(message.number) == nil || !means.takesChance() { return [message] }
        let body = Mutator.mutated(message.body, &means)
        means.now(.lane(LaneMessage(message.number, body), by: member.index, to: peer))
        return []
    }

    mutating func sending(
        _ datagram: [UInt8], by member: Member, to address: SocketAddress, _ means: inout Means
    ) -> [[UInt8]] { means.takesChance() ? [Mutator.mutated(datagram, &means)] : [datagram] }

    /// Flips, cuts, or extends; lengths and counts are met as often as contents.
    static func mutated(_ bytes: [UInt8], _ means: inout Means) -> [UInt8] {
        var out = bytes
        if out.isEmpty { return [UInt8(truncatingIfNeeded: means.rng.next())] }
        switch means.below(5) {
        case 0:
            for _ in 0..<(1 + means.below(4)) { out[means.below(out.count)] ^= 1 << UInt8(means.below(8)) }
        case 1: out = Array(out.prefix(means.below(out.count)))
        case 2: out += means.rng.bytes(1 + means.below(40))
        case 3: out[means.below(min(out.count, 64))] = means.below(2) == 0 ? 0xff : 0
        default:
            let at = means.below(out.count)
            out.replaceSubrange(at..<min(out.count, at + 4), with: means.rng.bytes(4))
        }
        return out
    }
}

/// Sends random bytes to random peers, at the rate that it is allowed.
struct Babbler: Trick {
    /// Batches of a second.
    static let batches = 20

    var pace: Interval? { .seconds(1) }

    mutating func acts(_ sight: Sight, _ means: inout Means) {
        let others = means.others
        if others.isEmpty { return }
        let tag = NetworkTag(means.network).encoded
        var left = means.bytesPerMember
        var sent = 0
        while left > 0 {
            let length = 1 + means.below(1_200)
            left -= length + World.datagramOverhead
            var bytes = means.rng.bytes(length)
            // Half of them look like a packet at first sight.
            if means.below(2) == 0 {
                bytes.replaceSubrange(
                    0..<min(5, length), with: ([0xd1 + UInt8(means.below(7))] + tag).prefix(min(5, length)))
            }
            let to = others[means.below(others.count)].address
            let after = Interval.milliseconds(Int64(1_000 * (sent % Babbler.batches) / Babbler.batches))
            means.later(after, .datagram(bytes, by: sight.member.index, to: to))
            sent += 1
        }
        means.deeds += UInt64(sent)
    }
}

/// Sends valid messages that nobody needs: Status that wants an answer, entries that are known.
struct Flooder: Trick {
    static let perActMax = 400

    var pace: Interval? { .seconds(1) }
    private var status: Status?
    private var submit: Submit?

    mutating func passing(
        _ message: LogMessage, by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [LogMessage] {
        switch message {
        case .status(let one): status = one
        case .submit(let one): submit = one
        default: break
        }
        return [message]
    }

    mutating func acts(_ sight: Sight, _ means: inout Means) {
        let others = means.others
        guard var status, !others.isEmpty else { return }
        status.flags.insert(.wantsAnswer)
        var left = means.bytesPerMember
        var sent = 0
        while left > 0, sent < Flooder.perActMax {
            let message: LogMessage
            if let submit, means.below(4) == 0 { message = .submit(submit) } else { message = .status(status) }
            left -= message.body.count + 64
            let to = others[means.below(others.count)].id
            let after = Interval.milliseconds(Int64(sent * 1_000 / Flooder.perActMax))
            means.later(after, .say(message, by: sight.member.index, to: to))
            sent += 1
        }
        means.deeds += UInt64(sent)
    }
}
