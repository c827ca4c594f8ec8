public import Records
public import Trust
public import Wire

/// What stands beside a claim and is no part of the commit: usage, fingerprint, logs (`compute.md` 1.6, 3.1).
///
/// A blob that is served after the reveal. What only it says is `reported`.
public struct ExecutionReport: Sendable, Hashable {
    public struct Log: Sendable, Hashable {
        public var blob: BlobID
        public var bytes: UInt64
        public var droppedBytes: UInt64
        public init(blob: BlobID, bytes: UInt64, droppedBytes: UInt64) {
            self.blob = blob
            self.bytes = bytes
            self.droppedBytes = droppedBytes
        }
    }

    public var usage: Usage
    public var runtime: String
    public var runtimeVersion: String
    public var runtimeDigest: Digest
    public var classID: Digest
    public var isolation: UInt8
    /// Name and sentence of the end.
    public var end: String
    public var text: String
    public var stdout: Log
    public var stderr: Log
    /// How often the node restarted this execution.
    public var attempt: UInt8

    public init(
        usage: Usage, capability: RuntimeCapability, isolation: UInt8, termination: Termination,
        stdout: Log, stderr: Log, attempt: UInt8
    ) {
        self.usage = usage
        runtime = capability.runtime
        runtimeVersion = String(capability.version.prefix(64))
        runtimeDigest = capability.digest
        classID = capability.classID
        self.isolation = isolation
        end = termination.name
        text = String(termination.text.unicodeScalars.prefix(250).map(Character.init))
        self.stdout = stdout
        self.stderr = stderr
        self.attempt = attempt
    }
}

extension ExecutionReport.Log: WireCodable {
    public func encode(to writer: inout WireWriter) {
        writer.value(blob)
        writer.u64(bytes)
        writer.u64(droppedBytes)
    }
    public init(from reader: inout WireReader) throws(WireError) {
        blob = try reader.value()
        bytes = try reader.u64()
        droppedBytes = try reader.u64()
    }
}

extension ExecutionReport: WireCodable {
    public func encode(to writer: inout WireWriter) {
        writer.u16(1)
        writer.value(usage)
        writer.text(runtime)
        writer.text(runtimeVersion)
        writer.value(runtimeDigest)
        writer.value(classID)
        writer.u8(isolation)
        writer.text(end)
        writer.text(text)
        writer.value(stdout)
        writer.value(stderr)
        writer.u8(attempt)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let version = try reader.u16()
        if version != 1 { throw .unknownTag(UInt64(version)) }
        usage = try reader.value()
        runtime = try reader.text(max: 64)
        runtimeVersion = try reader.text(max: 256)
        runtimeDigest = try reader.value()
        classID = try reader.value()
        isolation = try reader.u8()
        end = try reader.text(max: 32)
        text = try reader.text(max: 1_024)
        stdout = try reader.value()
        stderr = try reader.value()
        attempt = try reader.u8()
    }
}
