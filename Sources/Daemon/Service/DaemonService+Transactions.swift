import Loop
import Storage
import Wire
public import API
import Basis
import Consensus
import Credits
import NodeCore
import Records
import Trust

extension DaemonService {
    public func transfer(
        _ request: TransferRequest, idempotencyKey: String?
    ) async throws(Problem) -> TransactionDocument {
        let own = try await node.withLedger { (scene) throws(Problem) in scene.log.account }
        let payees = try TransactionTexts.payees(request, own: own)
        let key = idempotencyKey.map { Array("transfer\n".utf8) + Array($0.utf8) } ?? []
        // A repetition is answered before today's balance is looked at: it was paid when there was enough.
        if let id = answered(key) { return try await transaction(known: id) }
        try await node.withLedger { (scene) throws(Problem) in
            try TransactionTexts.check(payees, scene)
        }
        return try await handIn(isTransfer: true) {
            await self.node.compose(.transfer(payees: payees, memo: []), key: key)
        }
    }

    public func submitTransaction(_ bytes: [UInt8]) async throws(Problem) -> TransactionDocument {
        guard let entry = try? Entry(decoding: bytes) else {
            throw Problem(
                .entryRefused, "the body is no entry of this version in canonical bytes",
                why: "entries are signed over their canonical bytes; any other form is refused")
        }
        var isTransfer = false
        if case .transfer = entry.body { isTransfer = true }
        return try await handIn(isTransfer: isTransfer) { await self.node.submit(bytes) }
    }

    public func transaction(_ id: String, wait: Wait?) async throws(Problem) -> Stated<TransactionDocument> {
        let raw = try await node.withLedger { (scene) throws(Problem) in
            try IDs.resolve(.tx, id, what: "transaction") { scene.transaction(notBelow: $0) }
        }
        let found = TransactionID(raw)
        guard let wait else { return try await stated(found) }
        let deadline = node.loop.now + .milliseconds(min(wait.milliseconds, 60_000))
        return try await node.wait(until: deadline) { () async throws(Problem) in
            try await self.stated(found)
        } isReached: {
            $0.value.state.reaches(wait.until)
        }
    }

    // MARK: below their use

    /// The id that an earlier request with this key was answered with.
    func answered(_ key: [UInt8]) -> TransactionID? {
        if key.isEmpty { return nil }
        return (try? parts.store.get(.local, Outbox.keyRow(key))).flatMap { $0 }.flatMap { TransactionID($0) }
    }

    func handIn(
        isTransfer: Bool, _ give: @Sendable () async -> NodeActor.EntryAnswer
    ) async throws(Problem) -> TransactionDocument {
        switch await give() {
        case .accepted(let id):
            if let bytes = await node.waitingEntry(id) { parts.underWay.change { $0[id] = bytes } }
            return try await transaction(known: id)
        case .refused(let why): throw TransactionTexts.problem(why, isTransfer: isTransfer)
        case .stopped: throw ServiceProblems.stopping
        }
    }

    func transaction(known id: TransactionID) async throws(Problem) -> TransactionDocument {
        try await stated(id).value
    }

    func stated(_ id: TransactionID) async throws(Problem) -> Stated<TransactionDocument> {
        try await node.stated { (scene) throws(Problem) in
            guard let found = scene.document(of: id) else {
                throw IDs.notFound("transaction", IDs.transaction(id))
            }
            return found
        }
    }
}

extension TransactionState {
    /// Whether it will not change any more.
    var isEnd: Bool { self == .final || self == .rejected || self == .expired }

    /// Whether a wait for `until`, a state or `end`, is over.
    func reaches(_ until: String) -> Bool {
        isEnd || rawValue == until || (until == "pending")
    }
}

extension LedgerScene {
    /// An entry that this node knows: on the log, in the outbox, or expired there.
    func document(of id: TransactionID) -> TransactionDocument? {
        if let view = reader.transaction(id) { return TransactionTexts.document(view, self) }
        if let item = log.outbox[id], let entry = try? Entry(decoding: item.entry) {
            let waits = status.kind == .noQuorum ? "waitingForQuorum" : nil
            return TransactionDocument(
                id: IDs.transaction(id), kind: "\(entry.kind)", account: IDs.account(entry.account),
                state: .pending, reason: Known(waits), height: .null)
        }
        if let bytes = rows.value(.local, LocalRows.expired(id)), let entry = try? Entry(decoding: bytes) {
            return TransactionDocument(
                id: IDs.transaction(id), kind: "\(entry.kind)", account: IDs.account(entry.account),
                state: .expired, reason: .value("expired"), height: .null)
        }
        return nil
    }

    /// The lowest known transaction that is not below `low`.
    func transaction(notBelow low: Bytes32) -> Bytes32? {
        let prefixes: [(Family, [UInt8])] = [
            (.index, [1]), (.index, [5]), (.local, LogImage.outboxPrefix), (.local, [LocalRows.expiredPrefix]),
        ]
        return prefixes.compactMap { family, prefix in
            let rows = rows.rows(
                family, prefix: prefix, from: prefix + low.bytes, limit: 1, descending: false)
            return rows.first.flatMap { Bytes32(Array($0.key.dropFirst(prefix.count))) }
        }.min()
    }
}

/// Rows of family `local` that the service keeps; `Outbox` and `JobRows` have the first four prefixes.
enum LocalRows {
    static let answerPrefix: UInt8 = 5
    static let eventsKey: [UInt8] = [6]
    static let expiredPrefix: UInt8 = 7

    /// An own entry that no block took in time: its bytes.
    static func expired(_ id: TransactionID) -> [UInt8] { [expiredPrefix] + id.bytes }
}

/// Entries as documents, and what is wrong with one.
enum TransactionTexts {
    static func document(_ view: TransactionView, _ scene: LedgerScene) -> TransactionDocument {
        let isCertified = view.place.height <= scene.certifiedHeight
        let state: TransactionState =
            view.place.code == .applied ? (isCertified ? .final : .ordered) : .rejected
        return TransactionDocument(
            id: IDs.transaction(view.id), kind: "\(view.entry.kind)", account: IDs.account(view.entry.account),
            state: state, reason: Known(view.place.code == .applied ? nil : "\(view.place.code)"),
            height: .value(view.place.height), feeMicro: Micro(view.fee),
            effects: view.effects.flatMap { effects($0) })
    }

    static func effects(_ event: LedgerEvent) -> [TransactionDocument.Effect] {
        func effect(_ kind: HistoryKind, _ account: PublicKey, _ amount: Int64) -> TransactionDocument.Effect {
            .init(kind: kind.rawValue, account: IDs.account(account), amountMicro: Digits(amount))
        }
        switch event {
        case .transferred(let from, let to, let amount):
            let micro = Int64(clamping: amount.micro)
            return [effect(.transferOut, from, -micro), effect(.transferIn, to, micro)]
        case .admitted(let account, _, _, let welcome):
            return [effect(.welcome, account, Int64(clamping: welcome.micro))]
        case .jobOpened(_, let submitter, let funded, _):
            return [effect(.hold, submitter, -Int64(clamping: funded.micro))]
        default: return []
        }
    }

    /// The payees of a request, each once, in the order that an entry needs.
    static func payees(_ request: TransferRequest, own: PublicKey) throws(Problem) -> [Entry.Payee] {
        if request.to.isEmpty || request.to.count > LedgerLimits.payeesMax {
            throw Problem(
                .badParameter, "to has \(request.to.count) payees, allowed are 1 to \(LedgerLimits.payeesMax)",
                fix: "split the transfer")
        }
        var sums = SortedMap<PublicKey, UInt64>()
        for (index, payment) in request.to.enumerated() {
            let account = try IDs.account(payment.account, own: own)
            if account == own {
                throw Problem(
                    .badAccount, "to[\(index)] is this node's own account; a transfer goes to others")
            }
            if payment.amountMicro.value == 0 {
                throw Problem(.badParameter, "to[\(index)].amountMicro is 0, allowed is 1 and more")
            }
            let (sum, overflow) = (sums[account] ?? 0).addingReportingOverflow(payment.amountMicro.value)
            if overflow || sum > CreditAmount.supplyMax.micro {
                throw Problem(.badParameter, "to[\(index)].amountMicro is more credit than there can be")
            }
            sums[account] = sum
        }
        return sums.map { Entry.Payee(account: $0.key, amount: CreditAmount(micro: $0.value)) }
    }

    /// What the executed state would answer; throws before anything is signed.
    static func check(_ payees: [Entry.Payee], _ scene: LedgerScene) throws(Problem) {
        let ledger = scene.ledger
        let fee = ledger.genesis.entryFee
        guard let own = ledger.account(scene.log.account) else {
            throw Problem(
                .notAdmitted, "this node's account \(IDs.account(scene.log.account)) is not in the ledger yet",
                fix: "peernode status shows whether it is being admitted")
        }
        for payee in payees where ledger.account(payee.account) == nil {
            throw Problem(
                .badAccount, "\(IDs.account(payee.account)) is not an account of this network",
                why: "only accounts that were admitted can be paid; a mistyped one would lose the credit")
        }
        let sum = payees.reduce(UInt128(fee.micro)) { $0 + UInt128($1.amount.micro) }
        if sum > UInt128(own.available.micro) {
            let needed = CreditText.format(CreditAmount(micro: UInt64(clamping: sum)))
            throw Problem(
                .insufficientCredit,
                "the transfer needs \(needed) with its fee, available is \(CreditText.format(own.available))",
                why: own.held == .zero ? nil : "\(CreditText.format(own.held)) are held for open jobs",
                fix: "peernode balance shows what is available")
        }
    }

    static func problem(_ refusal: LogNode.EntryRefusal, isTransfer: Bool) -> Problem {
        switch refusal {
        case .outcome(let code):
            let problem = LedgerOutcomes.problemCode(Int(code.rawValue), isPayee: isTransfer) ?? .entryRefused
            return Problem(problem, "the ledger would refuse the entry: \(code)")
        case .malformed(.badSignature):
            return Problem(.entryRefused, "the ledger would refuse the entry: badSignature")
        case .malformed(.unsupported):
            return Problem(.entryRefused, "entries of this kind are not available in this version: unsupported")
        case .malformed: return Problem(.entryRefused, "the ledger would refuse the entry: malformed")
        case .full:
            return Problem(
                .overload, "\(LedgerLimits.production.poolPerAccountMax) own entries wait to be ordered",
                retryAfterSeconds: 5)
        case .notStored:
            return Problem(
                .storeFull, "the entry could not be written to the disk; nothing was sent",
                fix: "make room on the disk; peernode status shows what is wrong")
        }
    }
}

extension NodeActor {
    /// An own entry that no block holds yet.
    func waitingEntry(_ id: TransactionID) -> [UInt8]? {
        core.log?.outbox[id].flatMap { $0.executed == nil ? $0.entry : nil }
    }
}
