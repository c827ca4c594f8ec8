import Basis
import Trust
import Verdict

/// `run`: the program and how it is called.
extension ManifestReader {
    static let sourceKinds = ["inline", "file", "dir", "blob", "tree", "url", "image", "git"]
    static let sourceFields = sourceKinds + ["sha256", "commit", "path"]

    mutating func readRun(_ node: ManifestNode) {
        let allowed = [
            "runtime", "source", "entry", "engine", "args", "env", "stdin", "seed", "epoch",
            "packages", "inference",
        ]
        guard let run = fields.fields(node, allowed, example: "{runtime: command, args: [echo]}")
        else { return }
        if let source = run["source"] { readSource(source) }
        readRuntime(run, node)
        if let entry = run["entry"] {
            work.entry = fields.text(entry, "run.entry", max: 256, example: "main.py") ?? ""
        }
        later(run["engine"], "run.engine")
        later(run["packages"], "run.packages")
        later(run["inference"], "run.inference")
        if let args = run["args"] { readArguments(args) }
        if let env = run["env"] { readEnvironment(env) }
        if let stdin = run["stdin"] { readStdin(stdin) }
        if let seed = run["seed"] {
            if case .scalar("auto", _) = seed.content {
                work.seed = .auto
            } else if let value = fields.integer(seed, "run.seed", 0...UInt64.max) {
                work.seed = .value(value)
            }
        }
        if let epoch = run["epoch"],
            let value = fields.integer(epoch, "run.epoch", 0...253_402_300_799)
        {
            work.epochSeconds = value
        }
    }

    mutating func readRuntime(_ run: Fields, _ node: ManifestNode) {
        let words = RuntimeKind.allCases.filter { $0 != .pack }.map(\.id) + ["pack:<code>"]
        if let runtime = run["runtime"] {
            if case .scalar(let text, _) = runtime.content, text.hasPrefix("pack:") {
                later(runtime, text)
            } else if let word = fields.choice(runtime, words), let kind = RuntimeKind(id: word) {
                work.runtime = kind
                if !kind.isAvailable { later(runtime, "runtime \(word)") }
            }
        } else if let kind = runtimeFromSource {
            work.runtime = kind
        } else {
            fields.report(.missing(node.place, "runtime", example: "runtime: python"))
        }
    }

    /// `.py` of a file's or URL's name; nil if the name tells nothing.
    var runtimeFromSource: RuntimeKind? {
        guard let source = sources.first(where: { $0.role == .program }) else { return nil }
        let name: String
        switch source.kind {
        case .file(let path): name = path
        case .url(let url, _): name = url
        default: return nil
        }
        return name.hasSuffix(".py") ? .python : nil
    }

    mutating func readSource(_ node: ManifestNode) {
        guard let source = fields.fields(node, Self.sourceFields, example: "{file: main.py}"),
            let (kind, value) = fields.requireOne(source, of: Self.sourceKinds, isRequired: true)
        else { return }
        sourceName = (kind, value.place)
        if let content = content(kind, value, source, "run.source") {
            addSource(.program, content, value)
        }
    }

    /// One of the kinds that sources and inputs share. Nil after reporting.
    mutating func content(
        _ kind: String, _ value: ManifestNode, _ all: Fields, _ what: String
    ) -> SourceRef.Kind? {
        if kind == "image" || kind == "git" {
            later(value, "\(what).\(kind)")
            return nil
        }
        let max = kind == "inline" ? ComputeLimits.inlineCodeBytesMax : 2_048
        guard let text = fields.text(value, "\(what).\(kind)", max: max, example: "\"text\"") else {
            return nil
        }
        switch kind {
        case "inline": return .bytes(Array(text.utf8))
        case "file": return .file(text)
        case "dir": return .folder(text)
        case "blob", "tree":
            guard let raw = TextID.parse(kind == "blob" ? .blob : .tree, text) else {
                fields.report(
                    .badName(value.place, text, kind: kind, pattern: "\(kind)_ and 52 characters"))
                return nil
            }
            return kind == "blob" ? .blob(BlobID(raw)) : .tree(BlobID(raw))
        default: return pinned(text, value, all)
        }
    }

    mutating func pinned(_ url: String, _ node: ManifestNode, _ all: Fields) -> SourceRef.Kind? {
        guard let hash = all["sha256"] else {
            fields.report(.unpinned(node, url))
            return nil
        }
        guard let text = fields.text(hash, "sha256", max: 64, example: "64 hexadecimal digits")
        else { return nil }
        guard let raw = Bytes32(hex: text) else {
            fields.report(.badType(hash, "a sha256", example: "64 hexadecimal digits"))
            return nil
        }
        guard url.hasPrefix("https://") || url.hasPrefix("http://") else {
            fields.report(.badChoice(node, url, ["http://…", "https://…"]))
            return nil
        }
        return .url(url, sha256: raw)
    }

    mutating func readArguments(_ node: ManifestNode) {
        var total = 0
        for (text, item) in fields.texts(
            node, "run.args", max: ComputeLimits.argumentsMax,
            bytesMax: ComputeLimits.argumentBytesMax, example: "[\"--width\", \"640\"]")
        {
            let argument = filled(text, item)
            total += argument.utf8.count
            if argument.utf8.contains(0) {
                fields.report(.badType(item, "text without zero bytes", example: "\"text\""))
            }
            work.arguments.append(argument)
        }
        if total > ComputeLimits.argumentBytesTotalMax {
            fields.report(
                .outOfRange(
                    node.place, "size of run.args", "\(total)B", "0B",
                    Shown.size(UInt64(ComputeLimits.argumentBytesTotalMax)), isBytes: true))
        }
    }

    mutating func readEnvironment(_ node: ManifestNode) {
        var total = 0
        for entry in fields.entries(
            node, max: ComputeLimits.environmentMax, "run.env", example: "{MODE: fast}")
        {
            if !ManifestNames.isVariable(entry.key) {
                fields.report(
                    .badName(
                        entry.value.place, entry.key, kind: "environment",
                        pattern:
                            "capital letters, digits and \"_\", not starting LD_ PEERNODE_ GLIBC_ PYTHON"
                    ))
                continue
            }
            guard
                let value = fields.text(
                    entry.value, "run.env", max: ComputeLimits.environmentValueBytesMax,
                    example: "\"text\"")
            else { continue }
            total += entry.key.utf8.count + value.utf8.count
            environmentNodes.append((.init(name: entry.key, value: value), entry.value))
        }
        if total > ComputeLimits.environmentBytesTotalMax {
            fields.report(
                .outOfRange(
                    node.place, "size of run.env", "\(total)B", "0B",
                    Shown.size(UInt64(ComputeLimits.environmentBytesTotalMax)), isBytes: true))
        }
    }

    mutating func readStdin(_ node: ManifestNode) {
        guard let stdin = fields.fields(node, ["inline", "input"], example: "{inline: \"text\"}"),
            let (kind, value) = fields.requireOne(stdin, of: ["inline", "input"], isRequired: true)
        else { return }
        if kind == "input" {
            if let name = fields.text(value, "run.stdin.input", max: 64, example: "data") {
                stdinInput = (name, value)
                work.stdin = .input(name)
            }
            return
        }
        guard
            let text = fields.text(
                value, "run.stdin.inline", max: ComputeLimits.inlineValueBytesMax,
                example: "\"text\"")
        else { return }
        let bytes = Array(text.utf8)
        if bytes.isEmpty {
            work.stdin = .empty
        } else if bytes.count <= ComputeLimits.inPlaceBytesMax {
            work.stdin = .bytes(.inPlace(bytes))
        } else {
            addSource(.stdin, .bytes(bytes), value)
        }
    }
}
