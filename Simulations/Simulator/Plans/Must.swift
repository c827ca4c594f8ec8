public import Basis

/// What has to come true once the network is calm (`simulation.md` 14).
public struct Must: Sendable, Hashable {
    public enum ID: String, Sendable, CaseIterable {
        case jobsEnd = "jobs_end"
        case escrowsClosed = "escrows_closed"
        case oneComponent = "one_component"
        case noneEclipsed = "none_eclipsed"
        case heightsEqual = "heights_equal"
        case rootsEqual = "roots_equal"
        case finality
        case linksFull = "links_full"
        case quiet
        case owesNothing = "owes_nothing"
        case haltsSafely = "halts_safely"

        /// From the start of calm.
        public var limit: Interval {
            switch self {
            // Beyond the latest deadline of a job.
            case .jobsEnd, .escrowsClosed: .seconds(60)
            case .oneComponent, .noneEclipsed, .haltsSafely: .seconds(60)
            case .heightsEqual, .rootsEqual: .seconds(90)
            case .finality: .seconds(5)
            case .linksFull, .quiet: .seconds(120)
            case .owesNothing: .seconds(30)
            }
        }

        /// One line for `list must` and reports.
        public var meaning: String {
            switch self {
            case .jobsEnd: "every opened job is settled, refunded or cancelled"
            case .escrowsClosed: "no escrow outlives its job"
            case .oneComponent: "live honest peers form one link graph"
            case .noneEclipsed: "every live honest peer has a link to an honest one"
            case .heightsEqual: "live peers with a ledger show one height"
            case .rootsEqual: "live peers with a ledger show one state digest"
            case .finality: "a probe entry is finalised within the limit"
            case .linksFull: "outbound links are complete while enough peers are known"
            case .quiet: "idle traffic is within its limit"
            case .owesNothing: "nobody waits for something without a deadline"
            case .haltsSafely: "nothing is finalised, and each node says why"
            }
        }
    }

    public var id: ID
    public var limit: Interval

    public init(_ id: ID, limit: Interval? = nil) {
        self.id = id
        self.limit = limit ?? id.limit
    }
}
