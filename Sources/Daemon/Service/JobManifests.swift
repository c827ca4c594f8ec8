import API
import Basis
import Compute
import Records
import Sodium
import Trust
import Verdict

/// Manifests between the API's bytes and Compute's values.
enum JobManifests {
    static func read(_ bytes: [UInt8], _ form: ManifestForm) -> ManifestReading {
        let hashing = SodiumHashing()
        switch form {
        case .json: return Manifest.read(json: bytes, fileName: "job", hashing: hashing)
        case .yaml:
            guard let text = String(validating: bytes, as: UTF8.self) else {
                return failed("the manifest is not UTF-8 text", 1, 1, "", "save it as UTF-8")
            }
            do throws(YAMLTree.Failure) {
                return Manifest.read(try YAMLTree.read(text), fileName: "job", hashing: hashing)
            } catch {
                return failed(error.reason, error.line, error.column, error.pointer, error.fix)
            }
        }
    }

    private static func failed(
        _ message: String, _ line: Int, _ column: Int, _ pointer: String, _ fix: String
    ) -> ManifestReading {
        ManifestReading(
            manifest: nil,
            issues: ManifestIssues([
                ManifestIssue(
                    code: .notReadable, pointer: pointer, line: line, column: column, message: message, fix: fix)
            ]))
    }

    static func problem(_ issues: ManifestIssues) -> Problem {
        Problem.manifest(issues.all.map { item($0) }, what: "the job")
            ?? Problem(.badParameter, "the job was refused without a reason")
    }

    static func item(_ issue: ManifestIssue) -> Problem.Item {
        Problem.Item(
            pointer: issue.pointer, line: issue.line > 0 ? issue.line : nil,
            column: issue.line > 0 ? issue.column : nil, code: issue.code.rawValue, message: issue.message,
            found: issue.found, allowed: issue.allowed.isEmpty ? nil : issue.allowed, fix: issue.fix)
    }

    static func note(_ issue: ManifestIssue) -> ManifestNote {
        let item = item(issue)
        return ManifestNote(
            pointer: item.pointer, line: item.line, column: item.column, code: item.code, message: item.message,
            found: item.found, allowed: item.allowed, fix: item.fix)
    }

    /// A canonical job as JSON: what was asked for, with every default.
    static func value(_ job: CanonicalJob) -> API.JSONValue {
        let work = job.work
        let purchase = job.purchase
        func digits(_ number: UInt64) -> API.JSONValue { .string(String(number)) }
        var run: [String: API.JSONValue] = [
            "runtime": .string(work.runtime.id), "arguments": .array(work.arguments.map { .string($0) }),
            "environment": .object(
                Dictionary(work.environment.map { ($0.name, .string($0.value)) }, uniquingKeysWith: { $1 })),
            "source": source(work.source),
        ]
        if !work.entry.isEmpty { run["entry"] = .string(work.entry) }
        return [
            "id": .string(IDs.blob(job.blobID(hashing: IDs.hashing))),
            "run": .object(run),
            "inputs": .array(work.inputs.map { input($0) }),
            "resources": [
                "cpuThousandths": .integer(Int64(work.cpuThousandths)), "memoryBytes": digits(work.memoryBytes),
                "diskBytes": digits(work.diskBytes), "wallMs": digits(work.runMillis),
            ],
            "outputs": .array(work.files.map { ["name": .string($0.name), "path": .string($0.path)] }),
            "verify": [
                "mode": .string("\(purchase.mode)"), "replicas": .integer(Int64(purchase.replicas)),
                "quorum": .integer(Int64(purchase.quorum)), "compare": .string(JobTexts.compare(work.comparator)),
                "maxExecutions": .integer(Int64(purchase.maxExecutions)),
            ],
            "costMaxMicro": purchase.costMax.map { digits($0.micro) } ?? .null,
            "name": .string(purchase.name),
            "labels": .object(
                Dictionary(purchase.labels.map { ($0.key, .string($0.value)) }, uniquingKeysWith: { $1 })),
        ]
    }

    private static func source(_ source: Work.Source) -> API.JSONValue {
        switch source {
        case .none: .null
        case .file(let blob, let bytes): ["blob": .string(IDs.blob(blob)), "bytes": .string(String(bytes))]
        case .tree(let blob, let bytes):
            ["tree": .string(TextID.text(.tree, blob.raw)), "bytes": .string(String(bytes))]
        }
    }

    private static func input(_ input: JobInput) -> API.JSONValue {
        let content: API.JSONValue =
            switch input.content {
            case .json(.inPlace(let bytes)): ["json": .string(String(decoding: bytes, as: UTF8.self))]
            case .json(.blob(let id, _)): ["jsonBlob": .string(IDs.blob(id))]
            case .file(let id, let bytes): ["blob": .string(IDs.blob(id)), "bytes": .string(String(bytes))]
            case .tree(let id, _): ["tree": .string(TextID.text(.tree, id.raw))]
            }
        return ["name": .string(input.name), "mount": .string("/in/" + input.mount), "content": content]
    }
}
