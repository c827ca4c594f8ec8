public import Basis

/// Measures over virtual time: one chart of a report, one CSV file (`simulation.md` 20).
public struct Series: Sendable, Hashable {
    public struct Row: Sendable, Hashable {
        public var at: Interval
        /// One for each column.
        public var values: [Int64]
        public init(at: Interval, values: [Int64]) {
            self.at = at
            self.values = values
        }
    }

    /// Name of the CSV file: `components`, `links`, `records`, `packets`, `traffic`, `views`, `jobs`, `credit`,
    /// `queues`, `work`, `coalition`.
    public var name: String
    /// Of the values: `peers`, `bytes/s`, `ms`, `micro-credits` …
    public var unit: String
    public var columns: [String]
    /// Drawn as a line of its own where there is one.
    public var limit: Int64?
    /// Ascending by time.
    public var rows: [Row]

    public init(name: String, unit: String, columns: [String], limit: Int64? = nil, rows: [Row] = []) {
        self.name = name
        self.unit = unit
        self.columns = columns
        self.limit = limit
        self.rows = rows
    }
}

/// One event as a person reads it.
public struct ToldEvent: Sendable, Hashable {
    public var number: UInt64
    public var at: Interval
    public var peer: Int
    /// Whom the message came from, if it is one.
    public var from: Int?
    public var kind: String
    public var text: String

    public init(number: UInt64, at: Interval, peer: Int, from: Int? = nil, kind: String, text: String) {
        self.number = number
        self.at = at
        self.peer = peer
        self.from = from
        self.kind = kind
        self.text = text
    }
}

/// Everything that a report says of one run.
public struct RunRecord: Sendable {
    public struct Judged: Sendable, Hashable {
        public var invariant: String
        public var statement: String
        /// How often it was judged.
        public var count: UInt64
        public init(invariant: String, statement: String, count: UInt64) {
            self.invariant = invariant
            self.statement = statement
            self.count = count
        }
    }

    public var plan: Plan
    public var seed: UInt64
    public var outcome: Outcome
    public var traceHash: UInt64
    public var events: UInt64
    /// Virtual time that passed.
    public var simulated: Interval
    /// Real time that passed; told by the shell, 0 if unknown.
    public var realMilliseconds: UInt64
    /// Of the build that ran; empty if unknown.
    public var commit: String
    public var judged: [Judged]
    /// Single figures with their unit, by name: `finality p99` = `412 ms`.
    public var figures: [(name: String, value: String)]
    /// What runs of several seeds are added up by.
    public var measures: [Measure]
    public var series: [Series]
    /// Faults as a strip under the charts: what, from, to.
    public var strip: [(text: String, from: Interval, to: Interval)]
    /// After a failure: the last events of its peers, oldest first.
    public var lastEvents: [ToldEvent]

    public init(plan: Plan, seed: UInt64, outcome: Outcome, traceHash: UInt64) {
        self.plan = plan
        self.seed = seed
        self.outcome = outcome
        self.traceHash = traceHash
        events = 0
        simulated = .zero
        realMilliseconds = 0
        commit = ""
        judged = []
        figures = []
        measures = []
        series = []
        strip = []
        lastEvents = []
    }
}
