import Basis
import Trust
import Verdict

/// Reads the fields of a native manifest into a draft job.
struct ManifestReader {
    var fields = FieldReader()
    var work = Work()
    var purchase = Purchase()
    var sources: [SourceRef] = []
    var replicasAreAuto = false
    var description = ""
    let fileName: String
    let parameters: [InputParameter]
    /// The account that a text names; nil if it is none.
    let account: (String) -> PublicKey?

    /// Values of inline inputs by name, for `${inputs.x}`.
    var values: [String: JSONValue] = [:]
    var inputNames: [String] = []
    /// Argument and environment texts to be filled in after inputs were read.
    var environmentNodes: [(Work.Variable, ManifestNode)] = []
    /// Input that stdin names, with its place.
    var stdinInput: (name: String, node: ManifestNode)?

    // What was written, for checks between fields.
    var resultModeNode: ManifestNode?
    var resultMode: ResultMode?
    var resultSchema: ValueSchema?
    var compareNode: ManifestNode?
    var compareIsJSON = false
    var ignoreNode: ManifestNode?
    var ignore: [Path] = []
    var verifyNode: ManifestNode?
    var quorumNode: ManifestNode?
    var replicasNode: ManifestNode?
    var determinismNode: ManifestNode?
    var isolationNode: ManifestNode?
    var sourceName: (kind: String, place: Place)?
    var mounts: [(path: String, place: Place)] = []
    var isolation: IsolationLevel?
    var timeoutNode: ManifestNode?
    var replicas: UInt64?
    var quorum: UInt64?
    var maxExecutions: UInt64?
    var cpuTime: UInt64?

    static let topLevel = [
        "peernode", "name", "description", "labels", "run", "inputs", "outputs", "resources",
        "determinism", "network", "place", "verify", "cost", "retry", "timeout", "schedule",
        "cache", "map", "keep", "private",
    ]

    init(
        fileName: String, parameters: [InputParameter], account: @escaping (String) -> PublicKey?
    ) {
        self.fileName = fileName
        self.parameters = parameters
        self.account = account
    }

    mutating func readAll(_ node: ManifestNode) {
        guard let top = fields.fields(node, Self.topLevel, example: "peernode: v1") else { return }
        readNames(top)
        readInputs(top["inputs"], place: node.place)
        if let run = top["run"] {
            readRun(run)
        } else {
            fields.report(
                .missing(node.place, "run", example: "run: {runtime: command, args: [echo, hello]}")
            )
        }
        if let outputs = top["outputs"] { readOutputs(outputs) }
        if let resources = top["resources"] { readResources(resources) }
        if let place = top["place"] { readPlace(place) }
        if let verify = top["verify"] { readVerify(verify) }
        if let cost = top["cost"] { readCost(cost) }
        if let timeout = top["timeout"] { readTimeout(timeout) }
        if let schedule = top["schedule"] { readSchedule(schedule) }
        readRest(top)
        finish()
        checkCompleteness(top["run"])
    }

    /// A field of stage 2: known, and answered with E191.
    mutating func later(_ node: ManifestNode?, _ name: String) {
        if let node { fields.report(.notYet(node.place, name)) }
    }

    mutating func addSource(_ role: SourceRef.Role, _ kind: SourceRef.Kind, _ node: ManifestNode) {
        sources.append(
            SourceRef(
                index: sources.count, role: role, kind: kind, pointer: node.pointer,
                line: node.line, column: node.column))
    }

    mutating func readNames(_ top: Fields) {
        purchase.name = ManifestNames.job(from: fileName)
        if let node = top["name"],
            let name = fields.text(node, "name", max: 256, example: "heatmap")
        {
            if ManifestNames.isJob(name) {
                purchase.name = name
            } else {
                fields.report(
                    .badName(
                        node.place, name, kind: "job",
                        pattern: "1 to 63 lower-case letters, digits and \"-\", not \"-\" first"))
            }
        }
        if let node = top["description"] {
            description = fields.text(node, "description", max: 1_024, example: "\"text\"") ?? ""
        }
        guard let node = top["labels"] else { return }
        for entry in fields.entries(
            node, max: ComputeLimits.labelsMax, "labels", example: "{team: red}")
        {
            if entry.key.utf8.count > 63 || entry.key.isEmpty {
                fields.report(
                    .badName(
                        entry.value.place, entry.key, kind: "label", pattern: "1 to 63 bytes"))
            }
            if let value = fields.text(entry.value, "label", max: 255, example: "\"text\"") {
                purchase.labels.append(.init(key: entry.key, value: value))
            }
        }
        purchase.labels.sort { $0.key.asBytes < $1.key.asBytes }
    }

    mutating func readRest(_ top: Fields) {
        if let node = top["determinism"] {
            determinismNode = node
            if let word = fields.choice(node, ["strict", "class", "none"]) {
                work.determinism =
                    word == "strict" ? .strict : word == "class" ? .equivalenceClass : .none
            }
        }
        if let node = top["network"] {
            if case .scalar("none", _) = node.content {} else { later(node, "network") }
        }
        later(top["retry"], "retry")
        later(top["map"], "map")
        if let node = top["cache"],
            let word = fields.choice(node, ["auto", "off", "refresh", "only"])
        {
            switch word {
            case "auto": purchase.cache = .auto
            case "off": purchase.cache = .off
            default: later(node, "cache: \(word)")
            }
        }
        if let node = top["keep"],
            let keep = fields.fields(node, ["results", "logs"], example: "{results: 30d}")
        {
            if let node = keep["results"],
                let time = fields.duration(node, "keep.results", ManifestRanges.keep)
            {
                purchase.keepResultsNanoseconds = time
            }
            if let node = keep["logs"],
                let time = fields.duration(node, "keep.logs", ManifestRanges.keep)
            {
                purchase.keepLogsNanoseconds = time
            }
        }
        if let node = top["private"], fields.flag(node) == true {
            fields.report(.privateJob(node.place))
        }
    }

    /// Fills in what depends on several fields, once all are read.
    mutating func finish() {
        work.environment = environmentNodes.map { variable, node in
            Work.Variable(name: variable.name, value: filled(variable.value, node))
        }.sorted { $0.name.asBytes < $1.name.asBytes }
        if let stdin = stdinInput, !inputNames.contains(stdin.name) {
            fields.report(.inputUnknown(stdin.node.place, stdin.name, declared: inputNames))
        }
        if determinismNode == nil {
            work.determinism = work.runtime == .builtin ? .strict : .equivalenceClass
        }
        let natural: IsolationLevel = work.runtime == .builtin ? .builtinOnly : .full
        work.isolation = max(natural, isolation ?? natural)
        if let isolation, let node = isolationNode, isolation < natural {
            let word = isolation == .wasmOnly ? "wasm_only" : "builtin_only"
            later(node, "place.isolation: \(word)")
        }
        finishResult()
        finishComparator()
        finishReplicas()
    }

    /// Replaces `${inputs.x}` by inline scalars; anything else that begins `${` stands as it is.
    mutating func filled(_ text: String, _ node: ManifestNode) -> String {
        let opening = Array("${inputs.".utf8)
        let bytes = Array(text.utf8)
        var out: [UInt8] = []
        var i = 0
        while i < bytes.count {
            guard bytes[i] == opening[0], bytes[i...].starts(with: opening),
                let end = bytes[i...].firstIndex(of: 0x7d)
            else {
                out.append(bytes[i])
                i += 1
                continue
            }
            let name = String(decoding: bytes[(i + opening.count)..<end], as: UTF8.self)
            switch values[name] {
            case .string(let text)?: out += Array(text.utf8)
            case .number(let number)?: out += Array(number.text.utf8)
            case .bool(let flag)?: out += Array((flag ? "true" : "false").utf8)
            case .null?: out += Array("null".utf8)
            default: fields.report(.badReference(node, name))
            }
            i = end + 1
        }
        return String(decoding: out, as: UTF8.self)
    }
}
