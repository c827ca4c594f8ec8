import Basis
import Glibc
public import Records
public import Trust
import Wire

extension BlobStore {
    /// A folder that became a tree.
    public struct ImportedFolder: Sendable, Hashable {
        public let id: BlobID
        public let tree: FolderTree
        /// Paths that are neither files nor folders (links, sockets, devices): left out, as nothing may lead out of
        /// the folder.
        public let skipped: [String]
    }

    /// The tree that is blob `id`.
    public func tree(_ id: BlobID) throws(BlobError) -> FolderTree {
        let bytes = try self.bytes(id, max: 200_000_000)
        guard let tree = try? FolderTree(decoding: bytes) else { throw .notATree(id) }
        return tree
    }

    /// Stores `tree` as a blob; its files are stored already, or come later.
    public func put(_ tree: FolderTree) throws(BlobError) -> BlobID { try put(tree.encoded) }

    /// Stores all files of a folder and the tree over them. `.git` is left out (`compute.md` 1.3).
    public func put(folder path: String) throws(BlobError) -> ImportedFolder {
        var entries: [FolderTree.Entry] = []
        var skipped: [String] = []
        let root = try BlobError.file { () throws(FileError) in
            try OpenFile(path, O_RDONLY | O_DIRECTORY)
        }
        try walk(root, path, prefix: "", &entries, &skipped)
        let tree: FolderTree
        do throws(FolderTree.Fault) {
            tree = try FolderTree(entries)
        } catch {
            throw .badTree(error)
        }
        return ImportedFolder(id: try put(tree), tree: tree, skipped: skipped)
    }

    private func walk(
        _ folder: borrowing OpenFile, _ path: String, prefix: String,
        _ entries: inout [FolderTree.Entry], _ skipped: inout [String]
    ) throws(BlobError) {
        let names: [String]
        do throws(FileError) { names = try Paths.names(in: path) } catch { throw BlobError(error) }
        for name in names where name != ".git" {
            let (relative, absolute) = (prefix + name, path + "/" + name)
            var status = stat()
            if fstatat(folder.descriptor, name, &status, AT_SYMLINK_NOFOLLOW) != 0 {
                throw BlobError(FileError("cannot look at \(absolute)"))
            }
            switch status.st_mode & S_IFMT {
            case S_IFREG:
                let id = try put(try BlobFile(absolute, O_RDONLY | O_NOFOLLOW), absolute)
                entries.append(
                    .init(
                        path: relative,
                        content: .file(
                            id, length: try length(id) ?? 0,
                            isExecutable: status.st_mode & 0o111 != 0)))
            case S_IFDIR:
                entries.append(.init(path: relative, content: .folder))
                let below: OpenFile
                do throws(FileError) {
                    below = try OpenFile(in: folder, name, O_RDONLY | O_DIRECTORY)
                } catch {
                    throw BlobError(error)
                }
                try walk(below, absolute, prefix: relative + "/", &entries, &skipped)
            default: skipped.append(relative)
            }
            if entries.count > FolderTree.entriesMax {
                throw .badTree(.tooManyEntries(entries.count))
            }
        }
    }

    /// Writes the files of tree `id` below folder `target`, which is made; nothing outside it is touched: no link is
    /// followed on the way. Without `force`, `target` must not exist or be empty; with it, files are replaced.
    public func export(tree id: BlobID, to target: String, force: Bool = false) throws(BlobError) {
        let tree = try self.tree(id)
        for blob in tree.blobs where try !holds(blob) { throw .notFound(blob) }
        do throws(FileError) {
            try Paths.makeFolder(target)
            if !force, try !Paths.names(in: target).isEmpty { throw FileError(target, EEXIST) }
        } catch {
            throw error.exists ? .exists(target) : BlobError(error)
        }
        let root: OpenFile
        do throws(FileError) {
            root = try OpenFile(target, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        } catch {
            throw BlobError(error)
        }
        for entry in tree.entries {
            let segments = entry.path.utf8.split(separator: 0x2f).map { String($0)! }
            try place(entry, segments[...], in: root, force: force)
        }
    }

    /// Goes down folder by folder, so that a link that somebody put there leads nowhere.
    private func place(
        _ entry: FolderTree.Entry, _ segments: ArraySlice<String>, in folder: borrowing OpenFile,
        force: Bool
    ) throws(BlobError) {
        let name = segments.first!
        if segments.count > 1 || entry.content == .folder {
            if mkdirat(folder.descriptor, name, 0o755) != 0 && errno != EEXIST {
                throw BlobError(FileError("cannot make folder \(entry.path)"))
            }
            let below: OpenFile
            do throws(FileError) {
                below = try OpenFile(in: folder, name, O_RDONLY | O_DIRECTORY)
            } catch {
                throw BlobError(error)
            }
            if segments.count > 1 {
                try place(entry, segments.dropFirst(), in: below, force: force)
            }
            return
        }
        guard case .file(let id, _, let isExecutable) = entry.content else { return }
        if force { unlinkat(folder.descriptor, name, 0) }
        let file: OpenFile
        do throws(FileError) {
            file = try OpenFile(in: folder, name, O_WRONLY | O_CREAT | O_EXCL)
        } catch {
            throw error.exists ? .exists(entry.path) : BlobError(error)
        }
        var offset: UInt64 = 0
        // Read outside the closure: a closure cannot borrow the file.
        for index in 0..<BlobTree.chunkCount(length: try length(id) ?? 0) {
            let chunk = try self.chunk(id, index)
            do throws(FileError) { try file.write(chunk, at: offset) } catch {
                throw BlobError(error)
            }
            offset += UInt64(chunk.count)
        }
        do throws(FileError) {
            try file.setMode(isExecutable ? 0o755 : 0o644)
        } catch {
            throw BlobError(error)
        }
    }
}
