import Basis
import Credits
import NodeCore
import Records
import Trust
import Wire

extension Means {
    /// Signs a transfer as the member's account.
    func transfer(
        _ amount: CreditAmount, to payee: PublicKey, nonce: UInt64, by member: Member
    ) -> [UInt8] {
        entry(.transfer(payees: [.init(account: payee, amount: amount)], memo: []), nonce: nonce, by: member)
    }

    func entry(_ body: Entry.Body, nonce: UInt64, by member: Member) -> [UInt8] {
        Entry(
            envelope: .owner(body.kind.lane ?? .wallet, nonce: nonce, validUntil: wall + Means.entryLifeMillis),
            body: body, network: network, signer: member.key
        ).encoded
    }

    static let entryLifeMillis: UInt64 = 60_000

    /// Gives entries to seats, other ones to each if there are several lists.
    mutating func submit(_ lists: [[[UInt8]]], by member: Member) {
        let targets = seatPeers.filter { $0 != member.id }
        if lists.isEmpty { return }
        for (k, seat) in targets.enumerated() {
            now(.say(.submit(Submit(entries: lists[k % lists.count], hops: 0)), by: member.index, to: seat))
        }
    }

    /// An account other than the member's: a victim's if there are any.
    mutating func payee(not member: Member, _ skipped: PublicKey? = nil) -> PublicKey? {
        let all = plan.victims.isEmpty ? everyone.map(\.account) : plan.victims.map { everyone[$0].account }
        let open = all.filter { $0 != member.account && $0 != skipped }
        return open.isEmpty ? nil : open[below(open.count)]
    }
}

extension Sight {
    var account: AccountRecord? { log?.ledger.account(member.account) }
}

/// Signs two transfers with one nonce, to different payees, and gives them to different seats.
struct DoubleSpender: Trick {
    var pace: Interval? { .seconds(1) }
    /// The nonce that each member used last, and when.
    private var used = Memory<Int, (nonce: UInt64, at: Instant)>()

    mutating func acts(_ sight: Sight, _ means: inout Means) {
        let member = sight.member
        guard let account = sight.account, account.available.micro > 1_000_000 else { return }
        let nonce = account.nonceWallet
        // Another try once neither came through.
        if let last = used[member.index], last.nonce == nonce, means.now - last.at < .seconds(10) { return }
        guard let a = means.payee(not: member), let b = means.payee(not: member, a), means.takesChance() else { return }
        used[member.index] = (nonce, means.now)
        let amount = CreditAmount(micro: account.available.micro / 4)
        let (one, other) = (
            means.transfer(amount, to: a, nonce: nonce, by: member),
            means.transfer(amount, to: b, nonce: nonce, by: member)
        )
        means.submit([[one], [other]], by: member)
    }
}

/// Spends more than it has: in one transfer, or in two of which each could be paid.
struct Overspender: Trick {
    var pace: Interval? { .seconds(1) }

    mutating func acts(_ sight: Sight, _ means: inout Means) {
        let member = sight.member
        guard let account = sight.account, let payee = means.payee(not: member), means.takesChance() else { return }
        let all = account.available.micro
        let nonce = account.nonceWallet
        if means.below(2) == 0 || all < 1_000_000 {
            let entry = means.transfer(CreditAmount(micro: all + 1_000_000), to: payee, nonce: nonce, by: member)
            means.submit([[entry]], by: member)
        } else {
            let part = CreditAmount(micro: all / 3 * 2)
            let entries = [
                means.transfer(part, to: payee, nonce: nonce, by: member),
                means.transfer(part, to: payee, nonce: nonce + 1, by: member),
            ]
            means.submit([entries], by: member)
        }
    }
}

/// Hands in again what was executed, its own entries and those of others.
struct NonceReplayer: Trick {
    static let keptMax = 128
    static let perAct = 8

    var pace: Interval? { .seconds(1) }
    private var seen: [[UInt8]] = []

    mutating func learns(_ block: LogNode.ExecutedBlock, by member: Member, _ means: inout Means) {
        for entry in block.block.entries {
            if seen.count < NonceReplayer.keptMax {
                seen.append(entry)
            } else {
                seen[means.below(seen.count)] = entry
            }
        }
    }

    mutating func acts(_ sight: Sight, _ means: inout Means) {
        if seen.isEmpty || !means.takesChance() { return }
        means.submit([(0..<NonceReplayer.perAct).map { _ in seen[means.below(seen.count)] }], by: sight.member)
    }
}

/// Pays a micro-credit as often as it can.
struct DustSpammer: Trick {
    /// Of a transfer on the wire, about.
    static let entryBytes = 200
    static let perActMax = 256

    var pace: Interval? { .seconds(1) }

    mutating func acts(_ sight: Sight, _ means: inout Means) {
        let member = sight.member
        guard let account = sight.account, let payee = means.payee(not: member), means.takesChance() else { return }
        // Each seat gets them all.
        let copies = max(1, means.seatPeers.count)
        let count = min(DustSpammer.perActMax, max(1, means.bytesPerMember / DustSpammer.entryBytes / copies))
        let entries = (0..<UInt64(count)).map { k in
            means.transfer(CreditAmount(micro: 1), to: payee, nonce: account.nonceWallet + k, by: member)
        }
        means.submit([entries], by: member)
    }
}

/// Tries many salts for its jobs and opens the one whose id it likes best: the smallest.
struct IDGrinder: Trick {
    static let trials = 64

    private var twisting = EntryTwisting()
    private var ground = Memory<Digest, [UInt8]>()

    mutating func passing(
        _ message: LogMessage, by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [LogMessage] {
        twisting.passing(message, by: member, &means) { bytes, entry, means in
            guard case .openJob(var spec) = entry.body, case .owner(_, let nonce, _) = entry.envelope else {
                return nil
            }
            let name = Block.entryHash(bytes, hashing: member.key)
            if let known = ground[name] { return [known] }
            if !means.takesChance() { return nil }
            var best = spec.id(network: means.network, submitter: member.account, nonce: nonce, hashing: member.key)
            for _ in 0..<IDGrinder.trials {
                var other = spec
                other.salt = means.rng.bytes(JobSpec.saltBytes)
                let id = other.id(network: means.network, submitter: member.account, nonce: nonce, hashing: member.key)
                if id < best { (best, spec) = (id, other) }
            }
            let chosen = Entry(
                envelope: entry.envelope, body: .openJob(spec), network: means.network, signer: member.key
            ).encoded
            ground[name] = chosen
            return [chosen]
        }
    }
}

/// Submits jobs whose answer differs in every replica.
struct FlakySubmitter: Trick {
    mutating func submits(_ job: Operation.Job, _ means: inout Means) -> Operation.Job {
        var job = job
        if means.takesChance() { job.taskClass = .flaky }
        return job
    }
}

/// Opens jobs, but gives nobody their inputs.
struct InputWithholder: Trick {
    mutating func withholdsBlobs(_ means: inout Means) -> Bool { means.takesChance() }
}

/// Cancels its jobs when the work is done: as soon as a worker committed.
struct LateCanceller: Trick {
    var pace: Interval? { .seconds(1) }
    /// The next nonce of each member.
    private var nonces: [PublicKey: UInt64] = [:]
    /// Jobs that members opened and have not cancelled.
    private var open: [JobID: PublicKey] = [:]

    mutating func acts(_ sight: Sight, _ means: inout Means) {
        if let account = sight.account { nonces[sight.member.account] = account.nonceWallet }
    }

    mutating func learns(_ block: LogNode.ExecutedBlock, by member: Member, _ means: inout Means) {
        for bytes in block.block.entries {
            guard let entry = try? Entry(decoding: bytes), entry.account == member.account,
                case .owner(.wallet, let nonce, _) = entry.envelope
            else { continue }
            nonces[member.account] = max(nonces[member.account] ?? 0, nonce + 1)
        }
        for event in block.execution.events {
            switch event {
            case .jobOpened(let job, member.account, _, _): open[job] = member.account
            case .committed(let job, _):
                guard open[job] == member.account, let nonce = nonces[member.account], means.takesChance()
                else { continue }
                open[job] = nil
                means.submit([[means.entry(.cancelJob(job), nonce: nonce, by: member)]], by: member)
            default: break
            }
        }
    }
}
