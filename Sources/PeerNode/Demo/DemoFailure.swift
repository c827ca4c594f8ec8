/// A step of the demo did not hold what it asserts, and why.
struct DemoFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    static func require(_ condition: Bool, _ otherwise: @autoclosure () -> String) throws {
        if !condition { throw DemoFailure(otherwise()) }
    }
}
