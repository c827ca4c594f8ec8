import Basis
public import Trust
public import Wire

/// What a holder says of a blob (`gossip.md` 12.5): its size, root, and the runs of chunks that it has.
public struct BlobSummary: Sendable, Hashable, WireCodable {
    public struct Run: Sendable, Hashable {
        public let first: UInt32
        public let count: UInt32
        public init(first: UInt32, count: UInt32) {
            self.first = first
            self.count = count
        }
    }

    /// A holder of more pieces than this is better asked later.
    public static let runsMax = 64
    /// 16 GiB (`compute.md`, limits).
    public static let blobBytesMax: UInt64 = 16 << 30

    public let length: UInt64
    public let root: Digest
    /// Ascending, disjoint, inside the blob.
    public let runs: [Run]

    public init(length: UInt64, root: Digest, runs: [Run]) {
        self.length = length
        self.root = root
        self.runs = runs
    }

    public func encode(to w: inout WireWriter) {
        w.u64(length)
        w.value(root)
        w.u8(UInt8(runs.count))
        for run in runs {
            w.u32(run.first)
            w.u32(run.count)
        }
    }

    public init(from r: inout WireReader) throws(WireError) {
        length = try r.u64()
        if length > BlobSummary.blobBytesMax { throw .outOfRange }
        root = try r.value()
        let count = Int(try r.u8())
        if count > BlobSummary.runsMax { throw .tooLong(UInt64(count), max: BlobSummary.runsMax) }
        let chunks = UInt64(BlobTree.chunkCount(length: length))
        var end: UInt64 = 0
        var runs: [Run] = []
        for _ in 0..<count {
            let run = Run(first: try r.u32(), count: try r.u32())
            if run.count == 0 || UInt64(run.first) < end { throw .unsorted }
            end = UInt64(run.first) + UInt64(run.count)
            if end > chunks { throw .outOfRange }
            runs.append(run)
        }
        self.runs = runs
    }

    public func has(_ chunk: UInt32) -> Bool {
        runs.contains { chunk >= $0.first && chunk - $0.first < $0.count }
    }
}

/// Asks for up to 64 chunks in a row (service 6).
public struct BlobChunksRequest: Sendable, Hashable, WireCodable {
    public static let countMax: UInt16 = 64

    public let blob: BlobID
    public let first: UInt32
    public let count: UInt16

    public init(blob: BlobID, first: UInt32, count: UInt16) {
        self.blob = blob
        self.first = first
        self.count = count
    }

    public func encode(to w: inout WireWriter) {
        w.value(blob)
        w.u32(first)
        w.u16(count)
    }

    public init(from r: inout WireReader) throws(WireError) {
        blob = try r.value()
        first = try r.u32()
        count = try r.u16()
        if count == 0 || count > BlobChunksRequest.countMax { throw .outOfRange }
    }
}

/// One chunk with its proof, as the answer repeats it.
public struct BlobChunk: Sendable, Hashable, WireCodable {
    public static let proofMax = BlobTree.proofStepsMax

    public let index: UInt32
    public let proof: [Digest]
    public let data: [UInt8]

    public init(index: UInt32, proof: [Digest], data: [UInt8]) {
        self.index = index
        self.proof = proof
        self.data = data
    }

    public func encode(to w: inout WireWriter) {
        w.u32(index)
        w.u32(UInt32(data.count))
        w.u8(UInt8(proof.count))
        for one in proof { w.value(one) }
        w.fixed(data)
    }

    public init(from r: inout WireReader) throws(WireError) {
        index = try r.u32()
        let size = Int(try r.u32())
        if size > BlobTree.chunkBytes { throw .tooLong(UInt64(size), max: BlobTree.chunkBytes) }
        let steps = Int(try r.u8())
        if steps > BlobChunk.proofMax { throw .tooLong(UInt64(steps), max: BlobChunk.proofMax) }
        var proof: [Digest] = []
        for _ in 0..<steps { proof.append(try r.value()) }
        self.proof = proof
        data = try r.fixed(size)
    }

    /// How many bytes the chunk at the start of `bytes` takes; nil while its header is not complete.
    static func encodedCount(_ bytes: ArraySlice<UInt8>) -> Int? {
        guard bytes.count >= 9 else { return nil }
        let at = bytes.startIndex
        let size = (0..<4).reduce(0) { $0 | Int(bytes[at + 4 + $1]) << (8 * $1) }
        return 9 + 32 * Int(bytes[at + 8]) + size
    }
}
