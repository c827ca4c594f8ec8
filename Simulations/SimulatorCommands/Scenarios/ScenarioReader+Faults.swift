import Basis
import Simulator

extension ScenarioReader {
    static let whenFields = ["id", "kind", "at", "for", "every", "times"]

    /// Fields that each kind has besides when and whom.
    static func parameters(of kind: String) -> [String] {
        switch kind {
        case "swizzle_clog": ["gap"]
        case "loss", "duplicate", "corrupt": ["p"]
        case "burst_loss": ["to_bad", "to_good", "loss"]
        case "delay": ["add", "factor"]
        case "slow_tail": ["p", "factor"]
        case "reorder": ["p", "extra"]
        case "late_replay": ["p", "after"]
        case "bandwidth": ["up", "down"]
        case "mtu", "disk_full": ["bytes"]
        case "crash": ["restart_after", "disk"]
        case "slow_cpu", "disk_slow": ["factor"]
        case "clock_skew", "clock_jump": ["by"]
        case "clock_drift": ["ppm"]
        case "join_storm", "leave_silent", "leave_signed": ["over"]
        case "turn_byzantine": ["into"]
        case "disk_lose_unsynced": ["lost"]
        case "disk_crash_at_write": ["write", "after"]
        case "disk_error": ["p"]
        default: []
        }
    }

    static func whomFields(of kind: String) -> [String] {
        switch kind {
        case "partition": ["groups", "split"]
        case "partition_one_way", "black_hole": ["from", "to"]
        case "join_storm", "leave_silent", "leave_signed": ["who", "peers", "count"]
        default: ["who", "peers"]
        }
    }

    mutating func readFaults(_ top: Fields) {
        var seen: Set<Int> = []
        for item in fields.items(top["faults"], "\"faults\"") {
            guard case .mapping(let entries) = item.content else {
                _ = fields.fields(item, of: "a fault", Self.whenFields)
                continue
            }
            guard let name = kind(of: item, entries) else { continue }
            let allowed = Self.whenFields + Self.whomFields(of: name) + Self.parameters(of: name)
            guard let given = fields.fields(item, of: "a \(name)", allowed) else { continue }
            guard let spec = readFault(given, name) else { continue }
            if let id = spec.id, !seen.insert(id).inserted {
                fields.report(
                    given["id"] ?? item, "two faults have the id \(id)", why: "reports call faults by their ids",
                    fix: "number one of them otherwise")
            }
            checkTimes(spec, given)
            scenario.faults.append(spec)
        }
    }

    mutating func kind(of item: Document, _ entries: [Document.Entry]) -> String? {
        guard let node = entries.first(where: { $0.key == "kind" })?.value else {
            fields.report(
                item, "the fault has no \"kind\"", why: "a fault is something that goes wrong",
                fix: "add kind: crash, or another of `peersim list faults`")
            return nil
        }
        guard let name = fields.text(node, "\"kind\"") else { return nil }
        if Fault.Kind.names.contains(name) { return name }
        let later = [
            "upgrade", "buggify", "disk_torn", "disk_read_error", "disk_corrupt_read", "disk_torn_write",
        ]
        if later.contains(name) {
            fields.report(
                node, "fault kind \"\(name)\" belongs to a later stage", why: "it would do nothing in this build",
                fix: "leave it out; `peersim list faults` prints what there is")
            return nil
        }
        fields.unknown(
            node, name, "fault kind", Fault.Kind.names, list: "faults",
            why: "kinds are a closed list, so that a misspelt fault cannot quietly do nothing")
        return nil
    }

    mutating func readFault(_ given: Fields, _ name: String) -> FaultSpec? {
        let at = fields.needed(given, "at", of: "a fault", Scalar.duration)
        let whom = readWhom(given, name)
        let before = fields.mistakes.count
        let template = readKind(given, name)
        if template == nil, fields.mistakes.count == before {
            fields.report(given.node, "this \(name) is incomplete", why: "it lacks a value", fix: "see its fields")
        }
        let duration = fields.value(given, "for", Scalar.positiveDuration)
        let times = fields.value(given, "times", Scalar.whole(1...10_000))
        let every = fields.value(given, "every", Scalar.positiveDuration)
        if (given["times"] == nil) != (given["every"] == nil), let key = given.key("times") ?? given.key("every") {
            fields.report(
                key, "\"times\" and \"every\" belong together", why: "a fault is repeated so often, so far apart",
                fix: "give both, or neither")
        }
        guard let at, let whom, let template else { return nil }
        var spec = FaultSpec(
            id: fields.value(given, "id", Scalar.whole(0...100_000_000)), at: at, duration: duration,
            times: times ?? 1, every: every ?? .zero, kind: template.0, whom: whom)
        spec.writes = template.writes
        if name.hasPrefix("leave") { spec.over = fields.value(given, "over", Scalar.positiveDuration) }
        if costsSeats(spec) { costly = given.node }
        return spec
    }

    func costsSeats(_ spec: FaultSpec) -> Bool {
        guard case .who(let who) = spec.whom else { return false }
        switch spec.kind {
        case .lose, .leaveSilent, .leaveSigned, .turnByzantine: return !scenario.seats(of: who).isEmpty
        default: return false
        }
    }

    mutating func readWhom(_ given: Fields, _ name: String) -> FaultSpec.Whom? {
        switch name {
        case "partition": return readSides(given)
        case "partition_one_way", "black_hole":
            for side in ["from", "to"] where given[side] == nil { fields.missing(side, in: given, of: "a \(name)") }
            guard let from = given["from"], let to = given["to"] else { return nil }
            let here = fields.selector(from, cast, isEarly: false, takesRest: true)
            let there = fields.selector(to, cast, isEarly: false, takesRest: true)
            guard let here, let there else { return nil }
            if here == .rest, there == .rest || there.isDecidedLate || here == there {
                fields.report(
                    from, "\"rest\" has nothing to be the rest of", why: "it is what the other side leaves",
                    fix: "name the other side")
                return nil
            }
            return .pair(from: here, to: there)
        default:
            if given["count"] != nil {
                guard let count = fields.value(given, "count", Scalar.whole(1...max(1, cast.peers - cast.seats)))
                else { return nil }
                return name == "join_storm" ? .newcomers(count) : .who(.random(.count(count), of: .observers))
            }
            guard let node = given["who"] ?? given["peers"] else {
                fields.report(
                    given.node, "\"who\" is missing", why: "a \(name) meets somebody",
                    fix: "add who: \"random:3\", or peers: [4, 5]")
                return nil
            }
            let isEarly = name == "swizzle_clog" || name == "join_storm"
            return fields.selector(node, cast, isEarly: isEarly, takesRest: false).map { .who($0) }
        }
    }

    mutating func readSides(_ given: Fields) -> FaultSpec.Whom? {
        if given["split"] != nil { return fields.value(given, "split", Scalar.chance).map { .split($0) } }
        guard let list = given["groups"] else {
            fields.report(
                given.node, "the partition has no sides", why: "it says who cannot reach whom",
                fix: "add split: 50%, or groups: [\"seat:1\", rest]")
            return nil
        }
        let items = fields.items(list, "\"groups\"")
        let groups = items.compactMap { fields.selector($0, cast, isEarly: true, takesRest: true) }
        if groups.count < items.count { return nil }
        if groups.count < 2, !items.isEmpty {
            fields.report(
                list, "one group is partitioned from nobody", why: "a peer in no group reaches all",
                fix: "add a second group, such as rest")
            return nil
        }
        return .groups(groups)
    }

    /// The fault with empty targets; `writes` where it dies at several.
    mutating func readKind(_ given: Fields, _ name: String) -> (Fault.Kind, writes: ClosedRange<Int>?)? {
        let none = Targets.peers([])
        let what = "a \(name)"
        func chance(_ make: (Chance) -> Fault.Kind) -> (Fault.Kind, ClosedRange<Int>?)? {
            fields.needed(given, "p", of: what, Scalar.chance).map { (make($0), nil) }
        }
        func time(_ field: String, _ parse: (String) throws(Wrong) -> Interval) -> Interval? {
            fields.needed(given, field, of: what, parse)
        }
        func factor(_ range: ClosedRange<Int> = 1...1_000_000) -> Int64? {
            fields.needed(given, "factor", of: what, Scalar.whole(range)).map(Int64.init)
        }
        func plain(_ kind: Fault.Kind?) -> (Fault.Kind, ClosedRange<Int>?)? { kind.map { ($0, nil) } }
        switch name {
        case "partition": return (.partition(groups: []), nil)
        case "partition_one_way": return (.partitionOneWay(from: none, to: none), nil)
        case "black_hole": return (.blackHole(from: none, to: none), nil)
        case "clog": return (.clog(none), nil)
        case "swizzle_clog": return plain(time("gap", Scalar.duration).map { .swizzleClog([], gap: $0) })
        case "loss": return chance { .loss(none, $0) }
        case "duplicate": return chance { .duplicate(none, $0) }
        case "corrupt": return chance { .corrupt(none, $0) }
        case "burst_loss": return plain(readBurst(given, of: what).map { .burstLoss(none, $0) })
        case "delay":
            let add = fields.value(given, "add", Scalar.duration) ?? .zero
            let by = fields.value(given, "factor", Scalar.whole(1...1_000_000)) ?? 1
            return (.delay(none, add: add, factor: Int64(by)), nil)
        case "slow_tail":
            guard let by = factor() else { return nil }
            return chance { .slowTail(none, $0, factor: by) }
        case "reorder":
            guard let extra = time("extra", Scalar.duration) else { return nil }
            return chance { .reorder(none, $0, extra: extra) }
        case "late_replay":
            guard let after = time("after", Scalar.duration) else { return nil }
            return chance { .lateReplay(none, $0, after: after) }
        case "bandwidth":
            let up = fields.needed(given, "up", of: what, Scalar.bits)
            let down = fields.needed(given, "down", of: what, Scalar.bits)
            if let up, let down { return (.bandwidth(none, up: up, down: down), nil) }
            return nil
        case "mtu": return plain(fields.needed(given, "bytes", of: what, Scalar.size).map { .mtu(none, bytes: $0) })
        case "nat_rebind": return (.natRebind(none), nil)
        case "udp_blocked": return (.udpBlocked(none), nil)
        case "interface_down": return (.interfaceDown(none), nil)
        case "crash": return readCrash(given)
        case "lose": return (.lose(none), nil)
        case "pause": return (.pause(none), nil)
        case "slow_cpu": return plain(factor().map { .slowCPU(none, factor: $0) })
        case "clock_skew": return plain(time("by", Scalar.signedDuration).map { .clockSkew(none, by: $0) })
        case "clock_jump": return plain(time("by", Scalar.signedDuration).map { .clockJump(none, by: $0) })
        case "clock_drift":
            let ppm = fields.needed(given, "ppm", of: what, Scalar.whole(-100_000...100_000))
            return plain(ppm.map { .clockDrift(none, ppm: Int64($0)) })
        case "join_storm": return plain(time("over", Scalar.duration).map { .joinStorm(none, over: $0) })
        case "leave_silent": return (.leaveSilent(none), nil)
        case "leave_signed": return (.leaveSigned(none), nil)
        case "turn_byzantine": return readTurn(given)
        default:
            return readDisk(given, String(name.dropFirst("disk_".count))).map { (.disk(none, $0.fault), $0.writes) }
        }
    }

    mutating func readTurn(_ given: Fields) -> (Fault.Kind, writes: ClosedRange<Int>?)? {
        guard let node = given["into"], let into = fields.text(node, "\"into\"") else {
            fields.missing("into", in: given, of: "a turn_byzantine")
            return nil
        }
        if !fields.known(into, "adversary", cast.adversaries, at: node) { return nil }
        return (.turnByzantine(.peers([]), into: into), nil)
    }

    mutating func readCrash(_ given: Fields) -> (Fault.Kind, writes: ClosedRange<Int>?)? {
        let restart = fields.value(given, "restart_after", Scalar.duration) ?? .seconds(10)
        let none = Targets.peers([])
        guard let node = given["disk"] else {
            return (.crash(none, restartAfter: restart, disk: .loseUnsynced(.seeded)), nil)
        }
        let disk: (fault: DiskFault, writes: ClosedRange<Int>?)?
        if case .scalar(let text, _) = node.content {
            if let lost = DiskFault.Lost(rawValue: text) {
                disk = (.loseUnsynced(lost), nil)
            } else if DiskFault.names.contains(text) {
                disk = readDisk(Fields(node: node, entries: []), text)
            } else {
                fields.unknown(node, text, "disk fault", DiskFault.names + ["all", "none"])
                disk = nil
            }
        } else {
            let names = ["fault", "lost", "write", "after", "p", "bytes", "factor"]
            guard let inner = fields.fields(node, of: "\"disk\"", names) else { return nil }
            guard let kind = fields.text(inner["fault"], "\"fault\"") else {
                fields.missing("fault", in: inner, of: "\"disk\"")
                return nil
            }
            if !DiskFault.names.contains(kind), let at = inner["fault"] {
                fields.unknown(at, kind, "disk fault", DiskFault.names)
                return nil
            }
            disk = readDisk(inner, kind)
        }
        return disk.map { (.crash(none, restartAfter: restart, disk: $0.fault), $0.writes) }
    }

    mutating func readDisk(_ given: Fields, _ name: String) -> (fault: DiskFault, writes: ClosedRange<Int>?)? {
        let what = "the disk fault \(name)"
        switch name {
        case "lose_unsynced":
            return (.loseUnsynced(fields.choice(given, "lost", "extent of a loss") ?? .seeded), nil)
        case "wipe": return (.wipe, nil)
        case "stall": return (.stall, nil)
        case "lying_sync": return (.lyingSync, nil)
        case "error": return fields.needed(given, "p", of: what, Scalar.chance).map { (.error($0), nil) }
        case "full": return fields.needed(given, "bytes", of: what, Scalar.size).map { (.full(bytes: $0), nil) }
        case "slow":
            return fields.needed(given, "factor", of: what, Scalar.whole(1...1_000_000)).map {
                (.slow(factor: Int64($0)), nil)
            }
        default:
            if given["write"] == nil { fields.missing("write", in: given, of: what) }
            let after = fields.value(given, "after", Scalar.flag) ?? false
            guard let writes = range(given, "write", Scalar.whole(1...1_000_000)) else { return nil }
            return (.crashAtWrite(writes.lowerBound, after: after), writes.count > 1 ? writes : nil)
        }
    }
}
