import Basis
import Glibc
import Records
public import Trust
import Wire

/// Puts a blob together from chunks that peers send in any order (`gossip.md` 12.5), each proven against the root that
/// the id fixes. Verified chunks survive a crash: the leaf of each is a row, and what the file holds is hashed again
/// against these rows when the fetch goes on.
///
/// A class: it owns the partial file. `@unchecked Sendable`: one thread at a time uses it.
public final class BlobFetch: @unchecked Sendable {
    public let id: BlobID
    public let length: UInt64
    public let root: Digest
    private let blobs: BlobStore
    private let file: BlobFile
    /// nil: missing.
    private var leaves: [Digest?]
    public private(set) var missingCount: Int
    private var isOver = false

    init(
        _ blobs: BlobStore, id: BlobID, length: UInt64, root: Digest
    ) throws(BlobError) {
        self.blobs = blobs
        self.id = id
        self.length = length
        self.root = root
        leaves = Array(repeating: nil, count: BlobTree.chunkCount(length: length))
        missingCount = leaves.count
        file = try BlobFile(blobs.partialFile(id), O_RDWR | O_CREAT)
        try recover()
    }

    deinit {
        if !isOver { blobs.endFetch(id, length) }
    }

    /// Chunks that are not here yet, ascending, at most `limit`.
    public func missing(limit: Int = .max) -> [Int] {
        var indexes: [Int] = []
        for index in leaves.indices where leaves[index] == nil {
            if indexes.count == limit { break }
            indexes.append(index)
        }
        return indexes
    }

    public func has(_ index: Int) -> Bool { leaves.indices.contains(index) && leaves[index] != nil }

    /// Takes chunk `index` with its proof. `badChunk`: its source lied or the link broke; nothing was stored. True if
    /// it was new.
    @discardableResult
    public func add(_ index: Int, _ bytes: [UInt8], proof: [Digest]) throws(BlobError) -> Bool {
        invariant(!isOver, "a chunk for a fetch that is over")
        guard leaves.indices.contains(index), bytes.count == size(of: index) else {
            throw .badChunk(index: index)
        }
        let leaf = BlobTree.leaf(index, bytes, hashing: blobs.hashing)
        guard
            BlobTree.proves(
                leaf: leaf, at: index, of: leaves.count, proof: proof, root: root,
                hashing: blobs.hashing)
        else { throw .badChunk(index: index) }
        if leaves[index] != nil { return false }
        try file.write(bytes, at: UInt64(index) * UInt64(BlobTree.chunkBytes))
        var batch = StoreBatch(isSynced: false)
        batch.put(.blobs, BlobKey.fetchedChunk(id, index), leaf.bytes)
        try blobs.write(batch)
        leaves[index] = leaf
        missingCount -= 1
        return true
    }

    /// Makes the blob, when no chunk is missing. The fetch is over then.
    public func finish() throws(BlobError) {
        invariant(!isOver && missingCount == 0, "\(missingCount) chunks are missing")
        let all = leaves.compactMap { $0 }
        let top = BlobTree.root(leaves: all, hashing: blobs.hashing)
        invariant(top == root, "proven chunks of \(id) do not give its root")
        let partial = blobs.partialFile(id)
        if length <= UInt64(BlobStore.inlineBytesMax) {
            let bytes = try file.read(at: 0, count: Int(length))
            let isConsumed = try blobs.adopt(inline: bytes, id: id, root: root, reserved: length)
            end(isConsumed)
            try blobs.write(BlobFetch.removal(id))
            try? Paths.remove(partial)
            return
        }
        end(
            try blobs.adopt(
                file, at: partial, id: id, length: length, root: root, leaves: all,
                reserved: length, alongWith: BlobFetch.removal(id)))
    }

    /// Gives up for good: verified chunks are removed.
    public func abandon() throws(BlobError) {
        if isOver { return }
        isOver = true
        blobs.endFetch(id, length)
        try blobs.write(BlobFetch.removal(id))
        try? Paths.remove(blobs.partialFile(id))
    }

    private func end(_ isConsumed: Bool) {
        isOver = true
        blobs.endFetch(id, isConsumed ? 0 : length)
    }

    /// The rows of a fetch go.
    static func removal(_ id: BlobID) -> StoreBatch {
        var batch = StoreBatch(isSynced: true)
        batch.delete(.blobs, BlobKey.fetch(id))
        let chunks = BlobKey.fetchedChunks(id)
        batch.deleteRange(.blobs, from: chunks, to: Store.successor(ofPrefix: chunks)!)
        return batch
    }

    private func size(of index: Int) -> Int {
        Int(min(UInt64(BlobTree.chunkBytes), length - UInt64(index) * UInt64(BlobTree.chunkBytes)))
    }

    /// Takes what an earlier fetch left. A chunk that the disk lost (its row may survive a power cut that its bytes did
    /// not) does not match its leaf and counts as missing.
    private func recover() throws(BlobError) {
        let prefix = BlobKey.fetchedChunks(id)
        let rows = try BlobError.store { () throws(StoreError) in
            try blobs.store.scan(.blobs, prefix: prefix)
        }
        for row in rows {
            let index = row.key.dropFirst(prefix.count).reduce(0) { $0 << 8 | Int($1) }
            guard leaves.indices.contains(index), let leaf = Digest(row.value) else { continue }
            let bytes = try file.read(
                at: UInt64(index) * UInt64(BlobTree.chunkBytes), count: size(of: index))
            guard bytes.count == size(of: index),
                BlobTree.leaf(index, bytes, hashing: blobs.hashing) == leaf
            else { continue }
            leaves[index] = leaf
            missingCount -= 1
        }
    }
}

extension BlobStore {
    /// Starts a fetch, or goes on with one that a crash or a restart cut off. `length` and `root` come from a holder
    /// and are checked against the id (`mismatch`); the quota is settled before a byte is written.
    ///
    /// One fetch of a blob at a time: a second one is `exists`.
    public func fetch(_ id: BlobID, length: UInt64, root: Digest) throws(BlobError) -> BlobFetch {
        if length > BlobStore.blobBytesMax { throw .tooLong(max: BlobStore.blobBytesMax) }
        let found = BlobTree.id(length: length, root: root, hashing: hashing)
        if found != id { throw .mismatch(wanted: id, found: found) }
        let isFirst = state.withLock { $0.fetching.insert(id).inserted }
        if !isFirst { throw .exists(TextID.text(.blob, id.raw)) }
        do throws(BlobError) {
            try reserve(length)
        } catch {
            state.withLock { _ = $0.fetching.remove(id) }
            throw error
        }
        do throws(BlobError) {
            var writer = WireWriter()
            writer.u64(length)
            writer.value(root)
            var batch = StoreBatch(isSynced: true)
            batch.put(.blobs, BlobKey.fetch(id), writer.bytes)
            try write(batch)
            return try BlobFetch(self, id: id, length: length, root: root)
        } catch {
            endFetch(id, length)
            throw error
        }
    }

    /// Fetches that were begun and are neither finished nor abandoned, to go on with after a start.
    public func fetches() throws(BlobError) -> [BlobID] {
        let rows = try BlobError.store { () throws(StoreError) in
            try store.scan(.blobs, prefix: [5])
        }
        return rows.compactMap { BlobID($0.key.dropFirst()) }
    }

    /// Goes on with a fetch of `fetches()`; nil if there is none.
    public func resumeFetch(_ id: BlobID) throws(BlobError) -> BlobFetch? {
        guard let row = try fetchRow(id) else { return nil }
        return try fetch(id, length: row.length, root: row.root)
    }

    func fetchRow(_ id: BlobID) throws(BlobError) -> (length: UInt64, root: Digest)? {
        let row = try BlobError.store { () throws(StoreError) in
            try store.get(.blobs, BlobKey.fetch(id))
        }
        guard let row else { return nil }
        var reader = WireReader(row)
        guard let length = try? reader.u64(), let root = try? reader.value(Digest.self) else {
            throw damagedRow("fetch")
        }
        return (length, root)
    }

    func endFetch(_ id: BlobID, _ length: UInt64) {
        state.withLock { state in
            guard state.fetching.remove(id) != nil else { return }
            state.counts.reservedBytes -= length
        }
    }
}
