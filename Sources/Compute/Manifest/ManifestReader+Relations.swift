import Basis
import Trust
import Verdict

/// What holds between fields: E120 and above, checked when each field by itself is right (`compute.md` 1.9).
extension ManifestReader {
    mutating func checkRelations(_ node: ManifestNode) {
        checkReplicas(node)
        checkComparison(node)
        checkTimes(node)
        checkProgram(node)
        for (variable, at) in environmentNodes where ManifestNames.looksSecret(variable.name) {
            fields.report(.secret(at.place, variable.name))
        }
        if let schema = resultSchema, schema.mentionsFractions, let at = node["outputs"]?["result"],
            work.runtime != .builtin, purchase.mode == .replicate, purchase.classRule == .any
        {
            fields.report(.floatExact(at.place))
        }
    }

    mutating func checkReplicas(_ node: ManifestNode) {
        if purchase.mode == .none || replicasAreAuto { return }
        let (r, q) = (UInt64(purchase.replicas), UInt64(purchase.quorum))
        let at = quorumNode ?? replicasNode ?? node
        if q < r / 2 + 1 || q > r {
            fields.report(.quorum(at.place, quorum: q, replicas: r))
        } else if q == 1 {
            fields.report(.quorumEven(at.place, quorum: q, replicas: r))
        }
    }

    mutating func checkComparison(_ node: ManifestNode) {
        let compare = compareIsJSON ? "json" : "exact"
        let at = compareNode ?? verifyNode ?? node
        if let ignoreNode, !ignore.isEmpty, !compareIsJSON {
            fields.report(.ignoredPointer(ignoreNode.place))
        }
        if compareIsJSON, let mode = resultMode, mode == .text || mode == ResultMode.none {
            let word = mode == .text ? "text" : "none"
            fields.report(
                .comparator(at.place, compare, reason: "outputs.result: \(word)", use: ["exact"]))
        }
        if work.determinism == Determinism.none, let determinismNode {
            if verifyNode == nil {
                fields.report(.verifyMissing(determinismNode.place, "determinism is \"none\""))
            } else if purchase.mode == .replicate {
                fields.report(.comparator(at.place, compare, reason: "determinism: none", use: []))
            }
        }
        if resultSchema != nil, let mode = resultMode, mode == .text || mode == ResultMode.none,
            let resultModeNode
        {
            fields.report(
                .badChoice(resultModeNode, mode == .text ? "text" : "none", ["auto", "json"]))
        }
    }

    /// The ledger wants `wall / 1000 + 5 ≤ lease` and `lease + 10 ≤ total`.
    mutating func checkTimes(_ node: ManifestNode) {
        let second = ManifestRanges.second
        let at = timeoutNode ?? node
        let total = purchase.totalNanoseconds
        if let lease = purchase.leaseNanoseconds {
            let leaseNode = timeoutNode?["lease"] ?? at
            if work.runNanoseconds + 5 * second > lease {
                fields.report(
                    .timeouts(
                        leaseNode.place, "timeout.run with 5s to start",
                        work.runNanoseconds + 5 * second, longerThan: "timeout.lease", lease))
            }
            if lease + 10 * second > total {
                fields.report(
                    .timeouts(
                        leaseNode.place, "timeout.lease with 10s to reveal", lease + 10 * second,
                        longerThan: "timeout.total", total))
            }
        } else if work.runNanoseconds + 15 * second > total {
            fields.report(
                .timeouts(
                    at.place, "timeout.run with 15s to start and reveal",
                    work.runNanoseconds + 15 * second, longerThan: "timeout.total", total))
        }
        let product = UInt128(work.runNanoseconds) * UInt128(work.cpuThousandths) / 1_000
        let natural = UInt64(min(product, UInt128(ManifestRanges.cpuTime.upperBound)))
        work.cpuNanoseconds = cpuTime ?? max(natural, ManifestRanges.cpuTime.lowerBound)
    }

    mutating func checkProgram(_ node: ManifestNode) {
        guard let sourceName else { return }
        let allowed = ["inline", "file", "dir", "blob", "tree", "url"]
        if work.runtime == .builtin || !allowed.contains(sourceName.kind) {
            fields.report(
                .sourceKind(
                    sourceName.place, runtime: work.runtime.id, kind: sourceName.kind,
                    allowed: work.runtime == .builtin ? [] : allowed))
        }
    }

    static let builtins = ["echo", "prime_search", "string_search"]

    /// E107 and its like that depend on the runtime.
    mutating func checkCompleteness(_ run: ManifestNode?) {
        guard let run, run["runtime"] != nil || runtimeFromSource != nil else { return }
        let isFolder = sourceName.map { $0.kind == "dir" || $0.kind == "tree" } ?? false
        switch work.runtime {
        case .builtin:
            if work.entry.isEmpty {
                fields.report(.missing(run.place, "entry", example: "entry: echo"))
            } else if work.entry == "embed" {
                later(run["entry"], "builtin embed")
            } else if !Self.builtins.contains(work.entry), let entry = run["entry"] {
                fields.report(.badChoice(entry, work.entry, Self.builtins))
            }
        case .python where run["source"] == nil:
            fields.report(.missing(run.place, "source", example: "source: {file: main.py}"))
        case .command where run["source"] == nil && run["args"] == nil:
            fields.report(.missing(run.place, "args", example: "args: [echo, hello]"))
        case .python, .command:
            if isFolder, work.entry.isEmpty {
                fields.report(.missing(run.place, "entry", example: "entry: main.py"))
            } else if isFolder, !SandboxPath.isBelow("/in/.app", "/in/.app/" + work.entry),
                let entry = run["entry"]
            {
                fields.report(.badPath(entry, work.entry, root: "/in/.app", name: "main.py"))
            }
        default: break
        }
    }
}
