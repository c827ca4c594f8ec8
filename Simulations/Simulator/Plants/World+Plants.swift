import Basis
import Gossip
import NodeCore
import Records
import Session
import Trust

/// Where planted bugs of groups S and M reach into a world (`simulation.md` 16). Nothing here runs without a plant.
extension World {
    /// From here on a run is settled enough for a bug to be told from a start.
    private static let settled = Interval.seconds(12)

    /// Limits of nodes that differ from those that checkers know; nil for none.
    var plantedLimits: NodeLimits? {
        if plant == .none { return nil }
        var limits = plan.nodeLimits
        switch plant {
        case .moreEntropy: limits.session.entropySeedsMax *= 2
        case .manyOutboundLinks:
            limits.gossip.outboundLinksTarget *= 4
            limits.gossip.inboundLinksMax *= 4
        case .acceptsTheFuture: limits.gossip.recordFutureMax = .seconds(86_400)
        case .moreRounds: limits.gossip.probeRoundsMax += 15
        case .oneRoundDecides: limits.gossip.probeRoundsMax = 1
        case .probesEachSecond: limits.gossip.probeInterval = .milliseconds(100)
        default: return nil
        }
        return limits
    }

    /// What leaves in the place of a datagram, and for whom; nil if the plant leaves it alone.
    func planted(datagram bytes: [UInt8], to: SocketAddress, from i: Int) -> (packets: [[UInt8]], to: SocketAddress)? {
        switch plant {
        case .padsRetries:
            guard bytes.first == SeenPacket.retry else { return nil }
            return ([bytes + [UInt8](repeating: 0, count: 1_200)], to)
        case .answersElsewhere:
            guard bytes.first == SeenPacket.retry else { return nil }
            return ([bytes], to.with(port: to.port &+ 1))
        case .oneByteMore:
            guard bytes.count >= 1_200 else { return nil }
            return ([bytes + [0]], to)
        default: return nil
        }
    }

    /// Rows as a shell writes them that appends a byte.
    func withTrailingBytes(_ batch: StoreBatch) -> StoreBatch {
        var changed = batch
        for (at, operation) in batch.operations.enumerated() {
            if case .put(.book, let key, let value) = operation {
                changed.operations[at] = .put(.book, key: key, value: value + [0])
            }
        }
        return changed
    }

    /// What the world does to the cores of a peer after it handled an input.
    mutating func plantAfter(_ input: SimPeer.Node.Input, _ kind: EventKind, _ i: Int) {
        switch plant {
        case .forgetsReplays:
            if kind == .datagram { _ = peers[i].inPlace { $0.plantForgottenReplays() } }
            return
        case .callsHeardVerified: return alter(i) { $0.plantVerified() }
        case .bansTheOthers:
            guard let groups = weather.partitions.first else { return }
            for j in peers.indices where groups[j] != groups[i] {
                let id = peers[j].id
                alter(i) { $0.plant(ban: id) }
            }
            return
        default: break
        }
        guard i == 0, elapsed > World.settled else { return }
        switch plant {
        case .leavesDueTimer: if kind == .deadline { alter(0) { $0.plantDueTimer() } }
        case .takesLinkTimers: if phase == .calm { alter(0) { $0.plantLinksWithoutTimer() } }
        case .olderRecord: alterRecord { $0 &- 1 }
        case .unsignedRecord: alterRecord { $0 &+ 1 }
        case .thirdPeerRemoves:
            let cause = sender(of: input, 0)
            guard kind == .datagram, cause >= 0 else { return }
            let rows = peers[0].inPlace { $0.membership.rows } ?? []
            if let row = rows.first(where: { $0.state == .verified && $0.id != peers[cause].id }) {
                alter(0) { $0.plant(unreachable: row.id) }
            }
        case .keepsDeadLinks:
            guard let j = links(0).first else { return }
            let (own, other) = (peers[0].id, peers[j].id)
            alter(0) { $0.plant(young: other) }
            alter(j) { $0.plant(drop: own) }
        case .bansForNothing:
            let id = peers[1].id
            alter(0) { $0.plant(ban: id) }
        case .dropsHonestLinks:
            for j in links(0) where !peers[j].isByzantine {
                let id = peers[j].id
                alter(0) { $0.plant(drop: id) }
            }
        default: break
        }
    }

    private func alter(_ i: Int, _ change: (inout Membership) -> Void) { _ = peers[i].inPlace { $0.plant(change) } }

    /// Gives the first row of peer 0 another sequence.
    private func alterRecord(_ change: (UInt64) -> UInt64) {
        guard let row = (peers[0].inPlace { $0.membership.rows } ?? []).first else { return }
        var content = row.record.content
        content.sequence = change(content.sequence)
        alter(0) { $0.plant(record: PeerRecord(content, signature: row.record.signature), of: row.id) }
    }
}
