public import Wire

// What peernode-init writes on descriptor 6. The program cannot reach that descriptor, but a program that has broken
// init could: the daemon reads reports as hostile input, within limits, and without `finished` the run is
// `sandbox_failed` (`compute.md` 4.4, property C41).

/// One report of init.
public enum InitReport: Sendable, Hashable {
    /// The item's main process exists; its number inside the sandbox.
    case started(item: UInt32, pid: Int32)
    /// All processes of the item are gone. CPU time is that of every child since the item before, orphans included.
    case itemEnded(item: UInt32, ProcessEnd, cpuMicros: UInt64, wallMicros: UInt64, residentPeakKiB: UInt64)
    /// Bytes of the result channel; they come before `itemEnded`.
    case result([UInt8])
    /// A kept file begins; `entry` is its place in the collect list, `path` is relative to `/out`.
    case file(entry: UInt16, path: String, isExecutable: Bool, length: UInt64)
    /// The next bytes of the file that began last.
    case bytes([UInt8])
    case refused(entry: UInt16, path: String, FileKind)
    case paused(Bool)
    /// A limit that init itself found broken.
    case limit(LimitHit)
    /// CPU time of ended children so far, µs.
    case usage(cpuMicros: UInt64)
    /// init could not do its part; nothing of the item is to be believed.
    case failed(what: String, errno: Int32)
    /// All files of item `item` have been sent.
    case itemDone(item: UInt32)
    case finished

    /// Bytes of one report's payload, at most: 64 KiB of data, or a path of 4 KiB.
    public static let payloadBytesMax = (64 << 10) + 64
    static let dataBytesMax = 64 << 10
    static let pathBytesMax = 4_096

    public init(kind: UInt8, payload: [UInt8]) throws(WireError) {
        var reader = WireReader(payload)
        self = try InitReport.decode(kind, &reader)
        try reader.finish()
    }

    private static func decode(
        _ kind: UInt8, _ reader: inout WireReader
    ) throws(WireError) -> InitReport {
        switch kind {
        case 1: return .started(item: try reader.u32(), pid: try reader.i32())
        case 2:
            let item = try reader.u32()
            let end = try decodeEnd(&reader)
            return .itemEnded(
                item: item, end, cpuMicros: try reader.u64(), wallMicros: try reader.u64(),
                residentPeakKiB: try reader.u64())
        case 3: return .result(try reader.bytes(max: dataBytesMax))
        case 4:
            return .file(
                entry: try reader.u16(), path: try reader.text(max: pathBytesMax),
                isExecutable: try reader.bool(), length: try reader.u64())
        case 5: return .bytes(try reader.bytes(max: dataBytesMax))
        case 6:
            let entry = try reader.u16()
            let path = try reader.text(max: pathBytesMax)
            let raw = try reader.u8()
            guard let kind = FileKind(rawValue: raw) else { throw .unknownTag(UInt64(raw)) }
            return .refused(entry: entry, path: path, kind)
        case 7: return .paused(try reader.bool())
        case 8:
            let raw = try reader.u8()
            guard let limit = LimitHit(rawValue: raw) else { throw .unknownTag(UInt64(raw)) }
            return .limit(limit)
        case 9: return .usage(cpuMicros: try reader.u64())
        case 10: return .failed(what: try reader.text(max: 256), errno: try reader.i32())
        case 11: return .itemDone(item: try reader.u32())
        case 12: return .finished
        default: throw .unknownTag(UInt64(kind))
        }
    }

    private static func decodeEnd(_ reader: inout WireReader) throws(WireError) -> ProcessEnd {
        let kind = try reader.u8()
        let number = try reader.i32()
        switch kind {
        case 0:
            guard (0...255).contains(number) else { throw .outOfRange }
            return .exited(code: UInt8(number))
        case 1:
            guard (1...64).contains(number) else { throw .outOfRange }
            return .signalled(number: UInt8(number))
        case 2: return .notStarted(errno: number)
        default: throw .unknownTag(UInt64(kind))
        }
    }

    /// The bytes that init writes. Here for tests and the simulator; the runner only reads.
    public var framed: [UInt8] {
        var body = WireWriter()
        let kind = encode(to: &body)
        var writer = WireWriter(capacity: body.count + 5)
        writer.u8(kind)
        writer.bytes(body.bytes)
        return writer.finish()
    }

    private func encode(to writer: inout WireWriter) -> UInt8 {
        switch self {
        case .started(let item, let pid):
            writer.u32(item)
            writer.i32(pid)
            return 1
        case .itemEnded(let item, let end, let cpu, let wall, let resident):
            writer.u32(item)
            switch end {
            case .exited(let code):
                writer.u8(0)
                writer.i32(Int32(code))
            case .signalled(let number):
                writer.u8(1)
                writer.i32(Int32(number))
            case .notStarted(let errno):
                writer.u8(2)
                writer.i32(errno)
            }
            writer.u64(cpu)
            writer.u64(wall)
            writer.u64(resident)
            return 2
        case .result(let bytes):
            writer.bytes(bytes)
            return 3
        case .file(let entry, let path, let isExecutable, let length):
            writer.u16(entry)
            writer.text(path)
            writer.bool(isExecutable)
            writer.u64(length)
            return 4
        case .bytes(let bytes):
            writer.bytes(bytes)
            return 5
        case .refused(let entry, let path, let kind):
            writer.u16(entry)
            writer.text(path)
            writer.u8(kind.rawValue)
            return 6
        case .paused(let isPaused):
            writer.bool(isPaused)
            return 7
        case .limit(let limit):
            writer.u8(limit.rawValue)
            return 8
        case .usage(let cpu):
            writer.u64(cpu)
            return 9
        case .failed(let what, let errno):
            writer.text(what)
            writer.i32(errno)
            return 10
        case .itemDone(let item):
            writer.u32(item)
            return 11
        case .finished: return 12
        }
    }
}

/// Cuts the stream of reports into reports, whatever the pieces in which it arrives.
///
/// Holds at most one report (64 KiB) of bytes that are not complete. After an error it gives nothing more.
public struct InitReportReader: Sendable {
    private var pending: [UInt8] = []
    private var isBroken = false

    public init() {}

    /// Whether the stream may end here: no part of a report waits.
    public var isAtBoundary: Bool { pending.isEmpty && !isBroken }

    /// The reports that `bytes` complete, in order. A malformed one ends the stream.
    public mutating func read(_ bytes: some Collection<UInt8>) throws(WireError) -> [InitReport] {
        if isBroken { throw .unknownTag(0) }
        pending.append(contentsOf: bytes)
        var reports: [InitReport] = []
        var start = 0
        do throws(WireError) {
            while pending.count - start >= 5 {
                var reader = WireReader(pending[start..<start + 5])
                let kind = try reader.u8()
                let length = try reader.u32()
                if length > UInt32(InitReport.payloadBytesMax) {
                    throw .tooLong(UInt64(length), max: InitReport.payloadBytesMax)
                }
                let end = start + 5 + Int(length)
                if end > pending.count { break }
                reports.append(
                    try InitReport(kind: kind, payload: Array(pending[start + 5..<end])))
                start = end
            }
        } catch {
            isBroken = true
            pending = []
            throw error
        }
        pending.removeFirst(start)
        return reports
    }
}
