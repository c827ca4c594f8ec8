import Basis
import Records
import Trust

extension Replica {
    /// A peer wants each executed block from now on, and what it lacks before.
    mutating func follow(_ message: Follow, by sender: PeerID) {
        guard mayRequest(sender), message.fromHeight < Replica.numberMax else {
            stats.refusedRequests += 1
            return
        }
        if !followers.contains(sender) {
            if followers.count >= limits.followersMax {
                stats.refusedFollowers += 1
                return
            }
            followers.append(sender)
        }
        if message.fromHeight >= 1, message.fromHeight <= executed.state.height {
            emit(
                .serveBlocks(
                    FetchBlocks(
                        from: message.fromHeight, count: UInt16(LedgerLimits.syncBlocksMax)),
                    to: sender))
        }
    }

    /// Shows an executed block to the followers, with its proof.
    mutating func pushFinal(_ height: UInt64) {
        defer { while let first = handedProofs.first, first.key <= height { handedProofs.popFirst() } }
        guard !followers.isEmpty, let proof = handedProofs[height] else { return }
        post(
            .final(
                Blocks(
                    blocks: [proof.block], links: proof.links,
                    stateCertificate: proof.stateCertificate,
                    finalizeCertificate: proof.finalizeCertificate)), to: followers)
    }

    /// Peers that do not vote follow two upstreams: a seat if one is linked, and a random link.
    mutating func chooseUpstreams() {
        guard isWatcher, mode != .stopped else { return }
        var links = peers.filter { $0.value.isLinked }.map(\.key)
        links.removeAll { peer in upstreams.contains { $0.peer == peer } }
        links.shuffle(using: &generator)
        if upstreams.allSatisfy({ seatIndexes[$0.peer] == nil }),
            let seat = links.first(where: { seatIndexes[$0] != nil })
        {
            links.removeAll { $0 == seat }
            links.insert(seat, at: 0)
        }
        while upstreams.count < 2, !links.isEmpty {
            let peer = links.removeFirst()
            upstreams.append(Upstream(peer: peer, askedAt: now, heardAt: now))
            emit(.send(.follow(Follow(fromHeight: handed.height + 1)), to: [peer]))
        }
        if deadlines[.follow] == nil { deadlines.set(.follow, at: now + Replica.followPeriod) }
    }

    mutating func noteUpstream(_ peer: PeerID) {
        let now = now
        for i in upstreams.indices where upstreams[i].peer == peer { upstreams[i].heardAt = now }
    }

    /// Drops an upstream that is more than 5 s behind, and renews the others.
    mutating func followDue() {
        let isBehind = peers.contains { ($0.value.claim?.executedHeight ?? 0) > handed.height }
        upstreams.removeAll { isBehind && now - $0.heardAt > Replica.followPeriod }
        for i in upstreams.indices where now - upstreams[i].askedAt >= Replica.followPeriod * 2 {
            upstreams[i].askedAt = now
            emit(.send(.follow(Follow(fromHeight: handed.height + 1)), to: [upstreams[i].peer]))
        }
        deadlines.set(.follow, at: now + Replica.followPeriod)
        chooseUpstreams()
    }

    /// Whether this peer never votes in this epoch: an observer, or a seat without its key.
    var isWatcher: Bool { own == nil || configuration.voting == nil }

    static let followPeriod = Interval.seconds(5)
}
