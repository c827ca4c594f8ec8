import Basis
import Glibc

/// A call to the file system that failed; nothing else is said about state here, the caller knows it.
struct FileError: Error {
    /// What was tried, with the path.
    let action: String
    let code: Int32

    init(_ action: String, _ code: Int32 = errno) {
        self.action = action
        self.code = code
    }

    var isFull: Bool { code == ENOSPC || code == EDQUOT }
    var isMissing: Bool { code == ENOENT || code == ENOTDIR }
    var exists: Bool { code == EEXIST || code == ENOTEMPTY }
    var text: String { "\(action): \(String(cString: strerror(code)))" }
}

/// A file descriptor that is closed with its value.
struct OpenFile: ~Copyable {
    let descriptor: Int32

    init(_ path: String, _ flags: Int32, mode: mode_t = 0o600) throws(FileError) {
        let opened = open(path, flags | O_CLOEXEC, mode)
        if opened < 0 { throw FileError("cannot open \(path)") }
        descriptor = opened
    }

    /// Opens `name` in `folder`, without following a link at the end.
    init(
        in folder: borrowing OpenFile, _ name: String, _ flags: Int32, mode: mode_t = 0o600
    ) throws(FileError) {
        let opened = openat(folder.descriptor, name, flags | O_CLOEXEC | O_NOFOLLOW, mode)
        if opened < 0 { throw FileError("cannot open \(name)") }
        descriptor = opened
    }

    deinit { close(descriptor) }

    /// Up to `count` bytes from `offset` on; fewer only at the end of the file.
    func read(at offset: UInt64, count: Int) throws(FileError) -> [UInt8] {
        var failed: Int32 = 0
        let descriptor = self.descriptor
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = 0
            while filled < count {
                let n = pread(
                    descriptor, buffer.baseAddress! + filled, count - filled,
                    off_t(offset) + off_t(filled))
                if n < 0 {
                    if errno == EINTR { continue }
                    failed = errno
                    break
                }
                if n == 0 { break }
                filled += n
            }
        }
        if failed != 0 { throw FileError("cannot read", failed) }
        return bytes
    }

    func write(_ bytes: [UInt8], at offset: UInt64) throws(FileError) {
        var done = 0
        while done < bytes.count {
            let n = bytes.withUnsafeBytes {
                pwrite(
                    descriptor, $0.baseAddress! + done, bytes.count - done,
                    off_t(offset) + off_t(done))
            }
            if n < 0 {
                if errno == EINTR { continue }
                throw FileError("cannot write")
            }
            done += n
        }
    }

    func sync() throws(FileError) {
        if fsync(descriptor) != 0 { throw FileError("cannot sync") }
    }

    func setMode(_ mode: mode_t) throws(FileError) {
        if fchmod(descriptor, mode) != 0 { throw FileError("cannot change the mode") }
    }

    func status() throws(FileError) -> stat {
        var status = stat()
        if fstat(descriptor, &status) != 0 { throw FileError("cannot look at a file") }
        return status
    }
}

/// The few calls on paths that the stores need.
enum Paths {
    /// Makes `path` and its missing parents, mode 0700 (`surfaces.md` 3.1).
    static func makeFolder(_ path: String) throws(FileError) {
        if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let cut = path.lastIndex(of: "/"), cut != path.startIndex else {
            throw FileError("cannot make folder \(path)")
        }
        try makeFolder(String(path[..<cut]))
        if mkdir(path, 0o700) != 0 && errno != EEXIST {
            throw FileError("cannot make folder \(path)")
        }
    }

    static func syncFolder(_ path: String) throws(FileError) {
        let folder = try OpenFile(path, O_RDONLY | O_DIRECTORY)
        try folder.sync()
    }

    static func rename(_ from: String, _ to: String) throws(FileError) {
        if Glibc.rename(from, to) != 0 { throw FileError("cannot rename \(from) to \(to)") }
    }

    /// Removes a file; one that is not there is no error.
    static func remove(_ path: String) throws(FileError) {
        if unlink(path) != 0 && errno != ENOENT { throw FileError("cannot remove \(path)") }
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Names in a folder without `.` and `..`, sorted bytewise: the order of a folder is not determined.
    static func names(in path: String) throws(FileError) -> [String] {
        guard let folder = opendir(path) else { throw FileError("cannot read folder \(path)") }
        defer { closedir(folder) }
        var names: [[UInt8]] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: UInt8.self, capacity: 256) { start in
                    Array(UnsafeBufferPointer(start: start, count: strlen(start)))
                }
            }
            if name != [0x2e] && name != [0x2e, 0x2e] { names.append(name) }
        }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
            .map { String(decoding: $0, as: UTF8.self) }
    }

    /// Bytes that this user may still write to the file system of `path`; nil if it cannot be asked.
    static func freeBytes(_ path: String) -> UInt64? {
        var answer = statvfs()
        if statvfs(path, &answer) != 0 { return nil }
        return UInt64(answer.f_bavail) * UInt64(answer.f_frsize)
    }
}
