import Basis
public import Records
public import Trust
import Wire

/// Makes receipts from what a peer stores: blocks, events, index and proofs.
public struct ReceiptBuilder<Store: StoreReading> {
    public enum Failure: Error, Hashable, Sendable {
        /// Not in the log, as far as this peer has executed it.
        case unknown
        /// The job has not settled: it runs, or it ended without an answer.
        case notSettled
        /// No state certificate at or above this height yet.
        case notCertified(height: UInt64)
        /// The store lacks something that it must hold.
        case missing(String)
    }

    let genesis: Genesis
    let store: Store
    let hashing: any Hashing

    public init(genesis: Genesis, store: Store, hashing: any Hashing) {
        self.genesis = genesis
        self.store = store
        self.hashing = hashing
    }

    /// The receipt of a settled job.
    public func job(_ id: JobID) throws(Failure) -> Receipt {
        let prefix = IndexRows.jobPrefix(id)
        let rows = store.rows(.index, prefix: prefix, from: nil, limit: 4_096, descending: false)
        if rows.isEmpty { throw .unknown }
        var heights: [UInt64] = []
        var entries: [Receipt.PlacedEntry] = []
        var draws: [CandidateList] = []
        var isSettled = false
        for row in rows {
            let place = row.key.dropFirst(prefix.count)
            guard place.count == 12 else { throw .missing("index of job \(id.hex)") }
            let height = KeyBytes.read(UInt64.self, place, at: 0)
            let ordinal = KeyBytes.read(UInt32.self, place, at: 8)
            switch try event(height, ordinal) {
            case .jobOpened, .committed, .revealed: entries.append(try entry(height, ordinal))
            case .drawn(let drawn):
                guard let bytes = store.value(.proofs, CandidateList.key(id, round: drawn.round)),
                    let list = try? CandidateList(decoding: bytes)
                else { throw .missing("eligible list of round \(drawn.round)") }
                draws.append(list)
            case .settled: isSettled = true
            default: continue
            }
            if heights.last != height { heights.append(height) }
        }
        if !isSettled { throw .notSettled }
        var blocks: [Receipt.ProvenBlock] = []
        for height in heights { blocks.append(try proven(height)) }
        return Receipt(genesis: genesis, blocks: blocks, subject: .job(entries: entries, draws: draws))
    }

    /// The receipt of an entry with a final outcome.
    public func transaction(_ id: TransactionID) throws(Failure) -> Receipt {
        guard let value = store.value(.index, IndexRows.transactionKey(id, isFinal: true)),
            let place = try? OutcomePlace(decoding: value)
        else { throw .unknown }
        let placed = try entry(height: place.height, txIndex: place.txIndex)
        return Receipt(
            genesis: genesis, blocks: [try proven(place.height)], subject: .transaction(placed))
    }

    // MARK: below their use

    private func event(_ height: UInt64, _ ordinal: UInt32) throws(Failure) -> LedgerEvent {
        guard let bytes = store.value(.events, IndexRows.place(height, ordinal)),
            let numbered = try? NumberedEvent(decoding: bytes)
        else { throw .missing("event \(ordinal) of height \(height)") }
        return numbered.event
    }

    private func block(_ height: UInt64) throws(Failure) -> Block {
        guard let block = store.block(height) else { throw .missing("block \(height)") }
        return block
    }

    /// The entry whose outcome stands next before the event.
    private func entry(_ height: UInt64, _ ordinal: UInt32) throws(Failure) -> Receipt.PlacedEntry {
        var at = ordinal
        while true {
            if case .outcome(let txIndex, _, _, _) = try event(height, at) {
                return try entry(height: height, txIndex: txIndex)
            }
            if at == 0 { throw .missing("outcome of event \(ordinal) of height \(height)") }
            at -= 1
        }
    }

    private func entry(height: UInt64, txIndex: UInt32) throws(Failure) -> Receipt.PlacedEntry {
        let entries = try block(height).entries
        guard Int(txIndex) < entries.count else { throw .missing("entry \(txIndex) of height \(height)") }
        return Receipt.PlacedEntry(height: height, txIndex: txIndex, bytes: entries[Int(txIndex)])
    }

    private func proven(_ height: UInt64) throws(Failure) -> Receipt.ProvenBlock {
        let block = try block(height)
        let rows = store.rows(
            .events, prefix: Array(IndexRows.place(height, 0).prefix(8)), from: nil, limit: 1 << 20, descending: false)
        var links: [DigestLink] = []
        var before = Digest.zero
        for above in 0..<UInt64(Receipt.linksMax) {
            let at = height + above
            guard let bytes = store.value(.proofs, DigestStep.key(at)), let step = try? DigestStep(decoding: bytes)
            else { throw .notCertified(height: height) }
            if above == 0 { before = step.before }
            links.append(step.link)
            guard let proof = store.value(.proofs, JournalKey.height(at)),
                let certificate = try? StateCertificate(decoding: proof)
            else { continue }
            // Exactly Q, so that no signature can change unnoticed.
            let needed = StateCertificate(
                state: certificate.state, signatures: Array(certificate.signatures.prefix(genesis.seatList.quorum)))
            return Receipt.ProvenBlock(
                header: block.header, entryHashes: block.entries.map { Block.entryHash($0, hashing: hashing) },
                events: rows.map(\.value), before: above == 0 ? .zero : before, links: above == 0 ? [] : links,
                certificate: needed)
        }
        throw .notCertified(height: height)
    }
}
