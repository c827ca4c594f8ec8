import Basis
import Consensus
import Credits
import Gossip
import NodeCore
import Records
import Trust

/// Boot, faults, calm, end (`simulation.md` 14).
extension World {
    /// How much longer calm lasts while something has to come true and its limit has not passed.
    static let patience = Interval.seconds(5)

    mutating func enter(_ next: Phase) {
        if next == .end, plan.expects == .pass, isWaiting {
            return queue.push(.phase(.end), at: now + World.patience)
        }
        phase = next
        trace.event(
            now, order: order, peer: -3, kind: EventKind.phase.rawValue, payload: UInt64(next.rawValue.utf8.count))
        tell(-1, "phase", next.rawValue)
        switch next {
        case .boot, .faults: break
        case .calm: calmDown()
        case .end: finish()
        }
    }

    private mutating func calmDown() {
        for (index, _) in active { end(fault: index) }
        rebuildWeather()
        // Those that are not lost for good start again, half a second apart.
        for (k, i) in peers.indices.filter({ peers[$0].life == .down }).enumerated() {
            toRestart.insert(i)
            queue.push(.restart(peer: i, fault: -1), at: now + .milliseconds(Int64(k) * 500))
        }
        if plan.must.contains(where: { $0.id == .finality }) {
            probe = nil
            sendProbe()
        }
    }

    /// A transfer of one micro-credit from a live peer, which must be final soon.
    private mutating func sendProbe() {
        guard let i = peers.indices.first(where: { peers[$0].isLive && peers[$0].node?.log != nil }) else { return }
        let to = i == 0 ? 1 : 0
        let operation = Operation(
            id: -1, at: elapsed, by: i, kind: .transfer(to: min(to, peers.count - 1), micro: 1))
        probe = work.add(operation)
        operate(probe ?? 0)
    }

    // MARK: what must hold

    mutating func check() {
        defer { if outcome == nil { queue.push(.check, at: now + World.checkInterval) } }
        guard phase == .calm else { return }
        noteTop()
        if probe == nil || isProbeLost, plan.must.contains(where: { $0.id == .finality }) { sendProbe() }
        let past = elapsed - plan.calmAt
        var unmet: (Must.ID, [String])?
        var isLate = false
        for must in plan.must {
            let waits = waits(for: must.id)
            if waits.isEmpty { continue }
            if unmet == nil { unmet = (must.id, waits) }
            if past > limit(of: must), !isLate {
                unmet = (must.id, waits)
                isLate = true
            }
        }
        guard let (id, waits) = unmet else {
            let since = holdsSince ?? now
            holdsSince = since
            if now - since >= plan.holdFor { finish() }
            return
        }
        holdsSince = nil
        if isLate { conclude(.stuck(id, waits: waits)) }
    }

    /// Whether a condition does not hold yet and still may.
    private var isWaiting: Bool {
        let past = elapsed - plan.calmAt
        var isUnmet = false
        for must in plan.must where !waits(for: must.id).isEmpty {
            if past > limit(of: must) { return false }
            isUnmet = true
        }
        return isUnmet
    }

    private var isProbeLost: Bool {
        guard let probe else { return true }
        switch work.items[probe].state {
        case .skipped, .refused, .expired: return true
        default: return false
        }
    }

    private func limit(of must: Must) -> Interval {
        switch must.id {
        case .jobsEnd, .escrowsClosed: max(must.limit, latestDeadline + .seconds(60))
        // While jobs end there are new blocks, and somebody executes each of them first.
        case .heightsEqual, .rootsEqual: max(must.limit, latestDeadline + .seconds(90))
        // Tiny tables refuse, and each refusal bars a minute.
        case .oneComponent, .noneEclipsed, .linksFull:
            plan.limits == .tiny ? max(must.limit, .seconds(180)) : must.limit
        // `finality` counts from calm, when paths and seats come back, not from the probe.
        case .finality: must.limit + .seconds(30)
        default: must.limit
        }
    }

    /// How long after calm the last job may still run, by the ledgers.
    private var latestDeadline: Interval {
        var latest = Interval.zero
        for i in peers.indices where peers[i].isLive {
            guard let ledger = peers[i].node?.log?.ledger else { continue }
            for (_, job) in ledger.jobList where !job.state.isEnded {
                let total = UInt64(job.spec?.totalSeconds ?? 0) + UInt64(job.spec?.revealSeconds ?? 0)
                let left = Int64(clamping: job.openedAt + total * 1_000) - Int64(clamping: ledger.clock.ledgerTime)
                latest = max(latest, elapsed - plan.calmAt + .milliseconds(max(0, left)))
            }
            break
        }
        return latest
    }

    /// What every peer has had the time to reach: jobs and entries under way make new blocks at any time, so peers are
    /// measured by where the highest was a moment ago.
    static let settlingTime = Interval.seconds(10)

    private var settledTop: UInt64? { tops.last { now - $0.at >= World.settlingTime }?.height }

    private mutating func noteTop() {
        let top = peers.indices.map { peers[$0].isLive ? peers[$0].inLog { $0.ledger.height } ?? 0 : 0 }.max() ?? 0
        tops.append((now, top))
        if tops.count > 64 { tops.removeFirst(32) }
    }

    /// Who waits for what; empty if the condition holds.
    func waits(for must: Must.ID) -> [String] {
        let live = peers.indices.filter { peers[$0].isLive }
        let logs = live.filter { peers[$0].inLog { _ in true } ?? false }
        switch must {
        case .jobsEnd, .escrowsClosed:
            guard let i = logs.max(by: { peers[$0].executedHeight < peers[$1].executedHeight }) else { return [] }
            let open = peers[i].node?.log?.ledger.jobList.filter { !$0.1.state.isEnded } ?? []
            return open.prefix(8).map { "job \($0.0) is \($0.1.state)" }
        case .oneComponent: return components(live)
        case .noneEclipsed:
            return live.filter { i in !links(i).contains { peers[$0].isLive } }.prefix(8).map {
                "peer \($0) has no honest link"
            }
        case .heightsEqual, .rootsEqual:
            let heights = logs.map { peers[$0].inLog { $0.ledger.height } ?? 0 }
            guard let newest = heights.max() else { return [] }
            let top = settledTop ?? newest
            if must == .rootsEqual, heights.allSatisfy({ $0 >= top }) {
                for height in Set(heights).sorted() {
                    let there = zip(logs, heights).filter { $0.1 == height }
                    let roots = Set(there.compactMap { peers[$0.0].node?.log?.ledger.digest })
                    if roots.count > 1 { return ["\(roots.count) digests at height \(height)"] }
                }
                return []
            }
            return zip(logs, heights).filter { $0.1 < top }.prefix(8).map { i, height in
                let status = peers[i].node?.log?.replica.status
                let facts = status?.facts
                return "peer \(i) is at height \(height) of \(top); \(status.map { "\($0.kind)" } ?? ""), final "
                    + "\(facts?.finalHeight ?? 0), certified \(facts?.certifiedHeight ?? 0), "
                    + "view \(facts?.view ?? 0), hears "
                    + "\(facts?.heard ?? [])"
            }
        case .finality:
            guard let probe else { return ["no probe was sent"] }
            if case .certified = work.items[probe].state { return [] }
            return ["the probe entry is \(work.items[probe].state)"]
        case .linksFull:
            return live.filter { links($0).isEmpty && live.count > 1 }.prefix(8).map { "peer \($0) has no link" }
        case .quiet:
            return live.filter { peers[$0].inbox.count > 64 }.prefix(8).map {
                "peer \($0) has \(peers[$0].inbox.count) inputs waiting"
            }
        case .owesNothing:
            return live.filter { peers[$0].node != nil && peers[$0].node?.nextDeadline == nil }.map {
                "peer \($0) has no deadline"
            }
        case .haltsSafely:
            // Who wants nothing of the log needs not know, and an own vote in a view that did not end wants nothing; a
            // clock behind the chain is a reason of its own.
            return logs.filter { i in
                guard let replica = peers[i].node?.log?.replica else { return false }
                if case .clockOff = replica.status.kind { return false }
                return !replica.status.isStalled && !replica.reasons.subtracting(.vote).isEmpty
            }.prefix(8).map {
                "peer \($0) does not say that finality is lost"
            }
        }
    }

    /// Peers that a peer counts as links.
    func links(_ i: Int) -> [Int] {
        if isMembersOnly { return peers[i].member?.links ?? [] }
        return peers[i].node?.linked.keys.compactMap { byID[$0] } ?? []
    }

    private func hasLink(_ j: Int, to i: Int) -> Bool {
        isMembersOnly ? peers[j].member?.links.contains(i) == true : peers[j].node?.linked[peers[i].id] != nil
    }

    private func components(_ live: [Int]) -> [String] {
        guard let first = live.first else { return [] }
        // Who lies about results or votes still carries links; who lies about membership does not.
        var isLive = peers.map { $0.life == .up && !$0.attacksNetwork }
        for i in live { isLive[i] = true }
        var seen = Array(repeating: false, count: peers.count)
        seen[first] = true
        var stack = [first]
        var count = 1
        while let i = stack.popLast() {
            for j in links(i) where isLive[j] && !seen[j] && hasLink(j, to: i) {
                seen[j] = true
                if peers[j].isLive { count += 1 }
                stack.append(j)
            }
        }
        if count == live.count { return [] }
        let outside = live.filter { !seen[$0] }.prefix(6).map { i in
            let theirs = links(i).map { j in links(j).contains(i) ? "\(j)" : "\(j) (one-sided)" }
            return "peer \(i) links \(theirs.isEmpty ? "nobody" : theirs.joined(separator: ", ")) and knows "
                + "\(peers[i].node?.members.count ?? 0) members over \(peers[i].node?.paths.count ?? 0) sessions"
        }
        return ["\(count) of \(live.count) live peers are in the component of peer \(first)"] + outside
    }

    // MARK: the end

    mutating func finish() {
        guard outcome == nil else { return }
        var set = checkers
        checkers = .none
        let violation = set.atEnd(self)
        checkers = set
        if let violation { return conclude(.violated(violation)) }
        if plan.expects == .halt, waits(for: .haltsSafely).isEmpty { return conclude(.halted) }
        for must in plan.must {
            let waits = waits(for: must.id)
            if !waits.isEmpty { return conclude(.stuck(must.id, waits: waits)) }
        }
        conclude(.passed)
    }

    mutating func conclude(_ result: Outcome) {
        if outcome == nil { outcome = result }
    }
}
