import Basis
public import Trust
public import Wire

/// What a peer claims to have and to offer (`gossip.md` 11.2): at most 8,192 bytes, named by its digest in the record.
///
/// The document is the claim, the record's bitmap only a filter; believing a false claim costs one wasted job. This
/// type is the layout and its rules. How a document is fetched is `Gossip`'s, what is measured is `Runner`'s.
public struct CapabilityDocument: Sendable, Hashable {
    public static let bytesMax = 8_192
    public static let version: UInt8 = 1
    static let gpusMax = 8
    static let runtimesMax = 24
    static let modelsMax = 48
    static let tagsMax = 32
    static let zoneOffsetMinutesMax: UInt16 = 2_880

    public var key: PublicKey
    public var cpuArchitecture: CPUArchitecture
    /// As the system names it, at most 64 bytes.
    public var cpuModel: String
    public var cpuFeatures: UInt64
    /// After container limits; 1 ≤ physical ≤ logical.
    public var coresPhysical: UInt16
    public var coresLogical: UInt16
    /// After container limits, > 0.
    public var memoryMiB: UInt64
    /// Free space of the data directory in whole GiB, > 0.
    public var diskMiB: UInt64
    /// In device order, at most 8.
    public var gpus: [CapabilityGPU]
    /// Ascending by (kind, name, version), at most 24.
    public var runtimes: [CapabilityRuntime]
    /// Ascending by digest, at most 48; none without a runtime of kind inference.
    public var models: [CapabilityModel]
    /// Ascending, at most 32 of at most 24 bytes `[A-Za-z0-9._-]`.
    public var tags: [String]
    /// Free label `[a-z0-9-]`, at most 24 bytes; never trusted for placement proofs.
    public var region: String
    public var schedule: WeekHours
    /// Local offset + 1,440; ≤ 2,880.
    public var zoneOffsetMinutes: UInt16
    public var policy: CapabilityPolicy
    /// Offered to jobs, ≤ coresLogical.
    public var coresMax: UInt16
    /// Offered to jobs, ≤ memoryMiB.
    public var memoryMaxMiB: UInt64
    /// Offered to jobs, ≤ diskMiB.
    public var diskMaxMiB: UInt64

    /// A document of the plain hardware, without runtimes, models, tags or a schedule.
    public init(
        key: PublicKey, cpuArchitecture: CPUArchitecture, cpuModel: String, cpuFeatures: UInt64 = 0,
        coresPhysical: UInt16, coresLogical: UInt16, memoryMiB: UInt64, diskMiB: UInt64,
        coresMax: UInt16, memoryMaxMiB: UInt64, diskMaxMiB: UInt64
    ) {
        self.key = key
        self.cpuArchitecture = cpuArchitecture
        self.cpuModel = cpuModel
        self.cpuFeatures = cpuFeatures
        self.coresPhysical = coresPhysical
        self.coresLogical = coresLogical
        self.memoryMiB = memoryMiB
        self.diskMiB = diskMiB
        self.coresMax = coresMax
        self.memoryMaxMiB = memoryMaxMiB
        self.diskMaxMiB = diskMaxMiB
        gpus = []
        runtimes = []
        models = []
        tags = []
        region = ""
        schedule = .always
        zoneOffsetMinutes = 1_440
        policy = []
    }

    /// `H("peernode/capability/v1", document)`, the name of these bytes in a record.
    public func digest(hashing: some Hashing) -> Digest {
        hashing.hash("peernode/capability/v1", encoded)
    }

    /// Whether every rule of 11.2 holds, so that the encoding is one that `init(decoding:)` accepts.
    public var isValid: Bool { (try? CapabilityDocument(decoding: encoded)) == self }
}

extension CapabilityDocument: WireEncodable, WireDecodable {
    public func encode(to w: inout WireWriter) {
        w.u8(Self.version)
        w.value(key)
        w.u8(cpuArchitecture.rawValue)
        w.text(cpuModel)
        w.u64(cpuFeatures)
        w.u16(coresPhysical)
        w.u16(coresLogical)
        w.u64(memoryMiB)
        w.u64(diskMiB)
        w.list(gpus)
        w.list(runtimes)
        w.list(models)
        w.list(tags) { $0.text($1) }
        w.text(region)
        w.fixed(schedule.bits)
        w.u16(zoneOffsetMinutes)
        w.u8(policy.rawValue)
        w.u16(coresMax)
        w.u64(memoryMaxMiB)
        w.u64(diskMaxMiB)
    }

    public init(from r: inout WireReader) throws(WireError) {
        if r.remaining > Self.bytesMax { throw .tooLong(UInt64(r.remaining), max: Self.bytesMax) }
        let version = try r.u8()
        if version != Self.version { throw .unknownTag(UInt64(version)) }
        key = try r.value()
        let architecture = try r.u8()
        guard let known = CPUArchitecture(rawValue: architecture) else {
            throw .unknownTag(UInt64(architecture))
        }
        cpuArchitecture = known
        cpuModel = try r.label(max: 64)
        cpuFeatures = try r.u64()
        coresPhysical = try r.u16()
        coresLogical = try r.u16()
        memoryMiB = try r.u64()
        diskMiB = try r.u64()
        gpus = try r.list(max: Self.gpusMax, itemBytesMin: 16)
        runtimes = try r.ascending(max: Self.runtimesMax, itemBytesMin: 41, by: \.order) {
            (r) throws(WireError) in try r.value()
        }
        models = try r.ascending(max: Self.modelsMax, itemBytesMin: 45, by: \.digest) {
            (r) throws(WireError) in try r.value()
        }
        tags = try r.ascending(max: Self.tagsMax, itemBytesMin: 5, by: { ByteOrder($0) }) {
            (r) throws(WireError) in try r.tag()
        }
        region = try r.region()
        guard let week = WeekHours(bits: try r.fixed(WeekHours.byteCount)) else {
            throw .outOfRange
        }
        schedule = week
        zoneOffsetMinutes = try r.u16()
        policy = CapabilityPolicy(rawValue: try r.u8())
        coresMax = try r.u16()
        memoryMaxMiB = try r.u64()
        diskMaxMiB = try r.u64()
        try checkRanges()
    }

    /// The rules that span fields (11.2, column validity).
    func checkRanges() throws(WireError) {
        if cpuFeatures & ~cpuArchitecture.assignedFeatures != 0 { throw .unknownTag(cpuFeatures) }
        if !policy.isSubset(of: .assigned) { throw .unknownTag(UInt64(policy.rawValue)) }
        let fits =
            coresPhysical >= 1 && coresPhysical <= coresLogical && memoryMiB > 0 && diskMiB > 0
            && zoneOffsetMinutes <= Self.zoneOffsetMinutesMax && coresMax <= coresLogical
            && memoryMaxMiB <= memoryMiB && diskMaxMiB <= diskMiB
            && (policy.contains(.scheduled) || schedule == .always)
            && (models.isEmpty || runtimes.contains { $0.kind == .inference })
        if !fits { throw .outOfRange }
    }
}

/// Order of UTF-8 bytes: String's own order follows Unicode and is not the one of the wire.
struct ByteOrder: Comparable {
    let bytes: [UInt8]
    init(_ text: String) { bytes = Array(text.utf8) }
    static func < (a: ByteOrder, b: ByteOrder) -> Bool {
        a.bytes.lexicographicallyPrecedes(b.bytes)
    }
}

extension CapabilityRuntime: WireEncodable, WireDecodable {
    /// The key by which a list of runtimes ascends.
    struct Order: Comparable {
        let kind: CapabilityRuntimeKind
        let name: ByteOrder
        let version: ByteOrder
        static func < (a: Order, b: Order) -> Bool {
            if a.kind != b.kind { return a.kind < b.kind }
            return a.name != b.name ? a.name < b.name : a.version < b.version
        }
    }

    var order: Order { Order(kind: kind, name: ByteOrder(name), version: ByteOrder(version)) }

    /// Whether `a` stands before `b` in a document.
    public static func precedes(_ a: CapabilityRuntime, _ b: CapabilityRuntime) -> Bool {
        a.order < b.order
    }

    public func encode(to w: inout WireWriter) {
        w.u8(kind.rawValue)
        w.text(name)
        w.text(version)
        w.bytes32(digest)
    }

    public init(from r: inout WireReader) throws(WireError) {
        let raw = try r.u8()
        guard let kind = CapabilityRuntimeKind(rawValue: raw) else { throw .unknownTag(UInt64(raw)) }
        self.kind = kind
        name = try r.label(max: 32)
        version = try r.label(max: 32)
        digest = try r.bytes32()
    }
}

extension CapabilityGPU: WireEncodable, WireDecodable {
    public func encode(to w: inout WireWriter) {
        w.u8(vendor.rawValue)
        w.text(model)
        w.u32(vramMiB)
        w.text(driver)
        w.u8(interfaces)
        w.u16(computeLevel)
    }

    public init(from r: inout WireReader) throws(WireError) {
        let raw = try r.u8()
        guard let vendor = GPUVendor(rawValue: raw) else { throw .unknownTag(UInt64(raw)) }
        self.vendor = vendor
        model = try r.label(max: 64)
        vramMiB = try r.u32()
        driver = try r.label(max: 32)
        interfaces = try r.u8()
        if interfaces & ~Self.interfacesAssigned != 0 { throw .unknownTag(UInt64(interfaces)) }
        computeLevel = try r.u16()
    }
}

extension CapabilityModel: WireEncodable, WireDecodable {
    public func encode(to w: inout WireWriter) {
        w.u8(use.rawValue)
        w.text(name)
        w.bytes32(digest)
        w.text(format)
        w.u32(contextTokens)
    }

    public init(from r: inout WireReader) throws(WireError) {
        let raw = try r.u8()
        guard let use = ModelUse(rawValue: raw) else { throw .unknownTag(UInt64(raw)) }
        self.use = use
        name = try r.label(max: 64)
        digest = try r.bytes32()
        format = try r.label(max: 16)
        contextTokens = try r.u32()
    }
}

extension WireReader {
    /// `text(n)` of `gossip.md` 0: UTF-8 without bytes below 0x20.
    mutating func label(max: Int) throws(WireError) -> String {
        let text = try text(max: max)
        if text.utf8.contains(where: { $0 < 0x20 }) { throw .badText }
        return text
    }

    mutating func tag() throws(WireError) -> String {
        let text = try text(max: 24)
        if !CapabilityDocument.isTag(text) { throw .badText }
        return text
    }

    mutating func region() throws(WireError) -> String {
        let text = try text(max: 24)
        let allowed = text.utf8.allSatisfy {
            (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d
        }
        if !allowed { throw .badText }
        return text
    }
}

extension CapabilityDocument {
    /// Whether `text` may stand among the tags: 1 to 24 bytes of `[A-Za-z0-9._-]`.
    public static func isTag(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 24
            && text.utf8.allSatisfy {
                (0x61...0x7a).contains($0) || (0x41...0x5a).contains($0)
                    || (0x30...0x39).contains($0) || $0 == 0x2d || $0 == 0x2e || $0 == 0x5f
            }
    }
}
