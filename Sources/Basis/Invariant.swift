/// Stops the process if `condition` is false: the program, not the world, is wrong (STYLE 4.2).
///
/// Unlike `precondition`, it prints its text in optimised builds too. `message` should carry the values involved.
@inlinable @inline(__always)
public func invariant(
    _ condition: @autoclosure () -> Bool, _ message: @autoclosure () -> String,
    file: StaticString = #fileID, line: UInt = #line
) {
    if !condition() { broken(message(), file: file, line: line) }
}

/// The failing half of `invariant`, out of line so that the check itself stays small.
@usableFromInline @inline(never)
func broken(_ message: String, file: StaticString, line: UInt) -> Never {
    fatalError(
        "invariant broken at \(file):\(line): \(message). This is a bug in peernode.",
        file: file, line: line)
}

/// Ends the process on a path that a correct program cannot reach.
public func unreachable(
    _ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) -> Never {
    broken(message(), file: file, line: line)
}
