public import Basis
public import Trust
public import Wire

/// Part P of a canonical job: how it is bought and checked (`compute.md` 1.4). It never changes the outcome.
public struct Purchase: Sendable, Hashable {
    public enum Mode: UInt8, Sendable, CaseIterable {
        case replicate
        /// One replica; the result is labelled unverified.
        case none
    }
    public enum ClassRule: UInt8, Sendable, CaseIterable {
        /// Replicas of a `class` job share one class.
        case auto
        case any
    }
    public enum Requirement: Sendable, Hashable {
        case architecture(Architecture)
        /// `exists cap.<tag>`
        case tag(String)
    }
    public enum Architecture: UInt8, Sendable, CaseIterable {
        case x86_64 = 1
        case arm64, riscv64

        public var word: String {
            switch self {
            case .x86_64: "x86-64"
            case .arm64: "arm64"
            case .riscv64: "riscv64"
            }
        }
    }
    public enum Priority: UInt8, Sendable, CaseIterable {
        case low, normal, high
    }
    /// A point in time as the author wrote it.
    public enum Moment: Sendable, Hashable {
        /// Milliseconds since 1970.
        case at(UInt64)
        /// Nanoseconds after the submission.
        case after(UInt64)
    }
    public enum Cache: UInt8, Sendable, CaseIterable {
        case auto, off
    }
    public struct Label: Sendable, Hashable {
        public var key: String
        public var value: String
        public init(key: String, value: String) {
            self.key = key
            self.value = value
        }
    }

    public var mode = Mode.replicate
    /// 1 to 9; `auto` was resolved before.
    public var replicas: UInt8 = 3
    public var quorum: UInt8 = 2
    public var maxExecutions: UInt8 = 5
    public var isHighValue = false
    public var classRule = ClassRule.auto
    /// Architecture first, then tags ascending.
    public var require: [Requirement] = []
    /// Accounts that may be drawn, ascending; empty = all.
    public var only: [PublicKey] = []
    public var queueNanoseconds: UInt64 = 600 * 1_000_000_000
    public var totalNanoseconds: UInt64 = 3_600 * 1_000_000_000
    /// Nil: by the rule of `compute.md` 5.1.
    public var leaseNanoseconds: UInt64?
    public var priority = Priority.normal
    public var deadline: Moment?
    public var notBefore: Moment?
    public var costMax: CreditAmount?
    public var costPerExecution: CreditAmount?
    public var cache = Cache.auto
    public var keepResultsNanoseconds: UInt64 = 30 * 86_400 * 1_000_000_000
    public var keepLogsNanoseconds: UInt64 = 7 * 86_400 * 1_000_000_000
    public var name = ""
    /// Ascending by key.
    public var labels: [Label] = []

    public init() {}

    /// The bits of `gossip.md` 11.1 that a worker's offer must have for these requirements and this runtime.
    public func capabilityBits(runtime: RuntimeKind, hashing: some Hashing) -> UInt64 {
        var bits = CapabilityBits.runtime(runtime)
        for requirement in require {
            switch requirement {
            case .architecture(let architecture): bits |= CapabilityBits.architecture(architecture)
            case .tag(let tag):
                if let kind = RuntimeKind(id: tag) {
                    bits |= CapabilityBits.runtime(kind)
                } else {
                    bits |= CapabilityBits.tag(tag, hashing: hashing)
                }
            }
        }
        return bits
    }
}

/// Bits of the class bitmap of `gossip.md` 11.1 that jobs ask for.
public enum CapabilityBits {
    public static func architecture(_ architecture: Purchase.Architecture) -> UInt64 {
        1 << UInt64(architecture.rawValue - 1)
    }

    public static func runtime(_ kind: RuntimeKind) -> UInt64 {
        switch kind {
        case .command: 1 << 28
        case .python: 1 << 29
        case .wasm: 1 << 30
        case .javascript: 1 << 31
        case .oci: 1 << 32
        case .inference: 1 << 33
        case .builtin, .pack: 1 << 35
        }
    }

    /// Bit 40 + (`H("peernode/tag/v1", tag)[0]` mod 16).
    public static func tag(_ tag: String, hashing: some Hashing) -> UInt64 {
        1 << UInt64(40 + hashing.hash("peernode/tag/v1", Array(tag.utf8)).bytes[0] % 16)
    }
}

extension Purchase: WireEncodable, WireDecodable {
    public func encode(to writer: inout WireWriter) {
        writer.u8(mode.rawValue)
        writer.u8(replicas)
        writer.u8(quorum)
        writer.u8(maxExecutions)
        writer.bool(isHighValue)
        writer.u8(0)  // distinct: owner
        writer.u8(classRule.rawValue)
        writer.list(require) {
            switch $1 {
            case .architecture(let architecture):
                $0.u8(0)
                $0.u8(architecture.rawValue)
            case .tag(let tag):
                $0.u8(1)
                $0.text(tag)
            }
        }
        writer.u32(0)  // prefer
        writer.list(only)
        writer.u32(0)  // deny
        writer.u8(0)  // retry
        writer.u64(queueNanoseconds)
        writer.u64(totalNanoseconds)
        writer.optional(leaseNanoseconds) { $0.u64($1) }
        writer.u8(0)  // heartbeat
        writer.u8(priority.rawValue)
        Purchase.encode(deadline, to: &writer)
        Purchase.encode(notBefore, to: &writer)
        writer.optional(costMax) { $0.amount($1) }
        writer.optional(costPerExecution) { $0.amount($1) }
        writer.u8(cache.rawValue)
        writer.u64(keepResultsNanoseconds)
        writer.u64(keepLogsNanoseconds)
        writer.u8(0)  // chunk size, inFlight, onFailure
        writer.text(name)
        writer.list(labels) {
            $0.text($1.key)
            $0.text($1.value)
        }
        writer.u32(0)  // flags
    }

    static func encode(_ moment: Moment?, to writer: inout WireWriter) {
        switch moment {
        case nil: writer.u8(0)
        case .at(let millis)?:
            writer.u8(1)
            writer.u64(millis)
        case .after(let nanoseconds)?:
            writer.u8(2)
            writer.u64(nanoseconds)
        }
    }

    static func moment(from reader: inout WireReader) throws(WireError) -> Moment? {
        let tag = try reader.u8()
        switch tag {
        case 0: return nil
        case 1: return .at(try reader.u64())
        case 2: return .after(try reader.nanoseconds())
        default: throw .unknownTag(UInt64(tag))
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init()
        mode = try reader.tag()
        replicas = try reader.u8()
        quorum = try reader.u8()
        maxExecutions = try reader.u8()
        isHighValue = try reader.bool()
        try reader.zero()
        classRule = try reader.tag()
        require = try Purchase.requirements(from: &reader)
        try reader.reserved(0)
        only = try reader.ascending(max: ComputeLimits.onlyMax, itemBytesMin: 32, by: { $0 }) {
            (r) throws(WireError) in try PublicKey(from: &r)
        }
        try reader.reserved(0)
        try reader.zero()
        queueNanoseconds = try reader.nanoseconds()
        totalNanoseconds = try reader.nanoseconds()
        leaseNanoseconds = try reader.optional { (r) throws(WireError) in try r.nanoseconds() }
        try reader.zero()
        priority = try reader.tag()
        deadline = try Purchase.moment(from: &reader)
        notBefore = try Purchase.moment(from: &reader)
        costMax = try reader.optional { (r) throws(WireError) in try r.amount() }
        costPerExecution = try reader.optional { (r) throws(WireError) in try r.amount() }
        cache = try reader.tag()
        keepResultsNanoseconds = try reader.nanoseconds()
        keepLogsNanoseconds = try reader.nanoseconds()
        try reader.zero()
        name = try reader.text(max: 63)
        labels = try reader.ascending(
            max: ComputeLimits.labelsMax, itemBytesMin: 8, by: { $0.key.asBytes }
        ) { (r) throws(WireError) in
            Label(key: try r.text(max: 63), value: try r.text(max: 255))
        }
        try reader.reserved(0)
        guard (1...ComputeLimits.replicasMax).contains(replicas), quorum > replicas / 2,
            quorum <= replicas, maxExecutions >= replicas, (maxExecutions - replicas) % 2 == 0,
            maxExecutions <= ComputeLimits.replicasMax, replicas > 1 || maxExecutions == 1
        else { throw .outOfRange }
    }

    static func requirements(from reader: inout WireReader) throws(WireError) -> [Requirement] {
        let all = try reader.list(max: ComputeLimits.placeRulesMax, itemBytesMin: 2) {
            (r) throws(WireError) in
            let tag = try r.u8()
            switch tag {
            case 0: return Requirement.architecture(try r.tag())
            case 1: return Requirement.tag(try r.text(max: 24))
            default: throw .unknownTag(UInt64(tag))
            }
        }
        if all != sorted(all) { throw .unsorted }
        return all
    }

    /// Sorted and without duplicates: equal demands have one encoding.
    static func sorted(_ all: [Requirement]) -> [Requirement] {
        func key(_ requirement: Requirement) -> TextBytes {
            switch requirement {
            case .architecture(let a): TextBytes(bytes: [0, a.rawValue])
            case .tag(let tag): TextBytes(bytes: [1] + Array(tag.utf8))
            }
        }
        var out: [Requirement] = []
        for item in all.sorted(by: { key($0) < key($1) }) {
            if let last = out.last, key(last) == key(item) { continue }
            out.append(item)
        }
        return out
    }
}

extension WireReader {
    /// A span of time; at most a year, so that sums of several stay far below 2⁶³.
    mutating func nanoseconds() throws(WireError) -> UInt64 {
        let value = try u64()
        if value > ManifestRanges.spanMax { throw .outOfRange }
        return value
    }

    /// A u8 that stage 1 leaves 0.
    mutating func zero() throws(WireError) {
        let found = try u8()
        if found != 0 { throw .unknownTag(UInt64(found)) }
    }
}
