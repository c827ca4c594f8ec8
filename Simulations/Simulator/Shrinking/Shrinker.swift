public import Basis

/// Makes a failing plan small (`simulation.md` 19): a candidate counts only if the same promise breaks.
///
/// It proposes; whoever runs the worlds says what failed. A value: `next()` supposes that every candidate before it is
/// refused, so a copy may run ahead of the answers, and several worlds at once give the same result as one after
/// another. Greedy and deterministic. Draws of the network are counted per link, so leaving a fault out changes
/// nothing elsewhere.
///
/// First the end of the run comes right after the failure, and the network shrinks to a handful: every later world
/// then costs a hundredth. Then faults, adversaries, single peers, operations, weather, times; again until nothing
/// helps.
public struct Shrinker: Sendable {
    /// How a plan fails.
    public struct Failure: Sendable, Hashable {
        /// Virtual time at which it shows.
        public var at: Interval
        /// Whom the violation names.
        public var peers: [Int]
        /// Whether something did not come true, which needs its whole limit to show.
        public var isStuck: Bool

        public init(at: Interval, peers: [Int] = [], isStuck: Bool = false) {
            self.at = at
            self.peers = peers
            self.isStuck = isStuck
        }
    }

    public struct Candidate: Sendable {
        public var plan: Plan
        /// What is less in it, for people.
        public var what: String
    }

    enum Step: Int, CaseIterable {
        case end, handful, faults, adversaries, peers, operations, network, plainness, times, lastSecond
    }

    public private(set) var best: Plan
    private var failure: Failure
    private var step = Step.end
    /// Of a list: how many elements are left out at a time; 0 before the first.
    private var size = 0
    /// Where the elements begin that the next candidate goes without.
    private var start = 0
    private var didHelp = false
    private var isOver = false
    /// Candidates that were proposed: no world runs twice.
    private var tried: Set<Plan> = []

    /// How long a run goes on after the failure: smaller networks are a little slower, or faster.
    static let slack = Interval.seconds(20)

    public init(_ plan: Plan, failure: Failure) {
        best = plan
        self.failure = failure
        tried = [plan]
    }

    /// The next candidate, supposing that those before are refused; nil once nothing helps any more.
    public mutating func next() -> Candidate? {
        while !isOver {
            if let made = propose() {
                if tried.insert(made.plan).inserted, isSound(made.plan) { return made }
                continue
            }
            advance()
        }
        return nil
    }

    /// Takes over the candidate that `next()` gave last: it fails in the same way.
    public mutating func keep(_ candidate: Candidate, failure: Failure) {
        best = candidate.plan
        self.failure = failure
        didHelp = true
        switch step {
        // What was left out is gone: the elements after it have moved to its place.
        case .faults, .adversaries, .peers, .operations: start -= size
        // The first that fails is the smallest.
        case .end, .handful, .network, .plainness, .times: advance()
        case .lastSecond: isOver = true
        }
    }

    // MARK: below their use

    /// A file of it would read: no more seats are gone than are tolerated, if so it was.
    private func isSound(_ plan: Plan) -> Bool {
        if plan.peers.isEmpty || !plan.hasSoundSeats && best.hasSoundSeats { return false }
        return plan.expects != .pass || plan.seatsGone.all <= plan.tolerated || best.seatsGone.all > best.tolerated
    }

    private mutating func advance() {
        (size, start) = (0, 0)
        if let following = Step(rawValue: step.rawValue + 1) {
            step = following
        } else if didHelp {
            didHelp = false
            step = .end
        } else {
            isOver = true
        }
    }

    /// The next candidate of this step; nil if it has no more.
    private mutating func propose() -> Candidate? {
        switch step {
        case .end: one(end())
        case .handful: handful()
        case .faults: without("faults", best.faults.count) { $0.faults.removeSubrange($1) }
        case .adversaries:
            without("adversaries", best.adversaries.count) { plan, range in
                plan.adversaries.removeSubrange(range)
                plan.dropTurnsToNobody()
            }
        case .peers:
            without("peers", best.peers.count) { plan, range in
                plan = plan.keeping(plan.peers.indices.filter { !range.contains($0) })
            }
        case .operations:
            without("operations", best.operations.count) { plan, range in
                plan.operations.removeSubrange(range)
                plan.dropCancelsOfNothing()
            }
        case .network: network()
        case .plainness: one(Candidate(plan: plain(), what: "plain peers"))
        case .times: one(Candidate(plan: rounded(), what: "round times"))
        case .lastSecond: one(lastSecond())
        }
    }

    private mutating func one(_ candidate: Candidate?) -> Candidate? {
        defer { start += 1 }
        return start == 0 ? candidate : nil
    }

    /// All elements of a list, halves, quarters and so on, down to single ones.
    private mutating func without(_ name: String, _ count: Int, _ remove: (inout Plan, Range<Int>) -> Void)
        -> Candidate?
    {
        if size == 0 {
            (size, start) = (count, 0)
        } else if start >= count {
            (size, start) = (min(size, count) / 2, 0)
        }
        if size == 0 || count == 0 { return nil }
        var plan = best
        let range = start..<min(start + size, count)
        remove(&plan, range)
        start += size
        return Candidate(plan: plan, what: "\(name): \(count - range.count) left")
    }

    // MARK: steps

    private func end() -> Candidate? {
        if !failure.isStuck {
            let plan = best.ending(at: failure.at, after: Shrinker.slack)
            return Candidate(plan: plan, what: "the end at \(plan.duration.milliseconds / 1_000) s")
        }
        // Calm may come as soon as all is over that was planned, and one promise is enough.
        let faults = best.faults.map { $0.at + ($0.duration ?? .zero) }.max() ?? .zero
        let calm = max(best.boot, max(faults, best.operations.map(\.at).max() ?? .zero)) + .seconds(1)
        if calm >= best.calmAt { return nil }
        var plan = best
        plan.duration = plan.duration + (calm - plan.calmAt)
        plan.calmAt = calm
        return Candidate(plan: plan, what: "calm at \(calm.milliseconds / 1_000) s")
    }

    /// Peers that may be enough, fewest first: whom the failure names, four seats, and none to thirty-two others. They
    /// do the work of all.
    private mutating func handful() -> Candidate? {
        let seats = best.seatCount
        let counts: [(seats: Int, others: Int)] = [(4, 0), (4, 4), (seats, 0), (4, 12), (seats, 8), (seats, 32)]
        while start < counts.count {
            defer { start += 1 }
            let count = counts[start]
            let named = failure.peers.filter { best.peers.indices.contains($0) }
            var isKept = best.peers.indices.map { named.contains($0) }
            func fill(_ range: Range<Int>, _ most: Int) {
                var left = most - range.count { isKept[$0] }
                for i in range where !isKept[i] && left > 0 {
                    isKept[i] = true
                    left -= 1
                }
            }
            fill(0..<seats, count.seats)
            fill(seats..<best.peers.count, count.others)
            let kept = best.peers.indices.filter { isKept[$0] }
            if kept.count < best.peers.count {
                return Candidate(plan: best.keeping(kept, takingOver: true), what: "peers: \(kept.count) left")
            }
        }
        return nil
    }

    /// The plainest network that will do.
    private mutating func network() -> Candidate? {
        let profiles = [NetworkProfile.perfect, .lan, .internet]
        while start < profiles.count, best.network != profiles[start] {
            defer { start += 1 }
            var plan = best
            plan.network = profiles[start]
            plan.regions = []
            return Candidate(plan: plan, what: "network: \(profiles[start].name)")
        }
        return nil
    }

    private func plain() -> Plan {
        var plan = best
        plan.ties = .insertion
        plan.regions = []
        for i in plan.peers.indices {
            plan.peers[i].clockOffset = .zero
            plan.peers[i].driftPPM = 0
            plan.peers[i].cpuFactor = 1
            plan.peers[i].nat = .public
            plan.peers[i].region = 0
        }
        return plan
    }

    /// Times of faults to whole seconds.
    private func rounded() -> Plan {
        var plan = best
        func rounded(_ time: Interval) -> Interval { .seconds((time.nanoseconds + 500_000_000) / 1_000_000_000) }
        for i in plan.faults.indices {
            plan.faults[i].at = min(rounded(plan.faults[i].at), max(.zero, plan.calmAt - .seconds(1)))
            plan.faults[i].duration = plan.faults[i].duration.map { max(.seconds(1), rounded($0)) }
        }
        plan.faults.sort { $0.at != $1.at ? $0.at < $1.at : $0.id < $1.id }
        return plan
    }

    /// At last the run need not go on for the sake of slower networks.
    private func lastSecond() -> Candidate? {
        if failure.isStuck || didHelp { return nil }
        return Candidate(plan: best.ending(at: failure.at, after: .seconds(1)), what: "the end")
    }
}
