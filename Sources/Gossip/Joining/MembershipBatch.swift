import Basis
public import Records
public import Trust
public import Wire

/// What the store must keep, written at once (10.4). `store(into:)` gives the writes.
public struct MembershipBatch: Sendable, Hashable {
    /// Rows to write, by id.
    public var rows: [SavedRow] = []
    public var deletions: [PeerID] = []
    public var ownSequence: UInt64?
    public var network: NetworkID?
    public var seeds: [Seed]?
    public var joinsAutomatically: Bool?

    public init() {}

    public var isEmpty: Bool {
        rows.isEmpty && deletions.isEmpty && ownSequence == nil && network == nil && seeds == nil
            && joinsAutomatically == nil
    }

    /// Whether the answer must wait for the disk: whatever a later run must not contradict.
    public var isSynced: Bool {
        ownSequence != nil || network != nil || joinsAutomatically != nil
    }
}

/// One row of the book on disk (10.4, last row): version, record, flags, scope floor, times, failures.
public struct SavedRow: Sendable, Hashable {
    public var id: PeerID
    public var record: PeerRecord
    public var isAnchor: Bool
    public var scopeFloor: SocketAddress.Scope
    /// Unix milliseconds.
    public var firstSeen: UInt64
    public var verifiedAt: UInt64
    public var lastAttempt: UInt64
    public var failures: UInt16
}

extension SavedRow {
    /// The value under the key `PeerID`.
    public var value: [UInt8] {
        var w = WireWriter(capacity: 300)
        w.u8(1)
        w.blob16(record.encoded)
        w.u8(isAnchor ? 1 : 0)
        w.u8(scopeFloor.rawValue - 1)
        w.u64(firstSeen)
        w.u64(verifiedAt)
        w.u64(lastAttempt)
        w.u16(failures)
        return w.finish()
    }

    /// Reads a value; the id is that of the record's key.
    public init(value: [UInt8], hashing: some Hashing) throws(WireError) {
        var r = WireReader(value)
        let version = try r.u8()
        if version != 1 { throw .unknownTag(UInt64(version)) }
        record = try PeerRecord(decoding: try r.blob16(max: PeerRecord.bytesMax))
        isAnchor = try r.flags8(known: 1) == 1
        let scope = try r.u8()
        guard scope <= 2, let floor = SocketAddress.Scope(rawValue: scope + 1) else {
            throw .outOfRange
        }
        scopeFloor = floor
        firstSeen = try r.u64()
        verifiedAt = try r.u64()
        lastAttempt = try r.u64()
        failures = try r.u16()
        try r.finish()
        id = hashing.peerID(of: record.key)
    }
}

extension MembershipBatch {
    /// Keys of the single values beside the rows, whose keys have 32 bytes.
    static let sequenceKey = Array("own-sequence".utf8)
    static let networkKey = Array("network".utf8)
    static let seedsKey = Array("seeds".utf8)
    static let joinsKey = Array("joins".utf8)

    /// Adds these writes to `batch`, in the family `book`.
    public func store(into batch: inout StoreBatch) {
        for row in rows { batch.put(.book, row.id.bytes, row.value) }
        for id in deletions { batch.delete(.book, id.bytes) }
        func put(_ key: [UInt8], _ encode: (inout WireWriter) -> Void) {
            var w = WireWriter()
            encode(&w)
            batch.put(.book, key, w.bytes)
        }
        if let ownSequence { put(Self.sequenceKey) { $0.u64(ownSequence) } }
        if let network { put(Self.networkKey) { $0.value(network) } }
        if let joinsAutomatically { put(Self.joinsKey) { $0.bool(joinsAutomatically) } }
        if let seeds {
            put(Self.seedsKey) {
                $0.list(seeds) {
                    $0.text($1.host)
                    $0.u16($1.port)
                }
            }
        }
        batch.isSynced = batch.isSynced || isSynced
    }
}

extension RestoredMembership {
    static let seedsMax = 64
    static let hostBytesMax = 255

    /// What the rows of the family `book` say, in any order. Values that do not decode count as absent.
    public init(book: [(key: [UInt8], value: [UInt8])]) {
        self.init()
        for (key, value) in book {
            var r = WireReader(value)
            switch key {
            case MembershipBatch.sequenceKey: ownSequence = (try? r.u64()) ?? 0
            case MembershipBatch.networkKey: network = try? r.value()
            case MembershipBatch.joinsKey: joinsAutomatically = (try? r.bool()) ?? true
            case MembershipBatch.seedsKey:
                let stored = try? r.list(max: Self.seedsMax, itemBytesMin: 6) { (r) throws(WireError) in
                    Seed(host: try r.text(max: Self.hostBytesMax), port: try r.u16())
                }
                seeds = stored ?? []
            default: if key.count == 32 { rows.append(value) }
            }
        }
    }
}
