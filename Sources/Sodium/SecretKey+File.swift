import CSodium
import Glibc

/// Why a key file was not read or written. No file was changed.
public enum KeyFileError: Error, Hashable, Sendable, CustomStringConvertible {
    case missing(path: String)
    /// A file of that name exists; keys are never overwritten.
    case exists(path: String)
    /// Others than the owner may read or write it.
    case tooOpen(path: String, mode: UInt32)
    /// Not a plain file, or not exactly 32 bytes long.
    case notAKey(path: String)
    /// It belongs to another user.
    case foreign(path: String, owner: UInt32)
    case system(path: String, action: String, code: Int32)

    public var description: String {
        switch self {
        case .missing(let path): return "no key file at \(path)"
        case .exists(let path): return "\(path) exists already; a key is never overwritten"
        case .tooOpen(let path, let mode):
            return "\(path) has mode \(String(mode, radix: 8)): others could use the key. "
                + "If nobody else read it, run: chmod 600 \(path)"
        case .notAKey(let path): return "\(path) is not a key file (32 bytes, a plain file)"
        case .foreign(let path, let owner): return "\(path) belongs to user \(owner), not to us"
        case .system(let path, let action, let code):
            return "cannot \(action) \(path): \(String(cString: strerror(code)))"
        }
    }
}

extension SecretKey {
    /// Reads the seed of `identity.key` (`gossip.md` 3.1): 32 bytes, mode 0600 or narrower, ours, not a link.
    public static func load(from path: String) throws(KeyFileError) -> SecretKey {
        let file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        if file < 0 {
            switch errno {
            case ENOENT: throw .missing(path: path)
            case ELOOP: throw .notAKey(path: path)
            case let code: throw .system(path: path, action: "open", code: code)
            }
        }
        defer { close(file) }
        var facts = stat()
        if fstat(file, &facts) != 0 { throw .system(path: path, action: "inspect", code: errno) }
        if facts.st_mode & S_IFMT != S_IFREG { throw .notAKey(path: path) }
        if facts.st_uid != geteuid() { throw .foreign(path: path, owner: facts.st_uid) }
        if facts.st_mode & 0o077 != 0 { throw .tooOpen(path: path, mode: facts.st_mode & 0o7777) }
        if facts.st_size != 32 { throw .notAKey(path: path) }
        var seed = [UInt8](repeating: 0, count: 32)
        defer { sodium_memzero(&seed, seed.count) }
        let got = read(file, &seed, 32)
        if got < 0 { throw .system(path: path, action: "read", code: errno) }
        if got != 32 { throw .notAKey(path: path) }
        return SecretKey(seedAt: seed)
    }

    /// Writes the seed as a new file of mode 0600 that survives a power cut once this returns. Never overwrites: the
    /// bytes go to a file beside it, which then gets the name in one step, so a half-written key never has it.
    public func save(to path: String) throws(KeyFileError) {
        let draft = "\(path).\(getpid()).new"
        let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        if file < 0 { throw .system(path: draft, action: "create", code: errno) }
        defer { unlink(draft) }
        let wrote = write(file, memory, 32)
        let synced = wrote == 32 && fsync(file) == 0
        let code = errno
        close(file)
        if !synced { throw .system(path: draft, action: "write", code: code) }
        if link(draft, path) != 0 {
            if errno == EEXIST { throw .exists(path: path) }
            throw .system(path: path, action: "create", code: errno)
        }
        let folder = path.contains("/") ? String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) : "."
        let directory = open(folder.isEmpty ? "/" : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if directory < 0 { throw .system(path: folder, action: "open", code: errno) }
        defer { close(directory) }
        if fsync(directory) != 0 { throw .system(path: folder, action: "sync", code: errno) }
    }
}
