public import Basis
public import Records
public import Trust

// The two rows are public so that this file imports publicly: after one `package import` of a module, nothing here that
// uses it could be specialised in another module.

/// What simulations look at, and what they alter to plant a bug (`simulation.md` 15, 16). No logic uses any of it.
extension Membership {
    /// One row of the book as an observer sees it.
    public struct Row: Sendable, Hashable {
        /// What is known of the peer.
        public enum State: UInt8, Sendable { case heard, verified, unreachable, left }
        public let id: PeerID
        public let record: PeerRecord
        public let state: State
        public let isExpired: Bool
        /// When the row came; a row that went and came back is another one.
        public let heardAt: Instant
    }

    /// One link as an observer sees it.
    public struct LinkRow: Sendable, Hashable {
        public let id: PeerID
        public let index: PeerIndex
        public let isUp: Bool
        public let isOutbound: Bool
        public let isPinned: Bool
        public let since: Instant
    }

    /// Rises whenever a row comes, goes, or changes its record or state.
    package var bookRevision: UInt64 { book.revision }

    /// In id order.
    package var rows: [Row] {
        var rows: [Row] = []
        rows.reserveCapacity(book.count)
        book.entries.visit { id, entry in
            let state: Row.State =
                switch entry.state {
                case .heard: .heard
                case .verified: .verified
                case .unreachable: .unreachable
                case .left: .left
                }
            rows.append(
                Row(
                    id: id, record: entry.record, state: state, isExpired: entry.isExpired, heardAt: entry.heardAt))
        }
        return rows
    }

    package var linkRows: [LinkRow] {
        var rows: [LinkRow] = []
        rows.reserveCapacity(links.count)
        links.visit { index, link in
            rows.append(
                LinkRow(
                    id: link.id, index: index, isUp: link.isUp, isOutbound: link.isOutbound,
                    isPinned: pins.contains(link.id), since: link.since))
        }
        return rows
    }

    /// Peers with a standing ban.
    package var barredPeers: [PeerID] { bans.until.compactMap { $0.value > now ? $0.key : nil } }

    /// Links that no timer looks after.
    package var linksWithoutTimer: [PeerID] {
        links.compactMap { peer, link in
            deadlines[link.isUp ? .probe(peer) : .link(peer)] == nil ? link.id : nil
        }
    }

    /// Records in the book.
    public var knownCount: Int { book.count }

    /// Whether everybody links to everybody here.
    package var isMesh: Bool { isFullMesh }

    /// Entries of each table, in the order of `capacities`.
    package var sizes: [Int] {
        let inbound = links.reduce(0) { $0 + ($1.value.isOutbound || pins.contains($1.value.id) ? 0 : 1) }
        return [
            book.count, links.reduce(0) { $0 + (pins.contains($1.value.id) ? 0 : 1) }, isFullMesh ? 0 : inbound,
            directory.count, bans.count, requestBars.count,
            refusalBars.count, proofs.count, unanswered.slots.count, spreading.queue.count, probing.errands.count,
            dials.inFlight, documents.cache.count,
        ]
    }

    /// Names and limits of `sizes` for nodes with these limits.
    package static func capacities(_ limits: GossipLimits) -> [(name: String, most: Int)] {
        [
            ("rows of the book", limits.bookEntriesMax),
            (
                "links without a pin",
                limits.inboundLinksMax + limits.fullMeshLeavePeersMax + limits.outboundLinksTarget
            ),
            // A full mesh that is left keeps what others opened, and so does a pin that ends.
            ("inbound links", limits.inboundLinksMax + limits.fullMeshLeavePeersMax),
            ("peer indices", limits.peerDirectoryEntriesMax), ("bans", limits.bansMax),
            ("link backoffs", limits.linkBackoffsMax), ("refused peers", limits.linkBackoffsMax),
            ("equivocation proofs", limits.equivocationProofsMax), ("unanswered ids", limits.unansweredEntriesMax),
            ("records to forward", limits.forwardQueueMax), ("errands", limits.helperRoundsMax),
            // Revivals and pins of lost links may be dialled beyond the ordinary dials.
            ("dials", limits.dialsInFlightMax + limits.linkBackoffsMax),
            ("documents", limits.documentCacheEntriesMax),
        ]
    }

    // MARK: planted bugs

    /// Puts a record in a row, whatever its sequence.
    package mutating func plant(record: PeerRecord, of peer: PeerID) { book.update(peer) { $0.record = record } }

    /// Makes a row unreachable without a dial.
    package mutating func plant(unreachable peer: PeerID) { book.update(peer) { $0.state = .unreachable(1) } }

    /// Calls every heard row verified.
    package mutating func plantVerified() {
        for (peer, entry) in book.entries where entry.state == .heard { book.update(peer) { $0.state = .verified } }
    }

    /// Leaves a timer that is due.
    package mutating func plantDueTimer() { deadlines.set(.plan, at: now) }

    /// Takes the timers of all links.
    package mutating func plantLinksWithoutTimer() {
        for (peer, _) in links {
            deadlines.cancel(.probe(peer))
            deadlines.cancel(.link(peer))
        }
    }

    /// Takes a link for young for an hour: whatever the other end says of it is old.
    package mutating func plant(young peer: PeerID) {
        guard let index = directory.index(of: peer), let link = links[index], link.isUp else { return }
        links.update(index) { $0.since = now + .seconds(3_600) }
    }

    /// Bans a peer for nothing.
    package mutating func plant(ban peer: PeerID) { bans.bar(peer, until: now + limits.ban) }

    /// Drops the link to a peer without a word.
    package mutating func plant(drop peer: PeerID) {
        guard let index = directory.index(of: peer) else { return }
        dropLink(index, .silent)
    }
}
