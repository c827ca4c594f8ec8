import Basis
public import Records
public import Trust

extension Replica {
    /// What does not change while the process runs.
    public struct Configuration: Sendable {
        /// A secret chain of the own seat and the turn of its first element.
        public struct OwnBeacon: Sendable {
            public let start: UInt64
            public let chain: BeaconChain

            public init(start: UInt64, chain: BeaconChain) {
                self.start = start
                self.chain = chain
            }
        }

        public let network: NetworkID
        public let seats: SeatList
        /// The own account: its place among the seats, if any, makes this peer a seat.
        public let account: PublicKey
        /// Signs votes and attestations; nil if this peer is no seat, or lost its voting key.
        public let voting: (any Signing)?
        public let beacons: [OwnBeacon]

        public init(
            network: NetworkID, seats: SeatList, account: PublicKey, voting: (any Signing)?,
            beacons: [OwnBeacon]
        ) {
            self.network = network
            self.seats = seats
            self.account = account
            self.voting = voting
            self.beacons = beacons
        }
    }

    /// Counters of what was dropped, held or answered (STYLE 4.5).
    public struct Stats: Sendable, Hashable {
        /// Votes for views too far ahead.
        public var farVotes = 0
        /// Votes for views that are forgotten.
        public var oldVotes = 0
        public var repeatedVotes = 0
        public var equivocations = 0
        public var badMessages = 0
        public var rejectedProposals = 0
        public var heldProposals = 0
        public var droppedProposals = 0
        public var refusedFollowers = 0
        public var refusedRequests = 0
        public var misrouted = 0
        public var unwantedBlocks = 0
        public var votesCast = 0
        public var resends = 0
        public var viewsFailed = 0
        public var viewsNotarised = 0
    }

    /// Timers of the core; ties fire in this order.
    enum Alarm: UInt8, Comparable, Hashable, Sendable {
        case proposal, progress, resend, attestation, status, follow, wake
        static func < (a: Alarm, b: Alarm) -> Bool { a.rawValue < b.rawValue }
    }

    struct Position: Sendable, Hashable {
        var height: UInt64
        var hash: Digest
    }

    /// The highest notarised block known.
    struct Tip: Sendable {
        /// One more than its view; 0 for the base.
        var below: UInt64
        var hash: Digest
        var since: Basis.Instant
    }

    struct Parcel: Sendable {
        let ticket: Ticket
        var effects: [Effect]
        var isDurable = false
    }

    /// What one call of `handle` collects.
    struct Turn: Sendable {
        var effects: [Effect] = []
        var batch = StoreBatch(isSynced: true)
        /// Sends that wait until everything written so far is durable.
        var gated: [Effect] = []
        /// Whether lazy writes need not wait for a synced batch.
        var flushesLazy = false
    }
}
