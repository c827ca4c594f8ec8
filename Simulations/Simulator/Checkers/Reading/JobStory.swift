import Basis
import Credits
import Records
import Trust
import Wire

/// An offer as the log before a draw shows it: what `putOffer` said, where it was registered, and the leases on it.
struct StandingOffer: Sendable {
    var offer: Offer
    var height: UInt64
    var epoch: UInt64
    var view: UInt64
    var active: Int
    var isLive: Bool
}

/// What the log says of an account that may be drawn.
struct HolderStanding: Sendable {
    var owner: PublicKey
    /// L in milliseconds.
    var suspendedUntil: UInt64 = 0
}

/// One offer of an eligible list with its weight.
struct EligibleOffer: Sendable, Hashable {
    let account: PublicKey
    let slotClass: UInt8
    let owner: PublicKey
    let tickets: UInt32
}

/// T, L and beacon after a block, from headers alone (`ledger.md` 1.4, 7.1).
struct ShadowClock: Sendable, Hashable {
    var height: UInt64 = 0
    var view: UInt64 = 0
    var time: UInt64
    var ledgerTime: UInt64 = 0
    var mix: Digest
}

/// One job as its entries and events tell it.
struct JobStory: Sendable {
    struct Lease: Sendable {
        let terms: LedgerEvent.DrawnLease
        let round: UInt32
        let drawHeight: UInt64
        /// L in milliseconds, by the rule: L of the draw + leaseSeconds.
        let deadline: UInt64
        var state = LeaseRecord.State.active
        var commitHash: Digest?
        var salt: Digest?
        var result: ReplicaResult?
        /// L at which its commit was accepted.
        var committedAt: UInt64?
    }

    let submitter: PublicKey
    let spec: JobSpec
    let openHeight: UInt64
    /// L in milliseconds.
    let openedAt: UInt64
    /// Of its event.
    let funded: CreditAmount
    let fee: CreditAmount
    var leases: [Lease] = []
    var round: UInt32 = 0
    var revealHeight: UInt64?
    /// L in milliseconds.
    var revealDeadline: UInt64 = 0
    var hasEnded = false

    mutating func change(_ index: UInt16, _ body: (inout Lease) -> Void) {
        if Int(index) < leases.count { body(&leases[Int(index)]) }
    }

    func count(_ state: LeaseRecord.State) -> Int { leases.count { $0.state == state } }
}
