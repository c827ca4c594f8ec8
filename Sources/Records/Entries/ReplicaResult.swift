import Basis
public import Trust
public import Wire

/// What one replica claims (`Result` of `ledger.md` 8.4).
public struct ReplicaResult: Sendable, Hashable, WireCodable {
    public enum Status: UInt8, Sendable { case completed = 0, taskFailed = 1, limitExceeded = 2, badForm = 3 }

    public var status: Status
    public var exitCode: Int32
    /// Content hash of the body.
    public var bodyHash: BlobID
    public var bodyBytes: UInt64
    /// `H("peernode/compare/v1", u8 status, i32 exitCode, comparable form)`.
    public var compareHash: Digest
    /// The comparator's vector; empty for `exact`.
    public var sketch: [UInt8]
    /// Metered usage, each ≤ 2⁵³.
    public var cpuMicros: UInt64
    public var memoryMiBMillis: UInt64
    public var wallMillis: UInt64
    /// BlobID of the execution report; zero = none.
    public var report: BlobID
    /// The body itself, iff 0 < bodyBytes ≤ spec.inlineMax.
    public var inline: [UInt8]

    public static let usageMax: UInt64 = 1 << 53

    public init(
        status: Status, exitCode: Int32, bodyHash: BlobID, bodyBytes: UInt64, compareHash: Digest,
        sketch: [UInt8], cpuMicros: UInt64, memoryMiBMillis: UInt64, wallMillis: UInt64, report: BlobID,
        inline: [UInt8]
    ) {
        self.status = status
        self.exitCode = exitCode
        self.bodyHash = bodyHash
        self.bodyBytes = bodyBytes
        self.compareHash = compareHash
        self.sketch = sketch
        self.cpuMicros = cpuMicros
        self.memoryMiBMillis = memoryMiBMillis
        self.wallMillis = wallMillis
        self.report = report
        self.inline = inline
    }

    func encodeWithoutInline(to w: inout WireWriter) {
        w.u8(status.rawValue)
        w.i32(exitCode)
        w.value(bodyHash)
        w.u64(bodyBytes)
        w.value(compareHash)
        w.bytes(sketch)
        w.u64(cpuMicros)
        w.u64(memoryMiBMillis)
        w.u64(wallMillis)
        w.value(report)
    }

    public func encode(to w: inout WireWriter) {
        encodeWithoutInline(to: &w)
        w.bytes(inline)
    }

    public init(from r: inout WireReader) throws(WireError) {
        let tag = try r.u8()
        guard let status = Status(rawValue: tag) else { throw .unknownTag(UInt64(tag)) }
        self.status = status
        exitCode = try r.i32()
        bodyHash = try r.value()
        bodyBytes = try r.u64()
        compareHash = try r.value()
        sketch = try r.bytes(max: LedgerLimits.sketchBytesMax)
        cpuMicros = try r.u64()
        memoryMiBMillis = try r.u64()
        wallMillis = try r.u64()
        report = try r.value()
        inline = try r.bytes(max: LedgerLimits.inlineResultBytesMax)
        if cpuMicros > ReplicaResult.usageMax || memoryMiBMillis > ReplicaResult.usageMax
            || wallMillis > ReplicaResult.usageMax
        {
            throw .outOfRange
        }
    }

    /// `H("peernode/result/v1", Result without inline)`.
    public func digest(hashing: some Hashing) -> Digest {
        hashing.hash("peernode/result/v1") { encodeWithoutInline(to: &$0) }
    }

    /// `H("peernode/commit/v1", networkID, job, u16 lease, account, salt, resultDigest)`.
    public func commitHash(
        network: NetworkID, job: JobID, lease: UInt16, account: PublicKey, salt: Digest, hashing: some Hashing
    ) -> Digest {
        let own = digest(hashing: hashing)
        return hashing.hash("peernode/commit/v1") {
            $0.value(network)
            $0.value(job)
            $0.u16(lease)
            $0.value(account)
            $0.value(salt)
            $0.value(own)
        }
    }
}
