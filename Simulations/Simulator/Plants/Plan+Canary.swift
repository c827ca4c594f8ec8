import Basis
import Records

extension Plan {
    /// A small run for a canary: seats and observers, all started within a second, with steady transfers and some jobs,
    /// and nothing that must come true at its end.
    public static func canary(
        seats: Int = 4, observers: Int = 0, seconds: Int64 = 40, transfersPerSecond: Int64 = 2, jobs: Int = 0,
        network: NetworkProfile = .lan, slots: Int = 2
    ) -> Plan {
        let count = seats + observers
        let peers = (0..<count).map { i in
            Plan.Peer(
                address: SocketAddress(v4: 0x0b00_0001 + UInt32(i) << 16, port: 7_717),
                role: i < seats ? .seat : .observer, startsAt: .milliseconds(Int64(i) * 200), slots: slots)
        }
        var plan = Plan(name: "canary", why: "A planted bug is caught.", peers: peers)
        plan.network = network
        plan.boot = .seconds(8)
        plan.duration = .seconds(seconds)
        plan.calmAt = .seconds(seconds * 3 / 4)
        plan.must = []
        let busy = max(0, seconds * 3 / 4 - 8)
        for k in 0..<(busy * transfersPerSecond) {
            plan.operations.append(
                Operation(
                    id: Int(k) + 1, at: .seconds(8) + .milliseconds(k * 1_000 / max(1, transfersPerSecond)),
                    by: Int(k) % count, kind: .transfer(to: Int(k + 1) % count, micro: 1_000)))
        }
        for k in 0..<jobs {
            plan.operations.append(
                Operation(
                    id: 100_000 + k, at: .seconds(12 + Int64(k) * 2), by: k % count,
                    kind: .openJob(.init(taskClass: .exact, replicas: 3, runs: .milliseconds(1_500)))))
        }
        plan.operations.sort { $0.at != $1.at ? $0.at < $1.at : $0.id < $1.id }
        return plan
    }
}
