public import Records
public import Trust

/// What executing one block gave.
public struct BlockExecution: Sendable {
    /// How one entry ended.
    public struct Outcome: Sendable, Hashable {
        /// Zero for an entry that could not be decoded.
        public let id: TransactionID
        /// `H("peernode/txfull/v1", all bytes)`.
        public let hash: Digest
        public let code: OutcomeCode
        /// Nil for an entry that could not be decoded.
        public let author: IndexRows.Author?
    }

    /// A seat's position in its beacon chain, as Consensus verifies reveals against it (`ledger.md` 7.1).
    public struct SeatPosition: Sendable, Hashable {
        public let account: PublicKey
        public let record: SeatRecord
    }

    public let height: UInt64
    public let blockHash: Digest
    /// D_h.
    public let digest: Digest
    public let link: DigestLink
    /// T and L after the block, milliseconds.
    public let time: UInt64
    public let ledgerTime: UInt64
    public let mix: Digest
    /// In block order.
    public let outcomes: [Outcome]
    /// By ordinal.
    public let events: [LedgerEvent]
    /// The canonical bytes of each event with its ordinal.
    public let encodedEvents: [[UInt8]]
    /// Writes of families state, events, index, meta and proofs. The caller adds those of blocks and pending and makes
    /// the batch synced.
    public let batch: StoreBatch
    /// Demand D2 of `ledger.md` 4.4: how many further blocks pending draws and due timers ask for at least.
    public let blocksDue: Int
    /// Demand D3: a driving timer is armed.
    public let hasArmedTimer: Bool
    /// Of every seat, ascending by account.
    public let seats: [SeatPosition]
    /// Why the conservation of credit fails, in words; nil if it holds. A node that sees it keeps block and state and
    /// stops (`ledger.md` 10.4).
    public let conservationProblem: String?

    public var hasDueWork: Bool { blocksDue > 0 }
    public var eventRoot: Digest { link.eventRoot }
    public var deltaHash: Digest { link.deltaHash }

    /// What a seat attests.
    public func stateTuple(epoch: UInt64) -> StateTuple {
        StateTuple(
            epoch: epoch, height: height, blockHash: blockHash, stateDigest: digest, eventRoot: eventRoot,
            nextSeatsHash: .zero)
    }
}
