import Basis
import Consensus
import Credits
import NodeCore
import Records
import TestKit
import Testing
import Trust
import Wire

/// A store in memory that keeps what was written and loses what was not, as a killed process does.
struct MemoryStore {
    var families: [Family: SortedMap<[UInt8].Ordered, [UInt8]>] = [:]
    var writes = 0

    mutating func write(_ batch: StoreBatch) {
        writes += 1
        for operation in batch.operations {
            switch operation {
            case .put(let family, let key, let value): families[family, default: SortedMap()][.init(key)] = value
            case .delete(let family, let key): families[family]?[.init(key)] = nil
            case .deleteRange(let family, let from, let to):
                for key in (families[family]?.keys ?? []) where key >= .init(from) && key < .init(to) {
                    families[family]?[key] = nil
                }
            }
        }
    }

    func rows(_ family: Family) -> [(key: [UInt8], value: [UInt8])] {
        (families[family] ?? SortedMap()).map { ($0.key.bytes, $0.value) }
    }

    func get(_ family: Family, _ key: [UInt8]) -> [UInt8]? { families[family]?[.init(key)] }
}

extension Array where Element == UInt8 {
    /// Bytes in the order of a store.
    struct Ordered: Comparable, Hashable, Sendable {
        let bytes: [UInt8]
        init(_ bytes: [UInt8]) { self.bytes = bytes }
        static func < (a: Ordered, b: Ordered) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }
    }
}

/// Nodes of one log over a seeded network that delays, loses and reorders, with stores that survive kills.
struct LogNetwork {
    struct Node {
        var log: LogNode
        var store: MemoryStore
        var isUp = true
        var boot = 0
        var accepted: [UInt64: TransactionID] = [:]
        var refused: [UInt64: LogNode.EntryRefusal] = [:]
        var progress: [TransactionID: [LogNode.EntryProgress]] = [:]
        var executed: [UInt64: Digest] = [:]
        var alarms: [String] = []
    }

    enum Event {
        case deliver(number: UInt16, body: [UInt8], from: Int, to: Int)
        case persisted(UInt64, node: Int, boot: Int)
    }

    let hashing = MixHashing()
    let genesis: Genesis
    let signers: [MixSigner]
    let voters: [MixSigner]
    let beacons: [BeaconSecret]
    var nodes: [Node] = []
    var rng: SeededGenerator
    var now = Instant(nanoseconds: 1_000_000_000)
    var queue = SortedMap<Order, Event>()
    var sequence: UInt64 = 0
    /// Lost of 1,000 messages.
    var lossPerMille = 0
    /// Whose messages are all lost.
    var lossFrom: Int?
    var delayMillis: ClosedRange<Int64> = 1...10
    /// Called before a node's batch is written; true kills the node instead (before) or right after it.
    var killAtWrite: (node: Int, write: Int, after: Bool)?

    struct Order: Comparable {
        let at: Instant
        let sequence: UInt64
        static func < (a: Order, b: Order) -> Bool { a.at != b.at ? a.at < b.at : a.sequence < b.sequence }
    }

    static let start: UInt64 = 1_767_225_600_000
    var wall: UInt64 { LogNetwork.start + UInt64(now.nanoseconds / 1_000_000) }
    var peers: [PeerID] { signers.map { hashing.peerID(of: $0.publicKey) } }
    func account(_ i: Int) -> PublicKey { signers[i].publicKey }

    /// `seats` of `count` nodes are seats; every node has 1,000 credits.
    init(seats: Int, count: Int? = nil, seed: UInt64, fee: UInt64 = 10, chainLength: UInt32 = 4_096) {
        rng = SeededGenerator(seed: seed)
        let count = count ?? seats
        let hashing = hashing
        // Sorted by account, so that node i is seat i.
        signers = (0..<UInt64(count)).map { MixSigner(seed: $0) }.sorted { $0.publicKey < $1.publicKey }
        voters = (0..<UInt64(seats)).map { MixSigner(seed: 1_000 + $0) }
        beacons = (0..<seats).map {
            BeaconSecret(
                first: Digest(repeating: UInt8($0 + 1)), root: Digest(repeating: UInt8($0 + 101)), length: chainLength)
        }
        var genesis = Genesis(
            name: "test", createdAt: LogNetwork.start,
            seats: (0..<seats).map { [signers, voters, beacons] in
                SeatInit(
                    account: signers[$0].publicKey, votingKey: voters[$0].publicKey, beaconEnd: beacons[$0].chain(0, hashing: hashing).end,
                    beaconLength: chainLength)
            }, inviteKey: PublicKey(repeating: 0xee),
            allocations: signers.map { .init(account: $0.publicKey, amount: .credits(1_000)) })
        genesis.treasury = .zero
        genesis.welcome = .zero
        genesis.entryFee = CreditAmount(micro: fee)
        genesis.feesToTreasury = false
        self.genesis = genesis
        for i in 0..<count {
            var store = MemoryStore()
            store.write(LogNode.firstWrites(image: LogImage(), genesis: self.genesis, hashing: hashing))
            nodes.append(Node(log: load(i, store), store: store))
        }
        for i in 0..<count { begin(i) }
    }

    func load(_ i: Int, _ store: MemoryStore) -> LogNode {
        var image = LogImage()
        do {
            for family in LogImage.families + [.meta, .local] {
                for row in store.rows(family) { try image.add(family, key: row.key, value: row.value) }
            }
            if let newest = store.rows(.proofs).last(where: { $0.key.count == 8 }) {
                try image.add(.proofs, key: newest.key, value: newest.value)
            }
            var tip: LogImage.Tip?
            if image.executedHeight > 0,
                let block = store.get(.blocks, JournalKey.height(image.executedHeight)),
                let link = store.get(.proofs, DigestStep.key(image.executedHeight))
            {
                tip = .init(block: try StoredBlock(decoding: block).block, link: try DigestStep(decoding: link).link)
            }
            let isSeat = i < voters.count
            return try LogNode(
                identity: .init(
                    genesis: genesis, signer: signers[i], voting: isSeat ? voters[i] : nil,
                    beacon: isSeat ? beacons[i] : nil),
                image: image, tip: tip, limits: .production, hashing: hashing, verifying: MixVerifier(),
                generator: SeededGenerator(seed: UInt64(i)), now: now)
        } catch {
            fatalError("node \(i) does not load: \(error)")
        }
    }

    mutating func begin(_ i: Int) {
        give(.start, to: i)
        for j in nodes.indices where j != i && nodes[j].isUp {
            give(.linkUp(peers[j]), to: i)
            give(.linkUp(peers[i]), to: j)
        }
    }

    mutating func kill(_ i: Int) {
        nodes[i].isUp = false
        nodes[i].boot += 1
        for j in nodes.indices where j != i && nodes[j].isUp { give(.linkDown(peers[i]), to: j) }
    }

    mutating func restart(_ i: Int) {
        nodes[i].log = load(i, nodes[i].store)
        nodes[i].isUp = true
        begin(i)
    }

    mutating func give(_ input: LogNode.Input, to i: Int) {
        guard nodes[i].isUp else { return }
        for effect in nodes[i].log.handle(input, now: now, wall: wall) { carryOut(effect, of: i) }
    }

    mutating func push(_ event: Event, after delay: Interval) {
        sequence += 1
        queue[Order(at: now + delay, sequence: sequence)] = event
    }

    mutating func carryOut(_ effect: LogNode.Effect, of i: Int) {
        guard nodes[i].isUp else { return }
        switch effect {
        case .persist(let batch, let ticket):
            let isTheOne = killAtWrite.map { $0.node == i && $0.write == nodes[i].store.writes } ?? false
            if isTheOne, killAtWrite?.after == false {
                killAtWrite = nil
                return kill(i)
            }
            nodes[i].store.write(batch)
            if isTheOne {
                killAtWrite = nil
                return kill(i)
            }
            push(.persisted(ticket, node: i, boot: nodes[i].boot), after: .microseconds(300))
        case .send(let message, let targets):
            for target in targets {
                guard let j = peers.firstIndex(of: target), j != i else { continue }
                if lossFrom == i || Int.random(in: 0..<1_000, using: &rng) < lossPerMille { continue }
                let delay = Interval.milliseconds(Int64.random(in: delayMillis, using: &rng))
                push(.deliver(number: message.number, body: message.body, from: i, to: j), after: delay)
            }
        case .serveBlocks(let request, let peer):
            let reader = StoredBlocks(store: nodes[i].store)
            guard
                let answer = BlockAnswer.answer(
                    to: request, executedHeight: nodes[i].log.ledger.height, store: reader, hashing: hashing)
            else { return }
            carryOut(.send(.blocks(answer), to: [peer]), of: i)
        case .accepted(let ticket, let id): nodes[i].accepted[ticket] = id
        case .refused(let ticket, let why): nodes[i].refused[ticket] = why
        case .progressed(let id, let progress): nodes[i].progress[id, default: []].append(progress)
        case .executed(let block): nodes[i].executed[block.execution.height] = block.execution.digest
        case .alarm(let alert): nodes[i].alarms.append("\(alert)")
        case .conservationBroken(let height, let text): nodes[i].alarms.append("\(height): \(text)")
        case .misbehaved(_, let fault): nodes[i].alarms.append("\(fault)")
        case .certified, .statusChanged: break
        }
    }

    /// Runs until `until` holds or `seconds` passed; whether it holds.
    @discardableResult
    mutating func run(seconds: Int64, until: (LogNetwork) -> Bool = { _ in false }) -> Bool {
        let end = now + .seconds(seconds)
        while true {
            if until(self) { return true }
            var next = queue.first?.key.at
            for node in nodes where node.isUp {
                if let deadline = node.log.nextDeadline { next = next.map { min($0, deadline) } ?? deadline }
            }
            guard let at = next, at <= end else {
                now = end
                return until(self)
            }
            now = max(now, at)
            if let first = queue.first, first.key.at <= now {
                queue.popFirst()
                switch first.value {
                case .deliver(let number, let body, let from, let to):
                    give(.received(number: number, body: body, from: peers[from]), to: to)
                case .persisted(let ticket, let node, let boot):
                    if nodes[node].boot == boot { give(.persisted(ticket), to: node) }
                }
                continue
            }
            for i in nodes.indices where nodes[i].isUp {
                if let deadline = nodes[i].log.nextDeadline, deadline <= now { give(.timeout, to: i) }
            }
        }
    }

    mutating func transfer(from i: Int, to account: PublicKey, micro: UInt64, key: [UInt8] = [], ticket: UInt64) {
        guard nodes[i].isUp else { return }
        if !key.isEmpty, let row = nodes[i].store.get(.local, Outbox.keyRow(key)) {
            nodes[i].accepted[ticket] = TransactionID(row)
            return
        }
        give(
            .compose(
                .transfer(payees: [.init(account: account, amount: CreditAmount(micro: micro))], memo: []), job: nil,
                key: key, ticket), to: i)
    }

    func balance(_ account: PublicKey, at i: Int) -> UInt64 {
        nodes[i].log.ledger.account(account)?.available.micro ?? 0
    }

    func isCertified(_ id: TransactionID, at i: Int) -> Bool {
        nodes[i].progress[id]?.contains { if case .certified = $0 { true } else { false } } ?? false
    }
}

struct StoredBlocks: BlockStoreReading {
    let store: MemoryStore

    func stored(_ height: UInt64) -> StoredBlock? {
        store.get(.blocks, JournalKey.height(height)).flatMap { try? StoredBlock(decoding: $0) }
    }
    func block(at height: UInt64) -> Block? { stored(height)?.block }
    func finalizeCertificate(at height: UInt64) -> Certificate? { stored(height)?.finalizeCertificate }
    func stateCertificate(at height: UInt64) -> StateCertificate? {
        store.get(.proofs, JournalKey.height(height)).flatMap { try? StateCertificate(decoding: $0) }
    }
}
