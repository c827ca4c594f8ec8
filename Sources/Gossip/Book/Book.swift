import Basis
import Records
import Trust

/// The bounded table of peers (`gossip.md` 7.1): one row per `PeerID`, in id order, because Pull walks ids.
struct Book: Sendable {
    private(set) var entries = SortedMap<PeerID, BookEntry>()
    /// Rows that are live; kept while rows change, because every hop limit asks for it.
    private(set) var liveCount = 0
    /// Rises with every change of a record or state, and with every row that comes or goes.
    private(set) var revision: UInt64 = 0
    let entriesMax: Int

    init(entriesMax: Int) { self.entriesMax = entriesMax }

    var count: Int { entries.count }
    var isFull: Bool { entries.count >= entriesMax }

    // Inlined, so that who reads one field copies one field.
    subscript(id: PeerID) -> BookEntry? {
        @inline(__always)
        get { entries[id] }
    }

    mutating func insert(_ entry: BookEntry) {
        if let old = entries[entry.id], old.isLive { liveCount -= 1 }
        if entry.isLive { liveCount += 1 }
        revision &+= 1
        entries.insert(entry, for: entry.id)
    }

    /// Changes a row in place; false if there is none.
    @discardableResult
    mutating func update(_ id: PeerID, _ change: (inout BookEntry) -> Void) -> Bool {
        var difference = 0
        var isChanged = false
        let found = entries.update(id) { entry in
            let (was, state, sequence) = (entry.isLive, entry.state, entry.sequence)
            change(&entry)
            difference = (entry.isLive ? 1 : 0) - (was ? 1 : 0)
            isChanged = difference != 0 || entry.state != state || entry.sequence != sequence
        }
        liveCount += difference
        if isChanged { revision &+= 1 }
        return found
    }

    @discardableResult
    mutating func remove(_ id: PeerID) -> BookEntry? {
        guard let entry = entries.remove(id) else { return nil }
        revision &+= 1
        if entry.isLive { liveCount -= 1 }
        return entry
    }

    /// Which row a new one may displace: oldest heard, then longest-unverified unreachable, then longest-unverified
    /// verified; rows of which `isKept` is true never (7.1).
    func victim(isKept: (PeerIndex, PeerID, Bool) -> Bool) -> PeerID? {
        struct Rank: Comparable {
            let group: Int
            let time: UInt64
            let id: PeerID
            static func < (a: Rank, b: Rank) -> Bool {
                if a.group != b.group { return a.group < b.group }
                return a.time != b.time ? a.time < b.time : a.id < b.id
            }
        }
        var best: Rank?
        entries.visit { id, entry in
            let rank: Rank
            switch entry.state {
            case .heard: rank = Rank(group: 0, time: entry.firstSeen, id: id)
            case .unreachable: rank = Rank(group: 1, time: entry.verifiedAt, id: id)
            case .verified: rank = Rank(group: 2, time: entry.verifiedAt, id: id)
            // A leave is what keeps older records out; it goes last, the one that ends first.
            case .left: rank = Rank(group: 3, time: entry.sequence, id: id)
            }
            if let best, best < rank || isKept(entry.index, id, entry.isAnchor) { return }
            if best == nil, isKept(entry.index, id, entry.isAnchor) { return }
            best = rank
        }
        return best?.id
    }

    /// Every row, without a copy of it: a row holds four arrays, each a count to be raised and lowered.
    @inline(__always)
    func visit(_ body: (borrowing BookEntry) -> Void) { entries.visit { _, entry in body(entry) } }

    /// Rows that list `address` among their endpoints.
    func claimants(of address: SocketAddress) -> [PeerID] {
        entries.keys { _, entry in entry.record.content.endpoints.contains { $0.address == address } }
    }
}

/// Ids that were heard of and never answered: not admitted again for a while unless newer (7.1).
struct UnansweredSlots: Sendable {
    struct Slot: Sendable {
        let sequence: UInt64
        let until: Instant
    }
    var slots = SortedMap<PeerID, Slot>()
    var order: [PeerID] = []
    let slotsMax: Int

    init(slotsMax: Int) { self.slotsMax = slotsMax }

    mutating func note(_ id: PeerID, sequence: UInt64, until: Instant) {
        if slots[id] == nil {
            order.append(id)
            if order.count > slotsMax { slots.remove(order.removeFirst()) }
        }
        slots.insert(Slot(sequence: sequence, until: until), for: id)
    }

    func bars(_ id: PeerID, sequence: UInt64, now: Instant) -> Bool {
        guard let slot = slots[id] else { return false }
        return now < slot.until && sequence <= slot.sequence
    }

    mutating func forget(_ id: PeerID) {
        if slots.remove(id) != nil { order.removeAll { $0 == id } }
    }
}

/// Peers and times: bans, bars and link backoffs. Bounded; at the limit the one that ends first goes.
struct BarTable: Sendable {
    private(set) var until = SortedMap<PeerID, Instant>()
    let entriesMax: Int

    init(entriesMax: Int) { self.entriesMax = entriesMax }

    var count: Int { until.count }

    /// When the bar of `id` ends; nil if there is none or it is over.
    func end(of id: PeerID, now: Instant) -> Instant? {
        guard let end = until[id], end > now else { return nil }
        return end
    }

    func bars(_ id: PeerID, now: Instant) -> Bool { end(of: id, now: now) != nil }

    /// Bars `id` until `end`, or longer if a longer bar stands.
    mutating func bar(_ id: PeerID, until end: Instant) {
        if let standing = until[id], standing >= end { return }
        until.insert(end, for: id)
        if until.count > entriesMax {
            let first = until.min { $0.value != $1.value ? $0.value < $1.value : $0.key < $1.key }
            if let first { until.remove(first.key) }
        }
    }

    mutating func lift(_ id: PeerID) { until.remove(id) }

    mutating func dropEnded(now: Instant) {
        for (id, end) in until where end <= now { until.remove(id) }
    }
}
