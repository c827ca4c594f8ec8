public import Records
public import Trust

extension Replica {
    public enum Effect: Sendable, Hashable {
        /// Write the batch, and answer `.persisted(ticket)` when it is done. Batches are written in the
        /// order in which they were given: effects that follow from this call's other effects come after it.
        case persist(StoreBatch, Ticket)
        case send(LogMessage, to: [PeerID])
        /// Answer with `.payload`.
        case buildPayload(PayloadRequest)
        /// The entries (by their hashes) in notarised blocks that are not executed: in flight. What was listed
        /// before and is not any more waits again, unless it was executed.
        case tipChanged(inFlight: [Digest])
        /// Execute this block next; answer `.executed` when its write is durable.
        indirect case finalised(FinalBlock)
        /// A state certificate for an executed height, equal to the own state.
        indirect case certified(StateCertificate)
        /// Answer this request for executed blocks from the store (`BlockAnswer`).
        case serveBlocks(FetchBlocks, to: PeerID)
        /// A peer sent what no honest peer sends: penalise the link.
        indirect case misbehaved(PeerID, Misbehaviour)
        case alarm(Alert)
        indirect case statusChanged(NodeStatus)
    }

    public struct PayloadRequest: Sendable, Hashable {
        public let ticket: Ticket
        public let view: UInt64
        public let parentHash: Digest
        /// Hashes of the entries in the unexecuted ancestors: not to be offered again.
        public let exclude: [Digest]
        /// Bytes at which to stop filling; 0 asks for no entries.
        public let bytesTarget: Int
    }

    /// A block whose order is final.
    public struct FinalBlock: Sendable, Hashable {
        public let block: Block
        public let hash: Digest
        /// The proof of this very block, if there is one; else a later block carries it. To be stored with the block.
        public let finalizeCertificate: Certificate?
        public let stateCertificate: StateCertificate?
    }

    public enum Misbehaviour: Sendable, Hashable {
        /// A proposal that breaks a rule for good.
        case badProposal(ProposalFault)
        /// Blocks that do not chain to their proof, or whose body does not match the header.
        case badBlocks
    }

    /// What an operator must know of.
    public enum Alert: Sendable, Hashable {
        /// A seat voted for, or proposed, two blocks in one view.
        case equivocation(seat: UInt16, first: Vote, second: Vote)
        /// A seat's state differs from the own one; no certificate says yet who is right.
        case disputed(height: UInt64, seat: UInt16)
        /// A quorum certified another state than the own one. The node stops.
        case diverged(own: StateTuple, certificate: StateCertificate)
        /// Two certificates that cannot both exist while at most f seats lie. The node stops.
        case fork(String)
    }
}
