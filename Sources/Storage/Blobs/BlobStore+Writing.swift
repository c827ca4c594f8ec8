import Basis
import Glibc
import Records
public import Trust
import Wire

extension BlobStore {
    /// Stores `bytes`. The same bytes are stored once.
    @discardableResult
    public func put(_ bytes: [UInt8], expecting: BlobID? = nil) throws(BlobError) -> BlobID {
        let writer = try self.writer(length: UInt64(bytes.count))
        try writer.append(bytes)
        return try writer.finish(expecting: expecting)
    }

    /// A writer for bytes that come piece by piece. With `length` the quota is settled now, before a byte is written,
    /// and more bytes are refused; without it, chunk by chunk.
    public func writer(length: UInt64? = nil) throws(BlobError) -> BlobWriter {
        let serial = state.withLock { state in
            state.serial += 1
            return state.serial
        }
        return try BlobWriter(self, announced: length, serial: serial)
    }

    /// Stores the content of a regular file, chunk by chunk. A link is followed: the path is the owner's.
    public func put(file path: String) throws(BlobError) -> BlobID {
        let file = try BlobFile(path, O_RDONLY)
        return try put(file, path)
    }

    func put(_ file: BlobFile, _ path: String) throws(BlobError) -> BlobID {
        let status = try file.status()
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notAFile(path) }
        // A file that grows meanwhile is cut where it ended when we began.
        let length = UInt64(status.st_size)
        let writer = try self.writer(length: length)
        var offset: UInt64 = 0
        while offset < length {
            let chunk = try file.read(
                at: offset, count: Int(min(UInt64(BlobTree.chunkBytes), length - offset)))
            if chunk.isEmpty { throw .ioError("\(path) became shorter while it was read") }
            try writer.append(chunk)
            offset += UInt64(chunk.count)
        }
        return try writer.finish()
    }

    // MARK: quota

    /// Makes room for `count` bytes: collects if they do not fit, and throws `full` if they still do not.
    func reserve(_ count: UInt64) throws(BlobError) {
        try state.withLock { (state) throws(BlobError) in
            // Nothing is removed for bytes that would not fit even then.
            if !fits(count, state), try canCollect(count, state) {
                _ = try collect(&state, wanting: count)
            }
            guard fits(count, state) else {
                throw .full(
                    used: state.counts.bytes + state.counts.reservedBytes, limit: state.bytesMax,
                    wanted: count)
            }
            state.counts.reservedBytes += count
        }
    }

    func release(_ count: UInt64) {
        state.withLock { $0.counts.reservedBytes -= count }
    }

    private func fits(_ count: UInt64, _ state: State) -> Bool {
        let used = state.counts.bytes + state.counts.reservedBytes
        guard used <= state.bytesMax, count <= state.bytesMax - used else { return false }
        guard let free = Paths.freeBytes(path) else { return true }
        return free >= settings.freeBytesMin && count <= free - settings.freeBytesMin
    }

    // MARK: the last step of every import

    /// Gives a complete temporary file its place and records it, unless the blob is here already. True if
    /// the bytes that
    /// were reserved for it are now those of the blob.
    func adopt(
        _ file: BlobFile, at temporary: String, id: BlobID, length: UInt64, root: Digest,
        leaves: [Digest], reserved: UInt64, alongWith more: StoreBatch? = nil
    ) throws(BlobError) -> Bool {
        if try holds(id) {
            try touch(id)
            if let more { try write(more) }
            try BlobError.file { () throws(FileError) in try Paths.remove(temporary) }
            return false
        }
        try file.seal()
        // From the rename to the record under the lock, so that a sweep sees both or neither.
        return try state.withLock { (state) throws(BlobError) in
            let target = self.file(id)
            let folder = String(target[..<target.lastIndex(of: "/")!])
            try BlobError.file { () throws(FileError) in
                try Paths.makeFolder(folder)
                try Paths.rename(temporary, target)
                try Paths.syncFolder(folder)
                try Paths.syncFolder(path)
            }
            let record = BlobRecord(
                length: length, root: root, place: .file(try file.mark()), now: now())
            var batch = more ?? StoreBatch(isSynced: true)
            batch.put(.blobs, BlobKey.leaves(id), leaves.flatMap(\.bytes))
            do throws(BlobError) {
                return try insert(record, id, batch, reserved: reserved, &state)
            } catch {
                // Without its record it would be swept anyway; now nothing stays.
                try? Paths.remove(target)
                throw error
            }
        }
    }

    func adopt(
        inline bytes: [UInt8], id: BlobID, root: Digest, reserved: UInt64
    ) throws(BlobError) -> Bool {
        if try holds(id) {
            try touch(id)
            return false
        }
        return try state.withLock { (state) throws(BlobError) in
            let record = BlobRecord(
                length: UInt64(bytes.count), root: root, place: .inline(bytes), now: now())
            return try insert(
                record, id, StoreBatch(isSynced: true), reserved: reserved, &state)
        }
    }

    private func insert(
        _ record: BlobRecord, _ id: BlobID, _ more: StoreBatch, reserved: UInt64,
        _ state: inout State
    ) throws(BlobError) -> Bool {
        // Another thread may have stored the same bytes since `holds`.
        if try holds(id) { return false }
        var batch = more
        batch.isSynced = true
        batch.put(.blobs, BlobKey.record(id), record.encoded)
        batch.put(.blobs, BlobKey.use(record.lastUse, id), [])
        try write(batch)
        state.counts.blobs += 1
        state.counts.bytes += record.length
        state.counts.reservedBytes -= reserved
        return true
    }
}
