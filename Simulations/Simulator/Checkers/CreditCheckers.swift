import Basis
import Credits
import NodeCore
import Records
import Trust
import Wire

/// L1: the sum of all credit is what genesis, mint and burn make it.
struct CreditConserved: Checker {
    static let id = "L1"
    static let statement = "the sum of all credit equals genesis + minted - burned at every block of every honest peer"
    static let watches: [Observation.Kind] = [.executed, .conservationBroken, .advanced]
    private(set) var judged: UInt64 = 0
    /// Sums over the records that blocks wrote, not over the ledger's own running sums.
    private var available: [PublicKey: UInt64] = [:]
    private var escrows: [JobID: UInt64] = [:]
    private var located: UInt128 = 0
    private var issued: UInt128 = 0

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        switch observation {
        case .executed(let i, let block):
            judged += 1
            guard let problem = block.execution.conservationProblem else { return nil }
            return Finding(
                peers: [i], expected: "credit is conserved at height \(block.execution.height)", found: problem)
        case .conservationBroken(let i, let height, let text):
            return Finding(peers: [i], expected: "credit is conserved at height \(height)", found: text)
        case .advanced(let read): return sum(read, in: world)
        default: return nil
        }
    }

    private mutating func sum(_ read: ReadBlock, in world: borrowing World) -> Finding? {
        if read.height == 1 { begin(in: world) }
        for write in read.writes {
            switch write {
            case .account(let key, let record):
                located -= UInt128(available[key] ?? 0)
                available[key] = record?.available.micro
                located += UInt128(available[key] ?? 0)
            case .job(let job, let record):
                located -= UInt128(escrows[job] ?? 0)
                let left = record?.escrow.micro ?? 0
                escrows[job] = left == 0 ? nil : left
                located += UInt128(left)
            case .broken(let key):
                return Finding(peers: [read.by], expected: "records that decode", found: "state row \(key.hex)")
            default: continue
            }
        }
        if !world.genesis.feesToTreasury { for line in read.lines { issued -= UInt128(line.fee.micro) } }
        judged += 1
        if located == issued { return nil }
        return Finding(
            peers: [read.by], expected: "\(issued) micro-credits in all at height \(read.height)", found: "\(located)")
    }

    private mutating func begin(in world: borrowing World) {
        for one in world.genesis.allocations { available[one.account] = one.amount.micro }
        let treasury = Ledger.treasury(of: world.networkID, hashing: world.peers[0].key)
        available[treasury] = world.genesis.treasury.micro
        issued = world.genesis.allocations.reduce(UInt128(world.genesis.treasury.micro)) {
            $0 + UInt128($1.amount.micro)
        }
        located = issued
    }
}

/// L2: no component is negative or wraps; a nonce moves by one within its lane.
struct AmountsInRange: Checker {
    static let id = "L2"
    static let statement = "no amount wraps, and a nonce moves by one for each entry of its lane that takes one"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0
    private var nonces: [PublicKey: (wallet: UInt64, node: UInt64)] = [:]

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        var taken: [PublicKey: (wallet: UInt64, node: UInt64)] = [:]
        for line in read.lines {
            guard let entry = line.entry, case .owner(let lane, _, _) = entry.envelope,
                line.code == .applied || line.code.takesNonceAndFee
            else { continue }
            if lane == .wallet { taken[entry.account, default: (0, 0)].wallet += 1 }
            if lane == .node { taken[entry.account, default: (0, 0)].node += 1 }
        }
        for write in read.writes {
            if let found = problem(write, taken, read.height) {
                return Finding(
                    peers: [read.by], expected: "amounts and nonces in their range at height \(read.height)",
                    found: found)
            }
        }
        return nil
    }

    private mutating func problem(
        _ write: StateWrite, _ taken: [PublicKey: (wallet: UInt64, node: UInt64)], _ height: UInt64
    ) -> String? {
        let most = CreditAmount.supplyMax
        switch write {
        case .account(let key, let record?):
            judged += 1
            for amount in [record.available, record.held, record.granted] where amount > most {
                return "\(amount) of \(key)"
            }
            let first = record.createdHeight << 20
            let before = nonces[key] ?? (first, first)
            nonces[key] = (record.nonceWallet, record.nonceNode)
            let steps = taken[key] ?? (0, 0)
            if record.nonceWallet == before.wallet &+ steps.wallet, record.nonceNode == before.node &+ steps.node {
                return nil
            }
            return "nonces \(record.nonceWallet), \(record.nonceNode) of \(key) after \(before) and \(steps) entries"
        case .job(let job, let record?): return record.escrow > most ? "escrow \(record.escrow) of job \(job)" : nil
        case .supply(let supply):
            let parts = [supply.available, supply.escrow, supply.treasury, supply.genesis, supply.burned]
            return parts.contains { $0 > UInt128(most.micro) * 2 } ? "a running sum of \(parts)" : nil
        default: return nil
        }
    }
}

/// L3: at most one applied entry per account, lane and nonce.
struct OneEntryPerNonce: Checker {
    static let id = "L3"
    static let statement = "at most one applied entry per account, lane and nonce"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0
    /// The nonce after the last applied one.
    private var next: [Lane: UInt64] = [:]

    private struct Lane: Hashable {
        let account: PublicKey
        let lane: Entry.Lane
    }

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        for line in read.lines where line.code == .applied {
            guard let entry = line.entry, case .owner(let lane, let nonce, _) = entry.envelope else { continue }
            judged += 1
            let key = Lane(account: entry.account, lane: lane)
            if let least = next[key], nonce < least {
                return Finding(
                    peers: [read.by], expected: "nonce \(least) or more of \(entry.account) in lane \(lane)",
                    found: "nonce \(nonce) applied at height \(read.height)")
            }
            next[key] = nonce + 1
        }
        return nil
    }
}

/// L4: an escrow resolves exactly once, whole, and the fee is no part of it.
struct EscrowResolvesOnce: Checker {
    static let id = "L4"
    static let statement = "an escrow resolves exactly once: pay + refund = funded, then zero; fees are no part of it"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0
    private var open: [JobID: CreditAmount] = [:]

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        for event in read.execution.events {
            if let problem = follow(event) {
                return Finding(peers: [read.by], expected: "an escrow that resolves once, whole", found: problem)
            }
        }
        for case .job(let job, let record?) in read.writes {
            judged += 1
            let due = open[job] ?? .zero
            if record.escrow != due || record.state.isEnded != (open[job] == nil) {
                return Finding(
                    peers: [read.by], expected: "escrow \(due) of job \(job)",
                    found: "\(record.escrow) in \(record.state)")
            }
        }
        for line in read.lines where line.code == .applied {
            guard case .openJob(let spec)? = line.entry?.body,
                case .jobOpened(let job, _, let funded, let fee)? = line.events.first
            else { continue }
            let due = Funding.of(spec)
            if UInt128(funded.micro) != due || fee != world.genesis.entryFee {
                return Finding(
                    peers: [read.by], expected: "escrow \(due) and fee \(world.genesis.entryFee) of job \(job)",
                    found: "\(funded) and \(fee)")
            }
        }
        return nil
    }

    private mutating func follow(_ event: LedgerEvent) -> String? {
        let (job, pays, refund): (JobID, [CreditAmount], CreditAmount)
        switch event {
        case .jobOpened(let opened, _, let funded, _):
            if open.updateValue(funded, forKey: opened) != nil { return "job \(opened) opened twice" }
            return nil
        case .settled(let one): (job, pays, refund) = (one.job, one.winners.map(\.pay), one.refund)
        case .refunded(let id, _, let attempts, let rest), .cancelled(let id, let attempts, let rest):
            (job, pays, refund) = (id, attempts.map(\.pay), rest)
        default: return nil
        }
        judged += 1
        guard let funded = open.removeValue(forKey: job) else { return "job \(job) ends a second time" }
        let sum = pays.reduce(UInt128(refund.micro)) { $0 + UInt128($1.micro) }
        return sum == UInt128(funded.micro) ? nil : "\(sum) of job \(job), funded with \(funded)"
    }
}

/// `funded = rMax × Pmax` (`ledger.md` 8.1, 10.1), by the formula alone.
enum Funding {
    static func of(_ spec: JobSpec) -> UInt128 {
        UInt128(spec.rMax)
            * price(spec.rateCPUMax, spec.rateMemoryMax, spec.cpuMicrosMax, spec.memoryMax)
    }

    static func price(_ cpu: CreditAmount, _ memory: CreditAmount, _ micros: UInt64, _ mibMillis: UInt64) -> UInt128 {
        UInt128(cpu.micro) * UInt128(micros) / 1_000_000 + UInt128(memory.micro) * UInt128(mibMillis) / 1_024_000
    }
}

/// L5: earned credit points at winners of one merge, each with lease, commit and reveal of its own.
struct EarningsHaveCause: Checker {
    static let id = "L5"
    static let statement = "earned credit points at winners of one merge, with a lease, commit and reveal used once"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        for closing in read.closings {
            if let problem = problem(closing, in: world) {
                return Finding(
                    peers: [read.by], expected: "pay for won leases alone in job \(closing.job)", found: problem)
            }
        }
        return nil
    }

    private mutating func problem(_ closing: ReadBlock.Closing, in world: borrowing World) -> String? {
        let story = closing.story
        let paid: [UInt16]
        var isCancelled = false
        switch closing.event {
        case .settled(let one):
            paid = one.winners.map(\.lease)
            if paid.isEmpty { return "a settlement without winners" }
            if paid.contains(where: { one.losers.contains($0) }) { return "a loser that is paid" }
        case .refunded(_, _, let attempts, _): paid = attempts.map(\.lease)
        case .cancelled(_, let attempts, _):
            paid = attempts.map(\.lease)
            isCancelled = true
        default: return nil
        }
        var seen: Set<UInt16> = []
        for index in paid {
            judged += 1
            if !seen.insert(index).inserted { return "lease \(index) is paid twice" }
            guard Int(index) < story.leases.count else { return "lease \(index) was never drawn" }
            let lease = story.leases[Int(index)]
            if isCancelled { continue }
            if lease.state != .revealed { return "lease \(index) is paid in state \(lease.state)" }
            guard let result = lease.result else { return "lease \(index) has no result" }
            if story.spec.isDirect { continue }
            guard let salt = lease.salt, let commit = lease.commitHash else { return "lease \(index) has no commit" }
            if Opening.hash(result, salt, closing.job, index, lease.terms.account, in: world) != commit {
                return "lease \(index) did not open its commit"
            }
        }
        return nil
    }
}

/// A commitment as `ledger.md` 8.4 writes it, assembled by hand.
enum Opening {
    static func hash(
        _ result: ReplicaResult, _ salt: Digest, _ job: JobID, _ lease: UInt16, _ account: PublicKey,
        in world: borrowing World
    ) -> Digest {
        let key = world.peers[0].key
        // A result ends with the length of its inline body and the body, which the digest leaves out.
        let whole = result.encoded
        let plain = Array(whole[..<(whole.count - 4 - result.inline.count)])
        let inner = key.digest(Array("peernode/result/v1".utf8) + [0] + plain)
        var bytes = Array("peernode/commit/v1".utf8) + [0] + world.networkID.bytes + job.bytes
        bytes += [UInt8(truncatingIfNeeded: lease), UInt8(lease >> 8)] + account.bytes + salt.bytes + inner.bytes
        return key.digest(bytes)
    }
}
