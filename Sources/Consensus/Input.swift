public import Basis
public import Records
public import Trust

extension Replica {
    /// Names one order whose completion comes back as an input. Ascends within one process.
    public struct Ticket: Sendable, Hashable, Comparable {
        public let number: UInt64
        public init(_ number: UInt64) { self.number = number }
        public static func < (a: Ticket, b: Ticket) -> Bool { a.number < b.number }
    }

    public enum Input: Sendable {
        /// First of all, once.
        case start
        /// A message whose signatures, entries and lengths Ingress checked.
        case received(Verified<LogMessage>, from: PeerID)
        /// The batch of this ticket is on the disk.
        case persisted(Ticket)
        /// What the pool holds that no unexecuted ancestor of the tip holds (D1); to be repeated on each change,
        /// and after `.tipChanged`.
        case demand(PoolDemand)
        /// The answer to `.buildPayload`: entries in block order, each within its limits.
        case payload(Ticket, entries: [[UInt8]])
        /// A block was executed and its write is on the disk.
        indirect case executed(Executed)
        /// A further secret chain of the own seat, after its `recommitBeacon` was made.
        indirect case ownBeacon(Configuration.OwnBeacon)
        case linkUp(PeerID)
        case linkDown(PeerID)
        /// `nextDeadline` was reached.
        case timeout
    }

    /// What waits in the pool.
    public struct PoolDemand: Sendable, Hashable {
        /// Entries that the next block could hold.
        public var entryCount: Int
        public var bytes: Int
        /// When the oldest of them arrived.
        public var oldest: Instant

        public init(entryCount: Int, bytes: Int, oldest: Instant) {
            self.entryCount = entryCount
            self.bytes = bytes
            self.oldest = oldest
        }

        public static let none = PoolDemand(entryCount: 0, bytes: 0, oldest: .zero)
    }

    /// The state after an executed block, as far as ordering needs it. Height 0 is the genesis, without a view.
    public struct Executed: Sendable, Hashable {
        public var state: StateTuple
        /// nil for the base of the epoch.
        public var view: UInt64?
        /// T: ms since 1970.
        public var timestamp: UInt64
        /// L: ms of the ledger clock.
        public var ledgerMillis: UInt64
        /// The beacon record of each seat, by index.
        public var beacons: [BeaconRecord]
        /// How many further blocks the state asks for at least (D2): those that pending draws with retryAt 0
        /// lack until enough different seats have proposed, or 1 for timers that are due; 0 if nothing is due.
        public var blocksDue: Int
        /// Whether a driving timer is armed (D3).
        public var isTimerArmed: Bool

        public init(
            state: StateTuple, view: UInt64?, timestamp: UInt64, ledgerMillis: UInt64,
            beacons: [BeaconRecord], blocksDue: Int, isTimerArmed: Bool
        ) {
            self.state = state
            self.view = view
            self.timestamp = timestamp
            self.ledgerMillis = ledgerMillis
            self.beacons = beacons
            self.blocksDue = blocksDue
            self.isTimerArmed = isTimerArmed
        }
    }

    /// Why blocks are wanted (D1–D5 of 4.4).
    public struct DemandReasons: OptionSet, Sendable, Hashable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// D1: the pool holds an entry.
        public static let entries = DemandReasons(rawValue: 1)
        /// D2: the state has a draw pending or a timer due.
        public static let state = DemandReasons(rawValue: 2)
        /// D3: an armed timer, and the clock of the log lags.
        public static let clock = DemandReasons(rawValue: 4)
        /// D4: the tip is notarised and not final.
        public static let tip = DemandReasons(rawValue: 8)
        /// D5: an own vote in a view that has not ended.
        public static let vote = DemandReasons(rawValue: 16)
        /// Reasons under which a block may be empty.
        static let empty: DemandReasons = [.state, .clock, .tip]
    }
}
