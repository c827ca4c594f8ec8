import Basis
import NodeCore
import Trust

/// The blobs of one peer, in memory: whole ones, and those being fetched. Blobs outlive crashes; fetches do not.
struct SimBlobs: Sendable {
    struct Partial: Sendable {
        var length: UInt64
        var chunks: SortedMap<UInt32, [UInt8]>
    }

    private(set) var whole: [BlobID: [UInt8]] = [:]
    var partial: [BlobID: Partial] = [:]
    /// Of executions whose commits are not closed yet: nobody may have them.
    var sealed: Set<BlobID> = []

    mutating func put(_ bytes: [UInt8], hashing: some Hashing) -> BlobID {
        let id = BlobTree.id(of: bytes, hashing: hashing)
        whole[id] = bytes
        return id
    }

    func holds(_ id: BlobID) -> Bool { whole[id] != nil }
    func bytes(_ id: BlobID) -> [UInt8]? { whole[id] }

    /// Adds a verified chunk; true if the blob is whole now.
    mutating func add(_ chunk: BlobChunk, of id: BlobID, length: UInt64) -> Bool {
        var part = partial[id] ?? Partial(length: length, chunks: SortedMap())
        part.chunks.insert(chunk.data, for: chunk.index)
        partial[id] = part
        if part.chunks.count < BlobTree.chunkCount(length: length) { return false }
        partial[id] = nil
        whole[id] = part.chunks.flatMap { $0.value }
        return true
    }

    /// Drops what a crash loses.
    mutating func crash() { partial = [:] }

    func summary(_ id: BlobID, hashing: some Hashing) -> BlobSummary? {
        guard !sealed.contains(id), let bytes = whole[id] else { return nil }
        let leaves = SimBlobs.leaves(bytes, hashing: hashing)
        return BlobSummary(
            length: UInt64(bytes.count), root: BlobTree.root(leaves: leaves, hashing: hashing),
            runs: [.init(first: 0, count: UInt32(leaves.count))])
    }

    func chunks(_ id: BlobID, first: UInt32, count: UInt16, hashing: some Hashing) -> [BlobChunk]? {
        guard !sealed.contains(id), let bytes = whole[id] else { return nil }
        let leaves = SimBlobs.leaves(bytes, hashing: hashing)
        guard Int(first) < leaves.count else { return nil }
        let levels = BlobTree.Levels(leaves: leaves, hashing: hashing)
        return (Int(first)..<min(leaves.count, Int(first) + Int(count))).map { index in
            let start = index * BlobTree.chunkBytes
            let data = Array(bytes[start..<min(bytes.count, start + BlobTree.chunkBytes)])
            return BlobChunk(index: UInt32(index), proof: levels.proof(of: index), data: data)
        }
    }

    private static func leaves(_ bytes: [UInt8], hashing: some Hashing) -> [Digest] {
        (0..<BlobTree.chunkCount(length: UInt64(bytes.count))).map { index in
            let start = index * BlobTree.chunkBytes
            return BlobTree.leaf(
                index, bytes[start..<min(bytes.count, start + BlobTree.chunkBytes)], hashing: hashing)
        }
    }
}
