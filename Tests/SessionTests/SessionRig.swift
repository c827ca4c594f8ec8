import Basis
import Records
import Session
import TestKit
import Trust

/// Several tables in one process, joined by a network with delay, loss, reordering and duplicates from a seed.
final class SessionRig {
    typealias Table = SessionTable<MixSessionCrypto>

    struct Weather {
        /// Of 1,000 datagrams.
        var lossPerMille = 0
        var duplicatesPerMille = 0
        var delayMilliseconds: ClosedRange<Int64> = 5...5
        /// Of a stream; nil = at once.
        var streamBytesPerMillisecond: Int?
    }

    enum Event {
        case datagram([UInt8], from: SocketAddress)
        case input(SessionInput)
        case writable(ConnectionID)
    }

    struct Node {
        var table: Table
        var address: SocketAddress
        var log: [SessionEffect] = []
        /// The far end of each connection.
        var ends: [ConnectionID: (node: Int, id: ConnectionID)] = [:]
        var queued: [ConnectionID: Int] = [:]
        /// When the pipe of each connection is free again.
        var freeAt: [ConnectionID: Instant] = [:]
    }

    struct Key: Comparable {
        var at: Instant
        var order: Int
        static func < (a: Key, b: Key) -> Bool { a.at != b.at ? a.at < b.at : a.order < b.order }
    }

    static let network = NetworkID(repeating: 0x5a)

    var nodes: [Node] = []
    var now = Instant(nanoseconds: 1_000_000_000)
    var weather = Weather()
    var rng: SeededGenerator
    var queue = SortedMap<Key, (Int, Event)>()
    var order = 0
    var nextConnection: UInt64 = 1
    var consumesAtOnce = true
    /// Sees each datagram before the network does; nil drops it.
    var tap: ((_ from: Int, _ bytes: [UInt8]) -> [UInt8]?)?
    var transmitted = 0
    /// Told of each effect after it was carried out, as an upper layer is.
    var whenCarried: ((_ node: Int, SessionEffect) -> Void)?

    init(seed: UInt64 = 1) { rng = SeededGenerator(seed: seed) }

    @discardableResult
    func add(
        network: NetworkID? = SessionRig.network, limits: SessionLimits = SessionLimits(),
        bootNonce: UInt64? = nil, address: SocketAddress? = nil, forges: Bool = false
    ) -> Int {
        let i = nodes.count
        let place = address ?? SocketAddress(v4: 0x0a00_0001 + UInt32(i), port: 7_717)
        nodes.append(
            Node(
                table: SessionRig.table(
                    seed: UInt64(i) + 1, network: network, limits: limits,
                    bootNonce: bootNonce ?? UInt64(i) + 100, now: now, forges: forges),
                address: place))
        let record = UnsignedRecord(
            networkTag: NetworkTag(SessionRig.network), key: crypto(i).publicKey, sequence: 5,
            reach: .open, endpoints: [Endpoint(place)]
        ).signed(by: crypto(i).key, network: SessionRig.network)
        give(i, .ownRecord(record))
        return i
    }

    static func table(
        seed: UInt64, network: NetworkID?, limits: SessionLimits, bootNonce: UInt64, now: Instant,
        forges: Bool = false
    ) -> Table {
        var crypto = MixSessionCrypto(seed: seed)
        crypto.forges = forges
        return Table(
            crypto: crypto, network: network, bootNonce: bootNonce, limits: limits,
            generator: SeededGenerator(seed: seed), unixMilliseconds: 1_700_000_000_000, now: now)
    }

    /// Replaces a node by a fresh process at the same address.
    func restart(_ i: Int, bootNonce: UInt64) {
        for (id, end) in nodes[i].ends.sorted(by: { $0.key < $1.key }) {
            push(end.node, .input(.ended(end.id)), after: .milliseconds(1))
            nodes[end.node].ends[end.id] = nil
            _ = id
        }
        nodes[i].ends = [:]
        nodes[i].table = SessionRig.table(
            seed: UInt64(i) + 1, network: SessionRig.network, limits: SessionLimits(), bootNonce: bootNonce,
            now: now)
        give(i, .clock(unixMilliseconds: 1_700_000_000_000))
    }

    func crypto(_ i: Int) -> MixSessionCrypto { MixSessionCrypto(seed: UInt64(i) + 1) }
    func id(_ i: Int) -> PeerID { crypto(i).peerID(of: crypto(i).publicKey) }

    func push(_ node: Int, _ event: Event, after delay: Interval) {
        order += 1
        queue.insert((node, event), for: Key(at: now + delay, order: order))
    }

    func dial(_ i: Int, _ j: Int, _ path: Path = .datagram, ticket: UInt64, expecting: PeerID? = nil) {
        give(
            i,
            .dial(
                Ticket(ticket), to: nodes[j].address, path: path, expecting: expecting,
                network: nil))
    }

    /// Gives an input and carries out what it causes.
    func give(_ i: Int, _ input: SessionInput) {
        let effects = nodes[i].table.handle(input, now: now)
        for effect in effects {
            carry(effect, i)
            whenCarried?(i, effect)
        }
    }

    /// Runs until nothing is due before `end`, then stands at `end`.
    func run(for interval: Interval) {
        let end = now + interval
        while true {
            let timers = nodes.indices.compactMap { i in nodes[i].table.nextDeadline.map { ($0, i) } }
            let timer = timers.min { $0 < $1 }
            let event = queue.first
            let at = min(timer?.0 ?? .distantFuture, event?.key.at ?? .distantFuture)
            if at > end { break }
            now = max(now, at)
            if let event, event.key.at == at {
                queue.popFirst()
                deliver(event.value.1, to: event.value.0)
            } else if let timer {
                give(timer.1, .timeout)
            }
        }
        now = end
    }

    private func deliver(_ event: Event, to i: Int) {
        switch event {
        case .datagram(let bytes, let from): give(i, .datagram(bytes, from: from, on: LocalSocket(1)))
        case .input(let input): give(i, input)
        case .writable(let id): give(i, .writable(id, queuedBytes: nodes[i].queued[id] ?? 0))
        }
    }

    private func carry(_ effect: SessionEffect, _ i: Int) {
        nodes[i].log.append(effect)
        switch effect {
        case .needEntropy(let count):
            let seeds = (0..<count).map { _ in Bytes32(rng.bytes(32)) ?? .zero }
            push(i, .input(.entropy(seeds)), after: .zero)
            if now.nanoseconds == 1_000_000_000 { give(i, .entropy(seeds)) }
        case .transmit(let bytes, let to, _): transmit(bytes, from: i, to: to)
        case .connect(let ticket, let to): connect(ticket, i, to)
        case .writeBytes(let id, let bytes): write(bytes, i, id)
        case .closeConnection(let id):
            if let end = nodes[i].ends.removeValue(forKey: id) {
                nodes[end.node].ends[end.id] = nil
                let free = max(nodes[i].freeAt[id] ?? now, now) - now
                let delay = Interval.milliseconds(weather.delayMilliseconds.upperBound)
                push(end.node, .input(.ended(end.id)), after: free + delay)
            }
        case .streamBytes(let id, let flow, let bytes, _):
            if consumesAtOnce { give(i, .consumed(id, flow, bytes: bytes.count)) }
        default: break
        }
    }

    private func transmit(_ bytes: [UInt8], from i: Int, to: SocketAddress) {
        transmitted += 1
        guard let bytes = tap.map({ $0(i, bytes) }) ?? bytes else { return }
        guard let j = nodes.firstIndex(where: { $0.address == to }) else { return }
        if Int.random(in: 0..<1_000, using: &rng) < weather.lossPerMille { return }
        let copies = Int.random(in: 0..<1_000, using: &rng) < weather.duplicatesPerMille ? 2 : 1
        for _ in 0..<copies {
            let delay = Int64.random(in: weather.delayMilliseconds, using: &rng)
            push(j, .datagram(bytes, from: nodes[i].address), after: .milliseconds(delay))
        }
    }

    private func connect(_ ticket: Ticket, _ i: Int, _ to: SocketAddress) {
        let delay = Interval.milliseconds(weather.delayMilliseconds.upperBound)
        guard let j = nodes.firstIndex(where: { $0.address == to }) else {
            return push(i, .input(.connectFailed(ticket, .connectionRefused)), after: delay)
        }
        let near = ConnectionID(nextConnection)
        let far = ConnectionID(nextConnection + 1)
        nextConnection += 2
        nodes[i].ends[near] = (j, far)
        nodes[j].ends[far] = (i, near)
        push(j, .input(.accepted(far, from: nodes[i].address.with(port: 50_000))), after: delay)
        push(i, .input(.connected(ticket, near, to: to)), after: delay + delay)
    }

    private func write(_ bytes: [UInt8], _ i: Int, _ id: ConnectionID) {
        guard let end = nodes[i].ends[id] else { return }
        let start = max(nodes[i].freeAt[id] ?? now, now)
        let free = start
            + (weather.streamBytesPerMillisecond.map { .milliseconds(Int64(bytes.count / $0 + 1)) } ?? .zero)
        nodes[i].freeAt[id] = free
        nodes[i].queued[id, default: 0] = 0
        let delay = Interval.milliseconds(weather.delayMilliseconds.upperBound)
        // Bytes arrive in order, cut at random places.
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Int.random(in: 1...max(1, min(rest.count, 20_000)), using: &rng)
            push(end.node, .input(.bytes(end.id, Array(rest.prefix(count)))), after: free + delay - now)
            rest = rest.dropFirst(count)
        }
        push(i, .writable(id), after: free - now)
    }

    // MARK: reading logs

    func ups(_ i: Int, _ path: Path) -> [(PeerID, SessionFacts)] {
        nodes[i].log.compactMap {
            if case .sessionUp(let peer, let facts) = $0, facts.path == path { return (peer, facts) }
            return nil
        }
    }

    func downs(_ i: Int) -> [(Path, CloseReason)] {
        nodes[i].log.compactMap {
            if case .sessionDown(_, let path, let reason) = $0 { return (path, reason) }
            return nil
        }
    }

    func failures(_ i: Int) -> [DialFailure] {
        nodes[i].log.compactMap {
            if case .dialFailed(_, let failure) = $0 { return failure }
            return nil
        }
    }

    /// Messages of all compounds delivered.
    func delivered(_ i: Int, via path: Path? = nil) -> [PeerMessage] {
        nodes[i].log.flatMap { effect -> [PeerMessage] in
            guard case .deliver(let bytes, _, let via) = effect, path == nil || path == via,
                let compound = try? Compound(decoding: bytes)
            else { return [] }
            return compound.messages
        }
    }

    func lanes(_ i: Int) -> [LaneMessage] {
        nodes[i].log.compactMap {
            if case .deliverLane(let message, _) = $0 { return message }
            return nil
        }
    }

    func clearLogs() { for i in nodes.indices { nodes[i].log = [] } }
}
