public import Basis
public import Trust
public import Verdict
public import Wire

/// The ledger's description of a job (`ledger.md` 8.1): what the draw, the comparison and the payment need to know.
public struct JobSpec: Sendable, Hashable, WireCodable {
    public struct Flags: OptionSet, Sendable, Hashable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        public static let highValue = Flags(rawValue: 1)
        public static let allowSelf = Flags(rawValue: 2)
        static let known: UInt32 = 3
    }

    /// 16 bytes that set equal jobs apart.
    public var salt: [UInt8]
    /// BlobID of the `CanonicalJob`.
    public var manifest: BlobID
    /// The peer that serves it, by its identity key.
    public var entryPeer: PublicKey
    /// Further peers that hold manifest and inputs, ascending, at most 4.
    public var holders: [PublicKey]
    /// Zero = any; `H("peernode/runtime/v1", id)`, or an equivalence class.
    public var runtime: Digest
    public var affinity: Digest
    public var hardwareClass: Digest
    public var capabilities: UInt64
    /// Accounts that may be drawn, ascending; empty = all.
    public var only: [PublicKey]
    /// Per replica.
    public var cores: UInt16
    public var memoryMiB: UInt32
    public var diskMiB: UInt32
    public var gpuMiB: UInt32
    /// Least isolation level, 0 (any) – 3.
    public var isolation: UInt8
    public var comparator: Comparator
    /// Replicas, results that must agree, most replicas.
    public var r: UInt8
    public var q: UInt8
    public var rMax: UInt8
    /// Limits per replica; memory in MiB·ms.
    public var cpuMicrosMax: UInt64
    public var memoryMax: UInt64
    public var wallMillisMax: UInt64
    public var outputBytesMax: UInt64
    public var rateCPUMax: CreditAmount
    public var rateMemoryMax: CreditAmount
    /// L from draw to commit; reveal window; whole job.
    public var leaseSeconds: UInt32
    public var revealSeconds: UInt32
    public var totalSeconds: UInt32
    public var retainSeconds: UInt32
    public var inlineMax: UInt16
    public var flags: Flags
    /// At most 64 bytes, shown in lists.
    public var label: String

    public static let saltBytes = 16

    public init(
        salt: [UInt8], manifest: BlobID, entryPeer: PublicKey, holders: [PublicKey], runtime: Digest,
        affinity: Digest, hardwareClass: Digest, capabilities: UInt64, only: [PublicKey], cores: UInt16,
        memoryMiB: UInt32, diskMiB: UInt32, gpuMiB: UInt32, isolation: UInt8, comparator: Comparator, r: UInt8,
        q: UInt8, rMax: UInt8, cpuMicrosMax: UInt64, memoryMax: UInt64, wallMillisMax: UInt64,
        outputBytesMax: UInt64, rateCPUMax: CreditAmount, rateMemoryMax: CreditAmount, leaseSeconds: UInt32,
        revealSeconds: UInt32, totalSeconds: UInt32, retainSeconds: UInt32, inlineMax: UInt16, flags: Flags,
        label: String
    ) {
        invariant(salt.count == JobSpec.saltBytes, "salt of \(salt.count) bytes")
        self.salt = salt
        self.manifest = manifest
        self.entryPeer = entryPeer
        self.holders = holders.sorted()
        self.runtime = runtime
        self.affinity = affinity
        self.hardwareClass = hardwareClass
        self.capabilities = capabilities
        self.only = only.sorted()
        self.cores = cores
        self.memoryMiB = memoryMiB
        self.diskMiB = diskMiB
        self.gpuMiB = gpuMiB
        self.isolation = isolation
        self.comparator = comparator
        self.r = r
        self.q = q
        self.rMax = rMax
        self.cpuMicrosMax = cpuMicrosMax
        self.memoryMax = memoryMax
        self.wallMillisMax = wallMillisMax
        self.outputBytesMax = outputBytesMax
        self.rateCPUMax = rateCPUMax
        self.rateMemoryMax = rateMemoryMax
        self.leaseSeconds = leaseSeconds
        self.revealSeconds = revealSeconds
        self.totalSeconds = totalSeconds
        self.retainSeconds = retainSeconds
        self.inlineMax = inlineMax
        self.flags = flags
        self.label = label
    }

    /// A job with one replica commits nothing: its reveal is direct (`ledger.md` 8.2).
    public var isDirect: Bool { r == 1 }

    /// `job = H("peernode/job/v1", networkID, spec bytes, submitter, u64 nonce)`.
    public func id(network: NetworkID, submitter: PublicKey, nonce: UInt64, hashing: some Hashing) -> JobID {
        JobID(
            hashing.hash("peernode/job/v1") {
                $0.value(network)
                $0.value(self)
                $0.value(submitter)
                $0.u64(nonce)
            }.raw)
    }

    public func encode(to w: inout WireWriter) {
        w.u16(1)
        w.fixed(salt)
        w.value(manifest)
        w.value(entryPeer)
        w.list(holders)
        w.value(runtime)
        w.value(affinity)
        w.value(hardwareClass)
        w.u64(capabilities)
        w.list(only)
        w.u16(cores)
        w.u32(memoryMiB)
        w.u32(diskMiB)
        w.u32(gpuMiB)
        w.u8(isolation)
        w.value(comparator)
        w.u8(r)
        w.u8(q)
        w.u8(rMax)
        w.u64(cpuMicrosMax)
        w.u64(memoryMax)
        w.u64(wallMillisMax)
        w.u64(outputBytesMax)
        w.amount(rateCPUMax)
        w.amount(rateMemoryMax)
        w.u32(leaseSeconds)
        w.u32(revealSeconds)
        w.u32(totalSeconds)
        w.u32(retainSeconds)
        w.u16(inlineMax)
        w.u32(flags.rawValue)
        w.text(label)
    }

    /// Every rule of 8.1 that needs no state is checked here.
    public init(from reader: inout WireReader) throws(WireError) {
        let version = try reader.u16()
        if version != 1 { throw .unknownTag(UInt64(version)) }
        salt = try reader.fixed(JobSpec.saltBytes)
        manifest = try reader.value()
        entryPeer = try reader.value()
        holders = try reader.ascending(max: LedgerLimits.holdersMax, itemBytesMin: 32, by: { $0 }) {
            (r) throws(WireError) in try r.value()
        }
        runtime = try reader.value()
        affinity = try reader.value()
        hardwareClass = try reader.value()
        capabilities = try reader.u64()
        only = try reader.ascending(max: LedgerLimits.onlyMax, itemBytesMin: 32, by: { $0 }) {
            (r) throws(WireError) in try r.value()
        }
        cores = try reader.u16()
        memoryMiB = try reader.u32()
        diskMiB = try reader.u32()
        gpuMiB = try reader.u32()
        isolation = try reader.u8()
        comparator = try reader.value()
        r = try reader.u8()
        q = try reader.u8()
        rMax = try reader.u8()
        cpuMicrosMax = try reader.u64()
        memoryMax = try reader.u64()
        wallMillisMax = try reader.u64()
        outputBytesMax = try reader.u64()
        rateCPUMax = try reader.amount()
        rateMemoryMax = try reader.amount()
        leaseSeconds = try reader.u32()
        revealSeconds = try reader.u32()
        totalSeconds = try reader.u32()
        retainSeconds = try reader.u32()
        inlineMax = try reader.u16()
        flags = Flags(rawValue: try reader.u32())
        label = try reader.text(max: LedgerLimits.labelBytesMax)
        if !isWithinRanges { throw .outOfRange }
    }

    /// The validity column of 8.1, as far as it needs no state.
    public var isWithinRanges: Bool {
        guard cores >= 1, memoryMiB >= 1, isolation <= 3, r >= 1, r <= rMax,
            rMax <= UInt8(LedgerLimits.replicasMax), (rMax - r).isMultiple(of: 2), q <= r, q * 2 > r,
            r > 1 || rMax == 1
        else { return false }
        guard (1...10_000_000_000_000).contains(cpuMicrosMax), (1...1_000_000_000_000_000).contains(memoryMax),
            wallMillisMax >= 1, (1...(1 << 40)).contains(outputBytesMax), rateCPUMax <= LedgerLimits.rateMax,
            rateMemoryMax <= LedgerLimits.rateMax
        else { return false }
        return UInt64(leaseSeconds) >= wallMillisMax / 1_000 + 5 && (5...3_600).contains(revealSeconds)
            && UInt64(leaseSeconds) + 10 <= UInt64(totalSeconds) && totalSeconds <= LedgerLimits.jobSecondsMax
            && Int(inlineMax) <= LedgerLimits.inlineResultBytesMax
            && flags.rawValue & ~Flags.known == 0
    }
}
