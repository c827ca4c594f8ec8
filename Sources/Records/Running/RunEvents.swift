public import Wire

/// A piece of output: `length` bytes of a stream at `offset`, in the runner's spool.
///
/// `seq` counts both streams of a run without gaps; a gap between one mark's end and the next one's offset of the same
/// stream was dropped (`compute.md` 5.4).
public struct LogMark: Sendable, Hashable, WireCodable {
    public enum Stream: UInt8, Sendable, Hashable {
        case standardOutput = 1
        case standardError = 2
    }
    public var item: UInt32
    public var stream: Stream
    public var seq: UInt64
    public var offset: UInt64
    public var length: UInt32

    public init(item: UInt32, stream: Stream, seq: UInt64, offset: UInt64, length: UInt32) {
        self.item = item
        self.stream = stream
        self.seq = seq
        self.offset = offset
        self.length = length
    }

    public func encode(to writer: inout WireWriter) {
        writer.u32(item)
        writer.u8(stream.rawValue)
        writer.u64(seq)
        writer.u64(offset)
        writer.u32(length)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        item = try reader.u32()
        let raw = try reader.u8()
        guard let stream = Stream(rawValue: raw) else { throw .unknownTag(UInt64(raw)) }
        self.stream = stream
        seq = try reader.u64()
        offset = try reader.u64()
        length = try reader.u32()
    }
}

/// A file that the program left and that is kept. Its bytes are in the run's spool, as file `out-<spool>`.
public struct OutputFile: Sendable, Hashable {
    /// The name of its entry in the collect list.
    public var name: String
    /// Relative to `/out`; for an entry that is a folder, a path below it.
    public var path: String
    public var isExecutable: Bool
    public var length: UInt64
    /// Number of the spool file.
    public var spool: UInt32

    public init(name: String, path: String, isExecutable: Bool, length: UInt64, spool: UInt32) {
        self.name = name
        self.path = path
        self.isExecutable = isExecutable
        self.length = length
        self.spool = spool
    }
}

/// A path that was asked for and is not kept.
public struct RefusedFile: Sendable, Hashable {
    public var path: String
    public var kind: FileKind
    /// The limit that it broke, where `kind` is one.
    public var bytesMax: UInt64
    public init(path: String, kind: FileKind, bytesMax: UInt64 = 0) {
        self.path = path
        self.kind = kind
        self.bytesMax = bytesMax
    }
}

/// What the python harness said on descriptor 4.
public enum ResultChannel: Sendable, Hashable {
    case none
    /// The JSON text of the global `result`.
    case value([UInt8])
    /// `result` holds what JSON cannot carry; the type's name.
    case unfit(String)
    /// An uncaught MemoryError ended the program.
    case outOfMemory
    /// Something else than the harness wrote there; it is not used.
    case garbled
}

/// How one item ended.
public struct ItemEnd: Sendable, Hashable {
    public var index: UInt32
    public var process: ProcessEnd
    public var result: ResultChannel
    public var files: [OutputFile]
    public var refused: [RefusedFile]

    public init(
        index: UInt32, process: ProcessEnd, result: ResultChannel = .none, files: [OutputFile] = [],
        refused: [RefusedFile] = []
    ) {
        self.index = index
        self.process = process
        self.result = result
        self.files = files
        self.refused = refused
    }
}

/// Everything that is known about a run that came to an end of its own (`compute.md` 8).
public struct RunEnd: Sendable, Hashable {
    public var items: [ItemEnd]
    public var usage: Usage
    /// The limit that ended the program, if one did.
    public var limit: LimitHit?
    /// Marks of what the spool files `stdout` and `stderr` hold.
    public var logs: [LogMark]
    /// Bytes of standard error that were dropped.
    public var droppedBytes: UInt64

    public init(
        items: [ItemEnd], usage: Usage, limit: LimitHit? = nil, logs: [LogMark] = [],
        droppedBytes: UInt64 = 0
    ) {
        self.items = items
        self.usage = usage
        self.limit = limit
        self.logs = logs
        self.droppedBytes = droppedBytes
    }
}

/// What the runner tells the desk about a run. After `started` come any of the others, and last exactly one of `ended`
/// and `failed`; `failed` may also come alone.
public enum RunnerEvent: Sendable, Equatable {
    case started(pid: Int32)
    case progress(item: UInt32, perMille: UInt16, text: String)
    case logged(LogMark)
    case sampled(Usage)
    case itemEnded(item: UInt32, ProcessEnd)
    case file(item: UInt32, OutputFile)
    case refused(item: UInt32, path: String, FileKind)
    case limitHit(LimitHit)
    case paused
    case resumed
    case ended(RunEnd)
    case failed(RunEndReason)
}

/// What the desk tells the runner about a run. Orders for a run that is unknown or over are ignored and counted.
public enum RunnerOrder: Sendable, Equatable {
    /// Ends the run as `failed(reason)`; gently is SIGTERM first and SIGKILL 2 s later.
    case cancel(RunEndReason, gentle: Bool)
    case pause
    case resume
    /// Answered by `sampled`.
    case usage
    case nextItem(ItemFrame)
    case finish
}
