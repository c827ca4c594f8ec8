public import API
import Basis
import Credits
import NodeCore
import Records
import Trust

extension DaemonService {
    public func account(_ id: String) async throws(Problem) -> Stated<AccountDocument> {
        try await node.stated { (scene) throws(Problem) in
            let key = try IDs.account(id, own: scene.log.account)
            return AccountTexts.document(key, scene)
        }
    }

    public func holds(_ id: String, _ slice: Slice) async throws(Problem) -> Stated<Sliced<HoldDocument>> {
        try await node.stated { (scene) throws(Problem) in
            let key = try IDs.account(id, own: scene.log.account)
            let all = scene.ledger.balance(of: key).holds
            let rest = all.filter { hold in slice.after.map { IDs.job(hold.job) > $0 } ?? true }
            let part = rest.prefix(slice.limit)
            let items = part.map { hold in
                HoldDocument(
                    job: IDs.job(hold.job), amountMicro: Micro(hold.amount), sinceHeight: hold.sinceHeight,
                    expiresAt: scene.wall(ledgerTime: hold.deadline))
            }
            return Sliced(items, next: part.count < rest.count ? items.last?.job : nil)
        }
    }

    public func history(
        _ id: String, _ filter: HistoryFilter, _ slice: Slice
    ) async throws(Problem) -> Stated<Sliced<HistoryEntryDocument>> {
        try await node.stated { (scene) throws(Problem) in
            let key = try IDs.account(id, own: scene.log.account)
            return try AccountTexts.history(key, filter, slice, scene)
        }
    }

    public func nextTransaction(account: String?) async throws(Problem) -> Stated<NextTransactionDocument> {
        try await node.stated { (scene) throws(Problem) in
            let key = try IDs.account(account ?? "self", own: scene.log.account)
            let nonce =
                key == scene.log.account
                ? scene.log.nextWalletNonce : scene.ledger.account(key)?.nonceWallet ?? 0
            let until = max(scene.ledger.clock.time, NodeActor.wallMillis()) + LogNode.entryMillisMax
            return NextTransactionDocument(
                account: IDs.account(key), nonce: Digits(nonce), validUntilAt: IDs.time(until),
                feeMicro: Micro(scene.ledger.genesis.entryFee), network: IDs.network(scene.log.network), rules: 1)
        }
    }
}

extension LedgerScene {
    /// When the ledger's clock will show `ledgerTime`, if it goes on without a stop.
    func wall(ledgerTime: UInt64) -> Timestamp {
        let clock = ledger.clock
        let ahead = Int64(clamping: ledgerTime) - Int64(clamping: clock.ledgerTime)
        return Timestamp(unixMilliseconds: Int64(clamping: clock.time) + ahead)
    }
}

/// Accounts as documents.
enum AccountTexts {
    static func document(_ key: PublicKey, _ scene: LedgerScene) -> AccountDocument {
        let record = scene.ledger.account(key)
        var flags: [String] = []
        if record?.flags.contains(.admitted) == true { flags.append("admitted") }
        if record?.flags.contains(.revoked) == true { flags.append("revoked") }
        if record?.flags.contains(.guilty) == true { flags.append("guilty") }
        if let record, record.suspendedUntil > scene.ledger.clock.ledgerTime { flags.append("suspended") }
        return AccountDocument(
            id: IDs.account(key), exists: record != nil, availableMicro: Micro(record?.available ?? .zero),
            grantedMicro: Micro(record?.granted ?? .zero), heldMicro: Micro(record?.held ?? .zero),
            bondedMicro: 0, unbondingMicro: 0, nonce: Digits(record?.nonceWallet ?? 0),
            nonceNode: Digits(record?.nonceNode ?? 0), flags: flags, openJobs: Int(record?.openJobs ?? 0),
            height: scene.height, assurance: .replayed)
    }

    /// Most events that one request looks at, whatever its filter leaves.
    static let lookedAtMax = 5_000

    static func history(
        _ key: PublicKey, _ filter: HistoryFilter, _ slice: Slice, _ scene: LedgerScene
    ) throws(Problem) -> Sliced<HistoryEntryDocument> {
        var cursor: HistoryCursor?
        if let after = slice.after { cursor = try self.cursor(after) }
        var items: [HistoryEntryDocument] = []
        var looked = 0
        while looked < lookedAtMax {
            let page = scene.reader.history(of: key, after: cursor, limit: 200)
            for item in page.items {
                if let since = filter.since, IDs.time(item.time) < since { return Sliced(items) }
                looked += 1
                if let entry = entry(item, of: key, scene),
                    filter.kinds.isEmpty || filter.kinds.contains(entry.kind)
                {
                    items.append(entry)
                }
                if items.count == slice.limit { return Sliced(items, next: text(item.cursor(of: key))) }
            }
            cursor = page.next
            if cursor == nil { return Sliced(items) }
        }
        return Sliced(items, next: cursor.map { text($0) })
    }

    static func text(_ cursor: HistoryCursor) -> String {
        TextID.base32(cursor.key) + "." + String(cursor.available.micro)
    }

    static func cursor(_ text: String) throws(Problem) -> HistoryCursor {
        let parts = text.split(separator: ".")
        guard parts.count == 2, let key = TextID.bytes(base32: parts[0]), let micro = UInt64(parts[1]) else {
            throw Problem(.badCursor, "the cursor is not one of this list")
        }
        return HistoryCursor(key: key, available: CreditAmount(micro: micro))
    }

    /// The line of a history; nil for events that moved no credit.
    static func entry(
        _ item: HistoryItem, of key: PublicKey, _ scene: LedgerScene
    ) -> HistoryEntryDocument? {
        guard let (kind, other) = kind(item, of: key, scene) else { return nil }
        return HistoryEntryDocument(
            height: item.height, at: IDs.time(item.time), kind: kind, amountMicro: Digits(item.change),
            availableAfterMicro: Micro(item.availableAfter), counterparty: Known(other.map { IDs.account($0) }),
            job: Known(item.event.job.map { IDs.job($0) }), tx: Known(item.transaction.map { IDs.transaction($0) }))
    }

    static func kind(
        _ item: HistoryItem, of key: PublicKey, _ scene: LedgerScene
    ) -> (HistoryKind, PublicKey?)? {
        func submitter(_ job: JobID) -> PublicKey? {
            scene.ledger.job(job)?.submitter ?? scene.reader.job(job)?.submitter
        }
        switch item.event {
        case .outcome(_, _, _, let fee):
            return fee == .zero ? nil : (.fee, scene.ledger.genesis.feesToTreasury ? scene.ledger.treasury : nil)
        case .admitted(_, let inviter, _, let welcome):
            return welcome == .zero ? nil : (.welcome, inviter.isZero ? nil : inviter)
        case .transferred(let from, let to, _):
            return from == key ? (.transferOut, to) : (.transferIn, from)
        case .jobOpened: return (.hold, nil)
        case .settled(let settled):
            let owner = submitter(settled.job)
            return owner == key ? (.refund, nil) : (.earned, owner)
        case .refunded(let job, _, _, _), .cancelled(let job, _, _):
            let owner = submitter(job)
            return owner == key ? (.refund, nil) : (.attemptFee, owner)
        default: return nil
        }
    }
}

extension HistoryItem {
    /// Where a history goes on behind this item.
    func cursor(of account: PublicKey) -> HistoryCursor {
        let (before, overflow) = Int64(clamping: availableAfter.micro).subtractingReportingOverflow(change)
        return HistoryCursor(
            key: IndexRows.accountPrefix(account) + IndexRows.place(height, ordinal),
            available: CreditAmount(micro: overflow || before < 0 ? 0 : UInt64(before)))
    }
}
