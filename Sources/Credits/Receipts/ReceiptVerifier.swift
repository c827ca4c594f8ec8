import Basis
import Records
public import Trust
import Verdict
import Wire

/// Checks receipts without clock, network or running node: `ledger.md` 16 and `surfaces.md` 1.2.
public struct ReceiptVerifier: Sendable {
    /// Stops the checking at the first thing that is wrong.
    struct Broken: Error {
        let detail: String
        init(_ detail: String) { self.detail = detail }
    }

    /// A block whose hashes and certificate hold.
    struct KnownBlock {
        let header: BlockHeader
        let entryHashes: [Digest]
        let events: [LedgerEvent]
    }

    let hashing: any Hashing
    let verifying: any Verifying

    public init(hashing: any Hashing, verifying: any Verifying) {
        self.hashing = hashing
        self.verifying = verifying
    }

    /// Makes every check in order and stops at the first that fails.
    public func verify(_ bytes: [UInt8]) -> ReceiptVerdict {
        var verdict = ReceiptVerdict()
        if bytes.count > Receipt.bytesMax {
            verdict.note(.encoding, "\(bytes.count) bytes; at most \(Receipt.bytesMax) are allowed")
            return verdict
        }
        let receipt: Receipt
        do throws(WireError) {
            receipt = try Receipt(decoding: bytes)
        } catch {
            verdict.note(.encoding, "these are not the canonical bytes of a receipt (\(error))")
            return verdict
        }
        verdict.pass(.encoding, "\(bytes.count) bytes")
        let network = receipt.genesis.networkID(hashing: hashing)
        verdict.network = network
        verdict.genesis = receipt.genesis
        do throws(Broken) {
            try verdict.run(.network) { () throws(Broken) in try checkNetwork(receipt, network) }
            let blocks = try verdict.run(.blocks) { () throws(Broken) in try checkBlocks(receipt) }
            try verdict.run(.stateCertificate) { () throws(Broken) in
                try checkCertificates(receipt, network)
            }
            switch receipt.subject {
            case .transaction(let entry): try checkTransaction(entry, blocks, network, &verdict)
            case .job(let entries, let draws):
                var job = JobCheck(
                    genesis: receipt.genesis, network: network, blocks: blocks,
                    heights: receipt.blocks.map(\.header.height), hashing: hashing)
                try verdict.run(.entries) { () throws(Broken) in
                    for entry in entries { job.entries.append(try place(entry, blocks, network)) }
                }
                try verdict.run(.job) { () throws(Broken) in try job.checkJob() }
                try verdict.run(.draw) { () throws(Broken) in try job.checkDraws(draws) }
                try verdict.run(.commits) { () throws(Broken) in try job.checkCommits() }
                try verdict.run(.reveals) { () throws(Broken) in try job.checkReveals() }
                try verdict.run(.merge) { () throws(Broken) in try job.checkMerge() }
                try verdict.run(.payments) { () throws(Broken) in try job.checkPayments() }
                verdict.job = job.summary
            }
        } catch {
            return verdict
        }
        return verdict
    }

    private func checkNetwork(_ receipt: Receipt, _ network: NetworkID) throws(Broken) {
        if let problem = receipt.genesis.problem(wall: .max) { throw Broken("the genesis is invalid: \(problem)") }
        if receipt.blocks.isEmpty { throw Broken("it holds no block") }
        for block in receipt.blocks where block.header.networkID != network {
            throw Broken("block \(block.header.height) is of another network")
        }
    }

    private func checkBlocks(_ receipt: Receipt) throws(Broken) -> [UInt64: KnownBlock] {
        var blocks: [UInt64: KnownBlock] = [:]
        for block in receipt.blocks {
            let header = block.header
            guard UInt32(block.entryHashes.count) == header.entryCount,
                Block.txRoot(block.entryHashes, hashing: hashing) == header.txRoot
            else { throw Broken("the entries of block \(header.height) do not fold to its root") }
            var events: [LedgerEvent] = []
            for (ordinal, bytes) in block.events.enumerated() {
                guard let numbered = try? NumberedEvent(decoding: bytes), numbered.ordinal == UInt32(ordinal) else {
                    throw Broken("event \(ordinal) of block \(header.height) cannot be read")
                }
                events.append(numbered.event)
            }
            blocks[header.height] = KnownBlock(header: header, entryHashes: block.entryHashes, events: events)
        }
        return blocks
    }

    private func checkCertificates(_ receipt: Receipt, _ network: NetworkID) throws(Broken) {
        let seats = receipt.genesis.seatList
        for block in receipt.blocks {
            let height = block.header.height
            let hash = block.header.hash(hashing: hashing)
            let eventRoot = Ledger.eventRoot(block.events, hashing: hashing)
            let state = block.certificate.state
            if block.links.isEmpty {
                guard state.height == height, state.blockHash == hash, state.eventRoot == eventRoot else {
                    throw Broken("the state certificate of height \(height) is about something else")
                }
            } else {
                guard block.links[0].blockHash == hash, block.links[0].eventRoot == eventRoot,
                    state.height >= height, state.height - height == UInt64(block.links.count - 1)
                else { throw Broken("the links of height \(height) start or end elsewhere") }
                var digest = block.before
                for (index, link) in block.links.enumerated() {
                    digest = link.digest(after: digest, height: height + UInt64(index), hashing: hashing)
                }
                if digest != state.stateDigest { throw Broken("the links of height \(height) do not join") }
            }
            let signed = block.certificate.signatures.count
            if signed != seats.quorum { throw Broken("\(signed) seats signed height \(height), not \(seats.quorum)") }
            if !block.certificate.isValid(seats: seats, network: network, verifying: verifying) {
                throw Broken("a seat's signature of height \(height) is not valid")
            }
        }
    }

    /// An entry whose bytes are those at its place, and whose signatures hold.
    private func place(
        _ entry: Receipt.PlacedEntry, _ blocks: [UInt64: KnownBlock], _ network: NetworkID
    ) throws(Broken) -> JobCheck.Placed {
        let checked: CheckedEntry
        do throws(CheckedEntry.Refusal) {
            checked = try CheckedEntry(entry.bytes, network: network, hashing: hashing, verifying: verifying)
        } catch {
            throw Broken("entry \(entry.txIndex) of height \(entry.height) is not valid (\(error))")
        }
        guard let block = blocks[entry.height], Int(entry.txIndex) < block.entryHashes.count,
            block.entryHashes[Int(entry.txIndex)] == checked.hash
        else { throw Broken("entry \(entry.txIndex) is not in block \(entry.height)") }
        for (ordinal, event) in block.events.enumerated() {
            guard case .outcome(entry.txIndex, checked.id, let code, let fee) = event else { continue }
            return JobCheck.Placed(
                checked: checked, height: entry.height, ordinal: ordinal, code: code, fee: fee)
        }
        throw Broken("block \(entry.height) has no outcome of entry \(entry.txIndex)")
    }

    private func checkTransaction(
        _ entry: Receipt.PlacedEntry, _ blocks: [UInt64: KnownBlock], _ network: NetworkID,
        _ verdict: inout ReceiptVerdict
    ) throws(Broken) {
        let placed = try verdict.run(.entries) { () throws(Broken) in
            try place(entry, blocks, network)
        }
        try verdict.run(.outcome) { () throws(Broken) in
            if blocks.count != 1 { throw Broken("\(blocks.count) blocks for one entry") }
        }
        verdict.transaction = .init(
            id: placed.checked.id, entry: placed.checked.entry, code: placed.code, fee: placed.fee,
            height: placed.height, time: blocks[placed.height]?.header.timestamp ?? 0)
    }
}

extension ReceiptVerdict {
    mutating func note(_ check: Check, _ detail: String) {
        lines.append(Line(check: check, isOK: false, detail: detail))
    }

    mutating func pass(_ check: Check, _ detail: String) {
        lines.append(Line(check: check, isOK: true, detail: detail))
    }

    /// Runs one check and notes how it ended.
    mutating func run<T>(
        _ check: Check, _ body: () throws(ReceiptVerifier.Broken) -> T
    ) throws(ReceiptVerifier.Broken) -> T {
        do throws(ReceiptVerifier.Broken) {
            let value = try body()
            pass(check, "")
            return value
        } catch {
            note(check, error.detail)
            throw error
        }
    }
}
