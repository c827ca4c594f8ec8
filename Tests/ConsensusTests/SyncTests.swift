import Basis
@testable import Consensus
import Records
import TestKit
import Testing
import Trust
import Wire

/// Catching up, following and serving (`ledger.md` 4.10).
@Suite struct SyncTests {
    /// A seat and an observer that were away for 150 blocks fetch them in pieces of at most 64, and are live again.
    @Test func longAbsence() {
        var options = World.Options()
        options.observers = 1
        options.delayMax = 4
        options.persistMax = 1
        options.executeMax = 1
        let world = World(options, seed: 21)
        for away in [3, 4] {
            world.nodes[away].isDown = true
        }
        world.run(300)
        for i in 0..<150 {
            let entry = world.submit(to: i % 3)
            world.run(8_000) { (0..<3).allSatisfy { world.hasExecuted(entry, at: $0) } }
        }
        let height = world.mostExecuted
        #expect(height >= 140)
        for away in [3, 4] {
            world.nodes[away].isDown = false
            world.nodes[away].start()
        }
        let level = world.run(30_000) {
            world.executed(3) >= height && world.executed(4) >= height
                && world.nodes[3].replica?.mode == .active
        }
        #expect(level, "heights \(world.executed(3)), \(world.executed(4)) of \(height)")
        // It votes again.
        let entry = world.submit(to: 3)
        #expect(world.run(10_000) { world.nodes.allSatisfy { $0.done.contains(entry) } })
        #expect(world.run(12_000) { world.nodes[4].replica?.certifiedHeight == world.executed(0) })
        #expect(world.check.failures == [])
        #expect(world.misbehaviours == 0)
    }

    /// Observers get blocks pushed: with two upstreams each block arrives without a request for it.
    @Test func observersFollow() {
        var options = World.Options()
        options.observers = 2
        let world = World(options, seed: 22)
        world.run(6_000)
        let before = world.count("fetchBlocks")
        for i in 0..<10 {
            let entry = world.submit(to: i % 4)
            #expect(world.run(4_000) { world.nodes.allSatisfy { $0.done.contains(entry) } })
            world.run(200)
        }
        #expect(world.count("fetchBlocks") <= before + 2)
        #expect(world.nodes[4].replica?.mode == .observer)
        #expect(world.nodes[4].replica?.certifiedHeight == world.executed(0))
    }

    /// A chain of five final blocks as a peer would serve it.
    static func chain(_ bench: Bench, count: Int = 5) -> [Block] {
        var blocks: [Block] = []
        for view in 0..<UInt64(count) { blocks.append(bench.block(view: view, on: blocks.last)) }
        return blocks
    }

    /// Blocks are taken with a finalize certificate of the last, of the last link, or with a state certificate.
    @Test func proofs() {
        for kind in 0..<3 {
            var bench = Bench(own: nil, isActive: false)
            let blocks = Self.chain(bench)
            let top = kind == 0 ? 3 : 5
            let hash = bench.hash(blocks[top - 1])
            let finalize = bench.certificate(.finalize, UInt64(top - 1), hash)
            let state = StateTuple(
                epoch: 0, height: UInt64(top), blockHash: hash, stateDigest: .zero,
                eventRoot: .zero, nextSeatsHash: .zero)
            let certificate = StateCertificate(
                state: state,
                signatures: [0, 1, 2].map {
                    SeatSignature(seat: UInt16($0), signature: bench.attestation(state, by: $0).signature)
                })
            let message = Blocks(
                blocks: Array(blocks[..<3]), links: blocks[3..<top].map(\.header),
                stateCertificate: kind == 2 ? certificate : nil,
                finalizeCertificate: kind == 2 ? nil : finalize)
            #expect(bench.receive(.blocks(message)).finals == Array(blocks[..<3]), "kind \(kind)")
            // A second copy does nothing; a final block below changes nothing.
            #expect(bench.receive(.blocks(message)).finals == [])
        }
    }

    /// Gaps, foreign parents, wrong proofs and changed bodies are refused, and the sender is named.
    @Test func badBlocks() {
        let plain = Bench(own: nil, isActive: false)
        let blocks = Self.chain(plain)
        func proof(_ height: Int) -> Certificate {
            plain.certificate(.finalize, UInt64(height - 1), plain.hash(blocks[height - 1]))
        }
        var changed = blocks[1]
        changed.entries = [[9, 9, 9]]
        var cut = blocks[1]
        cut.parentCertificate = []
        let bad: [Blocks] = [
            Blocks(blocks: [blocks[0], blocks[2]], links: [], stateCertificate: nil, finalizeCertificate: proof(3)),
            Blocks(blocks: [blocks[0], blocks[1]], links: [], stateCertificate: nil, finalizeCertificate: proof(1)),
            Blocks(blocks: [blocks[0], changed], links: [], stateCertificate: nil, finalizeCertificate: proof(2)),
            Blocks(blocks: [blocks[0], cut], links: [], stateCertificate: nil, finalizeCertificate: proof(2)),
            Blocks(
                blocks: [blocks[0]], links: [blocks[2].header], stateCertificate: nil,
                finalizeCertificate: proof(3)),
            Blocks(
                blocks: [blocks[0]], links: [], stateCertificate: nil,
                finalizeCertificate: plain.certificate(.notarize, 0, plain.hash(blocks[0]))),
        ]
        for (i, message) in bad.enumerated() {
            var bench = Bench(own: nil, isActive: false)
            let effects = bench.receive(.blocks(message))
            #expect(effects.finals == [], "case \(i)")
            #expect(
                effects.contains { if case .misbehaved(_, .badBlocks) = $0 { true } else { false } },
                "case \(i)")
        }
        // Blocks nobody asked for, without proof, are dropped.
        var bench = Bench(own: nil, isActive: false)
        let effects = bench.receive(
            .blocks(
                Blocks(
                    blocks: [blocks[0]], links: [], stateCertificate: nil, finalizeCertificate: nil)))
        #expect(effects.finals.isEmpty && bench.replica.stats.unwantedBlocks == 1)
    }

    /// Requests: executed heights go to the store, unexecuted blocks are answered by hash, eight a second and peer.
    @Test func serving() {
        var bench = Bench(own: 0)
        let block = bench.block(view: 1, on: bench.block(view: 0))
        _ = bench.receive(.proposal(bench.proposal(block)), from: bench.world.nodes[1].peer)
        let peer = bench.world.nodes[4].peer
        let effects = bench.receive(
            .fetchBlocks(FetchBlocks(hash: bench.hash(block), height: 2)), from: peer)
        #expect(
            effects.contains(
                .send(
                    .blocks(
                        Blocks(
                            blocks: [block], links: [], stateCertificate: nil,
                            finalizeCertificate: nil)), to: [peer])))
        #expect(bench.receive(.fetchBlocks(FetchBlocks(from: 1, count: 5)), from: peer).isEmpty)
        for _ in 0..<20 {
            _ = bench.receive(.fetchBlocks(FetchBlocks(from: .max, count: 64)), from: peer)
        }
        #expect(bench.replica.stats.refusedRequests >= 13)
    }

    /// At most `followersMax` followers; each gets executed blocks with their proof.
    @Test func followers() {
        var bench = Bench(own: 3, limits: .tiny)
        for i in [0, 1, 2, 4] {
            _ = bench.receive(.follow(Follow(fromHeight: 1)), from: bench.world.nodes[i].peer)
        }
        #expect(bench.replica.followers.count == 2 && bench.replica.stats.refusedFollowers == 2)
        let blocks = Self.chain(bench, count: 2)
        for block in blocks { _ = bench.receive(.proposal(bench.proposal(block))) }
        let proof = bench.certificate(.finalize, 1, bench.hash(blocks[1]))
        #expect(bench.receive(.certificate(proof)).finals == blocks)
        let effects = bench.execute(blocks[0])
        let message = Blocks(
            blocks: [blocks[0]], links: [blocks[1].header], stateCertificate: nil,
            finalizeCertificate: proof)
        let peers = [0, 1].map { bench.world.nodes[$0].peer }
        #expect(effects.contains(.send(.final(message), to: peers)))
        _ = bench.handle(.linkDown(peers[0]))
        #expect(bench.replica.followers == [peers[1]])
    }

    /// One liar cannot make a seat stop voting: known height needs f + 1 claims (4.6).
    @Test func liarsClaims() {
        var bench = Bench()
        let peers = [0, 2, 3].map { bench.world.nodes[$0].peer }
        _ = bench.receive(.status(bench.status(certified: 1_000)), from: peers[0])
        #expect(bench.replica.mode == .active)
        _ = bench.receive(.status(bench.status(certified: 900)), from: peers[1])
        #expect(bench.replica.mode == .syncing && bench.replica.knownHeight == 900)
    }

    /// A flood of absurd Status, Follow and fetch messages traps nothing.
    @Test func absurdMessages() {
        var bench = Bench()
        var status = bench.status(certified: .max, executed: .max, view: .max)
        status.finalHeight = .max
        for peer in bench.world.nodes.map(\.peer) {
            _ = bench.receive(.status(status), from: peer)
            _ = bench.receive(.follow(Follow(fromHeight: .max)), from: peer)
            _ = bench.receive(.fetchCertificates(FetchCertificates(epoch: 0, from: .max - 3, to: .max)), from: peer)
            _ = bench.receive(.fetchBlocks(FetchBlocks(hash: .zero, height: .max)), from: peer)
        }
        _ = bench.pass(20_000)
        #expect(bench.replica.mode == .active)
    }
}
