import Basis
import Records
import Trust

/// What is asked for.
enum FetchKey: Comparable, Hashable, Sendable {
    case block(Digest)
    case certificates(from: UInt64, to: UInt64)
    /// Executed blocks from the next height on.
    case range

    private var rank: Int {
        switch self {
        case .block: 0
        case .certificates: 1
        case .range: 2
        }
    }

    static func < (a: FetchKey, b: FetchKey) -> Bool {
        switch (a, b) {
        case (.block(let x), .block(let y)): x < y
        case (.certificates(let f, let t), .certificates(let g, let u)): f != g ? f < g : t < u
        default: a.rank < b.rank
        }
    }
}

/// One request under way.
struct Fetch: Sendable {
    var peer: PeerID
    /// After it another peer is asked.
    var deadline: Instant
    var attempts: Int
}

/// What is known of a linked peer or a seat.
struct PeerState: Sendable {
    var isLinked = false
    var heardAt: Instant?
    /// Its last Status, while what it claims was not shown to be false.
    var claim: Status?
    var claimedAt: Instant?
    var hasShownStatus = false
    var askedAt: Instant?
    var answeredAt: Instant?
    var answeredView: UInt64 = 0
    var statusAnsweredAt: Instant?
    /// Requests of the current second.
    var requests = 0
    var requestsSince: Instant?
}

/// A peer whose Final messages this observer asked for.
struct Upstream: Sendable {
    let peer: PeerID
    var askedAt: Instant
    var heardAt: Instant
}
