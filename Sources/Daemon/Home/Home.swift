public import Foundation
import Records
public import Sodium
import Trust

/// A home on disk: keys, genesis, lock. Everything that a node keeps belongs to one home and one network.
///
/// A `final class` since it holds the lock of the home for as long as it lives.
public final class Home: @unchecked Sendable {
    public enum Failure: Error, Sendable, Equatable {
        /// E704: another process runs on this home.
        case inUse(pid: Int32)
        /// E705: a secret that others could read.
        case fileMode(path: String, mode: Int, wanted: Int)
        /// E706: the home was made on another machine.
        case copied(path: String)
        /// There is no home, or it has no identity.
        case missing(path: String)
        /// E703: what exists contradicts what was asked for.
        case contradicts(String)
        case genesis(GenesisFile.Failure)
        case key(String)
        /// A folder or file could not be made or read; nothing was changed after it.
        case io(path: String, reason: String)
    }

    public let layout: HomeLayout
    public let identity: SecretKey
    /// The network that this home belongs to; nil before the first join.
    public private(set) var genesis: GenesisFile?
    var lockDescriptor: Int32 = -1

    init(layout: HomeLayout, identity: SecretKey, genesis: GenesisFile?) {
        self.layout = layout
        self.identity = identity
        self.genesis = genesis
    }

    deinit {
        if lockDescriptor >= 0 { close(lockDescriptor) }
    }

    public static func exists(_ layout: HomeLayout) -> Bool {
        FileManager.default.fileExists(atPath: layout.identityKey.path)
    }

    /// Makes folders and an identity key where there are none. What exists stays as it is.
    public static func create(_ layout: HomeLayout) throws(Failure) -> Home {
        for folder in [layout.configuration, layout.networksFolder] { try makeFolder(folder, mode: 0o755) }
        for folder in [layout.keys, layout.data, layout.cache, layout.state, layout.run] {
            try makeFolder(folder, mode: 0o700)
        }
        if !exists(layout) {
            do throws(KeyFileError) {
                try SecretKey.random().save(to: layout.identityKey.path)
            } catch {
                throw .key(error.description)
            }
            try write(machineIdentity() + "\n", to: layout.machine, mode: 0o600)
        }
        return try open(layout)
    }

    /// Opens an existing home: checks modes, machine and genesis. Changes nothing.
    public static func open(_ layout: HomeLayout) throws(Failure) -> Home {
        guard exists(layout) else { throw .missing(path: layout.description) }
        try checkMode(layout.keys, atMost: 0o700)
        let identity: SecretKey
        do throws(KeyFileError) {
            identity = try SecretKey.load(from: layout.identityKey.path)
        } catch {
            throw .key(error.description)
        }
        if let made = try? String(contentsOf: layout.machine, encoding: .utf8),
            made.trimmingCharacters(in: .whitespacesAndNewlines) != machineIdentity()
        {
            throw .copied(path: layout.description)
        }
        var genesis: GenesisFile?
        if FileManager.default.fileExists(atPath: layout.genesisFile.path) {
            do throws(GenesisFile.Failure) {
                genesis = try GenesisFile(reading: layout.genesisFile)
            } catch {
                throw .genesis(error)
            }
        }
        return Home(layout: layout, identity: identity, genesis: genesis)
    }

    /// Binds the home to a network for good. A home that belongs to another one refuses.
    public func adopt(_ file: GenesisFile) throws(Failure) {
        if let own = genesis {
            if own.network == file.network { return }
            let names = [own, file].map { TextID.text(.net, $0.network.raw) }
            throw .contradicts("this home belongs to network \(names[0]), not \(names[1])")
        }
        try Home.write(file.text, to: layout.genesisFile, mode: 0o644)
        genesis = file
    }

    /// Takes the home for this process until it ends; another holder's pid is told.
    public func takeLock() throws(Failure) {
        let path = layout.lock.path
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .io(path: path, reason: String(cString: strerror(errno))) }
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
            close(descriptor)
            throw .inUse(pid: Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0)
        }
        let line = "\(getpid())\n"
        ftruncate(descriptor, 0)
        _ = line.withCString { Glibc.write(descriptor, $0, strlen($0)) }
        lockDescriptor = descriptor
    }

    /// Gives the home back before this object goes.
    public func releaseLock() {
        if lockDescriptor >= 0 { close(lockDescriptor) }
        lockDescriptor = -1
    }

    /// Makes `conf.d`, where programs put settings of their own.
    public static func makeConfigurationFolder(_ layout: HomeLayout) throws(Failure) {
        try makeFolder(layout.configurationFolder, mode: 0o755)
    }

    // MARK: below their use

    static func makeFolder(_ url: URL, mode: Int) throws(Failure) {
        do {
            try FileManager.default.createDirectory(
                at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: mode])
            // Folders are made under the caller's umask; secrets must not depend on it.
            if mode == 0o700 { chmod(url.path, 0o700) }
        } catch {
            throw .io(path: url.path, reason: "cannot make the folder")
        }
    }

    /// Writes a small file whole: temporary name, synced, renamed.
    public static func write(_ text: String, to url: URL, mode: mode_t) throws(Failure) {
        let temporary = url.path + ".\(getpid()).new"
        let descriptor = Glibc.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw .io(path: url.path, reason: String(cString: strerror(errno))) }
        fchmod(descriptor, mode)
        let bytes = Array(text.utf8)
        let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        let synced = fsync(descriptor)
        close(descriptor)
        if written != bytes.count || synced != 0 || rename(temporary, url.path) != 0 {
            unlink(temporary)
            throw .io(path: url.path, reason: String(cString: strerror(errno)))
        }
    }

    static func checkMode(_ url: URL, atMost wanted: Int) throws(Failure) {
        var info = stat()
        guard stat(url.path, &info) == 0 else { throw .io(path: url.path, reason: String(cString: strerror(errno))) }
        let mode = Int(info.st_mode & 0o777)
        if mode & ~wanted != 0 { throw .fileMode(path: url.path, mode: mode, wanted: wanted) }
    }

    /// What tells this machine from another: the operating system's machine id, else the host's name.
    static func machineIdentity() -> String {
        let id = (try? String(contentsOfFile: "/etc/machine-id", encoding: .utf8)) ?? ""
        let text = id.trimmingCharacters(in: .whitespacesAndNewlines)
        return text.isEmpty ? ProcessInfo.processInfo.hostName : text
    }
}
