import Glibc
public import Trust

/// Where SUPPORT and stage folders lie, so that the sandbox's user can enter them and nobody can guess them.
///
/// What bwrap binds must lie in folders that the slot's user can enter, but a node's home is often 0700 (`compute.md`
/// 4.3). So the slots lie in `HOME/slots` if that user can enter every folder above it, else in a folder of
/// `/var/lib` named by the home's path (`architecture.md` S23). One folder per start, swept at the next start and
/// removed at exit.
public struct SlotFolders: Sendable {
    /// `…/slots`, mode 0711.
    public let root: String
    /// One start's own folder below it, with a random name.
    public let own: String
    /// Bound read-only at `/.pn`.
    public var support: String { own + "/support" }
    /// Stage folders are made below it.
    public var stage: String { own + "/stage" }

    /// Chooses the place for the home `home`, sweeps what an earlier start left, and makes the folders.
    ///
    /// - Parameters:
    ///   - uid: the user that the sandboxes run as.
    ///   - programs: the folder that holds `peernode-init` and `peernode-probe`.
    public init(
        home: String, uid: UInt32, programs: String, hashing: some Hashing
    ) throws(RunnerError) {
        let wanted = home + "/slots"
        if SlotFolders.canEnter(home, as: uid) {
            root = wanted
        } else {
            let name = hashing.hash("peernode/slots/v1", Array(home.utf8)).hex.prefix(8)
            root = "/var/lib/peernode-slots-\(name)"
        }
        try SlotFolders.make(root, mode: 0o711)
        SlotFolders.remove(root, keepingTop: true)
        var generator = SystemRandomNumberGenerator()
        let random = UInt64.random(in: .min ... .max, using: &generator)
        own = root + "/" + String(random, radix: 16)
        try SlotFolders.make(own, mode: 0o711)
        try SlotFolders.make(stage, mode: 0o711)
        try install(programs)
    }

    /// Removes everything; at exit.
    public func remove() { SlotFolders.remove(root, keepingTop: false) }

    /// A fresh stage folder for one run. The caller fills it, with files of mode 0444 or 0555.
    public func makeStage(_ name: String) throws(RunnerError) -> String {
        let path = stage + "/" + name
        try SlotFolders.make(path, mode: 0o755)
        return path
    }

    public func removeStage(_ name: String) {
        SlotFolders.remove(stage + "/" + name, keepingTop: false)
    }

    // MARK: below their use

    private func install(_ programs: String) throws(RunnerError) {
        try SlotFolders.make(support, mode: 0o755)
        for name in ["pack", "svc", "py", "js"] {
            try SlotFolders.make(support + "/" + name, mode: 0o755)
        }
        for name in ["init", "probe"] {
            let bytes = try SlotFolders.read("\(programs)/peernode-\(name)")
            try SlotFolders.write(support + "/" + name, bytes, mode: 0o555)
        }
        try SlotFolders.write(support + "/py/harness.py", Harness.source, mode: 0o444)
    }

    /// Whether `uid` (with the group of the same number and no other) may enter `path` and every folder above it. A
    /// folder that does not exist yet is made by us, so it does not count.
    static func canEnter(_ path: String, as uid: UInt32) -> Bool {
        var folder = "/"
        for part in path.split(separator: "/") {
            folder += (folder == "/" ? "" : "/") + part
            var facts = stat()
            if stat(folder, &facts) != 0 { return errno == ENOENT }
            let bit: mode_t =
                facts.st_uid == uid ? 0o100 : facts.st_gid == uid ? 0o010 : 0o001
            if facts.st_mode & bit == 0 { return false }
        }
        return true
    }

    static func make(_ path: String, mode: mode_t) throws(RunnerError) {
        // Parents are made with the usual mode; they are the owner's.
        if mkdir(path, mode) != 0 && errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex {
            try make(String(path[..<slash]), mode: 0o755)
            _ = mkdir(path, mode)
        }
        var facts = stat()
        guard lstat(path, &facts) == 0 else { throw RunnerError.system("make the folder \(path)", errno) }
        guard facts.st_mode & S_IFMT == S_IFDIR, facts.st_uid == getuid() else {
            throw RunnerError("cannot use \(path): it is not a folder of this user")
        }
        // The umask may have taken the bit that matters.
        if chmod(path, mode) != 0 { throw RunnerError.system("make the folder \(path)", errno) }
    }

    static func read(_ path: String) throws(RunnerError) -> [UInt8] {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        if fd < 0 { throw RunnerError.system("read \(path)", errno) }
        defer { close(fd) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let n = Glibc.read(fd, &chunk, chunk.count)
            if n < 0 && errno == EINTR { continue }
            if n < 0 { throw RunnerError.system("read \(path)", errno) }
            if n == 0 { return bytes }
            bytes += chunk[..<n]
        }
    }

    static func write(_ path: String, _ bytes: [UInt8], mode: mode_t) throws(RunnerError) {
        let fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        if fd < 0 { throw RunnerError.system("write \(path)", errno) }
        defer { close(fd) }
        var done = 0
        while done < bytes.count {
            let n = bytes[done...].withUnsafeBytes { Glibc.write(fd, $0.baseAddress, $0.count) }
            if n < 0 && errno == EINTR { continue }
            if n <= 0 { throw RunnerError.system("write \(path)", n < 0 ? errno : ENOSPC) }
            done += n
        }
        if fchmod(fd, mode) != 0 { throw RunnerError.system("write \(path)", errno) }
    }

    /// Removes a folder of ours and all in it, following no link.
    static func remove(_ path: String, keepingTop: Bool) {
        guard let stream = opendir(path) else { return }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(path + "/" + name) }
        }
        closedir(stream)
        for name in names where unlink(name) != 0 {
            chmod(name, 0o700)
            remove(name, keepingTop: false)
        }
        if !keepingTop { rmdir(path) }
    }
}
