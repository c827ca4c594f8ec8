import Basis
import Records
import TestKit
import Testing
import Trust

@testable import Gossip

/// How a node gets in, or is told why not (`gossip.md` 10).
@Suite struct JoinTests {
    let seed0 = Seed(host: "node0", port: 7717)

    static func refusals(_ net: FakeNetwork, _ i: Int) -> [JoinRefusal] {
        net.nodes[i].events.compactMap { if case .joinRefused(let why) = $0.event { why } else { nil } }
    }

    /// Shows that a data directory of another network is refused before anything is dialled (10.3).
    @Test func boundToAnotherNetwork() {
        let net = FakeNetwork(seed: 1)
        _ = net.addFounder()
        let other = NetworkID(repeating: 9)
        let i = net.add(restored: RestoredMembership(network: other, hasGenesis: true))
        let prefix = String(Membership.text(of: net.network).prefix(20))
        net.input(i, .join(JoinTarget(seeds: [seed0], networkPrefix: prefix)))
        net.run(.seconds(5))
        #expect(Self.refusals(net, i) == [.boundToOtherNetwork(other)])
        #expect(net.nodes[i].sessions.isEmpty)
    }

    /// Shows that a seed of another network than ours ends the join with both ids, and that no retry follows.
    @Test func wrongNetwork() {
        let net = FakeNetwork(seed: 2)
        _ = net.addFounder()
        let other = NetworkID(repeating: 9)
        let i = net.add(restored: RestoredMembership(network: other, hasGenesis: true))
        net.input(i, .join(JoinTarget(seeds: [seed0])))
        net.run(.seconds(120))
        #expect(Self.refusals(net, i) == [.wrongNetwork(expected: other, found: net.network)])
        #expect(net.events(i) { if case .seedsUnreachable = $0 { true } else { false } }.isEmpty)
        #expect(net.nodes[i].sessions.isEmpty)
    }

    /// Shows that at first contact a prefix that the seed's network does not have is a wrong network; nothing is stored.
    @Test func wrongPrefix() {
        let net = FakeNetwork(seed: 3)
        _ = net.addFounder()
        let i = net.add()
        let prefix = String(Membership.text(of: NetworkID(repeating: 9)).prefix(20))
        net.input(i, .join(JoinTarget(seeds: [seed0], networkPrefix: prefix)))
        net.run(.seconds(20))
        #expect(Self.refusals(net, i).count == 1)
        guard case .wrongNetwork(_, let found) = Self.refusals(net, i).first else {
            Issue.record("refused as \(Self.refusals(net, i))")
            return
        }
        #expect(found == net.network)
        #expect(net.nodes[i].disk.isEmpty)
        #expect(net.nodes[i].sessions.isEmpty)
    }

    /// Shows that the right prefix, and the whole id, join.
    @Test(arguments: [20, 52]) func rightPrefix(length: Int) {
        let net = FakeNetwork(seed: 4)
        _ = net.addFounder()
        let i = net.add()
        let prefix = String(Membership.text(of: net.network).prefix(length))
        net.input(i, .join(JoinTarget(seeds: [seed0], networkPrefix: prefix)))
        #expect(net.run(.seconds(5)) { net.links(i).count == 1 })
        #expect(net.events(i) { $0 == .joined(net.network, links: 1) }.count == 1)
    }

    /// Shows that two seeds of different networks are refused at first contact, with both ids and nothing stored.
    @Test func seedsDisagree() {
        let net = FakeNetwork(seed: 5)
        _ = net.addFounder()
        let other = NetworkID(repeating: 9)
        _ = net.addFounder(network: other)
        let i = net.add(seeds: [seed0, Seed(host: "node1", port: 7717)])
        net.run(.seconds(20))
        guard case .seedsDisagree(let ids) = Self.refusals(net, i).first else {
            Issue.record("refused as \(Self.refusals(net, i))")
            return
        }
        #expect(Set(ids) == [net.network, other])
        #expect(net.nodes[i].disk.isEmpty)
        #expect(net.nodes[i].sessions.isEmpty)
        #expect(net.nodes[i].core.book.count == 0)
    }

    /// Shows that unreachable seeds are tried for ever at growing waits, with an outcome each, and that the join works
    /// as soon as one answers.
    @Test func unreachableSeedKeepsTrying() {
        let net = FakeNetwork(seed: 6)
        _ = net.addFounder()
        net.kill(0, quietly: true)
        let i = net.add(seeds: [seed0, Seed(host: "nowhere", port: 1)])
        net.run(.seconds(200))
        let reports = net.nodes[i].events.compactMap { entry -> (Instant, [SeedOutcome], Instant)? in
            if case .seedsUnreachable(let outcomes, let retry) = entry.event { (entry.at, outcomes, retry) } else { nil }
        }
        #expect(reports.count >= 6 && reports.count <= 12, "\(reports.count) reports")
        for (at, outcomes, retry) in reports {
            #expect(retry > at && retry - at <= .seconds(72))
            #expect(outcomes.count == 2)
            #expect(outcomes.last?.result == .nameNotFound)
        }
        let waits = reports.map { ($0.2 - $0.0).milliseconds }
        #expect(waits[3] > waits[0])
        net.restart(0)
        #expect(net.run(.seconds(75)) { net.links(i).count == 1 })
    }

    /// Shows that a join that waits for its seeds survives a restart, though nobody answered yet.
    @Test func restartWhileWaiting() {
        let net = FakeNetwork(seed: 14)
        _ = net.addFounder()
        net.kill(0, quietly: true)
        let i = net.add(
            seeds: [seed0], restored: RestoredMembership(network: net.network, hasGenesis: true))
        net.run(.seconds(30))
        net.kill(i, quietly: true)
        net.restart(i)
        net.restart(0)
        #expect(net.run(.seconds(30)) { net.links(i).count == 1 })
    }

    /// Shows that a full seed is no dead end: the session stays though the link was refused, it is asked for records
    /// again, and after a while without any link the node says so and dials its seeds. It ends with the first link.
    @Test func fullSeed() {
        let lab = Lab(2)
        lab.connect(0, isOutbound: true)
        lab.say(0, .linkRefuse(.full, retrySeconds: 60))
        #expect(!lab.effects.contains { if case .hangUp = $0 { true } else { false } })
        func pulls() -> Int {
            lab.messages(to: 0).filter { if case .pull = $0 { true } else { false } }.count
        }
        _ = lab.take()
        lab.advance(.seconds(80))
        #expect(pulls() >= 5)
        _ = lab.take()
        lab.link(1)
        let ended = lab.effects.compactMap { if case .hangUp(let peer, .surplus) = $0 { peer } else { nil } }
        #expect(ended == [lab.index(0)])
    }

    /// Shows that forty newcomers at one seed with room for three all get their links.
    @Test func stormAtOneSeed() {
        let net = FakeNetwork(seed: 15, limits: .tiny)
        _ = net.addFounder()
        for _ in 0..<40 { net.add(seeds: [seed0]) }
        #expect(net.run(.seconds(180)) { (0..<41).allSatisfy { !net.links($0).isEmpty } })
    }

    /// Shows GP-60: only dead seeds but one live row on disk: the peer joins.
    @Test func liveRowOnDisk() {
        let net = NetworkTests.cold(3, seed: 7)
        net.run(.seconds(50))
        net.kill(0, quietly: true)
        net.kill(2, quietly: false)
        net.run(.seconds(30))
        net.restart(2)
        #expect(net.run(.seconds(10)) { net.links(2) == [net.id(1)] })
    }

    /// Shows that without the genesis document links come up but `joined` waits for the ledger's first tip.
    @Test func joinedWaitsForGenesis() {
        let net = FakeNetwork(seed: 8)
        _ = net.addFounder()
        let i = net.add(seeds: [seed0], restored: RestoredMembership(hasGenesis: false))
        net.run(.seconds(10))
        #expect(net.links(i).count == 1)
        #expect(net.events(i) { if case .joined = $0 { true } else { false } }.isEmpty)
        net.input(i, .tip(ChainTip()))
        #expect(net.events(i) { $0 == .joined(net.network, links: 1) }.count == 1)
    }

    /// Shows GP-28: a peer whose clock is 5 h wrong joins, is told of its clock, and its record is admitted; one whose
    /// clock is 31 h wrong is refused.
    @Test(arguments: [5, -5, 31, -31] as [Int64]) func wrongClock(hours: Int64) {
        let net = NetworkTests.cold(4, seed: 9)
        net.run(.seconds(5))
        let i = net.add(seeds: [seed0], clockError: hours * 3_600_000)
        net.run(.seconds(30))
        if abs(hours) > 24 {
            #expect(Self.refusals(net, i) == [.clockOutOfRange(milliseconds: -hours * 3_600_000)])
        } else {
            #expect(net.isFullMesh(Array(0..<5)))
            #expect(net.nodes[1].core.book[net.id(i)] != nil)
            let skews = net.events(i) { if case .clockSkew = $0 { true } else { false } }
            #expect(skews.map(\.event) == [.clockSkew(milliseconds: -hours * 3_600_000)])
        }
    }

    /// Shows `isolated` ten seconds after the last link, and `joined` again when somebody is back.
    @Test func isolation() {
        let net = NetworkTests.cold(2, seed: 10)
        net.run(.seconds(5))
        net.kill(0, quietly: true)
        net.run(.seconds(60))
        #expect(net.events(1) { $0 == .isolated }.count == 1)
        net.restart(0)
        #expect(net.run(.seconds(30)) { net.links(1).count == 1 && net.links(0).count == 1 })
        #expect(net.events(1) { if case .joined = $0 { true } else { false } }.count == 2)
    }

    /// Shows a polite stop (10.4): links drop at once without probes, no leave record is left behind, and the peer is
    /// found again when it comes back.
    @Test func stopAndReturn() {
        let net = NetworkTests.cold(4, seed: 11)
        net.run(.seconds(10))
        net.input(2, .leave(.stopping))
        net.run(.seconds(1))
        #expect(net.events(2) { $0 == .left }.count == 1)
        for i in [0, 1, 3] {
            let index = net.nodes[i].core.directory.index(of: net.id(2))!
            #expect(net.events(i) { $0 == .linkDown(index, .stopping) }.count == 1)
            #expect(net.nodes[i].core.book[net.id(2)]?.isUnreachable == true)
        }
        net.kill(2, quietly: false)
        net.restart(2)
        #expect(net.run(.seconds(10)) { net.isFullMesh(Array(0..<4)) })
    }

    /// Shows GP-62: with a disk that answers after 30 s, probes go on and no link is lost; the first record waits for it.
    @Test func slowDisk() {
        let net = NetworkTests.cold(3, seed: 12)
        net.run(.seconds(5))
        net.diskDelay = .seconds(30)
        let i = net.add(seeds: [seed0])
        net.run(.seconds(20))
        #expect(net.nodes[i].record == nil)
        #expect(net.links(i).isEmpty)
        net.run(.seconds(60))
        #expect(net.isFullMesh(Array(0..<4)))
        for j in 0..<4 {
            #expect(net.events(j) { if case .linkDown = $0 { true } else { false } }.isEmpty)
        }
    }

    /// Shows that a denied peer gets no link on either side (GP-31), and loses it when it is denied later.
    @Test func denied() {
        let net = FakeNetwork(seed: 13)
        _ = net.addFounder()
        net.input(0, .policy(PeerPolicy(deniedPeers: [Membership.peerID(of: MixSigner(seed: 2).publicKey, MixHashing())])))
        let i = net.add(seeds: [seed0])
        net.run(.seconds(20))
        #expect(net.links(0).isEmpty && net.links(i).isEmpty)
        #expect(net.nodes[0].core.counters[.denied] > 0)
        net.input(0, .policy(PeerPolicy()))
        #expect(net.run(.seconds(700)) { net.links(0).count == 1 })
        net.input(i, .policy(PeerPolicy(deniedPrefixes: [AddressPrefix(net.address(0), bits: 32)!])))
        net.run(.seconds(5))
        #expect(net.links(0).isEmpty && net.links(i).isEmpty)
    }
}
