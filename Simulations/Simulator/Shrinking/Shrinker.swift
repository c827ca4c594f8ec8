import Basis

/// Makes a failing plan small (`simulation.md` 19): a candidate counts only if the same promise breaks.
///
/// Greedy and deterministic: the same input gives the same result. Draws of the network are counted per link, so
/// leaving a fault or a peer out changes nothing elsewhere.
public struct Shrinker {
    /// Whether a plan still fails in the same way; runs a world.
    public typealias Fails = (Plan) -> Bool

    /// Budget of worlds that may be run.
    public let runsMax: Int
    public private(set) var runs = 0
    public private(set) var best: Plan
    private let fails: Fails
    private let tell: (String, Plan) -> Void
    private let mayGoOn: () -> Bool

    /// - Parameters:
    ///   - tell: hears of every step that kept the failure, with the best plan so far.
    ///   - mayGoOn: false once the caller's time is over.
    public init(
        _ plan: Plan, runsMax: Int, mayGoOn: @escaping () -> Bool, tell: @escaping (String, Plan) -> Void,
        fails: @escaping Fails
    ) {
        best = plan
        self.runsMax = runsMax
        self.fails = fails
        self.tell = tell
        self.mayGoOn = mayGoOn
    }

    /// Runs until nothing helps or the budget is spent.
    public mutating func shrink() {
        var didHelp = true
        while didHelp, isInBudget {
            didHelp = false
            didHelp = dropFaults() || didHelp
            didHelp = dropAdversaries() || didHelp
            didHelp = shorten() || didHelp
            didHelp = dropOperations() || didHelp
            didHelp = dropPeers() || didHelp
            didHelp = soften() || didHelp
            didHelp = roundTimes() || didHelp
        }
    }

    private var isInBudget: Bool { runs < runsMax && mayGoOn() }

    /// Keeps `candidate` if it still fails.
    private mutating func keep(_ candidate: Plan, _ what: String) -> Bool {
        if candidate == best || !isInBudget { return false }
        runs += 1
        guard fails(candidate) else { return false }
        best = candidate
        tell(what, candidate)
        return true
    }

    // MARK: steps

    private mutating func dropFaults() -> Bool {
        without(count: { $0.faults.count }, "faults") { plan, range in plan.faults.removeSubrange(range) }
    }

    private mutating func dropOperations() -> Bool {
        without(count: { $0.operations.count }, "operations") { plan, range in
            let gone = plan.operations[range].map(\.id)
            plan.operations.removeSubrange(range)
            plan.operations.removeAll { operation in
                if case .cancelJob(let other) = operation.kind { gone.contains(other) } else { false }
            }
        }
    }

    private mutating func dropAdversaries() -> Bool {
        without(count: { $0.adversaries.count }, "adversaries") { plan, range in
            plan.adversaries.removeSubrange(range)
        }
    }

    /// Halves, quarters and so on of a list, down to single elements.
    private mutating func without(
        count: (Plan) -> Int, _ name: String, _ remove: (inout Plan, Range<Int>) -> Void
    ) -> Bool {
        var didHelp = false
        var size = count(best)
        while size >= 1, isInBudget {
            var start = 0
            while start < count(best), isInBudget {
                var candidate = best
                let end = min(start + size, count(best))
                remove(&candidate, start..<end)
                if keep(candidate, "\(name): \(count(candidate)) left") { didHelp = true } else { start += size }
            }
            size /= 2
        }
        return didHelp
    }

    /// Peers from the end that nothing names, then the rest of the network.
    private mutating func dropPeers() -> Bool {
        var didHelp = false
        var size = max(1, (best.peers.count - best.seatCount) / 2)
        while size >= 1, isInBudget {
            let left = best.peers.count - size
            if left >= max(best.seatCount, 1), keep(Shrinker.cut(best, to: left), "peers: \(left) left") {
                didHelp = true
                size = min(size, best.peers.count - best.seatCount)
                if size < 1 { break }
            } else {
                size /= 2
            }
        }
        return didHelp
    }

    /// The plan with its first `count` peers only: what names others is dropped or goes without them.
    static func cut(_ plan: Plan, to count: Int) -> Plan {
        var plan = plan
        plan.peers.removeSubrange(count...)
        plan.operations.removeAll { operation in
            if operation.by >= count { return true }
            switch operation.kind {
            case .transfer(let to, _): return to >= count
            case .lookup(let other), .readBalance(let other): return other >= count
            case .openJob, .cancelJob, .join, .leave: return false
            }
        }
        for i in plan.adversaries.indices {
            plan.adversaries[i].peers.removeAll { $0 >= count }
            plan.adversaries[i].victims.removeAll { $0 >= count }
        }
        plan.adversaries.removeAll { $0.peers.isEmpty }
        plan.faults = plan.faults.compactMap { $0.cut(to: count) }
        return plan
    }

    private mutating func shorten() -> Bool {
        var didHelp = false
        // Faults and work that begin after the failure were dropped already: the end can come sooner.
        let last = max(
            best.faults.map { $0.at + ($0.duration ?? .zero) }.max() ?? .zero, best.operations.map(\.at).max() ?? .zero)
        let calm = max(best.boot, last) + .seconds(1)
        if calm < best.calmAt {
            var candidate = best
            candidate.duration = candidate.duration + (calm - candidate.calmAt)
            candidate.calmAt = calm
            if keep(candidate, "calm at \(calm.milliseconds / 1_000) s") { didHelp = true }
        }
        return didHelp
    }

    /// The plainest network, and intensities to nothing.
    private mutating func soften() -> Bool {
        var didHelp = false
        for profile in [NetworkProfile.perfect, .lan, .internet] where best.network != profile {
            var candidate = best
            candidate.network = profile
            candidate.regions = []
            if keep(candidate, "network: \(profile.name)") {
                didHelp = true
                break
            }
        }
        var plain = best
        plain.ties = .insertion
        for i in plain.peers.indices {
            plain.peers[i].clockOffset = .zero
            plain.peers[i].driftPPM = 0
            plain.peers[i].cpuFactor = 1
            plain.peers[i].nat = .public
            plain.peers[i].region = 0
        }
        if keep(plain, "plain peers") { didHelp = true }
        return didHelp
    }

    /// Times to whole seconds.
    private mutating func roundTimes() -> Bool {
        var candidate = best
        func rounded(_ time: Interval) -> Interval { .seconds((time.nanoseconds + 500_000_000) / 1_000_000_000) }
        for i in candidate.faults.indices {
            candidate.faults[i].at = rounded(candidate.faults[i].at)
            candidate.faults[i].duration = candidate.faults[i].duration.map { max(.seconds(1), rounded($0)) }
        }
        candidate.faults.sort { $0.at != $1.at ? $0.at < $1.at : $0.id < $1.id }
        return keep(candidate, "round times")
    }
}
