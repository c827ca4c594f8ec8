import Basis
@testable import Consensus
import Records
import TestKit
import Testing
import Trust
import Wire

/// No message traps the core, however absurd its numbers: what f liars can sign, and, beyond the fault model,
/// certificates that no honest quorum made. Seeded; a stop by alarm is allowed, a trap ends the test process.
@Suite struct FuzzTests {
    static func number(_ rng: inout SeededGenerator) -> UInt64 {
        let edges: [UInt64] = [
            0, 1, 2, 3, 4, 5, 63, 64, 65, 1 << 31, 1 << 52, (1 << 63) - 1, 1 << 63, .max - 1, .max,
        ]
        return edges.randomElement(using: &rng) ?? 0
    }

    static func ballot(_ rng: inout SeededGenerator, hashes: [Digest]) -> Ballot {
        let kind = VoteKind.allCases.randomElement(using: &rng) ?? .nullify
        let hash = kind == .nullify ? .zero : hashes.randomElement(using: &rng) ?? .init(repeating: 1)
        let small = UInt64.random(in: 0..<6, using: &rng)
        let view = Int.random(in: 0..<4, using: &rng) == 0 ? number(&rng) : small
        return Ballot(kind: kind, epoch: 0, view: view, blockHash: hash)
    }

    static func message(
        _ bench: Bench, _ blocks: inout [Block], _ rng: inout SeededGenerator
    ) -> LogMessage {
        let hashes = blocks.map { bench.hash($0) } + [Digest(repeating: 3)]
        let votes = [[0, 2, 3], [0, 1, 2], [3], [0, 1, 2, 3]].randomElement(using: &rng) ?? []
        let seat = UInt16.random(in: 0..<6, using: &rng)
        switch Int.random(in: 0..<12, using: &rng) {
        case 0:
            return .vote(Vote(ballot: ballot(&rng, hashes: hashes), seat: seat, signature: .zero))
        case 1:
            let ballot = ballot(&rng, hashes: hashes)
            return .certificate(
                Certificate(
                    ballot: ballot,
                    votes: votes.map { SeatSignature(seat: UInt16($0), signature: .zero) }))
        case 2, 3, 4:
            var block = bench.block(
                view: UInt64.random(in: 0..<6, using: &rng), on: blocks.randomElement(using: &rng))
            if Bool.random(using: &rng) { mutate(&block.header, &rng) }
            if blocks.count < 40 { blocks.append(block) }
            return .proposal(Proposal(block: block, signature: .zero))
        case 5:
            let state = StateTuple(
                epoch: 0, height: number(&rng), blockHash: hashes.randomElement(using: &rng) ?? .zero,
                stateDigest: Digest(repeating: UInt8.random(in: 6...8, using: &rng)), eventRoot: .zero,
                nextSeatsHash: .zero)
            return .attestation(Attestation(state: state, seat: seat, signature: .zero))
        case 6:
            return .status(
                Status(
                    epoch: 0, view: number(&rng), finalHeight: number(&rng),
                    executedHeight: number(&rng), certifiedHeight: number(&rng), executedHash: .zero,
                    stateDigest: .zero, flags: [.wantsAnswer]))
        case 7: return .fetchBlocks(FetchBlocks(from: number(&rng), count: 64))
        case 8:
            return .fetchBlocks(
                FetchBlocks(hash: hashes.randomElement(using: &rng) ?? .zero, height: number(&rng)))
        case 9:
            let from = min(number(&rng), .max - 64)
            return .fetchCertificates(
                FetchCertificates(epoch: 0, from: from, to: from + UInt64.random(in: 0...64, using: &rng)))
        case 10:
            let some = Array(blocks.shuffled(using: &rng).prefix(3))
            guard let first = some.first else { return .follow(Follow(fromHeight: number(&rng))) }
            let proof = Certificate(
                ballot: Ballot(
                    kind: .finalize, epoch: 0, view: (some.last ?? first).header.view,
                    blockHash: bench.hash(some.last ?? first)),
                votes: votes.map { SeatSignature(seat: UInt16($0), signature: .zero) })
            return .blocks(
                Blocks(
                    blocks: some, links: [], stateCertificate: nil,
                    finalizeCertificate: Bool.random(using: &rng) ? proof : nil))
        default:
            let certificates = (0..<3).map { _ in
                Certificate(
                    ballot: ballot(&rng, hashes: hashes),
                    votes: votes.map { SeatSignature(seat: UInt16($0), signature: .zero) })
            }
            return .certificates(Certificates(certificates: certificates, ownVotes: []))
        }
    }

    static func mutate(_ header: inout BlockHeader, _ rng: inout SeededGenerator) {
        switch Int.random(in: 0..<7, using: &rng) {
        case 0: header.view = number(&rng)
        case 1: header.height = number(&rng)
        case 2: header.timestamp = number(&rng)
        case 3: header.parentView = number(&rng)
        case 4: header.seat = UInt16.random(in: 0..<6, using: &rng)
        case 5: header.entryCount = UInt32.random(in: 0...2, using: &rng)
        default: header.parentHash = Digest(repeating: 3)
        }
    }

    @Test func nothingTraps() {
        for seed in seeds(40) {
            var rng = SeededGenerator(seed: seed)
            var bench = Bench(own: [nil, 0, 1].randomElement(using: &rng) ?? nil, limits: .tiny)
            var blocks: [Block] = []
            for _ in 0..<150 {
                let peer = bench.world.nodes.randomElement(using: &rng)?.peer ?? bench.sender
                let message = Self.message(bench, &blocks, &rng)
                var effects = bench.receive(message, from: peer)
                if Int.random(in: 0..<4, using: &rng) == 0 {
                    effects += bench.pass(Int64.random(in: 0...3_000, using: &rng))
                }
                if Int.random(in: 0..<10, using: &rng) == 0 { effects += bench.wantBlocks() }
                if let request = effects.payloadRequest {
                    effects += bench.handle(.payload(request.ticket, entries: [[1]]))
                }
                for block in effects.finals where bench.replica.mode != .stopped {
                    _ = bench.execute(block)
                }
                #expect(bench.replica.views.count <= 400)
            }
        }
    }
}
