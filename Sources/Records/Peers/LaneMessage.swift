/// A message of an upper layer on a lane of the main connection: `number` of the table in `gossip.md` 6, and its body.
public struct LaneMessage: Sendable, Hashable {
    public let number: UInt16
    public let body: [UInt8]
    /// Among queued messages of class 4 one with the same key is dropped first when the queue is full. Not on the wire.
    public let queueKey: UInt64?

    public init(_ number: UInt16, _ body: [UInt8], queueKey: UInt64? = nil) {
        self.number = number
        self.body = body
        self.queueKey = queueKey
    }
}

/// The one number space of messages outside compounds (`gossip.md` 6). Stage 2 numbers are not carried yet.
public enum MessageNumber {
    public static let item: UInt16 = 0x0200
    public static let proposal: UInt16 = 0x0300
    public static let vote: UInt16 = 0x0301
    public static let certificate: UInt16 = 0x0302
    public static let attestation: UInt16 = 0x0303
    public static let stateCertificate: UInt16 = 0x0304
    public static let status: UInt16 = 0x0305
    public static let submit: UInt16 = 0x030c
    public static let submitAck: UInt16 = 0x030d
    public static let follow: UInt16 = 0x030e
    public static let final: UInt16 = 0x030f
    /// A worker to the entry peer of its lease's job.
    public static let progress: UInt16 = 0x0405

    /// The lane (class) that carries `number`; nil if none does.
    public static func lane(_ number: UInt16) -> UInt8? {
        switch number {
        case 0x0301...0x0304: 1
        case 0x0200, 0x0300, 0x030f: 2
        case 0x0305, 0x030c, 0x030d, 0x030e: 3
        case 0x0400...0x040a: 4
        default: nil
        }
    }

    /// Whether service 3 (ledgerSync) carries `number`.
    public static func isLedgerSync(_ number: UInt16) -> Bool {
        switch number {
        case 0x0306...0x030b, 0x0310, 0x0311: true
        default: false
        }
    }

    /// Whether only peers of the seat lists may send `number`; from others it counts as `notSeat`.
    public static func isForSeatsOnly(_ number: UInt16) -> Bool {
        (0x0300...0x0303).contains(number)
    }
}
