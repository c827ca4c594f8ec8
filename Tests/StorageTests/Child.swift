import Glibc

/// Processes that tests start: copies of the test program that do one thing until they are killed, and `mount`.
enum Child {
    /// Starts `program`; `output`, if given, becomes its descriptor 3.
    static func start(
        _ program: String, _ arguments: [String], environment: [String] = [], output: Int32? = nil
    ) -> pid_t? {
        let words: [UnsafeMutablePointer<CChar>?] =
            ([program] + arguments).map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) }
        for name in ["PATH", "LD_LIBRARY_PATH", "HOME"] {
            if let value = getenv(name) {
                variables.append(strdup("\(name)=\(String(cString: value))"))
            }
        }
        variables.append(nil)
        defer { for word in words + variables { free(word) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        if output == nil { posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) }
        if let output { posix_spawn_file_actions_adddup2(&actions, output, 3) }
        var id: pid_t = 0
        return posix_spawnp(&id, program, &actions, nil, words, variables) == 0 ? id : nil
    }

    /// Runs a program to its end; true if it ended with 0.
    static func run(_ program: String, _ arguments: [String]) -> Bool {
        guard let id = start(program, arguments) else { return false }
        var status: Int32 = 0
        waitpid(id, &status, 0)
        return status == 0
    }

    /// Lines that a copy of this program, in `mode`, wrote to descriptor 3 until it was killed with SIGKILL: after
    /// `lines` lines, at whatever instruction it was then. What it wrote before it died counts, as it was acknowledged.
    static func linesUntilKilled(mode: String, folder: String, lines: Int) -> [String] {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { return [] }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let id = start(
            "/proc/self/exe", ["--testing-library", "swift-testing", "--filter", "CrashChild"],
            environment: ["PEERNODE_CRASH_MODE=\(mode)", "PEERNODE_CRASH_FOLDER=\(folder)"],
            output: ends[1])
        close(ends[1])
        defer { close(ends[0]) }
        guard let id else { return [] }
        var bytes: [UInt8] = []
        var count = 0
        var isKilled = false
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while true {
            let n = read(ends[0], &buffer, buffer.count)
            if n <= 0 { break }
            bytes += buffer[..<n]
            count += buffer[..<n].count { $0 == 10 }
            if count >= lines && !isKilled {
                kill(id, SIGKILL)
                isKilled = true
            }
        }
        var status: Int32 = 0
        waitpid(id, &status, 0)
        // A line that is cut off was not said.
        let whole = bytes.lastIndex(of: 10).map { bytes[...$0] } ?? []
        return whole.split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
    }

    /// In the child: says a line to the test.
    static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        if write(3, bytes, bytes.count) != bytes.count { _exit(3) }
    }
}
