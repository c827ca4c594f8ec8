import Wire
import Credits
public import Basis
public import Compute
import Consensus
public import Gossip
public import Records
public import Session
public import Trust

/// The whole node as one pure state machine: the same code runs behind sockets and in the simulator.
///
/// The problem: five cores own five concerns and do not know one another. The idea: this struct owns all of them and
/// routes in one place: what a core orders is either another core's input, or an order to the shell. It holds Ingress
/// too, so nothing enters a core unverified. The shell moves bytes, disk and processes, and decides nothing.
///
/// Before a network's genesis is known there is no log: sessions and membership alone find the first contact and
/// fetch the genesis, then the shell hands in the log that it read from its store.
public struct NodeCore<Crypto: SessionCrypto>: Sendable {
    /// Names one write of this core, by the part that waits for it.
    public enum WriteTicket: Sendable, Hashable {
        case log(UInt64)
        case membership(Ticket)
        case desk(Ticket)
        case book(Ticket)
        /// Nobody waits: a row that may go at any time.
        case nobody
    }

    /// What is large and rare lies behind a reference: every input and effect is as large as the largest that does not.
    public enum Input: Sendable {
        /// First of all, once.
        indirect case start(RestoredMembership)
        /// What sockets did.
        case transport(SessionInput)
        case interfaces([SocketAddress])
        case resolved(Ticket, [SocketAddress])
        indirect case join(JoinTarget)
        case leave(LeaveMode)
        indirect case policy(PeerPolicy)
        /// Fetch a peer's capability document; `.document` answers.
        case document(PeerID, Ticket)
        /// Own hardware and runtimes, and the document that says so in full.
        indirect case capabilities(Gossip.CapabilitySummary, document: [UInt8])
        /// The log, as the store holds it; once the genesis is known.
        indirect case adopt(LogNode, DeskStart)
        case log(LogNode.Input)
        case persisted(WriteTicket)
        case persistFailed(WriteTicket)
        /// The blocks that `.readBlocks` asked for; nil if they are not here.
        indirect case blocks(Blocks?, to: PeerID)
        case exchange(BlobExchange.Input)
        indirect case desk(WorkerDesk.Input)
        indirect case book(JobBook.Input)
        /// The manifest of this spec is stored: sign its entry.
        indirect case signOpening(Ticket, JobSpec, account: PublicKey)
        /// Equivalence classes of the runtimes that were probed here.
        case classes([JobMarket.KnownClass])
        case timeout
    }

    public enum Effect: Sendable {
        /// An order of Session to sockets: transmit, connect, writeBytes, close, pause, resume, cancel.
        case transport(SessionEffect)
        /// Answer with `.transport(.entropy)` at once.
        case needEntropy(count: Int)
        case resolve(String, Ticket)
        case persist(StoreBatch, WriteTicket)
        /// Answer with `.blocks`.
        case readBlocks(FetchBlocks, to: PeerID)
        indirect case membership(MembershipEvent)
        /// A peer's capability document, checked against its record; nil if it has none or did not give it.
        case document(Ticket, [UInt8]?)
        /// The canonical bytes of the joined network's genesis, checked against its id.
        case genesisFetched([UInt8])
        /// No contact could give the genesis; it is asked for again.
        case genesisUnavailable
        /// What the log does that is not carried out here.
        case log(LogNode.Effect)
        /// What blob transfer asks of the store.
        case exchange(BlobExchange.Effect)
        /// What a worker's execution needs of processes, blobs and files.
        indirect case desk(WorkerDesk.Effect)
        /// What a submitted job needs of blobs, and answers to its submitter.
        indirect case book(JobBook.Effect)
        /// How far a worker is with a lease of a job that was submitted here.
        indirect case progressed(LeaseProgress)
    }

    /// Who waits for the bytes of a stream.
    enum StreamOwner: Sendable {
        /// Collected whole up to a limit, then handed to its purpose.
        case collecting(Purpose, bytesMax: Int, [UInt8])
        case blobs
    }

    /// What a stream that we opened brings.
    enum Purpose: Sendable {
        case genesis(PeerID)
        case document(PeerIndex, Digest, Ticket)
        case ledgerSync(PeerID)
        case blob(UInt64)
    }

    /// What waits for a main connection.
    struct Parked: Sendable {
        struct Open: Sendable {
            let ticket: Ticket
            let order: SessionInput
            let end: Instant
        }

        var messages: [LaneMessage] = []
        var opens: [Open] = []
        var lastUse: Instant

        /// Keeps a message, the same one once, and the newest; how many were dropped for want of room.
        mutating func add(_ message: LaneMessage) -> Int {
            messages.removeAll { $0 == message }
            messages.append(message)
            let before = messages.count
            var bytes = messages.reduce(0) { $0 + $1.body.count }
            while messages.count > Limits.parkedPerPeerMax || messages.count > 1 && bytes > Limits.parkedBytesMax {
                bytes -= messages.removeFirst().body.count
            }
            return before - messages.count
        }
    }

    struct Limits {
        /// A submit, a follow and some answers; more is the peer's loss.
        static var parkedPerPeerMax: Int { 64 }
        /// One Submit or answer of the largest size; of all peers 64 MiB.
        static var parkedBytesMax: Int { 1 << 20 }
        static var parkedPeersMax: Int { 64 }
        /// Two blobs a lease, and documents.
        static var parkedOpensMax: Int { 16 }
        /// Find, dial and handshake of a peer that is there take some 5 s; looked at every `tick`.
        static var openWait: Interval { .seconds(15) }
        /// `gossip.md` 12.3: temporary pins end a minute after the last use.
        static var pinLife: Interval { .seconds(60) }
        static var genesisBytesMax: Int { 512 << 10 }
        static var syncAnswerBytesMax: Int { 1_200_000 }
        static var answersPerPeerMax: Int { 8 }
        static var tick: Interval { .seconds(5) }
        static var admitAgain: Interval { .seconds(10) }
    }

    let crypto: Crypto
    public let ownPeer: PeerID
    var sessions: SessionTable<Crypto>
    public internal(set) var membership: Membership
    /// The log, once the genesis is known. Boxed: a large value in an optional is copied whole to look at one field.
    var boxedLog: Boxed<LogNode>?
    var exchange: BlobExchange
    var desks: Boxed<JobDesks>?
    /// Salts of job specifications and jitter; nothing secret.
    var entropy: SeededGenerator
    /// Signed by a member: admits this account when the network asks for it.
    public var invite: InviteToken?
    /// The genesis document, served to newcomers.
    var genesisBytes: [UInt8]?
    public internal(set) var network: NetworkID?
    public internal(set) var ownDocument: [UInt8] = []
    var ownDocumentDigest = Digest.zero

    var now: Instant
    var wall: UInt64 = 0
    /// Paths that are up, by peer.
    public internal(set) var paths = SortedMap<PeerID, Set<Path>>()
    public internal(set) var members = SortedMap<PeerID, MemberView>()
    public internal(set) var linked = SortedMap<PeerID, Bool>()
    var parked = SortedMap<PeerID, Parked>()
    /// The other end of each standing lease on a job that was submitted or is run here.
    var partners = SortedMap<LeaseID, PeerID>()
    var opening = SortedMap<Ticket, Purpose>()
    var streams: [BlobExchange.Stream: StreamOwner] = [:]
    /// Streams on which a peer waits for an answer of the log: (message number of the answer, stream).
    var awaited = SortedMap<PeerID, [Awaited]>()
    var lastOpen: UInt64 = 0
    var nextTick: Instant
    var lastAdmit: Instant?
    var genesisAskedAt: Instant?
    var effects: [Effect] = []
    var egress = Egress()
    public internal(set) var counters = NodeCounters()

    struct Awaited: Sendable {
        let answer: UInt16
        let stream: BlobExchange.Stream
    }

    public init(
        crypto: Crypto, network: NetworkID?, genesis: [UInt8]?, bootNonce: UInt64, limits: NodeLimits = .production,
        generator: SeededGenerator, now: Instant, wall: UInt64
    ) {
        var rng = generator
        self.crypto = crypto
        self.network = network
        self.now = now
        self.wall = wall
        genesisBytes = genesis
        ownPeer = crypto.peerID(of: crypto.publicKey)
        sessions = SessionTable(
            crypto: crypto, network: network, bootNonce: bootNonce, limits: limits.session, generator: rng.fork(),
            unixMilliseconds: wall, now: now)
        membership = Membership(
            key: crypto.publicKey, hashing: crypto, limits: limits.gossip, generator: rng.fork(), now: now)
        exchange = BlobExchange(hashing: crypto, generator: rng.fork(), now: now)
        entropy = rng.fork()
        nextTick = now + Limits.tick
    }

    public var nextDeadline: Instant? {
        var next = nextTick
        func consider(_ other: Instant?) { if let other, other < next { next = other } }
        consider(sessions.nextDeadline)
        consider(membership.nextDeadline)
        consider(boxedLog?.peek { $0.nextDeadline })
        consider(exchange.nextDeadline)
        consider(desks?.peek { $0.desk.nextDeadline })
        consider(desks?.peek { $0.book.nextDeadline })
        return next
    }

    /// `wall` is this peer's clock in milliseconds since 1970.
    public mutating func handle(_ input: Input, now: Instant, wall: UInt64) -> [Effect] {
        invariant(now >= self.now, "time went back from \(self.now) to \(now)")
        self.now = now
        self.wall = wall
        effects = []
        switch input {
        case .start(let restored):
            give(.clock(unixMilliseconds: wall))
            give(.started(restored))
        case .transport(let event): session(event)
        case .interfaces(let addresses): give(.interfaces(addresses))
        case .resolved(let ticket, let addresses): give(.resolved(ticket, addresses))
        case .join(let target): give(.join(target))
        case .leave(let mode): give(.leave(mode))
        case .policy(let policy): give(.policy(policy))
        case .document(let peer, let ticket):
            if let index = index(of: peer) {
                give(.document(index, ticket))
            } else {
                effects.append(.document(ticket, nil))
            }
        case .capabilities(let summary, let document):
            ownDocument = document
            ownDocumentDigest = summary.digest
            give(.capabilities(summary))
        case .adopt(let log, let start): adopt(log, start)
        case .log(let input): give(input)
        case .persisted(.log(let ticket)): give(.persisted(ticket))
        case .persisted(.membership(let ticket)): give(Membership.Input.persisted(ticket))
        case .persistFailed(.log(let ticket)): give(.persistFailed(ticket))
        case .persistFailed(.membership(let ticket)):
            counters.bookWritesFailed += 1
            give(Membership.Input.persistFailed(ticket))
        case .blocks(let blocks, let peer): answer(blocks, to: peer)
        case .exchange(let input): give(input)
        case .persisted(.desk(let ticket)): give(WorkerDesk.Input.persisted(ticket))
        case .persistFailed(.desk(let ticket)): give(WorkerDesk.Input.persistFailed(ticket))
        case .persisted(.book(let ticket)): give(JobBook.Input.persisted(ticket))
        case .persistFailed(.book(let ticket)):
            boxedLog?.value.releaseNonces()
            give(JobBook.Input.persistFailed(ticket))
        case .persisted(.nobody), .persistFailed(.nobody): break
        case .desk(let input): give(input)
        case .book(let input): give(input)
        case .signOpening(let ticket, let spec, let account): signOpening(ticket, spec, account)
        case .classes(let classes): desks?.value.classes = classes
        case .timeout: fire()
        }
        defer { effects = [] }
        return effects
    }

    mutating func fire() {
        if let due = sessions.nextDeadline, due <= now { session(.timeout) }
        if let due = membership.nextDeadline, due <= now { give(Membership.Input.timeout) }
        if let due = exchange.nextDeadline, due <= now { give(BlobExchange.Input.timeout) }
        if let due = boxedLog?.peek({ $0.nextDeadline }), due <= now { give(LogNode.Input.timeout) }
        if let due = desks?.peek({ $0.desk.nextDeadline }), due <= now { give(WorkerDesk.Input.timeout) }
        if let due = desks?.peek({ $0.book.nextDeadline }), due <= now { give(JobBook.Input.timeout) }
        if nextTick <= now { tick() }
    }

    /// Housekeeping that needs no precise time.
    mutating func tick() {
        nextTick = now + Limits.tick
        failParked()
        for (peer, state) in parked where now - state.lastUse > Limits.pinLife {
            parked[peer] = nil
            // Whichever of the two it was pinned for.
            give(.unpin(peer, .transaction))
            give(.unpin(peer, .transfer))
        }
        considerAdmission()
        if boxedLog == nil, network != nil, genesisBytes == nil { askForGenesis() }
    }

    /// Takes the log over: from now on entries, blocks and seats have a place.
    mutating func adopt(_ log: LogNode, _ start: DeskStart) {
        invariant(boxedLog == nil, "a second log")
        boxedLog = Boxed(log)
        network = log.network
        genesisBytes = log.ledger.genesis.encoded
        // The first tip tells Membership that the genesis is here.
        give(
            .tip(
                ChainTip(
                    height: log.ledger.height, hashPrefix: log.ledger.blockHash.raw.w0, checkpointHeight: 0)))
        give(.seats(epoch: 0, current: log.seats.seats.map(\.account), next: []))
        session(.seats(log.seats.seats.map { crypto.peerID(of: $0.account) }))
        give(LogNode.Input.start)
        for (peer, _) in paths { give(LogNode.Input.linkUp(peer)) }
        adoptDesks(start)
        considerAdmission()
    }

    /// Asks to be admitted while this account is not, in a network that admits by token or freely.
    mutating func considerAdmission() {
        // Nil: there is no log, it is not live, or the account is admitted.
        let openness: Bool?? = boxedLog?.peek {
            guard case .live = $0.replica.status.kind, $0.ledger.account($0.account)?.isAdmitted != true
            else { return nil }
            return $0.ledger.genesis.isOpen
        }
        guard case .some(.some(let isOpen)) = openness else { return }
        if !isOpen, invite == nil { return }
        if let last = lastAdmit, now - last < Limits.admitAgain { return }
        lastAdmit = now
        give(LogNode.Input.compose(.admit(isOpen ? nil : invite), job: nil, key: [], 0))
    }
}

extension NodeCore {
    /// Puts an adversary between this node and the network (`simulation.md` 10).
    package mutating func filter(with filter: (any EgressFilter)?) { egress.filter = filter }
    /// Lets a checker hear what leaves (`simulation.md` 15).
    package mutating func tap(with tap: (any EgressTap)?) { egress.tap = tap }

    /// The log, once the genesis is known.
    public var log: LogNode? { boxedLog?.value }
    /// Executions here, for `status`.
    public var leases: [(id: LeaseID, state: WorkerEvent.State)] { desks?.value.desk.leases ?? [] }
    /// The answer that a reveal carried whole, of a job that was submitted here; nil if it was larger, came before this
    /// process began, or is forgotten.
    public func revealedBody(_ lease: LeaseID) -> [UInt8]? {
        guard let result = desks?.value.reveals[lease] else { return nil }
        return result.bodyBytes == 0 ? [] : result.inline.isEmpty ? nil : result.inline
    }
    /// The book's row of a job that was submitted here.
    public func booked(_ job: JobID) -> BookRecord? { desks?.value.book.record(job) }
    public var bookedJobs: [BookRecord] { desks?.value.book.records ?? [] }
}

// What follows lies here, where other modules are imported publicly: after one `package import` of a module in any file
// of this one, no function that uses it could be specialised in other modules, and the node takes a third longer.

/// What simulations look at, and what they alter to plant a bug (`simulation.md` 15, 16). No logic uses any of it.
extension NodeCore {
    package static func sessionCapacities(_ limits: SessionLimits) -> [(name: String, most: Int)] {
        SessionTable<Crypto>.capacities(limits)
    }

    /// Names of the parts whose deadline is not after `now`.
    package func dueParts(_ now: Instant) -> [String] {
        let parts: [(String, Instant?)] = [
            ("tick", nextTick), ("sessions", sessions.nextDeadline), ("membership", membership.nextDeadline),
            ("log", log?.nextDeadline), ("blobs", exchange.nextDeadline), ("desk", desks?.value.desk.nextDeadline),
            ("book of jobs", desks?.value.book.nextDeadline),
        ]
        return parts.filter { $0.1.map { $0 <= now } ?? false }.map(\.0)
    }

    package mutating func plant(_ change: (inout Membership) -> Void) { change(&membership) }
}

/// Changes, withholds or adds messages on their way out.
package protocol EgressFilter: Sendable {
    mutating func passing(_ message: LogMessage, to peer: PeerID) -> [LogMessage]
    mutating func passing(_ messages: [PeerMessage], to peer: PeerID) -> [PeerMessage]
}

/// Hears the messages of the log that a node sends and receives, and changes nothing (`simulation.md` 15).
///
/// A class, because a node is a value and what was heard belongs to who listens.
package protocol EgressTap: AnyObject, Sendable {
    func leaves(_ message: LogMessage, to peers: [PeerID])
    func arrives(number: UInt16, body: [UInt8], from peer: PeerID)
}

/// What an adversary says of its own accord.
package enum Utterance: Sendable {
    /// A number and bytes that need not be a message.
    case lane(LaneMessage)
    case compound([PeerMessage])
}

extension NodeCore {
    /// Says something over this node's own connections, past its filter: for adversaries of a simulation.
    package mutating func utter(_ word: Utterance, to peer: PeerID, now: Instant, wall: UInt64) -> [Effect] {
        invariant(now >= self.now, "time went back from \(self.now) to \(now)")
        self.now = now
        self.wall = wall
        effects = []
        switch word {
        case .lane(let message): post(message, to: peer)
        case .compound(let messages): session(.send(peer, messages, via: .best))
        }
        defer { effects = [] }
        return effects
    }
}

/// What was dropped, by reason (STYLE 4.5).
public struct NodeCounters: Sendable, Hashable {
    public var bookWritesFailed = 0
    public var compoundsMalformed = 0
    public var lanesUnknown = 0
    public var lanesWithoutLog = 0
    public var lanesUnsent = 0
    public var servicesUnknown = 0
    public var syncMalformed = 0
    public var answersUnasked = 0
    public var streamsOverlong = 0
    public var peersUnknown = 0
    /// Malformed, or of a lease that its sender does not hold.
    public var progressUnasked = 0
}
