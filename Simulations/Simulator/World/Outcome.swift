public import Basis

/// A broken promise, with what a person needs to see it (`simulation.md` 15).
public struct Violation: Sendable, Hashable {
    /// Id of the invariant: `L4`.
    public var invariant: String
    public var at: Interval
    /// Number of the event at which it showed.
    public var event: UInt64
    public var peers: [Int]
    public var expected: String
    public var found: String

    public init(
        invariant: String, at: Interval, event: UInt64, peers: [Int], expected: String, found: String
    ) {
        self.invariant = invariant
        self.at = at
        self.event = event
        self.peers = peers
        self.expected = expected
        self.found = found
    }
}

/// How a run ended (`simulation.md` 3).
public enum Outcome: Sendable, Hashable {
    case passed
    case violated(Violation)
    /// A `must` was not met in its limit; who waits for what.
    case stuck(Must.ID, waits: [String])
    /// Finality was lost as the plan expected, and nothing unsafe happened.
    case halted
    /// The time or event limit of the caller came before an outcome.
    case exhausted
    /// A node trapped: told by the process that watched the run.
    case trapped(String)

    /// One word: `passed`, `violated(L4)`, `stuck(jobs_end)` …
    public var word: String {
        switch self {
        case .passed: "passed"
        case .violated(let violation): "violated(\(violation.invariant))"
        case .stuck(let must, _): "stuck(\(must.rawValue))"
        case .halted: "halted"
        case .exhausted: "exhausted"
        case .trapped: "trapped"
        }
    }
}

/// `simulation.md` 14.
public enum Phase: String, Sendable, CaseIterable {
    case boot, faults, calm, end
}

/// What one step of a world did.
public enum StepOutcome: Sendable, Hashable {
    case event
    case entered(Phase)
    case finished(Outcome)
}
