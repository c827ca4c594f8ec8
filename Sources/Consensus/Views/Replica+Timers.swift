import Basis
import Records
import Trust

extension Replica {
    /// D1–D5 of 4.4, and the timers that start and stop with demand (4.6, 4.7).
    mutating func updateDemand() {
        let before = reasons
        reasons = isActive || mode == .syncing || mode == .observer ? demandReasons() : []
        if reasons.subtracting(.vote).isEmpty {
            demandSince = nil
        } else if demandSince == nil {
            demandSince = now
        }
        guard isActive, seats.count > 1 else {
            disarm()
            return
        }
        if reasons.isEmpty {
            disarm()
            return
        }
        if timersStart == nil {
            timersStart = now
            armViewTimers()
        }
        if deadlines[.resend] == nil { armResend() }
        // The finalize votes for the tip went out Δ ago and were not enough.
        if reasons.contains(.tip), !before.contains(.tip), now - lastResend >= delta * 2 { resend() }
    }

    func demandReasons() -> DemandReasons {
        var out: DemandReasons = []
        if pool.entryCount > 0 { out.insert(.entries) }
        if executed.blocksDue > 0, executed.blocksDue > unexecutedCount { out.insert(.state) }
        if executed.isTimerArmed, wall >= clockDue { out.insert(.clock) }
        if isTipOpen, now >= tip.since + delta { out.insert(.tip) }
        if isActive, let record = views[view],
            record.notarizeMark != nil || record.nullifyMark
        {
            out.insert(.vote)
        }
        return out
    }

    /// Whether the tip is notarised and not final.
    var isTipOpen: Bool { tip.below > finalBelow }

    /// Heights between the executed block and the tip, as far as the blocks are held.
    var unexecutedCount: Int {
        guard let held = tree[tip.hash], held.header.height > executed.state.height else {
            return 0
        }
        return Int(clamping: held.header.height - executed.state.height)
    }

    /// The wall clock at which an armed timer makes a block due (D3).
    var clockDue: UInt64 {
        let base = (tree[tip.hash]?.header.timestamp ?? executed.timestamp) + limits.clockBlockMillis
        return leader == own ? base : base + limits.clockSkewMillisMax
    }

    func armed(_ count: Int64) -> Instant {
        (timersStart ?? now) + delay.backedOff(failedViews) * count
    }

    /// Full timers for every leader: here 4.8 will nullify at once when the leader's turn is to be skipped.
    mutating func armViewTimers() {
        let record = views[view] ?? ViewRecord()
        if record.nullifyMark { return }
        if leader != own, record.notarizeMark == nil { deadlines.set(.proposal, at: armed(2)) }
        deadlines.set(.progress, at: armed(3))
    }

    mutating func disarm() {
        timersStart = nil
        deadlines.cancel(.proposal)
        deadlines.cancel(.progress)
        deadlines.cancel(.resend)
        resendRounds = 0
    }

    /// Every 2Δ while there is demand. If the only reason is an own vote in an otherwise idle network, ever
    /// less often.
    mutating func armResend() {
        guard isActive, seats.count > 1 else { return }
        var interval = delta * 2
        if reasons == .vote {
            for _ in 0..<min(resendRounds, 12) { interval = min(interval * 2, .seconds(60)) }
        }
        deadlines.set(.resend, at: now + interval)
    }

    mutating func fireDue() {
        while let id = deadlines.popDue(now) {
            switch id {
            case .proposal, .progress:
                if isActive, !reasons.isEmpty {
                    mark("consensus.timerNullifies")
                    nullify()
                }
            case .resend:
                if isActive, !reasons.isEmpty {
                    resend()
                    resendRounds = reasons == .vote ? resendRounds + 1 : 0
                    armResend()
                }
            case .attestation: resendAttestation()
            case .status: statusDue()
            case .follow: followDue()
            case .wake: break
            }
            if mode == .stopped { return }
        }
    }

    /// The instant at which the wall clock shows `millis`, at most an hour ahead.
    func instant(ofWall millis: UInt64) -> Instant {
        let ahead = millis > wall ? min(millis - wall, 3_600_000) : 0
        return now + .milliseconds(Int64(ahead))
    }

    /// Calls again when time alone changes what `step` decides.
    mutating func scheduleWake() {
        deadlines.cancel(.wake)
        var times: [Instant] = []
        if isActive {
            if executed.isTimerArmed, !reasons.contains(.clock) {
                times.append(instant(ofWall: clockDue))
            }
            if isTipOpen { times.append(tip.since + delta) }
            if leader == own, pool.entryCount > 0, building == nil {
                times.append(pool.oldest + .milliseconds(Int64(limits.batchMillis)))
            }
            if case .time(let millis) = heldFor { times.append(instant(ofWall: millis)) }
            if case .time(let millis) = proposalHold { times.append(instant(ofWall: millis)) }
        }
        if mode == .syncing { times.append(syncingSince + Replica.syncingPatience) }
        if let since = demandSince { times.append(max(since, lastFinal) + Replica.stallAfter) }
        for (_, fetch) in fetches { times.append(fetch.deadline) }
        if let due = claimDue { times.append(due) }
        // Whatever was due already was acted upon in this call.
        if let next = times.filter({ $0 > now }).min() { deadlines.set(.wake, at: next) }
    }

    /// How long a start waits for Status of Q − 1 other seats (4.6).
    static let syncingPatience = Interval.seconds(2)
    /// Demand for so long without finality is a stall (15).
    static let stallAfter = Interval.seconds(10)
}
