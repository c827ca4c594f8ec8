import Basis
import Foundation
import Records
import Simulator
import Testing

@testable import SimulatorCommands

/// A plan in a file is the plan.
@Suite struct RoundTripTests {
    static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Simulations")

    static func files(_ name: String) throws -> [URL] {
        let all = try FileManager.default.contentsOfDirectory(
            at: folder.appendingPathComponent(name), includingPropertiesForKeys: nil)
        return all.filter { $0.pathExtension == "yaml" }.sorted { $0.path < $1.path }
    }

    static func scenario(_ file: URL) throws -> Scenario {
        let text = try String(contentsOf: file, encoding: .utf8)
        let name = file.deletingPathExtension().lastPathComponent
        do throws(Mistakes) {
            return try ScenarioReader.read(text, name: name)
        } catch {
            throw Failure(text: error.text(file: file.lastPathComponent, source: text))
        }
    }

    struct Failure: Error { var text: String }

    /// Writes, reads, compares plans, writes again, compares texts; as YAML and as JSON.
    static func check(_ plan: Plan, _ what: String, finding: Scenario.Finding? = nil) throws {
        for text in [PlanWriter.yaml(plan, finding: finding), PlanWriter.json(plan, finding: finding)] {
            let read: Scenario
            do throws(Mistakes) {
                read = try ScenarioReader.read(text, name: "other")
            } catch {
                throw Failure(text: what + "\n" + error.text(file: what, source: text))
            }
            #expect(read.finding == finding)
            // A plan leaves nothing to the seed.
            #expect(read.expand(seed: 0xabcd) == plan, "\(what) reads back as another plan")
            #expect(PlanWriter.yaml(read.expand(seed: 1), finding: finding) == PlanWriter.yaml(plan, finding: finding))
        }
    }

    /// Shows that every scenario and regression of the repository reads, and expands under 20 seeds into plans that a
    /// file holds exactly (the largest under one seed).
    @Test func everyFile() throws {
        let files = try Self.files("Scenarios") + ((try? Self.files("Regressions")) ?? [])
        #expect(files.count >= 32)
        for file in files {
            let scenario = try Self.scenario(file)
            for seed in 0..<20 as Range<UInt64> {
                let plan = scenario.expand(seed: seed)
                #expect(plan.peers.count == scenario.population.count && plan.seatCount == scenario.population.seats)
                #expect(plan.faults.allSatisfy { $0.at < plan.calmAt })
                #expect(!plan.faults.contains { $0.kind.targets.who == .peers([]) && $0.kind.name != "partition" })
                #expect(plan.adversaries.allSatisfy { !$0.peers.isEmpty })
                #expect(plan.duration - plan.calmAt >= .seconds(90), "\(file.lastPathComponent) ends before its limits")
                if seed < 2, plan.peers.count <= 128 || seed < 1 {
                    try Self.check(plan, "\(file.lastPathComponent) seed \(seed)")
                }
            }
        }
    }

    /// Shows the same for runs that seeds made up, which meet nearly every kind of fault.
    @Test(arguments: [Plan.Tier.small, .medium])
    func swarm(tier: Plan.Tier) throws {
        for seed in 0..<60 as Range<UInt64> {
            try Self.check(SwarmPlan.make(seed: seed, tier: tier), "swarm \(tier.rawValue) \(seed)")
        }
    }

    /// Shows the same for a plan that holds one of everything, so that nothing is left out of the grammar.
    @Test func oneOfEverything() throws {
        var plan = SwarmPlan.make(seed: 1, tier: .small)
        plan.why = "Quotes \" and \\ and: # - [commas, ]\u{7f} and µ all stay what they are in a file."
        plan.peers[2].nat = .symmetric
        plan.peers[2].region = 1
        plan.peers[2].startsAt = nil
        plan.peers[2].hasGenesis = false
        plan.peers[2].clockOffset = .nanoseconds(-1_234_567)
        plan.peers[2].slots = 7
        plan.regions = [[.milliseconds(1), .seconds(2)], [.microseconds(3), .zero]]
        plan.waived = [.init(invariant: "C17", reason: "no: because, of \"this\"")]
        plan.golden = .init(seed: .max, hash: 0x0123_4567_89ab_cdef)
        plan.expects = .violation("L4")
        plan.worksInCalm = true
        plan.must = Must.ID.allCases.map { Must($0, limit: $0 == .quiet ? .milliseconds(1_500) : nil) }
        plan.network.burst = nil
        plan.network.upRate = 0
        plan.network.delay = .uniform(.zero, .milliseconds(3))
        plan.plant = "M8.2"
        plan.adversaries = AdversaryType.allCases.filter { $0.missing == nil }.map {
            AdversaryPlan(
                name: "the " + $0.rawValue, type: $0, peers: [1], victims: [0, 2], intensity: Chance(3, in: 7),
                bytesPerSecond: 99)
        }
        let who = Targets.peers([0, 2])
        let chance = Chance(1, in: 3)
        let disks: [DiskFault] = [
            .loseUnsynced(.all), .loseUnsynced(.none), .wipe, .crashAtWrite(3, after: true), .error(chance),
            .full(bytes: 3_000), .slow(factor: 3), .stall, .lyingSync,
        ]
        let kinds: [Fault.Kind] = [
            .partition(groups: [[0], [1, 2], []]), .partitionOneWay(from: .leader, to: .seats(1)), .clog(.workers(1)),
            .swizzleClog([0, 1, 2], gap: .milliseconds(20)), .loss(who, chance),
            .burstLoss(who, BurstLoss(toBad: chance, toGood: .always, loss: .never)),
            .delay(who, add: .milliseconds(3), factor: 2), .slowTail(who, chance, factor: 9), .duplicate(who, chance),
            .reorder(who, chance, extra: .milliseconds(5)), .lateReplay(who, chance, after: .seconds(3_600)),
            .corrupt(who, chance), .bandwidth(who, up: 0, down: 1_500), .mtu(who, bytes: 0),
            .blackHole(from: who, to: .peers([1])), .natRebind(who), .udpBlocked(who), .interfaceDown(who), .lose(who),
            .pause(who), .slowCPU(who, factor: 3), .clockSkew(who, by: .seconds(-7_200)), .clockDrift(who, ppm: -7),
            .clockJump(who, by: .microseconds(-1)), .joinStorm(who, over: .zero), .leaveSilent(who), .leaveSigned(who),
            .turnByzantine(.seats(1), into: "the copier"),
        ] + disks.map { .disk(who, $0) } + disks.map { .crash(who, restartAfter: .seconds(1), disk: $0) }
        #expect(Set(kinds.map(\.name)).union(["crash"]) == Set(Fault.Kind.names))
        plan.faults = kinds.enumerated().map {
            Fault(id: 100 - $0, at: .seconds(10), duration: $0 % 2 == 0 ? nil : .seconds(3), kind: $1)
        }
        let job = Simulator.Operation.Job(taskClass: .numeric, replicas: 9, runs: .milliseconds(1), isUnservable: true)
        let operations: [Simulator.Operation.Kind] = [
            .openJob(job), .cancelJob(operation: 5), .transfer(to: 1, micro: .max), .lookup(2), .readBalance(of: 0),
            .join, .leave,
        ]
        plan.operations = operations.enumerated().map {
            Simulator.Operation(id: 9 - $0, at: .seconds(20), by: 1, kind: $1)
        }
        try Self.check(plan, "one of everything")
        try Self.check(
            plan, "a regression",
            finding: .init(seed: .max, violated: "jobs_end", cause: "The lease of a \"late\" worker: never ended."))
    }
}
