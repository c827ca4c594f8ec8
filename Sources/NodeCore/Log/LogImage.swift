public import Basis
import Consensus
public import Credits
public import Records
public import Trust
import Wire

/// What a node's log finds in its store at start, row by row (`ledger.md` 14.4).
///
/// The shell reads the families of `families` in full, `executed` of meta, and the newest state certificate; the rest
/// follows. An empty store gives height 0 of the genesis, whose records must be written before anything else.
public struct LogImage: Sendable {
    public static let families: [Family] = [.state, .journal, .pending, .certs]
    /// Family local, prefix 1: the outbox.
    public static let outboxPrefix: [UInt8] = [1]

    /// Why the store cannot be used. Nothing was changed; the files are kept.
    public enum Corruption: Error, Hashable, Sendable {
        case row(Family, key: [UInt8])
        case ledger(Ledger.RestoreError)
        /// The block at the executed height is not the one that `executed` names.
        case blockMismatch(height: UInt64)
    }

    /// The stored block and digest link of the executed height, which a restarted seat attests again.
    public struct Tip: Sendable {
        public let block: Block
        public let link: DigestLink

        public init(block: Block, link: DigestLink) {
            self.block = block
            self.link = link
        }
    }

    /// The height whose block and link the shell reads for `Tip`; 0 if nothing was executed.
    public var executedHeight: UInt64 { executed?.height ?? 0 }

    var state: [(key: [UInt8], value: [UInt8])] = []
    var journal = JournalImage()
    var executed: ExecutedRecord?
    var outbox: [Outbox.Item] = []

    public init() {}

    public mutating func add(_ family: Family, key: [UInt8], value: [UInt8]) throws(Corruption) {
        switch family {
        case .state: state.append((key, value))
        case .meta:
            if key != ExecutedRecord.key { return }
            guard let record = try? ExecutedRecord(decoding: value) else {
                throw .row(family, key: key)
            }
            executed = record
        case .local:
            guard key.first == LogImage.outboxPrefix[0] else { return }
            guard let item = try? Outbox.Item(decoding: value) else { throw .row(family, key: key) }
            outbox.append(item)
        default:
            do throws(JournalImage.CorruptRow) {
                try journal.add(family, key: key, value: value)
            } catch {
                throw .row(error.family, key: error.key)
            }
        }
    }

    /// The ledger as the store holds it. `block` is the stored block of the executed height.
    func ledger(genesis: Genesis, block: Block?, hashing: any Hashing) throws(Corruption) -> Ledger
    {
        guard let executed else { return Ledger(genesis: genesis, hashing: hashing) }
        if executed.height > 0, block?.hash(hashing: hashing) != executed.blockHash {
            throw .blockMismatch(height: executed.height)
        }
        do throws(Ledger.RestoreError) {
            return try Ledger(
                restoring: state, executed: executed, genesis: genesis, hashing: hashing)
        } catch {
            throw .ledger(error)
        }
    }
}

extension LogNode {
    /// What belongs to this node and does not change while it runs.
    public struct Identity: Sendable {
        public let genesis: Genesis
        public let signer: any Signing
        /// Signs votes; nil if this is no seat or its voting key is lost.
        public let voting: (any Signing)?
        /// nil if this is no seat or its journal is lost.
        public let beacon: BeaconSecret?

        public init(
            genesis: Genesis, signer: any Signing, voting: (any Signing)?,
            beacon: BeaconSecret?
        ) {
            self.genesis = genesis
            self.signer = signer
            self.voting = voting
            self.beacon = beacon
        }
    }

    /// The log of a node as its store holds it; `firstWrites` must be durable before `.start`.
    ///
    /// - Throws: what is wrong with the store; nothing was changed.
    public init(
        identity: Identity, image: LogImage, tip: LogImage.Tip?, limits: LedgerLimits,
        hashing: any Hashing,
        verifying: any Verifying, generator: SeededGenerator, now: Instant
    ) throws(LogImage.Corruption) {
        let ledger = try image.ledger(
            genesis: identity.genesis, block: tip?.block, hashing: hashing)
        if let tip, ledger.height > 0, tip.link.blockHash != ledger.blockHash {
            throw .blockMismatch(height: ledger.height)
        }
        let epoch = ledger.clock.epoch
        let state = StateTuple(
            epoch: epoch, height: ledger.height, blockHash: ledger.blockHash,
            stateDigest: ledger.digest,
            eventRoot: tip?.link.eventRoot
                ?? MerkleTree.root(leafTag: "peernode/event/v1", items: [], hashing: hashing),
            nextSeatsHash: .zero)
        var keeper = identity.beacon.map { BeaconKeeper($0, hashing: hashing) }
        let own = ledger.seatPositions.first { $0.account == identity.signer.publicKey }?.record
        // The entry that may be due is asked for again when the log has started.
        let chains = own.flatMap { keeper?.chains(of: $0) } ?? []
        let replica = Replica(
            configuration: .init(
                network: ledger.network, seats: ledger.seats, account: identity.signer.publicKey,
                voting: identity.voting, beacons: chains),
            executed: Replica.Executed(
                state: state, view: ledger.height == 0 ? nil : ledger.clock.view,
                timestamp: ledger.clock.time,
                ledgerMillis: ledger.clock.ledgerTime,
                beacons: ledger.seatPositions.map(\.record.beacon),
                blocksDue: ledger.blocksDue, isTimerArmed: ledger.hasArmedTimer),
            image: image.journal, limits: limits, hashing: hashing, generator: generator, now: now)
        self.init(
            replica: replica, ledger: ledger, limits: limits,
            outbox: Outbox(restoring: image.outbox, now: now), signer: identity.signer,
            hashing: hashing,
            verifying: verifying, now: now)
        beaconKeeper = keeper
        for item in image.outbox { reserveNonce(of: item) }
        mayHaveGap = !image.outbox.isEmpty
    }

    /// The records of height 0, which a new store gets before anything else; empty for one that has executed a block or
    /// holds them already.
    public static func firstWrites(image: LogImage, genesis: Genesis, hashing: any Hashing)
        -> StoreBatch
    {
        if !image.state.isEmpty || image.executed != nil { return StoreBatch(isSynced: false) }
        return Ledger(genesis: genesis, hashing: hashing).genesisBatch()
    }

    mutating func reserveNonce(of item: Outbox.Item) {
        guard let entry = try? Entry(decoding: item.entry), entry.account == account,
            case .owner(let lane, let nonce, _) = entry.envelope
        else { return }
        nextNonce[lane] = max(nextNonce[lane] ?? 0, nonce + 1)
    }
}
