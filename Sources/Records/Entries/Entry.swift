public import Basis
public import Trust
import Wire

/// Anything a block can hold (`ledger.md` 6): an owner transaction, an admission or a lease entry.
///
/// The bodies of stage 2, and those that an issue left to later, are not decoded: their kinds are `unknownTag`, which
/// peers answer as `unsupported`.
public struct Entry: Sendable, Hashable {
    public enum Kind: UInt8, Sendable, CaseIterable {
        case transfer = 1
        case openJob = 2
        case cancelJob = 3
        case putOffer = 4
        case withdrawOffer = 5
        case admit = 7
        case commit = 10
        case reveal = 11
        case decline = 12
        case recommitBeacon = 13
    }

    public struct Payee: Sendable, Hashable {
        public let account: PublicKey
        public let amount: CreditAmount
        public init(account: PublicKey, amount: CreditAmount) {
            self.account = account
            self.amount = amount
        }
    }

    public enum DeclineReason: UInt8, Sendable {
        case inputUnavailable = 1
        case cannotRun = 2
        case shuttingDown = 3
        case policy = 4
    }

    public enum Lane: UInt8, Sendable { case wallet = 0, node = 1 }

    public enum Body: Sendable, Hashable {
        case transfer(payees: [Payee], memo: [UInt8])
        case openJob(JobSpec)
        case cancelJob(JobID)
        case putOffer(Offer)
        case withdrawOffer(slotClass: UInt8)
        case admit(InviteToken?)
        case commit(hash: Digest)
        case reveal(salt: Digest, result: ReplicaResult)
        case decline(DeclineReason)
        case recommitBeacon(newEnd: Digest, length: UInt32)
    }

    /// What the envelope carries beside kind and account.
    public enum Envelope: Sendable, Hashable {
        /// Class O: lane, nonce, last T (ms).
        case owner(Lane, nonce: UInt64, validUntil: UInt64)
        /// Class L.
        case lease(job: JobID, index: UInt16)
        /// Class A.
        case admission
    }

    public let account: PublicKey
    public let envelope: Envelope
    public let body: Body
    /// Absent only in the reveal of a committed lease.
    public let signature: Signature?

    public var kind: Kind { body.kind }

    public init(account: PublicKey, envelope: Envelope, body: Body, signature: Signature?) {
        self.account = account
        self.envelope = envelope
        self.body = body
        self.signature = signature
    }

    /// Signs with the account's key. A reveal of a committed lease may stay unsigned: use the plain initialiser.
    public init(envelope: Envelope, body: Body, network: NetworkID, signer: some Signing) {
        let unsigned = Entry(account: signer.publicKey, envelope: envelope, body: body, signature: .zero)
        self.init(
            account: signer.publicKey, envelope: envelope, body: body,
            signature: signer.sign(
                unsigned.signatureKind, network: network, body: unsigned.bytesBeforeSignature))
    }

    public var signatureKind: SignatureKind {
        if case .lease = envelope { return .lease }
        return .transaction
    }

    /// Everything before the signature: what is signed, and what `txID` hashes.
    public var bytesBeforeSignature: [UInt8] {
        var w = WireWriter(capacity: 192)
        encodeBeforeSignature(to: &w)
        return w.finish()
    }

    /// `H("peernode/tx/v1", networkID, bytes before the signature)`.
    public func id(network: NetworkID, hashing: some Hashing) -> TransactionID {
        Entry.id(bytesBeforeSignature: bytesBeforeSignature[...], network: network, hashing: hashing)
    }

    static func id(
        bytesBeforeSignature: ArraySlice<UInt8>, network: NetworkID, hashing: some Hashing
    ) -> TransactionID {
        TransactionID(
            hashing.hash("peernode/tx/v1") {
                $0.value(network)
                $0.fixed(bytesBeforeSignature)
            }.raw)
    }

    /// Whether the signature is by the account over this entry in `network`. A missing one is valid only in a reveal.
    public func isSigned(network: NetworkID, verifying: some Verifying) -> Bool {
        guard let signature else { return kind == .reveal }
        return verifying.isValid(
            signature, signatureKind, network: network, body: bytesBeforeSignature, by: account)
    }
}

extension Entry.Body {
    public var kind: Entry.Kind {
        switch self {
        case .transfer: .transfer
        case .openJob: .openJob
        case .cancelJob: .cancelJob
        case .putOffer: .putOffer
        case .withdrawOffer: .withdrawOffer
        case .admit: .admit
        case .commit: .commit
        case .reveal: .reveal
        case .decline: .decline
        case .recommitBeacon: .recommitBeacon
        }
    }
}

extension Entry.Kind {
    /// The lane of class O kinds; nil for lease and admission entries.
    public var lane: Entry.Lane? {
        switch self {
        case .transfer, .openJob, .cancelJob: .wallet
        case .putOffer, .withdrawOffer, .recommitBeacon: .node
        case .admit, .commit, .reveal, .decline: nil
        }
    }

    public var isLease: Bool { self == .commit || self == .reveal || self == .decline }
}
