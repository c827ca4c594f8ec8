import Loop
public import API
import Basis
import Consensus
import Credits
import NodeCore
import Records
import Trust
import Wire

extension DaemonService {
    public func ledger() async throws(Problem) -> LedgerDocument {
        try await node.withLedger { (scene) throws(Problem) in LedgerTexts.document(scene) }
    }

    public func blocks(from: UInt64?, _ slice: Slice) async throws(Problem) -> Stated<Sliced<BlockDocument>> {
        try await node.stated { (scene) throws(Problem) in
            var items: [BlockDocument] = []
            if let from {
                let first = try slice.after.map { (text) throws(Problem) in try LedgerTexts.height(text) + 1 }
                var height = max(first ?? from, 1)
                while height <= scene.height, items.count < slice.limit {
                    if let block = LedgerTexts.block(height, scene) { items.append(block) }
                    height += 1
                }
                return Sliced(items, next: height <= scene.height ? String(height - 1) : nil)
            }
            // Without a start: the newest first.
            let before = try slice.after.map { (text) throws(Problem) in try LedgerTexts.height(text) }
            var height = min((before ?? .max) &- (before == nil ? 0 : 1), scene.height)
            while height > 0, items.count < slice.limit {
                if let block = LedgerTexts.block(height, scene) { items.append(block) }
                height -= 1
            }
            return Sliced(items, next: height > 0 ? String(height + 1) : nil)
        }
    }

    public func block(_ height: UInt64) async throws(Problem) -> Stated<BlockDocument> {
        try await node.stated { (scene) throws(Problem) in
            guard height > 0, height <= scene.height, let block = LedgerTexts.block(height, scene) else {
                throw Problem(
                    .notFound, "there is no block \(height) here; the newest is \(scene.height)",
                    fix: "peernode status shows whether this node is up to date")
            }
            return block
        }
    }

    public func seats(epoch: UInt64?) async throws(Problem) -> Stated<SeatListDocument> {
        try await node.stated { (scene) throws(Problem) in
            let view = scene.ledger.seatsView()
            if let epoch, epoch != view.epoch {
                throw Problem(.notFound, "there is no epoch \(epoch) here; the one that runs is \(view.epoch)")
            }
            return LedgerTexts.seats(view, scene)
        }
    }

    public func alarms() async throws(Problem) -> [AlarmDocument] { await node.alarmDocuments() }

    public func offers(
        runtime: String?, account: String?, _ slice: Slice
    ) async throws(Problem) -> Stated<Sliced<OfferDocument>> {
        let names = runtimeNames
        return try await node.stated { (scene) throws(Problem) in
            let only = try account.map { (text) throws(Problem) in try IDs.account(text, own: scene.log.account) }
            var cursor = try slice.after.map { (text) throws(Problem) in try LedgerTexts.offerKey(text) }
            var items: [OfferDocument] = []
            while true {
                let page = scene.ledger.offerPage(OfferFilter(), after: cursor, limit: 500)
                for view in page.items {
                    if let only, view.key.account != only { continue }
                    let offer = LedgerTexts.offer(view, scene, names)
                    if let runtime, !offer.runtimes.contains(runtime) { continue }
                    if items.count == slice.limit {
                        return Sliced(items, next: cursor.map { LedgerTexts.text($0) })
                    }
                    items.append(offer)
                    cursor = view.key
                }
                guard page.next != nil else { return Sliced(items) }
                cursor = page.next
            }
        }
    }

    public func reach(height: UInt64) async throws(Problem) {
        let deadline = node.loop.now + .seconds(10)
        let reached = try await node.wait(until: deadline) { () async throws(Problem) in
            try await self.node.withLedger { (scene) throws(Problem) in scene.height }
        } isReached: {
            $0 >= height
        }
        if reached < height {
            throw Problem(
                .behind, "this node's ledger is at height \(reached), asked for was \(height)",
                retryAfterSeconds: 2)
        }
    }
}

extension NodeActor {
    func alarmDocuments() -> [AlarmDocument] {
        alarms.map {
            AlarmDocument(kind: $0.kind, at: IDs.time($0.wall), height: core.log?.ledger.height, text: $0.text)
        }
    }
}

extension NodeActor.Alarm {
    /// A closed list of words, by what the text tells.
    var kind: String {
        if text.contains("conserved") { return "supply" }
        if text.contains("fork") || text.contains("equivocation") || text.contains("diverged") {
            return "conflict"
        }
        if text.contains("store") || text.contains("disk") { return "store" }
        return "other"
    }
}

/// Blocks, seats, supply and offers as documents.
enum LedgerTexts {
    static func height(_ text: String) throws(Problem) -> UInt64 {
        guard let height = UInt64(text), height < UInt64.max else {
            throw Problem(.badCursor, "the cursor is not one of this list")
        }
        return height
    }

    static func document(_ scene: LedgerScene) -> LedgerDocument {
        let clock = scene.ledger.clock
        let known = scene.status.facts
        return LedgerDocument(
            network: IDs.network(scene.log.network), height: scene.height, certifiedHeight: scene.certifiedHeight,
            hash: scene.ledger.blockHash.raw.hex, stateDigest: scene.ledger.digest.raw.hex, epoch: clock.epoch,
            view: known.view, at: IDs.time(clock.time), clockMs: Int64(clamping: clock.ledgerTime),
            behindMs: behind(scene), halted: scene.status.isStalled, supply: supply(scene.ledger.supply))
    }

    /// How long the newest block is behind this clock while the node catches up; 0 when it is up to date.
    static func behind(_ scene: LedgerScene) -> Int64 {
        guard case .syncing(let blocks) = scene.status.kind, blocks > 0 else { return 0 }
        return max(0, Int64(clamping: NodeActor.wallMillis()) - Int64(clamping: scene.ledger.clock.time))
    }

    static func supply(_ record: SupplyRecord) -> LedgerDocument.Supply {
        func micro(_ sum: UInt128) -> Micro { Micro(UInt64(clamping: sum)) }
        return LedgerDocument.Supply(
            genesisMicro: micro(record.genesis), mintedMicro: micro(record.minted), grantsMicro: micro(record.grants),
            burnedMicro: micro(record.burned), availableMicro: micro(record.available),
            grantedMicro: micro(record.granted), escrowMicro: micro(record.escrow), bondedMicro: micro(record.bonded),
            unbondingMicro: micro(record.unbonding), treasuryMicro: micro(record.treasury),
            conserved: record.isConserved)
    }

    static func block(_ height: UInt64, _ scene: LedgerScene) -> BlockDocument? {
        guard let block = scene.keeper.stored(height)?.block else { return nil }
        let header = block.header
        let codes = scene.outcomes(height)
        let step = scene.rows.value(.proofs, DigestStep.key(height)).flatMap { try? DigestStep(decoding: $0) }
        let digest = step.map { $0.link.digest(after: $0.before, height: height, hashing: IDs.hashing) }
        let entries = block.entries.enumerated().map { index, bytes in
            entry(bytes, codes[UInt32(index)], scene)
        }
        return BlockDocument(
            height: height, hash: block.hash(hashing: IDs.hashing).raw.hex, parent: header.parentHash.raw.hex,
            epoch: header.epoch, view: header.view, proposer: Int(header.seat), at: IDs.time(header.timestamp),
            txRoot: header.txRoot.raw.hex, stateDigest: Known(digest?.raw.hex), entries: entries)
    }

    static func entry(
        _ bytes: [UInt8], _ outcome: (TransactionID, OutcomeCode)?, _ scene: LedgerScene
    ) -> BlockDocument.Entry {
        let entry = try? Entry(decoding: bytes)
        let id = outcome?.0 ?? entry?.id(network: scene.log.network, hashing: IDs.hashing)
        return BlockDocument.Entry(
            tx: id.map { IDs.transaction($0) } ?? "", kind: entry.map { "\($0.kind)" } ?? "unknown",
            verdict: outcome.map { "\($0.1)" } ?? "malformed")
    }

    static func seats(_ view: SeatsView, _ scene: LedgerScene) -> SeatListDocument {
        let facts = scene.log.replica.facts()
        let missing = facts.missing.map(Int.init)
        let isHalted = scene.status.isStalled
        return SeatListDocument(
            epoch: view.epoch, mode: .admitted, quorum: view.quorum, tolerates: view.faulty,
            seats: view.seats.map { one in
                SeatListDocument.Seat(
                    index: one.index, account: IDs.account(one.seat.account),
                    peer: .value(IDs.peer(IDs.hashing.peerID(of: one.seat.account))),
                    state: missing.contains(one.index) ? .silent : .live,
                    lastVoteHeight: one.record.lastProposed)
            }, view: facts.view, leader: .value(Int(facts.leader)), halted: isHalted,
            missing: isHalted ? missing : [], nextChange: .null)
    }

    static func text(_ key: OfferKey) -> String { IDs.account(key.account) + "." + String(key.slotClass) }

    static func offerKey(_ text: String) throws(Problem) -> OfferKey {
        let parts = text.split(separator: ".")
        guard parts.count == 2, let account = TextID.account(String(parts[0]), hashing: IDs.hashing),
            let slotClass = UInt8(parts[1])
        else { throw Problem(.badCursor, "the cursor is not one of this list") }
        return OfferKey(account: account, slotClass: slotClass)
    }

    static func offer(_ view: OfferView, _ scene: LedgerScene, _ names: RuntimeNames) -> OfferDocument {
        let offer = view.record.offer
        let runtimes = offer.runtimes.map { names.name($0) }
        return OfferDocument(
            account: IDs.account(view.key.account), slotClass: Int(view.key.slotClass),
            peer: .value(IDs.peer(IDs.hashing.peerID(of: view.key.account))), owner: IDs.account(view.owner),
            runtimes: runtimes,
            capabilities: Capabilities(
                cores: Int(offer.cores), memoryBytes: Int64(offer.memoryMiB) << 20,
                diskBytes: Int64(offer.diskMiB) << 20, runtimes: runtimes),
            rateCPUMicro: Micro(offer.rateCPU), rateMemoryMicro: Micro(offer.rateMemory),
            slots: .init(total: Int(offer.slots), free: view.free), validUntilAt: IDs.time(offer.validUntil),
            registeredHeight: view.record.height, tier: OfferTexts.tier(offer.isolation),
            meter: OfferTexts.meter(offer.meter))
    }
}

extension LedgerScene {
    /// Outcomes of a block's entries by their index.
    func outcomes(_ height: UInt64) -> [UInt32: (TransactionID, OutcomeCode)] {
        let prefix = Array(IndexRows.place(height, 0).prefix(8))
        var codes: [UInt32: (TransactionID, OutcomeCode)] = [:]
        for row in rows.rows(.events, prefix: prefix, from: nil, limit: 1 << 20, descending: false) {
            guard let event = try? NumberedEvent(decoding: row.value).event,
                case .outcome(let index, let id, let code, _) = event
            else { continue }
            codes[index] = (id, code)
        }
        return codes
    }
}
