public import Basis
import Verdict

// The texts of `compute.md` 1.9, each in one place. What a shell notices (YAML, files, URLs, credit) is made by the
// public functions at the end.
extension ManifestIssue {
    static func unknownField(_ place: Place, _ field: String, allowed: [String]) -> ManifestIssue {
        let fix =
            Suggestion.nearest(to: field, in: allowed).map { "did you mean \"\($0)\"?" }
            ?? "allowed here: \(Shown.list(allowed))"
        return ManifestIssue(
            .unknownField, place, "unknown field \"\(Shown.text(field))\"", fix: fix, found: field,
            allowed: allowed)
    }

    /// `type` and `example` as in `expected a list, found text "x"`, `write it as ["a"]`.
    static func badType(_ node: ManifestNode, _ type: String, example: String) -> ManifestIssue {
        let found: String
        switch node.content {
        case .scalar(let text, let isPlain):
            found = "\(isPlain ? PlainScalar.kind(text) : "text") \"\(Shown.text(text))\""
        case .sequence(let items): found = "list of \(items.count)"
        case .mapping(let entries): found = "mapping with \(entries.count) fields"
        }
        return ManifestIssue(
            .badType, node.place, "expected \(type), found \(found)", fix: "write it as \(example)",
            found: found)
    }

    static func needsUnit(_ node: ManifestNode, _ text: String, unit: String) -> ManifestIssue {
        let shown = Shown.text(text)
        return ManifestIssue(
            .badType, node.place, "\"\(shown)\" needs a unit", fix: "write \(shown)\(unit)",
            found: text)
    }

    static func outOfRange(
        _ place: Place, _ what: String, _ value: String, _ min: String, _ max: String,
        isBytes: Bool = false
    ) -> ManifestIssue {
        ManifestIssue(
            .outOfRange, place, "\(what) is \(Shown.text(value)), allowed are \(min) to \(max)",
            fix: isBytes ? "move large values into files or blobs" : "choose a value in that range",
            found: value)
    }

    static func tooLarge(_ bytes: Int) -> ManifestIssue {
        outOfRange(
            Place(pointer: "", line: 1, column: 1), "manifest size", "\(bytes)B", "1B",
            Shown.size(UInt64(ComputeLimits.manifestBytesMax)), isBytes: true)
    }

    static func unreadable(
        _ error: JSONError, bytes: [UInt8], lines: LineTable
    ) -> ManifestIssue {
        func place(_ offset: Int) -> Place {
            let (line, column) = lines.position(offset)
            return Place(pointer: "", line: line, column: column)
        }
        let reason: String
        switch error {
        case .duplicateKey(let key, let at, let first):
            return duplicateKey(place(at), key, firstLine: lines.position(first).0)
        case .tooDeep(let at):
            return outOfRange(
                place(at), "nesting depth", "more than \(CanonicalJSON.depthMax)", "1",
                "\(ComputeLimits.manifestDepthMax)")
        case .unexpected(let at) where at >= bytes.count: reason = "the text ends too early"
        case .unexpected(let at):
            let rest = String(decoding: bytes[at..<min(at + 4, bytes.count)], as: UTF8.self)
            reason = "unexpected \"\(Shown.text(String(rest.unicodeScalars.prefix(1))))\""
        case .trailing: reason = "more text after the end"
        case .badNumber: reason = "a number that is ill-formed or too long"
        case .badString: reason = "a text with a forbidden character or escape"
        }
        return notValid(
            format: "JSON", reason: reason, line: place(error.offset).line,
            column: place(error.offset).column)
    }

    static func duplicateKey(_ place: Place, _ key: String, firstLine: Int) -> ManifestIssue {
        ManifestIssue(
            .notReadable, place,
            "key \"\(Shown.text(key))\" appears twice, first on line \(firstLine)",
            fix: "keep one of them", found: key)
    }

    static let notAManifest = ManifestIssue(
        .notAManifest, Place(pointer: "", line: 1, column: 1),
        "this is neither a peernode manifest nor a known dialect",
        fix: "start with \"peernode: v1\"")

    static func badVersion(_ node: ManifestNode, _ version: String) -> ManifestIssue {
        ManifestIssue(
            .notAManifest, node.place, "manifest version \"\(Shown.text(version))\" is not known",
            fix: "start with \"peernode: v1\"", found: version, allowed: ["v1"])
    }

    /// A job file of another system that a later version will read (`compute.md` 2.1).
    static func dialect(_ place: Place, _ name: String) -> ManifestIssue {
        ManifestIssue(
            .notYet, place, "\"\(name)\" is not available in this version",
            fix: "write the job as a native manifest, starting with \"peernode: v1\"", found: name)
    }

    static func badChoice(_ node: ManifestNode, _ value: String, _ list: [String]) -> ManifestIssue
    {
        ManifestIssue(
            .badChoice, node.place, "\"\(Shown.text(value))\" is not one of \(Shown.list(list))",
            fix: "choose one of them", found: value, allowed: list)
    }

    static func missing(_ place: Place, _ field: String, example: String) -> ManifestIssue {
        ManifestIssue(
            .missingField, place, "required field \"\(field)\" is missing", fix: "add \(example)")
    }

    static func badName(
        _ place: Place, _ value: String, kind: String, pattern: String
    ) -> ManifestIssue {
        ManifestIssue(
            .badName, place, "\"\(Shown.text(value))\" is not a valid \(kind) name",
            fix: "use \(pattern)", found: value)
    }

    static func exclusive(_ place: Place, _ list: [String], found: [String]) -> ManifestIssue {
        ManifestIssue(
            .exclusive, place,
            "give exactly one of \(Shown.list(list)), found \(found.isEmpty ? "none" : Shown.list(found))",
            fix: "keep one of them", found: Shown.list(found), allowed: list)
    }

    static func unpinned(_ node: ManifestNode, _ url: String) -> ManifestIssue {
        ManifestIssue(
            .unpinned, node.place,
            "\"\(Shown.text(url))\" is not pinned, so replicas could see different bytes",
            fix: "add sha256", found: url)
    }

    static func badReference(_ node: ManifestNode, _ name: String) -> ManifestIssue {
        ManifestIssue(
            .badReference, node.place,
            "\"${inputs.\(Shown.text(name))}\" names no inline scalar input",
            fix: "declare inputs.\(Shown.text(name)) with a value, or remove it", found: name)
    }

    static func badPath(
        _ node: ManifestNode, _ path: String, root: String, name: String
    ) -> ManifestIssue {
        ManifestIssue(
            .badPath, node.place,
            "path \"\(Shown.text(path))\" must be absolute, below \(root) and without \"..\"",
            fix: "write it as \(root)/\(Shown.text(name))", found: path)
    }

    static func pathOverlap(_ place: Place, _ path: String, other: String) -> ManifestIssue {
        ManifestIssue(
            .pathOverlap, place, "\"\(Shown.text(path))\" overlaps with \(other)",
            fix: "give each its own path", found: path)
    }

    static func inputRefused(_ place: Place, _ name: String, reason: String) -> ManifestIssue {
        ManifestIssue(
            .inputRefused, place, "input \"\(Shown.text(name))\" is refused: \(reason)",
            fix: "give a value that fits its schema", found: name)
    }

    static func inputUnknown(_ place: Place, _ name: String, declared: [String]) -> ManifestIssue {
        ManifestIssue(
            .inputUnknown, place, "input \"\(Shown.text(name))\" is not declared",
            fix: "declared: \(declared.isEmpty ? "none" : Shown.list(declared))", found: name,
            allowed: declared)
    }

    static func quorum(_ place: Place, quorum: UInt64, replicas: UInt64) -> ManifestIssue {
        ManifestIssue(
            .quorum, place,
            "quorum \(quorum) is not between \(replicas / 2 + 1) and \(replicas) replicas",
            fix: "for n wrong peers choose replicas of at least 2n+1", found: "\(quorum)")
    }

    static func quorumEven(_ place: Place, quorum: UInt64, replicas: UInt64) -> ManifestIssue {
        ManifestIssue(
            .quorumEven, place,
            "with \(replicas) replicas and quorum \(quorum) one wrong peer decides alone",
            fix: "raise quorum, or write verify: {mode: none} if that is meant", found: "\(quorum)")
    }

    static func ignoredPointer(_ place: Place) -> ManifestIssue {
        ManifestIssue(
            .ignoredPointer, place, "ignore works only with compare: json",
            fix: "add compare: json, or remove ignore")
    }

    static func comparator(
        _ place: Place, _ comparator: String, reason: String, use list: [String]
    ) -> ManifestIssue {
        let choices = list.isEmpty ? "" : "\(Shown.list(list)), or "
        return ManifestIssue(
            .comparator, place, "comparator \(comparator) does not suit \(reason)",
            fix: "use \(choices)verify: {mode: none}", found: comparator, allowed: list)
    }

    static func verifyMissing(_ place: Place, _ why: String) -> ManifestIssue {
        ManifestIssue(
            .verifyMissing, place, "verify must be written out when \(why)",
            fix: "add a verify block")
    }

    static func timeouts(
        _ place: Place, _ a: String, _ x: UInt64, longerThan b: String, _ y: UInt64
    ) -> ManifestIssue {
        ManifestIssue(
            .timeouts, place,
            "\(a) \(Shown.duration(x)) is longer than \(b) \(Shown.duration(y))",
            fix: "shorten \(a), or raise \(b)", found: Shown.duration(x))
    }

    static func deadlinePast(_ place: Place, _ text: String) -> ManifestIssue {
        ManifestIssue(
            .timeouts, place, "deadline \(Shown.text(text)) is in the past",
            fix: "choose a later time", found: text)
    }

    static func secret(_ place: Place, _ name: String) -> ManifestIssue {
        ManifestIssue(
            .secret, place,
            "env \(Shown.text(name)) looks like a secret; replicas run on other people's machines",
            fix: "remove it", found: name)
    }

    static func sourceKind(
        _ place: Place, runtime: String, kind: String, allowed: [String]
    ) -> ManifestIssue {
        ManifestIssue(
            .sourceKind, place, "runtime \(runtime) cannot take a source of kind \(kind)",
            fix: "allowed: \(allowed.isEmpty ? "none" : Shown.list(allowed))", found: kind,
            allowed: allowed)
    }

    static func privateJob(_ place: Place) -> ManifestIssue {
        ManifestIssue(
            .privateJob, place, "private jobs are reserved for a later version", fix: "remove it")
    }

    static func notYet(_ place: Place, _ what: String) -> ManifestIssue {
        ManifestIssue(
            .notYet, place, "\"\(Shown.text(what))\" is not available in this version",
            fix: "remove it", found: what)
    }

    static func floatExact(_ place: Place) -> ManifestIssue {
        ManifestIssue(
            .floatExact, place, "fractions from a native runtime are compared bit by bit",
            fix: "replicas stay in one class; or use compare numeric")
    }

    static func unusedFile(_ file: String, name: String) -> ManifestIssue {
        let shown = Shown.text(file)
        return ManifestIssue(
            .unusedFile, Place(pointer: "/run/args", line: 0, column: 0),
            "\"\(shown)\" exists here but is not part of the job",
            fix: "add --in \(shown):\(name) and use /in/\(name)", found: file)
    }
}

/// What shells notice.
extension ManifestIssue {
    /// E103: the text is no JSON or YAML.
    public static func notValid(
        format: String, reason: String, line: Int, column: Int
    ) -> ManifestIssue {
        ManifestIssue(
            .notReadable, Place(pointer: "", line: line, column: column),
            "not valid \(format): \(reason)", fix: "correct the text at this place")
    }

    /// E103: YAML that a manifest may not use; `what` is one of alias, anchor, tag, merge key, directive, …
    public static func unsupportedYAML(
        _ what: String, pointer: String, line: Int, column: Int
    ) -> ManifestIssue {
        ManifestIssue(
            .notReadable, Place(pointer: pointer, line: line, column: column),
            "\(what) is not supported", fix: "write the value out in full", found: what)
    }

    /// E103: a key that stands twice in one mapping.
    public static func duplicateKey(
        _ key: String, pointer: String, line: Int, column: Int, firstLine: Int
    ) -> ManifestIssue {
        duplicateKey(Place(pointer: pointer, line: line, column: column), key, firstLine: firstLine)
    }

    /// E112: a source that the resolver cannot use; `why` is `not found`, `not readable`, `outside the manifest's
    /// folder` or `in no store`.
    public static func sourceMissing(_ source: SourceRef, path: String, why: String)
        -> ManifestIssue
    {
        ManifestIssue(
            .sourceMissing, source.place, "\"\(Shown.text(path))\" cannot be used: \(why)",
            fix: "check the path, relative to the manifest; see --allow-dir", found: path)
    }

    /// E340: fetched bytes are not those that the manifest pins.
    public static func hashMismatch(
        _ source: SourceRef, url: String, found: String, wanted: String
    ) -> ManifestIssue {
        ManifestIssue(
            .hashMismatch, source.place,
            "\"\(Shown.text(url))\" has sha256 \(found), the manifest says \(wanted)",
            fix: "check the source, then correct the hash", found: found)
    }

    /// E140: no standing offer fits. `lacks` are (offers, what they lack), most first.
    public static func unsatisfiable(
        offers: Int, lacks: [(count: Int, what: String)], nearest: String, queueNanoseconds: UInt64
    ) -> ManifestIssue {
        let causes = lacks.map { ", \($0.count) lack \($0.what)" }.joined()
        return ManifestIssue(
            .unsatisfiable, Place(pointer: "", line: 1, column: 1),
            "no standing offer fits: \(offers) offers\(causes)",
            fix: "\(nearest); or --allow-wait to wait \(Shown.duration(queueNanoseconds))")
    }

    /// E501: the account cannot hold what the job reserves.
    public static func insufficientCredit(holds: CreditAmount, reserves: CreditAmount)
        -> ManifestIssue
    {
        ManifestIssue(
            .insufficientCredit, Place(pointer: "", line: 1, column: 1),
            "the account holds \(Shown.credit(holds)), this job reserves \(Shown.credit(reserves))",
            fix: "lower replicas or cost, or receive credit", found: Shown.credit(holds))
    }

    /// E502: the cheapest way to run the job costs more than the author allows.
    public static func overBudget(estimate: CreditAmount, costMax: CreditAmount) -> ManifestIssue {
        ManifestIssue(
            .overBudget, Place(pointer: "/cost/max", line: 1, column: 1),
            "the cheapest estimate is \(Shown.credit(estimate)), cost.max is \(Shown.credit(costMax))",
            fix: "raise cost.max or lower replicas", found: Shown.credit(estimate))
    }

    /// E150 for a deadline that lies before the submission.
    public static func deadlineInPast(_ text: String) -> ManifestIssue {
        deadlinePast(Place(pointer: "/schedule/deadline", line: 1, column: 1), text)
    }
}

/// "Did you mean": the one allowed name of least edit distance, if that is at most 2.
enum Suggestion {
    static func nearest(to word: String, in names: [String]) -> String? {
        let distances = names.map { distance(Array(word.utf8), Array($0.utf8)) }
        guard let least = distances.min(), least <= 2 else { return nil }
        let best = names.indices.filter { distances[$0] == least }
        return best.count == 1 ? names[best[0]] : nil
    }

    /// Levenshtein distance; anything longer than 64 bytes is far from every name.
    static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        if a.count > 64 { return .max }
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var last = i
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let kept = row[j + 1]
                row[j + 1] = min(kept + 1, row[j] + 1, last + (x == y ? 0 : 1))
                last = kept
            }
        }
        return row[b.count]
    }
}
