import Basis
import Trust
import Verdict

/// `resources`, `place`, `verify`, `cost`, `timeout` and `schedule`.
extension ManifestReader {
    mutating func readResources(_ node: ManifestNode) {
        let allowed = ["cpu", "pids", "gpu", "memory", "disk", "cpuTime", "fuel"]
        guard let resources = fields.fields(node, allowed, example: "{memory: 512MiB}") else {
            return
        }
        if let node = resources["cpu"], let value = fields.cores(node) {
            work.cpuThousandths = UInt32(value)
        }
        if let node = resources["pids"],
            let value = fields.integer(node, "resources.pids", ManifestRanges.pids)
        {
            work.pids = UInt16(value)
        }
        if let node = resources["gpu"], let value = fields.integer(node, "resources.gpu", 0...64),
            value > 0
        {
            later(node, "resources.gpu")
        }
        if let node = resources["memory"],
            let value = fields.size(node, "resources.memory", ManifestRanges.memory)
        {
            work.memoryBytes = value
        }
        if let node = resources["disk"],
            let value = fields.size(node, "resources.disk", ManifestRanges.disk)
        {
            work.diskBytes = value
        }
        if let node = resources["cpuTime"] {
            cpuTime = fields.duration(node, "resources.cpuTime", ManifestRanges.cpuTime)
        }
        later(resources["fuel"], "resources.fuel")
    }

    mutating func readPlace(_ node: ManifestNode) {
        let allowed = ["require", "only", "deny", "prefer", "isolation"]
        guard let place = fields.fields(node, allowed, example: "{require: [arch == arm64]}")
        else { return }
        later(place["deny"], "place.deny")
        later(place["prefer"], "place.prefer")
        if let node = place["require"] {
            for (text, item) in fields.texts(
                node, "place.require", max: ComputeLimits.placeRulesMax, bytesMax: 256,
                example: "[\"arch == arm64\"]")
            {
                readRequirement(text, item)
            }
            purchase.require = Purchase.sorted(purchase.require)
        }
        if let node = place["only"] {
            for (text, item) in fields.texts(
                node, "place.only", max: ComputeLimits.onlyMax, bytesMax: 256,
                example: "[peer_…]")
            {
                if let key = account(text) {
                    purchase.only.append(key)
                } else if let raw = TextID.parse(.peer, text) {
                    addSource(.only, .account(PeerID(raw)), item)
                } else {
                    fields.report(
                        .badName(item.place, text, kind: "peer", pattern: "peer_ and 52 characters")
                    )
                }
            }
        }
        if let node = place["isolation"] {
            isolationNode = node
            switch fields.choice(node, ["full", "wasm_only", "builtin_only"]) {
            case "full": isolation = .full
            case "wasm_only": isolation = .wasmOnly
            case "builtin_only": isolation = .builtinOnly
            default: break
            }
        }
    }

    /// `arch == value` and `exists cap.<tag>` are bits of the draw; every other rule waits for stage 2.
    mutating func readRequirement(_ text: String, _ node: ManifestNode) {
        let words = text.split(separator: " ").map(String.init)
        if words.count == 3, words[0] == "arch", words[1] == "==" {
            let list = Purchase.Architecture.allCases
            if let found = list.first(where: { $0.word == words[2] }) {
                purchase.require.append(.architecture(found))
            } else {
                fields.report(.badChoice(node, words[2], list.map(\.word)))
            }
        } else if words.count == 2, words[0] == "exists", words[1].hasPrefix("cap.") {
            let tag = String(words[1].dropFirst(4))
            if ManifestNames.isTag(tag) {
                purchase.require.append(.tag(tag))
            } else {
                fields.report(
                    .badName(
                        node.place, tag, kind: "capability",
                        pattern: "1 to 24 letters, digits, \".\", \"_\" and \"-\""))
            }
        } else {
            later(node, "place.require: \(text)")
        }
    }

    mutating func readVerify(_ node: ManifestNode) {
        verifyNode = node
        let allowed = [
            "mode", "replicas", "quorum", "maxExecutions", "highValue", "distinct", "class",
            "compare", "ignore",
        ]
        guard let verify = fields.fields(node, allowed, example: "{replicas: 3}") else { return }
        if let node = verify["mode"] {
            switch fields.choice(node, ["replicate", "none", "adaptive"]) {
            case "none": purchase.mode = Purchase.Mode.none
            case "adaptive": later(node, "verify.mode: adaptive")
            default: purchase.mode = .replicate
            }
        }
        if let node = verify["replicas"] {
            replicasNode = node
            if case .scalar("auto", _) = node.content {
            } else {
                replicas = fields.integer(node, "verify.replicas", 1...9)
            }
        }
        if let node = verify["quorum"] {
            quorumNode = node
            quorum = fields.integer(node, "verify.quorum", 1...9)
        }
        if let node = verify["maxExecutions"] {
            maxExecutions = fields.integer(node, "verify.maxExecutions", 1...9)
        }
        purchase.isHighValue = verify["highValue"].flatMap { fields.flag($0) } ?? false
        if let node = verify["distinct"],
            let word = fields.choice(node, ["owner", "peer", "subnet"]), word != "owner"
        {
            later(node, "verify.distinct: \(word)")
        }
        if let node = verify["class"], let word = fields.choice(node, ["auto", "any"]) {
            purchase.classRule = word == "any" ? .any : .auto
        }
        if let node = verify["compare"] { readCompare(node) }
        if let node = verify["ignore"] { readIgnore(node) }
    }

    mutating func readCompare(_ node: ManifestNode) {
        compareNode = node
        let words = ["exact", "json", "numeric", "ngram", "minhash", "embedding"]
        var kindNode = node
        if case .mapping = node.content {
            let allowed = ["kind", "unordered", "at", "abs", "rel", "scale", "threshold"]
            guard let compare = fields.fields(node, allowed, example: "{kind: json}") else {
                return
            }
            guard let kind = compare["kind"] else {
                fields.report(.missing(node.place, "kind", example: "kind: json"))
                return
            }
            later(compare["unordered"], "verify.compare.unordered")
            kindNode = kind
        }
        switch fields.choice(kindNode, words) {
        case "json": compareIsJSON = true
        case "exact", nil: break
        case let word?: later(kindNode, "verify.compare: \(word)")
        }
    }

    mutating func readIgnore(_ node: ManifestNode) {
        ignoreNode = node
        for (text, item) in fields.texts(
            node, "verify.ignore", max: Comparator.ignoreMax, bytesMax: 4_096,
            example: "[\"/elapsed_ms\"]")
        {
            if let path = Path(text) {
                ignore.append(path)
            } else {
                fields.report(
                    .badName(
                        item.place, text, kind: "path",
                        pattern:
                            "a JSON pointer such as /a/b, \"*\" for one segment, \"**\" for any"))
            }
        }
    }

    /// Places of results that have files lie below `/result` (`compute.md` 1.6).
    mutating func finishComparator() {
        guard compareIsJSON else {
            work.comparator = .raw
            return
        }
        var paths: [Path] = []
        for path in ignore {
            if !work.hasFileDocument {
                paths.append(path)
            } else if let below = Path(segments: [.key(Array("result".utf8))] + path.segments) {
                paths.append(below)
            }
        }
        if let comparator = Comparator(mode: .json, ignore: paths), paths.count == ignore.count {
            work.comparator = comparator
        } else if let node = ignoreNode {
            fields.report(
                .outOfRange(
                    node.place, "size of verify.ignore", "more than \(Comparator.bytesMax)B", "0B",
                    "\(Comparator.bytesMax)B", isBytes: true))
        }
    }

    /// Replicas, quorum and most executions, as written or by the defaults of `compute.md` 1.2.
    mutating func finishReplicas() {
        if purchase.mode == .none {
            (purchase.replicas, purchase.quorum, purchase.maxExecutions) = (1, 1, 1)
            return
        }
        replicasAreAuto = replicas == nil && quorum == nil && maxExecutions == nil
        let r = replicas ?? UInt64(Manifest.replicasAuto)
        let q = quorum ?? r / 2 + 1
        var most = maxExecutions ?? min(r + 2, 9)
        if r == 1 { most = 1 }
        // A range of E104 whose lower end is another field.
        if most < r, let node = verifyNode?["maxExecutions"] {
            fields.report(.outOfRange(node.place, "verify.maxExecutions", "\(most)", "\(r)", "9"))
            most = r
        }
        if (most - r) % 2 == 1 { most -= 1 }
        purchase.replicas = UInt8(r)
        purchase.quorum = UInt8(q)
        purchase.maxExecutions = UInt8(most)
    }

    mutating func readCost(_ node: ManifestNode) {
        guard let cost = fields.fields(node, ["max", "perExecution"], example: "{max: 2.5}")
        else { return }
        if let node = cost["max"] { purchase.costMax = fields.credit(node, "cost.max") }
        if let node = cost["perExecution"] {
            purchase.costPerExecution = fields.credit(node, "cost.perExecution")
        }
    }

    mutating func readTimeout(_ node: ManifestNode) {
        timeoutNode = node
        let allowed = ["queue", "run", "total", "lease", "heartbeat"]
        guard let timeout = fields.fields(node, allowed, example: "{run: 30s}") else { return }
        if let node = timeout["queue"],
            let time = fields.duration(node, "timeout.queue", ManifestRanges.queue)
        {
            purchase.queueNanoseconds = time
        }
        if let node = timeout["run"],
            let time = fields.duration(node, "timeout.run", ManifestRanges.run)
        {
            work.runNanoseconds = time
        }
        if let node = timeout["total"],
            let time = fields.duration(node, "timeout.total", ManifestRanges.total)
        {
            purchase.totalNanoseconds = time
        }
        if let node = timeout["lease"] {
            purchase.leaseNanoseconds = fields.duration(node, "timeout.lease", ManifestRanges.lease)
        }
        later(timeout["heartbeat"], "timeout.heartbeat")
    }

    mutating func readSchedule(_ node: ManifestNode) {
        let allowed = ["priority", "deadline", "notBefore"]
        guard let schedule = fields.fields(node, allowed, example: "{priority: high}") else {
            return
        }
        if let node = schedule["priority"] {
            switch fields.choice(node, ["low", "normal", "high"]) {
            case "low": purchase.priority = .low
            case "high": purchase.priority = .high
            default: purchase.priority = .normal
            }
        }
        if let node = schedule["deadline"] {
            purchase.deadline = readMoment(node, "schedule.deadline")
        }
        // A job that waits here for its hour would have no id to tell until then.
        later(schedule["notBefore"], "schedule.notBefore")
    }

    /// An RFC 3339 time or a duration from the submission on.
    mutating func readMoment(_ node: ManifestNode, _ what: String) -> Purchase.Moment? {
        if case .scalar(let text, _) = node.content, let millis = Timestamp.millis(text) {
            return .at(millis)
        }
        return fields.duration(node, what, 0...ManifestRanges.spanMax).map { .after($0) }
    }
}

/// RFC 3339 times.
enum Timestamp {
    /// Milliseconds since 1970 of `2026-11-20T10:15:02.123Z`; nil if the text is no such time. Years 1970 to 9999.
    static func millis(_ text: String) -> UInt64? {
        let bytes = Array(text.utf8)
        func number(_ from: Int, _ count: Int) -> Int? {
            guard from + count <= bytes.count else { return nil }
            var value = 0
            for byte in bytes[from..<from + count] {
                guard ManifestNames.isDigit(byte) else { return nil }
                value = value * 10 + Int(byte - 0x30)
            }
            return value
        }
        guard bytes.count >= 20, bytes[4] == 0x2d, bytes[7] == 0x2d, bytes[10] | 0x20 == 0x74,
            bytes[13] == 0x3a, bytes[16] == 0x3a, let year = number(0, 4), let month = number(5, 2),
            let day = number(8, 2), let hour = number(11, 2), let minute = number(14, 2),
            let second = number(17, 2), year >= 1970, (1...12).contains(month), day >= 1,
            day <= days(month, year), hour < 24, minute < 60, second < 60
        else { return nil }
        var i = 19
        var millis = 0
        if bytes[i] == 0x2e {
            let fraction = bytes[(i + 1)...].prefix { ManifestNames.isDigit($0) }
            if fraction.isEmpty || fraction.count > 9 { return nil }
            for place in 0..<3 {
                let digit = place < fraction.count ? Int(fraction[i + 1 + place] - 0x30) : 0
                millis = millis * 10 + digit
            }
            i += 1 + fraction.count
        }
        guard let offset = offsetMinutes(bytes[i...], number: number, at: i) else { return nil }
        let seconds = daysSince1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second
        let total = (seconds - offset * 60) * 1_000 + millis
        return total < 0 ? nil : UInt64(total)
    }

    static func offsetMinutes(
        _ rest: ArraySlice<UInt8>, number: (Int, Int) -> Int?, at i: Int
    ) -> Int? {
        guard let sign = rest.first else { return nil }
        if rest.count == 1, sign | 0x20 == 0x7a { return 0 }
        guard rest.count == 6, sign == 0x2b || sign == 0x2d, rest[i + 3] == 0x3a,
            let hours = number(i + 1, 2), let minutes = number(i + 4, 2), hours < 24, minutes < 60
        else { return nil }
        return (sign == 0x2d ? -1 : 1) * (hours * 60 + minutes)
    }

    static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && year % 100 != 0 || year % 400 == 0 }

    static func days(_ month: Int, _ year: Int) -> Int {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let past = year - 1
        let toYear = past * 365 + past / 4 - past / 100 + past / 400
        let months = (1..<month).reduce(0) { $0 + days($1, year) }
        return toYear - 719_162 + months + day - 1
    }
}
