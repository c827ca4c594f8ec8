public import Basis
import Records
public import Trust
import Wire

/// Sessions with other peers: who is at the other end, and sealed ways to send to them.
///
/// **Problem.** Strangers' packets arrive on an open port. Before anything is believed, both ends prove their identity
/// keys; afterwards nobody between them may read, change, repeat or inject a byte, and a flood may not stop votes.
///
/// **Idea.** One handshake (`gossip.md` 4) for two carriers: datagrams for probes and small messages, one stream
/// connection per pair for everything larger, where classes of traffic share by strict and weighted order (5.3). The
/// table is a pure state machine: packets, bytes and times go in, effects come out; cryptography is a parameter.
///
/// **Not here.** Sockets and name look-up (Transport), what messages mean (Gossip and the upper layers), whom to dial
/// (Gossip). Stage 2, and so not here yet: bulk connections of their own, relayed paths, items.
public struct SessionTable<Crypto: SessionCrypto>: Sendable {
    public typealias Input = SessionInput
    public typealias Effect = SessionEffect

    let crypto: Crypto
    let limits: SessionLimits
    let ownID: PeerID
    let bootNonce: UInt64
    var rng: SeededGenerator
    var now: Instant
    /// Effects of the call at hand, in order.
    var effects: [SessionEffect] = []

    var network: NetworkID?
    var ownRecord: [UInt8] = []
    /// Last wall clock told, and when.
    var clock: (unixMilliseconds: UInt64, at: Instant)
    var seats: Set<PeerID> = []
    var barred: Set<PeerID> = []
    var refusesStrangers = false
    /// Seeds of ephemeral keys, each used once.
    var entropy: [Bytes32] = []
    var askedForEntropy = false

    var deadlines = DeadlineTable<TimerID>()
    var peers = SortedMap<PeerID, PeerState>()
    /// Dials by the index in their Hello.
    var dials: [UInt32: Initiation] = [:]
    var dialOfTicket = SortedMap<Ticket, UInt32>()
    /// By our index in Accept.
    var halfOpen: [UInt32: Acceptance<Crypto>] = [:]
    /// Finds the half-open entry of a repeated Hello.
    var halfOpenOfHello: [Digest: UInt32] = [:]
    var halfOpenPerGroup: [AddressGroup: Int] = [:]
    /// By our index, which we chose.
    var sessions = NumberTable<UInt32, Boxed<DatagramSession>>()
    var connections = NumberTable<ConnectionID, Boxed<Connection<Crypto>>>()
    /// Accepted connections by global IPv4 address or IPv6 /64.
    var connectionsPerHost: [SocketAddress: Int] = [:]
    var unfinishedStreams = 0
    /// Connections whose credit is held back or whose reading is paused, until buffers shrink.
    var heldBack: [ConnectionID] = []
    /// Connections with class 6 waiting for the bulk budget.
    var bulkWaiting: [ConnectionID] = []
    /// Bytes received on streams and lanes that no consumer has taken yet.
    var bufferedBytes = 0
    var bulkOut: ByteBudget
    var bulkIn: ByteBudget
    var bulkFloor: ByteBudget
    /// Connections with bytes of classes 0…2 waiting, and since when; ascending by id.
    var urgent = SortedMap<ConnectionID, Instant>()
    var proven = ProvenAddresses()
    var cookies = CookieSecrets()
    var budgets: AnswerBudgets

    /// Counts of what was dropped, for shells.
    public internal(set) var stats = SessionStats()

    /// - Parameters:
    ///   - crypto: the identity key and the algorithms.
    ///   - network: nil until first contact; see `.network`.
    ///   - bootNonce: random per process start.
    ///   - generator: seeded by the shell from real randomness; gives indices and spreads times, never keys.
    public init(
        crypto: Crypto, network: NetworkID?, bootNonce: UInt64, limits: SessionLimits = SessionLimits(),
        generator: SeededGenerator, unixMilliseconds: UInt64, now: Instant
    ) {
        limits.check()
        self.crypto = crypto
        self.network = network
        self.bootNonce = bootNonce
        self.limits = limits
        self.now = now
        rng = generator
        ownID = crypto.peerID(of: crypto.publicKey)
        clock = (unixMilliseconds, now)
        bulkOut = ByteBudget(perSecond: limits.bulkSendBytesPerSecond, now: now)
        bulkIn = ByteBudget(perSecond: limits.bulkReceiveBytesPerSecond, now: now)
        bulkFloor = ByteBudget(perSecond: limits.bulkFloorBytesPerSecond, now: now)
        budgets = AnswerBudgets(limits, now: now)
    }

    /// When `.timeout` is due next.
    public var nextDeadline: Instant? { deadlines.next }

    /// Takes one input and answers with what the shell must do, in order. `now` never goes back.
    public mutating func handle(_ input: SessionInput, now: Instant) -> [SessionEffect] {
        invariant(now >= self.now, "time went back from \(self.now) to \(now)")
        self.now = now
        switch input {
        case .timeout: fireDue()
        case .entropy(let seeds):
            askedForEntropy = false
            entropy += seeds.prefix(max(0, limits.entropySeedsMax - entropy.count))
        case .clock(let unixMilliseconds): clock = (unixMilliseconds, now)
        case .network(let id): adopt(id)
        case .ownRecord(let record): ownRecord = record.encoded
        case .seats(let ids): seats = Set(ids)
        case .policy(let silent, let denied):
            refusesStrangers = silent
            barred = Set(denied.prefix(limits.barredPeersMax))
        case .dial(let ticket, let to, let path, let expecting, let network):
            dial(ticket, to: to, path: path, expecting: expecting, network: network)
        case .cancelDial(let ticket): cancelDial(ticket)
        case .hangUp(let peer, let reason): hangUp(peer, reason)
        case .keep(let peer, let path): setKept(peer, path, true)
        case .release(let peer, let path): setKept(peer, path, false)
        case .send(let peer, let messages, let choice): send(messages, to: peer, via: choice)
        case .datagram(let bytes, let from, let socket): receive(bytes, from: from, on: socket)
        case .datagramFailed(let to, let failure): datagramFailed(to: to, failure)
        default: handleStream(input)
        }
        askForEntropy()
        invariant(entropy.count <= limits.entropySeedsMax, "\(entropy.count) seeds")
        let result = effects
        effects = []
        return result
    }

    /// Our wall clock as the shell last told it.
    var unixMilliseconds: UInt64 {
        clock.unixMilliseconds + UInt64(max(0, (now - clock.at).milliseconds))
    }

    // MARK: below their use

    mutating func askForEntropy() {
        if askedForEntropy || entropy.count > limits.entropySeedsMax / 2 { return }
        askedForEntropy = true
        effects.append(.needEntropy(count: limits.entropySeedsMax - entropy.count))
    }

    mutating func takeSeed() -> Bytes32? {
        if entropy.isEmpty {
            stats.add(.entropyEmpty)
            return nil
        }
        return entropy.removeLast()
    }

    /// A random index that names no dial, half-open entry or session.
    mutating func freshIndex() -> UInt32 {
        while true {
            let index = UInt32.random(in: 1...UInt32.max, using: &rng)
            if dials[index] == nil && halfOpen[index] == nil && sessions[index] == nil { return index }
        }
    }

    mutating func fireDue() {
        while let timer = deadlines.popDue(now) {
            switch timer.kind {
            case .dial: dialDue(UInt32(truncatingIfNeeded: timer.number))
            case .halfOpen: freeHalfOpen(UInt32(truncatingIfNeeded: timer.number))
            case .session: sessionDue(UInt32(truncatingIfNeeded: timer.number))
            case .outbox: flush(timer.peer)
            case .connection: connectionDue(ConnectionID(timer.number))
            case .bulk: bulkDue()
            }
        }
    }

    mutating func adopt(_ id: NetworkID) {
        if network == id { return }
        network = id
        for (_, state) in peers {
            if let index = state.session, let session = sessions[index], session.value.network != id {
                endSession(index, .policy, tells: true)
            }
            if let connection = state.main, connections[connection]?.value.established?.network != id {
                closeConnection(connection, .policy)
            }
        }
    }
}

/// What the table remembers of a peer while it has a way to it.
struct PeerState: Sendable {
    /// Our index of the datagram session in use.
    var session: UInt32?
    var main: ConnectionID?
    var keepsDatagram = false
    var keepsMain = false
    var lastBootNonce: UInt64?
    var outbox = Outbox()

    var isEmpty: Bool { session == nil && main == nil && !keepsDatagram && !keepsMain }
}

// Nested, and so generic like the table: tables of them are then specialised with it, where its cryptography is known.
// Specialised here already, they would keep the functions that use them from being specialised there.
extension SessionTable {
    /// Names a deadline; fired in (deadline, kind, id) order.
    struct TimerID: Sendable, Hashable, Comparable {
        enum Kind: UInt8, Sendable {
            case dial, halfOpen, session, outbox, connection, bulk
        }
        var kind: Kind
        var number: UInt64 = 0
        var peer: PeerID = .zero

        static func < (a: TimerID, b: TimerID) -> Bool {
            if a.kind != b.kind { return a.kind.rawValue < b.kind.rawValue }
            if a.number != b.number { return a.number < b.number }
            return a.peer < b.peer
        }

        /// One word of the peer: the ids of peers with a session are digests of keys that were proven.
        func hash(into hasher: inout Hasher) { hasher.combine(number ^ peer.raw.w0 &+ UInt64(kind.rawValue)) }
    }
}

/// Addresses where a handshake succeeded, oldest first.
struct ProvenAddresses: Sendable {
    var known: Set<SocketAddress> = []
    var order: [SocketAddress] = []

    func contains(_ address: SocketAddress) -> Bool { known.contains(address) }

    mutating func note(_ address: SocketAddress, max: Int) {
        if !known.insert(address).inserted { return }
        order.append(address)
        if order.count > max { known.remove(order.removeFirst()) }
    }
}
