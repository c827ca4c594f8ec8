public import ArgumentParser
import Simulator

/// `peersim list WHAT`
public struct ListCommand: ParsableCommand {
    public enum What: String, ExpressibleByArgument, CaseIterable, Sendable {
        case faults, adversaries, invariants, must, profiles, marks, scenarios
    }

    public static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Prints names with one line each.",
        discussion: "WHAT is one of: \(What.allCases.map(\.rawValue).joined(separator: ", ")).")

    @Argument(help: "What to list.")
    var what: What

    @Flag(help: "One JSON object a line.")
    var json = false

    public init() {}

    public func run() throws {
        let rows = Catalogue.rows(what)
        let width = rows.map(\.name.count).max() ?? 0
        for (name, text) in rows {
            if json {
                print(PlainDocument.mapping([("name", .text(name)), ("text", .text(text))]).json)
            } else {
                print(text.isEmpty ? name : name + String(repeating: " ", count: width - name.count + 2) + text)
            }
        }
    }
}

extension ScenarioFile {
    /// As `read`, but a failure is printed and ends the command with its exit code.
    public static func readOrExit(_ argument: String) throws -> ScenarioFile {
        do throws(Failure) {
            return try read(argument)
        } catch {
            Console.complain(error.text)
            throw ExitCode(error.exitCode)
        }
    }
}
