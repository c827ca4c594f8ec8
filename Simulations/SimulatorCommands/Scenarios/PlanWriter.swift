public import Simulator
import Basis

/// Writes a plan as a file of the scenarios' grammar, with nothing left to decide (`simulation.md` 3 and 19).
///
/// What is written reads back as the same plan under any seed. Fields of the plan always stand; of a peer, an
/// operation or a fault only what is not the default does.
public enum PlanWriter {
    public static func yaml(_ plan: Plan, finding: Scenario.Finding? = nil) -> String {
        document(plan, finding: finding).yaml
    }

    public static func json(_ plan: Plan, finding: Scenario.Finding? = nil) -> String {
        document(plan, finding: finding).json + "\n"
    }

    // MARK: below their use

    typealias Field = (key: String, value: PlainDocument)

    static func document(_ plan: Plan, finding: Scenario.Finding?) -> PlainDocument {
        var fields: [Field] = [("name", .text(plan.name)), ("why", .text(plan.why))]
        if let finding {
            fields.append(("seed", .text("0x" + String(finding.seed, radix: 16))))
            fields.append(("violated", .text(finding.violated)))
            fields.append(("cause", .text(finding.cause)))
        }
        fields.append(("tier", .text(plan.tier.rawValue)))
        fields.append(("limits", .text(plan.limits.rawValue)))
        fields.append(("crypto", .text(plan.crypto.rawValue)))
        fields.append(("ties", .text(plan.ties.rawValue)))
        fields.append(("network", network(plan.network)))
        if !plan.regions.isEmpty {
            fields.append(("regions", .list(plan.regions.map { row in .list(row.map { time($0) }) })))
        }
        fields.append(("disk", .mapping([("latency", time(plan.diskLatency))])))
        fields.append(("boot", time(plan.boot)))
        fields.append(("calm_at", time(plan.calmAt)))
        fields.append(("duration", time(plan.duration)))
        fields.append(("must", .list(plan.must.map { must($0) })))
        fields.append(("hold_for", time(plan.holdFor)))
        if !plan.waived.isEmpty {
            fields.append(
                ("waive", .list(plan.waived.map {
                    .mapping([("invariant", .text($0.invariant)), ("reason", .text($0.reason))])
                })))
        }
        fields.append(("expect", expectation(plan.expects)))
        if let plant = plan.plant { fields.append(("plant", .text(plant))) }
        if let golden = plan.golden {
            fields.append(
                ("golden", .mapping([("seed", hexadecimal(golden.seed)), ("hash", hexadecimal(golden.hash))])))
        }
        if plan.worksInCalm { fields.append(("workload", .mapping([("in_calm", .flag(true))]))) }
        if !plan.adversaries.isEmpty {
            fields.append(("adversaries", .list(plan.adversaries.map { adversary($0) })))
        }
        if !plan.faults.isEmpty { fields.append(("faults", .list(plan.faults.map { fault($0) }))) }
        if !plan.operations.isEmpty {
            fields.append(("operations", .list(plan.operations.map { operation($0) })))
        }
        fields.append(("peer_list", .list(plan.peers.map { peer($0) })))
        return .mapping(fields)
    }

    static func time(_ time: Interval) -> PlainDocument { .text(Scalar.text(time)) }
    static func chance(_ chance: Chance) -> PlainDocument { .text(chance.description) }
    static func hexadecimal(_ word: UInt64) -> PlainDocument { .text("0x" + String(word, radix: 16)) }

    static func must(_ must: Must) -> PlainDocument {
        must.limit == must.id.limit
            ? .text(must.id.rawValue) : .mapping([(must.id.rawValue, time(must.limit))])
    }

    static func expectation(_ expects: Plan.Expectation) -> PlainDocument {
        switch expects {
        case .pass: .text("pass")
        case .halt: .text("halt")
        case .violation(let id): .mapping([("violation", .text(id))])
        }
    }

    /// The profile, and what differs from it.
    static func network(_ network: NetworkProfile) -> PlainDocument {
        let base = NetworkProfile.all.first { $0.name == network.name } ?? .internet
        var fields: [Field] = [("profile", .text(base.name))]
        if network.delay != base.delay { fields.append(("delay", delay(network.delay))) }
        func add<T: Equatable>(_ name: String, _ path: KeyPath<NetworkProfile, T>, _ write: (T) -> PlainDocument) {
            if network[keyPath: path] != base[keyPath: path] { fields.append((name, write(network[keyPath: path]))) }
        }
        add("slow_tail", \.slowTail) { chance($0) }
        add("slow_tail_factor", \.slowTailFactor) { .number($0) }
        add("loss", \.loss) { chance($0) }
        add("burst", \.burst) { $0.map { .mapping(burst($0)) } ?? .text("none") }
        add("duplicate", \.duplicate) { chance($0) }
        add("reorder", \.reorder) { chance($0) }
        add("reorder_extra", \.reorderExtra) { time($0) }
        add("corrupt", \.corrupt) { chance($0) }
        add("up", \.upRate) { .text(Scalar.text(bits: $0)) }
        add("down", \.downRate) { .text(Scalar.text(bits: $0)) }
        add("queue", \.queueBytes) { .text(Scalar.text(bytes: $0)) }
        add("mtu", \.mtu) { .text(Scalar.text(bytes: $0)) }
        add("open", \.openShare) { chance($0) }
        return fields.count == 1 ? .text(base.name) : .mapping(fields)
    }

    static func burst(_ burst: BurstLoss) -> [Field] {
        [("to_bad", chance(burst.toBad)), ("to_good", chance(burst.toGood)), ("loss", chance(burst.loss))]
    }

    static func delay(_ delay: DelayModel) -> PlainDocument {
        switch delay {
        case .constant(let delay): .mapping([("constant", time(delay))])
        case .uniform(let low, let high): .mapping([("uniform", .list([time(low), time(high)]))])
        case .lognormal(let median, let tail):
            .mapping([("lognormal", time(median)), ("tail", .text(tail.rawValue))])
        }
    }

    static func peer(_ peer: Plan.Peer) -> PlainDocument {
        var fields: [Field] = [("address", .text(Scalar.text(peer.address))), ("role", .text(peer.role.rawValue))]
        if peer.region != 0 { fields.append(("region", .number(peer.region))) }
        if peer.nat != .public { fields.append(("nat", .text(peer.nat.rawValue))) }
        if let start = peer.startsAt {
            if start != .zero { fields.append(("starts_at", time(start))) }
        } else {
            fields.append(("starts_at", .text("never")))
        }
        if !peer.hasGenesis { fields.append(("has_genesis", .flag(false))) }
        if peer.clockOffset != .zero { fields.append(("clock", time(peer.clockOffset))) }
        if peer.driftPPM != 0 { fields.append(("drift", .number(peer.driftPPM))) }
        if peer.cpuFactor != 1 { fields.append(("cpu", .number(peer.cpuFactor))) }
        if peer.slots != 0 { fields.append(("slots", .number(peer.slots))) }
        return .mapping(fields)
    }

    /// Numbers of peers, four and more in a row as `0-3`.
    static func peers(_ peers: [Int]) -> PlainDocument {
        var items: [PlainDocument] = []
        var index = 0
        while index < peers.count {
            var end = index
            while end + 1 < peers.count, peers[end + 1] == peers[end] + 1 { end += 1 }
            if end - index >= 3 {
                items.append(.text("\(peers[index])-\(peers[end])"))
            } else {
                for peer in peers[index...end] { items.append(.number(peer)) }
            }
            index = end + 1
        }
        return .list(items)
    }

    static func adversary(_ adversary: AdversaryPlan) -> PlainDocument {
        var fields: [Field] = [
            ("name", .text(adversary.name)), ("type", .text(adversary.type.rawValue)),
            ("peers", peers(adversary.peers)),
        ]
        if !adversary.victims.isEmpty { fields.append(("victims", peers(adversary.victims))) }
        if adversary.intensity != .always { fields.append(("intensity", chance(adversary.intensity))) }
        if adversary.bytesPerSecond != 125_000 {
            fields.append(("rate", .text(Scalar.text(bits: adversary.bytesPerSecond * 8))))
        }
        return .mapping(fields)
    }

    static func operation(_ operation: Operation) -> PlainDocument {
        var fields: [Field] = [
            ("id", .number(operation.id)), ("at", time(operation.at)), ("by", .number(operation.by)),
        ]
        switch operation.kind {
        case .openJob(let job):
            fields.append(("op", .text("open_job")))
            fields.append(("class", .text(job.taskClass.rawValue)))
            fields.append(("replicas", .number(job.replicas)))
            fields.append(("runs", time(job.runs)))
            if job.isUnservable { fields.append(("unservable", .flag(true))) }
        case .cancelJob(let other): fields += [("op", .text("cancel_job")), ("of", .number(other))]
        case .transfer(let to, let micro):
            fields += [("op", .text("transfer")), ("to", .number(to)), ("micro", .number(micro))]
        case .lookup(let peer): fields += [("op", .text("lookup")), ("of", .number(peer))]
        case .readBalance(let peer): fields += [("op", .text("read_balance")), ("of", .number(peer))]
        case .join: fields.append(("op", .text("join")))
        case .leave: fields.append(("op", .text("leave")))
        }
        return .mapping(fields)
    }
}
