import Basis
import Credits
import NodeCore
import Records
import Trust
import Wire

/// What the log of a world says, made into observations once for all checkers.
extension World {
    mutating func noteExecuted(_ block: LogNode.ExecutedBlock, by i: Int) {
        defer { if plant != .none { applyPlant(at: block.execution.height, i) } }
        guard checkers.wants(.advanced), !peers[i].isByzantine else { return }
        if block.execution.height > reader.clock.height + 1 { catchUp(to: block.execution.height, by: i) }
        guard let read = reader.read(block.block, block.execution, by: i) else { return }
        observations.append(.advanced(read))
        if tellsAll { for closing in read.closings { tell(-1, "job", "\(closing.job): \(closing.event)") } }
        plantInLedgers(read)
    }

    /// Heights that every peer executed right before a crash, so that nobody told of them: executed again from a disk.
    private mutating func catchUp(to height: UInt64, by i: Int) {
        let key = peers[i].key
        var ledger = Ledger(genesis: genesis, hashing: key)
        for at in 1..<height as Range<UInt64> {
            guard let block = stored(at, at: i)?.block else { return }
            let execution = ledger.execute(
                Verified(checked: block), hash: block.hash(hashing: key), entries: ledger.check(block, verifying: key))
            if let read = reader.read(block, execution, by: i) { observations.append(.advanced(read)) }
        }
    }

    mutating func noteWritten(_ batch: StoreBatch, by i: Int) {
        guard checkers.wants(.journaled) else { return }
        let writes = LogWrites(batch)
        if !writes.isEmpty { observations.append(.journaled(i, writes)) }
    }

    /// Votes after the effects of the call that made them, so that what they rest on was observed before.
    mutating func noteVotes(_ signed: [CryptoMeter.Signed], _ left: [LogMessage], by i: Int) {
        if checkers.wants(.voted) || checkers.wants(.attested) {
            for one in signed {
                switch SignedMessage(one.message) {
                case .ballot(let ballot): observations.append(.voted(i, one.key, ballot))
                case .state(let state): observations.append(.attested(i, one.key, state))
                case nil: continue
                }
            }
        }
        for message in left {
            switch message {
            case .vote(let vote): observations.append(.left(i, vote.ballot))
            case .proposal(let proposal):
                let header = proposal.block.header
                let hash = proposal.block.hash(hashing: peers[i].key)
                observations.append(
                    .left(i, Ballot(kind: .notarize, epoch: header.epoch, view: header.view, blockHash: hash)))
            default: continue
            }
        }
    }
}
