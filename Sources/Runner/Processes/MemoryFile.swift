import CSandbox
import Glibc

/// Constant bytes as a sealed memory file, so that nothing has to be written while bwrap starts.
struct MemoryFile: ~Copyable {
    let fd: Int32

    init(_ name: String, _ bytes: [UInt8]) throws(RunnerError) {
        fd = pn_memory_file(name, bytes, bytes.count)
        if fd < 0 { throw RunnerError.system("make a memory file", -fd) }
    }

    /// Takes over a descriptor.
    init(owning fd: Int32) { self.fd = fd }

    deinit { close(fd) }

    /// A descriptor of its own for a child, at the beginning.
    func reopened() throws(RunnerError) -> Int32 {
        let copy = pn_reopen(fd)
        if copy < 0 { throw RunnerError.system("reopen a memory file", -copy) }
        return copy
    }
}

/// Why a runner or a run could not begin. Nothing was started.
public struct RunnerError: Error, Sendable, Hashable, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }

    static func system(_ attempt: String, _ number: Int32) -> RunnerError {
        RunnerError("cannot \(attempt): \(text(number))")
    }

    static func text(_ number: Int32) -> String { String(cString: pn_error(number)) }
}
