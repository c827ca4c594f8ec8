public import Basis
public import Trust
public import Verdict
import Wire

/// What runs a program (`compute.md` 1.4, W1). Stage 1 runs `command`, `python` and `builtin`.
public enum RuntimeKind: UInt8, Sendable, CaseIterable {
    case command = 1
    case python, wasm, javascript, oci, inference, builtin, pack

    /// The word of the manifest and the runtime id of `H("peernode/runtime/v1", id)`.
    public var id: String {
        switch self {
        case .command: "command"
        case .python: "python"
        case .wasm: "wasm"
        case .javascript: "javascript"
        case .oci: "oci"
        case .inference: "inference"
        case .builtin: "builtin"
        case .pack: "pack"
        }
    }

    public init?(id: String) {
        guard let kind = RuntimeKind.allCases.first(where: { $0.id == id }) else { return nil }
        self = kind
    }

    /// Whether this version runs it.
    public var isAvailable: Bool { self == .command || self == .python || self == .builtin }
}

/// Bytes that stand in the job itself, or a blob when they are more than 1 KiB.
public enum Payload: Sendable, Hashable {
    case inPlace([UInt8])
    case blob(BlobID, bytes: UInt64)
}

/// One input by name (W5).
public struct JobInput: Sendable, Hashable {
    public enum Content: Sendable, Hashable {
        /// Canonical JSON; the program sees its value.
        case json(Payload)
        /// The program sees a path.
        case file(BlobID, bytes: UInt64)
        /// A folder, as the blob of its tree. `bytes` is the length of that blob.
        case tree(BlobID, bytes: UInt64)
    }
    public var name: String
    public var content: Content
    /// Where it appears in the sandbox, below `/in`.
    public var mount: String

    public init(name: String, content: Content, mount: String) {
        self.name = name
        self.content = content
        self.mount = mount
    }
}

/// One file or folder that the job hands back (W6).
public struct OutputFileRule: Sendable, Hashable {
    public var name: String
    /// Below `/out`.
    public var path: String
    public var bytesMax: UInt64
    public var isOptional: Bool

    public init(name: String, path: String, bytesMax: UInt64, isOptional: Bool) {
        self.name = name
        self.path = path
        self.bytesMax = bytesMax
        self.isOptional = isOptional
    }
}

public enum ResultMode: UInt8, Sendable, CaseIterable {
    case text, auto, json, none
}

/// What equal inputs promise (`compute.md` 1.2).
public enum Determinism: UInt8, Sendable, CaseIterable {
    /// Same bits everywhere.
    case strict
    /// Same bits within one equivalence class.
    case equivalenceClass
    case none
}

/// Least wall around the program; the numbers are those of the ledger's `isolation`.
public enum IsolationLevel: UInt8, Sendable, CaseIterable, Comparable {
    case builtinOnly = 1
    case wasmOnly, full

    public static func < (a: IsolationLevel, b: IsolationLevel) -> Bool { a.rawValue < b.rawValue }
}

/// Part W of a canonical job: everything that can change the outcome (`compute.md` 1.4).
public struct Work: Sendable, Hashable {
    public enum Source: Sendable, Hashable {
        /// No source: a program of the base system, or a builtin.
        case none
        case file(BlobID, bytes: UInt64)
        case tree(BlobID, bytes: UInt64)
    }
    public enum Stdin: Sendable, Hashable {
        case empty
        case bytes(Payload)
        case input(String)
    }
    public enum Seed: Sendable, Hashable {
        /// Made from the work itself.
        case auto
        case value(UInt64)
    }
    public struct Variable: Sendable, Hashable {
        public var name: String
        public var value: String
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    public var runtime: RuntimeKind = .command
    /// Engine of javascript or code of a pack; empty otherwise.
    public var engine = ""
    public var source = Source.none
    /// Script inside a folder, or builtin name; empty if none.
    public var entry = ""
    public var arguments: [String] = []
    /// Ascending by name.
    public var environment: [Variable] = []
    public var stdin = Stdin.empty
    public var seed = Seed.auto
    /// Seconds since 1970 that deterministic runtimes show.
    public var epochSeconds: UInt64 = Work.epochDefault
    /// Ascending by name.
    public var inputs: [JobInput] = []
    public var resultMode = ResultMode.text
    /// JSON schema of the result as canonical JSON.
    public var resultSchema: Payload?
    public var resultBytesMax = ComputeLimits.resultBytesMax
    /// Ascending by path.
    public var files: [OutputFileRule] = []
    public var stdoutBytesMax = ComputeLimits.stdoutBytesDefault
    public var cpuThousandths: UInt32 = 1_000
    public var memoryBytes: UInt64 = 256 << 20
    public var diskBytes: UInt64 = 256 << 20
    public var pids: UInt16 = 64
    /// Wall time of one item.
    public var runNanoseconds: UInt64 = 600 * 1_000_000_000
    public var cpuNanoseconds: UInt64 = 600 * 1_000_000_000
    public var fuel: UInt64 = 0
    public var determinism = Determinism.equivalenceClass
    public var isolation = IsolationLevel.full
    /// `cap.python-pkg.*` that the program needs, ascending.
    public var pythonPackages: [String] = []
    public var comparator = Comparator.raw

    public static let epochDefault: UInt64 = 1_767_225_600

    public init() {}

    /// Sum of the output limits: the ledger's `outputBytesMax`. With result `text` the result is stdout itself.
    public var outputBytesMax: UInt64 {
        files.reduce(max(resultBytesMax, stdoutBytesMax)) { $0 + $1.bytesMax }
    }

    /// Whole MiB, rounded up, as the ledger counts.
    public var memoryMiB: UInt32 { UInt32(clamping: (memoryBytes + (1 << 20) - 1) >> 20) }
    public var diskMiB: UInt32 { UInt32(clamping: (diskBytes + (1 << 20) - 1) >> 20) }
    public var cores: UInt16 { UInt16(clamping: (cpuThousandths + 999) / 1_000) }
    public var runMillis: UInt64 { (runNanoseconds + 999_999) / 1_000_000 }
    public var cpuMicros: UInt64 { (cpuNanoseconds + 999) / 1_000 }

    /// Whether the body is the document with files instead of the plain result (`compute.md` 1.6).
    public var hasFileDocument: Bool { !files.isEmpty }

    /// Blobs that a worker must hold before it can start, with their lengths, each once, in order of first use.
    public var blobs: [BlobReference] {
        var all: [BlobReference] = []
        func add(_ id: BlobID, _ bytes: UInt64, isTree: Bool) {
            if !all.contains(where: { $0.id == id && $0.isTree == isTree }) {
                all.append(BlobReference(id: id, bytes: bytes, isTree: isTree))
            }
        }
        switch source {
        case .none: break
        case .file(let id, let bytes): add(id, bytes, isTree: false)
        case .tree(let id, let bytes): add(id, bytes, isTree: true)
        }
        if case .bytes(.blob(let id, let bytes)) = stdin { add(id, bytes, isTree: false) }
        if case .blob(let id, let bytes)? = resultSchema { add(id, bytes, isTree: false) }
        for input in inputs {
            switch input.content {
            case .json(.inPlace): break
            case .json(.blob(let id, let bytes)), .file(let id, let bytes):
                add(id, bytes, isTree: false)
            case .tree(let id, let bytes): add(id, bytes, isTree: true)
            }
        }
        return all
    }
}

/// A blob that a job names.
public struct BlobReference: Sendable, Hashable {
    public var id: BlobID
    public var bytes: UInt64
    /// Whether it is a tree whose entries are needed too.
    public var isTree: Bool

    public init(id: BlobID, bytes: UInt64, isTree: Bool) {
        self.id = id
        self.bytes = bytes
        self.isTree = isTree
    }
}

/// Names the work of a job: same W, same outcome (`compute.md` 1.4).
public struct WorkID: FixedBytes32 {
    public let raw: Bytes32
    public init(_ raw: Bytes32) { self.raw = raw }
}
