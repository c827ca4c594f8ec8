import Basis
import Records
import Trust

/// The failure detector of one link (`gossip.md` 8.1): quiet, then up to three rounds of growing effort.
struct Probe: Sendable {
    enum Phase: Sendable, Hashable {
        case quiet
        /// 1 … `probeRoundsMax`.
        case round(Int)
    }

    struct OpenPing: Sendable, Hashable {
        let number: UInt32
        let sentAt: Instant
    }

    struct Helper: Sendable, Hashable {
        let peer: PeerIndex
        let number: UInt32
        let askedAt: Instant
        var hasAnswered = false
    }

    var phase = Phase.quiet
    /// The last two-way evidence: an Ack, a PONG, or a Ping of a peer that heard us.
    var lastEvidence: Instant?
    /// Pings that may still be answered, oldest first.
    var open: [OpenPing] = []
    /// Helpers of the current round.
    var helpers: [Helper] = []
    /// Helpers of earlier rounds of this run: others are asked where possible.
    var asked: [PeerIndex] = []
    /// Since when only helpers reach the peer.
    var indirectSince: Instant?
    /// It was asked as a helper and let a round pass: whether it is dead or we are slow is not known yet.
    var owesAnswer = false
    var streamProbe: UInt32?

    static let openMax = 16

    init(lastEvidence: Instant? = nil) { self.lastEvidence = lastEvidence }

    var round: Int {
        if case .round(let n) = phase { n } else { 0 }
    }

    mutating func note(_ ping: OpenPing) {
        open.append(ping)
        if open.count > Self.openMax { open.removeFirst() }
    }

    /// Takes the open Ping with this number, if there is one (GP-09).
    mutating func take(_ number: UInt32) -> OpenPing? {
        guard let i = open.firstIndex(where: { $0.number == number }) else { return nil }
        return open.remove(at: i)
    }
}

/// What all probes of this node share.
struct ProbeState: Sendable {
    /// A Ping that we send for others.
    struct Errand: Sendable {
        struct Request: Sendable {
            let requester: PeerIndex
            let number: UInt32
        }
        let target: PeerIndex
        let sentAt: Instant
        var requests: [Request]
    }

    var nextNumber: UInt32
    /// 0 … 3: how much we mistrust ourselves (8.3).
    var health: UInt8 = 0
    var errands = SortedMap<UInt32, Errand>()
    var errandBudgets = SortedMap<PeerIndex, TokenBucket>()
    /// Links that doubted us lately.
    var doubts: [(peer: PeerIndex, at: Instant)] = []

    mutating func number() -> UInt32 {
        nextNumber = nextNumber == UInt32.max ? 1 : nextNumber + 1
        return nextNumber
    }
}
