import Basis
import Records
import Testing

@testable import Simulator

/// The shrinker against a made-up bug: whether a plan fails is a question to its lists, so no world has to run.
@Suite struct ShrinkerTests {
    /// 64 peers with 7 seats, 40 faults on three peers each, 200 transfers; two faults together break it.
    static var plan: Plan {
        let peers = (0..<64).map { i in
            Plan.Peer(
                address: SocketAddress(v4: 0x0b00_0001 + UInt32(i) << 16, port: 7_717), role: i < 7 ? .seat : .observer)
        }
        var plan = Plan(name: "made up", why: "Whatever this test asks must hold.", peers: peers)
        plan.faults = (0..<40).map { k in
            Fault(
                id: k, at: .seconds(31 + Int64(k)) + .milliseconds(200), duration: .seconds(5),
                kind: .pause(.peers([k, k + 1, k + 20])))
        }
        plan.operations = (0..<200).map { k in
            Operation(
                id: k, at: .seconds(31) + .milliseconds(Int64(k) * 500), by: 7 + k % 57,
                kind: .transfer(to: 7 + (k + 1) % 57, micro: 1))
        }
        return plan
    }

    /// As a bug that needs faults 7 and 13, three seats, and one transfer.
    static func failure(of plan: Plan) -> Shrinker.Failure? {
        let ids = plan.faults.map(\.id)
        guard ids.contains(7), ids.contains(13), plan.seatCount >= 3, !plan.operations.isEmpty,
            plan.duration > .seconds(45)
        else { return nil }
        return .init(at: .seconds(46), peers: [1])
    }

    /// Runs it with so many candidates ahead of their answers, as `ShrinkRun` does.
    static func shrink(_ plan: Plan, ahead: Int) -> (best: Plan, asked: [Plan]) {
        var state = Shrinker(plan, failure: .init(at: .seconds(46), peers: [1]))
        var queue: [(candidate: Shrinker.Candidate, after: Shrinker)] = []
        var asked: [Plan] = []
        while true {
            var tip = queue.last?.after ?? state
            while queue.count < ahead, let candidate = tip.next() { queue.append((candidate, tip)) }
            if queue.isEmpty { return (state.best, asked) }
            let head = queue.removeFirst()
            asked.append(head.candidate.plan)
            state = head.after
            guard let failure = failure(of: head.candidate.plan) else { continue }
            queue = []
            state.keep(head.candidate, failure: failure)
        }
    }

    /// Shows that what is needed stays and the rest goes, and that the answers asked for, in their order, and the
    /// result do not depend on how many worlds run at once; no plan is asked for twice.
    @Test func findsWhatIsNeeded() {
        let one = Self.shrink(Self.plan, ahead: 1)
        #expect(one.best.faults.map(\.id) == [7, 13])
        #expect(one.best.operations.count == 1)
        #expect(one.best.peers.count <= 8 && one.best.seatCount >= 3)
        #expect(one.best.must.isEmpty && one.best.network == .perfect)
        #expect(one.asked.count <= 120, "\(one.asked.count) runs")
        #expect(Set(one.asked).count == one.asked.count)
        for ahead in [2, 5] {
            let other = Self.shrink(Self.plan, ahead: ahead)
            #expect(other.best == one.best && other.asked == one.asked)
        }
    }

    /// Shows that peers are numbered anew everywhere, and that what named those who left is gone or taken over.
    @Test func numbersPeersAnew() {
        let plan = Self.plan.keeping([0, 1, 2, 8, 9, 21])
        #expect(plan.peers.count == 6 && plan.seatCount == 3)
        #expect(plan.faults.first { $0.id == 1 }?.kind == .pause(.peers([1, 2, 5])))
        #expect(!plan.faults.contains { $0.id == 30 })
        #expect(plan.operations.allSatisfy { (3...5).contains($0.by) })
        #expect(plan.operations.first?.kind == .transfer(to: 4, micro: 1) && plan.operations.first?.by == 3)
        let busy = Self.plan.keeping([0, 1, 2, 8], takingOver: true)
        #expect(busy.operations.count > 100 && busy.operations.allSatisfy { $0.by < 4 })
    }

    /// Shows that a plan which ends right after its failure has no fault that begins later, and nothing that must
    /// come true; a failure in calm keeps its calm.
    @Test func endsAfterTheFailure() {
        let plan = Self.plan.ending(at: .milliseconds(44_100), after: .seconds(2))
        #expect(plan.calmAt == .seconds(47) && plan.duration == .seconds(48) && plan.must.isEmpty)
        #expect(plan.faults.last?.id == 12 && plan.operations.allSatisfy { $0.at < .seconds(47) })
        let late = Self.plan.ending(at: .seconds(400), after: .seconds(5))
        #expect(late.calmAt == Self.plan.calmAt && late.duration == .seconds(405))
        #expect(late.holdFor == late.duration - late.calmAt)
    }

    /// Shows that no candidate has two seats, or more seats that are lost than it tolerates.
    @Test func staysWithinTolerance() {
        var plan = Self.plan
        plan.faults = (0..<2).map { Fault(id: $0, at: .seconds(40), kind: .lose(.peers([$0 * 3]))) }
        var shrinker = Shrinker(plan, failure: .init(at: .seconds(44)))
        while let candidate = shrinker.next() {
            #expect(candidate.plan.seatCount != 2 && candidate.plan.seatsGone.all <= candidate.plan.tolerated)
        }
    }
}
