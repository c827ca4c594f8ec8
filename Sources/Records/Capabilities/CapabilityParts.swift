import Wire
public import Basis

/// The processor family of a peer (`gossip.md` 11.2, cpuArchitecture).
public enum CPUArchitecture: UInt8, Sendable, Hashable, CaseIterable {
    case x86x64 = 1, arm64 = 2, riscv64 = 3, other = 255

    /// The bits of `cpuFeatures` that have a meaning on this architecture.
    public var assignedFeatures: UInt64 {
        switch self {
        case .x86x64: 0x7ff
        case .arm64: 0xff
        case .riscv64, .other: 0
        }
    }
}

/// Who made a GPU (`gossip.md` 11.2).
public enum GPUVendor: UInt8, Sendable, Hashable, CaseIterable {
    case nvidia = 1, amd = 2, intel = 3, other = 255
}

/// One GPU of a peer, as its driver names it.
public struct CapabilityGPU: Sendable, Hashable {
    public var vendor: GPUVendor
    /// At most 64 bytes of UTF-8 without control characters.
    public var model: String
    public var vramMiB: UInt32
    /// Version of the driver, at most 32 bytes.
    public var driver: String
    /// Bit 0 CUDA, 1 ROCm, 2 Vulkan, 3 OpenCL; others 0.
    public var interfaces: UInt8
    /// For CUDA: major × 10 + minor; else 0.
    public var computeLevel: UInt16

    public static let interfacesAssigned: UInt8 = 0x0f

    public init(
        vendor: GPUVendor, model: String, vramMiB: UInt32, driver: String, interfaces: UInt8,
        computeLevel: UInt16
    ) {
        self.vendor = vendor
        self.model = model
        self.vramMiB = vramMiB
        self.driver = driver
        self.interfaces = interfaces
        self.computeLevel = computeLevel
    }
}

/// What kind of program a peer can run (`gossip.md` 11.2, runtimes).
public enum CapabilityRuntimeKind: UInt8, Sendable, Hashable, CaseIterable, Comparable {
    case command = 1, python, wasm, javascript, oci, inference, builtin, pack

    public static func < (a: CapabilityRuntimeKind, b: CapabilityRuntimeKind) -> Bool { a.rawValue < b.rawValue }
}

/// One runtime of a peer.
public struct CapabilityRuntime: Sendable, Hashable {
    public var kind: CapabilityRuntimeKind
    /// At most 32 bytes.
    public var name: String
    /// At most 32 bytes.
    public var version: String
    /// Digest of the runtime's files; zero if it has none.
    public var digest: Bytes32

    public init(kind: CapabilityRuntimeKind, name: String, version: String, digest: Bytes32 = .zero) {
        self.kind = kind
        self.name = name
        self.version = version
        self.digest = digest
    }
}

/// What a model is used for (`gossip.md` 11.2, models).
public enum ModelUse: UInt8, Sendable, Hashable, CaseIterable {
    case chat = 1, embedding, other
}

/// One model that a peer's inference runtime can load.
public struct CapabilityModel: Sendable, Hashable {
    public var use: ModelUse
    /// At most 64 bytes.
    public var name: String
    public var digest: Bytes32
    /// For example `gguf-q4_k_m`; at most 16 bytes.
    public var format: String
    public var contextTokens: UInt32

    public init(use: ModelUse, name: String, digest: Bytes32, format: String, contextTokens: UInt32) {
        self.use = use
        self.name = name
        self.digest = digest
        self.format = format
        self.contextTokens = contextTokens
    }
}

/// The owner's rules that others may know (`gossip.md` 11.2, policyFlags).
public struct CapabilityPolicy: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let scheduled = CapabilityPolicy(rawValue: 1)
    public static let idleOnly = CapabilityPolicy(rawValue: 2)
    public static let offersGPU = CapabilityPolicy(rawValue: 4)
    public static let networkForJobs = CapabilityPolicy(rawValue: 8)
    public static let strangersNativeCode = CapabilityPolicy(rawValue: 16)
    public static let assigned: CapabilityPolicy = [
        .scheduled, .idleOnly, .offersGPU, .networkForJobs, .strangersNativeCode,
    ]
}

/// The hours of a week in which a peer takes work: bit i = hour i, 0 = Monday 00:00 local (`gossip.md` 11.2).
public struct WeekHours: Sendable, Hashable {
    public static let hours = 168
    public static let byteCount = 21
    /// 21 bytes, lowest bit first.
    public let bits: [UInt8]

    /// nil unless there are exactly 21 bytes.
    public init?(bits: [UInt8]) {
        guard bits.count == Self.byteCount else { return nil }
        self.bits = bits
    }

    init(unchecked bits: [UInt8]) { self.bits = bits }

    /// Every hour of the week.
    public static let always = WeekHours(unchecked: [UInt8](repeating: 0xff, count: byteCount))

    /// Whether `hour` (0 … 167) is one in which work is taken.
    public func contains(hour: Int) -> Bool {
        invariant(hour >= 0 && hour < Self.hours, "hour \(hour) of the week")
        return bits[hour / 8] >> UInt8(hour % 8) & 1 == 1
    }

    /// The hour of the week of a local time, in milliseconds since 1970 (which began on a Thursday).
    public static func hour(localMilliseconds: UInt64) -> Int {
        Int((localMilliseconds / 3_600_000 + 72) % 168)
    }

    /// The same with an offset of the zone, stored as minutes + 1,440.
    public static func hour(unixMilliseconds: UInt64, zoneOffsetMinutes: UInt16) -> Int {
        let shifted = unixMilliseconds / 60_000 + UInt64(zoneOffsetMinutes)
        // 1,440 minutes (a day) are taken off again; a whole week is added first, so that nothing gets negative.
        return Int(((shifted + 10_080 - 1_440) / 60 + 72) % 168)
    }
}
