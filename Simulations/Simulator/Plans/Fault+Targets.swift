import Basis

extension Fault.Kind {
    /// Names of all kinds, as files write them; a disk fault is `disk_` and its own name.
    public static let names = [
        "partition", "partition_one_way", "clog", "swizzle_clog", "loss", "burst_loss", "delay", "slow_tail",
        "duplicate", "reorder", "late_replay", "corrupt", "bandwidth", "mtu", "black_hole", "nat_rebind",
        "udp_blocked", "interface_down", "crash", "lose", "pause", "slow_cpu", "clock_skew", "clock_drift",
        "clock_jump", "join_storm", "leave_silent", "leave_signed", "turn_byzantine",
    ] + DiskFault.names.map { "disk_" + $0 }

    /// As files write it.
    public var name: String {
        switch self {
        case .partition: "partition"
        case .partitionOneWay: "partition_one_way"
        case .clog: "clog"
        case .swizzleClog: "swizzle_clog"
        case .loss: "loss"
        case .burstLoss: "burst_loss"
        case .delay: "delay"
        case .slowTail: "slow_tail"
        case .duplicate: "duplicate"
        case .reorder: "reorder"
        case .lateReplay: "late_replay"
        case .corrupt: "corrupt"
        case .bandwidth: "bandwidth"
        case .mtu: "mtu"
        case .blackHole: "black_hole"
        case .natRebind: "nat_rebind"
        case .udpBlocked: "udp_blocked"
        case .interfaceDown: "interface_down"
        case .crash: "crash"
        case .lose: "lose"
        case .pause: "pause"
        case .slowCPU: "slow_cpu"
        case .clockSkew: "clock_skew"
        case .clockDrift: "clock_drift"
        case .clockJump: "clock_jump"
        case .disk(_, let fault): "disk_" + fault.name
        case .joinStorm: "join_storm"
        case .leaveSilent: "leave_silent"
        case .leaveSigned: "leave_signed"
        case .turnByzantine: "turn_byzantine"
        }
    }

    /// Whom it meets; `to` where it has two sides. A partition's groups and the peers of a swizzle are not `Targets`.
    public var targets: (who: Targets, to: Targets?) {
        switch self {
        case .partition(let groups): (.peers(groups.flatMap { $0 }.sorted()), nil)
        case .swizzleClog(let peers, _): (.peers(peers), nil)
        case .partitionOneWay(let from, let to), .blackHole(let from, let to): (from, to)
        case .clog(let who), .loss(let who, _), .burstLoss(let who, _), .delay(let who, _, _),
            .slowTail(let who, _, _), .duplicate(let who, _), .reorder(let who, _, _), .lateReplay(let who, _, _),
            .corrupt(let who, _), .bandwidth(let who, _, _), .mtu(let who, _), .natRebind(let who),
            .udpBlocked(let who), .interfaceDown(let who), .crash(let who, _, _), .lose(let who), .pause(let who),
            .slowCPU(let who, _), .clockSkew(let who, _), .clockDrift(let who, _), .clockJump(let who, _),
            .disk(let who, _), .joinStorm(let who, _), .leaveSilent(let who), .leaveSigned(let who),
            .turnByzantine(let who, _):
            (who, nil)
        }
    }

    /// The same fault for others. Groups stay; a swizzle takes peers only.
    public func meeting(_ who: Targets, to: Targets = .peers([])) -> Fault.Kind {
        switch self {
        case .partition: self
        case .partitionOneWay: .partitionOneWay(from: who, to: to)
        case .blackHole: .blackHole(from: who, to: to)
        case .clog: .clog(who)
        case .swizzleClog(_, let gap):
            if case .peers(let peers) = who { .swizzleClog(peers, gap: gap) } else { self }
        case .loss(_, let chance): .loss(who, chance)
        case .burstLoss(_, let burst): .burstLoss(who, burst)
        case .delay(_, let add, let factor): .delay(who, add: add, factor: factor)
        case .slowTail(_, let chance, let factor): .slowTail(who, chance, factor: factor)
        case .duplicate(_, let chance): .duplicate(who, chance)
        case .reorder(_, let chance, let extra): .reorder(who, chance, extra: extra)
        case .lateReplay(_, let chance, let after): .lateReplay(who, chance, after: after)
        case .corrupt(_, let chance): .corrupt(who, chance)
        case .bandwidth(_, let up, let down): .bandwidth(who, up: up, down: down)
        case .mtu(_, let bytes): .mtu(who, bytes: bytes)
        case .natRebind: .natRebind(who)
        case .udpBlocked: .udpBlocked(who)
        case .interfaceDown: .interfaceDown(who)
        case .crash(_, let restart, let disk): .crash(who, restartAfter: restart, disk: disk)
        case .lose: .lose(who)
        case .pause: .pause(who)
        case .slowCPU(_, let factor): .slowCPU(who, factor: factor)
        case .clockSkew(_, let by): .clockSkew(who, by: by)
        case .clockDrift(_, let ppm): .clockDrift(who, ppm: ppm)
        case .clockJump(_, let by): .clockJump(who, by: by)
        case .disk(_, let fault): .disk(who, fault)
        case .joinStorm(_, let over): .joinStorm(who, over: over)
        case .leaveSilent: .leaveSilent(who)
        case .leaveSigned: .leaveSigned(who)
        case .turnByzantine(_, let name): .turnByzantine(who, into: name)
        }
    }
}

extension DiskFault {
    /// Names of all kinds, as files write them.
    public static let names = [
        "lose_unsynced", "wipe", "crash_at_write", "error", "full", "slow", "stall", "lying_sync",
    ]

    /// As files write it.
    public var name: String {
        switch self {
        case .loseUnsynced: "lose_unsynced"
        case .wipe: "wipe"
        case .crashAtWrite: "crash_at_write"
        case .error: "error"
        case .full: "full"
        case .slow: "slow"
        case .stall: "stall"
        case .lyingSync: "lying_sync"
        }
    }
}
