import CLibuv
import Glibc
import Loop

/// A child process whose descriptors are exactly those that it is given.
///
/// Until its exit was reported its number names nobody else, so `kill` cannot hit a stranger.
final class UVChild: UVHandle {
    private(set) var pid: Int32 = 0
    private(set) var hasExited = false
    private var onExit: ((_ status: Int64, _ signal: Int32) -> Void)?

    /// Starts `arguments[0]` with `descriptors[i]` as its descriptor i, and an empty environment unless one is given.
    init(
        _ loop: UVLoop, arguments: [String], environment: [String] = [], descriptors: [Int32],
        onExit: @escaping (_ status: Int64, _ signal: Int32) -> Void
    ) throws(UVError) {
        try super.init(loop, UV_PROCESS, attempt: "make a process") { _, memory in
            // uv_spawn initialises it, and it must be closed even if that fails; so it is zero until then.
            memset(memory, 0, uv_handle_size(UV_PROCESS))
            return 0
        }
        self.onExit = onExit
        let result = spawn(arguments, environment, descriptors)
        if result < 0 {
            self.onExit = nil
            close()
            throw UVError("start \(arguments[0])", code: result)
        }
        pid = structure(uv_process_t.self).pointee.pid
    }

    func kill() {
        if isOpen && !hasExited { uv_process_kill(structure(uv_process_t.self), SIGKILL) }
    }

    override func didClose() { onExit = nil }

    private func spawn(_ arguments: [String], _ environment: [String], _ descriptors: [Int32]) -> Int32 {
        var words = arguments.map { strdup($0) } + [nil]
        var variables = environment.map { strdup($0) } + [nil]
        defer { for word in words + variables { free(word) } }
        var containers = descriptors.map { fd in
            var container = uv_stdio_container_t()
            container.flags = UV_INHERIT_FD
            container.data.fd = fd
            return container
        }
        let handle = structure(uv_process_t.self)
        let own = handle.pointee.data
        return words.withUnsafeMutableBufferPointer { words in
            variables.withUnsafeMutableBufferPointer { variables in
                containers.withUnsafeMutableBufferPointer { containers in
                    var options = uv_process_options_t()
                    options.file = UnsafePointer(words[0])
                    options.args = words.baseAddress
                    options.env = variables.baseAddress
                    options.stdio = containers.baseAddress
                    options.stdio_count = Int32(containers.count)
                    options.exit_cb = { UVChild.exited($0, $1, $2) }
                    let result = uv_spawn(loop.handle, handle, &options)
                    handle.pointee.data = own
                    return result
                }
            }
        }
    }

    private static func exited(
        _ handle: UnsafeMutablePointer<uv_process_t>?, _ status: Int64, _ signal: Int32
    ) {
        guard let data = handle?.pointee.data else { return }
        let child = Unmanaged<UVChild>.fromOpaque(data).takeUnretainedValue()
        child.hasExited = true
        let call = child.onExit
        child.close()
        call?(status, signal)
    }
}
