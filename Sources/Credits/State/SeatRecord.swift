import Records
public import Trust
public import Wire

/// A seat's activity and beacon position (`ledger.md` 7.1 and 11), 71 bytes or more.
public struct SeatRecord: StateRecord, Sendable, Hashable {
    /// A chain that was published but not used yet.
    public struct NextChain: Sendable, Hashable, WireCodable {
        /// First turn that it serves.
        public let start: UInt64
        public let end: Digest
        public let length: UInt32

        public init(start: UInt64, end: Digest, length: UInt32) {
            self.start = start
            self.end = end
            self.length = length
        }

        /// Whether all turns that it serves have passed.
        public func isOver(at turn: UInt64) -> Bool {
            let (end, overflow) = start.addingReportingOverflow(UInt64(length))
            return !overflow && end <= turn
        }

        public func encode(to w: inout WireWriter) {
            w.u64(start)
            w.value(end)
            w.u32(length)
        }

        public init(from r: inout WireReader) throws(WireError) {
            start = try r.u64()
            end = try r.value()
            length = try r.u32()
        }
    }

    /// Height of its last executed block; 0 = none.
    public var lastProposed: UInt64 = 0
    /// Stage 2; 0 and false.
    public var upAt: UInt64 = 0
    public var isDown = false
    public var hasResigned = false
    /// First turn of the chain.
    public var start: UInt64
    public var length: UInt32
    /// Turn of the last executed reveal; start − 1 before the first.
    public var turn: Int64
    /// That reveal, or the published end.
    public var element: Digest
    public var next: NextChain?

    init(_ seat: SeatInit) {
        start = 0
        length = seat.beaconLength
        turn = -1
        element = seat.beaconEnd
    }

    /// Stores the reveal of an executed block, moving a newer chain in when its first turn came.
    mutating func store(reveal: Digest, turn now: UInt64, height: UInt64) {
        if let chain = next, now >= chain.start {
            start = chain.start
            length = chain.length
            next = nil
        }
        turn = Int64(clamping: now)
        element = reveal
        lastProposed = height
    }

    /// Elements for the turns after `now`.
    public func left(after now: UInt64) -> UInt64 {
        let (end, overflow) = start.addingReportingOverflow(UInt64(length))
        let first = now == .max ? now : now + 1
        return overflow || first >= end ? 0 : end - max(first, start)
    }

    public func encode(to w: inout WireWriter) {
        w.u64(lastProposed)
        w.u64(upAt)
        w.bool(isDown)
        w.bool(hasResigned)
        w.u64(start)
        w.u32(length)
        w.i64(turn)
        w.value(element)
        w.optional(next)
    }

    public init(from r: inout WireReader) throws(WireError) {
        lastProposed = try r.u64()
        upAt = try r.u64()
        isDown = try r.bool()
        hasResigned = try r.bool()
        start = try r.u64()
        length = try r.u32()
        turn = try r.i64()
        element = try r.value()
        next = try r.optional { (r) throws(WireError) in try r.value() }
    }
}
