import Glibc
public import Trust

/// The folder of the Unix socket: 0700 and ours, because who can enter it can ask the node everything.
public enum SocketFolder {
    /// The longest path that `sockaddr_un` can hold.
    public static let pathBytesMax = 107

    /// The socket's path for a run folder: in it, or, if that path is too long, in a folder of `/tmp` that is named by
    /// the user and the run folder's hash (`surfaces.md` 3.1).
    public static func socketPath(runFolder: String, hashing: some Hashing) -> String {
        let path = runFolder + "/api.sock"
        if path.utf8.count <= pathBytesMax { return path }
        let name = TextID.base32(
            hashing.hash("peernode/run-folder/v1", Array(runFolder.utf8)).bytes
        ).prefix(16)
        return "/tmp/peernode-\(getuid())-\(name)/api.sock"
    }

    /// Makes the folder of `path`, or checks that it is a folder of ours with mode 0700.
    ///
    /// - Throws: E702 if the path is too long or the folder cannot be made, E705 if others could enter it.
    static func prepare(_ path: String) throws(Problem) {
        guard path.utf8.count <= pathBytesMax, let cut = path.lastIndex(of: "/"),
            cut != path.startIndex
        else {
            throw Problem(
                .bind, "cannot listen on socket \(path): the path may have \(pathBytesMax) bytes")
        }
        let folder = String(path[..<cut])
        if mkdir(folder, 0o700) != 0 && errno != EEXIST {
            throw Problem(
                .bind, "cannot make the folder \(folder): \(String(cString: strerror(errno)))")
        }
        var status = stat()
        guard lstat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw Problem(.bind, "\(folder) is not a folder")
        }
        guard status.st_uid == getuid(), status.st_mode & 0o077 == 0 else {
            let mode = String(status.st_mode & 0o777, radix: 8)
            throw Problem(
                .fileMode,
                "the folder \(folder) has mode 0\(mode) and belongs to user \(status.st_uid)",
                fix: "chmod 700 \(folder)")
        }
    }
}
