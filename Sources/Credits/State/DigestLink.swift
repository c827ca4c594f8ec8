import Records
public import Trust
public import Wire

/// What joins a state digest to the one before it (`ledger.md` 5.2), 128 bytes.
public struct DigestLink: Sendable, Hashable, WireCodable {
    public let blockHash: Digest
    public let eventRoot: Digest
    public let deltaHash: Digest
    /// Zero except at full digests.
    public let full: Digest

    public init(blockHash: Digest, eventRoot: Digest, deltaHash: Digest, full: Digest) {
        self.blockHash = blockHash
        self.eventRoot = eventRoot
        self.deltaHash = deltaHash
        self.full = full
    }

    /// `D_h = H("peernode/state/v1", D_{h−1}, u64 h, blockHash, eventRoot, deltaHash, full)`.
    public func digest(after previous: Digest, height: UInt64, hashing: some Hashing) -> Digest {
        hashing.hash("peernode/state/v1") {
            $0.value(previous)
            $0.u64(height)
            $0.value(self)
        }
    }

    public func encode(to w: inout WireWriter) {
        w.value(blockHash)
        w.value(eventRoot)
        w.value(deltaHash)
        w.value(full)
    }

    public init(from r: inout WireReader) throws(WireError) {
        blockHash = try r.value()
        eventRoot = try r.value()
        deltaHash = try r.value()
        full = try r.value()
    }
}

/// The link of one height with the digest before it, 160 bytes: kept in family `proofs` under 2 ‖ height, so that a
/// receipt leads from a block without a state certificate of its own up to a certified height.
public struct DigestStep: Sendable, Hashable, WireCodable {
    public let before: Digest
    public let link: DigestLink

    public init(before: Digest, link: DigestLink) {
        self.before = before
        self.link = link
    }

    /// Key in family `proofs`.
    public static func key(_ height: UInt64) -> [UInt8] { StoreKey([2]).u64(height).bytes }

    public func encode(to w: inout WireWriter) {
        w.value(before)
        w.value(link)
    }

    public init(from r: inout WireReader) throws(WireError) {
        before = try r.value()
        link = try r.value()
    }
}
