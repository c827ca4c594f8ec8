public import Verdict

/// `peernode run -- CMD ARG…` and `run FILE ARG…` as a manifest (`compute.md` 2.7).
///
/// It becomes a tree of nodes like any manifest, so that flags obey the same rules and get the same texts.
public struct CommandLineJob: Sendable {
    /// What a path of the caller's folder is.
    public enum PathKind: Sendable, Equatable {
        case file, folder
    }
    public struct Attachment: Sendable, Equatable {
        public var path: String
        /// Name in the sandbox below `/in`; nil: the last part of the path.
        public var name: String?

        public init(path: String, name: String? = nil) {
            self.path = path
            self.name = name
        }
    }

    /// CMD and its arguments, or FILE and its arguments. Not empty.
    public var words: [String]
    /// `run FILE`, without `--`.
    public var isFile: Bool
    public var name: String?
    public var runtime: String?
    public var replicas: String?
    public var quorum: String?
    public var compare: String?
    public var ignore: [String] = []
    public var cpus: String?
    public var memory: String?
    public var disk: String?
    public var time: String?
    public var costMax: String?
    public var queueTime: String?
    public var inputs: [Attachment] = []
    public var outputs: [String] = []
    /// Path of the file that becomes standard input.
    public var stdin: String?
    public var environment: [(key: String, value: String)] = []
    public var labels: [(key: String, value: String)] = []
    public var require: [String] = []
    public var only: [String] = []
    /// `--input JSON`: an object of input values.
    public var values: JSONValue?

    public init(words: [String], isFile: Bool) {
        self.words = words
        self.isFile = isFile
    }

    /// The manifest, and W204 for arguments that name files which do not travel.
    ///
    /// `kind` tells what a path is on the caller's machine, nil if nothing is there.
    public func manifest(
        _ kind: (String) -> PathKind?
    ) -> (node: ManifestNode, warnings: [ManifestIssue]) {
        var run: [(String, ManifestNode)] = []
        var arguments = words
        let travels = isFile || words.first.map { $0.contains("/") && kind($0) == .file } ?? false
        if travels, let first = words.first {
            run.append(("source", Self.mapping([("file", Self.text(first))])))
            arguments.removeFirst()
        }
        if let runtime {
            run.append(("runtime", Self.text(runtime)))
        } else if !isFile {
            run.append(("runtime", Self.text("command")))
        }
        run.append(("args", Self.list(arguments)))
        if !environment.isEmpty { run.append(("env", Self.texts(environment))) }
        var members: [(String, ManifestNode)] = [("peernode", Self.text("v1"))]
        members.append(("name", Self.text(name ?? ManifestNames.job(from: words.first ?? "job"))))
        if !labels.isEmpty { members.append(("labels", Self.texts(labels))) }
        let inputNodes = inputMembers(kind)
        if stdin != nil { run.append(("stdin", Self.mapping([("input", Self.text("stdin"))]))) }
        members.append(("run", Self.mapping(run)))
        if !inputNodes.isEmpty { members.append(("inputs", Self.mapping(inputNodes))) }
        if !outputs.isEmpty { members.append(("outputs", outputsNode)) }
        members += termMembers
        let node = Self.placed(Self.mapping(members), pointer: "")
        let attached = inputs.map(\.path)
        let warnings = arguments.filter { !attached.contains($0) && kind($0) == .file }.map {
            ManifestIssue.unusedFile($0, name: Self.inputName($0))
        }
        return (node, warnings)
    }

    // MARK: below their use

    func inputMembers(_ kind: (String) -> PathKind?) -> [(String, ManifestNode)] {
        var all: [(String, ManifestNode)] = []
        for input in inputs {
            let name = input.name ?? String(input.path.split(separator: "/").last ?? "in")
            let word = kind(input.path) == .folder ? "dir" : "file"
            all.append(
                (
                    Self.inputName(name),
                    Self.mapping([(word, Self.text(input.path)), ("at", Self.text("/in/" + name))])
                ))
        }
        if let stdin { all.append(("stdin", Self.mapping([("file", Self.text(stdin))]))) }
        if case .object(let members)? = values {
            for member in members {
                all.append((member.key, Self.mapping([("value", Self.node(member.value))])))
            }
        }
        return all
    }

    var outputsNode: ManifestNode {
        let files = outputs.map { path in
            let absolute = path.hasPrefix("/") ? path : "/out/" + path
            let name = String(path.split(separator: "/").last ?? "file")
            return Self.mapping([("name", Self.text(name)), ("path", Self.text(absolute))])
        }
        return Self.mapping([
            ("files", ManifestNode(.sequence(files), line: 0, column: 0, pointer: ""))
        ])
    }

    /// Everything that is a field of the same name.
    var termMembers: [(String, ManifestNode)] {
        var members: [(String, ManifestNode)] = []
        func add(_ name: String, _ fields: [(String, String?)], _ lists: [(String, [String])] = [])
        {
            var nodes = fields.compactMap { field in
                field.1.map { (field.0, Self.text($0)) }
            }
            nodes += lists.filter { !$0.1.isEmpty }.map { ($0.0, Self.list($0.1)) }
            if !nodes.isEmpty { members.append((name, Self.mapping(nodes))) }
        }
        add("resources", [("cpu", cpus), ("memory", memory), ("disk", disk)])
        // One replica asked for by a flag is meant: no other word is needed to have it unverified.
        let isOne = replicas == "1"
        add(
            "verify",
            [
                ("mode", isOne ? "none" : nil), ("replicas", isOne ? nil : replicas),
                ("quorum", isOne ? nil : quorum), ("compare", compare),
            ], [("ignore", ignore)])
        add("place", [], [("require", require), ("only", only)])
        add("cost", [("max", costMax)])
        add("timeout", [("run", time), ("queue", queueTime), ("total", total)])
        return members
    }

    /// A run time near or above the default total needs a longer one: no flag sets it.
    var total: String? {
        guard let time, case .value(let run) = Quantity.duration(time) else { return nil }
        let need = run + 900 * ManifestRanges.second
        return need > 3_600 * ManifestRanges.second
            ? Shown.duration(min(need, ManifestRanges.total.upperBound)) : nil
    }

    /// A file's name as the name of an input.
    static func inputName(_ path: String) -> String {
        let last = path.utf8.split(separator: 0x2f).last ?? []
        var out = last.map { byte in
            ManifestNames.isLower(byte) || ManifestNames.isUpper(byte)
                || ManifestNames.isDigit(byte)
                ? byte : 0x5f
        }
        if out.isEmpty || ManifestNames.isDigit(out[0]) { out.insert(0x5f, at: 0) }
        return String(decoding: out.prefix(64), as: UTF8.self)
    }

    static func text(_ text: String) -> ManifestNode {
        ManifestNode(.scalar(text, isPlain: false), line: 0, column: 0, pointer: "")
    }

    static func list(_ texts: [String]) -> ManifestNode {
        ManifestNode(.sequence(texts.map { Self.text($0) }), line: 0, column: 0, pointer: "")
    }

    static func texts(_ pairs: [(key: String, value: String)]) -> ManifestNode {
        mapping(pairs.map { ($0.key, Self.text($0.value)) })
    }

    static func mapping(_ members: [(String, ManifestNode)]) -> ManifestNode {
        let entries = members.map {
            ManifestNode.Entry(key: $0.0, line: 0, column: 0, value: $0.1)
        }
        return ManifestNode(.mapping(entries), line: 0, column: 0, pointer: "")
    }

    static func node(_ value: JSONValue) -> ManifestNode {
        switch value {
        case .string(let text): return Self.text(text)
        case .null, .bool, .number:
            return ManifestNode(
                .scalar(CanonicalJSON.text(value), isPlain: true), line: 0, column: 0, pointer: "")
        case .array(let items):
            return ManifestNode(.sequence(items.map { node($0) }), line: 0, column: 0, pointer: "")
        case .object(let members): return mapping(members.map { ($0.key, node($0.value)) })
        }
    }

    /// The same tree with pointers.
    static func placed(_ node: ManifestNode, pointer: String) -> ManifestNode {
        var node = node
        node.pointer = pointer
        switch node.content {
        case .scalar: break
        case .sequence(let items):
            node.content = .sequence(
                items.enumerated().map {
                    placed($1, pointer: ManifestNode.pointer(pointer, String($0)))
                })
        case .mapping(let entries):
            node.content = .mapping(
                entries.map {
                    var entry = $0
                    entry.value = placed($0.value, pointer: ManifestNode.pointer(pointer, $0.key))
                    return entry
                })
        }
        return node
    }
}
