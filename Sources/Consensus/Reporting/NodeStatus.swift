import Basis
import Records
import Trust

/// How this node stands to the network (`ledger.md` 15), with what a user needs to understand it.
public struct NodeStatus: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        /// Behind what a quorum certified: reads answer with `behind` heights.
        case syncing(behind: UInt64)
        case live
        /// Demand without finality for more than 10 s although a quorum of seats is heard, or too much is
        /// uncertified.
        case stalled(StallCause)
        /// The same with fewer seats than a quorum: read-only.
        case noQuorum
        /// The clock of the log is ahead of this node's by so many ms: it makes no proposals.
        case clockOff(aheadMillis: UInt64)
        /// The voting key is missing: this seat only watches.
        case quarantined
        case stopped
    }

    public enum StallCause: Sendable, Hashable { case noFinality, uncertified }

    public struct Facts: Sendable, Hashable {
        public var seats: Int
        public var quorum: Int
        /// Seats heard in the last 10 s, this one included.
        public var heard: [UInt16]
        public var missing: [UInt16]
        public var view: UInt64
        public var leader: UInt16
        public var finalHeight: UInt64
        public var executedHeight: UInt64
        public var certifiedHeight: UInt64
        /// Ms since each seat was last heard, by seat; nil if never, 0 for the own one.
        public var silentMillis: [UInt64?]
    }

    public var kind: Kind
    public var facts: Facts

    public var isStalled: Bool {
        switch kind {
        case .stalled, .noQuorum: true
        default: false
        }
    }
}

extension Replica {
    /// What is known of the seats now.
    public func facts() -> NodeStatus.Facts {
        var heard: [UInt16] = []
        var missing: [UInt16] = []
        var silent: [UInt64?] = []
        for (seat, peer) in seatPeers.enumerated() {
            let at = seat == own ? now : peers[peer]?.heardAt
            silent.append(at.map { UInt64(clamping: (now - $0).milliseconds) })
            if let at, now - at < Replica.stallAfter {
                heard.append(UInt16(seat))
            } else {
                missing.append(UInt16(seat))
            }
        }
        return NodeStatus.Facts(
            seats: seats.count, quorum: seats.quorum, heard: heard, missing: missing, view: view,
            leader: UInt16(leader), finalHeight: finalHeight,
            executedHeight: executed.state.height, certifiedHeight: certifiedHeight,
            silentMillis: silent)
    }

    mutating func updateStatus() {
        if mode == .stopped { return }
        let facts = facts()
        let kind = statusKind(facts)
        let isNews = !isSame(kind, status.kind) || facts.missing != status.facts.missing
        status = NodeStatus(kind: kind, facts: facts)
        if isNews { emit(.statusChanged(status)) }
    }

    /// A different number of heights behind, or of ms, is no change of status.
    private func isSame(_ a: NodeStatus.Kind, _ b: NodeStatus.Kind) -> Bool {
        switch (a, b) {
        case (.syncing, .syncing), (.clockOff, .clockOff): true
        default: a == b
        }
    }

    private func statusKind(_ facts: NodeStatus.Facts) -> NodeStatus.Kind {
        let known = knownHeight
        switch mode {
        case .stopped: return .stopped
        case .quarantined: return .quarantined
        case .syncing:
            let behind = known > executed.state.height ? known - executed.state.height : 0
            return .syncing(behind: behind)
        case .active, .observer: break
        }
        let ahead = tree[tip.hash]?.header.timestamp ?? executed.timestamp
        if ahead > wall + limits.clockSkewMillisMax { return .clockOff(aheadMillis: ahead - wall) }
        if executed.state.height > certifiedHeight + limits.uncertifiedBlocksMax {
            return .stalled(.uncertified)
        }
        if let since = demandSince, now - max(since, lastFinal) >= Replica.stallAfter {
            return facts.heard.count >= seats.quorum ? .stalled(.noFinality) : .noQuorum
        }
        return .live
    }
}
