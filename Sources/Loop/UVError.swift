import CLibuv

/// A call of the operating system through libuv that failed. The call had no effect, unless its own comment says so.
public struct UVError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was tried, in words that continue "cannot …", for example `listen on port 7717`.
    public let attempt: String
    /// libuv's negative number, for example −98 for an address in use.
    public let code: Int32

    public init(_ attempt: String, code: Int32) {
        self.attempt = attempt
        self.code = code
    }

    /// libuv's short name, for example `EADDRINUSE`.
    public var name: String { String(cString: uv_err_name(code)) }
    /// Why, in the system's words, for example `address already in use`.
    public var reason: String { String(cString: uv_strerror(code)) }
    public var description: String { "cannot \(attempt): \(reason)" }

    /// Throws if `result` is negative; otherwise returns it.
    @discardableResult
    public static func check(
        _ attempt: @autoclosure () -> String, _ result: Int32
    ) throws(UVError) -> Int32 {
        if result < 0 { throw UVError(attempt(), code: result) }
        return result
    }

    /// The loop was stopped: no handle is opened on it any more.
    public static func stopped(_ attempt: String) -> UVError {
        UVError(attempt, code: UV_ECANCELED.rawValue)
    }
}
