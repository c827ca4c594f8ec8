import Basis
public import Trust
public import Wire

/// A folder as a blob (`compute.md` 6.1): its entries by path, without times and owners, so that the same content has
/// the same id on every machine.
///
/// Each folder below the root is listed too, full or empty: so there is one tree for one content, and a path below a
/// file cannot be written down.
public struct FolderTree: Sendable, Hashable {
    public static let entriesMax = 100_000
    public static let pathBytesMax = 1_024
    /// `blobBytesMax` of `compute.md`: of all files together, and of one blob.
    public static let bytesMax: UInt64 = 17_179_869_184

    public struct Entry: Sendable, Hashable {
        public enum Content: Sendable, Hashable {
            case file(BlobID, length: UInt64, isExecutable: Bool)
            case folder
        }
        /// Relative, segments split by `/`.
        public let path: String
        public let content: Content

        public init(path: String, content: Content) {
            self.path = path
            self.content = content
        }
    }

    /// Why entries are no tree. Nothing was made.
    public enum Fault: Error, Sendable, Hashable {
        case tooManyEntries(Int)
        case tooManyBytes
        /// Empty, too long, absolute, with an empty, `.` or `..` segment, or with a zero byte.
        case badPath(String)
        case duplicate(String)
        /// Something that has entries below it is a file.
        case belowFile(String)
        /// `init(checking:)` only: a folder above this path is not listed.
        case unlisted(String)
    }

    /// Strictly ascending by the bytes of the path.
    public let entries: [Entry]

    /// Makes a tree of files and folders in any order; folders above a path need not be given.
    public init(_ given: [Entry]) throws(Fault) {
        var all = SortedMap<PathBytes, Entry>()
        for entry in given {
            try FolderTree.check(path: entry.path)
            let key = PathBytes(entry.path)
            if let other = all[key] {
                // A folder may be there already, as the parent of an earlier entry.
                if entry.content != .folder || other.content != .folder {
                    throw .duplicate(entry.path)
                }
                continue
            }
            all[key] = entry
            for parent in FolderTree.parents(of: entry.path) {
                let above = PathBytes(parent)
                if let other = all[above] {
                    if other.content != .folder { throw .belowFile(entry.path) }
                } else {
                    all[above] = Entry(path: parent, content: .folder)
                }
            }
        }
        try self.init(checking: all.values)
    }

    /// Takes entries that are complete and sorted already, as they stand in a blob.
    init(checking entries: [Entry]) throws(Fault) {
        if entries.count > FolderTree.entriesMax { throw .tooManyEntries(entries.count) }
        var bytes: UInt64 = 0
        var folders: Set<PathBytes> = []
        var last: PathBytes?
        for entry in entries {
            try FolderTree.check(path: entry.path)
            let key = PathBytes(entry.path)
            if let last, !(last < key) { throw .duplicate(entry.path) }
            last = key
            // A parent sorts before what is below it, so it was met already.
            if let parent = FolderTree.parents(of: entry.path).last,
                !folders.contains(PathBytes(parent))
            {
                throw .unlisted(entry.path)
            }
            switch entry.content {
            case .folder: folders.insert(key)
            case .file(_, let length, _):
                let (sum, overflow) = bytes.addingReportingOverflow(length)
                if overflow || sum > FolderTree.bytesMax { throw .tooManyBytes }
                bytes = sum
            }
        }
        self.entries = entries
    }

    /// The ids of all files, ascending and each once.
    public var blobs: [BlobID] {
        let all = entries.compactMap { entry -> BlobID? in
            if case .file(let id, _, _) = entry.content { id } else { nil }
        }.sorted()
        var once: [BlobID] = []
        for id in all where once.last != id { once.append(id) }
        return once
    }

    /// Bytes of all files together.
    public var length: UInt64 {
        entries.reduce(0) {
            if case .file(_, let length, _) = $1.content { $0 + length } else { $0 }
        }
    }

    // MARK: below their use

    static func check(path: String) throws(Fault) {
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, bytes.count <= pathBytesMax, !bytes.contains(0) else {
            throw .badPath(path)
        }
        for segment in bytes.split(separator: 0x2f, omittingEmptySubsequences: false)
        where segment.isEmpty || segment.elementsEqual([0x2e])
            || segment.elementsEqual([0x2e, 0x2e])
        {
            throw .badPath(path)
        }
    }

    /// The folders above `path`, from the top down.
    static func parents(of path: String) -> [String] {
        var parents: [String] = []
        var end = path.utf8.startIndex
        while let slash = path.utf8[end...].firstIndex(of: 0x2f) {
            parents.append(String(path[..<slash]))
            end = path.utf8.index(after: slash)
        }
        return parents
    }
}

/// Paths by their bytes: Swift's strings sort otherwise, and hold two spellings of one accent to be equal.
struct PathBytes: Sendable, Hashable, Comparable {
    let bytes: [UInt8]
    init(_ path: String) { bytes = Array(path.utf8) }
    static func < (a: PathBytes, b: PathBytes) -> Bool {
        a.bytes.lexicographicallyPrecedes(b.bytes)
    }
}

extension FolderTree: WireEncodable, WireDecodable {
    public func encode(to writer: inout WireWriter) {
        writer.list(entries) { writer, entry in
            writer.text(entry.path)
            switch entry.content {
            case .file(let id, let length, let isExecutable):
                writer.u8(0)
                writer.bool(isExecutable)
                writer.u64(length)
                writer.value(id)
            case .folder:
                writer.u8(1)
                writer.bool(false)
                writer.u64(0)
                writer.value(BlobID.zero)
            }
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let entries = try reader.list(max: FolderTree.entriesMax, itemBytesMin: 47) {
            (r) throws(WireError) in
            let path = try r.text(max: FolderTree.pathBytesMax)
            let kind = try r.u8()
            let isExecutable = try r.bool()
            let length = try r.u64()
            let id = try r.value(BlobID.self)
            switch kind {
            case 0:
                return Entry(
                    path: path, content: .file(id, length: length, isExecutable: isExecutable))
            case 1:
                if isExecutable || length != 0 || !id.isZero { throw .outOfRange }
                return Entry(path: path, content: .folder)
            default: throw .unknownTag(UInt64(kind))
            }
        }
        do throws(Fault) {
            try self.init(checking: entries)
        } catch {
            throw .outOfRange
        }
    }
}
