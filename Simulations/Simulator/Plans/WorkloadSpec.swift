public import Basis

/// Operations of one sort, as a rate (`simulation.md` 11).
public struct WorkloadSpec: Sendable, Hashable {
    /// How the times lie in the window.
    public enum Arrivals: Sendable, Hashable {
        /// Equally far apart.
        case steady
        /// Independent of one another: uniform times, which is what a Poisson process is once its count is known.
        case poisson
        /// Eight within a second, then nothing for a while.
        case bursts
        /// As `poisson`; every second transfer is to one account, and all lookups and reads are of one.
        case hot
        /// So many users who ask, think, and ask again; `rate` is not used.
        case closed(users: Int, think: Interval)
    }

    /// So many in a time: `2/s`, `30/min`.
    public struct Rate: Sendable, Hashable {
        public var count: UInt64
        /// Above 0.
        public var per: Interval
        public init(_ count: UInt64, per: Interval) {
            self.count = count
            self.per = per
        }

        /// How many in a window; at most 2²⁰.
        public func times(_ window: Interval) -> Int {
            if window <= .zero { return 0 }
            let wide = count.multipliedFullWidth(by: UInt64(window.nanoseconds))
            let unit = UInt64(max(1, per.nanoseconds))
            if wide.high >= unit { return 1 << 20 }
            return Int(min(unit.dividingFullWidth(wide).quotient, 1 << 20))
        }
    }

    public enum Kind: Sendable, Hashable {
        /// `runs`: bounds of how long a replica runs; `unservable`: share that no offer fits; `cancelled`: share that
        /// is cancelled 1 to 10 s later.
        case openJob(
            taskClass: Operation.TaskClass, replicas: Int, runs: ClosedRange<Interval>, unservable: Chance,
            cancelled: Chance)
        /// Bounds of the amount, micro-credits.
        case transfer(ClosedRange<UInt64>)
        case lookup
        case readBalance
    }

    public var kind: Kind
    public var arrivals: Arrivals
    public var rate: Rate
    /// Who is asked; nil: honest observers that start with the network, or all such peers if there are none.
    public var by: Selector?
    /// nil: the end of boot.
    public var from: Interval?
    /// nil: the start of calm, or 20 s before the end if work goes on in calm.
    public var until: Interval?

    public init(
        _ kind: Kind, arrivals: Arrivals = .poisson, rate: Rate = Rate(1, per: .seconds(1)), by: Selector? = nil,
        from: Interval? = nil, until: Interval? = nil
    ) {
        self.kind = kind
        self.arrivals = arrivals
        self.rate = rate
        self.by = by
        self.from = from
        self.until = until
    }

    var opensJobs: Bool {
        if case .openJob = kind { true } else { false }
    }
}
