public import Records
public import Trust
public import Wire

/// Lets messages of the log in: length, layout, network, seats, and every signature inside (`ledger.md` 1.5).
///
/// What passes is `Verified`; cores see nothing else. What was verified is remembered for a while, so that an entry is
/// verified once on its way through pool, proposal and block, and a vote once alone and inside certificates.
public struct LogIngress: Sendable {
    /// Why a message was refused. The sender answers for all but `notSeat`, which may be an old peer's habit.
    public enum Fault: Error, Sendable, Hashable {
        case tooLarge
        case malformed(WireError)
        case foreignNetwork
        case notSeat
        case badSignature
        case badCertificate
        case badEntry(CheckedEntry.Refusal)
        /// The body's entries do not hash to the header's root.
        case badRoot
        /// One transaction twice in a block (N7).
        case repeatedEntry
    }

    /// 20,000 pool entries and one full block.
    static let entriesRemembered = 24_576
    /// Some 40 blocks' votes of 100 seats, three kinds.
    static let votesRemembered = 12_288

    let network: NetworkID
    let seats: SeatList
    let hashing: any Hashing
    let verifying: any Verifying
    var entries = RecentMap<Digest, CheckedEntry>(capacity: LogIngress.entriesRemembered)
    var signatures = RecentSet<Digest>(capacity: LogIngress.votesRemembered)
    public private(set) var faults = 0

    public init(network: NetworkID, seats: SeatList, hashing: any Hashing, verifying: any Verifying) {
        self.network = network
        self.seats = seats
        self.hashing = hashing
        self.verifying = verifying
    }

    /// Decodes and checks message `number`. `isSeat` says whether the sender is a peer of the seat list.
    public mutating func admit(
        number: UInt16, body: [UInt8], isSeat: Bool
    ) throws(Fault) -> Verified<LogMessage> {
        do throws(Fault) {
            if MessageNumber.isForSeatsOnly(number), !isSeat { throw .notSeat }
            let message: LogMessage
            do throws(WireError) {
                message = try LogMessage(number: number, body: body)
            } catch {
                throw .malformed(error)
            }
            try check(message)
            return Verified(checked: message)
        } catch {
            faults += 1
            throw error
        }
    }

    /// Checks an entry, or recalls that it was checked.
    public mutating func admit(entry bytes: [UInt8]) throws(Fault) -> CheckedEntry {
        switch checked(entry: bytes) {
        case .success(let entry): return entry
        case .failure(let refusal):
            faults += 1
            throw .badEntry(refusal)
        }
    }

    /// Checks an entry without judging its sender: blocks that are final may hold entries that fail.
    public mutating func checked(entry bytes: [UInt8]) -> Result<CheckedEntry, CheckedEntry.Refusal> {
        let hash = Block.entryHash(bytes, hashing: hashing)
        if let known = entries[hash] { return .success(known) }
        do throws(CheckedEntry.Refusal) {
            let entry = try CheckedEntry(bytes, network: network, hashing: hashing, verifying: verifying)
            entries.insert(entry, for: hash)
            return .success(entry)
        } catch {
            return .failure(error)
        }
    }

    /// A block of our own making or out of our own store: it was checked when it came in.
    func trusted(_ block: Block) -> Verified<Block> { Verified(checked: block) }

    // MARK: below their use

    mutating func check(_ message: LogMessage) throws(Fault) {
        switch message {
        case .proposal(let proposal): try check(proposal)
        case .vote(let vote):
            try check([SeatSignature(seat: vote.seat, signature: vote.signature)], vote.ballot)
        case .certificate(let certificate): try check(certificate)
        case .attestation(let one):
            try check([SeatSignature(seat: one.seat, signature: one.signature)], one.state)
        case .stateCertificate(let certificate): try check(certificate)
        case .blocks(let blocks), .final(let blocks): try check(blocks)
        case .certificates(let answer):
            for certificate in answer.certificates { try check(certificate) }
            for vote in answer.ownVotes {
                try check([SeatSignature(seat: vote.seat, signature: vote.signature)], vote.ballot)
            }
        case .status, .fetchBlocks, .fetchCertificates, .submit, .submitAck, .follow: break
        }
    }

    mutating func check(_ proposal: Proposal) throws(Fault) {
        let block = proposal.block
        try checkBody(block)
        guard Int(block.header.seat) < seats.count else { throw .badSignature }
        let ballot = Ballot(
            kind: .notarize, epoch: block.header.epoch, view: block.header.view,
            blockHash: block.hash(hashing: hashing))
        try check([SeatSignature(seat: block.header.seat, signature: proposal.signature)], ballot)
        var ids: Set<TransactionID> = []
        for entry in block.entries {
            switch checked(entry: entry) {
            case .success(let checked): if !ids.insert(checked.id).inserted { throw .repeatedEntry }
            case .failure(let refusal): throw .badEntry(refusal)
            }
        }
    }

    /// Network, root and parent certificate of a block.
    mutating func checkBody(_ block: Block) throws(Fault) {
        if block.header.networkID != network { throw .foreignNetwork }
        let hashes = block.entries.map { Block.entryHash($0, hashing: hashing) }
        if Block.txRoot(hashes, hashing: hashing) != block.header.txRoot { throw .badRoot }
        if Block.certificateHash(block.parentCertificate, hashing: hashing) != block.header.parentCertHash {
            throw .badCertificate
        }
        if block.parentCertificate.isEmpty { return }
        guard let certificate = try? Certificate(decoding: block.parentCertificate) else { throw .badCertificate }
        try check(certificate)
    }

    mutating func check(_ blocks: Blocks) throws(Fault) {
        for block in blocks.blocks { try checkBody(block) }
        for header in blocks.links where header.networkID != network { throw .foreignNetwork }
        if let certificate = blocks.stateCertificate { try check(certificate) }
        if let certificate = blocks.finalizeCertificate { try check(certificate) }
    }

    mutating func check(_ certificate: Certificate) throws(Fault) {
        if certificate.votes.count < seats.quorum { throw .badCertificate }
        try check(certificate.votes, certificate.ballot)
    }

    mutating func check(_ certificate: StateCertificate) throws(Fault) {
        if certificate.signatures.count < seats.quorum { throw .badCertificate }
        try check(certificate.signatures, certificate.state)
    }

    mutating func check(_ votes: [SeatSignature], _ ballot: Ballot) throws(Fault) {
        if ballot.epoch != seats.epoch { throw .badSignature }
        let message = ballot.kind.signatureKind.message(network: network, body: ballot.signedBody)
        try check(votes, message)
    }

    mutating func check(_ votes: [SeatSignature], _ state: StateTuple) throws(Fault) {
        if state.epoch != seats.epoch { throw .badSignature }
        try check(votes, SignatureKind.attest.message(network: network, body: state.encoded))
    }

    mutating func check(_ votes: [SeatSignature], _ message: [UInt8]) throws(Fault) {
        for vote in votes {
            guard Int(vote.seat) < seats.count else { throw .badSignature }
            let key = seats.seats[Int(vote.seat)].votingKey
            let name = hashing.digest(key.bytes + vote.signature.bytes + message)
            if signatures.contains(name) { continue }
            if !verifying.isValid(vote.signature, of: message, by: key) { throw .badSignature }
            signatures.insert(name)
        }
    }
}
