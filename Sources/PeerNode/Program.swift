import API
import ArgumentParser
import Foundation
import Glibc
import SimulatorCommands

/// The command `peernode`: join a network, submit jobs, move credit, check receipts.
///
/// The problem: one program is a daemon and thirty small commands, whose exit codes belong to scripts. The idea: each
/// verb is a small command that asks a node over its API and throws what went wrong; here alone that becomes text and
/// an exit code. Not here: anything that a node does (module Daemon).
struct Program: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peernode",
        abstract: "Verified computation among strangers, with no server, provable offline.",
        discussion: """
            First commands: init --new-network NAME, join SEED, run -- CMD, status,
            receipt verify last. "peernode help CODE" explains an error such as E501.
            "peernode simulate" runs whole networks in virtual time.
            """,
        subcommands: [
            InitCommand.self, JoinCommand.self, RunCommand.self, SubmitCommand.self, StatusCommand.self,
            ResultCommand.self, LogsCommand.self, CancelCommand.self, JobsCommand.self, PeersCommand.self,
            BalanceCommand.self, TransferCommand.self, HistoryCommand.self, SeatsCommand.self,
            ReceiptCommand.self, KeyCommand.self, DoctorCommand.self, InviteCommand.self, LeaveCommand.self,
            DemoCommand.self, VersionCommand.self,
        ])

    /// Words after `--` of `run`, which are never flags of ours.
    @TaskLocal static var passedWords: [String]?

    func run() async throws { Greeting.show() }

    /// Runs the command line of this process and ends it with a code of `surfaces.md` 3.5.
    static func start() async {
        signal(SIGPIPE, SIG_IGN)
        var words = Array(CommandLine.arguments.dropFirst())
        if words.first == "job", words.count > 1 { words.removeFirst() }
        if words.first == "help", words.count == 2, Pages.show(words[1]) { Glibc.exit(0) }
        if words.first == "simulate" { SimulateCommand.start(Array(words.dropFirst())) }
        // `run` hands on every word that is not a flag of its own.
        if words.count > 1, words[0] == "run", ["-h", "--help"].contains(words[1]) { words = ["help", "run"] }
        var passed: [String]?
        if words.first == "run", let mark = words.firstIndex(of: "--") {
            passed = Array(words[(mark + 1)...])
            words = Array(words[..<mark])
        }
        let isJSON = words.contains("--json")
        do {
            try Later.refuse(words)
            try await $passedWords.withValue(passed) {
                var command = try parseAsRoot(words)
                if var asynchronous = command as? any AsyncParsableCommand {
                    try await asynchronous.run()
                } else {
                    try command.run()
                }
            }
            Glibc.exit(0)
        } catch {
            Glibc.exit(Int32(tell(error, isRun: words.first == "run", isJSON: isJSON)))
        }
    }

    /// Says what went wrong and gives the exit code. `run` has no code below 125 of its own: those are the program's.
    static func tell(_ error: any Error, isRun: Bool, isJSON: Bool) -> Int {
        if let failure = error as? CommandFailure {
            failure.tell(isJSON: isJSON)
            return failure.code
        }
        if let mistakes = error as? ManifestMistakes {
            Terminal.tell(mistakes.problem, isJSON: isJSON, file: mistakes.file)
            return isRun ? Codes.notCertified : mistakes.problem.exitCode
        }
        if let problem = error as? Problem {
            Terminal.tell(problem, isJSON: isJSON)
            return isRun ? Codes.notCertified : problem.exitCode
        }
        let code = exitCode(for: error)
        let text = fullMessage(for: error)
        if code == .success {
            Terminal.output(text)
            return Codes.done
        }
        let number = code == .validationFailure ? Codes.wrongFlags : Int(code.rawValue)
        CommandFailure(code: number, text: text).tell(isJSON: isJSON)
        return isRun ? Codes.notCertified : number
    }
}

/// Ends a command with a code and, if there is one, a sentence on standard error.
struct CommandFailure: Error {
    let code: Int
    var text: String?

    func tell(isJSON: Bool) {
        guard let text else { return }
        if isJSON {
            var problem = Problem(.badParameter, text)
            problem.exitCode = code
            Terminal.tell(problem, isJSON: true)
        } else {
            Terminal.error(text)
        }
    }
}
