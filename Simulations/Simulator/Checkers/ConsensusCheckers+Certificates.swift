import Basis
import Credits
import NodeCore
import Records
import Trust
import Wire

/// The rule for certificates, a second time (`ledger.md` 4.1 and 4.3).
enum ProofRule {
    private static let kinds = ["attest", "notarize", "nullify", "finalize"]

    /// Seats strictly ascend, there are Q of them, and the epoch is theirs; nil if so.
    static func shapeProblem(of raw: RawProof, seats: Int) -> String? {
        if raw.epoch != 0 { return "it is of epoch \(raw.epoch)" }
        var last = -1
        for seat in raw.seats {
            if Int(seat) <= last { return "seat \(seat) stands after seat \(last)" }
            if Int(seat) >= seats { return "seat \(seat) of \(seats)" }
            last = Int(seat)
        }
        let needed = referenceQuorum(seats)
        return raw.seats.count >= needed ? nil : "\(raw.seats.count) seats, not \(needed)"
    }

    /// Its shape, and every signature by the key that the genesis names.
    static func problem(of raw: RawProof, in world: borrowing World) -> String? {
        if let problem = shapeProblem(of: raw, seats: world.plan.seatCount) { return problem }
        guard Int(raw.kind) < kinds.count else { return "kind \(raw.kind)" }
        let domain = Array("peernode/sign-\(kinds[Int(raw.kind)])/v1".utf8) + [0]
        let message = domain + world.networkID.bytes + raw.body
        for (index, seat) in raw.seats.enumerated() {
            guard let signature = raw.signature(index),
                world.room.isSigned(signature, message, by: world.genesis.seats[Int(seat)].votingKey)
            else { return "the signature of seat \(seat) is not valid" }
        }
        return nil
    }
}

/// C6: at most one block per view is notarised; a view that was finalised is never nullified.
struct OneBlockPerView: Checker {
    static let id = "C6"
    static let statement = "at most one block per view is notarised, and a finalised view is never nullified"
    static let watches: [Observation.Kind] = [.appended, .persisted, .crashed]
    private(set) var judged: UInt64 = 0
    private let exempt: Exempt
    private let tolerance: Tolerance
    /// What each peer wrote and has not synced: a certificate may rest on its writer's own vote, and what a crash takes
    /// nobody has seen.
    private var waiting: [[(number: UInt64, writes: LogWrites)]]
    private var notarised: [UInt64: Digest] = [:]
    private var nullified: Set<UInt64> = []
    private var finalised: [UInt64: Digest] = [:]

    init(_ plan: Plan) {
        exempt = Exempt(plan)
        tolerance = Tolerance(plan)
        waiting = Array(repeating: [], count: plan.peers.count)
    }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        if exempt.anyBadDisk { return nil }
        switch observation {
        case .appended(let i, let batch, let number):
            let writes = LogWrites(batch)
            if !writes.proofs.isEmpty { waiting[i].append((number, writes)) }
        case .persisted(let i, let number, let isSynced):
            guard isSynced else { return nil }
            while let first = waiting[i].first, first.number <= number {
                waiting[i].removeFirst()
                if let finding = judge(first.writes, of: i, in: world) { return finding }
            }
        case .crashed(let i): waiting[i] = []
        default: break
        }
        return nil
    }

    private mutating func judge(_ writes: LogWrites, of i: Int, in world: borrowing World) -> Finding? {
        for proof in writes.proofs where !proof.isOfState {
            guard let raw = RawProof(proof), let kind = VoteKind(rawValue: raw.kind), !isKnown(kind, raw) else {
                continue
            }
            // What is no certificate is C7's; it notarises nothing.
            guard ProofRule.problem(of: raw, in: world) == nil, tolerance.holds(in: world) else { continue }
            if let finding = add(kind, raw, i) { return finding }
        }
        return nil
    }

    private func isKnown(_ kind: VoteKind, _ raw: RawProof) -> Bool {
        switch kind {
        case .notarize: notarised[raw.number] == raw.hash
        case .nullify: nullified.contains(raw.number)
        case .finalize: finalised[raw.number] == raw.hash
        }
    }

    private mutating func add(_ kind: VoteKind, _ raw: RawProof, _ i: Int) -> Finding? {
        judged += 1
        let view = raw.number
        switch kind {
        case .notarize:
            if let known = notarised[view] {
                return finding(i, view, "\(known) notarised", "\(raw.hash) notarised too")
            }
            notarised[view] = raw.hash
        case .nullify: nullified.insert(view)
        case .finalize:
            if let known = finalised[view] { return finding(i, view, "\(known) final", "\(raw.hash) final too") }
            finalised[view] = raw.hash
        }
        if let final = finalised[view], let block = notarised[view], final != block {
            return finding(i, view, "\(block) final, as notarised", "\(final) final")
        }
        if finalised[view] != nil, nullified.contains(view) {
            return finding(i, view, "no nullification beside its finalisation", "both certificates")
        }
        return nil
    }

    private func finding(_ i: Int, _ view: UInt64, _ expected: String, _ found: String) -> Finding {
        Finding(peers: [i], expected: "in view \(view) \(expected)", found: found)
    }
}

/// C7: a certificate counts at least Q distinct seats of its own epoch.
struct CertificatesCount: Checker {
    static let id = "C7"
    static let statement = "a certificate counts at least Q distinct seats of its epoch, each with a valid signature"
    static let watches: [Observation.Kind] = [.journaled, .advanced]
    private(set) var judged: UInt64 = 0
    /// Of the first certificate that each seat list needed to be checked for in full, by what it is about.
    private var verified: Set<Digest> = []

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        switch observation {
        case .journaled(let i, let writes):
            if world.peers[i].isByzantine { return nil }
            for proof in writes.proofs { if let finding = check(proof, i, in: world) { return finding } }
        case .advanced(let read):
            let bytes = read.block.parentCertificate
            if !bytes.isEmpty { return check(.init(bytes: bytes, isOfState: false), read.by, in: world) }
        default: break
        }
        return nil
    }

    private mutating func check(_ proof: LogWrites.Proof, _ i: Int, in world: borrowing World) -> Finding? {
        judged += 1
        guard let raw = RawProof(proof) else {
            return Finding(peers: [i], expected: "the bytes of a certificate", found: "\(proof.bytes.count) bytes")
        }
        var problem = ProofRule.shapeProblem(of: raw, seats: world.plan.seatCount)
        // Copies of one certificate differ in whose votes they hold, so each is verified, but equal bytes once.
        if problem == nil, verified.insert(SimHashing().digest(proof.bytes)).inserted {
            problem = ProofRule.problem(of: raw, in: world)
        }
        guard let problem else { return nil }
        let what = raw.kind == 0 ? "state of height \(raw.number)" : "vote \(raw.kind) of view \(raw.number)"
        return Finding(peers: [i], expected: "Q distinct seats under the \(what)", found: problem)
    }
}

/// C12: a seat attests only what it executed, once per height; two state certificates of a height name one root.
struct AttestsWhatItExecuted: Checker {
    static let id = "C12"
    static let statement = "a seat attests only the state it executed, once per height; certificates of a height agree"
    static let watches: [Observation.Kind] = [.booted, .executed, .attested, .certified]
    private(set) var judged: UInt64 = 0
    private let exempt: Exempt
    private let tolerance: Tolerance
    /// Tuples that each seat executed, by height.
    private var executed: [[UInt64: StateTuple]]
    /// What each seat's disk held when its process began: it may have executed that right before a crash, unheard.
    private var found: [ExecutedRecord?]
    private var certified: [UInt64: StateTuple] = [:]

    init(_ plan: Plan) {
        exempt = Exempt(plan)
        tolerance = Tolerance(plan)
        executed = Array(repeating: [:], count: plan.seatCount)
        found = Array(repeating: nil, count: plan.seatCount)
    }

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        switch observation {
        case .booted(let i):
            guard i < found.count else { return nil }
            found[i] = world.peers[i].disk.durableValue(.meta, ExecutedRecord.key).flatMap {
                try? ExecutedRecord(decoding: $0)
            }
        case .executed(let i, let block):
            guard i < executed.count else { return nil }
            executed[i][block.execution.height] = block.execution.stateTuple(epoch: block.block.header.epoch)
        case .attested(let i, let key, let state):
            guard i < executed.count, !world.peers[i].isByzantine, world.peers[i].voting?.publicKey == key,
                !exempt.hasBadDisk(i)
            else { return nil }
            judged += 1
            if let own = executed[i][state.height] {
                return own == state ? nil : finding(i, "digest \(own.stateDigest)", state)
            }
            let record = found[i]
            if record?.height == state.height, record?.digest == state.stateDigest, record?.blockHash == state.blockHash
            {
                executed[i][state.height] = state
                return nil
            }
            return finding(i, "nothing", state)
        case .certified(let i, let certificate):
            guard !exempt.anyBadDisk, tolerance.holds(in: world) else { return nil }
            judged += 1
            let state = certificate.state
            guard let known = certified[state.height] else {
                certified[state.height] = state
                return nil
            }
            if known == state { return nil }
            return Finding(
                peers: [i], expected: "digest \(known.stateDigest) certified at height \(state.height)",
                found: "digest \(state.stateDigest)")
        default: break
        }
        return nil
    }

    private func finding(_ i: Int, _ own: String, _ state: StateTuple) -> Finding {
        Finding(
            peers: [i], expected: "\(own) attested at height \(state.height), as executed",
            found: "digest \(state.stateDigest)")
    }
}

/// C16: the beacon of a draw is fixed after its job by d different proposers, and each reveal opens its chain.
struct BeaconIsFixedLate: Checker {
    static let id = "C16"
    static let statement =
        "the beacon of a draw is fixed after the job by d distinct proposers; reveals open their chains"
    static let watches: [Observation.Kind] = [.advanced]
    private(set) var judged: UInt64 = 0

    /// A published chain: its next element hashes forward to `element`.
    private struct Chain {
        var start: UInt64
        var length: UInt64
        /// One more than the turn of `element`.
        var turn: UInt64
        var element: Digest
        var next: (start: UInt64, length: UInt64, end: Digest)?
    }
    private var chains: [Chain] = []
    private var proposers: [UInt16] = []

    init(_ plan: Plan) {}

    mutating func observe(_ observation: Observation, in world: borrowing World) -> Finding? {
        guard case .advanced(let read) = observation else { return nil }
        if chains.isEmpty {
            chains = world.genesis.seats.map {
                Chain(start: 0, length: UInt64($0.beaconLength), turn: 0, element: $0.beaconEnd)
            }
        }
        judged += 1
        let header = read.block.header
        proposers.append(header.seat)
        if let problem = advance(header, in: world) {
            return Finding(
                peers: [read.by], expected: "a reveal that opens the chain of seat \(header.seat)", found: problem)
        }
        if read.execution.mix != read.clock.mix {
            return Finding(
                peers: [read.by], expected: "beacon \(read.clock.mix) at height \(read.height)",
                found: "\(read.execution.mix)")
        }
        for line in read.lines where line.code == .applied { publish(line, header, in: world) }
        for draw in read.draws { if let finding = check(draw, read, in: world) { return finding } }
        return nil
    }

    private mutating func advance(_ header: BlockHeader, in world: borrowing World) -> String? {
        let seat = Int(header.seat)
        guard seat < chains.count else { return "seat \(seat)" }
        let turn = header.view / UInt64(chains.count)
        if let next = chains[seat].next, turn >= next.start {
            chains[seat] = Chain(start: next.start, length: next.length, turn: next.start, element: next.end)
        }
        let chain = chains[seat]
        guard turn >= chain.turn, turn - chain.start < chain.length else { return "turn \(turn) is not left in it" }
        var x = header.beaconReveal
        for _ in chain.turn...turn as ClosedRange<UInt64> {
            x = world.peers[0].key.digest(Array("peernode/chain/v1".utf8) + [0] + x.bytes)
        }
        if x != chain.element { return "turn \(turn) hashes to \(x), not \(chain.element)" }
        chains[seat].turn = turn + 1
        chains[seat].element = header.beaconReveal
        return nil
    }

    private mutating func publish(_ line: ReadBlock.Line, _ header: BlockHeader, in world: borrowing World) {
        guard case .recommitBeacon(let end, let length)? = line.entry?.body,
            let seat = world.genesis.seats.firstIndex(where: { $0.account == line.entry?.account })
        else { return }
        let now = header.view / UInt64(chains.count)
        let after = chains[seat].start + chains[seat].length
        let start = chains[seat].length == 0 ? now + 2 : max(after, now + 2)
        chains[seat].next = (start, UInt64(length), end)
    }

    private func check(_ draw: ReadBlock.DrawReading, _ read: ReadBlock, in world: borrowing World) -> Finding? {
        let anchor = draw.drawn.anchorHeight
        func broken(_ expected: String, _ found: String) -> Finding {
            Finding(peers: [read.by], expected: "\(expected) of job \(draw.drawn.job)", found: found)
        }
        if anchor < draw.story.openHeight || anchor >= read.height {
            return broken(
                "an anchor from height \(draw.story.openHeight) on", "anchor \(anchor) at height \(read.height)")
        }
        if draw.drawn.mix != read.clock.mix {
            return broken("the beacon of height \(read.height)", "\(draw.drawn.mix)")
        }
        var seen: Set<UInt16> = []
        for seat in proposers[Int(anchor)...] { seen.insert(seat) }
        let needed = min(Int(world.genesis.beaconDistance), referenceQuorum(world.plan.seatCount))
        if seen.count >= needed { return nil }
        return broken("\(needed) proposers after anchor \(anchor)", "\(seen.count) at height \(read.height)")
    }
}
