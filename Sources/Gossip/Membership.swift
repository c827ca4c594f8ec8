public import Basis
public import Records
public import Trust

/// Who is in the network, who is linked to us, and who fell silent, without anybody in charge.
///
/// **The problem.** Strangers come and go, addresses change, packets are lost, some peers lie. Still everybody needs
/// a few live neighbours, soon after a start and again after every loss, at a cost that does not grow with the network.
///
/// **The idea.** Only a peer speaks about itself: self-signed records spread over links, and nobody can declare another
/// dead. Each peer keeps a bounded book of records, some links on top of sealed sessions, and looks after those links
/// itself: a Ping per interval, and before a link is given up three rounds of repeats, asking other links to ask, and
/// the stream connection. A network smaller than the tables is a full view without a mode switch (`gossip.md` 2).
///
/// **What it does not do.** It sends no packet, opens no socket, checks no signature, and knows no clock: dials,
/// signatures, disk and names are effects whose answers come back as inputs (STYLE 1.5). Items, doubts, scores, relays,
/// beacons and topic lookup are stage 2; their messages are counted as `messageUnsupported`.
public struct Membership: Sendable {
    public let key: PublicKey
    public let id: PeerID
    public let limits: GossipLimits
    let hashing: any Hashing
    var rng: SeededGenerator

    var now: Instant
    var deadlines = DeadlineTable<Timer>()
    /// Effects of the input being handled, in order.
    var effects: [Effect] = []
    /// Whether the sets of peers, sessions or links changed, so that dials and link requests are planned again.
    var needsPlan = false
    var lastTicket: UInt64 = 0

    /// What was dropped, by name.
    public internal(set) var counters = MembershipCounters()
    /// `PeerID` ↔ `PeerIndex`. Use `index(of:)` to translate what a session says.
    public internal(set) var directory: PeerDirectory
    var seatDirectory: SeatDirectory

    var clock = ClockState()
    var owner = OwnerState()
    var own = OwnRecordState()
    var join = JoinState()

    var book: Book
    var unanswered: UnansweredSlots
    var walk = VerificationWalk()
    var bans: BarTable
    var proofs: [EquivocationProof] = []
    var conflicts = SortedMap<ConflictKey, Instant>()
    var admission: AdmissionState

    var sessions = SortedMap<PeerIndex, PeerSession>()
    var links = SortedMap<PeerIndex, Link>()
    /// Peers that refused or lost a link with us: no request of ours before.
    var requestBars: BarTable
    /// Peers whose requests we refuse until then.
    var refusalBars: BarTable
    var lastDisplacement: Instant?
    /// Whether the network is small enough that everybody links to everybody (7.2).
    var isFullMesh = true

    var dials: DialState
    var probing: ProbeState
    var spreading: SpreadState
    var pins = PinState()
    var documents = DocumentState()

    /// - Parameters:
    ///   - key: the node's identity key; its `PeerID` follows.
    ///   - generator: source of all randomness of this core.
    public init(
        key: PublicKey, hashing: any Hashing, limits: GossipLimits = .production,
        generator: SeededGenerator, now: Instant
    ) {
        self.key = key
        self.hashing = hashing
        id = Self.peerID(of: key, hashing)
        self.limits = limits
        rng = generator
        self.now = now
        directory = PeerDirectory(entriesMax: limits.peerDirectoryEntriesMax)
        seatDirectory = SeatDirectory(entriesMax: limits.seatDirectoryEntriesMax)
        book = Book(entriesMax: limits.bookEntriesMax)
        unanswered = UnansweredSlots(slotsMax: limits.unansweredEntriesMax)
        bans = BarTable(entriesMax: limits.bansMax)
        requestBars = BarTable(entriesMax: limits.linkBackoffsMax)
        refusalBars = BarTable(entriesMax: limits.linkBackoffsMax)
        admission = AdmissionState(limits: limits, now: now)
        dials = DialState(limits: limits)
        probing = ProbeState(nextNumber: UInt32.random(in: 1...UInt32.max, using: &rng))
        spreading = SpreadState(limits: limits, now: now)
    }

    static func peerID(of key: PublicKey, _ hashing: some Hashing) -> PeerID {
        hashing.peerID(of: key)
    }

    /// When `.timeout` is due; nil before `.started`.
    public var nextDeadline: Instant? { deadlines.next }

    /// Handles one past event or command and returns what is to be done, in order.
    ///
    /// Trap: `now` before an earlier call's, or `.started` twice. No other input traps.
    public mutating func handle(_ input: Input, now: Instant) -> [Effect] {
        invariant(now >= self.now, "time went back from \(self.now) to \(now)")
        self.now = now
        switch input {
        case .started(let restored): start(restored)
        case .clock(let unix): setClock(unix)
        case .timeout: fireTimers()
        case .interfaces, .policy, .capabilities, .tip, .seats, .misbehaved: ownerInput(input)
        case .join(let target): startJoin(target)
        case .leave(let mode): leave(mode)
        case .pin(let peer, let purpose): pin(peer, purpose)
        case .unpin(let peer, let purpose): unpin(peer, purpose)
        case .find(let peer, let ticket): find(peer, ticket)
        case .document(let peer, let ticket): document(of: peer, ticket)
        case .resolved, .recordSigned, .persisted, .persistFailed, .recordsVerified, .documentFetched:
            answered(input)
        case .sessionUp(let peer, let facts): sessionUp(peer, facts)
        case .sessionDown(let peer, let path, let reason): sessionDown(peer, path, reason)
        case .dialFailed(let ticket, let failure): dialFailed(ticket, failure)
        case .received(let message, let peer, let path): receive(message.value, peer, path)
        case .streamPong(let peer, let probe): streamPong(peer, probe)
        case .sendFailed(let peer, let path, let failure): sendFailed(peer, path, failure)
        case .unknownSession(let peer): unknownSession(peer)
        }
        if needsPlan {
            needsPlan = false
            plan()
        }
        flushVerifications()
        invariant(
            links.count <= limits.inboundLinksMax + limits.outboundLinksTarget + limits.pinsMax
                + limits.fullMeshLeavePeersMax, "\(links.count) links")
        invariant(book.count <= limits.bookEntriesMax, "\(book.count) rows in the book")
        let done = effects
        effects = []
        return done
    }

    /// The index of a peer, a new one if needed: how a node translates what `SessionTable` says of a `PeerID`.
    /// - Returns: nil if the directory is full; the session must then be hung up.
    public mutating func index(of peer: PeerID) -> PeerIndex? {
        if let known = directory.touch(peer) { return known }
        let (sessions, links, book, pins) = (sessions, links, book, pins)
        let index = directory.intern(peer) { index, id in
            sessions.contains(index) || links.contains(index) || book[id] != nil
                || pins.contains(id)
        }
        if index == nil { counters.raise(.directoryFull) }
        return index
    }

    // MARK: below their use

    mutating func emit(_ effect: Effect) { effects.append(effect) }
    mutating func raise(_ event: MembershipEvent) { effects.append(.event(event)) }

    mutating func ticket() -> Ticket {
        lastTicket += 1
        return Ticket(lastTicket)
    }

    func peerID(of key: PublicKey) -> PeerID { Self.peerID(of: key, hashing) }

    /// Answers of shells to our requests.
    mutating func answered(_ input: Input) {
        switch input {
        case .resolved(let ticket, let addresses): resolved(ticket, addresses)
        case .recordSigned(let record, let ticket): recordSigned(record, ticket)
        case .persisted(let ticket): persisted(ticket)
        case .persistFailed(let ticket): persistFailed(ticket)
        case .recordsVerified(let records, let rejected, let ticket):
            recordsVerified(records.map(\.value), rejected: rejected, ticket)
        case .documentFetched(let peer, let digest, let bytes, let ticket):
            documentFetched(peer, digest, bytes, ticket)
        default: unreachable("\(input) is not an answer")
        }
    }

    /// What the owner and the upper layers say.
    mutating func ownerInput(_ input: Input) {
        switch input {
        case .interfaces(let addresses): setInterfaces(addresses)
        case .policy(let policy): setPolicy(policy)
        case .capabilities(let summary): setCapabilities(summary)
        case .tip(let tip): setTip(tip)
        case .seats(let epoch, let current, let next): setSeats(epoch, current, next)
        case .misbehaved(let peer, let points): misbehaved(peer, points: points)
        default: unreachable("\(input) is not of the owner")
        }
    }
}

/// Names a timer; due ones fire in (deadline, name) order (STYLE 1.3).
enum Timer: Hashable, Comparable, Sendable {
    case housekeeping, plan, forward, refresh, pull, push, heal, walk, persist
    case joinRound, compare, storedSeeds, isolation, leave, availability, finds, previousSeats
    case link(PeerIndex)
    case linkRepeat(PeerIndex)
    case mainDial(PeerIndex)
    case probe(PeerIndex)
    case probeRepeat(PeerIndex)
    case datagramRetry(PeerIndex)
    case helper(UInt32)
    case resolve(Ticket)
    case attempt(UInt64)
    case attemptStream(UInt64)
    case document(Ticket)
}

extension Membership {
    /// Fires all due timers. One that is late by more than `timerLate` says that this process was paused: every open
    /// probe round starts again, so that a pause evicts nobody (8.3).
    mutating func fireTimers() {
        if let due = deadlines.next, due <= now, now - due > limits.timerLate {
            counters.raise(.timerLate)
            mark("late timer")
            raiseHealth()
            restartRounds()
        }
        while let timer = deadlines.popDue(now) { fire(timer) }
    }

    mutating func fire(_ timer: Timer) {
        switch timer {
        case .housekeeping: keepHouse()
        case .plan: needsPlan = true
        case .forward: forwardQueued()
        case .refresh: refreshOwnRecord()
        case .pull: pullRandomLink()
        case .push: pushToRandomLink()
        case .heal: healDial()
        case .walk: walkDial()
        case .persist: persistRows()
        case .joinRound: joinRoundDue()
        case .compare: compareContacts()
        case .storedSeeds: storedSeedsDue()
        case .isolation: isolationDue()
        case .leave: leaveDue()
        case .availability: evaluateAvailability()
        case .finds: repeatFinds()
        case .previousSeats: dropPreviousSeats()
        case .link(let peer): linkDue(peer)
        case .linkRepeat(let peer): linkRepeatDue(peer)
        case .mainDial(let peer): mainDialDue(peer)
        case .probe(let peer): probeDue(peer)
        case .probeRepeat(let peer): probeRepeatDue(peer)
        case .datagramRetry(let peer): datagramRetryDue(peer)
        case .helper(let number): helperDue(number)
        case .resolve(let ticket): resolved(ticket, [])
        case .attempt(let number): attemptDue(number)
        case .attemptStream(let number): attemptStreamDue(number)
        case .document(let ticket): documentDue(ticket)
        }
    }
}
