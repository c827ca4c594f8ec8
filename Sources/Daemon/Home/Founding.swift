public import Basis
import Consensus
public import NodeCore
public import Records
public import Sodium
public import Storage
public import Trust
public import Wire

/// The secrets of a seat: what signs its votes, and the seed of its beacon chain (`ledger.md` 4.9, 7.1).
///
/// Made on the peer, kept only in the journal family of its store, never exported: who loses the journal loses the
/// key, and so cannot vote twice.
public struct SeatSecret: Sendable, WireCodable {
    public let voting: Bytes32
    public let beaconSeed: Digest
    public let beaconLength: UInt32

    /// Some 18 hours of a busy single seat at one block a second; a chain half used is renewed by `recommitBeacon`.
    /// 65,536 hashes take 15 ms at start.
    public static let lengthDefault: UInt32 = 65_536

    public init(length: UInt32 = SeatSecret.lengthDefault) {
        voting = randomSeed()
        beaconSeed = Digest(randomSeed())
        beaconLength = length
    }

    public func encode(to w: inout WireWriter) {
        w.bytes32(voting)
        w.value(beaconSeed)
        w.u32(beaconLength)
    }

    public init(from r: inout WireReader) throws(WireError) {
        voting = try r.bytes32()
        beaconSeed = try r.value()
        beaconLength = try r.u32()
        if beaconLength == 0 || beaconLength > LedgerLimits.beaconLengthMax { throw .outOfRange }
    }

    public var votingKey: SecretKey { SecretKey(seed: voting) }
    public var chain: BeaconChain { beacons.chain(0, hashing: SodiumHashing()) }
    /// The root of later chains comes from the voting secret, which is never revealed.
    public var beacons: BeaconSecret {
        BeaconSecret(
            first: beaconSeed, root: SodiumHashing().hash("peernode/chain-root/v1", voting.bytes),
            length: beaconLength)
    }

    /// What the seat shows of itself: `seatKey` of `init`.
    public func seat(of account: PublicKey) -> SeatInit {
        SeatInit(
            account: account, votingKey: votingKey.publicKey, beaconEnd: chain.end, beaconLength: beaconLength)
    }
}

extension SeatSecret {
    /// The key under which a secret waits for the epoch that will use it.
    static let pendingEpoch = UInt64.max

    /// The secret that waits in the store, made and written now if there is none.
    public static func pending(in store: Store) throws(StoreError) -> SeatSecret {
        let key = JournalKey.votingSecret(epoch: pendingEpoch)
        if let row = try store.get(.journal, key), let secret = try? SeatSecret(decoding: row) { return secret }
        let secret = SeatSecret()
        var batch = StoreBatch(isSynced: true)
        batch.put(.journal, key, secret.encoded)
        try store.writeAndWait(batch)
        return secret
    }

    /// The secret whose public half the genesis lists for `account`; nil if this is no seat or the secret is lost.
    public static func seated(
        _ account: PublicKey, in genesis: Genesis, _ store: Store
    ) throws(StoreError) -> SeatSecret? {
        guard let seat = genesis.seats.first(where: { $0.account == account }) else { return nil }
        for epoch in [0, pendingEpoch] {
            guard let row = try store.get(.journal, JournalKey.votingSecret(epoch: epoch)),
                let secret = try? SeatSecret(decoding: row), secret.votingKey.publicKey == seat.votingKey
            else { continue }
            return secret
        }
        return nil
    }
}

/// `seat_` and the public `SeatInit`: what `init` prints on a seat's machine, and a founder puts into a genesis.
public enum SeatKeyText {
    public static func text(_ seat: SeatInit) -> String { "seat_" + TextID.base32(seat.encoded) }

    public static func parse(_ text: String) -> SeatInit? {
        let body = text.hasPrefix("seat_") ? String(text.dropFirst(5)) : text
        guard let bytes = TextID.bytes(base32: body) else { return nil }
        return try? SeatInit(decoding: bytes)
    }
}
