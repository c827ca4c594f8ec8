/// How outcomes of ledger entries reach people (`surfaces.md` 3.6, last paragraph).
public enum LedgerOutcomes {
    /// The ledger's names of its outcome codes 0 … 26 (`ledger.md` 5.4).
    public static let names = [
        "applied", "badSignature", "malformed", "expired", "validUntilTooFar", "unknownAccount",
        "staleNonce",
        "nonceGap", "notAdmitted", "insufficientFunds", "belowMinimum", "overflow", "limitExceeded",
        "unknownTarget", "wrongState", "notAllowed", "duplicate", "lateEntry", "badOpening",
        "badResult",
        "notLeased", "inviteInvalid", "inviteExhausted", "capReached", "cooldown", "badEvidence",
        "staleHeight",
    ]

    /// The name of an outcome; `outcome N` if it is not known.
    public static func name(_ code: Int) -> String {
        names.indices.contains(code) ? names[code] : "outcome \(code)"
    }

    /// The problem's code for an outcome of an entry of a user; nil for `applied`, and for 17 to 20, which concern a
    /// worker's own entries and appear only as reasons.
    ///
    /// - Parameter isPayee: whether the account that is unknown is one to be paid.
    public static func problemCode(_ outcome: Int, isPayee: Bool) -> ProblemCode? {
        switch outcome {
        case 0, 17, 18, 19, 20: nil
        case 3: .entryExpired
        case 5, 13: isPayee ? .badAccount : .notFound
        case 6, 7: .nonceConflict
        case 8: .notAdmitted
        case 9: .insufficientCredit
        case 12, 23, 24: .limitReached
        case 14: .tooLate
        case 15: .refused
        case 21, 22: .invite
        default: .entryRefused
        }
    }

    /// The problem's code for why an entry was not taken into the pool: by the words of `ledger.md` 4.3, SubmitAck.
    public static func problemCode(refusal: String) -> ProblemCode {
        switch refusal {
        case "poolFull", "busy": .overload
        case "waitingForQuorum": .noQuorum
        default: .entryRefused
        }
    }
}
