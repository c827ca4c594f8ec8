public import Records
public import Wire

/// A standing offer in state (`ledger.md` 7.2): the offer, and where it was registered.
public struct OfferRecord: StateRecord, Sendable, Hashable {
    /// An ended offer stays with `slots` 0 until its leases ended.
    public var offer: Offer
    /// Registration point: the block of the last change other than a renewal.
    public var height: UInt64
    public var epoch: UInt64
    public var view: UInt64
    public var activeLeases: UInt16
    /// T of the last put, milliseconds.
    public var putAt: UInt64

    public init(offer: Offer, height: UInt64, epoch: UInt64, view: UInt64, activeLeases: UInt16, putAt: UInt64) {
        self.offer = offer
        self.height = height
        self.epoch = epoch
        self.view = view
        self.activeLeases = activeLeases
        self.putAt = putAt
    }

    public var isLive: Bool { offer.slots > 0 }

    /// Slots not taken; negative after a re-put with fewer slots than leases run.
    public var free: Int { Int(offer.slots) - Int(activeLeases) }

    public func encode(to w: inout WireWriter) {
        w.value(offer)
        w.u64(height)
        w.u64(epoch)
        w.u64(view)
        w.u16(activeLeases)
        w.u64(putAt)
    }

    public init(from r: inout WireReader) throws(WireError) {
        offer = try Offer(recordFrom: &r)
        height = try r.u64()
        epoch = try r.u64()
        view = try r.u64()
        activeLeases = try r.u16()
        putAt = try r.u64()
    }
}
