import Basis
import Records
import Testing

@testable import Simulator

/// A small plan: seats and observers on a network, with steady transfers and some jobs.
func smallPlan(
    seats: Int = 4, observers: Int = 1, seconds: Int64 = 60, transfersPerSecond: Int64 = 2, jobs: Int = 4,
    network: NetworkProfile = .internet
) -> Plan {
    let count = seats + observers
    let peers = (0..<count).map { i in
        Plan.Peer(
            address: SocketAddress(v4: 0x0b00_0001 + UInt32(i) << 16, port: 7_717), role: i < seats ? .seat : .observer,
            startsAt: .milliseconds(Int64(i) * 200), slots: 2)
    }
    var plan = Plan(name: "small", why: "A small network works.", peers: peers)
    plan.network = network
    plan.boot = .seconds(10)
    plan.duration = .seconds(seconds + 120)
    plan.calmAt = .seconds(seconds)
    var id = 0
    for k in 0..<((seconds - 10) * transfersPerSecond) {
        id += 1
        plan.operations.append(
            Operation(
                id: id, at: .seconds(10) + .milliseconds(k * 1_000 / transfersPerSecond), by: Int(k) % count,
                kind: .transfer(to: Int(k + 1) % count, micro: 1_000)))
    }
    for k in 0..<jobs {
        id += 1
        plan.operations.append(
            Operation(
                id: id, at: .seconds(25 + Int64(k) * 5), by: k % count,
                kind: .openJob(.init(taskClass: .exact, replicas: 3, runs: .milliseconds(1_500)))))
    }
    plan.operations.sort { $0.at != $1.at ? $0.at < $1.at : $0.id < $1.id }
    plan.must = [Must(.jobsEnd), Must(.oneComponent), Must(.heightsEqual), Must(.finality)]
    return plan
}

@Suite struct WorldTests {
    /// Shows that a quiet network of the production code settles transfers and jobs, and that equal seeds give equal
    /// traces.
    @Test func aSmallNetworkWorksAndRepeats() {
        var first = World(plan: smallPlan(), seed: 1)
        _ = first.run()
        print(first.record().figures, first.outcome as Any, first.events, first.elapsed)
        for line in first.recent.suffix(20) { print(line) }
        #expect(first.outcome == .passed)
        var second = World(plan: smallPlan(), seed: 1)
        _ = second.run()
        #expect(first.traceHash == second.traceHash)
        var other = World(plan: smallPlan(), seed: 2)
        _ = other.run()
        #expect(first.traceHash != other.traceHash)
    }
}
