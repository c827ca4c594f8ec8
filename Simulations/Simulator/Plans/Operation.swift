public import Basis

/// One thing that a client asks a peer to do (`simulation.md` 11).
public struct Operation: Sendable, Hashable {
    /// How a simulated task's answer comes about (`simulation.md` 9).
    public enum TaskClass: String, Sendable, CaseIterable {
        /// A digest of the frame: equal everywhere.
        case exact
        /// A truth plus an error per replica within the stated spread.
        case numeric
        /// Differs in every replica: a job that is not deterministic.
        case flaky
    }

    public struct Job: Sendable, Hashable {
        public var taskClass: TaskClass
        /// 1 to 9; the quorum is ⌊r/2⌋ + 1 unless given.
        public var replicas: Int
        /// How long one replica runs on an unhindered peer.
        public var runs: Interval
        /// Whether no offer fits it: it must end by its deadline, refunded.
        public var isUnservable: Bool

        public init(taskClass: TaskClass, replicas: Int, runs: Interval, isUnservable: Bool = false) {
            self.taskClass = taskClass
            self.replicas = replicas
            self.runs = runs
            self.isUnservable = isUnservable
        }
    }

    public enum Kind: Sendable, Hashable {
        case openJob(Job)
        /// Of the job that operation `id` opened.
        case cancelJob(operation: Int)
        case transfer(to: Int, micro: UInt64)
        /// Finds a peer's record from its id.
        case lookup(Int)
        case readBalance(of: Int)
        case join
        case leave
    }

    /// Unique within a plan.
    public var id: Int
    public var at: Interval
    /// The peer that is asked.
    public var by: Int
    public var kind: Kind

    public init(id: Int, at: Interval, by: Int, kind: Kind) {
        self.id = id
        self.at = at
        self.by = by
        self.kind = kind
    }
}
