import Basis
import Simulator

extension ScenarioReader {
    mutating func readJudgement(_ top: Fields) {
        if top["must"] != nil { readMust(top) }
        scenario.holdFor = fields.value(top, "hold_for", Scalar.duration) ?? scenario.holdFor
        readWaivers(top)
        readExpectation(top)
        readPlant(top)
        if let node = top["golden"], let golden = fields.fields(node, of: "\"golden\"", ["seed", "hash"]) {
            let seed = fields.needed(golden, "seed", of: "\"golden\"", Scalar.word)
            let hash = fields.needed(golden, "hash", of: "\"golden\"", Scalar.word)
            if let seed, let hash { scenario.golden = .init(seed: seed, hash: hash) }
        }
    }

    /// `[jobs_end, {finality: 5s}]`
    mutating func readMust(_ top: Fields) {
        var all: [Must] = []
        for item in fields.items(top["must"], "\"must\"") {
            let must: Must?
            switch item.content {
            case .scalar(let text, _): must = readMust(item, text, limit: nil)
            case .mapping(let entries) where entries.count == 1:
                let entry = entries[0]
                let key = Document(
                    content: .scalar(entry.key, isPlain: true), line: entry.line, column: entry.column)
                let limit = fields.value(
                    Fields(node: item, entries: entries), entry.key, Scalar.positiveDuration)
                must = readMust(key, entry.key, limit: limit)
            default:
                fields.report(
                    item, "a must is a name, or a name and its limit", why: "each condition has one limit",
                    fix: "write jobs_end, or {finality: 5s}")
                must = nil
            }
            guard let must else { continue }
            if all.contains(where: { $0.id == must.id }) {
                fields.report(
                    item, "\"\(must.id.rawValue)\" is demanded twice", why: "one of its limits would win quietly",
                    fix: "keep one of them")
            }
            all.append(must)
        }
        scenario.must = all
    }

    mutating func readMust(_ node: Document, _ text: String, limit: Interval?) -> Must? {
        if let id = Must.ID(rawValue: text) { return Must(id, limit: limit) }
        fields.unknown(node, text, "must", Must.ID.allCases.map(\.rawValue), list: "must")
        return nil
    }

    mutating func readWaivers(_ top: Fields) {
        for item in fields.items(top["waive"], "\"waive\"") {
            guard let given = fields.fields(item, of: "a waiver", ["invariant", "reason"]) else { continue }
            let id = fields.needed(given, "invariant", of: "a waiver", Catalogue.invariant)
            let reason = fields.needed(given, "reason", of: "a waiver", { (text) throws(Wrong) in text })
            if let id, let reason { scenario.waived.append(.init(invariant: id, reason: reason)) }
        }
    }

    mutating func readExpectation(_ top: Fields) {
        guard let node = top["expect"] else { return }
        switch node.content {
        case .scalar("pass", _): scenario.expects = .pass
        case .scalar("halt", _): scenario.expects = .halt
        case .mapping:
            guard let given = fields.fields(node, of: "\"expect\"", ["violation"]) else { return }
            if let id = fields.needed(given, "violation", of: "\"expect\"", Catalogue.invariant) {
                scenario.expects = .violation(id)
            }
        default:
            fields.report(
                node, "expected outcome \(node.kind) is not one",
                why: "a run passes, halts safely, or breaks a promise",
                fix: "write pass, halt or {violation: M16}")
        }
    }

    /// The bug that the run has on purpose.
    mutating func readPlant(_ top: Fields) {
        guard let node = top["plant"], let id = fields.text(node, "\"plant\"") else { return }
        guard let plant = Plant.named(id) else {
            return fields.unknown(
                node, id, "plant", Plant.catalogue.map(\.id),
                why: "plants are a closed list, named after the invariants that they break")
        }
        if !plant.isBuilt {
            fields.report(
                node, "plant \(id) is not in this build",
                why: "it sits in a core, and a default build has no such site", fix: PlantFlag.howToBuild)
        }
        scenario.plant = id
    }

    // MARK: what only makes sense together

    mutating func checkTimes(_ spec: FaultSpec, _ given: Fields) {
        let calm = scenario.effectiveCalmAt
        let last = spec.at + spec.every * Int64(spec.times - 1)
        guard let node = given["at"] else { return }
        if spec.at >= calm {
            fields.report(
                node, "this fault starts at \(Scalar.text(spec.at)), after calm_at \(Scalar.text(calm))",
                why: "calm ends all faults, so it would do nothing", fix: "start it earlier, or calm the network later")
        } else if last >= calm {
            fields.report(
                given["times"] ?? node,
                "the last of these faults starts at \(Scalar.text(last)), after calm_at \(Scalar.text(calm))",
                why: "calm ends all faults, so it would do nothing", fix: "repeat it less often or closer together")
        }
    }

    mutating func checkCost(_ top: Fields) {
        let peers = scenario.population.count
        if scenario.crypto == .real, peers > 128, let node = top["crypto"] {
            fields.report(
                node, "crypto real with \(peers) peers would take hours; use sim",
                why: "a real signature costs as much as a hundred simulated events", fix: "write sim, or leave it out")
        }
        let most: [Plan.Tier: Int] = [.small: 32, .medium: 512, .large: 5_000]
        if let tier = scenario.tier, let bound = most[tier], peers > bound, let node = top["tier"] {
            fields.report(
                node, "tier \(tier.rawValue) with \(peers) peers would take hours; use a larger tier",
                why: "smaller tiers encode, execute and check more at every peer",
                fix: "write \(Plan.Tier.of(peers: peers).rawValue), or leave it out")
        }
        let operations = scenario.operations.count
        if operations > 200_000, let node = top["operations"] {
            fields.report(
                node, "\(operations) operations are listed; at most 200000 are", why: "all are kept in memory",
                fix: "ask less")
        }
    }

    /// Seats that are gone for good or lie: a few seeds show what the selectors cost.
    mutating func checkTolerance(_ document: Document) {
        if scenario.expects != .pass { return }
        guard let costly else { return }
        var worst = (gone: 0, lost: 0)
        for seed in 0..<3 as Range<UInt64> {
            let plan = scenario.expand(seed: seed)
            let gone = plan.seatsGone
            if gone.all > worst.gone { worst = (gone.all, gone.lost) }
        }
        if worst.gone <= scenario.tolerated { return }
        let tolerated = scenario.tolerated
        let are = worst.gone == 1 ? "seat is" : "seats are"
        let what = worst.lost == worst.gone ? "lost for good" : "lost for good or lying"
        fields.report(
            costly,
            "\(worst.gone) \(are) \(what), \(tolerated) \(tolerated == 1 ? "is" : "are") tolerated; "
                + "lose fewer or write \"expect: halt\"",
            why: "\(scenario.population.seats) seats need a quorum of honest ones to finalise anything",
            fix: "lose fewer seats, add seats, or expect the halt")
    }
}
