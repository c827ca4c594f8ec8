import Basis
import Credits
import NodeCore
import Records
import Trust
import Verdict
import Wire

/// A simulated disk as receipts read it.
struct PeerStore: StoreReading {
    let disk: SimDisk

    func value(_ family: Family, _ key: [UInt8]) -> [UInt8]? { disk.get(family, key) }

    func rows(
        _ family: Family, prefix: [UInt8], from start: [UInt8]?, limit: Int, descending: Bool
    ) -> [(key: [UInt8], value: [UInt8])] {
        var found = disk.rows(family, prefix: prefix)
        if descending { found.reverse() }
        if let start {
            found = found.filter {
                descending ? $0.key.lexicographicallyPrecedes(start) : !$0.key.lexicographicallyPrecedes(start)
            }
        }
        return Array(found.prefix(limit))
    }
}

/// The live peer from which the end of a run exports.
private func exporter(in world: borrowing World) -> Int? {
    var best: Int?
    for i in world.peers.indices where world.peers[i].isLive && world.peers[i].genesis != nil {
        if world.peers[i].certifiedHeight > best.map({ world.peers[$0].certifiedHeight }) ?? 0 { best = i }
    }
    return best
}

/// At most so many, spread evenly.
private func sample<T>(_ all: [T], _ most: Int) -> [T] {
    if all.count <= most { return all }
    return (0..<most).map { all[$0 * all.count / most] }
}

/// R8: the exported bundle of each job, checked offline, gives the same workers, answer and payments.
struct BundlesVerify: Checker {
    static let id = "R8"
    static let statement = "the exported bundle of a job, checked offline, gives the same workers, answer and payments"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0
    private var settled: [(closing: ReadBlock.Closing, height: UInt64)] = []

    /// Of one run.
    static let bundlesMax = 16

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        for closing in read.closings { if case .settled = closing.event { settled.append((closing, read.height)) } }
        return nil
    }

    mutating func end(of world: borrowing World) -> Finding? {
        guard let i = exporter(in: world) else { return nil }
        let store = PeerStore(disk: world.peers[i].disk)
        let builder = ReceiptBuilder(genesis: world.genesis, store: store, hashing: world.peers[i].key)
        let certified = world.peers[i].certifiedHeight
        for (closing, _) in sample(settled.filter { $0.height <= certified }, BundlesVerify.bundlesMax) {
            judged += 1
            if let found = problem(closing, builder, in: world) {
                return Finding(peers: [i], expected: "a bundle of job \(closing.job) that verifies", found: found)
            }
        }
        return nil
    }

    private func problem(
        _ closing: ReadBlock.Closing, _ builder: ReceiptBuilder<PeerStore>, in world: borrowing World
    ) -> String? {
        guard case .settled(let settled) = closing.event else { return nil }
        let receipt: Receipt
        do throws(ReceiptBuilder<PeerStore>.Failure) {
            receipt = try builder.job(closing.job)
        } catch {
            return "none: \(error)"
        }
        let verdict = ReceiptVerifier(hashing: world.peers[0].key, verifying: world.peers[0].key).verify(
            world.exported(receipt).encoded)
        for line in verdict.lines where !line.isOK { return "\(line.check): \(line.detail)" }
        guard let job = verdict.job else { return "no job in it" }
        if job.settled != settled || job.job != closing.job { return "another settlement" }
        let workers = closing.story.leases.map(\.terms.account)
        if job.replicas.map(\.account) != workers { return "workers \(job.replicas.map(\.account)), not \(workers)" }
        for winner in settled.winners where job.replicas[Int(winner.lease)].pay != winner.pay {
            return "pay \(job.replicas[Int(winner.lease)].pay) for lease \(winner.lease)"
        }
        return nil
    }
}

/// C20, as far as the parts exist: proofs of entries verify offline, and any changed byte is refused.
struct ProofsVerify: Checker {
    static let id = "C20"
    static let statement = "proofs of random entries verify offline; a changed byte or a short certificate is refused"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0
    private var entries: [(id: TransactionID, height: UInt64)] = []

    static let proofsMax = 4
    static let changesMax = 8

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        for line in read.lines where line.code == .applied {
            guard case .owner? = line.entry?.envelope else { continue }
            entries.append((line.id, read.height))
        }
        return nil
    }

    mutating func end(of world: borrowing World) -> Finding? {
        guard let i = exporter(in: world) else { return nil }
        let store = PeerStore(disk: world.peers[i].disk)
        let builder = ReceiptBuilder(genesis: world.genesis, store: store, hashing: world.peers[i].key)
        let verifier = ReceiptVerifier(hashing: world.peers[0].key, verifying: world.peers[0].key)
        let certified = world.peers[i].certifiedHeight
        for (id, height) in sample(entries.filter { $0.height <= certified }, ProofsVerify.proofsMax) {
            func broken(_ found: String) -> Finding {
                Finding(peers: [i], expected: "a proof of entry \(id) in height \(height)", found: found)
            }
            judged += 1
            let receipt: Receipt
            do {
                receipt = try builder.transaction(id)
            } catch {
                return broken("none: \(error)")
            }
            let bytes = world.exported(receipt).encoded
            let verdict = verifier.verify(bytes)
            for line in verdict.lines where !line.isOK { return broken("\(line.check): \(line.detail)") }
            if verdict.transaction?.id != id || verdict.transaction?.height != height {
                return broken("one of another entry")
            }
            for change in 0..<ProofsVerify.changesMax {
                var other = bytes
                let place = Int(Seeding.mixed(height &+ UInt64(change)) % UInt64(bytes.count))
                other[place] ^= 1 << UInt8(change % 8)
                judged += 1
                let second = verifier.verify(other)
                // A changed genesis is another network, which a verifier of this one refuses.
                if second.lines.allSatisfy(\.isOK), second.network == world.networkID {
                    return broken("it verifies with byte \(place) changed")
                }
            }
        }
        return nil
    }
}

/// E2: a receipt names an offered lease, and its digest is that of bytes that someone has.
struct ResultsExist: Checker {
    static let id = "E2"
    static let statement = "each paid result belongs to an offered lease and is the digest of bytes that its worker has"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        for closing in read.closings {
            guard case .settled(let settled) = closing.event else { continue }
            for winner in settled.winners {
                guard Int(winner.lease) < closing.story.leases.count else {
                    return finding(read, closing, winner, "a lease that was never drawn")
                }
                let account = closing.story.leases[Int(winner.lease)].terms.account
                guard let i = world.byAccount[account], !world.peers[i].isByzantine else { continue }
                judged += 1
                let result = closing.story.leases[Int(winner.lease)].result
                guard let bytes = world.peers[i].blobs.bytes(winner.bodyHash) else {
                    return finding(read, closing, winner, "peer \(i) does not have it")
                }
                let hashing = world.peers[i].key
                if BlobTree.id(of: bytes, hashing: hashing) != winner.bodyHash
                    || UInt64(bytes.count) != result?.bodyBytes
                {
                    return finding(read, closing, winner, "\(bytes.count) other bytes")
                }
                let own = try? closing.story.spec.comparator.compareHash(
                    status: result?.status.rawValue ?? 0, exitCode: result?.exitCode ?? 0, body: bytes, hashing: hashing
                )
                if own != result?.compareHash { return finding(read, closing, winner, "bytes of another answer") }
            }
        }
        return nil
    }

    private func finding(
        _ read: ReadBlock, _ closing: ReadBlock.Closing, _ winner: LedgerEvent.Winner, _ found: String
    ) -> Finding {
        read.finding("the body \(winner.bodyHash) of lease \(winner.lease) of \(closing.job)", found)
    }
}

/// E3: no task reported as success used more than its frame.
struct UsageFitsFrame: Checker {
    static let id = "E3"
    static let statement = "no honest result reported as success used more time, memory or output than its frame"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0
    private var specs: [JobID: JobSpec] = [:]

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        for line in read.lines where line.code == .applied {
            switch (line.entry?.body, line.entry?.envelope) {
            case (.openJob(let spec)?, _):
                if case .jobOpened(let job, _, _, _)? = line.events.first { specs[job] = spec }
            case (.reveal(_, let result)?, .lease(let job, let index)?):
                guard result.status == .completed, let spec = specs[job], let account = line.entry?.account,
                    let i = world.byAccount[account], !world.peers[i].isByzantine
                else { continue }
                judged += 1
                let isWithin =
                    result.wallMillis <= spec.wallMillisMax && result.bodyBytes <= spec.outputBytesMax
                    && result.cpuMicros <= spec.cpuMicrosMax && result.memoryMiBMillis <= spec.memoryMax
                if isWithin { continue }
                return Finding(
                    peers: [i],
                    expected: "at most \(spec.wallMillisMax) ms, \(spec.cpuMicrosMax) µs, \(spec.outputBytesMax) bytes",
                    found:
                        "\(result.wallMillis) ms, \(result.cpuMicros) µs, \(result.bodyBytes) bytes by lease \(index)")
            default: continue
            }
        }
        for closing in read.closings { specs[closing.job] = nil }
        return nil
    }
}
