import Basis
public import Trust
public import Wire

/// What a worker runs and how it was bought: the resolved manifest in the one form that is hashed, stored as a blob and
/// named by the ledger's JobSpec (`compute.md` 1.4).
///
/// Maps are arrays ascending by key bytes, defaults are filled in, durations are nanoseconds, sizes bytes, cpu
/// thousandths, credit micro-credits.
public struct CanonicalJob: Sendable, Hashable {
    public static let version: UInt16 = 1

    /// Part W.
    public var work: Work
    /// Part P.
    public var purchase: Purchase

    public init(work: Work, purchase: Purchase) {
        self.work = work
        self.purchase = purchase
    }

    /// `WorkID = H("peernode/work/v1", W)`.
    public func workID(hashing: some Hashing) -> WorkID {
        WorkID(hashing.hash("peernode/work/v1", work.encoded).raw)
    }

    /// The BlobID of the encoded job: the `manifest` of the ledger's JobSpec.
    public func blobID(hashing: some Hashing) -> BlobID {
        BlobTree.id(of: encoded, hashing: hashing)
    }

    /// The seed that the program sees: the given one, or the first 8 bytes, read as little-endian, of
    /// `H("peernode/seed/v1", W)`. (Without items in stage 1.)
    public func seed(hashing: some Hashing) -> UInt64 {
        switch work.seed {
        case .value(let value): value
        case .auto: hashing.hash("peernode/seed/v1", work.encoded).raw.w0.byteSwapped
        }
    }

    /// Decodes a blob; larger than `canonicalJobBytesMax` is refused before anything is read.
    public static func decoded(_ bytes: [UInt8]) throws(WireError) -> CanonicalJob {
        if bytes.count > ComputeLimits.canonicalJobBytesMax {
            throw .tooLong(UInt64(bytes.count), max: ComputeLimits.canonicalJobBytesMax)
        }
        return try CanonicalJob(decoding: bytes)
    }
}

extension CanonicalJob: WireEncodable, WireDecodable {
    public func encode(to writer: inout WireWriter) {
        writer.u16(CanonicalJob.version)
        writer.value(work)
        writer.value(purchase)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let version = try reader.u16()
        if version != CanonicalJob.version { throw .unknownTag(UInt64(version)) }
        work = try reader.value()
        purchase = try reader.value()
    }
}
