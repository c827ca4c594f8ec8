import Basis
import HeapModule

/// The events of a world, first by time, then by order (`simulation.md` 4).
///
/// Keys are 16 bytes beside a slab of payloads, so that the heap moves little. At most 2²⁴ events wait at once.
struct EventQueue<Payload: Sendable>: Sendable {
    struct Key: Comparable, Sendable {
        let at: Int64
        /// 40 bits of order, 24 bits of slot.
        let packed: UInt64

        @inline(__always)
        static func < (a: Key, b: Key) -> Bool { a.at != b.at ? a.at < b.at : a.packed < b.packed }
    }

    struct Popped {
        let at: Instant
        let order: UInt64
        let payload: Payload
    }

    static var waitingMax: Int { 1 << 24 }

    private var heap = Heap<Key>()
    private var slab: [Payload?] = []
    private var free: [UInt32] = []
    private var counter: UInt64 = 0
    private let ties: Ties

    /// How equal times are ordered.
    enum Ties: Sendable {
        case insertion
        /// The counter passes through a keyed bijection of 40 bits: simultaneous events change places, none collide.
        case seeded(UInt64)
    }

    init(ties: Ties) { self.ties = ties }

    var count: Int { heap.count }
    var isEmpty: Bool { heap.isEmpty }

    /// How many payloads that wait are like this. O(all that ever waited at once).
    func count(where isCounted: (Payload) -> Bool) -> Int {
        slab.reduce(0) { $0 + ($1.map(isCounted) ?? false ? 1 : 0) }
    }
    var firstTime: Instant? { heap.min.map { Instant(nanoseconds: $0.at) } }

    /// O(log n).
    mutating func push(_ payload: Payload, at: Instant) {
        counter += 1
        put(payload, at: at, order: order(of: counter))
    }

    /// An event that was taken and has to wait keeps its place among its equals.
    mutating func push(_ payload: Payload, at: Instant, order: UInt64) { put(payload, at: at, order: order) }

    private mutating func put(_ payload: Payload, at: Instant, order: UInt64) {
        let slot: UInt32
        if let reused = free.popLast() {
            slot = reused
            slab[Int(slot)] = payload
        } else {
            invariant(slab.count < Self.waitingMax, "\(slab.count) events wait")
            slot = UInt32(slab.count)
            slab.append(payload)
        }
        heap.insert(Key(at: at.nanoseconds, packed: order << 24 | UInt64(slot)))
    }

    mutating func pop() -> Popped? {
        guard let key = heap.popMin() else { return nil }
        let slot = Int(key.packed & 0xff_ffff)
        guard let payload = slab[slot].take() else { unreachable("slot \(slot) is empty") }
        free.append(UInt32(slot))
        return Popped(at: Instant(nanoseconds: key.at), order: key.packed >> 24, payload: payload)
    }

    private func order(of counter: UInt64) -> UInt64 {
        let mask: UInt64 = 0xff_ffff_ffff
        guard case .seeded(let key) = ties else { return counter & mask }
        // Four rounds of a Feistel network over 2 × 20 bits.
        var left = counter >> 20 & 0xf_ffff
        var right = counter & 0xf_ffff
        for round in 0..<4 as Range<UInt64> {
            let mixed = Seeding.mixed(key &+ round << 32 &+ right) & 0xf_ffff
            (left, right) = (right, left ^ mixed)
        }
        return left << 20 | right
    }
}
