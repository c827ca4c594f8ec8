import Basis
import Credits
import NodeCore
import Records
import Trust
import Wire

/// Changes a member's own entries on their way out: those that it hands in, and those in blocks that it proposes.
struct EntryTwisting: Sendable {
    private var shown = Memory<UInt64, Proposal>()

    /// - Parameter change: what stands in the place of an own entry; nil if it stays.
    mutating func passing(
        _ message: LogMessage, by member: Member, _ means: inout Means,
        _ change: ([UInt8], Entry, inout Means) -> [[UInt8]]?
    ) -> [LogMessage] {
        switch message {
        case .submit(let submit):
            guard let changed = twisted(submit.entries, by: member, &means, change) else { return [message] }
            return changed.isEmpty ? [] : [.submit(Submit(entries: changed, hops: submit.hops))]
        case .proposal(let proposal):
            guard proposal.block.header.seat == member.seat else { return [message] }
            let view = proposal.block.header.view
            if let known = shown[view] { return [.proposal(known)] }
            var recast = proposal
            if let changed = twisted(proposal.block.entries, by: member, &means, change),
                let other = means.proposal(means.block(proposal.block, with: changed, by: member), by: member)
            {
                recast = other
            }
            shown[view] = recast
            return [.proposal(recast)]
        default: return [message]
        }
    }

    private func twisted(
        _ entries: [[UInt8]], by member: Member, _ means: inout Means,
        _ change: ([UInt8], Entry, inout Means) -> [[UInt8]]?
    ) -> [[UInt8]]? {
        var out: [[UInt8]] = []
        var isChanged = false
        for bytes in entries {
            if let entry = try? Entry(decoding: bytes), entry.account == member.account,
                let other = change(bytes, entry, &means)
            {
                isChanged = true
                out += other
            } else {
                out.append(bytes)
            }
        }
        return isChanged ? out : nil
    }
}

extension Entry {
    /// The lease that this is about.
    var lease: (job: JobID, index: UInt16)? {
        if case .lease(let job, let index) = envelope { return (job, index) }
        return nil
    }
}

/// Gives a wrong answer of its own.
struct WrongResult: Trick {
    mutating func output(
        _ honest: [UInt8], of job: JobID, by member: Member, _ means: inout Means
    ) -> [UInt8] {
        means.takesChance() ? Array("\"wrong \(member.index)\"\n".utf8) : honest
    }
}

/// All members give one wrong answer.
struct SameWrongResult: Trick {
    private var jobs = Occasions()

    mutating func output(
        _ honest: [UInt8], of job: JobID, by member: Member, _ means: inout Means
    ) -> [UInt8] {
        jobs.isOn(job.raw.w0, &means) ? Array("\"\(means.plan.name) on \(job.hex)\"\n".utf8) : honest
    }
}

/// Would answer at the edge of the tolerance. Comparators of this stage have none.
struct ToleranceWalker: Trick {}

/// Commits what another worker of the job committed, and reveals what another revealed.
struct Copier: Trick {
    private var twisting = EntryTwisting()
    private var commits: [JobID: Digest] = [:]
    private var reveals: [JobID: (salt: Digest, result: ReplicaResult)] = [:]
    private var leases = Occasions()

    mutating func learns(_ block: LogNode.ExecutedBlock, by member: Member, _ means: inout Means) {
        for (bytes, outcome) in zip(block.block.entries, block.execution.outcomes) where outcome.code == .applied {
            guard let entry = try? Entry(decoding: bytes), let lease = entry.lease,
                !means.members.contains(where: { means.everyone[$0].account == entry.account })
            else { continue }
            switch entry.body {
            case .commit(let hash): if commits[lease.job] == nil { commits[lease.job] = hash }
            case .reveal(let salt, let result): if reveals[lease.job] == nil { reveals[lease.job] = (salt, result) }
            default: break
            }
        }
    }

    mutating func passing(
        _ message: LogMessage, by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [LogMessage] {
        twisting.passing(message, by: member, &means) { _, entry, means in
            guard let lease = entry.lease else { return nil }
            switch entry.body {
            case .commit:
                guard leases.isOn(lease.job.raw.w0 &+ UInt64(lease.index), &means) else { return nil }
                // Nothing to copy yet: its node hands it in again later.
                guard let seen = commits[lease.job] else { return [] }
                return [
                    Entry(
                        envelope: entry.envelope, body: .commit(hash: seen), network: means.network, signer: member.key
                    ).encoded
                ]
            case .reveal:
                guard let seen = reveals[lease.job], leases.isOn(lease.job.raw.w0 &+ UInt64(lease.index), &means)
                else { return nil }
                return [
                    Entry(
                        account: member.account, envelope: entry.envelope,
                        body: .reveal(salt: seen.salt, result: seen.result), signature: nil
                    ).encoded
                ]
            default: return nil
            }
        }
    }
}

/// Commits, and never reveals.
struct CommitNoReveal: Trick {
    private var twisting = EntryTwisting()
    private var leases = Occasions()

    mutating func passing(
        _ message: LogMessage, by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [LogMessage] {
        twisting.passing(message, by: member, &means) { _, entry, means in
            guard let lease = entry.lease, case .reveal = entry.body else { return nil }
            return leases.isOn(lease.job.raw.w0 &+ UInt64(lease.index), &means) ? [] : nil
        }
    }
}

/// Signs two commits for one lease.
struct DoubleCommitter: Trick {
    private var twisting = EntryTwisting()
    private var leases = Occasions()

    mutating func passing(
        _ message: LogMessage, by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [LogMessage] {
        let isFirst = (means.seat(of: peer) ?? 0) % 2 == 0
        return twisting.passing(message, by: member, &means) { bytes, entry, means in
            guard let lease = entry.lease, case .commit(let hash) = entry.body,
                leases.isOn(lease.job.raw.w0 &+ UInt64(lease.index), &means)
            else { return nil }
            let second = Entry(
                envelope: entry.envelope, body: .commit(hash: member.key.digest(hash.bytes)), network: means.network,
                signer: member.key
            ).encoded
            return isFirst ? [bytes, second] : [second, bytes]
        }
    }
}

/// Takes leases and never says a word of them.
struct SilentWorker: Trick {
    mutating func isSilent(on job: JobID, by member: Member, _ means: inout Means) -> Bool { means.takesChance() }
}

/// Offers eight times the slots that it serves, and declines nothing.
struct OverAdvertiser: Trick {
    static let factor: UInt16 = 8

    private var twisting = EntryTwisting()

    mutating func passing(
        _ message: LogMessage, by member: Member, to peer: PeerID, _ means: inout Means
    ) -> [LogMessage] {
        twisting.passing(message, by: member, &means) { _, entry, means in
            switch entry.body {
            case .putOffer(var offer):
                if !means.takesChance() { return nil }
                offer.slots = min(UInt16(LedgerLimits.slotsPerAccountMax), offer.slots * OverAdvertiser.factor)
                return [
                    Entry(
                        envelope: entry.envelope, body: .putOffer(offer), network: means.network, signer: member.key
                    ).encoded
                ]
            case .decline: return means.takesChance() ? [] : nil
            default: return nil
            }
        }
    }
}
