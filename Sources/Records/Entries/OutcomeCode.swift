/// What became of an entry of a final block (`ledger.md` 5.4).
public enum OutcomeCode: UInt8, Sendable, CaseIterable, Hashable, Error {
    case applied = 0
    case badSignature = 1
    case malformed = 2
    case expired = 3
    case validUntilTooFar = 4
    case unknownAccount = 5
    case staleNonce = 6
    case nonceGap = 7
    case notAdmitted = 8
    case insufficientFunds = 9
    case belowMinimum = 10
    case overflow = 11
    case limitExceeded = 12
    case unknownTarget = 13
    case wrongState = 14
    case notAllowed = 15
    case duplicate = 16
    case lateEntry = 17
    case badOpening = 18
    case badResult = 19
    case notLeased = 20
    case inviteInvalid = 21
    case inviteExhausted = 22
    case capReached = 23
    case cooldown = 24
    case badEvidence = 25
    case staleHeight = 26

    /// Whether nonce and fee are taken although the entry did nothing else. Entries without a nonce take nothing.
    public var takesNonceAndFee: Bool {
        switch self {
        case .badSignature, .malformed, .expired, .validUntilTooFar, .unknownAccount, .staleNonce, .nonceGap,
            .lateEntry, .badOpening, .badResult, .notLeased, .inviteInvalid, .inviteExhausted:
            false
        default: true
        }
    }
}
