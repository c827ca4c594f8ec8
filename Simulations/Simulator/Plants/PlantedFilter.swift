import Basis
import NodeCore
import Records
import Trust
import Wire

/// What a seat says wrongly on purpose while all take it for honest (`simulation.md` 16, kind s).
struct PlantedFilter: EgressFilter {
    let plant: PlantSite
    let network: NetworkID
    let voting: SimKey?
    /// Keys of all seats: what no peer has.
    let voters: [SimKey]
    let hashing: SimKey
    /// The peer that is shown another log.
    let victim: PeerID
    /// Whether a view of this process timed out.
    private var hasTimedOut = false

    init(
        plant: PlantSite, network: NetworkID, voting: SimKey?, voters: [SimKey], hashing: SimKey, victim: PeerID
    ) {
        self.plant = plant
        self.network = network
        self.voting = voting
        self.voters = voters
        self.hashing = hashing
        self.victim = victim
    }

    mutating func passing(_ message: LogMessage, to peer: PeerID) -> [LogMessage] {
        guard let voting else { return plant == .submitsNothing ? without(message) : [message] }
        switch (plant, message) {
        case (.finalizesAndNullifies, .vote(let vote)) where vote.ballot.kind == .finalize:
            return [message, .vote(sign(.nullify, vote, .zero, voting))]
        case (.votesTwice, .vote(let vote)) where vote.ballot.kind == .notarize:
            return [message, .vote(sign(.notarize, vote, Digest(repeating: 7), voting))]
        case (.finalizesOwnVote, .vote(let vote)) where vote.ballot.kind == .notarize:
            return [message, .vote(sign(.finalize, vote, vote.ballot.blockHash, voting))]
        case (.attestsAnother, .attestation(let attestation)):
            let own = attestation.state
            let state = StateTuple(
                epoch: own.epoch, height: own.height, blockHash: own.blockHash, stateDigest: own.eventRoot,
                eventRoot: own.eventRoot, nextSeatsHash: own.nextSeatsHash)
            let signature = voting.sign(.attest, network: network, body: state.encoded)
            return [.attestation(Attestation(state: state, seat: attestation.seat, signature: signature))]
        case (.nullifiesTheFinal, .certificate(let certificate)) where certificate.ballot.kind == .finalize:
            return [message, .certificate(forged(.nullify, certificate.ballot, .zero))]
        case (.nullifiesTheFinal, .vote(let vote)) where vote.ballot.kind == .finalize:
            return [
                message, .certificate(forged(.finalize, vote.ballot, vote.ballot.blockHash)),
                .certificate(forged(.nullify, vote.ballot, .zero)),
            ]
        case (.lowersQuorum, .vote(let vote)):
            if vote.ballot.kind == .nullify { hasTimedOut = true }
            let certificate = forged(vote.ballot.kind, vote.ballot, vote.ballot.blockHash)
            return hasTimedOut ? [message, .certificate(certificate)] : [message]
        case (.lowersQuorum, .attestation(let attestation)) where hasTimedOut:
            // Without state certificates a node stops a few heights later.
            let body = attestation.state.encoded
            return voters.enumerated().map { seat, key in
                .attestation(
                    Attestation(
                        state: attestation.state, seat: UInt16(seat),
                        signature: key.sign(.attest, network: network, body: body)))
            }
        case (.forks, .final(let shown)) where peer == victim: return [.final(fork(shown) ?? shown)]
        default: return without(message)
        }
    }

    mutating func passing(_ messages: [PeerMessage], to peer: PeerID) -> [PeerMessage] { messages }

    private func without(_ message: LogMessage) -> [LogMessage] {
        if plant == .submitsNothing, case .submit = message { return [] }
        return [message]
    }

    private func sign(_ kind: VoteKind, _ vote: Vote, _ hash: Digest, _ key: SimKey) -> Vote {
        let ballot = Ballot(kind: kind, epoch: vote.ballot.epoch, view: vote.ballot.view, blockHash: hash)
        return Vote(
            ballot: ballot, seat: vote.seat,
            signature: key.sign(kind.signatureKind, network: network, body: ballot.signedBody))
    }

    /// A certificate with the signature of every seat.
    private func forged(_ kind: VoteKind, _ like: Ballot, _ hash: Digest) -> Certificate {
        let ballot = Ballot(kind: kind, epoch: like.epoch, view: like.view, blockHash: hash)
        let votes = voters.enumerated().map { seat, key in
            SeatSignature(
                seat: UInt16(seat), signature: key.sign(kind.signatureKind, network: network, body: ballot.signedBody))
        }
        return Certificate(ballot: ballot, votes: votes)
    }

    /// Another last block of the same height, as if a quorum had made it final.
    private func fork(_ shown: Blocks) -> Blocks? {
        guard var block = shown.blocks.last, shown.blocks.count == 1 else { return nil }
        block.header.timestamp += 1
        let like = Ballot(
            kind: .finalize, epoch: block.header.epoch, view: block.header.view, blockHash: block.hash(hashing: hashing)
        )
        return Blocks(
            blocks: [block], links: [], stateCertificate: nil,
            finalizeCertificate: forged(.finalize, like, like.blockHash))
    }
}
