import Basis
import Credits
import Records
import TestKit
import Testing
import Trust
import Wire

/// Receipts: made from the store, checked with nothing but their bytes.
@Suite struct ReceiptTests {
    /// A job with a lost lease, a replacement and a minority, in a network of four seats.
    static func settledBench(seats: Int = 4) -> JobBench {
        var bench = JobBench(workers: 5, seats: seats)
        bench.start(Chain.spec { $0.totalSeconds = 300 })
        bench.decline(0, .shuttingDown)
        bench.wait(4)
        let active = bench.states.indices.filter { bench.states[$0] == .active }.map(UInt16.init)
        for index in active { bench.commit(index, index == active[1] ? "liar" : "42", cpu: 1_000 * UInt64(index + 1)) }
        for index in active { bench.reveal(index) }
        return bench
    }

    func builder(_ chain: Chain) -> ReceiptBuilder<MemoryStore> {
        ReceiptBuilder(genesis: chain.ledger.genesis, store: chain.store, hashing: chain.hashing)
    }

    let verifier = ReceiptVerifier(hashing: MixHashing(), verifying: MixVerifier())

    /// Shows that the receipt of a settled job verifies from its bytes alone and tells what was settled.
    @Test func jobReceipt() throws {
        let bench = ReceiptTests.settledBench()
        #expect(bench.record.state == .settled)
        let receipt = try builder(bench.chain).job(bench.job)
        let bytes = receipt.encoded
        #expect(try Receipt(decoding: bytes) == receipt)
        let verdict = verifier.verify(bytes)
        #expect(verdict.isSound, "\(String(describing: verdict.firstFailure))")
        #expect(verdict.network == bench.chain.network)
        #expect(verdict.job?.job == bench.job && verdict.job?.settled == bench.settled)
        #expect(verdict.job?.replicas.filter(\.isWinner).count == 2 && verdict.job?.replicas.count == 4)
        #expect(verdict.job?.eligibleOwners == 2)
        #expect(receipt.blocks.allSatisfy { $0.certificate.signatures.count == 3 })
    }

    /// Shows that no byte of a receipt can change unnoticed: each one is flipped in turn, and cut, and extended.
    @Test func everyFlippedByteIsNoticed() throws {
        var bench = JobBench(workers: 1)
        bench.start(Chain.spec(r: 1, q: 1))
        let reveal = bench.chain.lease(
            bench.worker(0), bench.job, 0, .reveal(salt: .zero, result: bench.chain.result()))
        bench.chain.run([reveal])
        let bytes = try builder(bench.chain).job(bench.job).encoded
        #expect(verifier.verify(bytes).isSound)
        var checks: Set<ReceiptVerdict.Check> = []
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= index.isMultiple(of: 2) ? 1 : 0x80
            let verdict = verifier.verify(changed)
            #expect(!verdict.isSound && verdict.firstFailure != nil, "byte \(index)")
            if let failure = verdict.firstFailure { checks.insert(failure.check) }
        }
        #expect(checks.isSuperset(of: [.encoding, .network, .blocks, .stateCertificate, .entries]))
        #expect(!verifier.verify(Array(bytes.dropLast())).isSound)
        #expect(!verifier.verify(bytes + [0]).isSound)
        #expect(verifier.verify([]).firstFailure?.check == .encoding)
    }

    /// Shows the same on sampled bytes of a large receipt with commits, a replacement and links.
    @Test func sampledBytesOfALargeReceipt() throws {
        let bench = ReceiptTests.settledBench()
        let bytes = try builder(bench.chain).job(bench.job).encoded
        var rng = SeededGenerator(seed: 5)
        for _ in 0..<400 {
            var changed = bytes
            changed[Int.random(in: 0..<bytes.count, using: &rng)] ^= 1 << UInt8.random(in: 0..<8, using: &rng)
            #expect(!verifier.verify(changed).isSound)
        }
    }

    /// Shows that what the bytes alone cannot show is checked: each row forges a part with valid hashes, and the named
    /// check fails.
    @Test func forgedParts() throws {
        let bench = ReceiptTests.settledBench()
        let receipt = try builder(bench.chain).job(bench.job)
        guard case .job(let entries, let draws) = receipt.subject else { return }
        func verdict(
            entries: [Receipt.PlacedEntry]? = nil, draws other: [CandidateList]? = nil,
            blocks: [Receipt.ProvenBlock]? = nil
        ) -> ReceiptVerdict.Check? {
            let forged = Receipt(
                genesis: receipt.genesis, blocks: blocks ?? receipt.blocks,
                subject: .job(entries: entries ?? entries0, draws: other ?? draws))
            return verifier.verify(forged.encoded).firstFailure?.check
        }
        let entries0 = entries
        #expect(verdict() == nil)
        #expect(verdict(entries: Array(entries.dropFirst())) == .job)
        let commit = entries.firstIndex { $0.bytes[1] == Entry.Kind.commit.rawValue }!
        let reveal = entries.firstIndex { $0.bytes[1] == Entry.Kind.reveal.rawValue }!
        #expect(verdict(entries: entries.enumerated().filter { $0.offset != commit }.map(\.element)) == .commits)
        #expect(verdict(entries: entries.enumerated().filter { $0.offset != reveal }.map(\.element)) == .reveals)
        #expect(verdict(entries: entries + [entries[reveal]]) == .reveals)
        #expect(verdict(draws: [draws[0]]) == .draw)
        #expect(verdict(draws: draws + [draws[0]]) == .draw)
        #expect(verdict(draws: [CandidateList(Array(draws[0].candidates.dropLast()))] + draws.dropFirst()) == .draw)
        #expect(verdict(blocks: Array(receipt.blocks.dropLast())) == .entries)
        var blocks = receipt.blocks
        let old = blocks[0]
        func with(_ signatures: [SeatSignature]) -> Receipt.ProvenBlock {
            Receipt.ProvenBlock(
                header: old.header, entryHashes: old.entryHashes, events: old.events, before: old.before,
                links: old.links,
                certificate: StateCertificate(state: old.certificate.state, signatures: signatures))
        }
        blocks[0] = with(Array(old.certificate.signatures.dropLast()))
        #expect(verdict(blocks: blocks) == .stateCertificate)
        blocks[0] = with(bench.chain.certificate(old.certificate.state).signatures)
        #expect(verdict(blocks: blocks) == .stateCertificate)
        let finalize = old.certificate.state.encoded
        blocks[0] = with(
            old.certificate.signatures.map {
                SeatSignature(
                    seat: $0.seat,
                    signature: Chain.votingKey(of: Int($0.seat)).sign(
                        .finalize, network: bench.chain.network, body: finalize))
            })
        #expect(verdict(blocks: blocks) == .stateCertificate)
    }

    /// Shows that the decisions are made again: a log whose seats all lie about one decision has valid certificates,
    /// and the receipt still fails at that decision (A1).
    @Test func lyingSeatsAreFoundOut() throws {
        let bench = ReceiptTests.settledBench(seats: 1)
        let receipt = try builder(bench.chain).job(bench.job)
        let rows: [(String, (inout LedgerEvent) -> Void, ReceiptVerdict.Check)] = [
            ("pay", { e in
                change(&e) {
                    let first = $0.winners[0]
                    $0.winners[0] = .init(lease: first.lease, pay: .credits(1), bodyHash: first.bodyHash)
                }
            }, .payments),
            ("refund", { e in change(&e) { $0.refund = .zero } }, .payments),
            ("usage", { e in change(&e) { $0.paidCpuMicros += 1 } }, .payments),
            ("loser wins", { e in change(&e) { $0.losers = [] } }, .merge),
            ("canonical", { e in change(&e) { $0.canonical = .zero } }, .merge),
            ("credibility", { e in change(&e) { $0.credibility = 1_000 } }, .merge),
            ("quorum", { e in change(&e) { $0.q = 1 } }, .merge),
            ("revealed", { e in change(&e) { $0.revealed += 1 } }, .reveals),
            ("body", { e in
                change(&e) {
                    let second = $0.winners[1]
                    $0.winners[1] = .init(lease: second.lease, pay: second.pay, bodyHash: .zero)
                }
            }, .merge),
            ("draw", { e in
                if case .drawn(var drawn) = e {
                    drawn.leases.swapAt(0, drawn.leases.count - 1)
                    if drawn.leases.count > 1 { e = .drawn(drawn) }
                }
            }, .draw),
            ("tickets", { e in
                if case .drawn(var drawn) = e {
                    drawn.totalTickets += 1
                    e = .drawn(drawn)
                }
            }, .draw),
            ("escrow", { e in
                if case .jobOpened(let job, let who, let funded, let fee) = e {
                    e = .jobOpened(job: job, submitter: who, funded: funded + .credits(1), fee: fee)
                }
            }, .job),
            ("result", { e in
                if case .revealed(let job, let lease, let hash, _) = e {
                    e = .revealed(job: job, lease: lease, compareHash: hash, bodyHash: .zero)
                }
            }, .reveals),
        ]
        for (name, forge, check) in rows {
            let blocks = receipt.blocks.map { block in
                let events = block.events.map { bytes in
                    let numbered = try! NumberedEvent(decoding: bytes)
                    var event = numbered.event
                    forge(&event)
                    return NumberedEvent(ordinal: numbered.ordinal, event: event).encoded
                }
                let state = block.certificate.state
                let signed = StateTuple(
                    epoch: 0, height: state.height, blockHash: state.blockHash, stateDigest: state.stateDigest,
                    eventRoot: MerkleTree.root(
                        leafTag: "peernode/event/v1", items: events, hashing: MixHashing()), nextSeatsHash: .zero)
                return Receipt.ProvenBlock(
                    header: block.header, entryHashes: block.entryHashes, events: events, before: .zero, links: [],
                    certificate: bench.chain.certificate(signed))
            }
            let verdict = verifier.verify(
                Receipt(genesis: receipt.genesis, blocks: blocks, subject: receipt.subject).encoded)
            #expect(verdict.firstFailure?.check == check, "\(name): \(String(describing: verdict.firstFailure))")
        }
    }

    func change(_ event: inout LedgerEvent, _ body: (inout LedgerEvent.Settled) -> Void) {
        guard case .settled(var settled) = event else { return }
        body(&settled)
        event = .settled(settled)
    }

    /// Shows that a block without a certificate of its own is proven through the links up to a certified height.
    @Test func linksToACertifiedHeight() throws {
        var bench = ReceiptTests.settledBench()
        bench.chain.run()
        let receipt = try builder(bench.chain).job(bench.job)
        let last = receipt.blocks.last!.header.height
        for height in (last - 3)...last {
            bench.chain.store.families[.proofs]?.remove(.init(raw: JournalKey.height(height)))
        }
        let linked = try builder(bench.chain).job(bench.job)
        #expect(linked.blocks.last!.links.count == 2)
        #expect(verifier.verify(linked.encoded).isSound)
        var blocks = linked.blocks
        let old = blocks.removeLast()
        let first = old.links[0]
        let other = DigestLink(
            blockHash: first.blockHash, eventRoot: first.eventRoot, deltaHash: .zero, full: .zero)
        for forged in [Array(old.links.dropLast()), old.links.reversed(), [other, old.links[1]]] {
            let bad = Receipt.ProvenBlock(
                header: old.header, entryHashes: old.entryHashes, events: old.events, before: old.before,
                links: forged, certificate: old.certificate)
            let receipt = Receipt(genesis: linked.genesis, blocks: blocks + [bad], subject: linked.subject)
            #expect(verifier.verify(receipt.encoded).firstFailure?.check == .stateCertificate)
        }
        for height in last...bench.chain.ledger.height {
            bench.chain.store.families[.proofs]?.remove(.init(raw: JournalKey.height(height)))
        }
        let error = ReceiptBuilder<MemoryStore>.Failure.notCertified(height: last - 3)
        #expect(throws: error) { _ = try builder(bench.chain).job(bench.job) }
    }

    /// Shows receipts of entries, applied and refused, and what cannot have one.
    @Test func transactionReceipts() throws {
        var chain = Chain(seats: 4)
        let good = chain.transfer(Chain.account(0), Chain.account(1).publicKey, 5)
        let bad = chain.transfer(Chain.account(0), Chain.account(77).publicKey, 5)
        let execution = chain.run([good, bad])
        for (index, code) in [OutcomeCode.applied, .unknownTarget].enumerated() {
            let receipt = try builder(chain).transaction(execution.outcomes[index].id)
            let verdict = verifier.verify(receipt.encoded)
            #expect(verdict.isSound && verdict.transaction?.code == code && verdict.transaction?.height == 1)
            let bytes = receipt.encoded
            for place in stride(from: 0, to: bytes.count, by: 3) {
                var changed = bytes
                changed[place] ^= 4
                #expect(!verifier.verify(changed).isSound, "byte \(place)")
            }
        }
        typealias Failure = ReceiptBuilder<MemoryStore>.Failure
        #expect(throws: Failure.unknown) { _ = try builder(chain).transaction(.zero) }
        #expect(throws: Failure.unknown) { _ = try builder(chain).job(.zero) }
        var bench = JobBench(workers: 0)
        bench.open()
        #expect(throws: Failure.notSettled) { _ = try builder(bench.chain).job(bench.job) }
    }

    /// Shows that no bytes trap the verifier, and that what it accepts encodes back to itself.
    @Test func mutations() throws {
        let bench = ReceiptTests.settledBench(seats: 1)
        let receipt = try builder(bench.chain).job(bench.job)
        #expect(Mutation.fuzz(receipt, seed: 9, rounds: 150).broken == nil)
        var rng = SeededGenerator(seed: 10)
        for _ in 0..<150 {
            var bytes = receipt.encoded
            for _ in 0..<3 { bytes = Mutation.of(bytes, using: &rng) }
            #expect(!verifier.verify(bytes).isSound || bytes == receipt.encoded)
        }
    }
}
