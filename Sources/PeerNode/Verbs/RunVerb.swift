import API
import ArgumentParser
import Compute
import Daemon
import Foundation
import Glibc
import Verdict

/// `run [options] -- CMD [ARG…]` and `run [options] FILE [ARG…]`
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a program on the network and print its certified output.",
        usage: "peernode run [options] -- CMD [ARG ...]\n       peernode run [options] FILE [ARG ...]",
        discussion: """
            Example: peernode run -- sh -c 'echo $((6*7))'
            Exit: the program's own; 128 + n signal; 124 time; 137 memory; 153 disk or
            output; 134 trap; 125 whenever there is no certified result; 130 interrupted.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var terms: TermOptions
    @Option(help: "How results are compared: exact, json, …") var compare: String?
    @Option(help: "A place of a JSON result that does not count; repeat.") var ignore: [String] = []
    @Option(help: "Cores.") var cpus: String?
    @Option(name: .shortAndLong, help: "Such as 256MiB.") var memory: String?
    @Option(help: "Such as 256MiB.") var disk: String?
    @Option(help: "Longest run, such as 10m.") var time: String?
    @Option(name: .customLong("in"), help: "PATH[:NAME] below /in; repeat.") var inputs: [String] = []
    @Option(name: .customLong("out"), help: "A file that the program writes below /out; repeat.") var out: [String] = []
    @Flag(help: "Save output files in the current folder.") var here = false
    @Option(help: "A file, or - for this command's own.") var stdin: String?
    @Option(name: [.customShort("e"), .long], help: "K=V; repeat.") var env: [String] = []
    @Option(help: "An object of input values, as JSON.") var input: String?
    @Option(help: "What a peer must have; repeat.") var require: [String] = []
    @Option(help: "K=V; repeat.") var label: [String] = []
    @Option(help: "The job's name.") var name: String?
    @Option(help: "command or python; inferred.") var runtime: String?
    @Flag(name: .shortAndLong, help: "Print the id and return.") var detach = false
    @Flag(help: "Print the standard output as it is, escapes included.") var raw = false
    @Flag(name: .customLong("print-manifest"), help: "Print the manifest and submit nothing.") var printManifest = false
    @Argument(parsing: .captureForPassthrough, help: .hidden) var words: [String] = []

    func run() async throws {
        let passed = Program.passedWords
        let isFile = passed == nil
        let command = passed ?? words
        guard !command.isEmpty else { throw ValidationError("give a program: peernode run -- CMD [ARG ...]") }
        if isFile, command[0].hasPrefix("-") {
            throw ValidationError("\(command[0]) is no flag of run; a program with its own flags stands after --")
        }
        var upload = ManifestUpload(folder: FileManager.default.currentDirectoryPath, allowed: nil)
        let job = try job(command, isFile: isFile, &upload)
        let (node, warnings) = job.manifest { ManifestUpload.kind($0) }
        for warning in warnings { Terminal.error("\(warning.message); \(warning.fix)   (\(warning.code.rawValue))") }
        let reading = try upload.read(node, name: command[0], file: nil)
        if !isFile, command[0].contains("/"), ManifestUpload.kind(command[0]) == .file {
            Terminal.error("\(command[0]) travels with the job")
        }
        if printManifest { return Terminal.output(reading.node.json) }
        let client = try common.client()
        let document = try await upload.submit(
            reading, client, allowsWait: terms.allowWait, key: terms.key, timeout: try common.limit(default: 60))
        if detach {
            LastJob.write(document.id, common)
            return common.show(document) { Terminal.output($0.id) }
        }
        let ending = try await JobWatch(client: client, common: common).follow(document)
        guard ending.state.isEnd else { return }
        try await finish(ending, client)
    }

    /// The flags as what `compute.md` 2.7 makes of them.
    private func job(_ command: [String], isFile: Bool, _ upload: inout ManifestUpload) throws -> CommandLineJob {
        var job = CommandLineJob(words: command, isFile: isFile)
        job.name = name
        job.runtime = runtime
        job.replicas = terms.replicas == "auto" ? nil : terms.replicas
        job.quorum = terms.quorum
        job.compare = compare
        job.ignore = ignore
        job.cpus = cpus
        job.memory = memory
        job.disk = disk
        job.time = time
        job.costMax = terms.maxCost
        job.queueTime = terms.queueTime
        job.outputs = out
        job.require = require
        job.environment = try env.map { try RunCommand.pair($0, "--env") }
        job.labels = try label.map { try RunCommand.pair($0, "--label") }
        job.inputs = inputs.map { text in
            guard let colon = text.lastIndex(of: ":"), ManifestUpload.kind(text) == nil else {
                return .init(path: text)
            }
            return .init(path: String(text[..<colon]), name: String(text[text.index(after: colon)...]))
        }
        if let stdin {
            if stdin == "-" {
                upload.standardInput = [UInt8](FileHandle.standardInput.readDataToEndOfFile())
                job.stdin = ManifestUpload.standardInputPath
            } else {
                job.stdin = stdin
            }
        }
        if let input {
            do {
                job.values = try CanonicalJSON.parse(Array(input.utf8))
            } catch {
                throw ValidationError("--input is not valid JSON: \(error)")
            }
        }
        return job
    }

    static func pair(_ text: String, _ flag: String) throws -> (key: String, value: String) {
        guard let mark = text.firstIndex(of: "=") else {
            throw ValidationError("\(flag) \(text) has no value; write K=V")
        }
        return (String(text[..<mark]), String(text[text.index(after: mark)...]))
    }

    /// Prints what was certified, and ends with the program's code.
    private func finish(_ job: JobDocument, _ client: APIClient) async throws {
        let outcome = try await JobResults.fetch(job, client, timeout: .seconds(60))
        if outcome.certified {
            await JobReceipts.keep(job.id, client, common)
            if !common.json, outcome.stdout?.value != nil || outcome.result?.value != nil {
                try await JobResults.print(job.id, client)
            }
            if here { try await JobResults.save(outcome, client, into: FileManager.default.currentDirectoryPath) }
        }
        if common.json { Terminal.output(outcome.json() + [0x0a]) }
        if !common.quiet { Terminal.error(JobTexts.ending(outcome, job, home: common.homeFlag)) }
        let code = outcome.runExitCode
        if code != 0 { throw CommandFailure(code: code) }
    }
}

/// Flags that `run` and `submit` share.
struct TermOptions: ParsableArguments {
    @Option(help: "auto, or how many peers run it.") var replicas: String?
    @Option(help: "How many must agree.") var quorum: String?
    @Option(name: .customLong("max-cost"), help: "The most that may be held.") var maxCost: String?
    @Option(name: .customLong("queue-time"), help: "How long it may wait for peers.") var queueTime: String?
    @Flag(name: .customLong("allow-wait"), help: "Wait even if no standing offer fits.") var allowWait = false
    @Option(name: .customLong("allow-dir"), help: "Files of the manifest may lie below this folder too; repeat.")
    var allowDir: [String] = []
    @Option(name: .customLong("idempotency-key"), help: "A key that makes a repetition the same job.") var key: String?
}
