import Basis
@testable import Consensus
import Records
import TestKit
import Testing
import Trust
import Wire

/// Attestations, divergence, recovery, status, and the small parts (`ledger.md` 4.7, 5.3, 7.1, 14.4, 15).
@Suite struct StateTests {
    /// A bench that executed height 1.
    static func withOneBlock(digest: Digest = Digest(repeating: 7)) -> (Bench, Block, [Replica.Effect]) {
        var bench = Bench()
        let block = bench.block(view: 0)
        _ = bench.receive(.proposal(bench.proposal(block)))
        let hash = bench.hash(block)
        _ = bench.receive(.certificate(bench.certificate(.notarize, 0, hash)))
        _ = bench.receive(.certificate(bench.certificate(.finalize, 0, hash)))
        let effects = bench.execute(block, digest: digest)
        return (bench, block, effects)
    }

    static func state(_ bench: Bench, _ block: Block, _ digest: Digest) -> StateTuple {
        StateTuple(
            epoch: 0, height: 1, blockHash: bench.hash(block), stateDigest: digest,
            eventRoot: .zero, nextSeatsHash: .zero)
    }

    /// Execution is attested; Q attestations make a state certificate; resends stop then.
    @Test func attests() {
        var (bench, block, effects) = Self.withOneBlock()
        let state = Self.state(bench, block, Digest(repeating: 7))
        let mine = bench.attestation(state, by: 1)
        #expect(effects.contains { if case .send(.attestation(mine), _) = $0 { true } else { false } })
        #expect(
            bench.pass(1_001).contains {
                if case .send(.attestation(mine), _) = $0 { true } else { false }
            })
        _ = bench.receive(.attestation(bench.attestation(state, by: 2)))
        #expect(bench.replica.certifiedHeight == 0)
        let last = bench.receive(.attestation(bench.attestation(state, by: 3)))
        #expect(last.contains { if case .certified = $0 { true } else { false } })
        #expect(bench.replica.certifiedHeight == 1)
        let later = bench.pass(60_000)
        #expect(!later.contains { if case .send(.attestation, _) = $0 { true } else { false } })
    }

    /// X3: one attestation that differs raises a dispute; a certificate that differs stops the node, with evidence.
    @Test func diverges() {
        var (bench, block, _) = Self.withOneBlock()
        let other = Self.state(bench, block, Digest(repeating: 8))
        let effects = bench.receive(.attestation(bench.attestation(other, by: 2)))
        #expect(effects.alerts == [.disputed(height: 1, seat: 2)])
        #expect(bench.receive(.attestation(bench.attestation(other, by: 2))).alerts == [])
        #expect(bench.replica.mode == .active)
        _ = bench.receive(.attestation(bench.attestation(other, by: 3)))
        bench.batches = []
        let last = bench.receive(.attestation(bench.attestation(other, by: 0)))
        #expect(last.alerts.contains { if case .diverged = $0 { true } else { false } })
        #expect(bench.replica.mode == .stopped && bench.replica.status.kind == .stopped)
        #expect(
            bench.batches.contains {
                $0.operations.contains { if case .put(.evidence, _, _) = $0 { true } else { false } }
            })
        #expect(bench.wantBlocks().isEmpty && bench.replica.nextDeadline == nil)
    }

    /// A certificate that came before the execution is compared with it.
    @Test func certificateFirst() {
        var bench = Bench()
        let block = bench.block(view: 0)
        let state = Self.state(bench, block, Digest(repeating: 9))
        let certificate = StateCertificate(
            state: state,
            signatures: [0, 2, 3].map {
                SeatSignature(seat: UInt16($0), signature: bench.attestation(state, by: $0).signature)
            })
        _ = bench.receive(.stateCertificate(certificate))
        #expect(bench.receive(.proposal(bench.proposal(block))).finals == [block])
        _ = bench.execute(block, digest: Digest(repeating: 9))
        #expect(bench.replica.certifiedHeight == 1 && bench.replica.view == 1)
        // A second, different one of the same height is a fork.
        let lie = Self.state(bench, block, Digest(repeating: 1))
        let effects = bench.receive(
            .stateCertificate(
                StateCertificate(
                    state: lie,
                    signatures: [0, 2, 3].map {
                        SeatSignature(
                            seat: UInt16($0), signature: bench.attestation(lie, by: $0).signature)
                    })))
        #expect(effects.alerts.contains { if case .fork = $0 { true } else { false } })
        #expect(bench.replica.mode == .stopped)
    }

    /// N5: above executed + 16 no vote; the proposal is held until execution catches up.
    @Test func unexecutedLimit() {
        var bench = Bench(own: 6, n: 7, limits: .tiny)
        var blocks: [Block] = []
        for view in 0..<5 as Range<UInt64> {
            let block = bench.block(view: view, on: blocks.last)
            blocks.append(block)
            let effects = bench.receive(.proposal(bench.proposal(block)))
            #expect(effects.votes(.notarize) == (view < 4 ? [view] : []))
        }
        #expect(bench.replica.heldFor == .execution)
        let top = bench.hash(blocks[0])
        _ = bench.receive(.certificate(bench.certificate(.finalize, 0, top)))
        #expect(bench.execute(blocks[0]).votes(.notarize) == [4])
    }

    /// Recovery: marks, block and certificates of the journal come back; the seat does not vote again in its
    /// view, resends what it voted, and shows its own block again.
    @Test func recovers() throws {
        var bench = Bench(own: 0)
        _ = bench.wantBlocks()
        let request = try #require(bench.pass(20).payloadRequest)
        let proposal = try #require(
            bench.handle(.payload(request.ticket, entries: [[1]])).proposals.first)
        var image = JournalImage()
        for case .put(let family, let key, let value) in bench.batches.flatMap(\.operations) {
            try image.add(family, key: key, value: value)
        }
        let node = bench.world.nodes[0]
        bench.replica = Replica(
            configuration: bench.replica.configuration, executed: node.base(), image: image,
            hashing: MixHashing(), generator: SeededGenerator(seed: 2), now: bench.now)
        _ = bench.handle(.start)
        for other in bench.world.nodes[1...3] {
            _ = bench.receive(.status(bench.status(certified: 0)), from: other.peer)
        }
        #expect(bench.replica.mode == .active && bench.replica.view == 0)
        #expect(bench.wantBlocks().payloadRequest == nil)
        let effects = bench.pass(1_001)
        #expect(effects.proposals == [proposal])
        #expect(effects.votes(.notarize) == [0])
    }

    /// Rows that cannot be read are named, and nothing is guessed.
    @Test func corruptRows() {
        let rows: [(Family, [UInt8], [UInt8])] = [
            (.journal, JournalKey.mark(epoch: 0, view: 1, kind: .notarize), [1, 2]),
            (.journal, [1, 2, 3], Digest.zero.bytes),
            (.journal, JournalKey.ended(epoch: 0, view: 1, kind: .nullify), [9]),
            (.pending, [0], [0]), (.certs, [0], []), (.proofs, [0], [7]),
            (.journal, [], []),
        ]
        for (family, key, value) in rows {
            var image = JournalImage()
            #expect(throws: JournalImage.CorruptRow(family: family, key: key)) {
                try image.add(family, key: key, value: value)
            }
        }
        var image = JournalImage()
        #expect(throws: Never.self) {
            try image.add(.journal, key: JournalKey.votingSecret(epoch: 0), value: [1])
            try image.add(.meta, key: [1], value: [])
        }
    }

    /// Status: an own clock behind the log makes no proposals and says by how much; no quorum names the missing
    /// seats.
    @Test func statuses() {
        var (bench, _, _) = Self.withOneBlock()
        #expect(bench.replica.status.kind == .live)
        bench.wall -= 5_000
        _ = bench.handle(.timeout)
        #expect(bench.replica.status.kind == .clockOff(aheadMillis: 5_000))
        #expect(bench.wantBlocks().payloadRequest == nil)
        bench.wall += 5_000
        _ = bench.handle(.timeout)
        #expect(bench.replica.status.kind == .live)
        _ = bench.pass(10_001)
        #expect(bench.replica.status.kind == .noQuorum)
        #expect(bench.replica.status.facts.missing == [0, 2, 3])
        for seat in [0, 2] {
            _ = bench.receive(
                .status(bench.status(certified: 0)), from: bench.world.nodes[seat].peer)
        }
        #expect(bench.replica.status.kind == .stalled(.noFinality))
        #expect(bench.replica.status.facts.missing == [3])
    }

    /// Δ is twice the ⌈2k/3⌉-th sample within its bounds: slow or lying leaders below a third cannot raise it,
    /// and the back-off reaches the maximum from any Δ.
    @Test func delayEstimate() {
        var delay = DelayEstimate(limits: .production)
        #expect(delay.delta == .milliseconds(500))
        for _ in 0..<11 { delay.note(.milliseconds(100)) }
        for _ in 0..<5 { delay.note(.seconds(60)) }
        #expect(delay.delta == .milliseconds(200))
        for _ in 0..<16 { delay.note(.microseconds(10)) }
        #expect(delay.delta == .milliseconds(50))
        #expect(delay.backedOff(1) == .milliseconds(50))
        #expect(delay.backedOff(2) == .milliseconds(100))
        #expect(delay.backedOff(1_000_000) == .seconds(5))
    }

    /// Beacon: each element opens the published end; anchors give the same chain; a used, early or foreign one fails.
    @Test func beacons() {
        let hashing = MixHashing()
        for length in [1, 2, 7, 1_024, 2_500] as [UInt32] {
            let chain = BeaconChain(seed: Digest(repeating: 5), length: length, hashing: hashing)
            var record = BeaconRecord(
                current: BeaconPosition(end: chain.end, length: length))
            for turn in [0, 1, 2, 6, UInt64(length) - 1] as [UInt64] where record.covers(turn: turn) {
                guard let x = chain.element(at: turn, hashing: hashing) else {
                    Issue.record("no element \(turn)")
                    continue
                }
                #expect(record.verifies(x, turn: turn, hashing: hashing))
                #expect(!record.verifies(Digest(repeating: 1), turn: turn, hashing: hashing))
                if turn > 0 { #expect(!record.verifies(x, turn: turn - 1, hashing: hashing)) }
                record = record.advanced(to: turn, reveal: x)
                #expect(!record.verifies(x, turn: turn, hashing: hashing), "used")
            }
            #expect(chain.element(at: UInt64(length), hashing: hashing) == nil)
            #expect(!record.covers(turn: .max))
        }
        // A recommitted chain takes over at its start.
        let old = BeaconChain(seed: Digest(repeating: 1), length: 4, hashing: hashing)
        let new = BeaconChain(seed: Digest(repeating: 2), length: 4, hashing: hashing)
        var record = BeaconRecord(
            current: BeaconPosition(end: old.end, length: 4),
            next: BeaconPosition(end: new.end, length: 4, start: 4))
        #expect(record.verifies(old.element(at: 3, hashing: hashing) ?? .zero, turn: 3, hashing: hashing))
        let x = new.element(at: 2, hashing: hashing) ?? .zero
        #expect(record.verifies(x, turn: 6, hashing: hashing))
        record = record.advanced(to: 6, reveal: x)
        #expect(record.next == nil && record.current.start == 4 && record.current.turn == 6)
    }

    /// Block answers end at a proof: links lead to one above, or fewer blocks are shown.
    @Test func answers() throws {
        let bench = Bench()
        let blocks = SyncTests.chain(bench, count: 6)
        struct Store: BlockStoreReading {
            var blocks: [Block]
            var proofs: [UInt64: Certificate]
            func block(at height: UInt64) -> Block? {
                height >= 1 && height <= UInt64(blocks.count) ? blocks[Int(height) - 1] : nil
            }
            func finalizeCertificate(at height: UInt64) -> Certificate? { proofs[height] }
            func stateCertificate(at height: UInt64) -> StateCertificate? { nil }
        }
        func proof(_ height: Int) -> Certificate {
            bench.certificate(.finalize, UInt64(height - 1), bench.hash(blocks[height - 1]))
        }
        func answer(_ request: FetchBlocks, _ proofs: [Int]) -> Blocks? {
            var store = Store(blocks: blocks, proofs: [:])
            for height in proofs { store.proofs[UInt64(height)] = proof(height) }
            return BlockAnswer.answer(
                to: request, executedHeight: 6, store: store, hashing: MixHashing())
        }
        let above = try #require(answer(FetchBlocks(from: 2, count: 2), [5]))
        #expect(above.blocks == Array(blocks[1...2]) && above.links == blocks[3...4].map(\.header))
        let below = try #require(answer(FetchBlocks(from: 2, count: 9), [4]))
        #expect(below.blocks == Array(blocks[1...3]) && below.links == [])
        #expect(answer(FetchBlocks(from: 2, count: 9), [1]) == nil)
        #expect(answer(FetchBlocks(from: 7, count: 1), [1]) == nil)
        #expect(answer(FetchBlocks(from: 0, count: 1), [1]) == nil)
        let byHash = try #require(answer(FetchBlocks(hash: bench.hash(blocks[2]), height: 3), []))
        #expect(byHash.blocks == [blocks[2]])
        #expect(answer(FetchBlocks(hash: .zero, height: 3), []) == nil)
    }
}
