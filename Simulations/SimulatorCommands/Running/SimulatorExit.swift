import ArgumentParser
import Simulator

/// Exit codes of `simulation.md` 22.
enum SimulatorExit {
    static let failed = ExitCode(1)
    static let differs = ExitCode(2)
    static let exhausted = ExitCode(3)
    static let fault = ExitCode(70)
    static let unwritable = ExitCode(74)

    /// Over several runs the smallest non-zero of 1, 2, 3 wins; other codes are told as they are.
    static func worst(_ a: Int32, _ b: Int32) -> Int32 {
        if a == 0 { return b }
        if b == 0 { return a }
        return min(a, b)
    }

    static func code(_ record: RunRecord) -> Int32 {
        if record.plan.expects.isMet(by: record.outcome) { return 0 }
        return record.outcome == .exhausted ? 3 : 1
    }
}
