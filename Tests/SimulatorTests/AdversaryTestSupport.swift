import Basis
import Credits
import NodeCore
import Records
import Testing

@testable import Simulator

/// A plan in which coalitions do their worst: seats first, then observers; all lend slots and have something to do.
func adversaryPlan(
    _ adversaries: [AdversaryPlan], seats: Int = 4, observers: Int = 3, seconds: Int64 = 18, jobs: Int = 5,
    submitters: [Int] = [0, 1, 2, 3], network: NetworkProfile = .lan
) -> Plan {
    let count = seats + observers
    let peers = (0..<count).map { i in
        Plan.Peer(
            address: SocketAddress(v4: 0x0b00_0001 + UInt32(i) << 16, port: 7_717), role: i < seats ? .seat : .observer,
            startsAt: .milliseconds(Int64(i) * 100), slots: 2)
    }
    var plan = Plan(name: "adversaries", why: "Honest peers keep their promises.", peers: peers)
    plan.network = network
    plan.adversaries = adversaries
    plan.boot = .seconds(4)
    plan.calmAt = .seconds(seconds)
    plan.duration = .seconds(seconds + 150)
    var id = 0
    for k in 0..<((seconds - 4) * 2) {
        id += 1
        plan.operations.append(
            Operation(
                id: id, at: .seconds(4) + .milliseconds(k * 500), by: Int(k) % count,
                kind: .transfer(to: Int(k + 1) % count, micro: 1_000)))
    }
    for k in 0..<jobs {
        id += 1
        plan.operations.append(
            Operation(
                id: id, at: .seconds(6) + .milliseconds(Int64(k) * 1_500), by: submitters[k % submitters.count],
                kind: .openJob(.init(taskClass: .exact, replicas: 3, runs: .milliseconds(800)))))
    }
    plan.operations.sort { $0.at != $1.at ? $0.at < $1.at : $0.id < $1.id }
    plan.must = [Must(.jobsEnd), Must(.oneComponent), Must(.heightsEqual), Must(.rootsEqual), Must(.finality)]
    plan.holdFor = .seconds(2)
    return plan
}

extension World {
    /// The ledger of an honest peer.
    func honestLedger() -> Ledger? {
        peers.first { $0.isLive && $0.node?.log != nil }?.node?.log?.ledger
    }

    /// Leases of all jobs that still have records, with the peers that hold them.
    func leases() -> [(peer: Int, lease: LeaseRecord)] {
        guard let ledger = honestLedger() else { return [] }
        return ledger.jobList.flatMap { id, _ in
            ledger.leaseList(of: id).compactMap { item in byAccount[item.lease.account].map { ($0, item.lease) } }
        }
    }

    /// Jobs by submitting peer.
    func jobs(of peer: Int) -> [JobRecord] {
        (honestLedger()?.jobList ?? []).map { $0.1 }.filter { $0.submitter == peers[peer].account }
    }

    func told() -> String {
        "\(outcome.map { "\($0)" } ?? "none") \(record().figures) \(recent.suffix(8).map { "\($0.peer) \($0.text)" })"
    }
}
