import Foundation
import Glibc

/// Starts programs in a session of their own, without a terminal.
enum Spawning {
    /// Why the system does not start a program.
    struct Refusal: Error {
        let text: String
    }

    /// This program's file.
    static var ownProgram: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    }

    /// - Parameters:
    ///   - words: arguments, with the program's name before them.
    ///   - environment: all of it; nothing is inherited.
    ///   - output: standard output and standard error are appended here.
    /// - Returns: the child, to be waited for.
    static func start(
        _ program: String, _ words: [String], environment: [String: String], output: String
    ) throws(Refusal) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // POSIX_SPAWN_SETSID of glibc, which Swift does not import.
        posix_spawnattr_setflags(&attributes, 0x80)
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] =
            environment.keys.sorted().map { strdup("\($0)=\(environment[$0] ?? "")") } + [nil]
        defer { for one in arguments + variables { free(one) } }
        var pid = pid_t()
        let code = posix_spawn(&pid, program, &actions, &attributes, &arguments, &variables)
        if code != 0 { throw Refusal(text: "cannot start \(program): \(String(cString: strerror(code)))") }
        return pid
    }

    /// The exit code of a status of `waitpid`, 128 + n for a signal.
    static func exitCode(_ status: Int32) -> Int {
        status & 0x7f == 0 ? Int(status >> 8 & 0xff) : 128 + Int(status & 0x7f)
    }
}
