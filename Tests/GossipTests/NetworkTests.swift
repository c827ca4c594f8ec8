import Basis
import Records
import TestKit
import Testing
import Trust

@testable import Gossip

/// Scenarios with several real cores in a fake network, each from published seeds.
@Suite struct NetworkTests {
    /// N nodes, all but the first joining through the first.
    static func cold(_ n: Int, seed: UInt64) -> FakeNetwork {
        let net = FakeNetwork(seed: seed)
        _ = net.addFounder()
        for _ in 1..<n { net.add(seeds: [Seed(host: "node0", port: 7717)]) }
        return net
    }

    /// Shows a cold join of 5 from one seed: within 5 s (G10) all are linked with all, and everybody was told `joined`.
    @Test(arguments: [1, 2, 3] as [UInt64]) func fiveJoin(seed: UInt64) {
        let net = Self.cold(5, seed: seed)
        #expect(net.run(.seconds(5)) { net.isFullMesh(Array(0..<5)) })
        for i in 0..<5 {
            #expect(net.known(i) == 4)
            #expect(net.events(i) { if case .joined = $0 { true } else { false } }.count == 1, "node \(i)")
        }
        for i in 1..<5 {
            #expect(net.events(i) { $0 == .firstContact(net.network) }.count == 1, "node \(i)")
        }
    }
}

extension NetworkTests {
    /// Shows a cold join of 50 from one seed at 5 % loss: within a minute everybody knows everybody and all are one
    /// component of links; nobody has more links than the limits allow.
    @Test(arguments: [1, 2] as [UInt64]) func fiftyJoin(seed: UInt64) {
        let net = Self.cold(50, seed: seed)
        net.lossPercent = 5
        #expect(net.run(.seconds(5)) { (1..<50).allSatisfy { net.links($0).count >= 1 } })
        #expect(net.run(.seconds(120)) { net.isOneComponent && (0..<50).allSatisfy { net.known($0) == 49 } })
        for i in 0..<50 {
            // A full mesh that is left keeps what others opened (7.2).
            #expect(net.links(i).count <= net.limits.outboundLinksTarget + net.limits.fullMeshPeersMax)
        }
    }

    /// Shows G5: the death of a machine (no stream breaks, no goodbye) is noticed by each of its links within 12 s,
    /// half of them within 8 s; nobody else is suspected.
    @Test func deathIsNoticed() {
        var waits: [Int64] = []
        for seed in 1...12 as ClosedRange<UInt64> {
            let net = Self.cold(6, seed: seed)
            net.run(.seconds(20))
            net.lossPercent = 5
            let dead = 1 + Int(seed) % 5
            let at = net.now
            net.kill(dead, quietly: true)
            net.run(.seconds(30))
            for i in 0..<6 where i != dead {
                let downs = net.events(i) { if case .linkDown = $0 { true } else { false } }
                let index = net.nodes[i].core.directory.index(of: net.id(dead))
                #expect(downs.map(\.event) == [.linkDown(index!, .silent)], "seed \(seed) node \(i)")
                #expect(net.events(i) { $0 == .memberLost(index!) }.count == 1)
                waits += downs.map { ($0.at - at).milliseconds }
            }
        }
        waits.sort()
        #expect(waits.count == 60)
        #expect(waits[waits.count / 2] <= 8_000, "median \(waits[waits.count / 2])")
        #expect(waits[waits.count - 1] <= 12_000, "worst \(waits[waits.count - 1])")
    }

    /// Shows G6: no live link is lost in 10 minutes at 5 % loss among 7 nodes (3.5 link-hours).
    @Test func lossCostsNoLink() {
        let net = Self.cold(7, seed: 5)
        net.run(.seconds(20))
        #expect(net.isFullMesh(Array(0..<7)))
        net.lossPercent = 5
        net.run(.seconds(600))
        for i in 0..<7 {
            #expect(net.events(i) { if case .linkDown = $0 { true } else { false } }.isEmpty)
        }
        #expect(net.isFullMesh(Array(0..<7)))
    }

    /// Shows that a pause of one process of 3 s costs no link on either side (G6), and that the paused one mistrusts
    /// itself first.
    @Test func pauseCostsNoLink() {
        var late: UInt64 = 0
        for seed in 1...6 as ClosedRange<UInt64> {
            let net = Self.cold(6, seed: seed)
            net.run(.seconds(20 + Int64(seed)))
            net.nodes[2].pausedUntil = net.now + .seconds(3)
            net.run(.seconds(30))
            for i in 0..<6 {
                #expect(net.events(i) { if case .linkDown = $0 { true } else { false } }.isEmpty, "seed \(seed)")
            }
            late += net.nodes[2].core.counters[.timerLate]
        }
        // In most seeds a timer is the first thing that happens after the pause.
        #expect(late >= 3, "\(late) late timers")
    }

    /// Shows a leave (GP-29, GP-30): everybody sees `memberLeft` and no longer dials; the next start stays out until a
    /// join, which needs no waiting.
    @Test func leaveAndReturn() {
        let net = Self.cold(5, seed: 9)
        net.run(.seconds(10))
        net.input(3, .leave(.now))
        net.run(.seconds(3))
        #expect(net.events(3) { $0 == .left }.count == 1)
        for i in 0..<5 where i != 3 {
            let index = net.nodes[i].core.directory.index(of: net.id(3))!
            #expect(net.events(i) { $0 == .memberLeft(index) }.count == 1)
            #expect(net.nodes[i].core.book[net.id(3)]?.isLeft == true)
            #expect(!net.links(i).contains(net.id(3)))
        }
        let leaveSequence = net.nodes[0].core.book[net.id(3)]!.sequence
        net.kill(3, quietly: false)
        net.restart(3)
        net.run(.seconds(60))
        #expect(net.links(3).isEmpty)
        net.input(3, .join(JoinTarget(seeds: [Seed(host: "node0", port: 7717)])))
        #expect(net.run(.seconds(10)) { net.isFullMesh(Array(0..<5)) })
        #expect(net.nodes[0].core.book[net.id(3)]!.sequence > leaveSequence)
    }

    /// Shows that a restart with the same identity from its disk rejoins without seeds (GP-61), with a higher
    /// sequence, and that links of the old process are dropped at once.
    @Test(arguments: [true, false]) func restartRejoins(quietly: Bool) {
        let net = Self.cold(5, seed: 11)
        net.run(.seconds(45))
        let before = net.nodes[2].record!.sequence
        net.kill(2, quietly: quietly)
        net.run(.seconds(1))
        net.names = [:]
        net.restart(2)
        #expect(net.run(.seconds(10)) { net.isFullMesh(Array(0..<5)) })
        #expect(net.nodes[2].record!.sequence > before)
        net.run(.seconds(20))
        #expect(net.isFullMesh(Array(0..<5)))
    }

    /// Shows that a node that lost its disk but kept its key is shown its own newer record, and issues one above it.
    @Test func lostSequenceIsFoundAgain() {
        let net = Self.cold(4, seed: 12)
        net.run(.seconds(10))
        let before = net.nodes[3].record!.sequence
        net.kill(3, quietly: false)
        net.run(.seconds(20))
        // Its clock went back by an hour, so that a fresh sequence from the clock is lower than the old one.
        net.nodes[3].clockError = -3_000_000
        net.restart(3, keepsDisk: false)
        net.input(3, .join(JoinTarget(seeds: [Seed(host: "node0", port: 7717)])))
        #expect(net.run(.seconds(30)) { net.nodes[3].record.map { $0.sequence > before } ?? false })
        #expect(net.run(.seconds(30)) { net.isFullMesh(Array(0..<4)) })
    }

    /// Shows G9: halves that were apart for half an hour are one component within a minute after it heals, by
    /// themselves; in between each half goes on.
    @Test(arguments: [1] as [UInt64]) func partitionHeals(seed: UInt64) {
        let net = Self.cold(10, seed: seed)
        net.run(.seconds(30))
        net.isCut = { ($0 < 4) != ($1 < 4) }
        net.run(.seconds(60))
        #expect(net.isFullMesh(Array(0..<4)))
        #expect(net.isFullMesh(Array(4..<10)))
        net.run(.seconds(1_740))
        net.isCut = { _, _ in false }
        #expect(net.run(.seconds(60)) { net.isOneComponent })
        #expect(net.run(.seconds(60)) { net.isFullMesh(Array(0..<10)) })
    }

    /// Shows the same with 50 nodes, where a half of 25 fills all its slots meanwhile.
    @Test func largePartitionHeals() {
        let net = Self.cold(50, seed: 3)
        net.run(.seconds(20))
        net.isCut = { ($0 % 2 == 0) != ($1 % 2 == 0) }
        net.run(.seconds(90))
        #expect(!net.isOneComponent)
        net.isCut = { _, _ in false }
        #expect(net.run(.seconds(60)) { net.isOneComponent })
    }
}
