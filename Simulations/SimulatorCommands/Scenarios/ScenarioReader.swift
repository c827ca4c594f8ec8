public import Simulator
import Basis
import Records

/// Reads scenarios, plans and regressions: one grammar for all three (`simulation.md` 13).
public struct ScenarioReader {
    var fields = FieldReader()
    var scenario: Scenario
    var cast = Cast()
    /// What a loss beyond tolerance is blamed on: the last coalition or fault that costs a seat.
    var costly: Document?

    init(name: String) { scenario = Scenario(name: name, why: "") }

    /// - Parameter name: of the file, without its ending; a plan names itself.
    public static func read(_ text: String, name: String) throws(Mistakes) -> Scenario {
        let document: Document
        do throws(Mistake) {
            document = try DocumentReader.read(text)
        } catch {
            throw Mistakes([error])
        }
        var reader = ScenarioReader(name: name)
        reader.read(document)
        if reader.fields.mistakes.isEmpty { reader.checkTolerance(document) }
        if !reader.fields.mistakes.isEmpty { throw Mistakes(reader.fields.mistakes) }
        return reader.scenario
    }

    static let names = [
        "name", "why", "seed", "violated", "cause", "peers", "seats", "mode", "tier", "limits", "rules", "crypto",
        "ties", "network", "regions", "nat", "addresses", "disk", "clocks", "cpu", "slots", "groups", "duration",
        "boot", "calm_at", "workload", "operations", "adversaries", "faults", "must", "hold_for", "waive", "expect",
        "golden", "plant", "peer_list",
    ]

    mutating func read(_ document: Document) {
        guard let top = fields.fields(document, of: "a scenario", Self.names, later: ["versions", "sweep"]) else {
            return
        }
        readHead(top)
        readPopulation(top)
        readWorld(top)
        readTimes(top)
        readGroups(top)
        readAdversaries(top)
        readWorkload(top)
        readOperations(top)
        readFaults(top)
        readJudgement(top)
        checkCost(top)
    }

    // MARK: below their use

    mutating func readHead(_ top: Fields) {
        if let name = fields.text(top["name"], "\"name\"") { scenario.name = name }
        if top["why"] == nil {
            let start = Document(content: .mapping([]), line: 1, column: 1)
            fields.report(
                start, "\"why\" is missing: say in a sentence what must hold",
                why: "it is printed first in every report, and a run without a question has no answer",
                fix: "add \"why: >\" and, indented below it, what must be true and why it might not be")
        } else if let why = fields.text(top["why"], "\"why\""), let node = top["why"] {
            scenario.why = why.split { $0 == " " || $0 == "\n" }.joined(separator: " ")
            if scenario.why.count < 20 {
                fields.report(
                    node, "\"why\" is too short: say in a sentence what must hold",
                    why: "it is printed first in every report", fix: "write a full sentence")
            }
        }
        readFinding(top)
        for (name, only) in [("mode", "admitted"), ("rules", "current"), ("addresses", "ipv4")] {
            guard let node = top[name], let text = fields.text(node, "\"\(name)\""), text != only else { continue }
            fields.report(
                node, "\(name) \"\(text)\" belongs to a later stage", why: "this build knows \"\(only)\" alone",
                fix: "write \(only), or leave the field out")
        }
    }

    mutating func readFinding(_ top: Fields) {
        guard let at = top.key("seed") ?? top.key("violated") ?? top.key("cause") else { return }
        let given = (
            seed: fields.value(top, "seed", Scalar.word), violated: fields.text(top["violated"], "\"violated\""),
            cause: fields.text(top["cause"], "\"cause\"")
        )
        let absent = ["seed", "violated", "cause"].filter { top[$0] == nil }.map { "\"\($0)\"" }
        if !absent.isEmpty {
            fields.report(
                at, "a regression needs \(absent.joined(separator: " and ")) as well",
                why: "seed, violated and cause together say which run found it, what broke, and why",
                fix: "add them, or leave all three out")
        }
        if let node = top["violated"], let name = given.violated, !Catalogue.isJudged(name) {
            fields.unknown(
                node, name, "invariant or must", Catalogue.invariantIDs + Must.ID.allCases.map(\.rawValue),
                list: "invariants")
        }
        if let seed = given.seed, let violated = given.violated, let cause = given.cause {
            scenario.finding = .init(
                seed: seed, violated: violated, cause: cause.split { $0 == " " || $0 == "\n" }.joined(separator: " "))
        }
    }

    mutating func readWorld(_ top: Fields) {
        scenario.tier = fields.choice(top, "tier", "tier")
        if let node = top["limits"], case .mapping = node.content {
            fields.report(
                node, "overrides of single limits belong to a later stage",
                why: "nodes and checkers of this build share two whole sets", fix: "write tiny or production")
        } else {
            scenario.limits = fields.choice(top, "limits", "set of limits") ?? .tiny
        }
        scenario.crypto = fields.choice(top, "crypto", "crypto")
        scenario.ties = fields.choice(top, "ties", "order of ties") ?? .insertion
        if let node = top["disk"], let disk = fields.fields(node, of: "\"disk\"", ["latency"]) {
            scenario.diskLatency = fields.value(disk, "latency", Scalar.duration) ?? scenario.diskLatency
        }
        if let node = top["network"] { readNetwork(node) }
        readRegions(top)
        cast.regions = max(1, scenario.regions.count)
        cast.regionNames = scenario.regionNames
    }

    mutating func readRegions(_ top: Fields) {
        guard var matrix = top["regions"] else { return }
        if case .mapping = matrix.content {
            guard let parts = fields.fields(matrix, of: "\"regions\"", ["names", "delays"]) else { return }
            scenario.regionNames = fields.items(parts["names"], "\"names\"").compactMap {
                fields.text($0, "a region")
            }
            guard let delays = parts["delays"] else { return fields.missing("delays", in: parts, of: "\"regions\"") }
            matrix = delays
        }
        for row in fields.items(matrix, "\"regions\"") {
            var delays: [Interval] = []
            for cell in fields.items(row, "a region") {
                let one = Fields(
                    node: cell, entries: [.init(key: "delay", line: cell.line, column: cell.column, value: cell)])
                if let delay = fields.value(one, "delay", Scalar.duration) { delays.append(delay) }
            }
            scenario.regions.append(delays)
        }
        let count = scenario.regions.count
        if scenario.regions.contains(where: { $0.count != count })
            || !scenario.regionNames.isEmpty && scenario.regionNames.count != count
        {
            fields.report(
                matrix, "the delays of \(count) regions are not a square of \(count) by \(count)",
                why: "each region has a one-way median to each, itself included",
                fix: "write as many delays in each row as there are regions")
        }
    }

    mutating func readTimes(_ top: Fields) {
        scenario.duration = fields.value(top, "duration", Scalar.positiveDuration) ?? scenario.duration
        scenario.boot = fields.value(top, "boot", Scalar.duration) ?? scenario.boot
        scenario.calmAt = fields.value(top, "calm_at", Scalar.duration)
        let calm = scenario.effectiveCalmAt
        if let node = top["calm_at"] ?? top.key("duration"), calm > scenario.duration {
            fields.report(
                node, "calm_at \(Scalar.text(calm)) is after the end of the run (\(Scalar.text(scenario.duration)))",
                why: "what must come true is judged between calm and the end",
                fix: "calm the network earlier, or make the run longer")
        }
        if let node = top["boot"] ?? top["calm_at"] ?? top["duration"], scenario.boot > calm {
            fields.report(
                node, "boot (\(Scalar.text(scenario.boot))) ends after calm_at \(Scalar.text(calm))",
                why: "nothing would happen between the two", fix: "boot faster, or calm the network later")
        }
    }

    mutating func readGroups(_ top: Fields) {
        guard let node = top["groups"] else { return }
        guard case .mapping(let entries) = node.content else {
            fields.report(
                node, "\"groups\" is a mapping of names to selectors, found \(node.kind)",
                why: "other fields call groups by name", fix: "write {a: \"peers:0-15\"}")
            return
        }
        for entry in entries {
            guard let members = fields.selector(entry.value, cast, isEarly: true, takesRest: false) else { continue }
            scenario.groups.append(.init(name: entry.key, members: members))
            cast.groups.append(entry.key)
        }
    }
}
