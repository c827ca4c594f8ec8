
// What a runtime plan asks the runner for: one sandbox, its limits, its files, and the first item to run in it. Pure
// data, so that the worker desk, the simulator and the real runner speak of the same thing (`compute.md` 8).

/// Names one run of one runner, from `start` to `ended`. Chosen by the caller, never reused within a process.
public struct RunID: Sendable, Hashable, Comparable, CustomStringConvertible {
    public var value: UInt64
    public init(_ value: UInt64) { self.value = value }
    public static func < (a: RunID, b: RunID) -> Bool { a.value < b.value }
    public var description: String { "run \(value)" }
}

/// `NAME=value`. The runner adds nothing to a frame's environment: what is not listed is not there.
public struct EnvironmentEntry: Sendable, Hashable {
    public var name: String
    public var value: String
    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// The limits of one item; §4.5 says how each is held.
public struct RunLimits: Sendable, Hashable {
    /// CPU time of all processes, µs.
    public var cpuMicros: UInt64
    /// Wall time, ms; the time of a pause does not count.
    public var wallMillis: UInt64
    public var memoryBytes: UInt64
    /// Scratch and outputs together.
    public var diskBytes: UInt64
    /// Processes and threads.
    public var pids: UInt32
    public var stdoutBytes: UInt64 = 4 << 20
    /// What is kept of standard error; the middle is dropped beyond it.
    public var stderrKeptBytes: UInt64 = 1 << 20
    /// Bytes of standard error that end the run.
    public var stderrBytes: UInt64 = 256 << 20
    /// Bytes on the result channel.
    public var resultBytes: UInt64 = 16 << 20
    public var artifactBytes: UInt64 = 64 << 20
    public var artifactFiles: UInt32 = 4_096

    public init(
        cpuMicros: UInt64, wallMillis: UInt64, memoryBytes: UInt64, diskBytes: UInt64, pids: UInt32
    ) {
        self.cpuMicros = cpuMicros
        self.wallMillis = wallMillis
        self.memoryBytes = memoryBytes
        self.diskBytes = diskBytes
        self.pids = pids
    }

    /// Files that may exist in the scratch folder: `disk / 4 KiB`, at least 1,000.
    public var inodes: UInt64 { max(1_000, diskBytes / 4_096) }
}

/// A file that init makes below `/in` before the item starts. All of a frame's hold at most 8 MiB.
public struct FrameFile: Sendable, Hashable {
    /// Relative to `/in`, without `.` and `..`; folders above it are made.
    public var path: String
    public var isExecutable: Bool
    public var bytes: [UInt8]
    public init(path: String, isExecutable: Bool = false, bytes: [UInt8]) {
        self.path = path
        self.isExecutable = isExecutable
        self.bytes = bytes
    }
}

/// What the program finds at `/in`.
public enum RunInputs: Sendable, Hashable {
    /// A fresh folder with these files, ascending by path.
    case files([FrameFile])
    /// A folder of the host, bound read-only; the slot's user must be able to enter it (`compute.md` 4.3).
    case stage(path: String)
}

/// Where standard input comes from.
public enum StdinSource: Sendable, Hashable {
    case empty
    case bytes([UInt8])
    /// A path inside the sandbox, below `/in`.
    case file(String)
}

/// A file or folder that is kept when the item has ended.
public struct CollectEntry: Sendable, Hashable {
    /// The name in `outputs.files`.
    public var name: String
    /// Relative to `/out`, without `.` and `..`.
    public var path: String
    public var bytesMax: UInt64
    public var isOptional: Bool
    public init(name: String, path: String, bytesMax: UInt64, isOptional: Bool = false) {
        self.name = name
        self.path = path
        self.bytesMax = bytesMax
        self.isOptional = isOptional
    }
}

/// One item: one fresh main process.
public struct ItemFrame: Sendable, Hashable {
    public var index: UInt32
    /// Program and arguments, byte for byte; never a shell string.
    public var argv: [[UInt8]]
    public var stdin: StdinSource
    /// Bytes on descriptor 3; with them, descriptor 4 is the result channel. `nil`: both are closed.
    public var runtimeFrame: [UInt8]?

    public init(
        index: UInt32 = 0, argv: [[UInt8]], stdin: StdinSource = .empty, runtimeFrame: [UInt8]? = nil
    ) {
        self.index = index
        self.argv = argv
        self.stdin = stdin
        self.runtimeFrame = runtimeFrame
    }

    public init(
        index: UInt32 = 0, argv: [String], stdin: StdinSource = .empty, runtimeFrame: [UInt8]? = nil
    ) {
        self.init(
            index: index, argv: argv.map { Array($0.utf8) }, stdin: stdin, runtimeFrame: runtimeFrame)
    }
}

/// Everything the runner needs to carry out one execution.
public struct RunFrame: Sendable, Hashable {
    public var item: ItemFrame
    public var environment: [EnvironmentEntry]
    public var limits: RunLimits
    public var inputs: RunInputs
    public var collect: [CollectEntry]
    /// Modification time of the files at `/in`, seconds since 1970.
    public var epoch: UInt64
    /// Cores the program may use, rounded up; the runner picks which.
    public var cpuCount: UInt32
    /// Whether address randomisation is off and the set of cores is fixed (`determinism` other than `none`).
    public var isDeterministic: Bool
    /// Whether further items follow by `nextItem` orders, up to `finish`; otherwise the sandbox ends with this one.
    public var hasMoreItems = false
    /// Whether `::progress` lines count on standard output too (the result is not `text`, `compute.md` 5.4).
    public var readsProgressOnStdout = false
    /// Whether `start_failed` is the program's own doing: it was uploaded, or comes from an image.
    public var ownsProgram: Bool

    public init(
        item: ItemFrame, environment: [EnvironmentEntry], limits: RunLimits,
        inputs: RunInputs = .files([]), collect: [CollectEntry] = [], epoch: UInt64 = 1_767_225_600,
        cpuCount: UInt32 = 1, isDeterministic: Bool = true, ownsProgram: Bool = false
    ) {
        self.item = item
        self.environment = environment
        self.limits = limits
        self.inputs = inputs
        self.collect = collect
        self.epoch = epoch
        self.cpuCount = cpuCount
        self.isDeterministic = isDeterministic
        self.ownsProgram = ownsProgram
    }
}
