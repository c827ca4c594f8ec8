extension ErrorCatalogue {
    /// What is wrong or doubtful in a job file (`compute.md` 1.9 and 2.5).
    static let manifestEntries: [Entry] = [
        Entry(
            code: "E101", name: "unknownField", status: 422, exit: 65,
            title: "unknown field",
            cause: "A manifest is refused with: unknown field \"{f}\"",
            example: "",
            remedy: "did you mean \"{g}\"? or allowed here: {list}"),
        Entry(
            code: "E102", name: "badType", status: 422, exit: 65,
            title: "wrong type",
            cause:
                "A manifest is refused with: expected {type}, found {type} {value} / \"{v}\" needs a "
                + "unit",
            example: "",
            remedy: "write it as {example}; write {v}MiB, write {v}s"),
        Entry(
            code: "E103", name: "notReadable", status: 422, exit: 65,
            title: "not readable",
            cause:
                "A manifest is refused with: not valid {YAML, JSON}: {reason} / {alias, tag, …} is "
                + "not supported / key \"{k}\" appears twice, first on line {n}",
            example: "",
            remedy: "correct the text at this place; write the value out in full; keep one of them"),
        Entry(
            code: "E104", name: "outOfRange", status: 422, exit: 65,
            title: "out of range",
            cause: "A manifest is refused with: {what} is {v}, allowed are {min} to {max}",
            example: "",
            remedy: "choose a value in that range; for bytes move large values into files or blobs"),
        Entry(
            code: "E105", name: "notAManifest", status: 422, exit: 65,
            title: "not a manifest",
            cause:
                "A manifest is refused with: this is neither a peernode manifest nor a known dialect "
                + "/ manifest version \"{v}\" is not known",
            example: "",
            remedy: "start with \"peernode: v1\""),
        Entry(
            code: "E106", name: "badChoice", status: 422, exit: 65,
            title: "not one of the choices",
            cause: "A manifest is refused with: \"{v}\" is not one of {list}",
            example: "",
            remedy: "choose one of them"),
        Entry(
            code: "E107", name: "missingField", status: 422, exit: 65,
            title: "missing field",
            cause: "A manifest is refused with: required field \"{f}\" is missing",
            example: "",
            remedy: "add {example}"),
        Entry(
            code: "E108", name: "badName", status: 422, exit: 65,
            title: "not a valid name",
            cause: "A manifest is refused with: \"{v}\" is not a valid {kind} name",
            example: "",
            remedy: "use {pattern in words}"),
        Entry(
            code: "E109", name: "exclusive", status: 422, exit: 65,
            title: "exactly one is needed",
            cause: "A manifest is refused with: give exactly one of {list}, found {found}",
            example: "",
            remedy: "keep one of them"),
        Entry(
            code: "E110", name: "unpinned", status: 422, exit: 65,
            title: "not pinned",
            cause:
                "A manifest is refused with: \"{url}\" is not pinned, so replicas could see different "
                + "bytes",
            example: "",
            remedy: "add sha256"),
        Entry(
            code: "E111", name: "badReference", status: 422, exit: 65,
            title: "reference to nothing",
            cause: "A manifest is refused with: \"${inputs.{x}}\" names no inline scalar input",
            example: "",
            remedy: "declare inputs.{x} with a value, or remove it"),
        Entry(
            code: "E112", name: "sourceMissing", status: 422, exit: 65,
            title: "source missing",
            cause:
                "A manifest is refused with: \"{p}\" cannot be used: {not found, not readable, outside "
                + "the manifest's folder, in no store}",
            example: "",
            remedy: "check the path, relative to the manifest; see --allow-dir"),
        Entry(
            code: "E113", name: "badPath", status: 422, exit: 65,
            title: "not a valid path",
            cause:
                "A manifest is refused with: path \"{p}\" must be absolute, below {root} and without "
                + "\"..\"",
            example: "",
            remedy: "write it as {root}/{name}"),
        Entry(
            code: "E114", name: "pathOverlap", status: 422, exit: 65,
            title: "paths overlap",
            cause: "A manifest is refused with: \"{p}\" overlaps with {other pointer}",
            example: "",
            remedy: "give each its own path"),
        Entry(
            code: "E115", name: "inputRefused", status: 422, exit: 65,
            title: "input refused",
            cause:
                "A manifest is refused with: input \"{n}\" is refused: {author's message, or reason}",
            example: "",
            remedy: "give a value that fits its schema"),
        Entry(
            code: "E116", name: "inputUnknown", status: 422, exit: 65,
            title: "input not declared",
            cause: "A manifest is refused with: input \"{n}\" is not declared",
            example: "",
            remedy: "declared: {list}"),
        Entry(
            code: "E120", name: "quorum", status: 422, exit: 65,
            title: "quorum does not fit",
            cause:
                "A manifest is refused with: quorum {q} is not between {⌊r/2⌋+1} and {r} replicas",
            example: "",
            remedy: "for n wrong peers choose replicas of at least 2n+1"),
        Entry(
            code: "E121", name: "quorumEven", status: 422, exit: 65,
            title: "quorum too weak",
            cause:
                "A manifest is refused with: with {r} replicas and quorum {q} one wrong peer decides "
                + "alone",
            example: "",
            remedy: "raise quorum, or write verify: {mode: none} if that is meant"),
        Entry(
            code: "E130", name: "ignoredPointer", status: 422, exit: 65,
            title: "ignore without JSON",
            cause: "A manifest is refused with: ignore works only with compare: json",
            example: "",
            remedy: "add compare: json, or remove ignore"),
        Entry(
            code: "E133", name: "numericWide", status: 422, exit: 65,
            title: "too many numbers",
            cause:
                "A manifest is refused with: numeric compares at most 64 numbers, \"at\" names {n}",
            example: "",
            remedy: "name fewer, or print a summary"),
        Entry(
            code: "E134", name: "comparator", status: 422, exit: 65,
            title: "comparator does not suit",
            cause: "A manifest is refused with: comparator {k} does not suit {reason}",
            example: "",
            remedy: "use {list}, or verify: {mode: none}"),
        Entry(
            code: "E135", name: "verifyMissing", status: 422, exit: 65,
            title: "verify must be written out",
            cause: "A manifest is refused with: verify must be written out when {network is used, "
                + "determinism is \"none\"}",
            example: "",
            remedy: "add a verify block"),
        Entry(
            code: "E140", name: "unsatisfiable", status: 409, exit: 7,
            title: "no offer fits",
            cause:
                "A manifest is refused with: no standing offer fits: {n} offers, {k1} lack {r1}, {k2} "
                + "lack {r2}",
            example: "",
            remedy: "{nearest miss}; or --allow-wait to wait {queue}"),
        Entry(
            code: "E150", name: "timeouts", status: 422, exit: 65,
            title: "timeouts contradict",
            cause:
                "A manifest is refused with: {a} {x} is longer than {b} {y} / deadline {t} is in the "
                + "past",
            example: "",
            remedy: "shorten {a}, or raise {b}; choose a later time"),
        Entry(
            code: "E160", name: "secret", status: 422, exit: 65,
            title: "looks like a secret",
            cause:
                "A manifest is refused with: env {NAME} looks like a secret / replicas run on other "
                + "people's machines",
            example: "",
            remedy: "remove it"),
        Entry(
            code: "E171", name: "sourceKind", status: 422, exit: 65,
            title: "source of a wrong kind",
            cause: "A manifest is refused with: runtime {r} cannot take a source of kind {k}",
            example: "",
            remedy: "allowed: {list}"),
        Entry(
            code: "E172", name: "notWasm", status: 422, exit: 65,
            title: "not WebAssembly",
            cause: "A manifest is refused with: not a WebAssembly module: {reason}",
            example: "",
            remedy: "compile for wasm32-wasi"),
        Entry(
            code: "E173", name: "wasmImport", status: 422, exit: 65,
            title: "import not offered",
            cause:
                "A manifest is refused with: the module imports {module}.{name}, which is not offered",
            example: "",
            remedy: "only WASI preview 1 is offered; rebuild browser modules for WASI"),
        Entry(
            code: "E174", name: "wasmExport", status: 422, exit: 65,
            title: "export missing",
            cause: "A manifest is refused with: the module does not export \"{e}\"",
            example: "",
            remedy: "exports: {list}"),
        Entry(
            code: "E175", name: "image", status: 422, exit: 65,
            title: "image refused",
            cause: "A manifest is refused with: image is refused: {reason}",
            example: "",
            remedy: "save it again as an OCI layout or with docker save"),
        Entry(
            code: "E190", name: "private", status: 422, exit: 65,
            title: "private jobs are reserved",
            cause: "A manifest is refused with: private jobs are reserved for a later version",
            example: "",
            remedy: "remove it"),
        Entry(
            code: "E191", name: "notYet", status: 422, exit: 65,
            title: "not available in this version",
            cause: "A manifest is refused with: \"{f}\" is not available in this version",
            example: "",
            remedy: "remove it"),
        Entry(
            code: "E201", name: "streamTask", status: 422, exit: 65,
            title: "streams are not available",
            cause:
                "A manifest is refused with: stream-reactive tasks are not available in this version",
            example: "",
            remedy: "submit it as one_shot, or wait for stream support"),
        Entry(
            code: "E202", name: "sharedStore", status: 422, exit: 65,
            title: "shared store is not available",
            cause:
                "A manifest is refused with: input \"{n}\" reads key \"{k}\" of a shared store, which is "
                + "not available in this version",
            example: "",
            remedy: "give the value with --param and type: json"),
        Entry(
            code: "E203", name: "inlineRust", status: 422, exit: 65,
            title: "inline Rust is not offered",
            cause: "A manifest is refused with: inline Rust would need a compiler on every worker",
            example: "",
            remedy: "compile it to WebAssembly (wasm32-wasi) and use type: wasm"),
        Entry(
            code: "E204", name: "codeUnpinned", status: 422, exit: 65,
            title: "code is not pinned",
            cause:
                "A manifest is refused with: \"{url}\" has no sha256 or commit, so replicas could run "
                + "different code",
            example: "",
            remedy: "add sha256 beside url, or submit with --code FILE"),
        Entry(
            code: "E205", name: "noLimit", status: 422, exit: 65,
            title: "no limit is not offered",
            cause:
                "A manifest is refused with: timeout_seconds: 0 means no limit, which is not offered",
            example: "",
            remedy: "write 1 to 604800 seconds"),
        Entry(
            code: "E206", name: "wasmNetwork", status: 422, exit: 65,
            title: "no network inside WebAssembly",
            cause: "A manifest is refused with: networking inside WebAssembly is not offered",
            example: "",
            remedy: "set allow_networking to false and pass the data as an input"),
        Entry(
            code: "E207", name: "mixedRuntimes", status: 422, exit: 65,
            title: "steps differ in runtime",
            cause: "A manifest is refused with: steps use different runtimes: {list}",
            example: "",
            remedy: "use one runtime, or write a workflow"),
        Entry(
            code: "E208", name: "workflowFeature", status: 422, exit: 65,
            title: "workflow feature",
            cause: "A manifest is refused with: \"{condition or source}\" is a workflow feature",
            example: "",
            remedy: "remove it, or write a workflow"),
        Entry(
            code: "E209", name: "computeLogic", status: 422, exit: 65,
            title: "both or neither given",
            cause:
                "A manifest is refused with: {both, or neither} of compute_logic and tasks {are, is} "
                + "present",
            example: "",
            remedy: "keep exactly one of them"),
        Entry(
            code: "E210", name: "imageMissing", status: 422, exit: 65,
            title: "image not in the store",
            cause: "A manifest is refused with: image \"{name}\" is not in the local store",
            example: "",
            remedy: "run \"peernode image add {name} FILE\" with an OCI layout or a saved image"),
        Entry(
            code: "E211", name: "computeType", status: 422, exit: 65,
            title: "unknown compute type",
            cause: "A manifest is refused with: compute type \"{t}\" is not known",
            example: "",
            remedy: "use expression, script, docker or wasm"),
        Entry(
            code: "W203", name: "floatExact", status: nil, exit: 0,
            title: "fractions compared bit by bit",
            cause: "A manifest is accepted with the warning: fractions from a native runtime are "
                + "compared bit by bit",
            example: "",
            remedy: "replicas stay in one class; or use compare numeric"),
        Entry(
            code: "W204", name: "unusedFile", status: nil, exit: 0,
            title: "file not part of the job",
            cause:
                "A manifest is accepted with the warning: \"{file}\" exists here but is not part of the "
                + "job",
            example: "",
            remedy: "add --in {file}:{name} and use /in/{name}"),
        Entry(
            code: "W211", name: "undeclaredInput", status: nil, exit: 0,
            title: "input not declared",
            cause:
                "A manifest is accepted with the warning: input \"{n}\" is not declared / it is passed "
                + "on",
            example: "",
            remedy: "declare it under inputs"),
        Entry(
            code: "W212", name: "workerInOutput", status: nil, exit: 0,
            title: "differs between replicas",
            cause:
                "A manifest is accepted with the warning: \"{{WORKER_UUID}}\" differs between replicas",
            example: "",
            remedy: "print it only as worker_id or worker_uuid, or add its place to ignore"),
        Entry(
            code: "W213", name: "outputSchema", status: nil, exit: 0,
            title: "output schema broken",
            cause: "A manifest is accepted with the warning: the result breaks output_schema at "
                + "{pointer}: {reason}",
            example: "",
            remedy: "nothing was rejected; correct the task or its schema"),
        Entry(
            code: "W214", name: "notFinite", status: nil, exit: 0,
            title: "NaN or Infinity passed over",
            cause:
                "A manifest is accepted with the warning: a line with NaN or Infinity is not JSON and "
                + "was passed over",
            example: "",
            remedy: "print null or text instead"),
    ]
}
