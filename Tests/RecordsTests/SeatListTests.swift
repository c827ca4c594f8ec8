import Basis
import Records
import TestKit
import Testing
import Trust
import Wire

@Suite struct SeatListTests {
    static func seats(_ n: Int) -> SeatList {
        SeatList(
            epoch: 0,
            seats: (0..<n).map {
                SeatInit(
                    account: PublicKey(repeating: UInt8($0)), votingKey: PublicKey(repeating: UInt8($0 + 100)),
                    beaconEnd: .zero, beaconLength: 1)
            })
    }

    /// Shows quorum, faults borne and overlap against the table of `ledger.md` 4.1.
    @Test(arguments: [
        (1, 1, 0), (3, 2, 0), (4, 3, 1), (5, 4, 1), (6, 4, 1), (7, 5, 2), (10, 7, 3), (31, 21, 10), (100, 67, 33),
    ])
    func quorumTable(n: Int, q: Int, f: Int) {
        let list = SeatListTests.seats(n)
        #expect(list.quorum == q)
        #expect(list.faulty == f)
        #expect(2 * q - n > f, "two quorums share an honest seat")
    }

    /// Shows that leaders take turns and that turn numbers rise once a round.
    @Test func leadersRotate() {
        let list = SeatListTests.seats(4)
        #expect((0..<8).map { list.leader(of: $0) } == [0, 1, 2, 3, 0, 1, 2, 3])
        #expect((0..<8).map { list.turn(of: $0) } == [0, 0, 0, 0, 1, 1, 1, 1])
        #expect(list.leader(of: .max) == 3)
    }

    /// Shows that a certificate counts only distinct seats of its epoch with valid signatures of its kind and network.
    @Test func certificatesNeedQValidVotes() {
        let signers = (0..<4).map { MixSigner(seed: UInt64($0)) }
        let list = SeatList(
            epoch: 0,
            seats: signers.enumerated().map {
                SeatInit(
                    account: PublicKey(repeating: UInt8($0.offset)), votingKey: $0.element.publicKey,
                    beaconEnd: .zero, beaconLength: 1)
            })
        let network = NetworkID(repeating: 7)
        let ballot = Ballot(kind: .notarize, epoch: 0, view: 3, blockHash: Digest(repeating: 1))
        func vote(_ i: Int, _ kind: SignatureKind = .notarize, _ net: NetworkID? = nil) -> SeatSignature {
            SeatSignature(
                seat: UInt16(i),
                signature: signers[i].sign(kind, network: net ?? network, body: ballot.signedBody))
        }
        func valid(_ votes: [SeatSignature]) -> Bool {
            Certificate(ballot: ballot, votes: votes)
                .isValid(seats: list, network: network, verifying: MixVerifier())
        }
        #expect(valid([vote(0), vote(1), vote(3)]))
        #expect(!valid([vote(0), vote(1)]))
        #expect(!valid([vote(0), vote(1), vote(2, .finalize)]))
        #expect(!valid([vote(0), vote(1), vote(2, .notarize, NetworkID(repeating: 8))]))
        #expect(!valid([vote(0), vote(1), SeatSignature(seat: 9, signature: vote(2).signature)]))
        // One seat twice is not a set: the layout refuses it.
        let twice = Certificate(ballot: ballot, votes: [vote(0), vote(1), vote(1)])
        #expect((try? Certificate(decoding: twice.encoded)) == nil)
    }
}
