import Basis
public import Records
public import Trust

/// Small numbers for peers: `PeerID` ↔ `PeerIndex` (`gossip.md` 14).
///
/// It lives in `Membership`, which alone knows which numbers its tables hold. An index is given to another peer only
/// when the directory is full and no table holds it; the one used least recently goes first.
public struct PeerDirectory: Sendable {
    struct Slot: Sendable {
        var id: PeerID
        var lastUsed: UInt64
    }

    var slots: [Slot] = []
    var byID: [PeerID: PeerIndex] = [:]
    var uses: UInt64 = 0
    let entriesMax: Int

    init(entriesMax: Int) { self.entriesMax = entriesMax }

    public var count: Int { slots.count }

    /// The peer that `index` stands for; nil if it was never given out.
    public func id(of index: PeerIndex) -> PeerID? {
        let i = Int(index.number)
        return i < slots.count ? slots[i].id : nil
    }

    public func index(of id: PeerID) -> PeerIndex? { byID[id] }

    /// The index of `id` if it has one, noted as used.
    mutating func touch(_ id: PeerID) -> PeerIndex? {
        guard let known = byID[id] else { return nil }
        uses += 1
        slots[Int(known.number)].lastUsed = uses
        return known
    }

    /// The index of `id`, a new one if it has none. O(1), O(entries) when full.
    /// - Parameter isHeld: whether a table still holds this index.
    /// - Returns: nil if the directory is full and every index is held.
    mutating func intern(_ id: PeerID, isHeld: (PeerIndex, PeerID) -> Bool) -> PeerIndex? {
        uses += 1
        if let known = byID[id] {
            slots[Int(known.number)].lastUsed = uses
            return known
        }
        if slots.count < entriesMax {
            let index = PeerIndex(UInt32(slots.count))
            slots.append(Slot(id: id, lastUsed: uses))
            byID[id] = index
            return index
        }
        mark("peer directory full")
        var oldest: Int?
        for i in slots.indices where !isHeld(PeerIndex(UInt32(i)), slots[i].id) {
            if let best = oldest, slots[best].lastUsed <= slots[i].lastUsed { continue }
            oldest = i
        }
        guard let slot = oldest else { return nil }
        byID[slots[slot].id] = nil
        slots[slot] = Slot(id: id, lastUsed: uses)
        byID[id] = PeerIndex(UInt32(slot))
        return PeerIndex(UInt32(slot))
    }
}
