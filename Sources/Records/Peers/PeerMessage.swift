import Basis
public import Trust
import Wire

/// The messages of `gossip.md` 6 between two peers with a session. Several make a `Compound`.
///
/// Doubt, Have, Want and Item belong to stage 2 behaviour; their layouts are final and decode here.
public enum PeerMessage: Sendable, Hashable {
    case ping(Ping)
    case ack(Ack)
    case pingRequest(PingRequest)
    case indirectAck(IndirectAck)
    case linkRequest(linkCount: UInt8, isLowPriority: Bool)
    case linkAccept(linkCount: UInt8)
    case linkRefuse(LinkRefusal, retrySeconds: UInt16)
    case linkClose(CloseReason, retrySeconds: UInt16)
    case pull(Pull)
    case records(RecordsPart)
    case find(request: UInt16, ids: [PeerID])
    case doubt(target: PeerID, sequence: UInt64)
    case goodbye(CloseReason)
    case ready
    case have(itemKind: UInt8, HaveState, ids: [ItemID])
    case want(ids: [ItemID])
    case item(ItemMessage)
    case appDatagram(AppDatagram)

    /// The largest body of an item or application datagram.
    public static let smallBodyBytesMax = 1_024

    /// The type byte in a compound.
    public var type: UInt8 {
        switch self {
        case .ping: 0x01
        case .ack: 0x02
        case .pingRequest: 0x03
        case .indirectAck: 0x04
        case .linkRequest: 0x05
        case .linkAccept: 0x06
        case .linkRefuse: 0x07
        case .linkClose: 0x08
        case .pull: 0x09
        case .records: 0x0a
        case .find: 0x0b
        case .doubt: 0x0c
        case .goodbye: 0x0d
        case .ready: 0x0e
        case .have: 0x0f
        case .want: 0x10
        case .item: 0x11
        case .appDatagram: 0x12
        }
    }

    /// The order in which a session's outbox packs waiting messages; lower goes first (`gossip.md` 6).
    public var outboxClass: OutboxClass {
        switch self {
        case .ping, .ack, .pingRequest, .indirectAck, .linkRequest, .linkAccept, .linkRefuse,
            .linkClose, .goodbye, .ready, .doubt:
            .link
        case .appDatagram: .application
        case .have, .want: .ids
        case .pull, .records, .find, .item: .records
        }
    }
}

/// Classes of messages in an outbox, first to last.
public enum OutboxClass: UInt8, Sendable, Comparable, CaseIterable {
    case link, application, ids, records
    public static func < (a: OutboxClass, b: OutboxClass) -> Bool { a.rawValue < b.rawValue }
}

/// How far a peer's chain is, as Pings say it: 24 bytes.
public struct ChainTip: Sendable, Hashable {
    public var height: UInt64
    /// First 8 bytes of the header hash.
    public var hashPrefix: UInt64
    public var checkpointHeight: UInt64

    public init(height: UInt64 = 0, hashPrefix: UInt64 = 0, checkpointHeight: UInt64 = 0) {
        self.height = height
        self.hashPrefix = hashPrefix
        self.checkpointHeight = checkpointHeight
    }
}

/// 48 bytes.
public struct Ping: Sendable, Hashable {
    public struct Flags: OptionSet, Sendable, Hashable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let linked = Flags(rawValue: 1)
        public static let doubted = Flags(rawValue: 2)
        public static let helper = Flags(rawValue: 4)
    }

    public var probe: UInt32
    /// 10 ms units since two-way evidence of the receiver; 65,535 = none.
    public var sinceHeard: UInt16
    public var flags: Flags
    /// 0…3.
    public var health: UInt8
    public var mySequence: UInt64
    /// Newest record of the receiver that the sender holds.
    public var yourSequence: UInt64
    public var tip: ChainTip

    public init(
        probe: UInt32, sinceHeard: UInt16, flags: Flags = [], health: UInt8 = 0, mySequence: UInt64,
        yourSequence: UInt64, tip: ChainTip = ChainTip()
    ) {
        self.probe = probe
        self.sinceHeard = sinceHeard
        self.flags = flags
        self.health = health
        self.mySequence = mySequence
        self.yourSequence = yourSequence
        self.tip = tip
    }
}

/// 46 bytes.
public struct Ack: Sendable, Hashable {
    /// Copied from the Ping.
    public var probe: UInt32
    public var flags: Ping.Flags
    public var health: UInt8
    public var mySequence: UInt64
    public var yourSequence: UInt64
    public var tip: ChainTip

    public init(
        probe: UInt32, flags: Ping.Flags = [], health: UInt8 = 0, mySequence: UInt64,
        yourSequence: UInt64, tip: ChainTip = ChainTip()
    ) {
        self.probe = probe
        self.flags = flags
        self.health = health
        self.mySequence = mySequence
        self.yourSequence = yourSequence
        self.tip = tip
    }
}

public struct PingRequest: Sendable, Hashable {
    public var probe: UInt32
    public var target: PeerID
    /// 200…6,000.
    public var roundMilliseconds: UInt16

    public init(probe: UInt32, target: PeerID, roundMilliseconds: UInt16) {
        self.probe = probe
        self.target = target
        self.roundMilliseconds = roundMilliseconds
    }
}

public struct IndirectAck: Sendable, Hashable {
    public enum Verdict: UInt8, Sendable {
        case reached = 1, noAnswer, noSession, overBudget
    }

    public var probe: UInt32
    public var target: PeerPrefix
    public var verdict: Verdict
    public var rttMilliseconds: UInt16

    public init(probe: UInt32, target: PeerPrefix, verdict: Verdict, rttMilliseconds: UInt16) {
        self.probe = probe
        self.target = target
        self.verdict = verdict
        self.rttMilliseconds = rttMilliseconds
    }
}

public enum LinkRefusal: UInt8, Sendable {
    case full = 1, backoff, policy, notReady, sameGroup, draining
}

/// Asks for records of a slice of ids, naming those already known.
public struct Pull: Sendable, Hashable {
    public struct Known: Sendable, Hashable {
        public var prefix: PeerPrefix
        /// Low 48 bits of the sequence known.
        public var sequenceLow: UInt64

        public init(prefix: PeerPrefix, sequence: UInt64) {
            self.prefix = prefix
            sequenceLow = sequence & 0xffff_ffff_ffff
        }
    }

    public static let knownMax = 64

    public var request: UInt16
    /// 1…16 records.
    public var want: UInt8
    /// The slice by first 8 bytes, both ends inside; it may wrap.
    public var start: PeerPrefix
    public var end: PeerPrefix
    /// In circular order from `start`, inside the slice, at most 64.
    public var known: [Known]

    public init(request: UInt16, want: UInt8, start: PeerPrefix, end: PeerPrefix, known: [Known]) {
        self.request = request
        self.want = want
        self.start = start
        self.end = end
        self.known = known
    }

    /// Whether `prefix` lies in the slice.
    public func covers(_ prefix: PeerPrefix) -> Bool {
        prefix.word &- start.word <= end.word &- start.word
    }
}

/// Up to 4 records, still as bytes: their receiver judges each (`gossip.md` 3.4).
public struct RecordsPart: Sendable, Hashable {
    public enum Purpose: UInt8, Sendable {
        case answer = 1, push, forward, witnesses
    }

    public static let recordsMax = 4
    public static let asksMax = 8
    public static let partsMax: UInt8 = 4

    /// 0 = unasked.
    public var request: UInt16
    public var part: UInt8
    public var parts: UInt8
    public var purpose: Purpose
    public var hops: UInt8
    public var records: [[UInt8]]
    public var ask: [PeerPrefix]

    public init(
        request: UInt16 = 0, part: UInt8 = 0, parts: UInt8 = 1, purpose: Purpose, hops: UInt8 = 0,
        records: [[UInt8]], ask: [PeerPrefix] = []
    ) {
        self.request = request
        self.part = part
        self.parts = parts
        self.purpose = purpose
        self.hops = hops
        self.records = records
        self.ask = ask
    }
}

public enum HaveState: UInt8, Sendable {
    case have = 1, receiving
}

public struct ItemMessage: Sendable, Hashable {
    public static let hopsMax: UInt8 = 12

    public var itemKind: UInt8
    public var hops: UInt8
    public var id: ItemID
    /// At most 1,024 bytes here; larger bodies are lane messages.
    public var body: [UInt8]

    public init(itemKind: UInt8, hops: UInt8, id: ItemID, body: [UInt8]) {
        self.itemKind = itemKind
        self.hops = hops
        self.id = id
        self.body = body
    }
}

/// A small message of an upper layer that may be lost.
public struct AppDatagram: Sendable, Hashable {
    /// 4 or 7.
    public var trafficClass: UInt8
    /// A number of the table in `gossip.md` 6.
    public var number: UInt16
    /// At most 1,024 bytes.
    public var body: [UInt8]

    public init(trafficClass: UInt8, number: UInt16, body: [UInt8]) {
        self.trafficClass = trafficClass
        self.number = number
        self.body = body
    }
}
