import Basis
public import Trust
public import Wire

/// The state that a seat vouches for after executing a height (`ledger.md` 5.2), 144 bytes.
public struct StateTuple: Sendable, Hashable, WireCodable {
    public let epoch: UInt64
    public let height: UInt64
    public let blockHash: Digest
    public let stateDigest: Digest
    public let eventRoot: Digest
    /// Zero in stage 1: no epoch ends.
    public let nextSeatsHash: Digest

    public init(
        epoch: UInt64, height: UInt64, blockHash: Digest, stateDigest: Digest, eventRoot: Digest,
        nextSeatsHash: Digest
    ) {
        self.epoch = epoch
        self.height = height
        self.blockHash = blockHash
        self.stateDigest = stateDigest
        self.eventRoot = eventRoot
        self.nextSeatsHash = nextSeatsHash
    }

    public func encode(to w: inout WireWriter) {
        w.u64(epoch)
        w.u64(height)
        w.value(blockHash)
        w.value(stateDigest)
        w.value(eventRoot)
        w.value(nextSeatsHash)
    }

    public init(from r: inout WireReader) throws(WireError) {
        epoch = try r.u64()
        height = try r.u64()
        blockHash = try r.value()
        stateDigest = try r.value()
        eventRoot = try r.value()
        nextSeatsHash = try r.value()
    }
}

/// One seat's attestation (0x0303), 210 bytes.
public struct Attestation: Sendable, Hashable, WireCodable {
    public let state: StateTuple
    public let seat: UInt16
    public let signature: Signature

    public init(state: StateTuple, seat: UInt16, signature: Signature) {
        self.state = state
        self.seat = seat
        self.signature = signature
    }

    public func encode(to w: inout WireWriter) {
        w.value(state)
        w.u16(seat)
        w.value(signature)
    }

    public init(from r: inout WireReader) throws(WireError) {
        state = try r.value()
        seat = try r.u16()
        signature = try r.value()
    }

    public func isValid(seats: SeatList, network: NetworkID, verifying: some Verifying) -> Bool {
        StateCertificate.check(
            SeatSignature(seat: seat, signature: signature), of: state, seats: seats,
            network: network, verifying: verifying)
    }
}

/// Q or more attestations of one state (0x0304), 148 + 66·k bytes. It proves block, state, events and next seats.
public struct StateCertificate: Sendable, Hashable, WireCodable {
    public let state: StateTuple
    /// Ascending by seat.
    public let signatures: [SeatSignature]

    public init(state: StateTuple, signatures: [SeatSignature]) {
        self.state = state
        self.signatures = signatures
    }

    public func encode(to w: inout WireWriter) {
        w.value(state)
        w.list(signatures)
    }

    public init(from r: inout WireReader) throws(WireError) {
        state = try r.value()
        signatures = try SeatSignature.list(from: &r)
    }

    /// Whether at least Q distinct seats of `seats` signed the state in `network`, and no signature is invalid.
    public func isValid(seats: SeatList, network: NetworkID, verifying: some Verifying) -> Bool {
        guard signatures.count >= seats.quorum else { return false }
        return signatures.allSatisfy {
            StateCertificate.check(
                $0, of: state, seats: seats, network: network, verifying: verifying)
        }
    }

    static func check(
        _ one: SeatSignature, of state: StateTuple, seats: SeatList, network: NetworkID,
        verifying: some Verifying
    ) -> Bool {
        guard state.epoch == seats.epoch, Int(one.seat) < seats.count else { return false }
        return verifying.isValid(
            one.signature, .attest, network: network, body: state.encoded,
            by: seats.seats[Int(one.seat)].votingKey)
    }
}
