import Basis
import Consensus
import Credits
import NodeCore
import Records
import Trust
import Wire

/// What blocks of a world say of themselves: headers by hash, as seats journaled or executed them.
struct HeaderBook: Sendable {
    struct Known: Sendable {
        let height: UInt64
        let view: UInt64
        let time: UInt64
    }
    private var headers: [Digest: Known] = [:]

    subscript(hash: Digest) -> Known? { headers[hash] }

    mutating func add(_ header: BlockHeader, _ hash: Digest) {
        headers[hash] = Known(height: header.height, view: header.view, time: header.timestamp)
    }

    mutating func addBase(of world: borrowing World) {
        if !headers.isEmpty { return }
        let hash = Block.genesisHash(world.networkID, hashing: world.peers[0].key)
        headers[hash] = Known(height: 0, view: 0, time: world.genesis.createdAt)
    }
}

/// C5: a seat notarises only a valid block whose parent is notarised and whose skipped views are all nullified.
struct NotarisesValidBlocks: Checker {
    static let id = "C5"
    static let statement =
        "a seat notarises only a valid block on a notarised parent, with every skipped view nullified"
    static let watches: [Observation.Kind] = [.journaled, .advanced]
    private(set) var judged: UInt64 = 0
    private let exempt: Exempt
    private var headers = HeaderBook()
    /// Blocks that were judged, with the view of their parent plus one.
    private var judgedBlocks: [Digest: UInt64] = [:]

    init(_ plan: Plan) { exempt = Exempt(plan) }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        headers.addBase(of: world)
        switch observation {
        case .advanced(let read): headers.add(read.block.header, read.execution.blockHash)
        case .journaled(let i, let writes):
            for (hash, bytes) in writes.blocks {
                guard headers[hash] == nil, let block = try? Block(decoding: bytes) else { continue }
                headers.add(block.header, hash)
            }
            if i >= world.plan.seatCount || world.peers[i].isByzantine || exempt.hasBadDisk(i) { return nil }
            for mark in writes.marks where mark.kind == .notarize {
                if let finding = check(mark, writes, i, in: world) { return finding }
            }
        default: break
        }
        return nil
    }

    private mutating func check(
        _ mark: LogWrites.Mark, _ writes: LogWrites, _ i: Int, in world: borrowing World
    ) -> Finding? {
        judged += 1
        func broken(_ found: String) -> Finding {
            Finding(peers: [i], expected: "a valid block \(mark.hash) of view \(mark.view)", found: found)
        }
        let below: UInt64
        if let known = judgedBlocks[mark.hash] {
            below = known
        } else {
            guard let bytes = writes.blocks.first(where: { $0.hash == mark.hash })?.bytes,
                let block = try? Block(decoding: bytes)
            else { return broken("a mark without its block in the same write") }
            if let problem = problem(of: block, mark, in: world) { return broken(problem) }
            below = block.header.parentView == BlockHeader.baseView ? 0 : block.header.parentView + 1
            judgedBlocks[mark.hash] = below
        }
        var view = mark.view
        while view > below {
            view -= 1
            if !holdsNullification(of: view, mark.epoch, i, in: world) {
                return broken("view \(view) was skipped and is not nullified for peer \(i)")
            }
        }
        return nil
    }

    private func problem(of block: Block, _ mark: LogWrites.Mark, in world: borrowing World) -> String? {
        let header = block.header
        let key = world.peers[0].key
        let n = UInt64(world.plan.seatCount)
        if header.hash(hashing: key) != mark.hash { return "its header has another hash" }
        if header.view != mark.view || header.networkID != world.networkID { return "it is of view \(header.view)" }
        if UInt64(header.seat) != (header.view + header.epoch) % n { return "seat \(header.seat) does not lead" }
        if Block.txRoot(block.entries.map { Block.entryHash($0, hashing: key) }, hashing: key) != header.txRoot {
            return "its entries do not hash to its root"
        }
        for bytes in block.entries {
            guard let entry = try? Entry(decoding: bytes) else { return "an entry cannot be decoded" }
            if let signature = entry.signature {
                let message = entry.signatureKind.message(network: world.networkID, body: entry.bytesBeforeSignature)
                if !world.room.isSigned(signature, message, by: entry.account) { return "an entry is not signed" }
            }
        }
        guard let parent = headers[header.parentHash] else { return "nobody voted for its parent \(header.parentHash)" }
        if header.height != parent.height + 1 { return "height \(header.height) on \(parent.height)" }
        if header.timestamp <= parent.time { return "time \(header.timestamp) on \(parent.time)" }
        if header.parentView == BlockHeader.baseView {
            return header.height == 1 && block.parentCertificate.isEmpty ? nil : "it stands on the base"
        }
        guard let raw = RawProof(.init(bytes: block.parentCertificate, isOfState: false)),
            raw.kind == VoteKind.notarize.rawValue, raw.epoch == header.epoch, raw.number == header.parentView,
            raw.hash == header.parentHash, header.parentView < header.view
        else { return "its certificate does not notarise its parent" }
        return ProofRule.problem(of: raw, in: world)
    }

    private func holdsNullification(
        of view: UInt64, _ epoch: UInt64, _ i: Int, in world: borrowing World
    ) -> Bool {
        let places: [(Family, [UInt8])] = [
            (.certs, JournalKey.certificate(.nullify, epoch: epoch, view: view)),
            (.journal, JournalKey.ended(epoch: epoch, view: view, kind: .nullify)),
        ]
        for (family, key) in places {
            guard let bytes = world.peers[i].disk.get(family, key),
                let raw = RawProof(.init(bytes: bytes, isOfState: false))
            else { continue }
            if raw.kind == VoteKind.nullify.rawValue, raw.number == view,
                ProofRule.problem(of: raw, in: world) == nil
            {
                return true
            }
        }
        return false
    }
}

/// C9: headers follow their parents in hash, height and time, are not ahead of their voters, and none is empty
/// without a cause.
struct HeadersAreSound: Checker {
    static let id = "C9"
    static let statement =
        "parent, height + 1, time above the parent's and at most 500 ms ahead of a voter; no idle block"
    static let watches: [Observation.Kind] = [.journaled, .advanced, .executed]
    private(set) var judged: UInt64 = 0
    private let exempt: Exempt
    private var headers = HeaderBook()
    private var tip: (hash: Digest, height: UInt64, time: UInt64)?
    /// By height: whether a draw or a timer waited after it.
    private var hasWork: [Bool] = [false]
    private var armed: Set<TimerName> = []
    private var draws: Set<JobID> = []
    /// When each peer last executed a block: what it proposed in that turn rests on the block before.
    private var executedAt: [Instant?]

    /// Of `ledger.md` 2, whatever the nodes were given.
    static let skewMillis: UInt64 = 500

    struct TimerName: Hashable, Sendable {
        let deadline: UInt64
        let kind: UInt8
        let job: JobID
        let index: UInt16
    }

    init(_ plan: Plan) {
        exempt = Exempt(plan)
        executedAt = Array(repeating: nil, count: plan.peers.count)
    }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        switch observation {
        case .advanced(let read): return follow(read, in: world)
        case .executed(let i, _): executedAt[i] = world.now
        case .journaled(let i, let writes):
            if i >= world.plan.seatCount || world.peers[i].isByzantine { return nil }
            for mark in writes.marks where mark.kind == .notarize {
                guard let bytes = writes.blocks.first(where: { $0.hash == mark.hash })?.bytes,
                    let header = try? BlockHeader(decoding: Array(bytes.prefix(BlockHeader.bytes)))
                else { continue }
                judged += 1
                let wall = world.peers[i].clock.wall(world.now)
                if header.timestamp > wall + HeadersAreSound.skewMillis {
                    return Finding(
                        peers: [i], expected: "a time up to \(wall + HeadersAreSound.skewMillis)",
                        found: "a vote for \(header.timestamp) in view \(header.view)")
                }
                if writes.ownViews.contains(mark.view), header.entryCount == 0 {
                    if let finding = idle(header, i, in: world) { return finding }
                }
            }
        default: break
        }
        return nil
    }

    /// Its leader had executed the parent: no draw, no timer and nothing unfinal asked for the block.
    private func idle(_ header: BlockHeader, _ i: Int, in world: borrowing World) -> Finding? {
        let parent = Int(header.height) - 1
        guard parent < hasWork.count, parent > 0, world.peers[i].executedHeight == UInt64(parent), !hasWork[parent],
            executedAt[i] != world.now
        else {
            return nil
        }
        return Finding(
            peers: [i], expected: "no empty block on height \(parent), where nothing waits",
            found: "an empty block in view \(header.view)")
    }

    private mutating func follow(_ read: ReadBlock, in world: borrowing World) -> Finding? {
        judged += 1
        let header = read.block.header
        let base = Block.genesisHash(world.networkID, hashing: world.peers[0].key)
        let known = tip ?? (base, 0, world.genesis.createdAt)
        tip = (read.execution.blockHash, header.height, header.timestamp)
        for write in read.writes {
            switch write {
            case .timer(let key, let isArmed):
                let name = TimerName(deadline: key.deadline, kind: key.kind.rawValue, job: key.job, index: key.index)
                if isArmed { armed.insert(name) } else { armed.remove(name) }
            case .job(let job, let record):
                if record?.draw != nil { draws.insert(job) } else { draws.remove(job) }
            default: continue
            }
        }
        hasWork.append(!armed.isEmpty || !draws.isEmpty)
        if header.parentHash != known.hash || header.height != known.height + 1 {
            return Finding(
                peers: [read.by], expected: "height \(known.height + 1) on \(known.hash)",
                found: "height \(header.height) on \(header.parentHash)")
        }
        if header.timestamp > known.time { return nil }
        return Finding(
            peers: [read.by], expected: "a time above \(known.time)",
            found: "\(header.timestamp) at height \(header.height)")
    }
}

/// C10: the ledger clock is the sum of steps of at most 2 s, and stands still without a quorum.
struct LedgerClockIsCapped: Checker {
    static let id = "C10"
    static let statement = "the ledger clock is the sum of min(time step, 2 s), equal everywhere"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        judged += 1
        if read.execution.ledgerTime != read.clock.ledgerTime || read.execution.time != read.clock.time {
            return Finding(
                peers: [read.by], expected: "L \(read.clock.ledgerTime), T \(read.clock.time) at height \(read.height)",
                found: "L \(read.execution.ledgerTime), T \(read.execution.time)")
        }
        for case .clock(let record) in read.writes where record.ledgerTime != read.clock.ledgerTime {
            return Finding(
                peers: [read.by], expected: "L \(read.clock.ledgerTime) in state", found: "\(record.ledgerTime)")
        }
        return nil
    }
}
