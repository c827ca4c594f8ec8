import Basis
import Simulator

extension PlanWriter {
    static func fault(_ fault: Fault) -> PlainDocument {
        var fields: [Field] = [
            ("id", .number(fault.id)), ("kind", .text(fault.kind.name)), ("at", time(fault.at)),
        ]
        if let duration = fault.duration { fields.append(("for", time(duration))) }
        fields += whom(fault.kind)
        fields += parameters(fault.kind)
        return .mapping(fields)
    }

    static func whom(_ kind: Fault.Kind) -> [Field] {
        if case .partition(let groups) = kind { return [("groups", .list(groups.map { peers($0) }))] }
        let targets = kind.targets
        if let to = targets.to { return [("from", side(targets.who)), ("to", side(to))] }
        if case .peers(let list) = targets.who { return [("peers", peers(list))] }
        return [("who", side(targets.who))]
    }

    static func side(_ targets: Targets) -> PlainDocument {
        switch targets {
        case .peers(let list): peers(list)
        case .leader: .text("leader")
        case .seats(let count): .text("seat:\(count)")
        case .workers(let count): .text("worker:\(count)")
        }
    }

    static func parameters(_ kind: Fault.Kind) -> [Field] {
        switch kind {
        case .partition, .partitionOneWay, .clog, .blackHole, .natRebind, .udpBlocked, .interfaceDown, .lose, .pause,
            .leaveSilent, .leaveSigned:
            []
        case .swizzleClog(_, let gap): [("gap", time(gap))]
        case .loss(_, let p), .duplicate(_, let p), .corrupt(_, let p): [("p", chance(p))]
        case .burstLoss(_, let loss): burst(loss)
        case .delay(_, let add, let factor): [("add", time(add)), ("factor", .number(factor))]
        case .slowTail(_, let p, let factor): [("p", chance(p)), ("factor", .number(factor))]
        case .reorder(_, let p, let extra): [("p", chance(p)), ("extra", time(extra))]
        case .lateReplay(_, let p, let after): [("p", chance(p)), ("after", time(after))]
        case .bandwidth(_, let up, let down):
            [("up", .text(Scalar.text(bits: up))), ("down", .text(Scalar.text(bits: down)))]
        case .mtu(_, let bytes): [("bytes", .text(Scalar.text(bytes: bytes)))]
        case .crash(_, let restart, let disk):
            [("restart_after", time(restart)), ("disk", .mapping([("fault", .text(disk.name))] + details(disk)))]
        case .slowCPU(_, let factor): [("factor", .number(factor))]
        case .clockSkew(_, let by), .clockJump(_, let by): [("by", time(by))]
        case .clockDrift(_, let ppm): [("ppm", .number(ppm))]
        case .disk(_, let disk): details(disk)
        case .joinStorm(_, let over): [("over", time(over))]
        case .turnByzantine(_, let name): [("into", .text(name))]
        }
    }

    static func details(_ disk: DiskFault) -> [Field] {
        switch disk {
        case .loseUnsynced(let lost): [("lost", .text(lost.rawValue))]
        case .wipe, .stall, .lyingSync: []
        case .crashAtWrite(let write, let after): [("write", .number(write)), ("after", .flag(after))]
        case .error(let p): [("p", chance(p))]
        case .full(let bytes): [("bytes", .text(Scalar.text(bytes: bytes)))]
        case .slow(let factor): [("factor", .number(factor))]
        }
    }
}
