import Basis
import Trust
import Verdict

/// `inputs` and `outputs`.
extension ManifestReader {
    static let inputKinds = ["value", "file", "dir", "blob", "tree", "url", "job"]
    static let inputFields =
        inputKinds + ["sha256", "output", "schema", "required", "default", "at"]

    mutating func readInputs(_ node: ManifestNode?, place: Place) {
        var entries: [ManifestNode.Entry] = []
        if let node {
            entries = fields.entries(
                node, max: ComputeLimits.inputsMax, "inputs", example: "{width: {value: 640}}")
        }
        inputNames = entries.map(\.key)
        for entry in entries { readInput(entry) }
        for parameter in parameters
        where !inputNames.contains(where: { $0.isSameBytes(as: parameter.name) }) {
            let place = Place(pointer: "/inputs", line: 0, column: 0)
            fields.report(.inputUnknown(place, parameter.name, declared: inputNames))
        }
    }

    mutating func readInput(_ entry: ManifestNode.Entry) {
        let name = entry.key
        guard ManifestNames.isInput(name) else {
            fields.report(
                .badName(
                    entry.value.place, name, kind: "input",
                    pattern: "letters, digits and \"_\", not a digit first, at most 64"))
            return
        }
        guard
            let input = fields.fields(entry.value, Self.inputFields, example: "{value: 640}")
        else { return }
        let mount = readMount(input, name)
        let schema = input["schema"].flatMap { readSchema($0) }
        let isRequired = input["required"].flatMap { fields.flag($0) } ?? false
        let given = parameters.last { $0.name.isSameBytes(as: name) }
        guard let given else {
            readContent(input, name, mount: mount, schema: schema, isRequired: isRequired)
            return
        }
        _ = fields.requireOne(input, of: Self.inputKinds, isRequired: false)
        addValue(given.value, name, mount, schema, entry.value)
    }

    mutating func readContent(
        _ input: Fields, _ name: String, mount: String, schema: ValueSchema?, isRequired: Bool
    ) {
        let one = fields.requireOne(input, of: Self.inputKinds, isRequired: false)
        guard let (kind, value) = one else {
            if Self.inputKinds.contains(where: { input[$0] != nil }) { return }
            if let node = input["default"] {
                if let value = fields.value(node) { addValue(value, name, mount, schema, node) }
            } else if let fallback = schema?.fallback {
                addValue(fallback, name, mount, schema, input.node)
            } else if isRequired {
                fields.report(.inputRefused(input.node.place, name, reason: "a value is required"))
            }
            return
        }
        switch kind {
        case "job": later(value, "inputs.\(name).job")
        case "value":
            if let json = fields.value(value) { addValue(json, name, mount, schema, value) }
        default:
            guard let content = content(kind, value, input, "inputs.\(name)") else { return }
            // What stands here until the resolver has looked; it is always replaced.
            work.inputs.append(.init(name: name, content: .json(.inPlace([])), mount: mount))
            addSource(.input(name), content, value)
        }
    }

    mutating func addValue(
        _ value: JSONValue, _ name: String, _ mount: String, _ schema: ValueSchema?,
        _ node: ManifestNode
    ) {
        values[name] = value
        do throws(ValueSchema.Violation) {
            try schema?.check(value)
        } catch {
            let at = error.pointer.isEmpty ? "" : "at \(error.pointer) "
            fields.report(.inputRefused(node.place, name, reason: at + error.reason))
            return
        }
        let bytes = CanonicalJSON.bytes(value)
        if bytes.count > ComputeLimits.inlineValueBytesMax {
            fields.report(
                .outOfRange(
                    node.place, "size of inputs.\(name)", "\(bytes.count)B", "1B",
                    Shown.size(UInt64(ComputeLimits.inlineValueBytesMax)), isBytes: true))
            return
        }
        work.inputs.append(.init(name: name, content: .json(.inPlace(bytes)), mount: mount))
        if bytes.count > ComputeLimits.inPlaceBytesMax {
            work.inputs[work.inputs.count - 1].content = .json(.inPlace([]))
            addSource(.input(name), .bytes(bytes), node)
        }
    }

    mutating func readMount(_ input: Fields, _ name: String) -> String {
        let standard = "/in/\(name)"
        var mount = standard
        if let node = input["at"],
            let path = fields.text(node, "inputs.\(name).at", max: 1_024, example: standard)
        {
            if SandboxPath.isBelow("/in", path),
                !["/in/inputs.json", "/in/.program", "/in/.app"].contains(path)
            {
                mount = path
            } else {
                fields.report(.badPath(node, path, root: "/in", name: name))
            }
        }
        let place = input["at"]?.place ?? input.node.place
        if let other = mounts.first(where: { SandboxPath.overlap($0.path, mount) }) {
            fields.report(.pathOverlap(place, mount, other: other.place.pointer))
        }
        mounts.append((mount, place))
        return mount
    }

    /// Reports what is wrong with a schema at the keyword concerned.
    mutating func readSchema(_ node: ManifestNode) -> ValueSchema? {
        guard let value = fields.value(node) else { return nil }
        do throws(ValueSchema.Problem) {
            return try ValueSchema(value)
        } catch {
            let at = node.node(at: error.path)
            switch error.reason {
            case .unknownKeyword(let word):
                fields.report(.unknownField(at.place, word, allowed: ValueSchema.keywords))
            case .badType(let type):
                fields.report(.badType(at, type, example: "{type: integer, minimum: 1}"))
            }
            return nil
        }
    }

    mutating func readOutputs(_ node: ManifestNode) {
        guard let outputs = fields.fields(node, ["result", "files"], example: "{result: json}")
        else { return }
        if let result = outputs["result"] { readResult(result) }
        guard let files = outputs["files"] else { return }
        var places: [(rule: OutputFileRule, place: Place)] = []
        for item in fields.items(
            files, max: ComputeLimits.outputFilesMax, "outputs.files",
            example: "[{name: picture, path: /out/heat.png}]")
        {
            guard let rule = readFile(item) else { continue }
            if let other = places.first(where: { SandboxPath.overlap($0.rule.path, rule.path) }) {
                fields.report(.pathOverlap(item.place, rule.path, other: other.place.pointer))
            } else if places.contains(where: { $0.rule.name == rule.name }) {
                fields.report(
                    .badName(item.place, rule.name, kind: "output", pattern: "each name once"))
            }
            places.append((rule, item.place))
        }
        work.files = places.map(\.rule).sorted { $0.path.asBytes < $1.path.asBytes }
    }

    mutating func readFile(_ node: ManifestNode) -> OutputFileRule? {
        let allowed = ["name", "path", "max", "optional"]
        guard
            let file = fields.fields(node, allowed, example: "{name: picture, path: /out/heat.png}")
        else { return nil }
        guard let nameNode = file["name"] else {
            fields.report(.missing(node.place, "name", example: "name: picture"))
            return nil
        }
        guard let pathNode = file["path"] else {
            fields.report(.missing(node.place, "path", example: "path: /out/heat.png"))
            return nil
        }
        guard let name = fields.text(nameNode, "name", max: 64, example: "picture"),
            let path = fields.text(pathNode, "path", max: 1_024, example: "/out/heat.png")
        else { return nil }
        let isName = ManifestNames.isTag(String(name.prefix(24))) && name != "result"
        if !isName {
            fields.report(
                .badName(
                    nameNode.place, name, kind: "output",
                    pattern: "letters, digits, \".\", \"_\" and \"-\", but not \"result\""))
        }
        if !SandboxPath.isBelow("/out", path) {
            let last = String(path.split(separator: "/").last { $0 != ".." } ?? "file")
            fields.report(.badPath(pathNode, path, root: "/out", name: last))
            return nil
        }
        let max = file["max"].flatMap {
            fields.size($0, "outputs.files.max", 1...ComputeLimits.artifactBytesMax)
        }
        let isOptional = file["optional"].flatMap { fields.flag($0) } ?? false
        return OutputFileRule(
            name: name, path: path, bytesMax: max ?? ComputeLimits.artifactBytesDefault,
            isOptional: isOptional)
    }

    mutating func readResult(_ node: ManifestNode) {
        var modeNode = node
        if case .mapping = node.content {
            guard
                let result = fields.fields(
                    node, ["mode", "schema", "max"], example: "{mode: json}")
            else { return }
            if let schema = result["schema"] {
                resultSchema = readSchema(schema)
                if resultSchema != nil, let value = fields.value(schema) {
                    let bytes = CanonicalJSON.bytes(value)
                    if bytes.count <= ComputeLimits.inPlaceBytesMax {
                        work.resultSchema = .inPlace(bytes)
                    } else {
                        addSource(.resultSchema, .bytes(bytes), schema)
                    }
                }
            }
            if let max = result["max"],
                let bytes = fields.size(max, "outputs.result.max", 1...ComputeLimits.resultBytesMax)
            {
                work.resultBytesMax = bytes
            }
            guard let mode = result["mode"] else { return }
            modeNode = mode
        }
        resultModeNode = modeNode
        switch fields.choice(modeNode, ["text", "auto", "json", "none"]) {
        case "text": resultMode = .text
        case "auto": resultMode = .auto
        case "json": resultMode = .json
        case "none": resultMode = ResultMode.none
        default: break
        }
    }

    /// The mode that stands if none was written; a schema needs JSON.
    mutating func finishResult() {
        if let resultMode {
            work.resultMode = resultMode
        } else if work.runtime == .builtin {
            work.resultMode = .json
        } else if compareIsJSON || resultSchema != nil {
            work.resultMode = .auto
        } else {
            work.resultMode = .text
        }
    }
}
