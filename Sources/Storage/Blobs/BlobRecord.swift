import Basis
import Records
public import Trust
public import Wire

/// What the database knows of one blob (`compute.md` 6.2). Family `blobs`:
///
/// | Key | Value |
/// |---|---|
/// | 1 ‖ id | `BlobRecord` |
/// | 2 ‖ id | leaf hashes, of blobs with a file |
/// | 3 ‖ id ‖ tree id or zeros ‖ reason | until u64: pins |
/// | 4 ‖ last use u64 ‖ id | empty: order of collection |
/// | 5 ‖ id | length u64, root: a fetch that goes on |
/// | 6 ‖ id ‖ index u32 | leaf hash of a chunk that is in the partial file |
struct BlobRecord: Hashable, WireEncodable, WireDecodable {
    /// Where the bytes are.
    enum Place: Hashable {
        /// At most `BlobStore.inlineBytesMax` bytes, in this record.
        case inline([UInt8])
        /// A file, as it was when it was last checked.
        case file(FileMark)
    }

    /// What changes when somebody changes a file.
    struct FileMark: Hashable {
        var inode: UInt64
        /// Nanoseconds since 1970.
        var changedAt: Int64
    }

    var length: UInt64
    var root: Digest
    var place: Place
    /// Milliseconds since 1970, as the other two.
    var createdAt: UInt64
    var lastUse: UInt64
    var lastCheck: UInt64

    func encode(to writer: inout WireWriter) {
        writer.u8(1)
        writer.u64(length)
        writer.value(root)
        writer.u64(createdAt)
        writer.u64(lastUse)
        writer.u64(lastCheck)
        switch place {
        case .inline(let bytes):
            writer.u8(0)
            writer.bytes(bytes)
        case .file(let mark):
            writer.u8(1)
            writer.u64(mark.inode)
            writer.i64(mark.changedAt)
        }
    }

    init(from reader: inout WireReader) throws(WireError) {
        let version = try reader.u8()
        if version != 1 { throw .unknownTag(UInt64(version)) }
        length = try reader.u64()
        root = try reader.value()
        createdAt = try reader.u64()
        lastUse = try reader.u64()
        lastCheck = try reader.u64()
        let kind = try reader.u8()
        switch kind {
        case 0:
            place = .inline(try reader.bytes(max: BlobStore.inlineBytesMax))
        case 1:
            place = .file(FileMark(inode: try reader.u64(), changedAt: try reader.i64()))
        default: throw .unknownTag(UInt64(kind))
        }
    }

    init(length: UInt64, root: Digest, place: Place, now: UInt64) {
        self.length = length
        self.root = root
        self.place = place
        createdAt = now
        lastUse = now
        lastCheck = now
    }
}

/// Keys of family `blobs`.
enum BlobKey {
    static func record(_ id: BlobID) -> [UInt8] { [1] + id.bytes }
    static func leaves(_ id: BlobID) -> [UInt8] { [2] + id.bytes }
    static func pins(_ id: BlobID) -> [UInt8] { [3] + id.bytes }
    static func pin(_ id: BlobID, via tree: BlobID, _ reason: BlobPinReason) -> [UInt8] {
        [3] + id.bytes + tree.bytes + reason.encoded
    }
    static func use(_ at: UInt64, _ id: BlobID) -> [UInt8] {
        StoreKey([4]).u64(at).raw(id.bytes).bytes
    }
    static func fetch(_ id: BlobID) -> [UInt8] { [5] + id.bytes }
    static func fetchedChunks(_ id: BlobID) -> [UInt8] { [6] + id.bytes }
    static func fetchedChunk(_ id: BlobID, _ index: Int) -> [UInt8] {
        StoreKey([6]).raw(id.bytes).u32(UInt32(index)).bytes
    }
}

/// Why a blob is kept (`compute.md` 6.2).
public enum BlobPinReason: Sendable, Hashable, WireEncodable, WireDecodable {
    /// Somebody at this machine asked for it.
    case user
    /// Input of a lease: until its deadline and 1 h.
    case lease(JobID, index: UInt32)
    /// Of a job submitted here: `keep.results`.
    case ownJob(JobID)
    /// Outputs of a claim that is not settled.
    case claim(JobID, index: UInt32)
    /// A runtime's own file; the name has at most 64 bytes.
    case runtime(String)

    public func encode(to writer: inout WireWriter) {
        switch self {
        case .user: writer.u8(0)
        case .lease(let job, let index):
            writer.u8(1)
            writer.value(job)
            writer.u32(index)
        case .ownJob(let job):
            writer.u8(2)
            writer.value(job)
        case .claim(let job, let index):
            writer.u8(3)
            writer.value(job)
            writer.u32(index)
        case .runtime(let name):
            writer.u8(4)
            writer.text(String(decoding: Array(name.utf8.prefix(64)), as: UTF8.self))
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let kind = try reader.u8()
        switch kind {
        case 0: self = .user
        case 1: self = .lease(try reader.value(), index: try reader.u32())
        case 2: self = .ownJob(try reader.value())
        case 3: self = .claim(try reader.value(), index: try reader.u32())
        case 4: self = .runtime(try reader.text(max: 64))
        default: throw .unknownTag(UInt64(kind))
        }
    }
}

/// What the store tells about a blob that it holds.
public struct BlobInfo: Sendable, Hashable {
    public let id: BlobID
    /// Bytes.
    public let length: UInt64
    /// Top of the leaves: with the length it gives the id.
    public let root: Digest
    /// Milliseconds since 1970, as all times here.
    public let createdAt: UInt64
    public let lastUse: UInt64
    public let lastCheck: UInt64
    public let isPinned: Bool
}
