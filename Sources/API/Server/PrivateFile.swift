import Glibc

/// Files that only our user may read: the API's token and the file that tells programs where the node is
/// (`surfaces.md` 3.1).
public enum PrivateFile {
    /// The most that such a file may hold; a token has 48 bytes, `node.json` some 500.
    static let bytesMax = 65_536

    /// The content of a file that is ours and 0600 at most; nil if there is none.
    ///
    /// - Throws: E705 if others can read it or it cannot be read.
    public static func read(_ path: String) throws(Problem) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        if descriptor < 0 {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw Problem(.fileMode, "cannot read \(path): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw Problem(.fileMode, "\(path) is not a file")
        }
        guard status.st_uid == getuid() || getuid() == 0, status.st_mode & 0o077 == 0 else {
            let mode = String(status.st_mode & 0o777, radix: 8)
            throw Problem(
                .fileMode, "\(path) has mode 0\(mode) and belongs to user \(status.st_uid)",
                fix: "chmod 600 \(path)")
        }
        var out: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while out.count <= bytesMax {
            let count = buffer.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { break }
            out += buffer[..<count]
        }
        guard out.count <= bytesMax else {
            throw Problem(.fileMode, "\(path) is larger than \(bytesMax) bytes")
        }
        return out
    }

    /// Writes the file with mode 0600, whole or not at all: a reader sees the old or the new content.
    ///
    /// - Throws: E705 if it cannot be written; the old content is still there then.
    public static func write(_ bytes: [UInt8], to path: String) throws(Problem) {
        let fresh = "\(path).\(getpid()).new"
        unlink(fresh)
        let descriptor = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(path) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { break }
            rest = rest.dropFirst(count)
        }
        // The mode of `open` is narrowed by the umask, never widened; a umask of 0777 would leave nothing.
        let isWritten = rest.isEmpty && fchmod(descriptor, 0o600) == 0 && fsync(descriptor) == 0
        close(descriptor)
        guard isWritten, rename(fresh, path) == 0 else {
            let problem = failure(path)
            unlink(fresh)
            throw problem
        }
    }

    private static func failure(_ path: String) -> Problem {
        Problem(
            .fileMode, "cannot write \(path): \(String(cString: strerror(errno)))",
            fix: "see that its folder is yours and its disk is not full")
    }

    /// The token in the file, or a new one that is written there.
    public static func token(at path: String) throws(Problem) -> String {
        if let bytes = try read(path) {
            let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
            guard text.hasPrefix("pnt_"), text.utf8.count >= 47 else {
                throw Problem(
                    .fileMode, "\(path) holds no token", fix: "remove it; the node writes a new one"
                )
            }
            return text
        }
        let secret = AccessToken.makeSecret()
        try write(Array((secret + "\n").utf8), to: path)
        return secret
    }
}
