import Basis
import Simulator

extension ScenarioReader {
    // MARK: coalitions

    mutating func readAdversaries(_ top: Fields) {
        let names = [
            "name", "type", "who", "peers", "count", "share", "netgroups", "victims", "intensity", "rate",
        ]
        for item in fields.items(top["adversaries"], "\"adversaries\"") {
            guard let given = fields.fields(item, of: "an adversary", names) else { continue }
            if given["type"] == nil { fields.missing("type", in: given, of: "an adversary") }
            guard
                let type: AdversaryType = fields.choice(given, "type", "adversary type", list: "adversaries")
            else { continue }
            if let missing = type.missing, let node = given["type"] {
                fields.report(
                    node, "\"\(type.rawValue)\" cannot act yet", why: missing,
                    fix: "leave it out, or take another: `peersim list adversaries` prints all of them")
            }
            let name = fields.text(given["name"], "\"name\"") ?? type.rawValue
            if cast.adversaries.contains(name) {
                fields.report(
                    given["name"] ?? item, "two adversaries are called \"\(name)\"",
                    why: "faults and selectors call them by name", fix: "name one of them otherwise")
            }
            guard let members = readMembers(given, type) else { continue }
            var spec = AdversarySpec(name: name, type: type, members: members)
            if let node = given["victims"] {
                spec.victims = fields.selector(node, cast, isEarly: true, takesRest: true)
            }
            spec.netgroups = fields.value(given, "netgroups", Scalar.whole(1...1_000))
            spec.intensity = fields.value(given, "intensity", Scalar.chance) ?? .always
            spec.bytesPerSecond = fields.value(given, "rate", Scalar.bits).map { $0 / 8 } ?? spec.bytesPerSecond
            if type.home == .seats || !scenario.seats(of: members).isEmpty { costly = item }
            scenario.adversaries.append(spec)
            cast.adversaries.append(name)
        }
    }

    /// By `peers`, `who`, or a number or share of those who can do what the type does.
    mutating func readMembers(_ given: Fields, _ type: AdversaryType) -> Selector? {
        let home: Selector = type.home == .seats ? .everySeat : cast.peers > cast.seats ? .observers : .all
        if let node = given["peers"] ?? given["who"] {
            let members = fields.selector(node, cast, isEarly: true, takesRest: false)
            if members == .submitters {
                fields.report(
                    node, "\"submitters\" cannot stand here", why: "who submits is drawn after the coalitions",
                    fix: "draw a coalition, and let it work by \"by: adversary:NAME\"")
                return nil
            }
            return members
        }
        if let node = given["count"] {
            guard let count = fields.value(given, "count", Scalar.whole(1...cast.peers)) else { return nil }
            if type.home == .seats, count > cast.seats {
                fields.report(
                    node, "\(count) seats are to be \(type.rawValue), but there are \(cast.seats)",
                    why: "this type attacks from a seat", fix: "ask for fewer, or raise \"seats\"")
                return nil
            }
            return .random(.count(count), of: home)
        }
        if given["share"] != nil {
            return fields.value(given, "share", Scalar.chance).map { .random(.share($0), of: home) }
        }
        fields.report(
            given.node, "the adversary has no members", why: "somebody has to do it",
            fix: "add count: 3, share: 20%, peers: [4, 5] or who: \"random:3\"")
        return nil
    }

    // MARK: workload

    mutating func readWorkload(_ top: Fields) {
        guard var node = top["workload"] else { return }
        if case .mapping = node.content {
            guard let given = fields.fields(node, of: "\"workload\"", ["in_calm", "mix"]) else { return }
            scenario.worksInCalm = fields.value(given, "in_calm", Scalar.flag) ?? false
            guard let mix = given["mix"] else { return }
            node = mix
        }
        for item in fields.items(node, "\"workload\"") { readWork(item) }
    }

    mutating func readWork(_ item: Document) {
        let names = [
            "op", "arrivals", "rate", "by", "from", "until", "users", "think", "class", "replicas", "runs",
            "unservable", "cancelled", "amount",
        ]
        guard
            let given = fields.fields(item, of: "work", names, later: ["chunks", "price", "uptime"])
        else { return }
        guard let op = fields.needed(given, "op", of: "work", { (text) throws(Wrong) in text }) else { return }
        let kind: WorkloadSpec.Kind
        switch op {
        case "open_job":
            kind = .openJob(
                taskClass: fields.choice(given, "class", "class of tasks") ?? .exact,
                replicas: fields.value(given, "replicas", Scalar.whole(1...9)) ?? 3,
                runs: range(given, "runs", Scalar.positiveDuration) ?? .seconds(1) ... .seconds(5),
                unservable: fields.value(given, "unservable", Scalar.chance) ?? .never,
                cancelled: fields.value(given, "cancelled", Scalar.chance) ?? .never)
        case "transfer": kind = .transfer(range(given, "amount", Scalar.word) ?? 1...1_000)
        case "lookup": kind = .lookup
        case "read_balance": kind = .readBalance
        default:
            if let node = given["op"] {
                fields.unknown(node, op, "operation", ["open_job", "transfer", "lookup", "read_balance"])
            }
            return
        }
        refuseStrangers(given, op)
        var spec = WorkloadSpec(kind)
        spec.arrivals = readArrivals(given) ?? .poisson
        spec.rate = fields.value(given, "rate", Scalar.rate) ?? spec.rate
        if let node = given["by"] { spec.by = fields.selector(node, cast, isEarly: true, takesRest: false) }
        spec.from = fields.value(given, "from", Scalar.duration)
        spec.until = fields.value(given, "until", Scalar.duration)
        checkWindow(spec, given)
        scenario.workload.append(spec)
    }

    /// Fields that another operation has.
    mutating func refuseStrangers(_ given: Fields, _ op: String) {
        let own: [String: [String]] = [
            "open_job": ["class", "replicas", "runs", "unservable", "cancelled"], "transfer": ["amount"],
        ]
        let special = ["class", "replicas", "runs", "unservable", "cancelled", "amount"]
        for entry in given.entries where special.contains(entry.key) && !(own[op] ?? []).contains(entry.key) {
            guard let key = given.key(entry.key) else { continue }
            fields.report(
                key, "\(op) has no \"\(entry.key)\"", why: "it would quietly do nothing", fix: "leave it out")
        }
    }

    mutating func readArrivals(_ given: Fields) -> WorkloadSpec.Arrivals? {
        guard let node = given["arrivals"], let text = fields.text(node, "\"arrivals\"") else { return nil }
        switch text {
        case "steady": return .steady
        case "poisson": return .poisson
        case "bursts": return .bursts
        case "hot": return .hot
        case "closed":
            let users = fields.needed(given, "users", of: "closed arrivals", Scalar.whole(1...100_000))
            let think = fields.needed(given, "think", of: "closed arrivals", Scalar.positiveDuration)
            if let users, let think { return .closed(users: users, think: think) }
            return nil
        default:
            fields.unknown(node, text, "kind of arrivals", ["steady", "poisson", "bursts", "hot", "closed"])
            return nil
        }
    }

    mutating func checkWindow(_ spec: WorkloadSpec, _ given: Fields) {
        let from = spec.from ?? scenario.boot
        if let until = spec.until ?? (scenario.worksInCalm ? nil : scenario.effectiveCalmAt), from >= until,
            let node = given["from"] ?? given["until"]
        {
            fields.report(
                node, "this work starts at \(Scalar.text(from)), but ends at \(Scalar.text(until))",
                why: "work goes on until calm, so this would do nothing",
                fix: "start it earlier, or write workload: {in_calm: true, mix: [ … ]}")
        }
        let window = (spec.until ?? scenario.duration) - from
        if let node = given["rate"], spec.rate.times(window) > 200_000 {
            fields.report(
                node, "\(spec.rate.times(window)) operations would be planned; at most 200000 are",
                why: "all of them are part of the plan", fix: "lower the rate, or give \"from\" and \"until\"")
        }
    }

    /// `1s-5s` or `2s`
    mutating func range<T: Comparable>(
        _ given: Fields, _ name: String, _ parse: (String) throws(Wrong) -> T
    ) -> ClosedRange<T>? {
        fields.value(given, name) { (text) throws(Wrong) in
            let ends = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let low = try parse(ends[0])
            let high = ends.count == 2 ? try parse(ends[1]) : low
            if low <= high { return low...high }
            throw Wrong(
                message: "\"\(text)\" ends before it starts", why: "a range is written from the smaller to the larger",
                fix: "write \(ends[1])-\(ends[0])")
        }
    }

    // MARK: listed operations

    mutating func readOperations(_ top: Fields) {
        var seen: Set<Int> = []
        for item in fields.items(top["operations"], "\"operations\"") {
            guard let operation = readOperation(item) else { continue }
            if !seen.insert(operation.id).inserted {
                fields.report(
                    item, "two operations have the id \(operation.id)", why: "others refer to it by its id",
                    fix: "number one of them otherwise")
            }
            scenario.operations.append(operation)
        }
    }

    mutating func readOperation(_ item: Document) -> Operation? {
        let names = [
            "id", "at", "by", "op", "class", "replicas", "runs", "unservable", "of", "to", "micro",
        ]
        guard let given = fields.fields(item, of: "an operation", names) else { return nil }
        let id = fields.needed(given, "id", of: "an operation", Scalar.whole(0...100_000_000))
        let at = fields.needed(given, "at", of: "an operation", Scalar.duration)
        let by = fields.needed(given, "by", of: "an operation", Scalar.whole(0...cast.peers - 1))
        guard let op = fields.needed(given, "op", of: "an operation", { (text) throws(Wrong) in text }) else {
            return nil
        }
        let someone = Scalar.whole(0...cast.peers - 1)
        let kind: Operation.Kind?
        switch op {
        case "open_job":
            let taskClass: Operation.TaskClass = fields.choice(given, "class", "class of tasks") ?? .exact
            let replicas = fields.value(given, "replicas", Scalar.whole(1...9)) ?? 3
            let runs = fields.needed(given, "runs", of: "open_job", Scalar.duration)
            let isUnservable = fields.value(given, "unservable", Scalar.flag) ?? false
            kind = runs.map {
                .openJob(.init(taskClass: taskClass, replicas: replicas, runs: $0, isUnservable: isUnservable))
            }
        case "cancel_job":
            kind = fields.needed(given, "of", of: op, Scalar.whole(0...100_000_000)).map { .cancelJob(operation: $0) }
        case "transfer":
            let to = fields.needed(given, "to", of: op, someone)
            let micro = fields.needed(given, "micro", of: op, Scalar.word)
            if let to, let micro { kind = .transfer(to: to, micro: micro) } else { kind = nil }
        case "lookup": kind = fields.needed(given, "of", of: op, someone).map { .lookup($0) }
        case "read_balance": kind = fields.needed(given, "of", of: op, someone).map { .readBalance(of: $0) }
        case "join": kind = .join
        case "leave": kind = .leave
        default:
            let all = ["open_job", "cancel_job", "transfer", "lookup", "read_balance", "join", "leave"]
            if let node = given["op"] { fields.unknown(node, op, "operation", all) }
            return nil
        }
        guard let id, let at, let by, let kind else { return nil }
        if at >= scenario.duration, let node = given["at"] {
            fields.report(
                node, "this operation is at \(Scalar.text(at)), after the end of the run",
                why: "it would quietly not happen", fix: "make the run longer, or ask earlier")
        }
        return Operation(id: id, at: at, by: by, kind: kind)
    }
}

extension Scenario {
    /// The seats that a selector names one by one.
    func seats(of selector: Selector) -> [Int] {
        switch selector {
        case .peers(let peers): peers.filter { $0 < population.seats }
        case .everySeat, .all, .seats, .leader: Array(0..<population.seats)
        case .random(_, let pool): seats(of: pool)
        case .union(let parts): parts.flatMap { seats(of: $0) }
        case .group(let name): groups.first { $0.name == name }.map { seats(of: $0.members) } ?? []
        default: []
        }
    }
}
