extension Fault {
    /// The same fault in a network of the first `count` peers; nil if it meets nobody there.
    func cut(to count: Int) -> Fault? {
        func part(_ targets: Targets) -> Targets? {
            guard case .peers(let who) = targets else { return targets }
            let left = who.filter { $0 < count }
            return left.isEmpty ? nil : .peers(left)
        }
        var fault = self
        switch kind {
        case .partition(let groups):
            let left = groups.map { $0.filter { $0 < count } }.filter { !$0.isEmpty }
            if left.count < 2 { return nil }
            fault.kind = .partition(groups: left)
            return fault
        case .partitionOneWay(let from, let to):
            guard let a = part(from), let b = part(to) else { return nil }
            fault.kind = .partitionOneWay(from: a, to: b)
            return fault
        case .blackHole(let from, let to):
            guard let a = part(from), let b = part(to) else { return nil }
            fault.kind = .blackHole(from: a, to: b)
            return fault
        case .swizzleClog(let who, let gap):
            let left = who.filter { $0 < count }
            if left.isEmpty { return nil }
            fault.kind = .swizzleClog(left, gap: gap)
            return fault
        default:
            guard let made = kind.mapTargets(part) else { return nil }
            fault.kind = made
            return fault
        }
    }
}

extension Fault.Kind {
    /// The kind with other targets; nil if `change` gives none. For kinds with one target.
    func mapTargets(_ change: (Targets) -> Targets?) -> Fault.Kind? {
        switch self {
        case .partition, .partitionOneWay, .swizzleClog, .blackHole: self
        case .clog(let who): change(who).map { .clog($0) }
        case .loss(let who, let chance): change(who).map { .loss($0, chance) }
        case .burstLoss(let who, let burst): change(who).map { .burstLoss($0, burst) }
        case .delay(let who, let add, let factor): change(who).map { .delay($0, add: add, factor: factor) }
        case .slowTail(let who, let chance, let factor): change(who).map { .slowTail($0, chance, factor: factor) }
        case .duplicate(let who, let chance): change(who).map { .duplicate($0, chance) }
        case .reorder(let who, let chance, let extra): change(who).map { .reorder($0, chance, extra: extra) }
        case .lateReplay(let who, let chance, let after): change(who).map { .lateReplay($0, chance, after: after) }
        case .corrupt(let who, let chance): change(who).map { .corrupt($0, chance) }
        case .bandwidth(let who, let up, let down): change(who).map { .bandwidth($0, up: up, down: down) }
        case .mtu(let who, let bytes): change(who).map { .mtu($0, bytes: bytes) }
        case .natRebind(let who): change(who).map { .natRebind($0) }
        case .udpBlocked(let who): change(who).map { .udpBlocked($0) }
        case .interfaceDown(let who): change(who).map { .interfaceDown($0) }
        case .crash(let who, let after, let disk): change(who).map { .crash($0, restartAfter: after, disk: disk) }
        case .lose(let who): change(who).map { .lose($0) }
        case .pause(let who): change(who).map { .pause($0) }
        case .slowCPU(let who, let factor): change(who).map { .slowCPU($0, factor: factor) }
        case .clockSkew(let who, let by): change(who).map { .clockSkew($0, by: by) }
        case .clockDrift(let who, let ppm): change(who).map { .clockDrift($0, ppm: ppm) }
        case .clockJump(let who, let by): change(who).map { .clockJump($0, by: by) }
        case .disk(let who, let fault): change(who).map { .disk($0, fault) }
        case .joinStorm(let who, let over): change(who).map { .joinStorm($0, over: over) }
        case .leaveSilent(let who): change(who).map { .leaveSilent($0) }
        case .leaveSigned(let who): change(who).map { .leaveSigned($0) }
        case .turnByzantine(let who, let into): change(who).map { .turnByzantine($0, into: into) }
        }
    }
}
