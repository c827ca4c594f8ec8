public import Basis
public import Trust
public import Wire

/// A worker's standing offer of one slot class (`ledger.md` 7.2), as `putOffer` carries it.
public struct Offer: Sendable, Hashable, WireCodable {
    /// Up to 4 classes per account, 0–3.
    public var slotClass: UInt8
    /// Parallel leases, 1–64.
    public var slots: UInt16
    /// Class bits as in the membership record (`gossip.md` 11.1).
    public var capabilities: UInt64
    public var hardwareClass: Digest
    /// Runtime and equivalence-class hashes, ascending, at most 16.
    public var runtimes: [Digest]
    /// Content held, ascending, at most 32.
    public var cached: [Digest]
    /// Per slot.
    public var cores: UInt16
    public var memoryMiB: UInt32
    public var diskMiB: UInt32
    public var gpuMiB: UInt32
    /// Level of `compute.md` 4.6: 1 builtin_only, 2 wasm_only, 3 full.
    public var isolation: UInt8
    /// Shown only: 1 cgroup v2, 2 cgroup v1, 3 polling.
    public var meter: UInt8
    /// Micro-credits per CPU-second.
    public var rateCPU: CreditAmount
    /// Micro-credits per GiB-second.
    public var rateMemory: CreditAmount
    /// T in ms; at most 24 h ahead.
    public var validUntil: UInt64
    /// Digest of the full capability document.
    public var document: Digest

    public init(
        slotClass: UInt8, slots: UInt16, capabilities: UInt64, hardwareClass: Digest, runtimes: [Digest],
        cached: [Digest], cores: UInt16, memoryMiB: UInt32, diskMiB: UInt32, gpuMiB: UInt32, isolation: UInt8,
        meter: UInt8, rateCPU: CreditAmount, rateMemory: CreditAmount, validUntil: UInt64, document: Digest
    ) {
        self.slotClass = slotClass
        self.slots = slots
        self.capabilities = capabilities
        self.hardwareClass = hardwareClass
        self.runtimes = runtimes.sorted()
        self.cached = cached.sorted()
        self.cores = cores
        self.memoryMiB = memoryMiB
        self.diskMiB = diskMiB
        self.gpuMiB = gpuMiB
        self.isolation = isolation
        self.meter = meter
        self.rateCPU = rateCPU
        self.rateMemory = rateMemory
        self.validUntil = validUntil
        self.document = document
    }

    public func encode(to w: inout WireWriter) {
        w.u8(slotClass)
        w.u16(slots)
        w.u64(capabilities)
        w.value(hardwareClass)
        w.list(runtimes)
        w.list(cached)
        w.u16(cores)
        w.u32(memoryMiB)
        w.u32(diskMiB)
        w.u32(gpuMiB)
        w.u8(isolation)
        w.u8(meter)
        w.amount(rateCPU)
        w.amount(rateMemory)
        w.u64(validUntil)
        w.value(document)
    }

    /// Every field rule that needs no state is checked here.
    public init(from r: inout WireReader) throws(WireError) {
        try self.init(recordFrom: &r)
        if slots < 1 { throw .outOfRange }
    }

    /// As it stands in a state record, where an ended offer has no slots.
    package init(recordFrom r: inout WireReader) throws(WireError) {
        slotClass = try r.u8()
        slots = try r.u16()
        capabilities = try r.u64()
        hardwareClass = try r.value()
        runtimes = try r.ascending(
            max: LedgerLimits.runtimesPerOfferMax, itemBytesMin: 32, by: { $0 }
        ) { (r) throws(WireError) in try r.value() }
        cached = try r.ascending(
            max: LedgerLimits.cachedPerOfferMax, itemBytesMin: 32, by: { $0 }
        ) { (r) throws(WireError) in try r.value() }
        cores = try r.u16()
        memoryMiB = try r.u32()
        diskMiB = try r.u32()
        gpuMiB = try r.u32()
        isolation = try r.u8()
        meter = try r.u8()
        rateCPU = try r.amount()
        rateMemory = try r.amount()
        validUntil = try r.u64()
        document = try r.value()
        if slotClass >= UInt8(LedgerLimits.offersPerAccountMax)
            || slots > UInt16(LedgerLimits.slotsPerAccountMax) || cores < 1 || memoryMiB < 1
            || !(1...3).contains(isolation) || !(1...3).contains(meter) || rateCPU > LedgerLimits.rateMax
            || rateMemory > LedgerLimits.rateMax
        {
            throw .outOfRange
        }
    }
}
