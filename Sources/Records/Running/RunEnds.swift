import Wire

/// How the main process of an item ended, as init's wait status says; never guessed from 128 + n (`compute.md` 3.1).
public enum ProcessEnd: Sendable, Hashable {
    /// It ended by itself with this exit code.
    case exited(code: UInt8)
    /// A signal ended it.
    case signalled(number: UInt8)
    /// It never began: `execve` failed with this error number of Linux.
    case notStarted(errno: Int32)
}

/// Which limit of the frame ended a run.
public enum LimitHit: UInt8, Sendable, Hashable, CaseIterable {
    case cpuTime = 1
    case wallTime = 2
    case memory = 3
    /// Bytes of one file (SIGXFSZ).
    case disk = 4
    /// Number of files.
    case inodes = 5
    case standardOutput = 6
    case standardError = 7
    case artifacts = 8
    case resultChannel = 9
    case processes = 10
}

/// Why a run ended without an outcome: nothing is committed (the rows with "no" in `compute.md` 3.1).
public enum RunEndReason: Sendable, Hashable {
    case cancelled
    case ownerStopped
    case leaseLost
    case nodeRestarted
    case inputUnavailable(String)
    case runtimeMissing(String)
    case sandboxFailed(String)
    case providerFailed(String)
    case hostDiskFull(String)

    /// The name that people and documents see.
    public var name: String {
        switch self {
        case .cancelled: "cancelled"
        case .ownerStopped: "owner_stopped"
        case .leaseLost: "lease_lost"
        case .nodeRestarted: "node_restarted"
        case .inputUnavailable: "input_unavailable"
        case .runtimeMissing: "runtime_missing"
        case .sandboxFailed: "sandbox_failed"
        case .providerFailed: "provider_failed"
        case .hostDiskFull: "host_disk_full"
        }
    }

    public var text: String {
        switch self {
        case .cancelled: "cancelled by its owner"
        case .ownerStopped: "stopped by the owner of the machine"
        case .leaseLost: "the lease ended"
        case .nodeRestarted: "the node restarted"
        case .inputUnavailable(let reason): "an input could not be had: \(reason)"
        case .runtimeMissing(let reason): "the runtime is not here: \(reason)"
        case .sandboxFailed(let reason): "the sandbox failed: \(reason)"
        case .providerFailed(let reason): "the provider failed: \(reason)"
        case .hostDiskFull(let reason): "the disk of this machine is full: \(reason)"
        }
    }

    /// The reason number of the ledger's `decline`; `nil` where the lease has ended already.
    public var declineReason: UInt8? {
        switch self {
        case .cancelled, .leaseLost: nil
        case .inputUnavailable: 1
        case .runtimeMissing, .sandboxFailed, .providerFailed, .hostDiskFull: 2
        case .ownerStopped, .nodeRestarted: 3
        }
    }
}

/// Why a path of the collect list was not kept.
public enum FileKind: UInt8, Sendable, Hashable, CaseIterable {
    case absent = 1
    case link = 2
    case socket = 3
    case pipe = 4
    case device = 5
    /// Larger than its own `max`.
    case tooLarge = 6
    /// More files than `artifactFilesMax`, or deeper than 32 folders.
    case tooMany = 7
    /// Not UTF-8, longer than 255 bytes, or with control characters.
    case badName = 8
    case unreadable = 9
    /// All outputs together exceed the artifact limit.
    case overLimit = 10

    /// The word in `output {path} is a {kind}; only files and folders are kept`.
    public var word: String {
        switch self {
        case .absent: "missing file"
        case .link: "link"
        case .socket: "socket"
        case .pipe: "pipe"
        case .device: "device"
        case .tooLarge, .overLimit: "file over its limit"
        case .tooMany: "folder with too many files"
        case .badName: "file with a bad name"
        case .unreadable: "file that cannot be read"
        }
    }
}

/// What an item came to, by the table of ends of `compute.md` 3.1. Only `stackOverflow`, and `startFailed` outside
/// uploaded programs and images, are no outcome.
public enum Termination: Sendable, Hashable {
    case exited(code: UInt8)
    case signalled(number: UInt8)
    case timeLimit(String)
    case memoryLimit(String)
    case diskLimit(String)
    case outputLimit(String)
    case badOutput(String)
    case trapped(kind: String, number: Int32)
    case stackOverflow
    case startFailed(String)

    public var name: String {
        switch self {
        case .exited: "exited"
        case .signalled: "signalled"
        case .timeLimit: "time_limit"
        case .memoryLimit: "memory_limit"
        case .diskLimit: "disk_limit"
        case .outputLimit: "output_limit"
        case .badOutput: "bad_output"
        case .trapped: "trapped"
        case .stackOverflow: "stack_overflow"
        case .startFailed: "start_failed"
        }
    }

    /// The sentence for people.
    public var text: String {
        switch self {
        case .exited(let code): "the program ended with exit code \(code)"
        case .signalled(let number):
            "the program was ended by signal \(number) (\(signalName(number)))"
        case .timeLimit(let text), .memoryLimit(let text), .diskLimit(let text), .outputLimit(let text),
            .badOutput(let text), .startFailed(let text):
            text
        case .trapped(let kind, _): "the module trapped: \(kind)"
        case .stackOverflow: "the module overflowed its stack"
        }
    }

    /// `status` and `exitCode` of the ledger's Result (`compute.md` 1.6).
    public var code: (status: UInt8, exitCode: Int32) {
        switch self {
        case .exited(let code): (code == 0 ? 0 : 1, Int32(code))
        case .signalled(let number): (1, -Int32(number))
        case .trapped(_, let number): (1, -256 - number)
        case .startFailed: (1, -512)
        case .timeLimit: (2, 1)
        case .memoryLimit: (2, 2)
        case .diskLimit: (2, 3)
        case .outputLimit: (2, 4)
        case .badOutput: (3, 0)
        case .stackOverflow: (1, -256)
        }
    }
}

/// The name of a Linux signal, such as `SIGKILL`; `signal n` if it has none.
func signalName(_ number: UInt8) -> String {
    let names = [
        "", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE",
        "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT",
        "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU",
        "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS",
    ]
    return number > 0 && Int(number) < names.count ? names[Int(number)] : "signal \(number)"
}

/// Why a program could not be started, in words that do not depend on the worker's libc.
func startErrorText(_ errno: Int32) -> String {
    switch errno {
    case 2: "no such file"
    case 5: "input or output error"
    case 7: "its arguments are too long"
    case 8: "it is not a program for this machine"
    case 11: "too many processes"
    case 12: "not enough memory"
    case 13: "permission denied"
    case 20: "a part of its path is not a folder"
    case 21: "it is a folder"
    case 26: "it is open for writing"
    case 36: "its name is too long"
    case 40: "too many links"
    default: "error \(errno)"
    }
}
