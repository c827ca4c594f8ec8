import Basis
import Consensus
import Credits
import Gossip
import NodeCore
import Records
import Session

/// Faults begin and end; the weather is rebuilt from those under way (`simulation.md` 12).
extension World {
    mutating func begin(fault index: Int) {
        if phase == .calm || phase == .end { return }
        let fault = plan.faults[index]
        let met = meet(fault.kind)
        active[index] = met
        disturb(fault.kind, met)
        trace.event(now, order: order, peer: -1, kind: EventKind.fault.rawValue, payload: UInt64(index))
        tell(-1, "fault", "\(fault.kind.name) meets \(World.named(met))")
        apply(fault, index, met)
        if fault.kind.isInstant {
            active[index] = nil
            return
        }
        rebuildWeather()
        let until = World.instant(end(of: fault))
        if fault.duration != nil, until > now { queue.push(.faultEnds(index), at: until) }
    }

    static func named(_ met: [Int]) -> String {
        let first = met.prefix(12).map { String($0) }.joined(separator: ", ")
        return met.isEmpty ? "nobody" : met.count > 12 ? "\(met.count) peers: \(first), …" : "peers \(first)"
    }

    /// Whom the fault meets now.
    private mutating func meet(_ kind: Fault.Kind) -> [Int] {
        switch kind {
        case .partition(let groups): groups.flatMap { $0 }.sorted()
        case .swizzleClog(let who, _): who
        case .partitionOneWay(let from, _), .blackHole(let from, _): resolve(from)
        case .clog(let who), .loss(let who, _), .burstLoss(let who, _), .delay(let who, _, _),
            .slowTail(let who, _, _), .duplicate(let who, _), .reorder(let who, _, _), .lateReplay(let who, _, _),
            .corrupt(let who, _), .bandwidth(let who, _, _), .mtu(let who, _), .natRebind(let who),
            .udpBlocked(let who), .interfaceDown(let who), .crash(let who, _, _), .lose(let who), .pause(let who),
            .slowCPU(let who, _), .clockSkew(let who, _), .clockDrift(let who, _), .clockJump(let who, _),
            .disk(let who, _), .joinStorm(let who, _), .leaveSilent(let who), .leaveSigned(let who),
            .turnByzantine(let who, _):
            resolve(who)
        }
    }

    mutating func resolve(_ targets: Targets) -> [Int] {
        switch targets {
        case .peers(let who): return who
        case .leader:
            let views = (0..<plan.seatCount).compactMap { i in peers[i].isUp ? peers[i].node?.log?.replica : nil }
            guard let newest = views.max(by: { $0.view < $1.view }) else { return [] }
            return [Int(newest.facts().leader)]
        case .seats(let count):
            return drawn(count, (0..<plan.seatCount).filter { peers[$0].isUp })
        case .workers(let count):
            let busy = peers.indices.filter { peers[$0].isUp && !peers[$0].tasks.isEmpty }
            return drawn(count, busy)
        }
    }

    private mutating func drawn(_ count: Int, _ from: [Int]) -> [Int] {
        var rest = from
        var met: [Int] = []
        while met.count < count, !rest.isEmpty {
            met.append(rest.remove(at: Int(faultRng.next() % UInt64(rest.count))))
        }
        return met.sorted()
    }

    /// What a fault does to processes, clocks and disks at its begin.
    private mutating func apply(_ fault: Fault, _ index: Int, _ met: [Int]) {
        switch fault.kind {
        case .crash(_, let after, let disk):
            for i in met {
                if case .crashAtWrite(let left, let isAfter) = disk {
                    peers[i].crashAtWrite = (left, isAfter)
                    continue
                }
                crash(i, disk)
                toRestart.insert(i)
                queue.push(.restart(peer: i, fault: index), at: now + after)
            }
        case .lose: for i in met { lose(i) }
        case .pause: for i in met where peers[i].life == .up { peers[i].life = .paused }
        case .slowCPU(_, let factor): for i in met { peers[i].cpuFactor *= factor }
        case .clockSkew(_, let by), .clockJump(_, let by): for i in met { jump(i, by) }
        case .clockDrift(_, let ppm): for i in met { drift(i, ppm) }
        case .disk(_, let kind): for i in met { set(kind, i) }
        case .joinStorm(_, let over):
            for (k, i) in met.enumerated() {
                let at = now + .nanoseconds(over.nanoseconds * Int64(k) / Int64(max(1, met.count)))
                queue.push(.start(peer: i), at: at)
            }
        case .leaveSilent: for i in met { lose(i) }
        case .leaveSigned:
            for i in met {
                if isMembersOnly {
                    feed(i, peers[i].boot, .leave(.now))
                } else {
                    give(i, peers[i].boot, .leave(.now), .fault, UInt64(index))
                }
            }
        case .turnByzantine(_, let into): for i in met { turn(i, into) }
        default: break
        }
    }

    private mutating func jump(_ i: Int, _ by: Interval) {
        peers[i].clock.jump(by)
        if isMembersOnly { return feed(i, peers[i].boot, .clock(unixMilliseconds: peers[i].clock.wall(now))) }
        give(i, peers[i].boot, .transport(.clock(unixMilliseconds: peers[i].clock.wall(now))), .fault, 0)
    }

    private mutating func drift(_ i: Int, _ ppm: Int64) {
        peers[i].clock.drift(ppm, at: now)
        peers[i].armedAt = nil
        if isMembersOnly { armMember(i) } else { arm(i) }
    }

    private mutating func set(_ kind: DiskFault, _ i: Int) {
        switch kind {
        case .loseUnsynced, .wipe: break
        case .crashAtWrite(let left, let after): peers[i].crashAtWrite = (left, after)
        case .error(let chance): peers[i].writeError = chance
        case .full(let bytes): peers[i].bytesMax = peers[i].disk.bytes + bytes
        case .slow(let factor): peers[i].syncFactor = factor
        case .stall: peers[i].isStalled = true
        case .lyingSync: peers[i].isLying = true
        }
    }

    mutating func end(fault index: Int) {
        guard let met = active.remove(index) else { return }
        disturb(plan.faults[index].kind, met)
        trace.event(now, order: order, peer: -2, kind: EventKind.fault.rawValue, payload: UInt64(index))
        tell(-1, "fault", "\(plan.faults[index].kind.name) is over")
        switch plan.faults[index].kind {
        case .pause:
            for i in met where peers[i].life == .paused {
                peers[i].life = .up
                queueWake(i)
            }
        case .slowCPU(_, let factor): for i in met { peers[i].cpuFactor = max(1, peers[i].cpuFactor / factor) }
        case .clockSkew(_, let by): for i in met { jump(i, by * -1) }
        case .clockDrift: for i in met { drift(i, peers[i].plan.driftPPM) }
        case .disk(_, let kind): for i in met { mend(kind, i) }
        case .crash(_, _, .crashAtWrite): for i in met { peers[i].crashAtWrite = nil }
        default: break
        }
        rebuildWeather()
    }

    private mutating func mend(_ kind: DiskFault, _ i: Int) {
        switch kind {
        case .loseUnsynced, .wipe: break
        case .crashAtWrite: peers[i].crashAtWrite = nil
        case .error: peers[i].writeError = .never
        case .full: peers[i].bytesMax = .max
        case .slow: peers[i].syncFactor = 1
        case .stall: peers[i].isStalled = false
        case .lyingSync: peers[i].isLying = false
        }
    }

    // MARK: processes

    /// The process dies: memory, connections and an unsynced tail are lost.
    mutating func crash(_ i: Int, _ disk: DiskFault) {
        guard peers[i].isUp else { return }
        disturbedAt[i] = now
        peers[i].life = .down
        peers[i].boot += 1
        peers[i].node = nil
        peers[i].inbox = []
        peers[i].armedAt = nil
        peers[i].waiters = [:]
        peers[i].tasks = [:]
        peers[i].stages = [:]
        peers[i].submissions = [:]
        peers[i].blobs.crash()
        work.tickets[i] = nil
        let unsynced = peers[i].disk.unsyncedCount
        switch disk {
        case .wipe:
            peers[i].disk.wipe()
            note(.wiped, .wiped(i))
        case .loseUnsynced(.none): peers[i].disk.crash(keeping: unsynced)
        case .loseUnsynced(.all): peers[i].disk.crash(keeping: 0)
        default:
            let kept = Int(diskRng[i].next() % UInt64(unsynced + 1))
            if plant == .halfABatchSurvives {
                peers[i].disk.crashTearing(keeping: kept)
            } else {
                peers[i].disk.crash(keeping: kept)
            }
        }
        dropPipes(of: i, isSilent: false)
        dropSessions(of: i, isSilent: false)
        observations.append(.crashed(i))
        tell(i, "crash", "the process dies; \(unsynced) writes were not synced")
    }

    /// A crash that a write brought about, or a failure of the store; the process is started again after a moment.
    mutating func crashByFault(_ i: Int) {
        crash(i, .loseUnsynced(.seeded))
        toRestart.insert(i)
        queue.push(.restart(peer: i, fault: -1), at: now + .seconds(5))
    }

    mutating func restart(_ i: Int) {
        guard peers[i].life == .down, toRestart.remove(i) != nil else { return }
        tell(i, "start", "the process starts again")
        boot(i)
    }

    /// Gone for good, machine and all.
    private mutating func lose(_ i: Int) {
        guard peers[i].life != .gone else { return }
        disturbedAt[i] = now
        dropPipes(of: i, isSilent: true)
        dropSessions(of: i, isSilent: true)
        peers[i].life = .gone
        peers[i].boot += 1
        peers[i].node = nil
        peers[i].inbox = []
        toRestart.remove(i)
        observations.append(.crashed(i))
        tell(i, "lost", "the machine is gone")
    }

    // MARK: weather

    /// Notes that the surroundings of peers changed: checkers judge times only where nothing of the plan meets them.
    private mutating func disturb(_ kind: Fault.Kind, _ met: [Int]) {
        switch kind {
        case .partition, .partitionOneWay, .blackHole, .swizzleClog: for i in peers.indices { disturbedAt[i] = now }
        case .crash, .lose, .leaveSilent, .leaveSigned, .turnByzantine, .joinStorm: break
        default: for i in met { disturbedAt[i] = now }
        }
    }

    /// Since when no fault of path, clock, disk or CPU meets a peer whose process runs; nil if one does.
    func undisturbedSince(_ i: Int) -> Instant? {
        guard peers[i].life == .up else { return nil }
        for (index, met) in active {
            switch plan.faults[index].kind {
            case .partition, .partitionOneWay, .blackHole, .swizzleClog: return nil
            case .crash, .lose, .leaveSilent, .leaveSigned, .turnByzantine, .joinStorm: continue
            default: if met.contains(i) { return nil }
            }
        }
        return disturbedAt[i]
    }

    mutating func rebuildWeather() {
        var fresh = Weather(peers: peers.count)
        fresh.isCalm = phase == .calm || phase == .end
        for (index, met) in active { add(plan.faults[index].kind, met, to: &fresh) }
        let freed = peers.indices.contains { weather.peers[$0].isClogged && !fresh.peers[$0].isClogged }
        weather = fresh
        if freed { releaseClogged() }
    }

    private func add(_ kind: Fault.Kind, _ met: [Int], to fresh: inout Weather) {
        func each(_ change: (inout Weather.Local) -> Void) {
            for i in met {
                fresh.touched[i] = true
                change(&fresh.peers[i])
            }
        }
        func members(_ who: [Int]) -> [Bool] {
            var all = Array(repeating: false, count: peers.count)
            for i in who { all[i] = true }
            return all
        }
        switch kind {
        case .partition(let groups):
            var group = Array(repeating: Int16(-1), count: peers.count)
            for (g, all) in groups.enumerated() { for i in all { group[i] = Int16(g) } }
            fresh.partitions.append(group)
        case .partitionOneWay(_, let to):
            guard case .peers(let who) = to else { return }
            fresh.cuts.append((from: members(met), to: members(who)))
        case .blackHole(_, let to):
            guard case .peers(let who) = to else { return }
            fresh.cuts.append((from: members(met), to: members(who)))
            fresh.cuts.append((from: members(who), to: members(met)))
        case .clog, .swizzleClog: each { $0.isClogged = true }
        case .loss(_, let chance): each { $0.loss = $0.loss.combined(with: chance) }
        case .burstLoss(_, let burst): each { $0.burst = burst }
        case .delay(_, let add, let factor):
            each {
                $0.delayAdd = $0.delayAdd + add
                $0.delayFactor *= factor
            }
        case .slowTail(_, let chance, let factor):
            each {
                $0.slowTail = $0.slowTail.combined(with: chance)
                $0.slowTailFactor = max($0.slowTailFactor, factor)
            }
        case .duplicate(_, let chance): each { $0.duplicate = $0.duplicate.combined(with: chance) }
        case .reorder(_, let chance, let extra):
            each {
                $0.reorder = $0.reorder.combined(with: chance)
                $0.reorderExtra = max($0.reorderExtra, extra)
            }
        case .lateReplay(_, let chance, let after):
            each {
                $0.replay = $0.replay.combined(with: chance)
                $0.replayAfter = after
            }
        case .corrupt(_, let chance): each { $0.corrupt = $0.corrupt.combined(with: chance) }
        case .bandwidth(_, let up, let down):
            each {
                $0.upRate = $0.upRate == 0 ? up : min($0.upRate, up)
                $0.downRate = $0.downRate == 0 ? down : min($0.downRate, down)
            }
        case .mtu(_, let bytes): each { $0.mtu = min($0.mtu, bytes) }
        case .interfaceDown: each { $0.isInterfaceDown = true }
        case .udpBlocked: each { $0.isUDPBlocked = true }
        default: break
        }
    }

    /// Clogged packets come out in a burst.
    private mutating func releaseClogged() {
        let held = clogged
        clogged = []
        for one in held {
            if weather.peers[one.to].isClogged || weather.peers[one.sender].isClogged {
                clogged.append(one)
            } else {
                queue.push(.datagram(to: one.to, from: one.from, sender: one.sender, one.bytes), at: now)
            }
        }
    }
}

extension Fault.Kind {
    /// Whether it happens once and has no end of its own.
    var isInstant: Bool {
        switch self {
        case .crash(_, _, .crashAtWrite): false
        case .crash, .lose, .clockJump, .joinStorm, .leaveSilent, .leaveSigned, .turnByzantine, .natRebind: true
        default: false
        }
    }
}
