import Basis
import Testing

@testable import Simulator

/// What runs of several seeds are added up by.
@Suite struct MeasureTests {
    /// Shows that lines between processes hold what was measured, and that what is no such line is refused.
    @Test(arguments: [
        Measure("finality", .times([412, 0, 9_000])), Measure("nothing yet", .times([])),
        Measure("live neighbours given up", .events(3, seconds: 7_200)),
        Measure("draws of ring in jobs of grinders", .hits(5, of: 9, expected: 4_500_000, variance: 2_250_000)),
    ])
    func lines(measure: Measure) {
        #expect(Measure(line: measure.line) == measure)
        #expect(Measure(line: "hits 1,2 short") == nil && Measure(line: "") == nil && Measure(line: "x 1 y") == nil)
        var twice = measure
        twice.add(measure)
        switch (measure.values, twice.values) {
        case (.times(let a), .times(let b)): #expect(b == a + a)
        case (.events(let a, let s), .events(let b, let t)): #expect(b == 2 * a && t == 2 * s)
        case (.hits(let a, _, let e, let v), .hits(let b, _, let f, let w)):
            #expect(b == 2 * a && f == 2 * e && w == 2 * v)
        default: Issue.record("another kind")
        }
    }

    /// Shows where six standard deviations begin: 400 fair coins have a deviation of 10.
    @Test func sigmas() {
        func beyond(_ heads: Int) -> Bool {
            var count = HitCount()
            for k in 0..<400 { count.add(isHit: k < heads, chance: HitCount.one / 2) }
            return count.isBeyond(sigmas: 6)
        }
        #expect(!beyond(200) && !beyond(260) && beyond(261) && !beyond(140) && beyond(139))
        var few = HitCount()
        for _ in 0..<3 { few.add(isHit: true, chance: 1_000) }
        #expect(!few.isBeyond(sigmas: 6), "three trials say nothing")
    }

    /// Shows that the chance of a lie is that of drawing without return: C(3,2)·C(7,1) + C(3,3) of C(10,3) for equal
    /// tickets, and more for whoever has more of them.
    @Test func chanceOfALie() {
        typealias Class = WrongAnswers.Class
        let equal = [Class(tickets: 2, isMember: true, count: 3), Class(tickets: 2, isMember: false, count: 7)]
        #expect(abs(Int(WrongAnswers.chance(equal, picks: 3, needed: 2)) - 22 * 1_000_000 / 120) <= 3)
        let rich = [Class(tickets: 4, isMember: true, count: 3), Class(tickets: 2, isMember: false, count: 7)]
        #expect(WrongAnswers.chance(rich, picks: 3, needed: 2) > 300_000)
        #expect(WrongAnswers.chance(equal, picks: 3, needed: 4) == 0)
    }

    /// Shows that a run counts what a sweep adds up: jobs that a ring wins, and draws of every set.
    @Test func aRunMeasures() throws {
        var plan = Plan.canary(observers: 4, seconds: 60, jobs: 8)
        plan.adversaries = [AdversaryPlan(name: "ring", type: .sameWrongResult, peers: [4, 5, 6, 7])]
        var world = World(plan: plan, seed: 1)
        _ = world.run()
        #expect(world.outcome == .passed)
        let measures = world.record().measures
        let wrong = try #require(measures.first { $0.name == "wrong results accepted" })
        guard case .hits(let hits, let trials, let expected, _) = wrong.values else {
            Issue.record("another kind")
            return
        }
        #expect(trials >= 6 && hits > 0 && hits < trials && expected > 1_000_000)
        #expect(measures.contains { $0.name == "draws of ring" })
    }
}
