import Basis
@testable import Consensus
import Records
import TestKit
import Trust
import Wire

/// One process of a `World`: a replica, its disk, its ledger (a chain of hashes) and its pool.
final class WorldNode {
    struct Row: Hashable, Comparable {
        let family: String
        let key: [UInt8]
        static func < (a: Row, b: Row) -> Bool {
            a.family != b.family ? a.family < b.family : a.key.lexicographicallyPrecedes(b.key)
        }
    }

    let index: Int
    let seat: Int?
    let twin: Int
    let account: PublicKey
    let signer: MixSigner?
    let beacon: BeaconChain?
    let peer: PeerID
    unowned let world: World
    var replica: Replica?
    var life = 0
    /// The disk.
    var rows: [Row: [UInt8]] = [:]
    var chain: [Replica.Executed] = []
    var blocks: [Replica.FinalBlock] = []
    // Memory.
    var toExecute: [Replica.FinalBlock] = []
    var isExecuting = false
    var persistsDueAt: Int64 = 0
    var pool: [(entry: [UInt8], at: Instant, forwardedAt: Int64)] = []
    var inFlight: Set<Digest> = []
    var done: Set<[UInt8]> = []
    var spammed: Set<String> = []
    var statuses: [NodeStatus] = []
    var alerts: [Replica.Alert] = []
    var shown: Replica.PoolDemand = .none
    var lacksKey = false
    var isDown = false
    var armedTimer = false
    var persists = 0
    var todo: [Replica.Effect] = []
    var isCarryingOut = false

    init(
        index: Int, seat: Int?, twin: Int, account: PublicKey, signer: MixSigner?,
        chain: BeaconChain?, world: World
    ) {
        self.index = index
        self.seat = seat
        self.twin = twin
        self.account = account
        self.signer = signer
        beacon = chain
        self.world = world
        peer = MixHashing().peerID(of: account)
    }

    var now: Instant { Instant(nanoseconds: world.time) }

    func twinReaches(_ target: Int) -> Bool { (target + twin) % 2 == 0 || target % 3 == 0 }

    /// Whether the store holds this key: the write was durable.
    func holds(_ family: Family, _ key: [UInt8]) -> Bool {
        rows[Row(family: family.rawValue, key: key)] != nil
    }

    func start() {
        guard replica == nil, !isDown else { return }
        life += 1
        var image = JournalImage()
        for row in rows.keys.sorted() {
            guard let family = Family(rawValue: row.family), let value = rows[row] else { continue }
            do { try image.add(family, key: row.key, value: value) } catch {
                world.check.fail("row \(error)")
            }
        }
        let configuration = Replica.Configuration(
            network: world.network, seats: world.seatList, account: account,
            voting: lacksKey ? nil : signer,
            beacons: beacon.map { [.init(start: 0, chain: $0)] } ?? [])
        replica = Replica(
            configuration: configuration, executed: chain.last ?? base(), image: image,
            limits: world.options.limits, hashing: MixHashing(),
            generator: SeededGenerator(seed: world.rng.next()), now: now)
        shown = .none
        input(.start)
        for other in world.nodes where other.peer != peer { input(.linkUp(other.peer)) }
        showPool()
    }

    func base() -> Replica.Executed {
        let hash = Block.genesisHash(world.network, hashing: MixHashing())
        return Replica.Executed(
            state: StateTuple(
                epoch: 0, height: 0, blockHash: hash, stateDigest: .zero, eventRoot: .zero,
                nextSeatsHash: .zero), view: nil, timestamp: world.genesis.createdAt,
            ledgerMillis: 0, beacons: world.seatList.seats.map(BeaconRecord.init), blocksDue: 0,
            isTimerArmed: false)
    }

    /// Power off: memory is gone, the disk stays.
    func crash() {
        replica = nil
        life += 1
        toExecute = []
        isExecuting = false
        persistsDueAt = 0
        inFlight = []
        shown = .none
        todo = []
    }

    func input(_ input: Replica.Input) {
        guard replica != nil else { return }
        let effects = replica!.handle(input, now: now, wall: world.wall(index))
        if traceFlag == "all" || traceFlag == "\(index)" { trace(input, effects) }
        todo += effects
        world.check.afterEvent(self)
        // First in, first out: what one effect leads to comes after the others of its call.
        if !isCarryingOut {
            isCarryingOut = true
            while !todo.isEmpty {
                let effect = todo.removeFirst()
                carryOut(effect)
            }
            isCarryingOut = false
        }
        if let due = replica?.nextDeadline {
            let wait = max(0, due.nanoseconds - world.time)
            world.order += 1
            world.queue.insert(
                .timer(node: index, life: life),
                for: World.Queued(at: world.time + wait, order: world.order))
        }
    }

    func trace(_ input: Replica.Input, _ effects: [Replica.Effect]) {
        guard let replica else { return }
        print(
            "\(world.time / 1_000) us node \(index): \(summary(input)) -> \(effects.map(summary))",
            "v\(replica.view) \(replica.mode) \(replica.reasons.rawValue)")
    }

    func carryOut(_ effect: Replica.Effect) {
        switch effect {
        case .persist(let batch, let ticket):
            persists += 1
            // In order: a disk answers as it was asked.
            let wait = Int64.random(in: 0...world.options.persistMax * 1_000_000, using: &world.rng)
            persistsDueAt = max(persistsDueAt + 1, world.time + wait)
            world.order += 1
            world.queue.insert(
                .persisted(node: index, life: life, batch, ticket),
                for: World.Queued(at: persistsDueAt, order: world.order))
        case .send(let message, let peers): world.send(message, from: self, to: peers)
        case .buildPayload(let request):
            let exclude = Set(request.exclude)
            let entries = pool.map(\.entry).filter {
                !exclude.contains(Block.entryHash($0, hashing: MixHashing())) && !done.contains($0)
            }
            input(.payload(request.ticket, entries: Array(entries.prefix(50))))
        case .tipChanged(let hashes):
            inFlight = Set(hashes)
            showPool()
        case .finalised(let block):
            toExecute.append(block)
            executeNext()
        case .certified(let certificate): world.check.certified(certificate, self)
        case .serveBlocks(let request, let peer):
            if let answer = BlockAnswer.answer(
                to: request, executedHeight: UInt64(chain.count), store: self, hashing: MixHashing())
            {
                world.send(.blocks(answer), from: self, to: [peer])
            }
        case .misbehaved: world.misbehaviours += 1
        case .alarm(let alert):
            alerts.append(alert)
            world.check.alarm(alert, self)
        case .statusChanged(let status): statuses.append(status)
        }
    }

    func store(_ batch: StoreBatch) {
        for operation in batch.operations {
            switch operation {
            case .put(let family, let key, let value):
                rows[Row(family: family.rawValue, key: key)] = value
            case .delete(let family, let key):
                rows[Row(family: family.rawValue, key: key)] = nil
            case .deleteRange(let family, let from, let to):
                let doomed = rows.keys.filter {
                    $0.family == family.rawValue && !$0.key.lexicographicallyPrecedes(from)
                        && $0.key.lexicographicallyPrecedes(to)
                }
                for row in doomed { rows[row] = nil }
            }
        }
    }

    // MARK: ledger

    func executeNext() {
        guard !isExecuting, let next = toExecute.first else { return }
        isExecuting = true
        toExecute.removeFirst()
        world.schedule(
            .executed(node: index, life: life, next),
            in: Int64.random(in: 0...world.options.executeMax, using: &world.rng))
    }

    func execute(_ final: Replica.FinalBlock) {
        isExecuting = false
        let parent = chain.last ?? base()
        let header = final.block.header
        world.check.executing(final, after: parent, self)
        let digest = MixHashing().digest(parent.state.stateDigest.bytes + final.hash.bytes)
        var beacons = parent.beacons
        beacons[Int(header.seat)] = beacons[Int(header.seat)].advanced(
            to: world.seatList.turn(of: header.view), reveal: header.beaconReveal)
        chain.append(
            Replica.Executed(
                state: StateTuple(
                    epoch: 0, height: header.height, blockHash: final.hash, stateDigest: digest,
                    eventRoot: .zero, nextSeatsHash: .zero), view: header.view,
                timestamp: header.timestamp,
                ledgerMillis: parent.ledgerMillis + min(header.timestamp - parent.timestamp, 2_000),
                beacons: beacons, blocksDue: 0, isTimerArmed: armedTimer))
        blocks.append(final)
        for entry in final.block.entries { done.insert(entry) }
        pool.removeAll { done.contains($0.entry) }
        input(.executed(chain[chain.count - 1]))
        showPool()
        executeNext()
    }

    // MARK: pool

    func poolAdd(_ entry: [UInt8]) {
        guard !done.contains(entry), !pool.contains(where: { $0.entry == entry }) else { return }
        pool.append((entry, now, world.time))
        // A seat, or the entry peer, shows it to the seats.
        for other in world.nodes where other.seat != nil && other.peer != peer {
            sendEntry(entry, to: other.index)
        }
        world.schedule(.forward(node: index), in: 2_000)
        showPool()
    }

    func sendEntry(_ entry: [UInt8], to other: Int) {
        guard world.reaches(index, other),
            Int.random(in: 0..<1_000, using: &world.rng) >= world.lossPerMille
        else { return }
        world.schedule(
            .entry(to: other, entry),
            in: Int64.random(in: world.options.delayMin...world.options.delayMax, using: &world.rng))
    }

    /// Entries that wait for long go to all seats again.
    func forward() {
        if pool.isEmpty { return }
        for i in pool.indices where world.time - pool[i].forwardedAt >= 2_000_000_000 {
            pool[i].forwardedAt = world.time
            for other in world.nodes where other.seat != nil && other.peer != peer {
                sendEntry(pool[i].entry, to: other.index)
            }
        }
        world.schedule(.forward(node: index), in: 2_000)
    }

    func showPool() {
        guard replica != nil else { return }
        let waiting = pool.filter {
            !inFlight.contains(Block.entryHash($0.entry, hashing: MixHashing()))
        }
        let demand = waiting.first.map {
            Replica.PoolDemand(
                entryCount: waiting.count, bytes: waiting.reduce(0) { $0 + $1.entry.count },
                oldest: $0.at)
        }
        if (demand ?? .none) == shown { return }
        shown = demand ?? .none
        input(.demand(shown))
    }
}

extension WorldNode: BlockStoreReading {
    func block(at height: UInt64) -> Block? {
        height >= 1 && height <= UInt64(blocks.count) ? blocks[Int(height) - 1].block : nil
    }
    func finalizeCertificate(at height: UInt64) -> Certificate? {
        height >= 1 && height <= UInt64(blocks.count)
            ? blocks[Int(height) - 1].finalizeCertificate : nil
    }
    func stateCertificate(at height: UInt64) -> StateCertificate? {
        guard let value = rows[Row(family: "proofs", key: JournalKey.height(height))] else {
            return height >= 1 && height <= UInt64(blocks.count)
                ? blocks[Int(height) - 1].stateCertificate : nil
        }
        return try? StateCertificate(decoding: value)
    }
}
