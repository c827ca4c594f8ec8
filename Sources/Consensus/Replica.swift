public import Basis
import Records
import Trust

/// One peer's part in the one ordered log (`ledger.md` 4).
///
/// **Problem.** Peers that do not trust one another must agree on the order of entries, although links lose and delay
/// messages, peers crash, and up to f of n seats lie.
///
/// **Idea.** Simplex BFT: views with rotating leaders. Q `notarize` votes carry a block, Q `nullify` votes end a view
/// without one, and Q `finalize` votes make a block and all its ancestors final. A seat never finalises and
/// nullifies one view, so two quorums, which share an honest seat, cannot disagree. Nothing a seat signed
/// leaves before its journal is on the disk. Without demand a seat sends nothing but its Status.
///
/// Peers that are not seats run the same core as observers: they verify and fetch final blocks and never vote.
///
/// **Not here.** Signatures are checked by Ingress before (`Verified`); entries are chosen by the pool,
/// executed by the ledger, and stored by the store: what they do comes in as inputs. Turns of dead leaders are
/// not skipped yet (4.8): they cost one timeout each.
public struct Replica: Sendable {
    /// What the replica may do now (`ledger.md` 4.6).
    public enum Mode: Sendable, Hashable {
        /// Behind what a quorum certified, or just started: fetches, does not vote.
        case syncing
        /// A seat that votes.
        case active
        /// Not a seat.
        case observer
        /// A seat without its voting key: watches until a later epoch.
        case quarantined
        /// Its state differs from what a quorum certified, or the log forked. It does nothing any more.
        case stopped
    }

    let configuration: Configuration
    let limits: LedgerLimits
    let hashing: any Hashing
    let seats: SeatList
    /// The peer of each seat.
    let seatPeers: [PeerID]
    let seatIndexes: [PeerID: Int]
    /// The own seat, if there is one.
    let own: Int?
    var generator: SeededGenerator
    var now: Instant
    /// Milliseconds since 1970 by this peer's clock.
    var wall: UInt64 = 0

    public internal(set) var mode: Mode
    public internal(set) var stats = Stats()
    /// Whether Status says that this peer has a live offer.
    public var isWorker = false

    // Views.
    public internal(set) var view: UInt64
    var viewEntered: Instant
    var views = SortedMap<UInt64, ViewRecord>()
    /// Views below it are forgotten.
    var viewsFloor: UInt64 = 0
    /// The certificate that ended the view before, until it is journaled with the first vote of this one.
    var endingCertificate: Certificate?
    /// When the timers of this view started: the later of its entry and the rise of demand.
    var timersStart: Instant?
    /// Views in a row that timers nullified.
    var failedViews = 0
    var delay: DelayEstimate
    var futureProposals = SortedMap<UInt64, Proposal>()
    /// What the proposal of this view waits for.
    var heldFor: Hold?
    /// What the own proposal of this view waits for.
    var proposalHold: Hold?
    var building: PayloadRequest?

    // Demand.
    var pool = PoolDemand.none
    public internal(set) var reasons: DemandReasons = []
    var demandSince: Instant?
    var lastResend: Instant
    var resendRounds = 0

    // Chain.
    var tree = BlockTree()
    public internal(set) var executed: Executed
    /// The last block handed to execution.
    var handed: Position
    /// One more than the view of the newest final block; 0 at the epoch's base.
    var finalBelow: UInt64
    var finalHeight: UInt64
    var lastFinal: Instant
    var newestFinalization: Certificate?
    var tip: Tip
    /// A block that a final one rests on, and that is not held.
    var missingFinal: Digest?
    var shownInFlight: [Digest] = []
    var shownTip: (Digest, Digest)
    var handedProofs = SortedMap<UInt64, HandedProof>()

    // Certification.
    var attestations = AttestationBook()
    var ownStates = SortedMap<UInt64, StateTuple>()
    var certified: StateCertificate?
    /// A state certificate above what is executed.
    var certifiedAhead: StateCertificate?
    /// When `certified` was learnt.
    var certifiedAt: Instant
    var attestationRounds = 0
    /// The last height for which each seat's state was reported to differ.
    var disputed: [UInt64?]

    // Peers and fetching.
    var peers = SortedMap<PeerID, PeerState>()
    /// No claim of a peer was ever higher.
    var highestClaim: UInt64 = 0
    var fetches = SortedMap<FetchKey, Fetch>()
    var followers: [PeerID] = []
    var upstreams: [Upstream] = []
    var syncingSince: Instant
    var beaconChains: [Configuration.OwnBeacon]

    public internal(set) var status: NodeStatus
    var deadlines = DeadlineTable<Alarm>()

    // Writing.
    var turn = Turn()
    /// Writes that may wait for the next synced batch.
    var lazyWrites = StoreBatch(isSynced: false)
    var nextTicket: UInt64 = 1
    /// What leaves once its ticket, and all before it, are durable. Ascending.
    var outbox: [Parcel] = []
    var prunedBelow: UInt64 = 0
    var retention = ProofRetention()

    /// When `handle(.timeout)` wants to be called; nil before `.start` and after a stop.
    public var nextDeadline: Instant? { mode == .stopped ? nil : deadlines.next }

    public var executedHeight: UInt64 { executed.state.height }
    public var certifiedHeight: UInt64 { certified?.state.height ?? 0 }
    var epoch: UInt64 { seats.epoch }
    var isActive: Bool { mode == .active }
    var leader: Int { seats.leader(of: view) }
    var delta: Interval { delay.delta }
    /// One more than the view of `executed`; 0 at the epoch's base.
    var executedBelow: UInt64 { executed.view.map { $0 + 1 } ?? 0 }

    /// Takes one input and gives the orders that follow from it. `wall` is this peer's clock, ms since 1970.
    ///
    /// Everything that must be durable together comes as one `.persist` at the end of the list; `.finalised`
    /// stands before it, so that with one seat the marks, the block and its execution can share one synced
    /// batch (14.3).
    public mutating func handle(_ input: Input, now: Instant, wall: UInt64) -> [Effect] {
        invariant(now >= self.now, "time went back from \(self.now) to \(now)")
        self.now = now
        self.wall = min(wall, Replica.millisMax)
        if mode == .stopped { return [] }
        switch input {
        case .start: start()
        case .received(let message, let sender): receive(message.value, from: sender)
        case .persisted(let ticket): release(ticket)
        case .demand(let demand): pool = demand
        case .payload(let ticket, let entries): propose(entries, ticket: ticket)
        case .executed(let report): note(executed: report)
        case .ownBeacon(let beacon): beaconChains.append(beacon)
        case .linkUp(let peer): linkUp(peer)
        case .linkDown(let peer): linkDown(peer)
        case .timeout: fireDue()
        }
        if mode != .stopped { step() }
        checkLimits()
        return finishTurn()
    }

    /// What follows from the state, whatever the input was.
    mutating func step() {
        updateMode()
        updateDemand()
        if isActive {
            joinNullification()
            considerProposal()
            considerProposing()
            // A vote of this turn is demand (D5), and may have ended the view.
            updateDemand()
        }
        pursue()
        showTip()
        updateStatus()
        scheduleWake()
    }

    mutating func receive(_ message: LogMessage, from sender: PeerID) {
        heard(sender)
        switch message {
        case .proposal(let m): receive(m, from: sender)
        case .vote(let m): receive(m, from: sender)
        case .certificate(let m): receive(m, from: sender)
        case .attestation(let m): receive(m, from: sender)
        case .stateCertificate(let m): accept(m)
        case .status(let m): receive(m, from: sender)
        case .fetchBlocks(let m): serve(m, to: sender)
        case .blocks(let m), .final(let m): receive(m, from: sender)
        case .fetchCertificates(let m): serve(m, to: sender)
        case .certificates(let m): receive(m, from: sender)
        case .follow(let m): follow(m, by: sender)
        case .submit, .submitAck: stats.misrouted += 1
        }
    }

    /// I8: what peers send cannot make this core grow beyond section 2.
    func checkLimits() {
        invariant(futureProposals.count <= 2, "\(futureProposals.count) future proposals")
        invariant(fetches.count <= Replica.fetchesMax, "\(fetches.count) fetches in flight")
        invariant(followers.count <= limits.followersMax, "\(followers.count) followers")
        invariant(handed.height >= executed.state.height, "handed \(handed.height)")
        invariant(finalBelow >= executedBelow, "final below \(finalBelow)")
        invariant(view >= executedBelow, "view \(view) executed below \(executedBelow)")
    }

    /// Views and heights from 2⁶³ on are refused, so that sums of them cannot overflow.
    static let numberMax = UInt64(1) << 63
    /// The year 144,000: wall clocks and timestamps beyond it are refused or cut.
    static let millisMax = UInt64(1) << 52
    /// At most 4 requests are under way (4.3).
    static let fetchesMax = 4
    /// Views below the executed one whose certificates are still served, and whose marks stay (14.2).
    static let viewsKept: UInt64 = 64
}
