public import Trust

/// What this machine is, as far as runtimes depend on it (`compute.md` 3.1). Read once at start.
public struct HostFacts: Sendable, Hashable {
    /// `amd64` or `arm64`, as `uname` says, in the names of images.
    public var architecture: String
    /// os-release ID and VERSION_ID, and the version of the libc: `debian 12 glibc 2.36`.
    public var base: String
    public var cores: UInt32
    public var memoryBytes: UInt64

    public init(architecture: String, base: String, cores: UInt32, memoryBytes: UInt64) {
        self.architecture = architecture
        self.base = base
        self.cores = cores
        self.memoryBytes = memoryBytes
    }
}

/// What a runtime's probes found: something that has really run in the sandbox (`compute.md` 3.1).
public struct RuntimeCapability: Sendable, Hashable {
    /// `command` or `python`.
    public var runtime: String
    /// What people see: `CPython 3.11.7`, `debian 12 glibc 2.36`.
    public var version: String
    /// Digest of what would make another run differ: interpreter and standard library, or the probed commands.
    public var digest: Digest
    /// The equivalence class.
    public var classID: Digest
    /// The program, as a path inside the sandbox.
    public var path: String
    /// For `command`: which of the probed commands ran.
    public var commands: [String]

    public init(
        runtime: String, version: String, digest: Digest, classID: Digest, path: String,
        commands: [String] = []
    ) {
        self.runtime = runtime
        self.version = version
        self.digest = digest
        self.classID = classID
        self.path = path
        self.commands = commands
    }
}

/// Why a runtime is not offered; shown by `doctor`.
public struct RuntimeUnavailable: Error, Sendable, Hashable, CustomStringConvertible {
    public var runtime: String
    public var reason: String
    public init(runtime: String, reason: String) {
        self.runtime = runtime
        self.reason = reason
    }
    public var description: String { "\(runtime): \(reason)" }
}
