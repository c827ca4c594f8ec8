import API
import Basis
import Synchronization

/// A value that the loop writes and requests read.
///
/// A class since both sides share it; a lock guards the value.
public final class Shared<Value: Sendable>: Sendable {
    private let held: Mutex<Value>

    public init(_ value: sending Value) { held = Mutex(value) }

    public var value: Value { held.withLock { $0 } }

    public func change(_ body: (inout Value) -> Void) { held.withLock { body(&$0) } }
}
