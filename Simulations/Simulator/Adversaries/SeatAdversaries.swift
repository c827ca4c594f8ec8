import Basis
import Credits
import NodeCore
import Records
import Trust
import Wire

extension Means {
    /// The member's proposal of another block in the place of its own, signed as its own.
    func proposal(_ block: Block, by member: Member) -> Proposal? {
        guard let voting = member.voting else { return nil }
        let ballot = Ballot(
            kind: .notarize, epoch: block.header.epoch, view: block.header.view,
            blockHash: block.hash(hashing: member.key))
        return Proposal(
            block: block, signature: voting.sign(.notarize, network: network, body: ballot.signedBody))
    }

    /// The block with other entries; counts and root fit them.
    func block(_ block: Block, with entries: [[UInt8]], by member: Member) -> Block {
        var header = block.header
        header.entryCount = UInt32(entries.count)
        header.payloadBytes = Block.payloadBytes(entries)
        header.txRoot = Block.txRoot(
            entries.map { Block.entryHash($0, hashing: member.key) }, hashing: member.key)
        return Block(header: header, parentCertificate: block.parentCertificate, entries: entries)
    }

    func vote(_ ballot: Ballot, by member: Member) -> Vote? {
        guard let voting = member.voting, let seat = member.seat else { return nil }
        return Vote(
            ballot: ballot, seat: seat,
            signature: voting.sign(ballot.kind.signatureKind, network: network, body: ballot.signedBody))
    }

    /// Two messages that contradict each other; half of the seats hear the second first.
    func both(_ one: LogMessage, _ other: LogMessage, to peer: PeerID) -> [LogMessage] {
        (seat(of: peer) ?? 0) % 2 == 0 ? [one, other] : [other, one]
    }

    /// A vote or signature that nobody made.
    mutating func garbage() -> Signature { Signature(high: Bytes32(word: &rng), low: Bytes32(word: &rng)) }
    mutating func digest() -> Digest { Digest(Bytes32(word: &rng)) }
}

extension Bytes32 {
    init(word rng: inout SeededGenerator) { self.init(w0: rng.next(), w1: rng.next(), w2: rng.next(), w3: rng.next()) }
}

extension LogMessage {
    /// The proposal that this is, if the member is its leader.
    func ownProposal(_ member: Member) -> Proposal? {
        guard case .proposal(let proposal) = self, proposal.block.header.seat == member.seat else { return nil }
        return proposal
    }

    func ownVote(_ member: Member) -> Vote? {
        guard case .vote(let vote) = self, vote.seat == member.seat else { return nil }
        return vote
    }
}

/// Withholds its own proposals; votes as others do.
struct SilentLeader: Trick {
    private var views = Occasions()

    mutating func passing(
        _ message: LogMessage, by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [LogMessage] {
        if let proposal = message.ownProposal(member) {
            return views.isOn(proposal.block.header.view, &means) ? [] : [message]
        }
        if let vote = message.ownVote(member), vote.ballot.kind == .notarize,
            means.seats.leader(of: vote.ballot.view) == Int(vote.seat), views.isOn(vote.ballot.view, &means)
        {
            return []
        }
        return [message]
    }
}

/// Shows half of the seats another valid block of its view. Members vote for both.
struct EquivocatingLeader: Trick {
    private var views = Occasions()
    private var twins = Memory<UInt64, Proposal>()
    /// Both block hashes of a view.
    private var pairs = Memory<UInt64, [Digest]>()

    mutating func passing(
        _ message: LogMessage, by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [LogMessage] {
        if let proposal = message.ownProposal(member) {
            let view = proposal.block.header.view
            guard views.isOn(view, &means), let twin = twin(of: proposal, by: member, &means) else { return [message] }
            guard let seat = means.seat(of: peer), (UInt64(seat) + view) % 2 == 0 else { return [message] }
            return [.proposal(twin)]
        }
        guard let vote = message.ownVote(member), vote.ballot.kind == .notarize, let pair = pairs[vote.ballot.view]
        else { return [message] }
        let both = pair.compactMap { hash in
            means.vote(
                Ballot(kind: .notarize, epoch: vote.ballot.epoch, view: vote.ballot.view, blockHash: hash), by: member)
        }
        return both.map { .vote($0) }
    }

    private mutating func twin(of proposal: Proposal, by member: Member, _ means: inout Means) -> Proposal? {
        let view = proposal.block.header.view
        if let known = twins[view] { return known }
        var block = proposal.block
        if block.entries.count > 1, means.below(2) == 0 {
            block = means.block(block, with: block.entries.dropLast(), by: member)
        } else {
            block.header.timestamp += 1
        }
        let twin = means.proposal(block, by: member)
        twins[view] = twin
        pairs[view] = [proposal.block.hash(hashing: member.key), block.hash(hashing: member.key)]
        return twin
    }
}

/// Casts two `notarize` votes in a view; half of the seats hear the false one first.
struct DoubleVoter: Trick {
    private var views = Occasions()

    mutating func passing(
        _ message: LogMessage, by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [LogMessage] {
        guard let vote = message.ownVote(member), vote.ballot.kind == .notarize, views.isOn(vote.ballot.view, &means)
        else { return [message] }
        let ballot = Ballot(
            kind: .notarize, epoch: vote.ballot.epoch, view: vote.ballot.view,
            blockHash: member.key.digest(vote.ballot.blockHash.bytes))
        guard let second = means.vote(ballot, by: member) else { return [message] }
        return means.both(message, .vote(second), to: peer)
    }
}

/// Casts both `finalize` and `nullify` in a view.
struct FinalizeNullifyVoter: Trick {
    private var views = Occasions()
    /// What it voted for, by view.
    private var hashes = Memory<UInt64, Digest>()

    mutating func passing(
        _ message: LogMessage, by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [LogMessage] {
        if let proposal = message.ownProposal(member) {
            hashes[proposal.block.header.view] = proposal.block.hash(hashing: member.key)
        }
        guard let vote = message.ownVote(member) else { return [message] }
        let ballot = vote.ballot
        let other: Ballot
        switch ballot.kind {
        case .notarize:
            hashes[ballot.view] = ballot.blockHash
            return [message]
        case .finalize: other = Ballot(kind: .nullify, epoch: ballot.epoch, view: ballot.view, blockHash: .zero)
        case .nullify:
            guard let hash = hashes[ballot.view] else { return [message] }
            other = Ballot(kind: .finalize, epoch: ballot.epoch, view: ballot.view, blockHash: hash)
        }
        guard views.isOn(ballot.view, &means), let second = means.vote(other, by: member) else { return [message] }
        return means.both(message, .vote(second), to: peer)
    }
}

/// Withholds what carries entries of its victims: submits and proposals.
struct Censor: Trick {
    private var views = Occasions()

    mutating func passing(
        _ message: LogMessage, by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [LogMessage] {
        switch message {
        case .submit(let submit):
            let kept = submit.entries.filter { !isOfVictim($0, means) }
            if kept.count == submit.entries.count || !means.takesChance() { return [message] }
            return kept.isEmpty ? [] : [.submit(Submit(entries: kept, hops: submit.hops))]
        case .proposal(let proposal):
            guard proposal.block.header.seat == member.seat,
                proposal.block.entries.contains(where: { isOfVictim($0, means) }),
                views.isOn(proposal.block.header.view, &means)
            else { return [message] }
            return []
        default: return [message]
        }
    }

    /// The account stands after version and kind.
    private func isOfVictim(_ entry: [UInt8], _ means: Means) -> Bool {
        guard entry.count >= 34, let account = PublicKey(entry[2..<34]) else { return false }
        return means.isVictim(account: account)
    }
}

/// Keeps its turn, and with it its beacon element, to itself while a draw waits for it.
struct TurnSkipper: Trick {
    private var views = Occasions()
    private var isDrawPending = false

    mutating func learns(_ block: LogNode.ExecutedBlock, by member: Member, _ means: inout Means) {
        isDrawPending = block.execution.blocksDue > 0
    }

    mutating func passing(
        _ message: LogMessage, by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [LogMessage] {
        guard isDrawPending, let proposal = message.ownProposal(member),
            views.isOn(proposal.block.header.view, &means)
        else { return [message] }
        return []
    }
}

/// Shows its proposals late.
struct LateProposer: Trick {
    static let least = Interval.milliseconds(300)
    static let most = Interval.seconds(3)

    private var views = Occasions()
    private var due = Memory<UInt64, Instant>()
    private var waiting = Memory<UInt64, [PeerID]>()

    mutating func passing(
        _ message: LogMessage, by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [LogMessage] {
        guard let proposal = message.ownProposal(member) else { return [message] }
        let view = proposal.block.header.view
        guard views.isOn(view, &means) else { return [message] }
        let release = due[view] ?? means.now + means.between(LateProposer.least, LateProposer.most)
        due[view] = release
        if means.now >= release { return [message] }
        if waiting[view]?.contains(peer) == true { return [] }
        waiting[view] = (waiting[view] ?? []) + [peer]
        means.later(release - means.now, .say(message, by: member.index, to: peer))
        return []
    }
}

/// Shows blocks that differ from those of its node, one for each view, to everybody.
struct Recasting: Sendable {
    private var views = Occasions()
    private var shown = Memory<UInt64, Proposal>()

    mutating func passing(
        _ message: LogMessage, by member: Member, _ means: inout Means,
        _ change: (Block, inout Means) -> Block
    ) -> [LogMessage] {
        guard let proposal = message.ownProposal(member) else { return [message] }
        let view = proposal.block.header.view
        guard views.isOn(view, &means) else { return [message] }
        if let known = shown[view] { return [.proposal(known)] }
        let block = change(proposal.block, &means)
        guard let recast = means.proposal(block, by: member) else { return [message] }
        shown[view] = recast
        return [.proposal(recast)]
    }
}

/// Dates its blocks far ahead, far behind, or as far ahead as is just allowed.
struct TimeLiar: Trick {
    private var recasting = Recasting()

    mutating func passing(
        _ message: LogMessage, by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [LogMessage] {
        recasting.passing(message, by: member, &means) { block, means in
            var block = block
            switch means.below(3) {
            case 0: block.header.timestamp += 600_000
            case 1: block.header.timestamp -= 3_600_000
            default: block.header.timestamp = max(block.header.timestamp, means.wall + 450)
            }
            return block
        }
    }
}

/// Proposes what no honest seat may vote for.
struct BadBlockProposer: Trick {
    private var recasting = Recasting()

    mutating func passing(
        _ message: LogMessage, by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [LogMessage] {
        recasting.passing(message, by: member, &means) { block, means in
            var block = block
            switch means.below(8) {
            case 0: block.header.txRoot = means.digest()
            case 1: block.header.parentHash = means.digest()
            case 2: block.header.height += 1
            case 3: block.header.beaconReveal = means.digest()
            case 4: block.header.parentCertHash = means.digest()
            case 5: block = means.block(block, with: block.entries + [means.rng.bytes(96)], by: member)
            case 6:
                var last = block.entries.last ?? means.rng.bytes(140)
                last[last.count - 40] ^= 1
                block = means.block(block, with: block.entries.dropLast() + [last], by: member)
            default: block = means.block(block, with: block.entries + block.entries, by: member)
            }
            return block
        }
    }
}

/// Starts again without what it voted for.
struct Amnesiac: Trick {
    mutating func forgets(_ means: inout Means) -> StoreBatch? {
        if !means.takesChance() { return nil }
        var lost = StoreBatch(isSynced: true)
        // Marks, own blocks and certificates of ended views; the voting key stays.
        lost.deleteRange(.journal, from: [1], to: [4])
        lost.deleteRange(.pending, from: [0], to: [0xff])
        lost.deleteRange(.certs, from: [0], to: [0xff])
        return lost
    }
}

/// Vouches for states that it never computed.
struct FalseAttester: Trick {
    private var heights = Occasions()

    mutating func passing(
        _ message: LogMessage, by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [LogMessage] {
        switch message {
        case .attestation(let one):
            guard one.seat == member.seat, let voting = member.voting, heights.isOn(one.state.height, &means) else {
                return [message]
            }
            let state = StateTuple(
                epoch: one.state.epoch, height: one.state.height, blockHash: one.state.blockHash,
                stateDigest: member.key.digest(one.state.stateDigest.bytes), eventRoot: one.state.eventRoot,
                nextSeatsHash: one.state.nextSeatsHash)
            let signature = voting.sign(.attest, network: means.network, body: state.encoded)
            return [.attestation(Attestation(state: state, seat: one.seat, signature: signature))]
        case .status(var status):
            guard heights.isOn(status.executedHeight, &means) else { return [message] }
            status.stateDigest = member.key.digest(status.stateDigest.bytes)
            status.certifiedHeight += 1_000
            status.finalHeight += 1_000
            return [.status(status)]
        default: return [message]
        }
    }
}

/// Shows certificates that prove nothing: too few votes, one vote several times, votes that nobody cast.
struct CertificateForger: Trick {
    mutating func passing(
        _ message: LogMessage, by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [LogMessage] {
        switch message {
        case .certificate(let real):
            if !means.takesChance() { return [message] }
            if means.below(4) == 0, let own = claim(after: real, by: member, &means) { return [.certificate(own)] }
            return [.certificate(Certificate(ballot: real.ballot, votes: spoiled(real.votes, &means)))]
        case .stateCertificate(let real):
            if !means.takesChance() { return [message] }
            let signatures = spoiled(real.signatures, &means)
            return [.stateCertificate(StateCertificate(state: real.state, signatures: signatures))]
        default: return [message]
        }
    }

    private func spoiled(_ votes: [SeatSignature], _ means: inout Means) -> [SeatSignature] {
        let enough = Array(votes.prefix(means.seats.quorum))
        guard let first = enough.first else { return enough }
        switch means.below(3) {
        case 0: return Array(enough.dropLast())
        case 1: return Array(repeating: first, count: enough.count)
        default:
            let last = enough[enough.count - 1]
            return enough.dropLast() + [SeatSignature(seat: last.seat, signature: means.garbage())]
        }
    }

    /// The nullification of the next view, with the own vote and others made up.
    private func claim(after real: Certificate, by member: Member, _ means: inout Means) -> Certificate? {
        let ballot = Ballot(kind: .nullify, epoch: real.ballot.epoch, view: real.ballot.view + 1, blockHash: .zero)
        guard let own = means.vote(ballot, by: member) else { return nil }
        let votes = (0..<means.seats.count).map { seat in
            seat == Int(own.seat)
                ? SeatSignature(seat: own.seat, signature: own.signature)
                : SeatSignature(seat: UInt16(seat), signature: means.garbage())
        }
        return Certificate(ballot: ballot, votes: votes)
    }
}
