import Basis
import Credits
import NodeCore
import Records
import Trust
import Wire

/// Balances, escrows and nonces by entries and events alone: simple and sequential. It repeats no rule of admission;
/// the codes of the log say which entries applied.
struct ReferenceLedger: Sendable {
    struct Balance: Sendable, Equatable {
        var available: UInt64 = 0
        var held: UInt64 = 0
        var wallet: UInt64 = 0
        var node: UInt64 = 0
    }

    private(set) var balances: [PublicKey: Balance] = [:]
    private var escrows: [JobID: UInt64] = [:]
    private var submitters: [JobID: PublicKey] = [:]
    private var workers: [JobID: [PublicKey]] = [:]
    private let genesis: Genesis
    private let treasury: PublicKey
    /// Balances that this block changed, as they were before, in the order of their first change.
    private(set) var before: [(account: PublicKey, was: Balance?)] = []
    private var noted: Set<PublicKey> = []
    /// The first thing that cannot be.
    private(set) var problem: String?

    init(genesis: Genesis, treasury: PublicKey) {
        self.genesis = genesis
        self.treasury = treasury
        for seat in genesis.seats { balances[seat.account] = Balance() }
        for one in genesis.allocations { balances[one.account] = Balance(available: one.amount.micro) }
        balances[treasury] = Balance(available: genesis.treasury.micro)
    }

    mutating func execute(_ read: ReadBlock) {
        before = []
        noted = []
        for event in read.early { apply(event, height: read.height) }
        for line in read.lines {
            if line.code == .applied, let entry = line.entry { apply(entry, line) }
            for event in line.events { apply(event, height: read.height) }
            charge(line)
        }
    }

    private mutating func charge(_ line: ReadBlock.Line) {
        guard let entry = line.entry, case .owner(let lane, _, _) = entry.envelope,
            line.code == .applied || line.code.takesNonceAndFee
        else { return }
        change(entry.account) { if lane == .wallet { $0.wallet += 1 } else { $0.node += 1 } }
        let due = lane == .wallet ? min(genesis.entryFee.micro, balances[entry.account]?.available ?? 0) : 0
        if line.fee.micro != due { problem = problem ?? "fee \(line.fee) of \(entry.account), not \(due)" }
        move(due, from: entry.account, to: genesis.feesToTreasury ? treasury : nil)
    }

    private mutating func apply(_ entry: Entry, _ line: ReadBlock.Line) {
        switch entry.body {
        case .transfer(let payees, _):
            for payee in payees { move(payee.amount.micro, from: entry.account, to: payee.account) }
        case .openJob(let spec):
            guard case .jobOpened(let job, _, _, _)? = line.events.first else {
                problem = problem ?? "openJob of \(entry.account) opens nothing"
                return
            }
            let funded = UInt64(clamping: Funding.of(spec))
            move(funded, from: entry.account, to: nil)
            change(entry.account) { $0.held += funded }
            escrows[job] = funded
            submitters[job] = entry.account
        default: break
        }
    }

    private mutating func apply(_ event: LedgerEvent, height: UInt64) {
        switch event {
        case .admitted(let account, _, _, let welcome):
            note(account)
            balances[account] = Balance(wallet: height << 20, node: height << 20)
            move(welcome.micro, from: treasury, to: account)
        case .drawn(let drawn): workers[drawn.job, default: []] += drawn.leases.map(\.account)
        case .settled(let one): resolve(one.job, one.winners.map { ($0.lease, $0.pay.micro) })
        case .refunded(let job, _, let attempts, _), .cancelled(let job, let attempts, _):
            resolve(job, attempts.map { ($0.lease, $0.pay.micro) })
        default: break
        }
    }

    /// Pays from an escrow; what is left goes back.
    private mutating func resolve(_ job: JobID, _ pays: [(lease: UInt16, pay: UInt64)]) {
        guard var left = escrows.removeValue(forKey: job), let submitter = submitters.removeValue(forKey: job) else {
            problem = problem ?? "job \(job) resolves without an escrow"
            return
        }
        let leases = workers.removeValue(forKey: job) ?? []
        let whole = left
        for (lease, pay) in pays {
            guard pay <= left, Int(lease) < leases.count else {
                problem = problem ?? "pay of \(pay) for lease \(lease) of job \(job)"
                continue
            }
            left -= pay
            change(leases[Int(lease)]) { $0.available += pay }
        }
        change(submitter) {
            $0.held -= min(whole, $0.held)
            $0.available += left
        }
    }

    private mutating func move(_ amount: UInt64, from: PublicKey, to: PublicKey?) {
        if amount == 0 { return }
        guard let has = balances[from]?.available, has >= amount else {
            problem = problem ?? "\(from) pays \(amount) without having it"
            return
        }
        change(from) { $0.available -= amount }
        if let to { change(to) { $0.available += amount } }
    }

    private mutating func note(_ account: PublicKey) {
        if noted.insert(account).inserted { before.append((account, balances[account])) }
    }

    private mutating func change(_ account: PublicKey, _ body: (inout Balance) -> Void) {
        note(account)
        guard var balance = balances[account] else {
            problem = problem ?? "unknown account \(account)"
            return
        }
        body(&balance)
        balances[account] = balance
    }
}

/// L11: state equals the sequential reference ledger after each block.
struct EqualsReference: Checker {
    static let id = "L11"
    static let statement = "balances, escrows and nonces equal a sequential reference ledger after each block"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0
    private var reference: ReferenceLedger?
    private let isJudged: Bool

    init(_ plan: Plan) { isJudged = plan.peers.count <= 128 }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation, isJudged else { return nil }
        var own =
            reference
            ?? ReferenceLedger(
                genesis: world.genesis, treasury: Ledger.treasury(of: world.networkID, hashing: world.peers[0].key))
        reference = nil
        own.execute(read)
        defer { reference = own }
        func broken(_ expected: String, _ found: String) -> Finding {
            Finding(peers: [read.by], expected: "\(expected) at height \(read.height)", found: found)
        }
        if let problem = own.problem { return broken("a log that adds up", problem) }
        var written: Set<PublicKey> = []
        for case .account(let key, let record) in read.writes {
            judged += 1
            written.insert(key)
            let has = record.map {
                ReferenceLedger.Balance(
                    available: $0.available.micro, held: $0.held.micro, wallet: $0.nonceWallet, node: $0.nonceNode)
            }
            if has != own.balances[key] {
                return broken("\(String(describing: own.balances[key])) of \(key)", "\(String(describing: has))")
            }
        }
        for (account, was) in own.before where !written.contains(account) && own.balances[account] != was {
            return broken("a new balance of \(account)", "none was written")
        }
        return nil
    }
}

/// L8: each debit carries its account's signature over exactly that entry, or is a listed transition.
struct DebitsAreSigned: Checker {
    static let id = "L8"
    static let statement =
        "each debit carries its account's signature over exactly that entry, or is a listed transition"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0
    private var available: [PublicKey: CreditAmount] = [:]

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        if read.height == 1 { for one in world.genesis.allocations { available[one.account] = one.amount } }
        var authors: Set<PublicKey> = []
        for line in read.lines {
            guard let entry = line.entry else { continue }
            if line.code != .applied && !line.code.takesNonceAndFee { continue }
            judged += 1
            if case .owner = entry.envelope { authors.insert(entry.account) }
            if !isSigned(entry, in: world) {
                return Finding(
                    peers: [read.by], expected: "the signature of \(entry.account) over \(entry.kind)",
                    found: "another at height \(read.height)")
            }
            if let found = problem(of: line, entry) {
                return Finding(peers: [read.by], expected: "effects of the author's own account", found: found)
            }
        }
        for case .account(let key, let record?) in read.writes {
            let was = available[key] ?? .zero
            available[key] = record.available
            if record.available >= was || authors.contains(key) { continue }
            let treasury = Ledger.treasury(of: world.networkID, hashing: world.peers[0].key)
            if key == treasury { continue }
            return Finding(
                peers: [read.by], expected: "\(was) of \(key), who signed nothing in height \(read.height)",
                found: "\(record.available)")
        }
        return nil
    }

    private func isSigned(_ entry: Entry, in world: borrowing World) -> Bool {
        guard let signature = entry.signature else { return entry.kind == .reveal }
        let domain = entry.kind.isLease ? "peernode/sign-lease/v1" : "peernode/sign-tx/v1"
        let whole = entry.encoded
        // The signature is the end of every entry; in a reveal a byte before it says that it is there.
        let body = whole[..<(whole.count - (entry.kind == .reveal ? 65 : 64))]
        let message = Array(domain.utf8) + [0] + world.networkID.bytes + body
        return world.room.isSigned(signature, message, by: entry.account)
    }

    private func problem(of line: ReadBlock.Line, _ entry: Entry) -> String? {
        for event in line.events {
            switch event {
            case .transferred(let from, _, _): if from != entry.account { return "a transfer from \(from)" }
            case .jobOpened(_, let submitter, _, _): if submitter != entry.account { return "a job of \(submitter)" }
            default: continue
            }
        }
        return nil
    }
}

/// L6: what a client was told is final stays final.
struct PromisesStand: Checker {
    static let id = "L6"
    static let statement = "what a client was told is final stays final through any crash and loss within tolerance"
    static let watches: [Observation.Kind] = [.final, .executed, .advanced]
    private(set) var judged: UInt64 = 0
    private let exempt: Exempt
    private let tolerance: Tolerance
    /// Outcomes of the log by entry.
    private var outcomes: [TransactionID: (height: UInt64, code: OutcomeCode)] = [:]
    private var chain: [Digest] = []
    private struct Promise {
        let peer: Int
        let entry: TransactionID
        let isApplied: Bool
    }
    /// Promises of heights that were not read yet.
    private var early: [UInt64: [Promise]] = [:]
    /// Highest height that somebody was told.
    private var told: UInt64 = 0

    init(_ plan: Plan) {
        exempt = Exempt(plan)
        tolerance = Tolerance(plan)
    }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        switch observation {
        case .advanced(let read):
            chain.append(read.execution.blockHash)
            for outcome in read.execution.outcomes where outcome.code == .applied || outcome.code.takesNonceAndFee {
                outcomes[outcome.id] = (read.height, outcome.code)
            }
            for promise in early.removeValue(forKey: read.height) ?? [] {
                if let finding = check(promise, read.height) { return finding }
            }
        case .final(let i, let place, let height):
            guard tolerance.holds(in: world), let entry = world.work.items[place].entry else { return nil }
            judged += 1
            told = max(told, height)
            guard case .certified(_, let isApplied) = world.work.items[place].state else { return nil }
            let promise = Promise(peer: i, entry: entry, isApplied: isApplied)
            // Nobody may have told of that height yet, if its peers crashed right after they executed it.
            if Int(height) > chain.count {
                early[height, default: []].append(promise)
                return nil
            }
            return check(promise, height)
        case .executed(let i, let block):
            let height = block.execution.height
            guard height <= told, !world.peers[i].isByzantine, tolerance.holds(in: world), !exempt.anyBadDisk else {
                return nil
            }
            judged += 1
            if Int(height) > chain.count || chain[Int(height) - 1] == block.execution.blockHash { return nil }
            return Finding(
                peers: [i],
                expected: "block \(chain[Int(height) - 1]) at height \(height), which clients were told is final",
                found: "\(block.execution.blockHash)")
        default: break
        }
        return nil
    }

    private func check(_ promise: Promise, _ height: UInt64) -> Finding? {
        let known = outcomes[promise.entry]
        if let known, known.height == height, (known.code == .applied) == promise.isApplied { return nil }
        if known == nil, !promise.isApplied { return nil }
        return Finding(
            peers: [promise.peer],
            expected: "entry \(promise.entry) in height \(height), applied: \(promise.isApplied)",
            found: "\(String(describing: known))")
    }

    mutating func end(of world: borrowing World) -> Finding? {
        if exempt.anyBadDisk || told == 0 || !tolerance.holds(in: world) { return nil }
        var most: UInt64 = 0
        var isAnyLive = false
        for i in world.peers.indices where world.peers[i].isLive && world.peers[i].genesis != nil {
            isAnyLive = true
            most = max(most, world.peers[i].executedHeight, ExecutedHeight.onDisk(of: i, in: world) ?? 0)
        }
        judged += 1
        if !isAnyLive || most >= told { return nil }
        return Finding(
            peers: [], expected: "height \(told) at a live peer, as clients were told", found: "height \(most)")
    }
}

/// What a store says of its height.
enum ExecutedHeight {
    static func onDisk(of i: Int, in world: borrowing World) -> UInt64? {
        record(of: i, in: world)?.height
    }
    static func record(of i: Int, in world: borrowing World) -> ExecutedRecord? {
        world.peers[i].disk.get(.meta, ExecutedRecord.key).flatMap { try? ExecutedRecord(decoding: $0) }
    }
}

/// L7: state after a restart is that of whole blocks; rebuilt from the log it has the live digest.
struct RestartsAreWhole: Checker {
    static let id = "L7"
    static let statement =
        "state after a restart equals a whole number of blocks; rebuilt from the log it has the digest"
    static let watches: [Observation.Kind] = [.booted, .advanced, .corrupt]
    private(set) var judged: UInt64 = 0
    private let exempt: Exempt
    private var digests: [Digest] = []

    /// Blocks that the end of a run executes again.
    static let rebuiltMax: UInt64 = 2_000
    static let comparedMax = 8

    init(_ plan: Plan) { exempt = Exempt(plan) }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        switch observation {
        case .advanced(let read): digests.append(read.execution.digest)
        case .corrupt(let i, let text):
            if exempt.hasBadDisk(i) || world.peers[i].isByzantine { return nil }
            judged += 1
            return Finding(peers: [i], expected: "a store that loads", found: text)
        case .booted(let i):
            guard world.peers[i].boot > 1, !exempt.hasBadDisk(i), let executed = ExecutedHeight.record(of: i, in: world)
            else { return nil }
            judged += 1
            let clock = world.peers[i].disk.get(.state, [0x12]).flatMap { try? ClockRecord(decoding: $0) }
            if clock?.height != executed.height {
                return Finding(
                    peers: [i], expected: "records of height \(executed.height)",
                    found: "a clock at height \(clock.map { "\($0.height)" } ?? "none")")
            }
            let place = Int(executed.height) - 1
            if place >= 0, place < digests.count, digests[place] != executed.digest {
                return Finding(
                    peers: [i], expected: "digest \(digests[place]) at height \(executed.height)",
                    found: "\(executed.digest)")
            }
            return records(of: i, executed, in: world)
        default: break
        }
        return nil
    }

    /// The records themselves: whether they make a ledger whose sums hold.
    private func records(of i: Int, _ executed: ExecutedRecord, in world: borrowing World) -> Finding? {
        if world.plan.peers.count > 128 { return nil }
        do throws(Ledger.RestoreError) {
            _ = try Ledger(
                restoring: world.peers[i].disk.rows(.state), executed: executed, genesis: world.genesis,
                hashing: world.peers[i].key)
            return nil
        } catch {
            return Finding(peers: [i], expected: "records of height \(executed.height) that add up", found: "\(error)")
        }
    }

    mutating func end(of world: borrowing World) -> Finding? {
        if world.plan.peers.count > 128 { return nil }
        var ledger: Ledger?
        var compared = 0
        for i in world.peers.indices
        where world.peers[i].isLive && !exempt.hasBadDisk(i) && compared < RestartsAreWhole.comparedMax
            // What a slow disk still writes is not in the rows that a restart reads.
            && world.peers[i].disk.unsyncedCount == 0 {
            guard let executed = ExecutedHeight.record(of: i, in: world), executed.height > 0,
                executed.height <= RestartsAreWhole.rebuiltMax
            else { continue }
            compared += 1
            if ledger == nil { ledger = rebuilt(executed.height, at: i, in: world) }
            guard let own = ledger, own.height == executed.height else { continue }
            judged += 1
            if own.digest != executed.digest {
                return Finding(
                    peers: [i], expected: "digest \(own.digest) at height \(own.height), rebuilt from the log",
                    found: "\(executed.digest)")
            }
            let live = try? Ledger(
                restoring: world.peers[i].disk.rows(.state), executed: executed, genesis: world.genesis,
                hashing: world.peers[i].key)
            if live?.fullStateHash() != own.fullStateHash() {
                return Finding(
                    peers: [i], expected: "the records that the log makes at height \(own.height)",
                    found: "other records")
            }
        }
        return nil
    }

    /// A fresh ledger after every block that a peer stored.
    private func rebuilt(_ height: UInt64, at i: Int, in world: borrowing World) -> Ledger? {
        let key = world.peers[i].key
        var ledger = Ledger(genesis: world.genesis, hashing: key)
        for at in 1...height as ClosedRange<UInt64> {
            guard let block = world.stored(at, at: i)?.block else { return nil }
            _ = ledger.execute(
                Verified(checked: block), hash: block.hash(hashing: key), entries: ledger.check(block, verifying: key))
        }
        return ledger
    }
}
