import Basis
@testable import Consensus
import Records
import TestKit
import Testing
import Trust
import Wire

/// C15: a proposal that breaks one rule gets no vote, whatever else is right.
@Suite struct ProposalFaultTests {
    struct Case: Sendable {
        let name: String
        let fault: ProposalFault
        let change: @Sendable (inout Block) -> Void
    }

    static let cases: [Case] = [
        Case(name: "network", fault: .foreignNetwork) { $0.header.networkID = .init(repeating: 1) },
        Case(name: "epoch", fault: .foreignEpoch) { $0.header.epoch = 1 },
        Case(name: "leader", fault: .wrongLeader) { $0.header.seat = 3 },
        Case(name: "height 0", fault: .outOfRange) { $0.header.height = 0 },
        Case(name: "height max", fault: .outOfRange) { $0.header.height = .max },
        Case(name: "view max", fault: .outOfRange) { $0.header.view = .max },
        Case(name: "time max", fault: .outOfRange) { $0.header.timestamp = .max },
        Case(name: "height", fault: .wrongHeight) { $0.header.height += 1 },
        Case(name: "parent", fault: .badParent) { $0.header.parentHash = .init(repeating: 1) },
        Case(name: "parent view", fault: .badParent) { $0.header.parentView = $0.header.view },
        Case(name: "base", fault: .badParent) { $0.header.parentView = BlockHeader.baseView },
        Case(name: "count", fault: .badPayload) { $0.header.entryCount += 1 },
        Case(name: "bytes", fault: .badPayload) { $0.header.payloadBytes += 1 },
        Case(name: "certificate hash", fault: .badParentCertificateHash) {
            $0.header.parentCertHash = .init(repeating: 1)
        },
        Case(name: "certificate", fault: .badParentCertificateHash) { $0.parentCertificate.append(0) },
        Case(name: "time", fault: .timeNotRising) { $0.header.timestamp = World.wallStart - 900_000 },
        Case(name: "reveal", fault: .badReveal) { $0.header.beaconReveal = .init(repeating: 1) },
    ]

    /// Each case changes one field of the valid block of view 1 on the block of view 0; unchanged it gets a vote.
    @Test func oneWrongField() {
        for one in Self.cases {
            var bench = Bench(own: 2)
            let parent = bench.block(view: 0)
            _ = bench.receive(.proposal(bench.proposal(parent)))
            var block = bench.block(view: 1, on: parent)
            one.change(&block)
            let vote = bench.vote(.notarize, 1, bench.hash(block), by: 1)
            let effects = bench.receive(
                .proposal(Proposal(block: block, signature: vote.signature)))
            #expect(effects.faults == [one.fault], "\(one.name)")
            #expect(effects.votes(.notarize) == [], "\(one.name)")
        }
        var bench = Bench(own: 2)
        let parent = bench.block(view: 0)
        _ = bench.receive(.proposal(bench.proposal(parent)))
        let effects = bench.receive(.proposal(bench.proposal(bench.block(view: 1, on: parent))))
        #expect(effects.votes(.notarize) == [1])
    }

    /// A root that does not match, an overlong entry list and a certificate of too few votes are refused too.
    @Test func wrongRootAndQuorum() {
        var bench = Bench(own: 2)
        let parent = bench.block(view: 0)
        _ = bench.receive(.proposal(bench.proposal(parent)))
        var block = bench.block(view: 1, on: parent)
        block.header.txRoot = .init(repeating: 1)
        #expect(bench.receive(.proposal(bench.proposal(block))).votes(.notarize) == [])
        block = bench.block(view: 1, on: parent)
        block.parentCertificate =
            bench.certificate(.notarize, 0, bench.hash(parent), by: [0, 3]).encoded
        block.header.parentCertHash = Block.certificateHash(
            block.parentCertificate, hashing: MixHashing())
        #expect(bench.receive(.proposal(bench.proposal(block))).faults == [.badParent])
    }

    /// C14: certificates unsorted, with a repeated seat, below Q, of another epoch, network or kind are refused
    /// at ingress; those of the wrong form also by the core.
    @Test func badCertificates() {
        let bench = Bench()
        let good = bench.certificate(.notarize, 0, Digest(repeating: 1))
        func problem(_ certificate: Certificate, network: NetworkID? = nil) -> MessageCheck.Problem? {
            guard let decoded = try? Certificate(decoding: certificate.encoded) else {
                return .badCertificate
            }
            return MessageCheck.problem(
                of: .certificate(decoded), seats: bench.world.seatList,
                network: network ?? bench.world.network, verifying: MixVerifier(),
                hashing: MixHashing(), isValidEntry: { _ in true })
        }
        #expect(problem(good) == nil)
        let votes = good.votes
        let hash = Digest(repeating: 1)
        let bad = [
            Certificate(ballot: good.ballot, votes: [votes[1], votes[0], votes[2]]),
            Certificate(ballot: good.ballot, votes: [votes[0], votes[0], votes[1]]),
            Certificate(ballot: good.ballot, votes: Array(votes[..<2])),
            Certificate(ballot: Ballot(kind: .notarize, epoch: 1, view: 0, blockHash: hash), votes: votes),
            Certificate(ballot: Ballot(kind: .finalize, epoch: 0, view: 0, blockHash: hash), votes: votes),
            Certificate(ballot: Ballot(kind: .notarize, epoch: 0, view: 1, blockHash: hash), votes: votes),
            Certificate(
                ballot: good.ballot,
                votes: votes[..<2] + [SeatSignature(seat: 9, signature: votes[2].signature)]),
        ]
        for (i, certificate) in bad.enumerated() {
            #expect(problem(certificate) == .badCertificate, "case \(i)")
        }
        #expect(problem(good, network: NetworkID(repeating: 1)) == .badCertificate)
        var core = Bench()
        for certificate in [bad[0], bad[1], bad[2], bad[3], bad[6]] {
            _ = core.receive(.certificate(certificate))
        }
        #expect(core.replica.view == 0 && core.replica.stats.badMessages == 5)
    }

    /// A proposal, a vote and an attestation with a signature of another seat or kind are refused at ingress.
    @Test func badSignatures() {
        let bench = Bench()
        let block = bench.block(view: 0)
        let state = StateTuple(
            epoch: 0, height: 1, blockHash: bench.hash(block), stateDigest: .zero, eventRoot: .zero,
            nextSeatsHash: .zero)
        let good = bench.attestation(state, by: 2)
        let vote = bench.vote(.notarize, 0, bench.hash(block), by: 2)
        let messages: [(LogMessage, MessageCheck.Problem?)] = [
            (.proposal(bench.proposal(block)), nil),
            (.proposal(Proposal(block: block, signature: vote.signature)), .badSignature),
            (.vote(vote), nil),
            (.vote(Vote(ballot: vote.ballot, seat: 3, signature: vote.signature)), .badSignature),
            (
                .vote(
                    Vote(
                        ballot: bench.ballot(.finalize, 0, bench.hash(block)), seat: 2,
                        signature: vote.signature)), .badSignature
            ),
            (.attestation(good), nil),
            (.attestation(Attestation(state: state, seat: 1, signature: good.signature)), .badSignature),
            (.submit(Submit(entries: [[1]], hops: 0)), .badEntry),
        ]
        for (message, expected) in messages {
            let problem = MessageCheck.problem(
                of: message, seats: bench.world.seatList, network: bench.world.network,
                verifying: MixVerifier(), hashing: MixHashing(), isValidEntry: { $0 != [1] })
            #expect(problem == expected, "\(message.number)")
        }
    }
}
