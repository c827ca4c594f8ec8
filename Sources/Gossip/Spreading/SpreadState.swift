import Basis
import Records
import Trust

/// Records on their way to others, and requests under way (`gossip.md` 9).
struct SpreadState: Sendable {
    struct Queued: Sendable {
        let record: PeerRecord
        let subject: PeerID
        let teller: PeerIndex
        /// As it will be told.
        let hops: UInt8
    }

    struct OpenRequest: Sendable {
        let number: UInt16
        let at: Instant
        /// Parts seen, one bit each; the number of parts is that of the first.
        var seen: UInt8 = 0
        var parts: UInt8 = 0
    }

    /// Waiting for the forwarding budget, oldest first; one per subject.
    var queue: [Queued] = []
    var budget: TokenBucket
    var lastRequest: UInt16 = 0
    /// Pulls and Finds that may still be answered, by peer.
    var open = SortedMap<PeerIndex, [OpenRequest]>()
    /// Rows on disk, and rows that left the book since the last batch.
    var saved: [PeerID: Bool] = [:]
    var savedCount = 0
    var deletions: [PeerID] = []
    /// The batch of rows whose write is under way.
    var unconfirmed: (ticket: Ticket, rows: [PeerID], deletions: [PeerID])?

    static let openMax = 8

    init(limits: GossipLimits, now: Instant) {
        let rate = limits.forwardRecordsPerSecondMax
        budget = TokenBucket(rate: rate, per: .seconds(1), burst: rate, now: now)
    }

    /// A new request number, noted as open.
    mutating func request(to peer: PeerIndex, now: Instant) -> UInt16 {
        lastRequest = lastRequest == UInt16.max ? 1 : lastRequest + 1
        var requests = open[peer] ?? []
        requests.append(OpenRequest(number: lastRequest, at: now))
        if requests.count > Self.openMax { requests.removeFirst() }
        open.insert(requests, for: peer)
        return lastRequest
    }

    /// Whether an answer belongs to an open request (9.2, GP-73); notes its part.
    mutating func accepts(_ part: RecordsPart, from peer: PeerIndex, now: Instant, ageMax: Interval) -> Bool {
        guard var requests = open[peer],
            let i = requests.firstIndex(where: { $0.number == part.request }),
            now - requests[i].at < ageMax
        else { return false }
        if requests[i].parts == 0 { requests[i].parts = part.parts }
        let bit: UInt8 = 1 << part.part
        guard part.parts == requests[i].parts, requests[i].seen & bit == 0 else { return false }
        requests[i].seen |= bit
        open.insert(requests, for: peer)
        return true
    }

    mutating func forget(_ peer: PeerIndex) { open.remove(peer) }
}
