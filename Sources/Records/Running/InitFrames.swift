public import Wire

// What the runner writes to peernode-init (descriptor 5): `{u8 kind, u32 length, payload}` one after another, payloads
// in the canonical encoding (`compute.md` 4.4). The reader on the other side is C, in Sources/peernode-init/frames.c;
// both are held to the same golden vectors.

/// One resource limit of the program, with Linux's number of the resource.
public struct ResourceLimit: Sendable, Hashable, WireCodable {
    public var resource: UInt8
    public var soft: UInt64
    public var hard: UInt64
    public init(_ resource: UInt8, soft: UInt64, hard: UInt64) {
        self.resource = resource
        self.soft = soft
        self.hard = hard
    }
    public func encode(to writer: inout WireWriter) {
        writer.u8(resource)
        writer.u64(soft)
        writer.u64(hard)
    }
    public init(from reader: inout WireReader) throws(WireError) {
        resource = try reader.u8()
        soft = try reader.u64()
        hard = try reader.u64()
    }

    /// The limits of §4.5. `DATA` and not `AS`: engines reserve address space that they never touch.
    public static func list(for limits: RunLimits) -> [ResourceLimit] {
        let seconds = limits.cpuMicros / 1_000_000 + (limits.cpuMicros % 1_000_000 == 0 ? 0 : 1)
        let processes = UInt64(limits.pids) + 2
        return [
            ResourceLimit(0, soft: max(1, seconds), hard: max(1, seconds) + 1),  // CPU
            ResourceLimit(1, soft: limits.diskBytes, hard: limits.diskBytes),  // FSIZE
            ResourceLimit(2, soft: limits.memoryBytes, hard: limits.memoryBytes),  // DATA
            ResourceLimit(3, soft: 8 << 20, hard: 8 << 20),  // STACK
            ResourceLimit(4, soft: 0, hard: 0),  // CORE
            ResourceLimit(6, soft: processes, hard: processes),  // NPROC
            ResourceLimit(7, soft: 256, hard: 256),  // NOFILE
            ResourceLimit(8, soft: 64 << 10, hard: 64 << 10),  // MEMLOCK
            ResourceLimit(11, soft: 256, hard: 256),  // SIGPENDING
            ResourceLimit(12, soft: 0, hard: 0),  // MSGQUEUE
            ResourceLimit(13, soft: 0, hard: 0),  // NICE
            ResourceLimit(14, soft: 0, hard: 0),  // RTPRIO
        ]
    }
}

/// The first frame: what holds for all items of the sandbox.
public struct InitHeader: Sendable, Hashable {
    public var limits: [ResourceLimit]
    public var environment: [EnvironmentEntry]
    public var files: [FrameFile]
    public var fileTime: UInt64
    public var collect: [CollectEntry]
    public var artifactBytes: UInt64
    public var artifactFiles: UInt32
    public var resultBytes: UInt64
    /// init ends everything by itself after this time, should the runner not do so.
    public var wallBackstopMillis: UInt64

    public init(_ frame: RunFrame) {
        limits = ResourceLimit.list(for: frame.limits)
        environment = frame.environment
        if case .files(let files) = frame.inputs { self.files = files } else { files = [] }
        fileTime = frame.epoch
        collect = frame.collect
        artifactBytes = frame.limits.artifactBytes
        artifactFiles = frame.limits.artifactFiles
        resultBytes = frame.limits.resultBytes
        // A pause may last a minute (§5.6); the runner's own timer counts exactly.
        wallBackstopMillis = frame.limits.wallMillis + 90_000
    }
}

/// A frame to init.
public enum InitFrame: Sendable, Hashable {
    case header(InitHeader)
    case item(ItemFrame)
    case finish

    /// The version of these layouts; init refuses another.
    public static let version: UInt8 = 1
    /// Bytes of one frame, at most: 8 MiB of files, 64 KiB of inline inputs, arguments, and room for names.
    public static let bytesMax = 12 << 20

    public var framed: [UInt8] {
        var body = WireWriter()
        let kind: UInt8
        switch self {
        case .header(let header):
            kind = 1
            InitFrame.encode(header, to: &body)
        case .item(let item):
            kind = 2
            InitFrame.encode(item, to: &body)
        case .finish: kind = 3
        }
        var writer = WireWriter(capacity: body.count + 5)
        writer.u8(kind)
        writer.bytes(body.bytes)
        return writer.finish()
    }

    static func encode(_ header: InitHeader, to writer: inout WireWriter) {
        writer.u8(version)
        writer.list(header.limits)
        writer.list(header.environment) { (w, entry) in w.text(entry.name + "=" + entry.value) }
        writer.u64(header.fileTime)
        writer.list(header.files) { (w, file) in
            w.text(file.path)
            w.bool(file.isExecutable)
            w.bytes(file.bytes)
        }
        writer.list(header.collect) { (w, entry) in
            w.text(entry.path)
            w.u64(entry.bytesMax)
        }
        writer.u64(header.artifactBytes)
        writer.u32(header.artifactFiles)
        writer.u64(header.resultBytes)
        writer.u64(header.wallBackstopMillis)
    }

    static func encode(_ item: ItemFrame, to writer: inout WireWriter) {
        writer.u32(item.index)
        writer.list(item.argv) { (w, argument) in w.bytes(argument) }
        switch item.stdin {
        case .empty:
            writer.u8(0)
            writer.bytes([])
        case .bytes(let bytes):
            writer.u8(1)
            writer.bytes(bytes)
        case .file(let path):
            writer.u8(2)
            writer.text(path)
        }
        writer.optional(item.runtimeFrame) { (w, bytes) in w.bytes(bytes) }
    }
}
