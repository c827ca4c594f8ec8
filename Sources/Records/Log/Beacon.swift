import Basis
public import Trust

/// Where a seat's published beacon chain stands (`ledger.md` 7.1).
public struct BeaconPosition: Sendable, Hashable {
    /// The turn of the chain's first element.
    public var start: UInt64
    public var length: UInt32
    /// The last turn whose element was revealed; `start − 1` at first, so −1 for a chain of the genesis.
    public var turn: Int64
    /// That element; the published end at first.
    public var element: Digest

    public init(start: UInt64, length: UInt32, turn: Int64, element: Digest) {
        self.start = start
        self.length = length
        self.turn = turn
        self.element = element
    }

    /// A chain just published, whose first element belongs to turn `start`.
    public init(end: Digest, length: UInt32, start: UInt64 = 0) {
        self.init(start: start, length: length, turn: Int64(clamping: start) - 1, element: end)
    }

    /// Whether the chain has an element for `turn` that was not revealed yet.
    public func covers(turn: UInt64) -> Bool {
        turn >= start && turn - start < UInt64(length) && turn <= UInt64(Int64.max)
            && Int64(turn) > self.turn
    }

    /// Whether `reveal` is the element of `turn`. At most `length` hashes.
    public func verifies(_ reveal: Digest, turn: UInt64, hashing: some Hashing) -> Bool {
        guard covers(turn: turn) else { return false }
        var x = reveal
        for _ in 0..<(Int64(turn) - self.turn) { x = BeaconChain.step(x, hashing: hashing) }
        return x == element
    }
}

/// The beacon part of a seat record: the chain in use, and one published for later turns.
public struct BeaconRecord: Sendable, Hashable {
    public var current: BeaconPosition
    public var next: BeaconPosition?

    public init(current: BeaconPosition, next: BeaconPosition? = nil) {
        self.current = current
        self.next = next
    }

    public init(_ seat: SeatInit) {
        self.init(current: BeaconPosition(end: seat.beaconEnd, length: seat.beaconLength))
    }

    /// The chain that a reveal of `turn` is checked against.
    public func position(for turn: UInt64) -> BeaconPosition {
        if let next, turn >= next.start { return next }
        return current
    }

    public func covers(turn: UInt64) -> Bool { position(for: turn).covers(turn: turn) }

    public func verifies(_ reveal: Digest, turn: UInt64, hashing: some Hashing) -> Bool {
        position(for: turn).verifies(reveal, turn: turn, hashing: hashing)
    }

    /// The record after a block revealed `reveal` in `turn`, which was verified before.
    public func advanced(to turn: UInt64, reveal: Digest) -> BeaconRecord {
        var position = position(for: turn)
        let usesNext = next.map { turn >= $0.start } ?? false
        position.turn = Int64(clamping: turn)
        position.element = reveal
        return BeaconRecord(current: position, next: usesNext ? nil : next)
    }
}

/// The secret chain itself: `x_{i−1} = H("peernode/chain/v1", x_i)`, end `H(x_0)`.
///
/// 1,024 stored anchors make an element of the longest chain (2²²) cost at most 4,096 hashes.
public struct BeaconChain: Sendable {
    static let anchorsMax: UInt32 = 1_024

    public let length: UInt32
    /// `H("peernode/chain/v1", x_0)`: what is published.
    public let end: Digest
    let stride: UInt32
    /// anchors[k] is the element at `min((k + 1) · stride, length) − 1`.
    let anchors: [Digest]

    /// Computes the whole chain from its last element: `length` hashes.
    public init(seed: Digest, length: UInt32, hashing: some Hashing) {
        invariant(length >= 1 && length <= LedgerLimits.beaconLengthMax, "chain of \(length)")
        self.length = length
        stride = (length + BeaconChain.anchorsMax - 1) / BeaconChain.anchorsMax
        var reversed: [Digest] = []
        var x = seed
        var index = length
        while index > 0 {
            index -= 1
            if (index + 1) % stride == 0 || index == length - 1 { reversed.append(x) }
            x = BeaconChain.step(x, hashing: hashing)
        }
        end = x
        anchors = reversed.reversed()
    }

    /// Element `index`; nil if the chain has none. At most `length / 1024` hashes.
    public func element(at index: UInt64, hashing: some Hashing) -> Digest? {
        guard index < UInt64(length) else { return nil }
        let wanted = UInt32(index)
        let slot = Int(wanted / stride)
        let at = min((UInt32(slot) + 1) * stride, length) - 1
        var x = anchors[slot]
        for _ in 0..<(at - wanted) { x = BeaconChain.step(x, hashing: hashing) }
        return x
    }

    static func step(_ x: Digest, hashing: some Hashing) -> Digest {
        hashing.hash("peernode/chain/v1", x.bytes)
    }
}
