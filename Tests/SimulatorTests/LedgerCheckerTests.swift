import Basis
import Credits
import Records
import Testing
import Trust
import Verdict
import Wire

@testable import Simulator

@Suite struct LedgerCheckerTests {
    private let key = SimKey(room: CryptoRoom(seed: 1, real: nil), seed: 2)

    /// Shows that the quorum that checkers count with is that of the nodes, for every number of seats.
    @Test func theQuorumIsTheSameByBothRules() {
        for n in 1...100 where n != 2 { #expect(referenceQuorum(n) == SeatList.quorum(of: n)) }
    }

    /// Shows that votes and states are read from the messages that keys sign, and nothing else is taken for them.
    @Test func signedMessagesAreRead() {
        let network = NetworkID(repeating: 3)
        for kind in VoteKind.allCases {
            let hash = kind == .nullify ? Digest.zero : Digest(repeating: 5)
            let ballot = Ballot(kind: kind, epoch: 0, view: 77, blockHash: hash)
            let message = kind.signatureKind.message(network: network, body: ballot.signedBody)
            guard case .ballot(let read)? = SignedMessage(message) else {
                Issue.record("\(kind) was not read")
                continue
            }
            #expect(read == ballot)
            #expect(SignedMessage(message + [0]) == nil)
        }
        let state = StateTuple(
            epoch: 0, height: 9, blockHash: .init(repeating: 1), stateDigest: .init(repeating: 2),
            eventRoot: .init(repeating: 3), nextSeatsHash: .zero)
        let attested = SignatureKind.attest.message(network: network, body: state.encoded)
        guard case .state(let read)? = SignedMessage(attested) else {
            Issue.record("the state was not read")
            return
        }
        #expect(read == state)
        #expect(SignedMessage(SignatureKind.transaction.message(network: network, body: state.encoded)) == nil)
    }

    /// Shows that the raw reading of a certificate sees its seats and refuses a repeated seat and one vote too few.
    @Test func certificatesAreReadFromBytes() {
        let ballot = Ballot(kind: .notarize, epoch: 0, view: 4, blockHash: Digest(repeating: 5))
        func raw(_ seats: [UInt16]) -> RawProof? {
            let certificate = Certificate(
                ballot: ballot, votes: seats.map { SeatSignature(seat: $0, signature: .zero) })
            return RawProof(.init(bytes: certificate.encoded, isOfState: false))
        }
        let sound = raw([0, 2, 3])
        #expect(sound?.seats == [0, 2, 3])
        #expect(sound?.number == 4)
        #expect(sound?.hash == ballot.blockHash)
        #expect(sound.flatMap { ProofRule.shapeProblem(of: $0, seats: 4) } == nil)
        for seats in [[0, 2], [0, 2, 2], [2, 1, 3], [1, 2, 4]] as [[UInt16]] {
            #expect(raw(seats).flatMap { ProofRule.shapeProblem(of: $0, seats: 4) } != nil, "\(seats)")
        }
    }

    /// Shows that the book of ballots forgets what nobody saw at a crash, and keeps what left.
    @Test func theBookOfBallotsKeepsWhatLeft() {
        var book = BallotBook(seats: 1)
        let first = Ballot(kind: .notarize, epoch: 0, view: 1, blockHash: Digest(repeating: 1))
        let second = Ballot(kind: .notarize, epoch: 0, view: 2, blockHash: Digest(repeating: 2))
        book.sign(0, first)
        book.sign(0, second)
        book.leave(0, second)
        book.crash(0)
        #expect(book.hash(0, .init(epoch: 0, view: 1, kind: .notarize)) == nil)
        #expect(book.hash(0, .init(epoch: 0, view: 2, kind: .notarize)) == second.blockHash)
    }

    /// Shows that trying every core gives what the rule of the nodes gives, over random answers.
    @Test func bruteForceEqualsTheCoreRule() {
        var rng = SeededGenerator(seed: 4)
        for _ in 0..<200 {
            let count = 1 + Int(rng.next() % 5)
            let quorum = count / 2 + 1
            var story = JobStory(
                submitter: .zero, spec: LedgerCheckerTests.spec, openHeight: 1, openedAt: 0, funded: .zero, fee: .zero)
            var answers: [RevealedAnswer] = []
            for index in 0..<count {
                let hash = Digest(repeating: UInt8(rng.next() % 3))
                let account = PublicKey(repeating: UInt8(10 + index * 7 % 5))
                let terms = LedgerEvent.DrawnLease(
                    lease: UInt16(index), account: account, owner: account, slotClass: 0, tickets: 1, rateCPU: .zero,
                    rateMemory: .zero)
                var lease = JobStory.Lease(terms: terms, round: 1, drawHeight: 1, deadline: 9)
                lease.state = .revealed
                lease.result = ReplicaResult(
                    status: .completed, exitCode: 0, bodyHash: .zero, bodyBytes: 0, compareHash: hash, sketch: [],
                    cpuMicros: 1, memoryMiBMillis: 1, wallMillis: 1, report: .zero, inline: [])
                story.leases.append(lease)
                answers.append(RevealedAnswer(account: account, status: 0, exitCode: 0, compareHash: hash))
            }
            let decision = MinimumDiameterCore.decide(answers, quorum: quorum, comparator: .raw)
            let brute = BruteMerge(story, quorum: quorum).core()
            if let decision {
                #expect(brute?.members.map { Int($0.lease) } == decision.core)
                #expect(brute?.diameter == 0)
            } else {
                #expect(brute?.diameter == .max)
            }
        }
    }

    private static let spec = JobSpec(
        salt: [UInt8](repeating: 0, count: 16), manifest: .zero, entryPeer: .zero, holders: [], runtime: .zero,
        affinity: .zero, hardwareClass: .zero, capabilities: 0, only: [], cores: 1, memoryMiB: 1, diskMiB: 0, gpuMiB: 0,
        isolation: 0, comparator: .raw, r: 3, q: 2, rMax: 3, cpuMicrosMax: 1, memoryMax: 1, wallMillisMax: 1,
        outputBytesMax: 1, rateCPUMax: .zero, rateMemoryMax: .zero, leaseSeconds: 10, revealSeconds: 10,
        totalSeconds: 60, retainSeconds: 0, inlineMax: 0, flags: [], label: "")
}
