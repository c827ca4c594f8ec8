import Basis
import Consensus
import Credits
import Foundation
import Loop
import NodeCore
import Records
import Sodium
import Storage
import Trust
import Wire

/// Seats in one process, each with its own RocksDB, passing encoded messages to one another on one thread.
///
/// Clients sign before the clock starts: their work is not the seats'. Everything else that a seat does to certify a
/// transfer is in the measurement but the sealing of links, which costs about 1 ns a byte.
final class TransferBench {
    struct Seat {
        var log: LogNode
        let store: Store
        let peer: PeerID
    }

    enum Event {
        case deliver(number: UInt16, body: [UInt8], from: PeerID, to: Int)
        case persisted(UInt64, Int)
    }

    var seats: [Seat] = []
    var queue: [Event] = []
    var head = 0
    let arrived = Locked<[Event]>([])
    let wake = DispatchSemaphore(value: 0)
    var submits: [[UInt8]] = []
    let payees: Int
    var certified = 0
    var certifiedHeight: UInt64 = 0
    var pending: [UInt64: Int] = [:]
    var blocks = 0
    let total: Int

    init(path: String, seats count: Int, accounts: Int, perAccount: Int, payees: Int) throws {
        self.payees = payees
        total = accounts * perAccount
        let keys = (0..<count).map { _ in SecretKey.random() }.sorted { $0.publicKey < $1.publicKey }
        let clients = (0..<accounts).map { _ in SecretKey.random() }
        let voters = (0..<count).map { _ in SecretKey.random() }
        let hashing = SodiumHashing()
        let beacons = (0..<count).map { _ in
            BeaconSecret(first: Digest(randomSeed()), root: Digest(randomSeed()), length: 65_536)
        }
        let wall = TransferBench.wall()
        var genesis = Genesis(
            name: "bench", createdAt: wall - 1_000,
            seats: (0..<count).map {
                SeatInit(
                    account: keys[$0].publicKey, votingKey: voters[$0].publicKey,
                    beaconEnd: beacons[$0].chain(0, hashing: hashing).end,
                    beaconLength: 65_536)
            }, inviteKey: SecretKey.random().publicKey,
            allocations: clients.map { .init(account: $0.publicKey, amount: .credits(1_000_000)) })
        genesis.treasury = .zero
        genesis.welcome = .zero
        let network = genesis.networkID(hashing: hashing)
        for i in 0..<count {
            let store = try Store(path: "\(path)/seat-\(i)")
            let first = LogNode.firstWrites(image: LogImage(), genesis: genesis, hashing: hashing)
            try store.writeAndWait(first)
            var image = LogImage()
            for family in LogImage.families + [.meta] {
                for row in try store.scan(family) { try image.add(family, key: row.key, value: row.value) }
            }
            let log = try LogNode(
                identity: .init(
                    genesis: genesis, signer: keys[i], voting: voters[i], beacon: beacons[i]),
                image: image, tip: nil, limits: .production, hashing: hashing, verifying: SodiumVerifier(),
                generator: SeededGenerator(seed: UInt64(i)), now: TransferBench.now())
            seats.append(Seat(log: log, store: store, peer: hashing.peerID(of: keys[i].publicKey)))
        }
        sign(clients, network, perAccount, wall)
    }

    func sign(_ clients: [SecretKey], _ network: NetworkID, _ perAccount: Int, _ wall: UInt64) {
        var batch: [[UInt8]] = []
        let others = clients.map(\.publicKey).sorted()
        for nonce in 0..<perAccount {
            for client in clients {
                let to = others.filter { $0 != client.publicKey }.prefix(payees)
                let entry = Entry(
                    envelope: .owner(.wallet, nonce: UInt64(nonce), validUntil: wall + 3_600_000),
                    body: .transfer(
                        payees: to.map { .init(account: $0, amount: CreditAmount(micro: 1)) }, memo: []),
                    network: network, signer: client)
                batch.append(entry.encoded)
                if batch.count == Submit.entriesMax {
                    submits.append(LogMessage.submit(Submit(entries: batch, hops: 0)).body)
                    batch = []
                }
            }
        }
        if !batch.isEmpty { submits.append(LogMessage.submit(Submit(entries: batch, hops: 0)).body) }
    }

    static func wall() -> UInt64 { UInt64(Date().timeIntervalSince1970 * 1_000) }
    static func now() -> Basis.Instant { Instant(nanoseconds: Int64(wallSeconds() * 1e9)) }

    func run() throws -> Line {
        for i in seats.indices { give(.start, to: i) }
        for i in seats.indices {
            for j in seats.indices where j != i { give(.linkUp(seats[j].peer), to: i) }
        }
        let client = PeerID(repeating: 0x77)
        let begun = wallSeconds()
        let cpu = processSeconds()
        var next = 0
        while certified < total {
            // A client keeps the pools fed, without filling them.
            while next < submits.count, seats[0].log.pool.count < 8_000 {
                for seat in [next % seats.count, (next + 1) % seats.count] {
                    queue.append(.deliver(number: 0x030c, body: submits[next], from: client, to: seat))
                }
                next += 1
                drain()
            }
            drain()
            fire()
            if wallSeconds() - begun > 120 { break }
        }
        let seconds = wallSeconds() - begun
        let used = processSeconds() - cpu
        for seat in seats { seat.store.close() }
        let perCore = Double(certified * payees) / (used / Double(seats.count))
        return Line("transfers").with("seats", seats.count).with("payees", payees).with("entries", certified)
            .with("transfers", certified * payees).with("seconds", seconds)
            .with("transfersPerSecond", Double(certified * payees) / seconds).with("cpuSeconds", used)
            .with("transfersPerSecondPerCore", perCore).with("blocks", blocks)
            .with("goalPerCore", payees == 1 ? 10_000 : 25_000)
    }

    func drain() {
        while true {
            queue += arrived.withLock { events in
                defer { events = [] }
                return events
            }
            if head == queue.count {
                queue.removeAll(keepingCapacity: true)
                head = 0
                return
            }
            let event = queue[head]
            head += 1
            switch event {
            case .deliver(let number, let body, let from, let to):
                give(.received(number: number, body: body, from: from), to: to)
            case .persisted(let ticket, let seat): give(.persisted(ticket), to: seat)
            }
        }
    }

    /// Rings the seats whose deadline passed; waits a little if nothing is due.
    func fire() {
        let now = TransferBench.now()
        var isIdle = true
        for i in seats.indices {
            if let due = seats[i].log.nextDeadline, due <= now {
                give(.timeout, to: i)
                isIdle = false
            }
        }
        if isIdle { _ = wake.wait(timeout: .now() + .milliseconds(1)) }
    }

    func give(_ input: LogNode.Input, to i: Int) {
        let effects = seats[i].log.handle(input, now: TransferBench.now(), wall: TransferBench.wall())
        for effect in effects {
            switch effect {
            case .persist(let batch, let ticket):
                seats[i].store.write(batch) { [arrived, wake] _ in
                    arrived.withLock { $0.append(.persisted(ticket, i)) }
                    wake.signal()
                }
            case .send(let message, let peers):
                let body = message.body
                for peer in peers {
                    guard let to = seats.firstIndex(where: { $0.peer == peer }) else { continue }
                    queue.append(.deliver(number: message.number, body: body, from: seats[i].peer, to: to))
                }
            case .executed(let block):
                if i == 0 {
                    pending[block.execution.height] = block.execution.outcomes.filter { $0.code == .applied }.count
                    blocks += 1
                }
            case .certified(let certificate):
                if i == 0 { count(upTo: certificate.state.height) }
            default: break
            }
        }
    }

    func count(upTo height: UInt64) {
        while certifiedHeight < height {
            certifiedHeight += 1
            certified += pending.removeValue(forKey: certifiedHeight) ?? 0
        }
    }
}
