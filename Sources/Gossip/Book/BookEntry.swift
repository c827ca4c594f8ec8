import Basis
import Records
import Trust

/// One row of the book: a peer, its newest record, and what we know of it ourselves (`gossip.md` 7.1).
struct BookEntry: Sendable {
    enum State: Sendable, Hashable {
        /// Admitted on hearsay.
        case heard
        /// Its key was proven by a handshake with us.
        case verified
        /// Verified once; this many dials failed since, or its link fell silent.
        case unreachable(Int)
        /// It signed a leave.
        case left
    }

    let id: PeerID
    let index: PeerIndex
    var record: PeerRecord
    /// The lowest scope of any session over which the record was told (3.4).
    var scopeFloor: SocketAddress.Scope
    var state: State
    /// Unix milliseconds, as saved (10.4); 0 = never.
    var firstSeen: UInt64
    var verifiedAt: UInt64 = 0
    var lastAttempt: UInt64 = 0
    /// When it was admitted in this run.
    let heardAt: Instant
    /// When its key was last proven in this run.
    var provenAt: Instant?
    var failures = 0
    /// No ordinary dial before.
    var nextDial: Instant
    var isAnchor = false
    /// Endpoints that another key has proven to be its own since (3.6).
    var lostEndpoints: [SocketAddress] = []
    /// 7/8 old + 1/8 new.
    var roundTrip: Interval?
    /// Past its lifetime: still dialled, never relayed, not counted live.
    var isExpired = false
    var isDirty = false

    var isLeft: Bool { state == .left }
    var isVerified: Bool { state == .verified }
    var isUnreachable: Bool {
        if case .unreachable = state { true } else { false }
    }
    /// Heard or verified, record in time (7.1).
    var isLive: Bool { (state == .heard || state == .verified) && !isExpired }
    var sequence: UInt64 { record.sequence }

    /// Endpoints that may be dialled: not below the scope floor, not lost, not through a relay (stage 2).
    var usableEndpoints: [Endpoint] {
        if record.content.reach == .client { return [] }
        return record.content.endpoints.filter {
            $0.relay == nil && $0.address.scope > .invalid && $0.address.scope >= scopeFloor
                && !lostEndpoints.contains($0.address)
        }
    }

    mutating func noteRoundTrip(_ sample: Interval) {
        if let old = roundTrip {
            roundTrip = Interval(nanoseconds: (old.nanoseconds * 7 + sample.nanoseconds) / 8)
        } else {
            roundTrip = sample
        }
    }
}
