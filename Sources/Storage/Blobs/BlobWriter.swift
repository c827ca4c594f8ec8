import Basis
import Glibc
import Records
public import Trust

/// Takes the bytes of one blob piece by piece and makes it a blob at the end; memory stays at one chunk.
///
/// A class: it owns a temporary file, removed unless `finish` succeeded. `@unchecked Sendable`: one thread at a time
/// uses it, though not always the same.
public final class BlobWriter: @unchecked Sendable {
    private let blobs: BlobStore
    private let announced: UInt64?
    private let temporary: String
    private var file: BlobFile?
    private var pending: [UInt8] = []
    private var leaves: [Digest] = []
    private var written: UInt64 = 0
    private var reserved: UInt64 = 0
    private var isOver = false

    init(_ blobs: BlobStore, announced: UInt64?, serial: UInt64) throws(BlobError) {
        self.blobs = blobs
        self.announced = announced
        temporary = "\(blobs.path)/tmp/\(getpid())-\(serial)"
        if let announced {
            if announced > BlobStore.blobBytesMax { throw .tooLong(max: BlobStore.blobBytesMax) }
            try blobs.reserve(announced)
            reserved = announced
        }
    }

    deinit { cancel() }

    /// Bytes taken so far.
    public var length: UInt64 { written + UInt64(pending.count) }

    /// Takes the next bytes. After an error the writer is over and its file removed.
    public func append(_ bytes: [UInt8]) throws(BlobError) { try append(bytes[...]) }

    /// As `append` of an array.
    public func append(_ bytes: ArraySlice<UInt8>) throws(BlobError) {
        invariant(!isOver, "bytes for a writer that is over")
        do throws(BlobError) {
            let sum = length + UInt64(bytes.count)
            let limit = announced ?? BlobStore.blobBytesMax
            if sum > limit { throw .tooLong(max: limit) }
            var start = bytes.startIndex
            while start < bytes.endIndex {
                let end = min(bytes.endIndex, start + BlobTree.chunkBytes - pending.count)
                pending.append(contentsOf: bytes[start..<end])
                start = end
                if pending.count == BlobTree.chunkBytes { try writeChunk() }
            }
        } catch {
            cancel()
            throw error
        }
    }

    /// Ends the blob: when it returns, the blob is on the disk under its id, or was there before.
    ///
    /// With `expecting` other bytes are refused (`mismatch`) and nothing is stored.
    public func finish(expecting wanted: BlobID? = nil) throws(BlobError) -> BlobID {
        invariant(!isOver, "a writer that is over cannot finish")
        defer { cancel() }
        let length = self.length
        if length > UInt64(BlobStore.inlineBytesMax) || !leaves.isEmpty {
            if !pending.isEmpty { try writeChunk() }
        } else {
            leaves = [BlobTree.leaf(0, pending, hashing: blobs.hashing)]
            if announced == nil { try reserveMore(UInt64(pending.count)) }
        }
        let root = BlobTree.root(leaves: leaves, hashing: blobs.hashing)
        let id = BlobTree.id(length: length, root: root, hashing: blobs.hashing)
        if let wanted, wanted != id { throw .mismatch(wanted: wanted, found: id) }
        let isConsumed: Bool
        if let file {
            isConsumed = try blobs.adopt(
                file, at: temporary, id: id, length: length, root: root, leaves: leaves,
                reserved: reserved)
        } else {
            isConsumed = try blobs.adopt(inline: pending, id: id, root: root, reserved: reserved)
        }
        if isConsumed { reserved = 0 }
        return id
    }

    /// Gives up; nothing stays. Called by itself when the last reference goes.
    public func cancel() {
        if isOver { return }
        isOver = true
        if file != nil { try? Paths.remove(temporary) }
        file = nil
        blobs.release(reserved)
    }

    private func reserveMore(_ count: UInt64) throws(BlobError) {
        try blobs.reserve(count)
        reserved += count
    }

    private func writeChunk() throws(BlobError) {
        let count = UInt64(pending.count)
        // Chunk by chunk, so that the quota is passed by nothing.
        if announced == nil { try reserveMore(count) }
        leaves.append(BlobTree.leaf(leaves.count, pending, hashing: blobs.hashing))
        if file == nil { file = try BlobFile(temporary, O_WRONLY | O_CREAT | O_EXCL) }
        try file!.write(pending, at: written)
        written += count
        pending.removeAll(keepingCapacity: true)
    }
}

/// An open file that can be shared: `OpenFile` behind a reference.
final class BlobFile {
    private let file: OpenFile

    init(_ path: String, _ flags: Int32) throws(BlobError) {
        do throws(FileError) {
            file = try OpenFile(path, flags)
        } catch {
            throw error.isMissing ? .noSuchFile(path) : BlobError(error)
        }
    }

    func read(at offset: UInt64, count: Int) throws(BlobError) -> [UInt8] {
        do throws(FileError) { return try file.read(at: offset, count: count) } catch {
            throw BlobError(error)
        }
    }

    func write(_ bytes: [UInt8], at offset: UInt64) throws(BlobError) {
        do throws(FileError) { try file.write(bytes, at: offset) } catch { throw BlobError(error) }
    }

    func status() throws(BlobError) -> stat {
        do throws(FileError) { return try file.status() } catch { throw BlobError(error) }
    }

    /// Makes the file read-only and durable.
    func seal() throws(BlobError) {
        do throws(FileError) {
            try file.setMode(0o444)
            try file.sync()
        } catch {
            throw BlobError(error)
        }
    }

    /// What changes when somebody changes the file.
    func mark() throws(BlobError) -> BlobRecord.FileMark {
        let status = try self.status()
        return BlobRecord.FileMark(
            inode: UInt64(status.st_ino),
            changedAt: Int64(status.st_ctim.tv_sec) * 1_000_000_000 + Int64(status.st_ctim.tv_nsec))
    }

    /// Lets the file system share the bytes of `other`; false if it cannot.
    func share(_ other: BlobFile) -> Bool {
        // FICLONE, a macro with arguments that Swift does not import.
        ioctl(file.descriptor, 0x4004_9409, other.file.descriptor) == 0
    }
}
