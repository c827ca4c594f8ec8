/// What the python harness reads on descriptor 3: one Python literal (`compute.md` 3.2).
///
/// The program itself lies at `path` (§3.1), so tracebacks can show its lines.
public struct PythonFrame: Sendable, Hashable {
    /// An input as the program sees it.
    public enum Value: Sendable, Hashable {
        /// Canonical JSON.
        case json([UInt8])
        /// A file or tree: the program gets its path, below `/in`.
        case path(String)
    }
    public struct Input: Sendable, Hashable {
        public var name: String
        public var value: Value
        public init(_ name: String, _ value: Value) {
            self.name = name
            self.value = value
        }
    }

    /// `/in/.program`, or a script below `/in/.app`.
    public var path: String
    public var arguments: [String]
    public var inputs: [Input]
    /// `worker_id` and `task_id` of the dialect; an input of the same name wins.
    public var names: [(name: String, text: String)] { namesStored.map { ($0.name, $0.value) } }
    private var namesStored: [EnvironmentEntry]
    public var seed: UInt64
    public var epoch: UInt64
    public var cpuCount: UInt32
    public var isDeterministic: Bool

    public init(
        path: String = "/in/.program", arguments: [String] = [], inputs: [Input] = [],
        names: [(name: String, text: String)] = [], seed: UInt64, epoch: UInt64 = 1_767_225_600,
        cpuCount: UInt32 = 1, isDeterministic: Bool = true
    ) {
        self.path = path
        self.arguments = arguments
        self.inputs = inputs
        namesStored = names.map { EnvironmentEntry($0.name, $0.text) }
        self.seed = seed
        self.epoch = epoch
        self.cpuCount = cpuCount
        self.isDeterministic = isDeterministic
    }

    /// The frame's bytes; `nil` if an input is not JSON.
    public var encoded: [UInt8]? {
        var bytes: [UInt8] = Array("{'path':".utf8)
        bytes += PythonLiteral.text(path)
        bytes += Array(",'args':[".utf8)
        for argument in arguments {
            bytes += PythonLiteral.text(argument)
            bytes.append(UInt8(ascii: ","))
        }
        bytes += Array("],'inputs':{".utf8)
        for input in inputs {
            bytes += PythonLiteral.text(input.name)
            bytes.append(UInt8(ascii: ":"))
            switch input.value {
            case .path(let path): bytes += PythonLiteral.text(path)
            case .json(let json):
                guard let literal = PythonLiteral.fromJSON(json) else { return nil }
                bytes += literal
            }
            bytes.append(UInt8(ascii: ","))
        }
        bytes += Array("},'names':{".utf8)
        for entry in namesStored {
            bytes += PythonLiteral.text(entry.name)
            bytes.append(UInt8(ascii: ":"))
            bytes += PythonLiteral.text(entry.value)
            bytes.append(UInt8(ascii: ","))
        }
        let rest = "},'seed':\(seed),'epoch':\(epoch),'cpus':\(cpuCount),'fixed':"
        bytes += Array((rest + (isDeterministic ? "True" : "False") + "}").utf8)
        return bytes
    }

    /// The command line in front of every python program; `interpreter` is the capability's path. Not `-I` or `-E`,
    /// which ignore PYTHONHASHSEED.
    public static func argv(interpreter: String) -> [String] {
        [interpreter, "-S", "-s", "-B", "-X", "int_max_str_digits=0", "/.pn/py/harness.py"]
    }
}
