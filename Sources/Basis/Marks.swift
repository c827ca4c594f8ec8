/// Notes that a rare path was taken, so that a test can expect it (STYLE 9.5). Free of cost worth naming where no
/// test listens.
public func mark(_ name: StaticString) {
    MarkRecorder.current?.note("\(name)")
}

/// Collects the marks hit while its `record` runs. One task uses it at a time, so it needs no lock.
public final class MarkRecorder: @unchecked Sendable {
    @TaskLocal static var current: MarkRecorder?

    /// How often each mark was hit.
    public private(set) var counts: [String: Int] = [:]

    public init() {}

    /// Runs `body` and collects its marks here.
    public func record<T>(_ body: () throws -> T) rethrows -> T {
        try MarkRecorder.$current.withValue(self, operation: body)
    }

    func note(_ name: String) { counts[name, default: 0] += 1 }
}
