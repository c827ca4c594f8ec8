import Basis
import Records
import TestKit
import Trust
import Wire

@testable import Gossip

/// A seeded network of `Membership` cores in one process: sessions, names, disk and signatures are faked, the cores are
/// the real ones. Equal seeds give equal runs.
final class FakeNetwork {
    struct Way: Hashable {
        var datagram = false
        var main = false
    }

    /// One process: its core, its disk, its sessions.
    final class Node {
        var core: Membership
        let signer: MixSigner
        var address: SocketAddress
        var network: NetworkID?
        var bootNonce: UInt64
        var isRunning = true
        /// Nothing is delivered before.
        var pausedUntil = Instant.zero
        /// Milliseconds by which its wall clock is wrong.
        var clockError: Int64 = 0
        var disk: [[UInt8]: [UInt8]] = [:]
        /// What `persist` took, newest last: sequences that are durable.
        var durableSequence: UInt64 = 0
        var record: PeerRecord?
        var sessions = SortedMap<PeerID, Way>()
        var events: [(at: Instant, event: MembershipEvent)] = []
        var timerAt: Instant?
        var sent = 0
        var sentBytes = 0
        /// The network that this node made.
        var founded: NetworkID?
        /// Answers to `find` and `document`.
        var others: [Membership.Effect] = []

        init(
            core: Membership, signer: MixSigner, address: SocketAddress, network: NetworkID?,
            bootNonce: UInt64, clockError: Int64
        ) {
            self.core = core
            self.signer = signer
            self.address = address
            self.network = network
            self.bootNonce = bootNonce
            self.clockError = clockError
        }
    }

    enum Event {
        case timer(Int)
        case input(Int, boot: UInt64, Membership.Input)
        case arrive(Int, boot: UInt64, from: PeerID, Path, PeerMessage)
        case dial(Int, boot: UInt64, Ticket, SocketAddress, Path, PeerID?, NetworkID?)
    }

    struct Key: Comparable {
        let at: Instant
        let number: UInt64
        static func < (a: Key, b: Key) -> Bool {
            a.at != b.at ? a.at < b.at : a.number < b.number
        }
    }

    static let unixStart: UInt64 = 1_790_000_000_000
    var rng: SeededGenerator
    var now = Instant(nanoseconds: 1_000_000_000)
    var nodes: [Node] = []
    var byID: [PeerID: Int] = [:]
    var queue = SortedMap<Key, Event>()
    var lastNumber: UInt64 = 0
    var limits: GossipLimits
    /// Loss of datagrams in percent.
    var lossPercent = 0
    /// Whether datagrams (not streams) from one node to another are lost, beyond the loss.
    var isCut: (Int, Int) -> Bool = { _, _ in false }
    /// Whether streams break too where `isCut`.
    var cutsStreams = true
    var names: [String: [SocketAddress]] = [:]
    var documents: [Digest: [UInt8]] = [:]
    var diskDelay = Interval.milliseconds(2)
    let hashing = MixHashing()
    let network = NetworkID(repeating: 7)

    init(seed: UInt64, limits: GossipLimits = .production) {
        rng = SeededGenerator(seed: seed)
        self.limits = limits
    }

    // MARK: setting up

    func address(_ i: Int) -> SocketAddress {
        // 10.0.x.y: site scope, as in one data centre or home.
        SocketAddress(v4: 0x0a00_0000 + UInt32(i) + 1, port: 7717)
    }

    /// Adds a node and starts it. `restored` tells what it knows.
    @discardableResult
    func add(
        seeds: [Seed] = [], restored: RestoredMembership? = nil, clockError: Int64 = 0,
        key: UInt64? = nil, interfaces: [SocketAddress]? = nil
    ) -> Int {
        let i = nodes.count
        let signer = MixSigner(seed: key ?? UInt64(i) + 1)
        let core = Membership(
            key: signer.publicKey, hashing: hashing, limits: limits, generator: rng.fork(), now: now)
        nodes.append(
            Node(
                core: core, signer: signer, address: address(i), network: restored?.network,
                bootNonce: rng.next(), clockError: clockError))
        byID[core.id] = i
        names["node\(i)"] = [address(i)]
        boot(i, restored ?? RestoredMembership(hasGenesis: true), interfaces: interfaces)
        if !seeds.isEmpty { input(i, .join(JoinTarget(seeds: seeds))) }
        return i
    }

    /// The first node of a network, which made the genesis.
    func addFounder(network: NetworkID? = nil) -> Int {
        let i = add(
            restored: RestoredMembership(
                network: network ?? self.network, hasGenesis: true, ownsGenesis: true))
        nodes[i].founded = network ?? self.network
        return i
    }

    func boot(_ i: Int, _ restored: RestoredMembership, interfaces: [SocketAddress]? = nil) {
        input(i, .started(restored))
        input(i, .clock(unixMilliseconds: unix(i)))
        input(i, .interfaces(interfaces ?? [nodes[i].address]))
    }

    func unix(_ i: Int) -> UInt64 {
        let raw = Self.unixStart + UInt64(now.nanoseconds / 1_000_000)
        return UInt64(Int64(raw) + nodes[i].clockError)
    }

    func id(_ i: Int) -> PeerID { nodes[i].core.id }

    /// The process ends without a word. With `quietly`, streams do not even break: the machine is gone.
    func kill(_ i: Int, quietly: Bool) {
        nodes[i].isRunning = false
        let gone = id(i)
        for (peer, way) in nodes[i].sessions {
            guard let j = byID[peer], way.main, !quietly, nodes[j].isRunning else { continue }
            closePath(j, gone, .main, .silent, at: now + delay())
        }
        nodes[i].sessions = SortedMap()
    }

    /// Starts the process again from its disk, with a new boot nonce.
    func restart(_ i: Int, keepsDisk: Bool = true) {
        nodes[i].isRunning = true
        nodes[i].bootNonce = rng.next()
        nodes[i].record = nil
        nodes[i].timerAt = nil
        nodes[i].sessions = SortedMap()
        if !keepsDisk { nodes[i].disk = [:] }
        nodes[i].core = Membership(
            key: nodes[i].signer.publicKey, hashing: hashing, limits: limits, generator: rng.fork(),
            now: now)
        let founded = nodes[i].founded
        let rows = nodes[i].disk.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        var restored = RestoredMembership(book: rows.map { ($0.key, $0.value) })
        restored.hasGenesis = true
        // Who made the network has its genesis in a file of its own.
        restored.network = founded ?? restored.network
        restored.ownsGenesis = founded != nil
        nodes[i].network = restored.network
        boot(i, restored)
    }

    // MARK: running

    func schedule(_ at: Instant, _ event: Event) {
        lastNumber += 1
        queue.insert(event, for: Key(at: max(at, now), number: lastNumber))
    }

    func delay() -> Interval { .microseconds(Int64.random(in: 20_000...140_000, using: &rng)) }

    func input(_ i: Int, _ input: Membership.Input) {
        guard nodes[i].isRunning else { return }
        let effects = nodes[i].core.handle(input, now: now)
        for effect in effects { perform(effect, of: i) }
        guard let next = nodes[i].core.nextDeadline else { return }
        if nodes[i].timerAt.map({ next < $0 }) ?? true {
            nodes[i].timerAt = next
            schedule(next, .timer(i))
        }
    }

    /// Runs for `span`, or until `condition` holds, which is looked at every 100 ms; true if it did.
    @discardableResult
    func run(_ span: Interval, until condition: (() -> Bool)? = nil) -> Bool {
        let end = now + span
        var nextLook = now
        while let first = queue.first, first.key.at <= end {
            queue.popFirst()
            now = max(now, first.key.at)
            handle(first.value)
            if let condition, now >= nextLook {
                nextLook = now + .milliseconds(100)
                if condition() { return true }
            }
        }
        now = end
        return condition?() ?? true
    }

    func handle(_ event: Event) {
        switch event {
        case .timer(let i):
            guard nodes[i].isRunning else { return }
            if nodes[i].pausedUntil > now {
                schedule(nodes[i].pausedUntil, event)
                return
            }
            nodes[i].timerAt = nil
            input(i, .timeout)
        case .input(let i, let boot, let past):
            guard nodes[i].bootNonce == boot else { return }
            if nodes[i].pausedUntil > now {
                schedule(nodes[i].pausedUntil, event)
                return
            }
            input(i, past)
        case .arrive(let i, let boot, let sender, let path, let message):
            arrive(i, boot, sender, path, message, event)
        case .dial(let i, let boot, let ticket, let to, let path, let expected, let network):
            guard nodes[i].bootNonce == boot, nodes[i].isRunning else { return }
            finishDial(i, ticket, to, path, expected, network)
        }
    }

    func arrive(
        _ i: Int, _ boot: UInt64, _ sender: PeerID, _ path: Path, _ message: PeerMessage, _ event: Event
    ) {
        guard nodes[i].isRunning else { return }
        if nodes[i].pausedUntil > now {
            schedule(nodes[i].pausedUntil, event)
            return
        }
        let way = nodes[i].sessions[sender]
        guard nodes[i].bootNonce == boot, path == .main ? way?.main ?? false : way?.datagram ?? false,
            let index = nodes[i].core.index(of: sender)
        else {
            // The session is not known here (any more): the sender is told, as `Unknown` does.
            if let j = byID[sender], path == .datagram, let back = nodes[j].core.index(of: id(i)) {
                schedule(now + delay(), .input(j, boot: nodes[j].bootNonce, .unknownSession(back)))
            }
            return
        }
        input(i, .received(Verified(checked: message), from: index, via: path))
    }

    // MARK: effects

    func perform(_ effect: Membership.Effect, of i: Int) {
        func answer(_ after: Interval, _ input: Membership.Input) {
            schedule(now + after, .input(i, boot: nodes[i].bootNonce, input))
        }
        switch effect {
        case .event(let event): nodes[i].events.append((now, event))
        case .signRecord(let record, let ticket):
            let network = NetworkTag(self.network) == record.networkTag ? self.network : nodes[i].network
            let signed = record.signed(by: nodes[i].signer, network: network ?? self.network)
            answer(.zero, .recordSigned(signed, ticket))
        case .persist(let batch, let ticket):
            var store = StoreBatch(isSynced: false)
            batch.store(into: &store)
            for operation in store.operations {
                switch operation {
                case .put(_, let key, let value): nodes[i].disk[key] = value
                case .delete(_, let key): nodes[i].disk[key] = nil
                case .deleteRange: break
                }
            }
            if let sequence = batch.ownSequence { nodes[i].durableSequence = sequence }
            answer(diskDelay, .persisted(ticket))
        case .verifyRecords(let candidates, let ticket):
            var valid: [Verified<PeerRecord>] = []
            var rejected: [UInt8] = []
            for (position, candidate) in candidates.enumerated() {
                let network = nodes[i].network ?? self.network
                if candidate.record.isAuthentic(network: network, by: MixVerifier()) {
                    valid.append(Verified(checked: candidate.record))
                } else {
                    rejected.append(UInt8(position))
                }
            }
            answer(.zero, .recordsVerified(valid, rejected: rejected, ticket))
        case .resolve(let name, let ticket): answer(.milliseconds(5), .resolved(ticket, names[name] ?? []))
        case .adoptNetwork(let network): nodes[i].network = network
        case .ownRecord(let record):
            invariant(nodes[i].durableSequence >= record.sequence, "record told before it was durable")
            nodes[i].record = record
        case .dial(let ticket, let to, let path, let expected, let network):
            let event = Event.dial(i, boot: nodes[i].bootNonce, ticket, to, path, expected, network)
            schedule(now + delay() + delay() + delay(), event)
        case .cancelDial: break
        case .hangUp(let peer, let reason): hangUp(i, peer, reason)
        case .keep, .release: break
        case .send(let peer, let messages, let choice): send(i, peer, messages, choice)
        case .streamPing(let peer, let probe): streamPing(i, peer, probe)
        case .fetchDocument(let peer, let digest, _, let ticket):
            answer(.milliseconds(300), .documentFetched(peer, digest, documents[digest], ticket))
        case .found, .documentReady: nodes[i].others.append(effect)
        }
    }

    func streamPing(_ i: Int, _ peer: PeerIndex, _ probe: UInt32) {
        guard let other = nodes[i].core.directory.id(of: peer), let j = byID[other],
            nodes[i].sessions[other]?.main ?? false, nodes[j].isRunning, !(isCut(i, j) && cutsStreams)
        else { return }
        let ready = max(now + delay(), nodes[j].pausedUntil)
        schedule(ready + delay(), .input(i, boot: nodes[i].bootNonce, .streamPong(peer, probe: probe)))
    }

    func send(_ i: Int, _ peer: PeerIndex, _ messages: [PeerMessage], _ choice: PathChoice) {
        guard let other = nodes[i].core.directory.id(of: peer), let j = byID[other] else { return }
        let way = nodes[i].sessions[other] ?? Way()
        let path: Path? =
            switch choice {
            case .datagram: way.datagram ? .datagram : nil
            case .main: way.main ? .main : nil
            case .best: way.datagram ? .datagram : way.main ? .main : nil
            }
        guard let path else {
            schedule(now, .input(i, boot: nodes[i].bootNonce, .sendFailed(peer, .datagram, .noPath)))
            return
        }
        for message in messages {
            let bytes = Compound([message]).encoded
            guard let decoded = try? Compound(decoding: bytes), decoded.messages == [message] else {
                invariant(false, "a message that no decoder accepts: \(message)")
                return
            }
            nodes[i].sent += 1
            // As if each message were a datagram of its own: 28 of IP and UDP, 33 of the packet.
            nodes[i].sentBytes += bytes.count + 61
            if path == .datagram {
                if Int.random(in: 0..<100, using: &rng) < lossPercent || isCut(i, j) { continue }
            } else if isCut(i, j) && cutsStreams {
                continue
            }
            schedule(now + delay(), .arrive(j, boot: nodes[j].bootNonce, from: id(i), path, message))
        }
    }

    func hangUp(_ i: Int, _ peer: PeerIndex, _ reason: CloseReason) {
        guard let other = nodes[i].core.directory.id(of: peer), let way = nodes[i].sessions.remove(other)
        else { return }
        for (path, isOpen) in [(Path.datagram, way.datagram), (.main, way.main)] where isOpen {
            schedule(now, .input(i, boot: nodes[i].bootNonce, .sessionDown(peer, path, reason)))
        }
        guard let j = byID[other], nodes[j].isRunning, !isCut(i, j) else { return }
        if way.main { closePath(j, id(i), .main, reason, at: now + delay()) }
        if way.datagram, Int.random(in: 0..<100, using: &rng) >= lossPercent {
            closePath(j, id(i), .datagram, reason, at: now + delay())
        }
    }

    /// One side learns that a path ended.
    func closePath(_ j: Int, _ other: PeerID, _ path: Path, _ reason: CloseReason, at: Instant) {
        guard nodes[j].isRunning, let index = nodes[j].core.index(of: other) else { return }
        let isOpen = nodes[j].sessions[other].map { path == .main ? $0.main : $0.datagram } ?? false
        guard isOpen else { return }
        nodes[j].sessions.update(other) {
            if path == .main { $0.main = false } else { $0.datagram = false }
        }
        schedule(at, .input(j, boot: nodes[j].bootNonce, .sessionDown(index, path, reason)))
    }

    /// The end of a dial: a session on both sides, or a failure.
    func finishDial(
        _ i: Int, _ ticket: Ticket, _ to: SocketAddress, _ path: Path, _ expected: PeerID?,
        _ network: NetworkID?
    ) {
        func fail(_ failure: DialFailure, after: Interval = .zero) {
            schedule(now + after, .input(i, boot: nodes[i].bootNonce, .dialFailed(ticket, failure)))
        }
        guard let j = nodes.lastIndex(where: { $0.address == to && $0.isRunning }), !isCut(i, j), !isCut(j, i)
        else {
            let isRefused = path == .main && nodes.contains { $0.address == to }
            fail(isRefused ? .connectionRefused : .timeout, after: isRefused ? .zero : .seconds(5))
            return
        }
        if j == i { return fail(.selfDial) }
        if let expected, expected != id(j) { return fail(.wrongPeer) }
        guard let theirs = nodes[j].network else { return fail(.timeout, after: .seconds(5)) }
        if let network, network != theirs { return fail(.wrongNetwork(theirs)) }
        guard let mine = nodes[i].core.index(of: id(j)), let other = nodes[j].core.index(of: id(i)) else {
            return fail(.tooManySessions)
        }
        open(i, id(j), path)
        open(j, id(i), path)
        up(i, mine, j, path, isOutbound: true, ticket, theirs)
        up(j, other, i, path, isOutbound: false, nil, theirs)
    }

    func open(_ i: Int, _ other: PeerID, _ path: Path) {
        var way = nodes[i].sessions[other] ?? Way()
        if path == .main { way.main = true } else { way.datagram = true }
        nodes[i].sessions.insert(way, for: other)
    }

    func up(
        _ i: Int, _ index: PeerIndex, _ j: Int, _ path: Path, isOutbound: Bool, _ ticket: Ticket?,
        _ network: NetworkID
    ) {
        let facts = SessionFacts(
            path: path, remote: nodes[j].address, isOutbound: isOutbound,
            key: nodes[j].signer.publicKey, record: nodes[j].record.map { Verified(checked: $0) },
            bootNonce: nodes[j].bootNonce, observed: nodes[i].address,
            clockDifferenceMilliseconds: nodes[j].clockError - nodes[i].clockError, version: 1,
            features: 0, hasRestarted: false, ticket: ticket, network: network)
        schedule(now, .input(i, boot: nodes[i].bootNonce, .sessionUp(index, facts)))
    }

    // MARK: looking

    func links(_ i: Int) -> [PeerID] {
        nodes[i].core.links.filter { $0.value.isUp }.map(\.value.id)
    }

    /// Peers of which this node holds a live record.
    func known(_ i: Int) -> Int { nodes[i].core.book.liveCount }

    func events(_ i: Int, _ isWanted: (MembershipEvent) -> Bool) -> [(at: Instant, event: MembershipEvent)] {
        nodes[i].events.filter { isWanted($0.event) }
    }

    /// Whether the running nodes form one component over links that both ends count.
    var isOneComponent: Bool {
        let running = nodes.indices.filter { nodes[$0].isRunning }
        guard let first = running.first else { return true }
        var seen: Set<Int> = [first]
        var stack = [first]
        while let i = stack.popLast() {
            for peer in links(i) {
                guard let j = byID[peer], nodes[j].isRunning, !seen.contains(j), links(j).contains(id(i)) else {
                    continue
                }
                seen.insert(j)
                stack.append(j)
            }
        }
        return seen.count == running.count
    }

    func isFullMesh(_ group: [Int]) -> Bool {
        group.allSatisfy { i in
            let mine = links(i)
            return group.allSatisfy { $0 == i || mine.contains(id($0)) }
        }
    }
}
