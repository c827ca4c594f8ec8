public import Records
public import Trust
import Wire

/// Every signature and bound inside a message of the log, checked before a core sees it (`ledger.md` 1.5, 4.3).
///
/// Ingress calls it; it is pure, so that a cache of what was verified can stand in `verifying`.
public enum MessageCheck {
    public enum Problem: Error, Sendable, Hashable {
        case badSignature, badCertificate, foreignNetwork, badEntry
    }

    /// What is wrong with `message`; nil if nothing is. `isValidEntry` makes the stateless checks of 6.2.
    public static func problem(
        of message: LogMessage, seats: SeatList, network: NetworkID, verifying: some Verifying,
        hashing: some Hashing, isValidEntry: ([UInt8]) -> Bool
    ) -> Problem? {
        func isValid(_ certificate: Certificate) -> Bool {
            certificate.isValid(seats: seats, network: network, verifying: verifying)
        }
        switch message {
        case .proposal(let m):
            return problem(
                of: m, seats: seats, network: network, verifying: verifying, hashing: hashing,
                isValidEntry: isValidEntry)
        case .vote(let m):
            return m.isValid(seats: seats, network: network, verifying: verifying)
                ? nil : .badSignature
        case .certificate(let m): return isValid(m) ? nil : .badCertificate
        case .attestation(let m):
            return m.isValid(seats: seats, network: network, verifying: verifying)
                ? nil : .badSignature
        case .stateCertificate(let m):
            return m.isValid(seats: seats, network: network, verifying: verifying)
                ? nil : .badCertificate
        case .blocks(let m), .final(let m):
            return problem(of: m, seats: seats, network: network, verifying: verifying)
        case .certificates(let m):
            if !m.certificates.allSatisfy(isValid) { return .badCertificate }
            return m.ownVotes.allSatisfy {
                $0.isValid(seats: seats, network: network, verifying: verifying)
            } ? nil : .badSignature
        case .submit(let m): return m.entries.allSatisfy(isValidEntry) ? nil : .badEntry
        case .status, .fetchBlocks, .fetchCertificates, .submitAck, .follow: return nil
        }
    }

    private static func problem(
        of proposal: Proposal, seats: SeatList, network: NetworkID, verifying: some Verifying,
        hashing: some Hashing, isValidEntry: ([UInt8]) -> Bool
    ) -> Problem? {
        let block = proposal.block
        if block.header.networkID != network { return .foreignNetwork }
        guard block.header.epoch == seats.epoch, Int(block.header.seat) < seats.count else {
            return .badSignature
        }
        if !isParentValid(block, seats: seats, network: network, verifying: verifying) {
            return .badCertificate
        }
        let ballot = Ballot(
            kind: .notarize, epoch: seats.epoch, view: block.header.view,
            blockHash: block.hash(hashing: hashing))
        let vote = Vote(ballot: ballot, seat: block.header.seat, signature: proposal.signature)
        if !vote.isValid(seats: seats, network: network, verifying: verifying) {
            return .badSignature
        }
        if !block.entries.allSatisfy(isValidEntry) { return .badEntry }
        return nil
    }

    /// Blocks that a finalize or state certificate proves rest on votes of honest seats: only the proofs are
    /// checked. A block without proof was asked for by its hash; its parent certificate is checked, since it is
    /// learnt from.
    private static func problem(
        of message: Blocks, seats: SeatList, network: NetworkID, verifying: some Verifying
    ) -> Problem? {
        if message.blocks.contains(where: { $0.header.networkID != network }) {
            return .foreignNetwork
        }
        if let certificate = message.finalizeCertificate,
            !certificate.isValid(seats: seats, network: network, verifying: verifying)
        {
            return .badCertificate
        }
        if let certificate = message.stateCertificate,
            !certificate.isValid(seats: seats, network: network, verifying: verifying)
        {
            return .badCertificate
        }
        let isProven = message.finalizeCertificate != nil || message.stateCertificate != nil
        let isValid = isProven || message.blocks.allSatisfy {
            isParentValid($0, seats: seats, network: network, verifying: verifying)
        }
        return isValid ? nil : .badCertificate
    }

    private static func isParentValid(
        _ block: Block, seats: SeatList, network: NetworkID, verifying: some Verifying
    ) -> Bool {
        if block.header.parentView == BlockHeader.baseView { return block.parentCertificate.isEmpty }
        guard let certificate = try? Certificate(decoding: block.parentCertificate) else {
            return false
        }
        return certificate.isValid(seats: seats, network: network, verifying: verifying)
    }
}
