public import Records
public import Trust

/// Why the blob store refused. Unless a case says otherwise nothing was stored and nothing changed.
public enum BlobError: Error, Hashable, Sendable {
    case notFound(BlobID)
    /// `surfaces.md` E341: even after a collection `wanted` bytes do not fit below `limit`. Not a byte was written.
    case full(used: UInt64, limit: UInt64, wanted: UInt64)
    /// The disk has no space; what was begun was removed.
    case diskFull
    /// More bytes than a blob may have, or than were announced.
    case tooLong(max: UInt64)
    /// The bytes on the disk are not those of the id. The file is in `bad/` now and the blob is gone; if it
    /// is pinned it
    /// should be fetched again.
    case damaged(BlobID, isPinned: Bool)
    /// A chunk whose proof does not lead to the root, or of a wrong length: a fault of its source.
    case badChunk(index: Int)
    /// `surfaces.md` E340: the bytes have another id.
    case mismatch(wanted: BlobID, found: BlobID)
    /// The target is there already and was not to be replaced.
    case exists(String)
    case noSuchFile(String)
    /// Neither a file nor a folder, where one was asked for.
    case notAFile(String)
    case badTree(FolderTree.Fault)
    /// The blob is no tree.
    case notATree(BlobID)
    /// A range that does not lie in the blob.
    case outOfRange
    case ioError(String)
    case store(StoreError)

    /// The code people see (`surfaces.md` 3.6), where this error has one of its own.
    public var code: String? {
        switch self {
        case .notFound: "E301"
        case .full, .diskFull: "E341"
        case .tooLong: "E606"
        case .mismatch: "E340"
        case .outOfRange: "E614"
        case .store(let error): error.code
        default: nil
        }
    }
}

extension BlobError {
    init(_ error: FileError) {
        self = error.isFull ? .diskFull : .ioError(error.text)
    }

    /// Runs file work and says its failures as blob errors.
    static func file<R: ~Copyable>(_ body: () throws(FileError) -> R) throws(BlobError) -> R {
        do throws(FileError) { return try body() } catch { throw BlobError(error) }
    }

    static func store<R>(_ body: () throws(StoreError) -> R) throws(BlobError) -> R {
        do throws(StoreError) {
            return try body()
        } catch {
            throw error == .diskFull ? .diskFull : .store(error)
        }
    }
}
