import Basis
public import Trust
public import Wire

/// The header of a block (`ledger.md` 4.2), 212 bytes.
public struct BlockHeader: Sendable, Hashable, WireCodable {
    /// `parentView` of a block that stands on the epoch base.
    public static let baseView = UInt64.max
    public static let bytes = 212

    public var networkID: NetworkID
    public var epoch: UInt64
    public var view: UInt64
    public var height: UInt64
    public var parentView: UInt64
    public var parentHash: Digest
    /// `H("peernode/cert/v1", parentCertificate)`.
    public var parentCertHash: Digest
    /// T: milliseconds since 1970.
    public var timestamp: UInt64
    /// The proposer's index among the seats of the epoch.
    public var seat: UInt16
    public var beaconReveal: Digest
    public var entryCount: UInt32
    public var payloadBytes: UInt32
    public var txRoot: Digest

    public init(
        networkID: NetworkID, epoch: UInt64, view: UInt64, height: UInt64, parentView: UInt64,
        parentHash: Digest, parentCertHash: Digest, timestamp: UInt64, seat: UInt16,
        beaconReveal: Digest, entryCount: UInt32, payloadBytes: UInt32, txRoot: Digest
    ) {
        self.networkID = networkID
        self.epoch = epoch
        self.view = view
        self.height = height
        self.parentView = parentView
        self.parentHash = parentHash
        self.parentCertHash = parentCertHash
        self.timestamp = timestamp
        self.seat = seat
        self.beaconReveal = beaconReveal
        self.entryCount = entryCount
        self.payloadBytes = payloadBytes
        self.txRoot = txRoot
    }

    public func encode(to w: inout WireWriter) {
        w.u16(1)
        w.value(networkID)
        w.u64(epoch)
        w.u64(view)
        w.u64(height)
        w.u64(parentView)
        w.value(parentHash)
        w.value(parentCertHash)
        w.u64(timestamp)
        w.u16(seat)
        w.value(beaconReveal)
        w.u32(entryCount)
        w.u32(payloadBytes)
        w.value(txRoot)
    }

    public init(from r: inout WireReader) throws(WireError) {
        let version = try r.u16()
        if version != 1 { throw .unknownTag(UInt64(version)) }
        networkID = try r.value()
        epoch = try r.u64()
        view = try r.u64()
        height = try r.u64()
        parentView = try r.u64()
        parentHash = try r.value()
        parentCertHash = try r.value()
        timestamp = try r.u64()
        seat = try r.u16()
        beaconReveal = try r.value()
        entryCount = try r.u32()
        payloadBytes = try r.u32()
        txRoot = try r.value()
    }

    /// `H("peernode/block/v1", header bytes)`.
    public func hash(hashing: some Hashing) -> Digest { hashing.hash("peernode/block/v1", encoded) }
}

/// A header with its body: the parent's notarisation, and the entries in order.
public struct Block: Sendable, Hashable, WireCodable {
    public var header: BlockHeader
    /// A `Certificate` that notarises the parent, or empty on the base of epoch 0.
    public var parentCertificate: [UInt8]
    public var entries: [[UInt8]]

    public init(header: BlockHeader, parentCertificate: [UInt8], entries: [[UInt8]]) {
        self.header = header
        self.parentCertificate = parentCertificate
        self.entries = entries
    }

    public func hash(hashing: some Hashing) -> Digest { header.hash(hashing: hashing) }

    public func encode(to w: inout WireWriter) {
        w.value(header)
        w.bytes(parentCertificate)
        w.list(entries) { $0.bytes($1) }
    }

    /// Counts of the header that do not match the body are refused here; the root is checked by `matchesRoot`.
    public init(from r: inout WireReader) throws(WireError) {
        header = try r.value()
        if header.entryCount > UInt32(LedgerLimits.blockEntriesMax)
            || header.payloadBytes > UInt32(LedgerLimits.blockBytesMax)
        {
            throw .outOfRange
        }
        parentCertificate = try r.bytes(max: LedgerLimits.parentCertificateBytesMax)
        entries = try r.list(max: LedgerLimits.blockEntriesMax, itemBytesMin: 4) {
            (r) throws(WireError) in
            try r.bytes(max: LedgerLimits.entryBytesMax)
        }
        if UInt32(entries.count) != header.entryCount
            || Block.payloadBytes(entries) != header.payloadBytes
        {
            throw .outOfRange
        }
    }

    /// The payload's size: the entries' bytes without their lengths. Entries that pass 4 GiB cannot be decoded.
    public static func payloadBytes(_ entries: [[UInt8]]) -> UInt32 {
        UInt32(clamping: entries.reduce(0) { $0 + $1.count })
    }

    /// `H("peernode/txfull/v1", all bytes)` of one entry.
    public static func entryHash(_ entry: [UInt8], hashing: some Hashing) -> Digest {
        hashing.hash("peernode/txfull/v1", entry)
    }

    /// The Merkle root over the hashes of the entries, in order.
    public static func txRoot(_ hashes: [Digest], hashing: some Hashing) -> Digest {
        MerkleTree.root(
            leafTag: "peernode/txleaf/v1", items: hashes.map(\.bytes), hashing: hashing)
    }

    /// `H("peernode/cert/v1", parentCertificate)`.
    public static func certificateHash(_ certificate: [UInt8], hashing: some Hashing) -> Digest {
        hashing.hash("peernode/cert/v1", certificate)
    }

    /// `H("peernode/block0/v1", networkID)`: the hash of height 0.
    public static func genesisHash(_ network: NetworkID, hashing: some Hashing) -> Digest {
        hashing.hash("peernode/block0/v1", network.bytes)
    }

    /// `H("peernode/mix0/v1", networkID)`: the beacon of height 0.
    public static func genesisMix(_ network: NetworkID, hashing: some Hashing) -> Digest {
        hashing.hash("peernode/mix0/v1", network.bytes)
    }
}
