import Basis
public import Records
public import Trust
public import Wire

extension Ledger {
    /// Why stored records cannot be this ledger. Nothing was built.
    public enum RestoreError: Error, Hashable, Sendable {
        case unknownPrefix(UInt8)
        case badKey([UInt8])
        case badRecord([UInt8], WireError)
        /// No record of the clock or of the supply.
        case missing(String)
        /// The clock record and `executed` stand at different heights.
        case heights(clock: UInt64, executed: UInt64)
        /// The supply equation, or a running sum against the records, fails.
        case supply(String)
    }

    /// The ledger that a store holds: every record of the state family in any order, and `executed` of family meta.
    ///
    /// Rebuilds the tables derived from records and checks the supply equation, on the running sums and over all
    /// records (`ledger.md` 14.4, step 3).
    public init(
        restoring records: some Sequence<(key: [UInt8], value: [UInt8])>, executed: ExecutedRecord, genesis: Genesis,
        hashing: any Hashing
    ) throws(RestoreError) {
        self.init(empty: genesis, hashing: hashing)
        var seen: Set<UInt8> = []
        for (key, value) in records {
            guard let tag = key.first, let prefix = StatePrefix(rawValue: tag) else {
                throw .unknownPrefix(key.first ?? 0)
            }
            seen.insert(tag)
            try restore(prefix, key, value)
        }
        for needed in [StatePrefix.supply, .clock, .seat] where !seen.contains(needed.rawValue) {
            throw .missing("\(needed)")
        }
        guard clock.height == executed.height else {
            throw .heights(clock: clock.height, executed: executed.height)
        }
        blockHash = executed.blockHash
        digest = executed.digest
        derive()
        if let problem = supplyProblem() { throw .supply(problem) }
    }

    private mutating func restore(_ prefix: StatePrefix, _ key: [UInt8], _ value: [UInt8]) throws(RestoreError) {
        switch prefix {
        case .account: try Ledger.restore(&accounts, key, value)
        case .offer: try Ledger.restore(&offers, key, value)
        case .job: try Ledger.restore(&jobs, key, value)
        case .lease: try Ledger.restore(&leases, key, value)
        case .timer: try Ledger.restore(&timers, key, value)
        case .reputation: try Ledger.restore(&reputations, key, value)
        case .inviteUse: try Ledger.restore(&inviteUses, key, value)
        case .seat: try Ledger.restore(&seatRecords, key, value)
        case .digestRing: try Ledger.restore(&ring, key, value)
        case .lapse: try Ledger.restore(&lapses, key, value)
        case .supply: supply = try Ledger.decoded(key, value)
        case .clock: clock = try Ledger.decoded(key, value)
        }
    }

    private static func restore<Key, Record>(
        _ table: inout Table<Key, Record>, _ bytes: [UInt8], _ value: [UInt8]
    ) throws(RestoreError) {
        guard let key = Key(stateKey: bytes.dropFirst()) else { throw .badKey(bytes) }
        table.restore(key, try decoded(bytes, value))
    }

    private static func decoded<Record: WireDecodable>(
        _ key: [UInt8], _ value: [UInt8]
    ) throws(RestoreError) -> Record {
        do throws(WireError) {
            return try Record(decoding: value)
        } catch {
            throw .badRecord(key, error)
        }
    }

    /// Rebuilds what follows from the records.
    private mutating func derive() {
        for (id, _) in jobs.order {
            guard let job = jobs[id], !job.state.isEnded else { continue }
            openJobCount += 1
            if let draw = job.draw, draw.retryAt == 0 {
                pendingDraws.insert(true, for: DrawKey(anchorHeight: draw.anchorHeight, job: id))
            }
        }
    }

    /// What is wrong with the supply, in words; nil if the equation holds and every running sum equals its records.
    public func supplyProblem() -> String? {
        if let problem = supply.problem { return problem }
        var available: UInt128 = 0
        var held: UInt128 = 0
        var granted: UInt128 = 0
        var fund: UInt128 = 0
        for (key, _) in accounts.order {
            guard let account = accounts[key] else { continue }
            if key == treasury {
                fund = UInt128(account.available.micro)
            } else {
                available += UInt128(account.available.micro)
            }
            held += UInt128(account.held.micro)
            granted += UInt128(account.granted.micro)
        }
        var escrow: UInt128 = 0
        for (id, _) in jobs.order { escrow += UInt128(jobs[id]?.escrow.micro ?? 0) }
        if available != supply.available { return "available \(available), running sum \(supply.available)" }
        if fund != supply.treasury { return "treasury \(fund), running sum \(supply.treasury)" }
        if escrow != supply.escrow { return "escrow \(escrow), running sum \(supply.escrow)" }
        if held != escrow { return "held \(held), escrow \(escrow)" }
        if granted != supply.granted { return "granted \(granted), running sum \(supply.granted)" }
        return nil
    }

    /// What the store must hold before height 1: all records, and `executed`.
    public func genesisBatch() -> StoreBatch {
        invariant(height == 0, "genesis batch at height \(height)")
        var all: [StateChange] = []
        appendAll(to: &all)
        var batch = StoreBatch(isSynced: true)
        for record in all { batch.put(.state, record.key, record.value ?? []) }
        batch.put(.meta, ExecutedRecord.key, executedRecord.encoded)
        return batch
    }

    public var executedRecord: ExecutedRecord {
        ExecutedRecord(
            height: clock.height, blockHash: blockHash, digest: digest, epoch: clock.epoch, view: clock.view,
            time: clock.time, ledgerTime: clock.ledgerTime, mix: clock.mix)
    }
}
