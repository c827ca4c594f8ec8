import Basis
@testable import Consensus
import Records
import TestKit
import Trust
import Wire

/// A seeded network of replicas in memory: delays, loss, duplication, partitions, crashes with restart from the store
/// alone. Execution is a chain of hashes, the pool a list. After every event the invariants of `ledger.md` 4.11
/// are checked.
final class World {
    struct Options {
        var seats = 4
        var observers = 0
        var delayMin: Int64 = 2
        var delayMax: Int64 = 30
        var lossPerMille = 0
        var duplicatePerMille = 0
        /// Disk and execution times in ms.
        var persistMax: Int64 = 4
        var executeMax: Int64 = 4
        /// Seats run by the adversary: twins that each talk to a half, or voters for everything.
        var twins: [Int] = []
        var spammers: [Int] = []
        var silent: [Int] = []
        var clockOffsets: [Int64] = []
        var limits = LedgerLimits.production
        /// Odds of a crash at a persist, per mille; restart after 0.2–3 s.
        var crashPerMille = 0
        var beaconLength: UInt32 = 4_096
        /// Whether what arrives goes through the wire layouts and the signature checks of Ingress.
        var isChecked = false
    }

    enum Event {
        case deliver(to: Int, from: PeerID, LogMessage)
        case entry(to: Int, [UInt8])
        case persisted(node: Int, life: Int, StoreBatch, Replica.Ticket)
        case executed(node: Int, life: Int, Replica.FinalBlock)
        case timer(node: Int, life: Int)
        case restart(node: Int)
        case forward(node: Int)
    }

    struct Queued: Comparable {
        let at: Int64
        let order: Int
        static func < (a: Queued, b: Queued) -> Bool { a.at != b.at ? a.at < b.at : a.order < b.order }
    }

    static let wallStart: UInt64 = 1_800_000_000_000
    let options: Options
    let hashing = MixHashing()
    var rng: SeededGenerator
    var time: Int64 = 0
    var order = 0
    var queue = SortedMap<Queued, Event>()
    var nodes: [WorldNode] = []
    let genesis: Genesis
    let network: NetworkID
    let seatList: SeatList
    let signers: [MixSigner]
    let accounts: [PublicKey]
    /// Which nodes each node reaches; nil is all.
    var partition: [[Int]]?
    var lossPerMille: Int
    var crashPerMille: Int
    var check: Checker
    var entrySerial: UInt64 = 0
    var wallShift: Int64 = 0
    /// Sends of votes, proposals and certificates, for I10 and counting.
    var sent: [String: Int] = [:]
    var votesBySeatView: [String: Int] = [:]
    var misbehaviours = 0
    var filter: ((Int, Int, LogMessage) -> Bool)?

    init(_ options: Options, seed: UInt64) {
        self.options = options
        rng = SeededGenerator(seed: seed)
        lossPerMille = options.lossPerMille
        crashPerMille = options.crashPerMille
        var keys: [(PublicKey, MixSigner, BeaconChain)] = []
        for i in 0..<options.seats {
            let account = MixSigner(seed: 1_000 + UInt64(i)).publicKey
            keys.append(
                (
                    account, MixSigner(seed: 2_000 + UInt64(i)),
                    BeaconChain(
                        seed: Digest(repeating: UInt8(i + 1)), length: options.beaconLength,
                        hashing: hashing)
                ))
        }
        keys.sort { $0.0 < $1.0 }
        let seats = keys.map {
            SeatInit(
                account: $0.0, votingKey: $0.1.publicKey, beaconEnd: $0.2.end,
                beaconLength: options.beaconLength)
        }
        genesis = Genesis(
            name: "test", createdAt: World.wallStart - 1_000, seats: seats,
            inviteKey: MixSigner(seed: 9).publicKey, allocations: [])
        network = genesis.networkID(hashing: hashing)
        seatList = genesis.seatList
        signers = keys.map(\.1)
        accounts = keys.map(\.0)
        check = Checker(seats: options.seats, faulty: seatList.faulty)
        var observerAccounts: [PublicKey] = []
        for i in 0..<options.observers {
            observerAccounts.append(MixSigner(seed: 3_000 + UInt64(i)).publicKey)
        }
        for (i, key) in keys.enumerated() {
            let copies = options.twins.contains(i) ? 2 : 1
            for twin in 0..<copies {
                nodes.append(
                    WorldNode(
                        index: nodes.count, seat: i, twin: twin, account: key.0, signer: key.1,
                        chain: key.2, world: self))
            }
        }
        for account in observerAccounts {
            nodes.append(
                WorldNode(
                    index: nodes.count, seat: nil, twin: 0, account: account, signer: nil,
                    chain: nil, world: self))
        }
        for node in nodes {
            schedule(.restart(node: node.index), in: Int64.random(in: 0...5, using: &rng))
        }
    }

    func peer(_ account: PublicKey) -> PeerID { hashing.peerID(of: account) }
    func isHonest(_ node: Int) -> Bool {
        guard let seat = nodes[node].seat else { return true }
        return !options.twins.contains(seat) && !options.spammers.contains(seat)
            && !options.silent.contains(seat)
    }
    var honest: [WorldNode] { nodes.filter { isHonest($0.index) } }

    func wall(_ node: Int) -> UInt64 {
        let offset = node < options.clockOffsets.count ? options.clockOffsets[node] : 0
        return UInt64(Int64(World.wallStart) + time / 1_000_000 + offset + wallShift)
    }

    func schedule(_ event: Event, in millis: Int64) {
        order += 1
        let jitter = Int64.random(in: 0..<1_000_000, using: &rng)
        queue.insert(event, for: Queued(at: time + millis * 1_000_000 + jitter, order: order))
    }

    // MARK: running

    /// Runs for so many ms of simulated time, or until `done` holds.
    @discardableResult
    func run(_ millis: Int64, until done: () -> Bool = { false }) -> Bool {
        let end = time + millis * 1_000_000
        while let first = queue.first, first.key.at <= end {
            queue.popFirst()
            time = first.key.at
            apply(first.value)
            if done() { return true }
        }
        time = end
        return done()
    }

    func apply(_ event: Event) {
        switch event {
        case .deliver(let to, let from, let message):
            let node = nodes[to]
            guard node.replica != nil else { return }
            if options.spammers.contains(node.seat ?? -1) { return spam(node, message) }
            guard let admitted = admit(message) else { return }
            node.input(.received(Verified(checked: admitted), from: from))
        case .entry(let to, let entry): nodes[to].poolAdd(entry)
        case .persisted(let node, let life, let batch, let ticket):
            let node = nodes[node]
            guard node.life == life, node.replica != nil else { return }
            if isHonest(node.index), Int.random(in: 0..<1_000, using: &rng) < crashPerMille {
                // Killed before or after the write.
                if Bool.random(using: &rng) { node.store(batch) }
                node.crash()
                schedule(.restart(node: node.index), in: Int64.random(in: 200...3_000, using: &rng))
                return
            }
            node.store(batch)
            node.input(.persisted(ticket))
        case .executed(let node, let life, let block):
            let node = nodes[node]
            guard node.life == life, node.replica != nil else { return }
            node.execute(block)
        case .timer(let node, let life):
            let node = nodes[node]
            guard node.life == life, let due = node.replica?.nextDeadline else { return }
            if due.nanoseconds > time { return }
            node.input(.timeout)
        case .restart(let node): nodes[node].start()
        case .forward(let node): nodes[node].forward()
        }
    }

    /// What Ingress does: decode and verify.
    func admit(_ message: LogMessage) -> LogMessage? {
        guard options.isChecked else { return message }
        guard let decoded = try? LogMessage(number: message.number, body: message.body) else {
            check.fail("message \(message.number) does not decode")
            return nil
        }
        let problem = MessageCheck.problem(
            of: decoded, seats: seatList, network: network, verifying: MixVerifier(), hashing: hashing,
            isValidEntry: { _ in true })
        return problem == nil ? decoded : nil
    }

    func send(_ message: LogMessage, from node: WorldNode, to peers: [PeerID]) {
        check.sent(message, by: node, world: self)
        if options.silent.contains(node.seat ?? -1) { return }
        for target in nodes where target.peer != node.peer && peers.contains(target.peer) {
            if options.twins.contains(node.seat ?? -1), !node.twinReaches(target.index) { continue }
            transmit(message, from: node.index, to: target.index)
        }
    }

    func reaches(_ a: Int, _ b: Int) -> Bool {
        guard let partition else { return true }
        return partition.contains { $0.contains(a) && $0.contains(b) }
    }

    func transmit(_ message: LogMessage, from: Int, to: Int) {
        guard reaches(from, to) else { return }
        if let filter, !filter(from, to, message) { return }
        if Int.random(in: 0..<1_000, using: &rng) < lossPerMille { return }
        let copies = Int.random(in: 0..<1_000, using: &rng) < options.duplicatePerMille ? 2 : 1
        for _ in 0..<copies {
            let delay = Int64.random(in: options.delayMin...options.delayMax, using: &rng)
            schedule(.deliver(to: to, from: nodes[from].peer, message), in: delay)
        }
    }

    /// An entry of some bytes, known to one node first.
    @discardableResult
    func submit(to node: Int) -> [UInt8] {
        entrySerial += 1
        let entry = Array("entry \(entrySerial)".utf8)
        nodes[node].poolAdd(entry)
        return entry
    }

    // MARK: adversary

    /// Votes for everything it sees, to some.
    func spam(_ node: WorldNode, _ message: LogMessage) {
        guard let signer = node.signer, let seat = node.seat else { return }
        var ballots: [Ballot] = []
        switch message {
        case .proposal(let p):
            let hash = p.block.hash(hashing: hashing)
            for kind in [VoteKind.notarize, .finalize] {
                ballots.append(
                    Ballot(kind: kind, epoch: 0, view: p.block.header.view, blockHash: hash))
            }
            ballots.append(
                Ballot(kind: .nullify, epoch: 0, view: p.block.header.view, blockHash: .zero))
        case .vote(let v):
            ballots.append(v.ballot)
            if v.ballot.kind == .notarize {
                ballots.append(
                    Ballot(
                        kind: .finalize, epoch: 0, view: v.ballot.view, blockHash: v.ballot.blockHash))
            }
            ballots.append(Ballot(kind: .nullify, epoch: 0, view: v.ballot.view, blockHash: .zero))
        default: return
        }
        for ballot in ballots {
            let id = "\(seat) \(ballot)"
            if !node.spammed.insert(id).inserted { continue }
            let vote = Vote(
                ballot: ballot, seat: UInt16(seat),
                signature: signer.sign(
                    ballot.kind.signatureKind, network: network, body: ballot.signedBody))
            for target in nodes where target.peer != node.peer && Bool.random(using: &rng) {
                transmit(.vote(vote), from: node.index, to: target.index)
            }
        }
    }

    // MARK: questions

    /// Where every node stands, for failures.
    var summary: String {
        nodes.map { node in
            let replica = node.replica
            return "\(node.index): h\(executed(node.index)) c\(replica?.certifiedHeight ?? 0)"
                + " v\(replica?.view ?? 0) pool \(node.pool.count)"
                + " \(replica.map { "\($0.status.kind)" } ?? "down")"
        }.joined(separator: "; ")
    }

    func restart(_ node: WorldNode, within millis: Int64, using rng: inout SeededGenerator) {
        schedule(.restart(node: node.index), in: Int64.random(in: 50...millis, using: &rng))
    }


    func executed(_ node: Int) -> UInt64 { nodes[node].chain.last?.state.height ?? 0 }
    var leastExecuted: UInt64 { honest.map { executed($0.index) }.min() ?? 0 }
    var mostExecuted: UInt64 { honest.map { executed($0.index) }.max() ?? 0 }
    func hasExecuted(_ entry: [UInt8], at node: Int) -> Bool { nodes[node].done.contains(entry) }
    func count(_ name: String) -> Int { sent[name] ?? 0 }
    var orderSends: Int {
        count("proposal") + count("notarize") + count("nullify") + count("finalize")
            + count("certificate")
    }
}
