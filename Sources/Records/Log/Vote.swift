import Basis
public import Trust
public import Wire

public enum VoteKind: UInt8, Sendable, CaseIterable, Comparable {
    case notarize = 1
    case nullify = 2
    case finalize = 3

    public static func < (a: VoteKind, b: VoteKind) -> Bool { a.rawValue < b.rawValue }

    public var signatureKind: SignatureKind {
        switch self {
        case .notarize: .notarize
        case .nullify: .nullify
        case .finalize: .finalize
        }
    }

    init(from r: inout WireReader) throws(WireError) {
        let tag = try r.u8()
        guard let kind = VoteKind(rawValue: tag) else { throw .unknownTag(UInt64(tag)) }
        self = kind
    }
}

/// What a vote or certificate is about: kind, epoch, view and block (zero for nullify). 49 bytes.
public struct Ballot: Sendable, Hashable, WireCodable {
    public let kind: VoteKind
    public let epoch: UInt64
    public let view: UInt64
    /// Zero iff the kind is nullify.
    public let blockHash: Digest

    public init(kind: VoteKind, epoch: UInt64, view: UInt64, blockHash: Digest) {
        invariant((kind == .nullify) == blockHash.isZero, "\(kind) of \(blockHash) in view \(view)")
        self.kind = kind
        self.epoch = epoch
        self.view = view
        self.blockHash = blockHash
    }

    /// The body that seats sign: epoch, view, block hash. The kind is in the domain.
    public var signedBody: [UInt8] {
        var w = WireWriter(capacity: 48)
        w.u64(epoch)
        w.u64(view)
        w.value(blockHash)
        return w.finish()
    }

    public func encode(to w: inout WireWriter) {
        w.u8(kind.rawValue)
        w.u64(epoch)
        w.u64(view)
        w.value(blockHash)
    }

    public init(from r: inout WireReader) throws(WireError) {
        kind = try VoteKind(from: &r)
        epoch = try r.u64()
        view = try r.u64()
        blockHash = try r.value()
        if (kind == .nullify) != blockHash.isZero { throw .outOfRange }
    }
}

/// One seat's signature, as it stands in certificates. 66 bytes.
public struct SeatSignature: Sendable, Hashable, WireCodable {
    public let seat: UInt16
    public let signature: Signature

    public init(seat: UInt16, signature: Signature) {
        self.seat = seat
        self.signature = signature
    }

    public func encode(to w: inout WireWriter) {
        w.u16(seat)
        w.value(signature)
    }

    public init(from r: inout WireReader) throws(WireError) {
        seat = try r.u16()
        signature = try r.value()
    }

    /// `list[(u16, sig)]≤100`, ascending by seat.
    static func list(from r: inout WireReader) throws(WireError) -> [SeatSignature] {
        try r.ascending(max: LedgerLimits.seatsMax, itemBytesMin: 66, by: \.seat) {
            (r) throws(WireError) in try r.value()
        }
    }
}

/// A seat's vote (0x0301), 115 bytes.
public struct Vote: Sendable, Hashable, WireCodable {
    public let ballot: Ballot
    public let seat: UInt16
    public let signature: Signature

    public init(ballot: Ballot, seat: UInt16, signature: Signature) {
        self.ballot = ballot
        self.seat = seat
        self.signature = signature
    }

    public func encode(to w: inout WireWriter) {
        w.value(ballot)
        w.u16(seat)
        w.value(signature)
    }

    public init(from r: inout WireReader) throws(WireError) {
        ballot = try r.value()
        seat = try r.u16()
        signature = try r.value()
    }

    /// Whether a seat of `seats` signed this in `network`. One verification.
    public func isValid(seats: SeatList, network: NetworkID, verifying: some Verifying) -> Bool {
        Certificate.check(
            SeatSignature(seat: seat, signature: signature), of: ballot, seats: seats,
            network: network, verifying: verifying)
    }
}

/// Q or more votes for one ballot (0x0302), 53 + 66·k bytes.
public struct Certificate: Sendable, Hashable, WireCodable {
    public let ballot: Ballot
    /// Ascending by seat.
    public let votes: [SeatSignature]

    public init(ballot: Ballot, votes: [SeatSignature]) {
        self.ballot = ballot
        self.votes = votes
    }

    public func encode(to w: inout WireWriter) {
        w.value(ballot)
        w.list(votes)
    }

    public init(from r: inout WireReader) throws(WireError) {
        ballot = try r.value()
        votes = try SeatSignature.list(from: &r)
    }

    /// Whether at least Q distinct seats of `seats` signed the ballot in `network`, and no vote in it is invalid.
    public func isValid(seats: SeatList, network: NetworkID, verifying: some Verifying) -> Bool {
        guard votes.count >= seats.quorum else { return false }
        return votes.allSatisfy {
            Certificate.check($0, of: ballot, seats: seats, network: network, verifying: verifying)
        }
    }

    static func check(
        _ vote: SeatSignature, of ballot: Ballot, seats: SeatList, network: NetworkID,
        verifying: some Verifying
    ) -> Bool {
        guard ballot.epoch == seats.epoch, Int(vote.seat) < seats.count else { return false }
        return verifying.isValid(
            vote.signature, ballot.kind.signatureKind, network: network, body: ballot.signedBody,
            by: seats.seats[Int(vote.seat)].votingKey)
    }
}
