public import Basis

/// A fault as a scenario asks for it (`simulation.md` 12).
public struct FaultSpec: Sendable, Hashable {
    /// Whom it meets.
    public enum Whom: Sendable, Hashable {
        case who(Selector)
        case pair(from: Selector, to: Selector)
        case groups([Selector])
        /// A share of all peers against the others.
        case split(Chance)
        /// So many peers that the network starts without: only for `join_storm`.
        case newcomers(Int)
    }

    /// nil: the expansion numbers it.
    public var id: Int?
    public var at: Interval
    /// nil: until calm.
    public var duration: Interval?
    /// Happens `times` times, `every` apart, each time with a draw of its own.
    public var times: Int
    public var every: Interval
    /// Its peers do not go at once but one by one within this time: only for `leave_silent` and `leave_signed`.
    public var over: Interval?
    /// The n-th repetition dies at the n-th write of this range: only for crashes at a write.
    public var writes: ClosedRange<Int>?
    /// Its targets are empty: `whom` says who they will be.
    public var kind: Fault.Kind
    public var whom: Whom

    public init(
        id: Int? = nil, at: Interval, duration: Interval? = nil, times: Int = 1, every: Interval = .zero,
        over: Interval? = nil, writes: ClosedRange<Int>? = nil, kind: Fault.Kind, whom: Whom
    ) {
        self.id = id
        self.at = at
        self.duration = duration
        self.times = times
        self.every = every
        self.over = over
        self.writes = writes
        self.kind = kind
        self.whom = whom
    }
}
