import Basis
import Credits
import Records
import Testing

@testable import Simulator

@Suite(.serialized) struct AdversaryWorkTests {
    /// Shows that no account spends a nonce twice or more than it has, whatever it signs, and that those who flood the
    /// log with old entries and dust hold up nobody.
    @Test func accountsThatCheat() {
        let plan = adversaryPlan(
            [
                .init(name: "twice", type: .doubleSpender, peers: [4], intensity: Chance(1, in: 2)),
                .init(name: "over", type: .overspender, peers: [5], intensity: Chance(1, in: 2)),
                .init(name: "again", type: .nonceReplayer, peers: [5]),
                .init(name: "dust", type: .dustSpammer, peers: [6], bytesPerSecond: 12_000),
            ], jobs: 2)
        var world = World(plan: plan, seed: 6)
        _ = world.run()
        #expect(world.outcome == .passed, "\(world.told())")
        for name in ["twice", "over", "again", "dust"] { #expect(world.deeds(of: name) > 0, "\(name)") }
        // What the dust spammer paid in fees shows that its entries were executed.
        let dust = world.honestLedger()?.account(world.peers[6].account)
        #expect(dust?.nonceWallet ?? 0 > 50)
    }

    /// Shows that a job without one answer is refunded, that one whose inputs nobody gets ends, that a cancel after a
    /// commit changes nothing, and that a ground job runs as others do.
    @Test func submittersThatCheat() {
        let plan = adversaryPlan(
            [
                .init(name: "flaky", type: .flakySubmitter, peers: [4]),
                .init(name: "empty", type: .inputWithholder, peers: [5]),
                .init(name: "cancels", type: .lateCanceller, peers: [6]),
                .init(name: "grinds", type: .idGrinder, peers: [6]),
            ], jobs: 8, submitters: [4, 5, 6, 0])
        var world = World(plan: plan, seed: 7)
        _ = world.run()
        #expect(world.outcome == .passed, "\(world.told())")
        for name in ["flaky", "empty", "cancels", "grinds"] { #expect(world.deeds(of: name) > 0, "\(name)") }
        #expect(!world.jobs(of: 4).isEmpty && world.jobs(of: 4).allSatisfy { $0.state == .refunded })
        #expect(!world.jobs(of: 5).isEmpty && world.jobs(of: 5).allSatisfy { $0.state == .refunded })
        #expect(!world.jobs(of: 6).isEmpty && world.jobs(of: 6).allSatisfy { $0.state == .settled })
        #expect(!world.jobs(of: 0).isEmpty && world.jobs(of: 0).allSatisfy { $0.state == .settled })
    }

    /// Shows that a wrong answer, a copied commit and a commit without reveal are never paid.
    @Test func workersThatCheat() {
        let plan = adversaryPlan(
            [
                .init(name: "wrong", type: .wrongResult, peers: [4]),
                .init(name: "copies", type: .copier, peers: [5]),
                .init(name: "hides", type: .commitNoReveal, peers: [6]),
                .init(name: "doubles", type: .doubleCommitter, peers: [4]),
            ], jobs: 8)
        var world = World(plan: plan, seed: 8)
        _ = world.run()
        #expect(world.outcome == .passed, "\(world.told())")
        for name in ["wrong", "copies", "hides", "doubles"] { #expect(world.deeds(of: name) > 0, "\(name)") }
        for (peer, lease) in world.leases() where peer >= 4 { #expect(lease.state != .won, "peer \(peer)") }
        let states = world.leases().filter { $0.peer >= 4 }.map(\.lease.state)
        #expect(states.contains(.noReveal))
        #expect(world.leases().contains { $0.peer < 4 && $0.lease.state == .won })
    }

    /// Shows that members of a coalition agree on one wrong answer, which wins only with a quorum of a job's replicas,
    /// and that silent and over-booked workers are replaced.
    @Test func workersThatConspireOrSleep() {
        let plan = adversaryPlan(
            [
                .init(name: "ring", type: .sameWrongResult, peers: [4, 5]),
                .init(name: "sleeps", type: .silentWorker, peers: [6], intensity: Chance(1, in: 2)),
                .init(name: "boasts", type: .overAdvertiser, peers: [6]),
            ], jobs: 8)
        var world = World(plan: plan, seed: 9)
        _ = world.run()
        #expect(world.outcome == .passed, "\(world.told())")
        for name in ["ring", "sleeps", "boasts"] { #expect(world.deeds(of: name) > 0, "\(name)") }
        let states = world.leases().filter { $0.peer == 6 }.map(\.lease.state)
        #expect(states.contains(.expired))
        guard let ledger = world.honestLedger() else {
            Issue.record("no ledger")
            return
        }
        for (id, job) in ledger.jobList where job.state == .settled {
            let won = ledger.leaseList(of: id).filter { $0.lease.state == .won }.compactMap {
                world.byAccount[$0.lease.account]
            }
            let liars = won.count { $0 == 4 || $0 == 5 }
            #expect(liars == 0 || liars == won.count)
            #expect(won.count >= 2)
        }
    }

    /// Shows which types have nothing to twist in this stage: the reason is told.
    @Test func whatCannotBeExpressed() {
        #expect(AdversaryType.allCases.filter { $0.missing != nil } == [.toleranceWalker])
    }
}
