public import Records

/// A wall of the sandbox (`compute.md` 4.8): something that a hostile program will try.
public struct Wall: Sendable, Hashable {
    public let id: String
    /// What must hold, for `doctor`.
    public let title: String
    /// Whether it is tried at every start (• in the specification).
    public let isAtStart: Bool

    init(_ id: String, _ title: String, atStart: Bool = false) {
        self.id = id
        self.title = title
        isAtStart = atStart
    }

    public static let all: [Wall] = [
        Wall("W01", "a file and a folder outside cannot be read", atStart: true),
        Wall("W02", "nothing can be written below /proc/sys /sys /usr / /dev", atStart: true),
        Wall("W03", "no user, group or capability of the host; no new privileges", atStart: true),
        Wall("W04", "no new user, mount, process or network namespace", atStart: true),
        Wall("W05", "no mount, pivot_root, chroot", atStart: true),
        Wall("W06", "no sockets of the network, the kernel, or a host", atStart: true),
        Wall("W07", "a port and a local socket outside cannot be reached"),
        Wall("W08", "only descriptors 0 to 4 are open", atStart: true),
        Wall("W09", "process 1 tells nothing of the host", atStart: true),
        Wall("W10", "the memory, files and folders of process 1 are closed"),
        Wall("W11", "a process outside can neither be seen nor signalled", atStart: true),
        Wall("W12", "another sandbox cannot be seen"),
        Wall("W13", "not even an own child can be traced"),
        Wall("W14", "no io_uring, userfaultfd, bpf, perf", atStart: true),
        Wall("W15", "no keyring"),
        Wall("W16", "set-id programs give nothing"),
        Wall("W17", "a fork bomb ends at its limit"),
        Wall("W18", "an allocator ends at its limit and 32 MiB"),
        Wall("W19", "writers of bytes and of empty files end at their limits"),
        Wall("W20", "a CPU burner ends at its limit"),
        Wall("W21", "a flood of output ends at its limit"),
        Wall("W22", "what a program leaves running ends with it", atStart: true),
        Wall("W23", "nothing survives the death of the runner"),
        Wall("W24", "a job that ignores signals ends when told"),
        Wall("W25", "exit code 137 and a real SIGKILL are told apart"),
        Wall("W26", "no typing into a terminal"),
        Wall("W27", "planted links and devices do not come out as files"),
        Wall("W28", "a call of another architecture is deadly"),
    ]
}

/// What came of trying one wall.
public struct WallResult: Sendable, Hashable {
    public enum Verdict: String, Sendable, Hashable {
        case ok
        case fail = "FAIL"
        case skip
    }
    public var wall: Wall
    public var verdict: Verdict
    /// What was found: the error that was met, how far a program got, or why the wall could not be tried.
    public var found: String

    public init(_ wall: Wall, _ verdict: Verdict, _ found: String) {
        self.wall = wall
        self.verdict = verdict
        self.found = found
    }

    /// One line, as `doctor` prints it.
    public var line: String { "\(wall.id) \(verdict.rawValue) \(found)" }
}

/// The outcome of a self-test.
public struct SandboxReport: Sendable {
    public var results: [WallResult]
    /// Why no sandbox could be made at all, if so; then nothing was tried.
    public var refusal: String?
    public var meter: Meter

    /// Whether foreign programs may run here: every wall that was tried held (`compute.md` 4.6).
    public var isFull: Bool {
        refusal == nil && !results.isEmpty && !results.contains { $0.verdict == .fail }
            && !results.contains { $0.verdict == .skip && $0.wall.isAtStart }
    }
    public var failures: [WallResult] { results.filter { $0.verdict == .fail } }
}
