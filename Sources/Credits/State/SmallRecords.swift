import Records
public import Trust
public import Wire

/// How the results of an account in one runtime fared (`ledger.md` 8.6), 12 bytes.
public struct ReputationRecord: StateRecord, Sendable, Hashable {
    public var valid: UInt32 = 0
    public var invalid: UInt32 = 0
    /// Valid ones in a row that count for standing.
    public var consecutive: UInt32 = 0

    init() {}

    public func encode(to w: inout WireWriter) {
        w.u32(valid)
        w.u32(invalid)
        w.u32(consecutive)
    }

    public init(from r: inout WireReader) throws(WireError) {
        valid = try r.u32()
        invalid = try r.u32()
        consecutive = try r.u32()
    }
}

/// How often a token was used, 2 bytes.
struct InviteUse: StateRecord {
    var uses: UInt16

    init(uses: UInt16) { self.uses = uses }
    func encode(to w: inout WireWriter) { w.u16(uses) }
    init(from r: inout WireReader) throws(WireError) { uses = try r.u16() }
}

/// One of the last 128 digests, 40 bytes.
struct RingRecord: StateRecord {
    let height: UInt64
    let digest: Digest

    init(height: UInt64, digest: Digest) {
        self.height = height
        self.digest = digest
    }

    func encode(to w: inout WireWriter) {
        w.u64(height)
        w.value(digest)
    }

    init(from r: inout WireReader) throws(WireError) {
        height = try r.u64()
        digest = try r.value()
    }
}

/// Where the log stands (`ledger.md` 14.1, prefix 12), 76 bytes.
public struct ClockRecord: StateRecord, Sendable, Hashable {
    public var height: UInt64
    public var epoch: UInt64
    public var view: UInt64
    /// T: timestamp of the block, ms since 1970.
    public var time: UInt64
    /// L: the ledger clock, ms since height 0.
    public var ledgerTime: UInt64
    public var mix: Digest
    /// Jobs whose draw waits for its next attempt.
    public var waitingJobs: UInt32

    init(
        height: UInt64, epoch: UInt64, view: UInt64, time: UInt64, ledgerTime: UInt64, mix: Digest,
        waitingJobs: UInt32
    ) {
        self.height = height
        self.epoch = epoch
        self.view = view
        self.time = time
        self.ledgerTime = ledgerTime
        self.mix = mix
        self.waitingJobs = waitingJobs
    }

    public func encode(to w: inout WireWriter) {
        w.u64(height)
        w.u64(epoch)
        w.u64(view)
        w.u64(time)
        w.u64(ledgerTime)
        w.value(mix)
        w.u32(waitingJobs)
    }

    public init(from r: inout WireReader) throws(WireError) {
        height = try r.u64()
        epoch = try r.u64()
        view = try r.u64()
        time = try r.u64()
        ledgerTime = try r.u64()
        mix = try r.value()
        waitingJobs = try r.u32()
    }
}

/// Value of `executed` in the meta family: the newest executed block and the state after it.
public struct ExecutedRecord: Sendable, Hashable, WireCodable {
    /// Its key in the meta family.
    public static let key = Array("executed".utf8)

    public let height: UInt64
    public let blockHash: Digest
    public let digest: Digest
    public let epoch: UInt64
    public let view: UInt64
    /// T and L in milliseconds.
    public let time: UInt64
    public let ledgerTime: UInt64
    public let mix: Digest

    public init(
        height: UInt64, blockHash: Digest, digest: Digest, epoch: UInt64, view: UInt64, time: UInt64,
        ledgerTime: UInt64, mix: Digest
    ) {
        self.height = height
        self.blockHash = blockHash
        self.digest = digest
        self.epoch = epoch
        self.view = view
        self.time = time
        self.ledgerTime = ledgerTime
        self.mix = mix
    }

    public func encode(to w: inout WireWriter) {
        w.u64(height)
        w.value(blockHash)
        w.value(digest)
        w.u64(epoch)
        w.u64(view)
        w.u64(time)
        w.u64(ledgerTime)
        w.value(mix)
    }

    public init(from r: inout WireReader) throws(WireError) {
        height = try r.u64()
        blockHash = try r.value()
        digest = try r.value()
        epoch = try r.u64()
        view = try r.u64()
        time = try r.u64()
        ledgerTime = try r.u64()
        mix = try r.value()
    }
}
