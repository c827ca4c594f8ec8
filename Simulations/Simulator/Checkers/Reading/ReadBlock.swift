import Basis
import Credits
import NodeCore
import Records
import Trust
import Wire

/// One executed block as checkers read it, decoded once in a world: that all honest peers execute the same is C1 and
/// C11.
final class ReadBlock: Sendable {
    /// One entry with what became of it.
    struct Line: Sendable {
        /// nil if it cannot be decoded.
        let entry: Entry?
        let id: TransactionID
        let code: OutcomeCode
        let fee: CreditAmount
        /// What it did, without its outcome.
        let events: ArraySlice<LedgerEvent>
    }

    /// A draw, with what the second implementation makes of the log before it.
    struct DrawReading: Sendable {
        let drawn: LedgerEvent.Drawn
        let spec: JobSpec
        let story: JobStory
        /// Offers that may be drawn, ascending by (account, slot class).
        let eligible: [EligibleOffer]
        /// The standing of each drawn offer before its lease, nil if there is none.
        let standings: [StandingOffer?]
        let holders: [HolderStanding?]
    }

    /// How a job ended.
    struct Closing: Sendable {
        let job: JobID
        /// As it stood when the event was written.
        let story: JobStory
        let event: LedgerEvent
        let ledgerTime: UInt64
    }

    /// The honest peer that executed it first.
    let by: Int
    let block: Block
    let execution: BlockExecution
    /// Phases B and C: draws, then timers.
    let early: ArraySlice<LedgerEvent>
    let lines: [Line]
    /// Phase E.
    let lapsed: ArraySlice<LedgerEvent>
    let writes: [StateWrite]
    let draws: [DrawReading]
    let closings: [Closing]
    /// T, L and the beacon by the second implementation.
    let clock: ShadowClock

    init(
        by: Int, block: Block, execution: BlockExecution, split: EventSplit, writes: [StateWrite],
        draws: [DrawReading], closings: [Closing], clock: ShadowClock
    ) {
        self.by = by
        self.block = block
        self.execution = execution
        early = split.early
        lines = split.lines
        lapsed = split.lapsed
        self.writes = writes
        self.draws = draws
        self.closings = closings
        self.clock = clock
    }

    var height: UInt64 { execution.height }

    /// What is wrong with it, blamed on the peer that executed it first.
    func finding(_ expected: String, _ found: String) -> Finding {
        Finding(peers: [by], expected: expected, found: found)
    }
}

/// The events of a block by what caused them.
struct EventSplit: Sendable {
    var early: ArraySlice<LedgerEvent> = []
    var lines: [ReadBlock.Line] = []
    var lapsed: ArraySlice<LedgerEvent> = []

    init(_ events: [LedgerEvent], entries: [[UInt8]]) {
        var end = events.endIndex
        while end > 0, case .offerChanged(_, _, _, .lapsed) = events[end - 1] { end -= 1 }
        lapsed = events[end...]
        var starts: [Int] = []
        for index in 0..<end { if case .outcome = events[index] { starts.append(index) } }
        early = events[..<(starts.first ?? end)]
        for (number, start) in starts.enumerated() {
            guard case .outcome(let txIndex, let id, let code, let fee) = events[start] else { continue }
            let next = number + 1 < starts.count ? starts[number + 1] : end
            let bytes = Int(txIndex) < entries.count ? entries[Int(txIndex)] : []
            lines.append(
                .init(
                    entry: try? Entry(decoding: bytes), id: id, code: code, fee: fee, events: events[(start + 1)..<next]
                ))
        }
    }
}

/// One record of the state family as a block wrote it; nil stands for a record that is gone.
enum StateWrite: Sendable {
    case account(PublicKey, AccountRecord?)
    case offer(OfferKey, OfferRecord?)
    case job(JobID, JobRecord?)
    case lease(LeaseKey, LeaseRecord?)
    case timer(TimerKey, isArmed: Bool)
    case supply(SupplyRecord)
    case clock(ClockRecord)
    case seat(PublicKey, SeatRecord?)
    /// A row that does not decode.
    case broken([UInt8])
    case other

    init(key: [UInt8], value: [UInt8]?) {
        switch key.first {
        case 0x01: self = StateWrite.account(key, value)
        case 0x02: self = StateWrite.offer(key, value)
        case 0x03: self = StateWrite.job(key, value)
        case 0x04: self = StateWrite.lease(key, value)
        case 0x05: self = StateWrite.timer(key, value)
        case 0x0e:
            self = value.flatMap { try? SupplyRecord(decoding: $0) }.map { .supply($0) } ?? .broken(key)
        case 0x12: self = value.flatMap { try? ClockRecord(decoding: $0) }.map { .clock($0) } ?? .broken(key)
        case 0x0f: self = StateWrite.seat(key, value)
        default: self = .other
        }
    }

    private static func account(_ key: [UInt8], _ value: [UInt8]?) -> StateWrite {
        guard let account = PublicKey(key.dropFirst()) else { return .broken(key) }
        guard let value else { return .account(account, nil) }
        return (try? AccountRecord(decoding: value)).map { .account(account, $0) } ?? .broken(key)
    }

    private static func seat(_ key: [UInt8], _ value: [UInt8]?) -> StateWrite {
        guard let account = PublicKey(key.dropFirst()) else { return .broken(key) }
        guard let value else { return .seat(account, nil) }
        return (try? SeatRecord(decoding: value)).map { .seat(account, $0) } ?? .broken(key)
    }

    private static func offer(_ key: [UInt8], _ value: [UInt8]?) -> StateWrite {
        guard key.count == 34, let account = PublicKey(key[1..<33]) else { return .broken(key) }
        let name = OfferKey(account: account, slotClass: key[33])
        guard let value else { return .offer(name, nil) }
        return (try? OfferRecord(decoding: value)).map { .offer(name, $0) } ?? .broken(key)
    }

    private static func job(_ key: [UInt8], _ value: [UInt8]?) -> StateWrite {
        guard let job = JobID(key.dropFirst()) else { return .broken(key) }
        guard let value else { return .job(job, nil) }
        return (try? JobRecord(decoding: value)).map { .job(job, $0) } ?? .broken(key)
    }

    private static func lease(_ key: [UInt8], _ value: [UInt8]?) -> StateWrite {
        guard key.count == 35, let job = JobID(key[1..<33]) else { return .broken(key) }
        let name = LeaseKey(job: job, index: UInt16(key[33]) << 8 | UInt16(key[34]))
        guard let value else { return .lease(name, nil) }
        return (try? LeaseRecord(decoding: value)).map { .lease(name, $0) } ?? .broken(key)
    }

    private static func timer(_ key: [UInt8], _ value: [UInt8]?) -> StateWrite {
        guard key.count == 44, let kind = TimerKey.Kind(rawValue: key[9]), let job = JobID(key[10..<42]) else {
            return .broken(key)
        }
        let deadline = key[1..<9].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let index = UInt16(key[42]) << 8 | UInt16(key[43])
        return .timer(TimerKey(deadline: deadline, kind: kind, job: job, index: index), isArmed: value != nil)
    }

    /// The state writes of a block's batch, in key order.
    static func all(of batch: StoreBatch) -> [StateWrite] {
        batch.operations.compactMap { operation in
            switch operation {
            case .put(.state, let key, let value): StateWrite(key: key, value: value)
            case .delete(.state, let key): StateWrite(key: key, value: nil)
            default: nil
            }
        }
    }
}
