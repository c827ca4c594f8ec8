import CSandbox
import Glibc
import Records

/// What a run writes: standard output whole, of standard error the first 256 KiB and the last 768 KiB, and its files.
///
/// Everything goes to files of the spool folder, which are made when the first byte comes.
struct Streams {
    static let headBytes = 256 << 10

    let folder: String
    let limits: RunLimits
    private(set) var stdoutCount: UInt64 = 0
    private(set) var stderrCount: UInt64 = 0
    private(set) var beginningOfErrors: [UInt8] = []
    private var hasFolder = false
    private var stdout = SpoolFile()
    private var stderr = SpoolFile()
    private var output = SpoolFile()
    private var outputNumber: UInt32 = 0
    /// The last bytes of standard error beyond the head, as a ring.
    private var tail: [UInt8] = []
    private var tailStart = 0
    /// Standard error before the program began is bwrap's.
    private var hasProgram = false
    private var spoolFailed = false

    init(spool: String, limits: RunLimits) {
        folder = spool
        self.limits = limits
    }

    mutating func programBegan() { hasProgram = true }

    /// Takes bytes of standard output; false if they go beyond the limit. What fits is kept.
    mutating func takeOutput(_ bytes: UnsafeRawBufferPointer, isLimited: Bool) -> Bool {
        let room = limits.stdoutBytes - min(limits.stdoutBytes, stdoutCount)
        let fits = isLimited ? min(UInt64(bytes.count), room) : UInt64(bytes.count)
        stdoutCount += fits
        write(UnsafeRawBufferPointer(rebasing: bytes[..<Int(fits)]), to: \.stdout, "stdout")
        return UInt64(bytes.count) <= room
    }

    /// Takes bytes of standard error; false if they go beyond what ends a run.
    mutating func takeErrors(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if !hasProgram && beginningOfErrors.count < 4_096 { beginningOfErrors += bytes.prefix(4_096) }
        let head = Streams.headBytes
        var rest = bytes[...]
        if stderrCount < UInt64(head) {
            let part = rest.prefix(head - Int(stderrCount))
            write(UnsafeRawBufferPointer(rebasing: part), to: \.stderr, "stderr")
            rest = rest.dropFirst(part.count)
        }
        stderrCount += UInt64(bytes.count)
        addToTail(rest)
        return stderrCount <= limits.stderrBytes
    }

    private var tailMax: Int { max(0, Int(clamping: limits.stderrKeptBytes) - Streams.headBytes) }

    private mutating func addToTail(_ bytes: Slice<UnsafeRawBufferPointer>) {
        var bytes = bytes.suffix(tailMax)
        if tail.count < tailMax {
            let part = bytes.prefix(tailMax - tail.count)
            tail += part
            bytes = bytes.dropFirst(part.count)
        }
        for byte in bytes {
            tail[tailStart] = byte
            tailStart = tailStart + 1 == tail.count ? 0 : tailStart + 1
        }
    }

    /// Bytes of standard error that were not kept.
    var droppedBytes: UInt64 {
        let kept = min(stderrCount, UInt64(Streams.headBytes)) + UInt64(tail.count)
        return stderrCount - min(stderrCount, kept)
    }

    mutating func beginOutput(_ number: UInt32) {
        outputNumber = number
        output.close()
        output = SpoolFile()
        // An empty output is a file too.
        _ = openOutput()
    }

    mutating func write(toOutput bytes: [UInt8]) {
        bytes.withUnsafeBytes { write($0, to: \.output, "out-\(outputNumber)") }
    }

    mutating func endOutput() { output.close() }

    /// Writes what waits, closes all, and returns the marks of what is kept: pieces of at most 16 KiB.
    mutating func close() -> [LogMark] {
        let late = Array(tail[tailStart...]) + tail[..<tailStart]
        late.withUnsafeBytes { write($0, to: \.stderr, "stderr") }
        stdout.close()
        stderr.close()
        output.close()
        var marks: [LogMark] = []
        Streams.mark(&marks, .standardOutput, from: 0, count: stdoutCount)
        let head = min(stderrCount, UInt64(Streams.headBytes))
        Streams.mark(&marks, .standardError, from: 0, count: head)
        Streams.mark(&marks, .standardError, from: stderrCount - UInt64(tail.count), count: UInt64(tail.count))
        return marks
    }

    /// Whether the disk refused a byte.
    var hasFailed: Bool { spoolFailed }

    private static func mark(
        _ marks: inout [LogMark], _ stream: LogMark.Stream, from start: UInt64, count: UInt64
    ) {
        var offset = start
        while offset < start + count {
            let length = min(16 << 10, start + count - offset)
            marks.append(
                LogMark(
                    item: 0, stream: stream, seq: UInt64(marks.count), offset: offset, length: UInt32(length)))
            offset += length
        }
    }

    private mutating func openOutput() -> Bool {
        makeFolder()
        return output.open("\(folder)/out-\(outputNumber)")
    }

    private mutating func makeFolder() {
        if hasFolder { return }
        hasFolder = true
        mkdir(folder, 0o700)
    }

    private mutating func write(
        _ bytes: UnsafeRawBufferPointer, to file: WritableKeyPath<Streams, SpoolFile>, _ name: String
    ) {
        if bytes.isEmpty { return }
        makeFolder()
        if !self[keyPath: file].write(bytes, "\(folder)/\(name)") { spoolFailed = true }
    }
}

/// A file of the spool, made with its first byte.
private struct SpoolFile {
    private var fd: Int32 = -1

    mutating func open(_ path: String) -> Bool {
        if fd < 0 { fd = pn_open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o600) }
        return fd >= 0
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer, _ path: String) -> Bool {
        if !open(path) { return false }
        var rest = bytes
        while !rest.isEmpty {
            let n = Glibc.write(fd, rest.baseAddress, rest.count)
            if n < 0 && errno == EINTR { continue }
            if n <= 0 { return false }
            rest = UnsafeRawBufferPointer(rebasing: rest[n...])
        }
        return true
    }

    mutating func close() {
        if fd >= 0 { Glibc.close(fd) }
        fd = -1
    }
}
