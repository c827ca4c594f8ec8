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
        // In a session of its own: a Ctrl-C is ours, and we stop the children.
        do throws(Spawning.Refusal) {
            pid = try Spawning.start(program, [program] + words, environment: environment, output: output)
        } catch {
            throw DemoFailure(error.text)
        }
    }

    /// The exit code, 128 + n for a signal; nil while it runs.
    func ending() -> Int? {
        if status == nil {
            var found: Int32 = 0
            if waitpid(pid, &found, WNOHANG) == pid { status = found }
        }
        return status.map { Spawning.exitCode($0) }
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

    /// Processes whose command line holds `text`, but this one.
    static func naming(_ text: String) -> [pid_t] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { pid_t($0) }.filter { $0 != getpid() }.filter { pid in
            guard let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else { return false }
            return String(decoding: line, as: UTF8.self).contains(text)
        }.sorted()
    }
}
