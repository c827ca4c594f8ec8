import API
import ArgumentParser
import Glibc

/// The command `peernode`: join a network, submit jobs, move credit, check receipts.
@main
struct Peernode: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peernode",
        abstract: "Verified computation among strangers, with no server, provable offline.",
        discussion: """
            First commands: init --new-network NAME, join SEED, run -- CMD, status, receipt verify last.
            """,
        subcommands: [
            InitCommand.self, JoinCommand.self, RunCommand.self, SubmitCommand.self, StatusCommand.self,
            ResultCommand.self, LogsCommand.self, CancelCommand.self, JobsCommand.self, PeersCommand.self,
            BalanceCommand.self, TransferCommand.self, HistoryCommand.self, SeatsCommand.self,
            ReceiptCommand.self, KeyCommand.self, DoctorCommand.self, InviteCommand.self, LeaveCommand.self,
            VersionCommand.self, ExplainCodeCommand.self,
        ])

    /// Parses, runs, and ends with the code of `surfaces.md` 3.5.
    static func main() async {
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let failure as CommandFailure {
            failure.tell()
            exit(Int32(failure.code))
        } catch let problem as Problem {
            Terminal.tell(problem, isJSON: CommandLine.arguments.contains("--json"))
            exit(Int32(problem.exitCode))
        } catch {
            let code = exitCode(for: error)
            if code == .success || !(code == .validationFailure) {
                exit(withError: error)
            }
            Terminal.error(fullMessage(for: error))
            Glibc.exit(Int32(ExitCode.wrongFlags))
        }
    }
}

/// Ends a command with a code and, if there is one, a sentence on standard error.
struct CommandFailure: Error {
    let code: Int
    var text: String?

    func tell() { if let text { Terminal.error(text) } }
}
