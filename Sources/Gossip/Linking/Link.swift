import Basis
import Records
import Trust

/// A mutual agreement with one peer on top of its session (`gossip.md` 7.2).
struct Link: Sendable {
    enum Phase: Sendable, Hashable {
        /// We asked.
        case requested
        /// They agreed, or asked at the same time: a Ping with the bit linked must be answered by an Ack with it.
        case confirming
        /// They asked and we agreed: their Ping with the bit linked is awaited.
        case offered
        case up
    }

    let id: PeerID
    var phase: Phase
    var isOutbound: Bool
    /// Start of the phase.
    var since: Instant
    var probe = Probe()
    /// Newest sequence of each subject that went over this link: once per sequence (GP-35).
    var sent: [PeerID: UInt64] = [:]
    /// The tip that the other end told last, and since when it is ahead of ours.
    var tip = ChainTip()
    var aheadSince: Instant?
    var behindRaisedAt: Instant?

    init(id: PeerID, phase: Phase, isOutbound: Bool, now: Instant) {
        self.id = id
        self.phase = phase
        self.isOutbound = isOutbound
        since = now
    }

    var isUp: Bool { phase == .up }
    /// Whether Pings and Acks carry the bit linked.
    var claimsLink: Bool { phase == .up || phase == .confirming }
}
