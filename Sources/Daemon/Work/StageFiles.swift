import Foundation

/// The few file operations of a stage folder, on the blob store's thread.
enum StageFiles {
    static func makeParents(of path: String) {
        let parent = URL(fileURLWithPath: path).deletingLastPathComponent()
        try? FileManager.default.createDirectory(
            at: parent, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    }

    static func write(_ bytes: [UInt8], to path: String) {
        makeParents(of: path)
        _ = FileManager.default.createFile(atPath: path, contents: Data(bytes), attributes: [.posixPermissions: 0o644])
    }

    /// Lets the slot's user read everything: the sandbox binds the folder read-only.
    static func open(_ path: String) {
        guard let walk = FileManager.default.enumerator(atPath: path) else { return }
        chmod(path, 0o755)
        for case let name as String in walk {
            let full = path + "/" + name
            var info = stat()
            guard lstat(full, &info) == 0, info.st_mode & S_IFMT != S_IFLNK else { continue }
            let isOpenable = info.st_mode & S_IFMT == S_IFDIR || info.st_mode & 0o100 != 0
            chmod(full, isOpenable ? 0o755 : 0o644)
        }
    }
}
