/// How seats are given.
public enum SeatMode: String, Choice {
    case admitted, bonded
}

/// Whether a seat takes part.
public enum SeatState: String, Choice {
    case live, silent
}

/// Who orders the log.
public struct SeatListDocument: Document {
    public static let documentType = "seatList"

    public private(set) var schema = SchemaTag<SeatListDocument>()
    public var epoch: UInt64
    public var mode: SeatMode
    public var quorum: Int
    /// How many liars.
    public var tolerates: Int
    public var seats: [Seat]
    public var view: UInt64?
    public var leader: Known<Int>?
    public var halted: Bool
    /// The seats that are silent, if the log has halted.
    public var missing: [Int]
    public var nextChange: Known<Change>?

    public init(
        epoch: UInt64, mode: SeatMode, quorum: Int, tolerates: Int, seats: [Seat] = [],
        view: UInt64? = nil, leader: Known<Int>? = nil, halted: Bool, missing: [Int] = [],
        nextChange: Known<Change>? = nil
    ) {
        self.epoch = epoch
        self.mode = mode
        self.quorum = quorum
        self.tolerates = tolerates
        self.seats = seats
        self.view = view
        self.leader = leader
        self.halted = halted
        self.missing = missing
        self.nextChange = nextChange
    }

    /// One seat.
    public struct Seat: Codable, Sendable, Equatable {
        public var index: Int
        public var account: String
        public var peer: Known<String>?
        public var state: SeatState?
        public var lastVoteHeight: UInt64?
        public var bondMicro: Micro?

        public init(
            index: Int, account: String, peer: Known<String>? = nil, state: SeatState? = nil,
            lastVoteHeight: UInt64? = nil, bondMicro: Micro? = nil
        ) {
            self.index = index
            self.account = account
            self.peer = peer
            self.state = state
            self.lastVoteHeight = lastVoteHeight
            self.bondMicro = bondMicro
        }
    }

    /// When the list changes next.
    public struct Change: Codable, Sendable, Equatable {
        public var epoch: UInt64
        public var at: Timestamp?

        public init(
            epoch: UInt64, at: Timestamp? = nil
        ) {
            self.epoch = epoch
            self.at = at
        }
    }
}

/// The head of the log and the supply of credit.
public struct LedgerDocument: Document {
    public static let documentType = "ledger"

    public private(set) var schema = SchemaTag<LedgerDocument>()
    public var network: String
    public var height: UInt64
    public var certifiedHeight: UInt64
    public var hash: String
    public var stateDigest: String
    public var epoch: UInt64
    public var view: UInt64?
    /// The time of the newest block.
    public var at: Timestamp?
    /// The ledger's clock, in milliseconds of Unix time.
    public var clockMs: Int64?
    public var behindMs: Int64?
    public var halted: Bool
    public var supply: Supply

    public init(
        network: String, height: UInt64, certifiedHeight: UInt64, hash: String, stateDigest: String,
        epoch: UInt64, view: UInt64? = nil, at: Timestamp? = nil, clockMs: Int64? = nil,
        behindMs: Int64? = nil, halted: Bool, supply: Supply
    ) {
        self.network = network
        self.height = height
        self.certifiedHeight = certifiedHeight
        self.hash = hash
        self.stateDigest = stateDigest
        self.epoch = epoch
        self.view = view
        self.at = at
        self.clockMs = clockMs
        self.behindMs = behindMs
        self.halted = halted
        self.supply = supply
    }

    /// Every term of conservation (`ledger.md` 10.4).
    public struct Supply: Codable, Sendable, Equatable {
        public var genesisMicro: Micro
        public var mintedMicro: Micro
        public var grantsMicro: Micro
        public var burnedMicro: Micro
        public var availableMicro: Micro
        public var grantedMicro: Micro
        public var escrowMicro: Micro
        public var bondedMicro: Micro
        public var unbondingMicro: Micro
        public var treasuryMicro: Micro
        public var conserved: Bool

        public init(
            genesisMicro: Micro, mintedMicro: Micro, grantsMicro: Micro, burnedMicro: Micro,
            availableMicro: Micro, grantedMicro: Micro, escrowMicro: Micro, bondedMicro: Micro,
            unbondingMicro: Micro, treasuryMicro: Micro, conserved: Bool
        ) {
            self.genesisMicro = genesisMicro
            self.mintedMicro = mintedMicro
            self.grantsMicro = grantsMicro
            self.burnedMicro = burnedMicro
            self.availableMicro = availableMicro
            self.grantedMicro = grantedMicro
            self.escrowMicro = escrowMicro
            self.bondedMicro = bondedMicro
            self.unbondingMicro = unbondingMicro
            self.treasuryMicro = treasuryMicro
            self.conserved = conserved
        }
    }
}

/// A final block.
public struct BlockDocument: Document {
    public static let documentType = "block"

    public private(set) var schema = SchemaTag<BlockDocument>()
    public var height: UInt64
    public var hash: String
    public var parent: String
    public var epoch: UInt64
    public var view: UInt64
    public var proposer: Int
    public var at: Timestamp
    public var txRoot: String
    public var stateDigest: Known<String>?
    public var entries: [Entry]

    public init(
        height: UInt64, hash: String, parent: String, epoch: UInt64, view: UInt64, proposer: Int,
        at: Timestamp, txRoot: String, stateDigest: Known<String>? = nil, entries: [Entry] = []
    ) {
        self.height = height
        self.hash = hash
        self.parent = parent
        self.epoch = epoch
        self.view = view
        self.proposer = proposer
        self.at = at
        self.txRoot = txRoot
        self.stateDigest = stateDigest
        self.entries = entries
    }

    /// One entry and what became of it.
    public struct Entry: Codable, Sendable, Equatable {
        public var tx: String
        public var kind: String
        public var verdict: String

        public init(
            tx: String, kind: String, verdict: String
        ) {
            self.tx = tx
            self.kind = kind
            self.verdict = verdict
        }
    }
}

/// Something that must never happen, with both values.
public struct AlarmDocument: Document {
    public static let documentType = "alarm"

    public private(set) var schema = SchemaTag<AlarmDocument>()
    public var kind: String
    public var at: Timestamp?
    public var height: UInt64?
    public var text: String

    public init(
        kind: String, at: Timestamp? = nil, height: UInt64? = nil, text: String
    ) {
        self.kind = kind
        self.at = at
        self.height = height
        self.text = text
    }
}
