import API
import ArgumentParser
import Compute
import Daemon
import Foundation

/// `submit FILE|-`
struct SubmitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit", abstract: "Submit a manifest; prints the job's id.",
        discussion: """
            Example: peernode submit job.yaml --wait
            Exit: 0 accepted, with --wait as result; 65 mistakes in the file; 6; 9; 75.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var terms: TermOptions
    @Option(help: "An object of input values, as JSON.") var input: String?
    @Option(help: "K=V of one input; repeat.") var param: [String] = []
    @Option(help: "The program's file, in the place of the manifest's.") var code: String?
    @Flag(help: "Return when it has ended.") var wait = false
    @Flag(help: "Tell each change of state.") var follow = false
    @Flag(name: .customLong("dry-run"), help: "Validate only.") var dryRun = false
    @Argument(help: "A manifest in YAML or JSON, or - for standard input.") var file: String

    func run() async throws {
        let url = URL(fileURLWithPath: file)
        let here = FileManager.default.currentDirectoryPath
        let folder = file == "-" ? here : url.deletingLastPathComponent().path
        let upload = ManifestUpload(folder: folder, allowed: [folder] + terms.allowDir)
        var local = LocalManifest(try ManifestFile.node(file))
        try ManifestFile.apply(input: input, parameters: param, to: &local)
        if let code { local.set("run", "source", file: URL(fileURLWithPath: code).path) }
        if let replicas = terms.replicas { local.set("verify", "replicas", to: replicas) }
        if let quorum = terms.quorum { local.set("verify", "quorum", to: quorum) }
        if let cost = terms.maxCost { local.set("cost", "max", to: cost) }
        if let queue = terms.queueTime { local.set("timeout", "queue", to: queue) }
        let name = file == "-" ? "job" : url.deletingPathExtension().lastPathComponent
        let reading = try upload.read(local.node, name: name, file: file == "-" ? nil : file)
        if dryRun, !common.json { return Terminal.output("valid") }
        let client = try common.client()
        if dryRun {
            let body = ClientRequest.Body.bytes(Array(reading.node.json.utf8), mediaType: "application/json")
            return common.show(
                try await client.document(
                    ValidationDocument.self, ClientRequest("POST", "/v1/jobs/validate", body: body))
            ) { _ in }
        }
        let job = try await upload.submit(
            reading, client, allowsWait: terms.allowWait, key: terms.key, timeout: try common.limit(default: 60))
        LastJob.write(job.id, common)
        guard wait || follow else {
            common.show(job) { Terminal.output($0.id) }
            if !common.quiet { Terminal.error("\(job.state.rawValue), \(JobTexts.terms(job))") }
            return
        }
        if !common.json { Terminal.output(job.id) }
        let ended = try await JobWatch(client: client, common: common).follow(job)
        let result = try await JobResults.fetch(ended, client, timeout: .seconds(60))
        if result.certified { await JobReceipts.keep(job.id, client, common) }
        if common.json { Terminal.output(ended.json() + [0x0a]) }
        if !common.quiet { Terminal.error(JobTexts.ending(result, ended, home: common.homeFlag)) }
        if result.resultExitCode != 0 { throw CommandFailure(code: result.resultExitCode) }
    }
}

/// A manifest as a person wrote it.
enum ManifestFile {
    static func node(_ file: String) throws -> ManifestNode {
        let data: Data
        if file == "-" {
            data = FileHandle.standardInput.readDataToEndOfFile()
        } else {
            guard let found = FileManager.default.contents(atPath: file) else {
                throw CommandFailure(code: Codes.noFile, text: "there is no file \(file)")
            }
            data = found
        }
        let bytes = [UInt8](data)
        if bytes.first(where: { $0 > 0x20 }) == 0x7b {
            switch ManifestNode.json(bytes) {
            case .success(let node): return node
            case .failure(let issues):
                throw ManifestMistakes(
                    problem: Problem.manifest(issues.all.map { ManifestUpload.item($0) })
                        ?? Problem(.badParameter, "not readable"),
                    file: file)
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandFailure(code: Codes.badInput, text: "\(file) is not UTF-8 text")
        }
        do throws(YAMLTree.Failure) {
            return try YAMLTree.read(text)
        } catch {
            let item = Problem.Item(
                pointer: error.pointer, line: error.line, column: error.column, code: "E103", message: error.reason,
                fix: error.fix)
            throw ManifestMistakes(
                problem: Problem.manifest([item]) ?? Problem(.badParameter, error.reason), file: file)
        }
    }

    /// `--input` and `--param`: values of inputs that the manifest declares.
    static func apply(input: String?, parameters: [String], to manifest: inout LocalManifest) throws {
        if let input {
            guard case .success(let node) = ManifestNode.json(Array(input.utf8)),
                case .mapping(let entries) = node.content
            else { throw ValidationError("--input is not a JSON object") }
            for entry in entries { try put(entry.key, entry.value, &manifest) }
        }
        for text in parameters {
            let (key, value) = try RunCommand.pair(text, "--param")
            try put(key, ManifestNode(.scalar(value, isPlain: true), line: 0, column: 0, pointer: ""), &manifest)
        }
    }

    private static func put(_ key: String, _ value: ManifestNode, _ manifest: inout LocalManifest) throws {
        if manifest.set(input: key, to: value) { return }
        throw Problem(
            code: "E116", "input \"\(VisibleText.escape(key, limit: 64))\" is not declared",
            fix: "declare it below inputs")
    }
}

/// `result JOB`
struct ResultCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "result", abstract: "The certified output of a job.",
        discussion: """
            Example: peernode result last --wait
            Exit: 0 completed; 1 certified failure; 3 no agreement; 4 unknown; 7 no result;
            8 cancelled; 9 not funded; 75 not finished.
            """)

    @OptionGroup var common: CommonOptions
    @Flag(help: "Wait until it has ended.") var wait = false
    @Option(name: .customShort("o"), help: "Save all outputs in this folder.") var folder: String?
    @Option(help: "Print this named output.") var output: String?
    @Option(help: "Save the receipt in this file.") var receipt: String?
    @Flag(help: "Escapes included.") var raw = false
    @Argument(help: "A job, or last.") var job = "last"

    func run() async throws {
        let id = try LastJob.resolve(job, common)
        let client = try common.client()
        var ended: JobDocument
        repeat {
            let query: [(name: String, value: String)] = wait ? [("wait", "10s"), ("until", "end")] : []
            ended = try await client.document(
                JobDocument.self, ClientRequest(ClientRequest.path("v1", "jobs", id), query: query),
                timeout: .seconds(60))
        } while wait && !ended.state.isEnd
        guard ended.state.isEnd else {
            throw Problem(.noResultYet, "\(Texts.short(ended.id)) is \(ended.state.rawValue)")
        }
        let result = try await JobResults.fetch(ended, client, timeout: try common.limit())
        if result.certified { await JobReceipts.keep(ended.id, client, common) }
        if common.json {
            Terminal.output(result.json() + [0x0a])
        } else if let folder {
            try await JobResults.save(result, client, into: folder)
        } else if result.certified, output != nil || result.stdout?.value != nil || result.result?.value != nil {
            try await JobResults.print(ended.id, client, output: output)
        }
        if let receipt { try await JobReceipts.save(ended.id, client, to: receipt) }
        if !common.json, !common.quiet, result.resultExitCode != 0 || !result.certified {
            Terminal.error(JobTexts.ending(result, ended, home: common.homeFlag))
        }
        if result.resultExitCode != 0 { throw CommandFailure(code: result.resultExitCode) }
    }
}

/// `jobs`
struct JobsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jobs", abstract: "Own jobs, newest first.", discussion: "Example: peernode jobs --state running")

    @OptionGroup var common: CommonOptions
    @Option(help: "Only these states, by comma.") var state: String?
    @Option(help: "Only with this label, K=V.") var label: String?
    @Flag(help: "Everybody's.") var all = false
    @Option(help: "Only since this time or this long ago.") var since: String?
    @Option(help: "At most so many.") var limit = 50
    @Flag(help: "Go on, a line per change.") var watch = false

    func run() async throws {
        var query: [(name: String, value: String)] = [("limit", String(min(max(limit, 1), 500)))]
        if let state { query.append(("state", state)) }
        if let label { query.append(("label", label)) }
        if all { query.append(("owner", "all")) }
        if let since { query.append(("since", try Since.text(since))) }
        let client = try common.client()
        var last: Page<JobDocument>?
        repeat {
            let page = try await client.document(
                Page<JobDocument>.self, ClientRequest("/v1/jobs", query: query), timeout: try common.limit())
            if page != last { show(page) }
            last = page
            if watch { try await Task.sleep(for: .seconds(1)) }
        } while watch
    }

    private func show(_ page: Page<JobDocument>) {
        if common.quiet, !common.json { return page.items.forEach { Terminal.output($0.id) } }
        common.show(page) { page in
            Terminal.table(
                ["job", "name", "state", "replicas", "submitted", "cost"],
                page.items.map {
                    [
                        Texts.typed($0.id), VisibleText.escape($0.name?.value ?? "", limit: 24),
                        $0.state.rawValue + ($0.code?.value.map { " (\($0))" } ?? ""),
                        $0.verify.map { String($0.replicas) } ?? "", $0.times.submittedAt.map { Texts.time($0) } ?? "",
                        JobTexts.cost($0.cost),
                    ]
                })
        }
    }
}

/// `cancel JOB…`
struct CancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Cancel jobs; possible until the first commit.",
        discussion: "Example: peernode cancel last\nExit: 0, also if it already was; 1 too late.")

    @OptionGroup var common: CommonOptions
    @Argument(help: "Jobs.") var jobs: [String]

    func run() async throws {
        let client = try common.client()
        for job in jobs {
            let document = try await client.document(
                JobDocument.self,
                ClientRequest("POST", ClientRequest.path("v1", "jobs", try LastJob.resolve(job, common), "cancel")),
                timeout: try common.limit())
            common.show(document) { Terminal.output("\(Texts.short($0.id)) \($0.state.rawValue)") }
        }
    }
}

/// `logs JOB`
struct LogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "What the replicas wrote, where it is kept here.",
        discussion: "Example: peernode logs last\nExit: 0; 4 unknown; 77 sealed to its owner.")

    @OptionGroup var common: CommonOptions
    @Flag(name: .shortAndLong, help: "Go on until the job ends.") var follow = false
    @Option(help: "Only this replica.") var replica: Int?
    @Option(help: "stdout, stderr or both.") var stream = "both"
    @Option(help: "Only the last lines.") var tail: Int?
    @Option(help: "Only since this time or this long ago.") var since: String?
    @Argument(help: "A job, or last.") var job = "last"

    func run() async throws {
        var query: [(name: String, value: String)] = [("stream", stream)]
        if follow { query.append(("follow", "true")) }
        if let replica { query.append(("replica", String(replica))) }
        if let tail { query.append(("tail", String(tail))) }
        if let since { query.append(("since", try Since.text(since))) }
        let client = try common.client()
        let accept = common.json ? "application/jsonl" : "text/plain"
        let request = ClientRequest(
            "GET", ClientRequest.path("v1", "jobs", try LastJob.resolve(job, common), "logs"), query: query,
            headers: [("Accept", accept)])
        try await client.perform(request, timeout: follow ? nil : try common.limit()) { response in
            if let problem = try await response.problem() { throw problem }
            while let piece = try await response.body.next() { Terminal.write(piece, to: 1) }
        }
    }
}
