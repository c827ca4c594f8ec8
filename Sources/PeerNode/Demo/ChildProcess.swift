import Foundation
import Glibc

/// A program started by this one, its output in a file.
///
/// On the main actor, because the kernel ends a child that asks for it with the thread that started it: the main
/// thread lives as long as the process, threads of the pool do not.
@MainActor final class ChildProcess {
    let pid: pid_t
    /// As `waitpid` told it, once it has ended.
    private var status: Int32?

    /// - Parameters:
    ///   - environment: all of it; nothing is inherited.
    ///   - output: standard output and standard error are appended here.
    /// - Throws: what the system says, if it cannot be started.
    init(_ program: String, _ words: [String], environment: [String: String], output: String) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // POSIX_SPAWN_SETSID of glibc, which Swift does not import: a Ctrl-C is ours, and we stop the children.
        posix_spawnattr_setflags(&attributes, 0x80)
        var arguments: [UnsafeMutablePointer<CChar>?] = ([program] + words).map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] =
            environment.keys.sorted().map { strdup("\($0)=\(environment[$0] ?? "")") } + [nil]
        defer { for one in arguments + variables { free(one) } }
        var pid = pid_t()
        let code = posix_spawn(&pid, program, &actions, &attributes, &arguments, &variables)
        if code != 0 { throw DemoFailure("cannot start \(program): \(String(cString: strerror(code)))") }
        self.pid = pid
    }

    /// The exit code, 128 + n for a signal; nil while it runs.
    func ending() -> Int? {
        if status == nil {
            var found: Int32 = 0
            if waitpid(pid, &found, WNOHANG) == pid { status = found }
        }
        return status.map { $0 & 0x7f == 0 ? Int($0 >> 8 & 0xff) : 128 + Int($0 & 0x7f) }
    }

    func signal(_ number: Int32) { if ending() == nil { kill(pid, number) } }

    /// Waits until it has ended.
    ///
    /// - Returns: its exit code; nil if it goes on after `limit`.
    func wait(_ limit: Duration) async -> Int? {
        let end = ContinuousClock.now + limit
        while ContinuousClock.now < end {
            if let code = ending() { return code }
            try? await Task.sleep(for: .milliseconds(10))
        }
        return ending()
    }

    /// This program's file.
    static var ownProgram: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    }

    /// Processes whose command line holds `text`, but this one.
    static func naming(_ text: String) -> [pid_t] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { pid_t($0) }.filter { $0 != getpid() }.filter { pid in
            guard let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else { return false }
            return String(decoding: line, as: UTF8.self).contains(text)
        }.sorted()
    }
}
