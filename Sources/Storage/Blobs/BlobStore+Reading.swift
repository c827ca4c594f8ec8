import Basis
import Glibc
import Records
public import Trust
import Wire

/// Keeps a blob from being collected as long as it lives.
public final class BlobHold: Sendable {
    public let id: BlobID
    private let blobs: BlobStore

    init(_ id: BlobID, _ blobs: BlobStore) {
        self.id = id
        self.blobs = blobs
    }

    deinit { blobs.drop(id) }
}

extension BlobStore {
    /// All bytes of a blob of at most `max` bytes, checked.
    public func bytes(_ id: BlobID, max: Int = 67_108_864) throws(BlobError) -> [UInt8] {
        guard let length = try length(id) else { throw .notFound(id) }
        if length > UInt64(max) { throw .tooLong(max: UInt64(max)) }
        return try read(id, offset: 0, count: Int(length))
    }

    /// `count` bytes from `offset` on. Each chunk that they touch is checked against its leaf; damage is never
    /// returned. Memory: `count` bytes and one chunk.
    public func read(_ id: BlobID, offset: UInt64, count: Int) throws(BlobError) -> [UInt8] {
        let hold = try self.hold(id)
        defer { withExtendedLifetime(hold) {} }
        guard let record = try record(id) else { throw .notFound(id) }
        guard count >= 0, offset <= record.length, UInt64(count) <= record.length - offset else {
            throw .outOfRange
        }
        if count == 0 { return [] }
        let leaves = try leaves(id, record)
        let file = try openFile(id, record)
        let size = UInt64(BlobTree.chunkBytes)
        let end = offset + UInt64(count)
        var out: [UInt8] = []
        out.reserveCapacity(count)
        for index in Int(offset / size)...Int((end - 1) / size) {
            let chunk = try chunk(id, record, leaves, file, index)
            let start = UInt64(index) * size
            let from = Int(max(offset, start) - start)
            let to = Int(min(end, start + size) - start)
            out.append(contentsOf: chunk[from..<to])
        }
        return out
    }

    /// Chunk `index`, checked: what is served to peers.
    public func chunk(_ id: BlobID, _ index: Int) throws(BlobError) -> [UInt8] {
        guard let record = try record(id) else { throw .notFound(id) }
        guard index >= 0, index < BlobTree.chunkCount(length: record.length) else {
            throw .outOfRange
        }
        if record.length == 0 { return [] }
        return try chunk(id, record, try leaves(id, record), try openFile(id, record), index)
    }

    /// Calls `body` with all chunks in order, checked, one at a time.
    public func forEachChunk(
        _ id: BlobID, _ body: ([UInt8]) throws(BlobError) -> Void
    ) throws(BlobError) {
        let hold = try self.hold(id)
        defer { withExtendedLifetime(hold) {} }
        guard let record = try record(id) else { throw .notFound(id) }
        if record.length == 0 { return }
        let leaves = try leaves(id, record)
        let file = try openFile(id, record)
        for index in 0..<leaves.count { try body(try chunk(id, record, leaves, file, index)) }
    }

    /// Reads all chunks and checks them; notes the time. Damage moves the blob to `bad/` and throws.
    public func verify(_ id: BlobID) throws(BlobError) {
        try forEachChunk(id) { (_) throws(BlobError) in }
        try update(id) { (record) throws(BlobError) in
            record.lastCheck = now()
            if case .file = record.place {
                record.place = .file(try BlobFile(file(id), O_RDONLY).mark())
            }
        }
    }

    /// The path of a blob that is about to be bound or run, checked again if its last check is older than 24 h or the
    /// file was changed. Small blobs have no file: nil, use `export`.
    public func checkedPath(_ id: BlobID) throws(BlobError) -> String? {
        guard let record = try record(id) else { throw .notFound(id) }
        guard case .file(let mark) = record.place else { return nil }
        let file = try openFile(id, record)!
        let isFresh = record.lastCheck + BlobStore.checkMillisMax > now()
        let isSame = try file.mark() == mark
        if !isFresh || !isSame { try verify(id) }
        try touch(id)
        return self.file(id)
    }

    /// Writes the blob to a new file `target`; with `force` an existing file is replaced at the end, in one step.
    public func export(
        _ id: BlobID, to target: String, isExecutable: Bool = false, force: Bool = false
    ) throws(BlobError) {
        if !force && Paths.exists(target) { throw .exists(target) }
        let temporary = "\(target).part-\(getpid())"
        defer { try? Paths.remove(temporary) }
        try? Paths.remove(temporary)
        let file = try BlobFile(temporary, O_WRONLY | O_CREAT | O_EXCL)
        if let source = try checkedPath(id), file.share(try BlobFile(source, O_RDONLY)) {
            mark("blob.export.shared")
        } else {
            var offset: UInt64 = 0
            try forEachChunk(id) { (chunk) throws(BlobError) in
                try file.write(chunk, at: offset)
                offset += UInt64(chunk.count)
            }
        }
        try BlobError.file { () throws(FileError) in
            if chmod(temporary, isExecutable ? 0o755 : 0o644) != 0 {
                throw FileError("cannot change the mode of \(temporary)")
            }
            if force { return try Paths.rename(temporary, target) }
            // A link fails if somebody made the target meanwhile; a rename would replace it.
            if link(temporary, target) != 0 { throw FileError("cannot make \(target)") }
        }
    }

    /// Keeps a blob that is here from being collected as long as the answer lives.
    public func hold(_ id: BlobID) throws(BlobError) -> BlobHold {
        try state.withLock { (state) throws(BlobError) in
            guard try holds(id) else { throw .notFound(id) }
            state.open[id, default: 0] += 1
        }
        return BlobHold(id, self)
    }

    func drop(_ id: BlobID) {
        state.withLock { state in
            guard let count = state.open[id] else { return }
            state.open[id] = count > 1 ? count - 1 : nil
        }
    }

    /// Notes that a blob was used, at most once a minute.
    public func touch(_ id: BlobID) throws(BlobError) {
        guard let record = try record(id), record.lastUse + BlobStore.useMillisStep <= now() else {
            return
        }
        try update(id) { (record) throws(BlobError) in record.lastUse = now() }
    }

    // MARK: below their use

    /// Changes a record that is still there; the order of collection follows its last use.
    private func update(
        _ id: BlobID, _ change: (inout BlobRecord) throws(BlobError) -> Void
    ) throws(BlobError) {
        try state.withLock { (_) throws(BlobError) in
            guard let old = try record(id) else { return }
            var new = old
            try change(&new)
            var batch = StoreBatch(isSynced: false)
            batch.put(.blobs, BlobKey.record(id), new.encoded)
            if new.lastUse != old.lastUse {
                batch.delete(.blobs, BlobKey.use(old.lastUse, id))
                batch.put(.blobs, BlobKey.use(new.lastUse, id), [])
            }
            try write(batch)
        }
    }

    private func openFile(_ id: BlobID, _ record: BlobRecord) throws(BlobError) -> BlobFile? {
        guard case .file = record.place else { return nil }
        do throws(BlobError) {
            return try BlobFile(file(id), O_RDONLY)
        } catch {
            guard case .noSuchFile = error else { throw error }
            throw try condemn(id)
        }
    }

    private func chunk(
        _ id: BlobID, _ record: BlobRecord, _ leaves: [Digest], _ file: BlobFile?, _ index: Int
    ) throws(BlobError) -> [UInt8] {
        let start = UInt64(index) * UInt64(BlobTree.chunkBytes)
        let count = Int(min(UInt64(BlobTree.chunkBytes), record.length - start))
        let bytes: [UInt8]
        switch record.place {
        case .inline(let whole): bytes = whole
        case .file: bytes = try file!.read(at: start, count: count)
        }
        guard bytes.count == count,
            BlobTree.leaf(index, bytes, hashing: hashing) == leaves[index],
            leaves.count > 1 || leaves[0] == record.root
        else { throw try condemn(id) }
        return bytes
    }

    /// Takes a damaged blob away: its file to `bad/`, its record out. Returns the error to throw.
    private func condemn(_ id: BlobID) throws(BlobError) -> BlobError {
        try state.withLock { (state) throws(BlobError) in
            if let record = try record(id) {
                try forget(id, record, &state)
                state.counts.damaged += 1
                if case .file = record.place {
                    // A file that is gone cannot be kept; one that is there is evidence.
                    try? Paths.rename(file(id), path + "/bad/" + TextID.base32(id.bytes))
                }
            }
            return .damaged(id, isPinned: try isPinned(id))
        }
    }

    /// Removes the rows of a blob; pins stay, so that it is fetched again if it is wanted.
    func forget(_ id: BlobID, _ record: BlobRecord, _ state: inout State) throws(BlobError) {
        var batch = StoreBatch(isSynced: true)
        batch.delete(.blobs, BlobKey.record(id))
        batch.delete(.blobs, BlobKey.leaves(id))
        batch.delete(.blobs, BlobKey.use(record.lastUse, id))
        try write(batch)
        state.counts.blobs -= 1
        state.counts.bytes -= record.length
    }
}
