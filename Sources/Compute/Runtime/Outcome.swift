import Basis
public import Records
public import Trust
import Verdict

/// A kept output file after it was stored.
public struct StoredFile: Sendable, Hashable {
    /// Name of its rule in `outputs.files`.
    public var name: String
    /// Relative to `/out`.
    public var path: String
    public var blob: BlobID
    public var bytes: UInt64
    public var isExecutable: Bool

    public init(name: String, path: String, blob: BlobID, bytes: UInt64, isExecutable: Bool) {
        self.name = name
        self.path = path
        self.blob = blob
        self.bytes = bytes
        self.isExecutable = isExecutable
    }
}

/// What an execution claims: the end, the body, and the hash by which replicas are compared (`compute.md` 1.5, 1.6).
///
/// Made by the shell while sealing, from bytes that cores never hold, and by the simulator.
public struct Outcome: Sendable, Hashable {
    public var termination: Termination
    /// The result's bytes, or the document with files. Empty unless the end is `exited` with 0.
    public var body: [UInt8]
    public var compareHash: Digest
    /// Bytes of a result that is not JSON and is named in the document by its id; to be stored too.
    public var resultBlob: [UInt8]?
    /// A line with NaN or Infinity was passed over (W214).
    public var hasNotFiniteLine: Bool

    /// The outcome of a run of `frame` for `work`. `stdout` is all of standard output.
    public static func of(
        _ work: Work, _ end: RunEnd, in frame: RunFrame, stdout: [UInt8], files: [StoredFile],
        schema: ValueSchema?, hashing: some Hashing
    ) -> Outcome {
        guard let item = end.items.first else {
            return failed(.badOutput("printed no JSON result"), hashing: hashing)
        }
        let termination = end.termination(of: item, in: frame)
        guard case .exited(code: 0) = termination else {
            return failed(termination, hashing: hashing)
        }
        let selected: Selection
        do throws(Unfit) {
            selected = try ResultSelection.select(work, item.result, stdout: stdout, schema: schema)
        } catch { return failed(.badOutput(error.text), hashing: hashing) }
        var outcome = Outcome(
            termination: termination, body: selected.bytes, compareHash: .zero, resultBlob: nil,
            hasNotFiniteLine: selected.hasNotFiniteLine)
        if work.hasFileDocument {
            outcome.resultBlob =
                selected.isJSON ? nil : work.resultMode == .none ? nil : selected.bytes
            outcome.body = document(work, selected, files, hashing: hashing)
        }
        do throws(JSONError) {
            outcome.compareHash = try work.comparator.compareHash(
                status: 0, exitCode: 0, body: outcome.body, hashing: hashing)
        } catch {
            return failed(.badOutput("the result is not valid: it is not JSON"), hashing: hashing)
        }
        return outcome
    }

    /// An outcome without a body: replicas agree on status and exit code alone.
    public static func failed(_ termination: Termination, hashing: some Hashing) -> Outcome {
        let (status, exitCode) = termination.code
        return Outcome(
            termination: termination, body: [],
            compareHash: Comparator.compareHash(
                status: status, exitCode: exitCode, form: [], hashing: hashing),
            resultBlob: nil, hasNotFiniteLine: false)
    }

    /// `{"files":[…],"result":…}`.
    static func document(
        _ work: Work, _ selected: Selection, _ files: [StoredFile], hashing: some Hashing
    ) -> [UInt8] {
        let sorted = files.sorted { $0.path.asBytes < $1.path.asBytes }
        var members: [(String, JSONValue)] = [
            (
                "files",
                .array(
                    sorted.map { file in
                        .object(sorting: [
                            ("blob", .string(TextID.text(.blob, file.blob.raw))),
                            ("bytes", .number(JSONNumber(file.bytes))),
                            ("executable", .bool(file.isExecutable)),
                            ("name", .string(file.name)), ("path", .string("/out/" + file.path)),
                        ])
                    })
            )
        ]
        if work.resultMode != .none {
            if selected.isJSON, let value = try? CanonicalJSON.parse(selected.bytes) {
                members.append(("result", value))
            } else {
                let id = BlobTree.id(of: selected.bytes, hashing: hashing)
                members.append(
                    ("result", .object(sorting: [("blob", .string(TextID.text(.blob, id.raw)))])))
            }
        }
        return CanonicalJSON.bytes(.object(sorting: members))
    }

    struct Selection {
        var bytes: [UInt8]
        var isJSON: Bool
        var hasNotFiniteLine = false
    }

    struct Unfit: Error {
        var text: String
    }
}

/// Which bytes are the result (`compute.md` 1.5).
enum ResultSelection {
    static func select(
        _ work: Work, _ channel: ResultChannel, stdout: [UInt8], schema: ValueSchema?
    ) throws(Outcome.Unfit) -> Outcome.Selection {
        var selection: Outcome.Selection
        switch work.resultMode {
        case .none: return .init(bytes: [], isJSON: false)
        case .text: selection = .init(bytes: stdout, isJSON: false)
        case .auto, .json:
            let (line, hasNotFinite) = lastLine(stdout)
            if let line {
                selection = .init(bytes: line, isJSON: true)
            } else if case .value(let bytes) = channel {
                guard let canonical = try? CanonicalJSON.canonical(bytes) else {
                    throw .init(text: "the result is not valid: it is not JSON")
                }
                selection = .init(bytes: canonical, isJSON: true)
            } else if work.resultMode == .auto {
                selection = .init(bytes: stdout, isJSON: false)
            } else {
                throw .init(text: "printed no JSON result")
            }
            selection.hasNotFiniteLine = hasNotFinite
        }
        if UInt64(selection.bytes.count) > work.resultBytesMax {
            throw .init(
                text:
                    "the result is not valid: it is larger than \(Shown.size(work.resultBytesMax))")
        }
        if let schema { try check(selection, schema) }
        return selection
    }

    static func check(
        _ selection: Outcome.Selection, _ schema: ValueSchema
    ) throws(Outcome.Unfit) {
        guard selection.isJSON, let value = try? CanonicalJSON.parse(selection.bytes) else {
            throw .init(text: "printed no JSON result")
        }
        do throws(ValueSchema.Violation) {
            try schema.check(value)
        } catch {
            let place = error.pointer.isEmpty ? "/" : error.pointer
            throw .init(text: "the result breaks its schema at \(place): \(error.reason)")
        }
    }

    /// The canonical form of the last line that is one JSON object or array, and whether a later one only failed for
    /// a number that is not finite. Each byte is parsed at most once.
    static func lastLine(_ stdout: [UInt8]) -> (line: [UInt8]?, hasNotFinite: Bool) {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0d }
        var hasNotFinite = false
        var end = stdout.count
        while end >= 0 {
            let start = (stdout[..<end].lastIndex(of: 0x0a) ?? -1) + 1
            var line = stdout[start..<end]
            while let last = line.last, isBlank(last) { line.removeLast() }
            line = line.drop(while: isBlank)
            if let first = line.first, first == 0x7b || first == 0x5b {
                if let canonical = try? CanonicalJSON.canonical(Array(line)) {
                    return (canonical, hasNotFinite)
                }
                let text = String(decoding: line, as: UTF8.self)
                if text.contains("NaN") || text.contains("Infinity") { hasNotFinite = true }
            }
            if start == 0 { break }
            end = start - 1
        }
        return (nil, hasNotFinite)
    }
}
