public import Wire

/// The back-end that held a run to its limits (`compute.md` 4.5; numbers of `ledger.md` 8, offers).
public enum Meter: UInt8, Sendable, Hashable, CaseIterable, WireCodable {
    case cgroupV2 = 1
    case cgroupV1 = 2
    case polling = 3

    public func encode(to writer: inout WireWriter) { writer.u8(rawValue) }
    public init(from reader: inout WireReader) throws(WireError) {
        let raw = try reader.u8()
        guard let meter = Meter(rawValue: raw) else { throw .unknownTag(UInt64(raw)) }
        self = meter
    }

    /// What `doctor` and receipts call it.
    public var text: String {
        switch self {
        case .cgroupV2: "cgroup v2"
        case .cgroupV1: "cgroup v1"
        case .polling: "polling"
        }
    }
}

/// What an execution used (`compute.md` 4.9). Part of the execution report.
public struct Usage: Sendable, Hashable, WireCodable {
    /// From start to end, µs.
    public var wallMicros: UInt64 = 0
    /// User and system time of all processes and orphans, µs.
    public var cpuMicros: UInt64 = 0
    /// The group's peak, or the highest sum polled, bytes.
    public var memoryPeakBytes: UInt64 = 0
    public var fuel: UInt64 = 0
    public var diskPeakBytes: UInt64 = 0
    public var stdoutBytes: UInt64 = 0
    public var artifactBytes: UInt64 = 0
    public var fetchedBytes: UInt64 = 0
    /// Most processes and threads seen at once.
    public var processPeak: UInt32 = 0
    public var pausedMicros: UInt64 = 0
    public var tokensIn: UInt64 = 0
    public var tokensOut: UInt64 = 0
    public var meter: Meter

    public init(meter: Meter) { self.meter = meter }

    /// Wall time in ms, rounded up, as the Result states it.
    public var wallMillis: UInt64 { wallMicros / 1_000 + (wallMicros % 1_000 == 0 ? 0 : 1) }

    public func encode(to writer: inout WireWriter) {
        writer.u64(wallMicros)
        writer.u64(cpuMicros)
        writer.u64(memoryPeakBytes)
        writer.u64(fuel)
        writer.u64(diskPeakBytes)
        writer.u64(stdoutBytes)
        writer.u64(artifactBytes)
        writer.u64(fetchedBytes)
        writer.u32(processPeak)
        writer.u64(pausedMicros)
        writer.u64(tokensIn)
        writer.u64(tokensOut)
        writer.value(meter)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        wallMicros = try reader.u64()
        cpuMicros = try reader.u64()
        memoryPeakBytes = try reader.u64()
        fuel = try reader.u64()
        diskPeakBytes = try reader.u64()
        stdoutBytes = try reader.u64()
        artifactBytes = try reader.u64()
        fetchedBytes = try reader.u64()
        processPeak = try reader.u32()
        pausedMicros = try reader.u64()
        tokensIn = try reader.u64()
        tokensOut = try reader.u64()
        meter = try Meter(from: &reader)
    }
}
