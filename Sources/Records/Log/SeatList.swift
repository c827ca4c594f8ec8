import Basis
public import Trust
public import Wire

/// What a seat shows of itself in a genesis or handover (`ledger.md` 3.1), 100 bytes.
public struct SeatInit: Sendable, Hashable, WireCodable {
    public let account: PublicKey
    /// The key that signs votes and attestations; never the account's.
    public let votingKey: PublicKey
    /// Published end of the secret beacon chain (7.1).
    public let beaconEnd: Digest
    /// Elements of that chain, at most 2²².
    public let beaconLength: UInt32

    public static let bytes = 100

    public init(
        account: PublicKey, votingKey: PublicKey, beaconEnd: Digest, beaconLength: UInt32
    ) {
        self.account = account
        self.votingKey = votingKey
        self.beaconEnd = beaconEnd
        self.beaconLength = beaconLength
    }

    public func encode(to w: inout WireWriter) {
        w.value(account)
        w.value(votingKey)
        w.value(beaconEnd)
        w.u32(beaconLength)
    }

    public init(from r: inout WireReader) throws(WireError) {
        account = try r.value()
        votingKey = try r.value()
        beaconEnd = try r.value()
        beaconLength = try r.u32()
        if beaconLength > LedgerLimits.beaconLengthMax { throw .outOfRange }
    }
}

/// The seats of one epoch, ascending by account, with the arithmetic of `ledger.md` 4.1.
public struct SeatList: Sendable, Hashable {
    public let epoch: UInt64
    public let seats: [SeatInit]

    /// `seats` is not empty and ascends by account.
    public init(epoch: UInt64, seats: [SeatInit]) {
        invariant(!seats.isEmpty, "no seats in epoch \(epoch)")
        self.epoch = epoch
        self.seats = seats
    }

    public var count: Int { seats.count }

    /// Byzantine seats that safety bears: ⌈n/3⌉ − 1.
    public var faulty: Int { (count + 2) / 3 - 1 }

    /// The smallest Q with 2Q − n ≥ ⌈n/3⌉: two quorums share an honest seat.
    public var quorum: Int { SeatList.quorum(of: count) }

    public static func quorum(of n: Int) -> Int { (n + (n + 2) / 3 + 1) / 2 }

    /// `(view + epoch) mod n`.
    public func leader(of view: UInt64) -> Int {
        Int((view % UInt64(count) + epoch % UInt64(count)) % UInt64(count))
    }

    /// The leader's turn number of a view: `view div n`.
    public func turn(of view: UInt64) -> UInt64 { view / UInt64(count) }

    /// The index of the seat of `account`; nil if it has none.
    public func index(of account: PublicKey) -> Int? {
        seats.firstIndex { $0.account == account }
    }
}
