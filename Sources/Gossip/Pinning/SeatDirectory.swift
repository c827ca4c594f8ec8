import Records
import Trust

/// Records that a seat keeps beyond its book, so that it can say where any member is (`gossip.md` 9.5): of every peer
/// that had a session with it, the newest record.
struct SeatDirectory: Sendable {
    private var records: [PeerID: PeerRecord] = [:]
    /// Ids by arrival; the oldest goes when it is full.
    private var order: [PeerID] = []
    private var oldest = 0
    let entriesMax: Int

    init(entriesMax: Int) { self.entriesMax = entriesMax }

    var count: Int { records.count }

    subscript(id: PeerID) -> PeerRecord? { records[id] }

    /// O(1) on average. A leave stays, too: it is what keeps the record before it out.
    mutating func note(_ record: PeerRecord, of id: PeerID) {
        if let known = records[id] {
            if known.sequence < record.sequence { records[id] = record }
            return
        }
        if records.count >= entriesMax {
            records[order[oldest]] = nil
            order[oldest] = id
            oldest = (oldest + 1) % entriesMax
        } else {
            order.append(id)
        }
        records[id] = record
    }
}
