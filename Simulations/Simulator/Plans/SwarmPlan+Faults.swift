import Basis

extension SwarmDraft {
    /// What may be on in a swarm run. Not there: what no honest build survives (`wipe` and `lying_sync` of a seat), and
    /// what needs a NAT.
    enum Sort: CaseIterable {
        case joinStorm, lose, leave, clockJump
        case partition, oneWay, clog, swizzle, blackHole, interfaceDown, udpBlocked
        case loss, burstLoss, delay, slowTail, duplicate, reorder, lateReplay, corrupt, bandwidth, mtu
        case crash, crashAtWrite, pause, slowCPU, clockSkew, clockDrift
        case diskError, diskFull, diskSlow, diskStall
    }

    /// Each sort is on with 1/2; how often and how hard is drawn for it alone.
    mutating func drawFaults() {
        if halts { loseQuorum() }
        for sort in Sort.allCases where oneIn(2) {
            switch sort {
            case .joinStorm: drawJoinStorm()
            case .lose, .leave: drawLosses(sort)
            case .clockJump: drawClockJumps()
            case .crash, .crashAtWrite: drawCrashes(sort)
            default:
                for _ in 0..<whole(1...4) {
                    let (at, duration) = window()
                    add(at, duration, weather(sort), who(sort))
                }
            }
        }
    }

    // MARK: below their use

    mutating func add(_ at: Interval, _ duration: Interval?, _ kind: Fault.Kind, _ whom: FaultSpec.Whom) {
        scenario.faults.append(FaultSpec(at: at, duration: duration, kind: kind, whom: whom))
    }

    /// A start after boot, and an end before calm.
    mutating func window() -> (at: Interval, duration: Interval) {
        let room = (calm - scenario.boot).milliseconds - 2_000
        let at = Int64.random(in: 0...room, using: &stream)
        let duration = min(wild(9, isSmall ? 15 : 17), room + 1_000 - at)
        return (scenario.boot + .milliseconds(at), .milliseconds(max(500, duration)))
    }

    /// N − Q + 1 seats: one more than a quorum can do without.
    mutating func loseQuorum() {
        let quorum = (seats + (seats + 2) / 3 + 1) / 2
        let lost = some(seats - quorum + 1, of: Array(0..<seats))
        for seat in lost { isSpent[seat] = true }
        add(window().at, nil, .lose(.peers([])), .who(.peers(lost)))
        budget = 0
    }

    mutating func drawJoinStorm() {
        let pool = observers.count
        if pool < 2 || newcomers > 0 { return }
        // The last ones, so that nobody who already lies or is asked by name starts late.
        var count = whole(1...max(1, pool / 5))
        for back in 0..<count where isSpent[peers - 1 - back] {
            count = back
            break
        }
        if count == 0 { return }
        let (at, duration) = window()
        newcomers = count
        add(at, nil, .joinStorm(.peers([]), over: min(duration, .seconds(10))), .newcomers(count))
    }

    /// Seats go as far as the budget lets them, observers one in ten.
    mutating func drawLosses(_ sort: Sort) {
        var gone = some(whole(0...max(0, observers.count / 10)), of: honest(observers))
        if budget > 0, oneIn(2) {
            gone += some(1, of: honest(Array(0..<seats)))
            budget -= 1
        }
        for peer in gone {
            isSpent[peer] = true
            let kind: Fault.Kind =
                sort == .lose
                ? .lose(.peers([])) : oneIn(2) ? .leaveSilent(.peers([])) : .leaveSigned(.peers([]))
            add(window().at, nil, kind, .who(.peers([peer])))
        }
    }

    /// A clock that jumped stays wrong, so a seat whose clock jumps far is one that is lost.
    mutating func drawClockJumps() {
        for _ in 0..<whole(1...3) {
            let isBack = oneIn(2)
            if budget > 0, oneIn(3), let seat = some(1, of: honest(Array(0..<seats))).first {
                budget -= 1
                isSpent[seat] = true
                jump([seat], wild(10, 22), isBack)
            } else if oneIn(2) {
                jump(some(1, of: honest(Array(0..<seats))), wild(3, 7), isBack)
            } else {
                jump(some(whole(1...3), of: honest(observers)), wild(6, 20), isBack)
            }
        }
    }

    mutating func jump(_ peers: [Int], _ milliseconds: Int64, _ isBack: Bool) {
        if peers.isEmpty { return }
        let by = Interval.milliseconds(isBack ? -milliseconds : milliseconds)
        add(window().at, nil, .clockJump(.peers([]), by: by), .who(.peers(peers)))
    }

    /// Each crash leaves its peers 5 s up after the one before, and is over before calm.
    mutating func drawCrashes(_ sort: Sort) {
        let pool = Array(0..<(peers - newcomers))
        for _ in 0..<whole(1...(isSmall ? 6 : 20)) {
            let at = window().at
            let restart = Interval.milliseconds(wild(7, isSmall ? 13 : 15))
            // Until when it may die, where a write kills it.
            let armed: Interval = sort == .crash ? .zero : .seconds(10)
            let up = at + armed + restart
            if up >= calm { continue }
            let ready = pool.filter { !isSpent[$0] && crashableFrom[$0] <= at }
            let met = some(oneIn(4) ? whole(1...max(1, peers / 3)) : 1, of: ready)
            if met.isEmpty { continue }
            for peer in met { crashableFrom[peer] = up + .seconds(5) }
            let disk: DiskFault =
                sort == .crash
                ? .loseUnsynced(pick([.seeded, .seeded, .all, .none]))
                : .crashAtWrite(whole(1...64), after: oneIn(2))
            add(
                at, sort == .crash ? nil : armed, .crash(.peers([]), restartAfter: restart, disk: disk),
                .who(.peers(met)))
        }
    }

    mutating func who(_ sort: Sort) -> FaultSpec.Whom {
        let pool = Array(0..<(peers - newcomers))
        let few = Selector.peers(some(oneIn(2) ? 1 : whole(1...max(1, peers / 3)), of: pool))
        switch sort {
        case .partition:
            return oneIn(3) ? .groups([few, .rest]) : .split(Chance(UInt32(whole(1...9)), in: 10))
        case .oneWay: return .pair(from: few, to: .rest)
        case .blackHole: return .pair(from: .peers(some(1, of: pool)), to: .rest)
        case .clockDrift: return .who(few)
        case .diskError, .diskFull, .diskStall: return .who(.peers(some(1, of: pool)))
        case .pause, .clog, .interfaceDown: return .who(oneIn(4) ? .leader : few)
        default: return .who(oneIn(3) ? .all : few)
        }
    }

    mutating func weather(_ sort: Sort) -> Fault.Kind {
        let none = Targets.peers([])
        switch sort {
        case .partition: return .partition(groups: [])
        case .oneWay: return .partitionOneWay(from: none, to: none)
        case .clog: return .clog(none)
        case .swizzle: return .swizzleClog([], gap: .milliseconds(wild(5, 11)))
        case .blackHole: return .blackHole(from: none, to: none)
        case .interfaceDown: return .interfaceDown(none)
        case .udpBlocked: return .udpBlocked(none)
        case .loss: return .loss(none, wildChance())
        case .burstLoss:
            return .burstLoss(none, BurstLoss(toBad: wildChance(), toGood: wildChance(), loss: wildChance()))
        case .delay: return .delay(none, add: .milliseconds(wild(3, 12)), factor: Int64(whole(1...4)))
        case .slowTail: return .slowTail(none, wildChance(), factor: wild(1, 8))
        case .duplicate: return .duplicate(none, wildChance())
        case .reorder: return .reorder(none, wildChance(), extra: .milliseconds(wild(3, 11)))
        case .lateReplay: return .lateReplay(none, wildChance(), after: .milliseconds(wild(12, 17)))
        case .corrupt: return .corrupt(none, wildChance())
        case .bandwidth:
            return .bandwidth(none, up: UInt64(wild(16, 24)), down: UInt64(wild(17, 26)))
        case .mtu: return .mtu(none, bytes: whole(576...1_232))
        case .pause: return .pause(none)
        case .slowCPU: return .slowCPU(none, factor: wild(1, 8))
        case .clockSkew:
            let by = wild(5, 22)
            return .clockSkew(none, by: .milliseconds(oneIn(2) ? by : -by))
        case .clockDrift: return .clockDrift(none, ppm: Int64(whole(-500...500)))
        case .diskError: return .disk(none, .error(wildChance()))
        case .diskFull: return .disk(none, .full(bytes: Int(wild(8, 20))))
        case .diskSlow: return .disk(none, .slow(factor: wild(1, 8)))
        case .diskStall: return .disk(none, .stall)
        case .joinStorm, .lose, .leave, .clockJump, .crash, .crashAtWrite: return .lose(none)
        }
    }
}
