import API
import ArgumentParser
import Basis
import Daemon

/// `balance [ACCT]`
struct BalanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "balance", abstract: "What an account has, as this node replayed it.",
        discussion: "Example: peernode balance\nExit: 0, also for an account never used; 69 no node.")

    @OptionGroup var common: CommonOptions
    @Argument(help: "An account; by default this node's.") var account = "self"

    func run() async throws {
        let client = try common.client()
        let found = try await client.document(
            AccountDocument.self, ClientRequest(path(account)), timeout: try common.limit())
        common.show(found) { one in
            let total = one.availableMicro.value + one.grantedMicro.value + one.heldMicro.value + one.bondedMicro.value
            Terminal.output(
                "\(Texts.short(one.id)) available \(Texts.credit(one.availableMicro)), granted "
                    + "\(Texts.credit(one.grantedMicro)), held \(Texts.credit(one.heldMicro)), bonded "
                    + "\(Texts.credit(one.bondedMicro)), total \(CreditText.format(CreditAmount(micro: total))); "
                    + "\(one.assurance.rawValue) at height \(one.height)")
        }
    }

    func path(_ id: String) -> String { ClientRequest.path("v1", "accounts", id) }
}

/// `transfer ACCT AMOUNT …`
struct TransferCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transfer", abstract: "Send credit; returns when certified.",
        discussion: """
            Example: peernode transfer acct_9c4t… 12.5
            Exit: 0 certified; 9 too little credit; 65 wrong account or amount; 75 no quorum, try later.
            """)

    @OptionGroup var common: CommonOptions
    @Flag(name: .customLong("no-wait"), help: "Return as soon as it is durable here.") var noWait = false
    @Option(name: .customLong("idempotency-key"), help: "A key that makes a repetition pay once.") var key: String?
    @Argument(help: "Account and amount, as often as there are payees.") var pairs: [String]

    func run() async throws {
        guard !pairs.isEmpty, pairs.count.isMultiple(of: 2), pairs.count <= 512 else {
            throw ValidationError("give an account and an amount for each of 1 to 256 payees")
        }
        var payments: [TransferRequest.Payment] = []
        var sum = CreditAmount.zero
        for index in stride(from: 0, to: pairs.count, by: 2) {
            guard let amount = CreditText.parse(pairs[index + 1]), amount > .zero else {
                throw CommandFailure(
                    code: Codes.badInput,
                    text: "\"\(pairs[index + 1])\" is no amount; write credit with at most 6 decimals, such as 12.5")
            }
            sum += amount
            payments.append(.init(account: pairs[index], amountMicro: Micro(amount)))
        }
        let client = try common.client()
        let next = try await client.document(
            NextTransactionDocument.self, ClientRequest("/v1/transactions/next"), timeout: try common.limit())
        if !common.yes, Terminal.isInputTerminal {
            try Terminal.confirm(
                "send \(CreditText.format(sum)) and a fee of \(Texts.credit(next.feeMicro))?", flag: "--yes")
        }
        let body = ClientRequest.Body.bytes(
            JSONText.encode(TransferRequest(to: payments)), mediaType: "application/json")
        var done = try await client.create(
            TransactionDocument.self, ClientRequest("POST", "/v1/transfers", body: body), key: key,
            timeout: try common.limit())
        if !noWait { done = try await TransactionWait(client: client, common: common).end(of: done) }
        common.show(done) { Terminal.output(common.quiet ? $0.id : "\($0.id) \($0.state.rawValue)") }
        if done.state == .rejected || done.state == .expired { throw TransactionWait.refusal(done) }
    }
}

/// Waits until a transaction does not change any more.
struct TransactionWait {
    /// The problem of an entry that the log refused.
    static func refusal(_ document: TransactionDocument) -> Problem {
        let reason = document.reason?.value ?? document.state.rawValue
        let code: ProblemCode =
            document.state == .expired
            ? .entryExpired
            : (reason == "insufficientFunds" || reason == "insufficient" ? .insufficientCredit : .entryRefused)
        return Problem(code, "the ledger refused \(Texts.short(document.id)): \(reason)")
    }

    let client: APIClient
    let common: CommonOptions

    func end(of first: TransactionDocument) async throws -> TransactionDocument {
        var document = first
        let limit = try common.limit()
        let start = ContinuousClock.now
        while document.state == .pending || document.state == .ordered {
            if let limit, ContinuousClock.now - start > limit {
                if document.reason?.value == "waitingForQuorum" { throw await noQuorum(document) }
                throw CommandFailure(
                    code: Codes.tryAgain,
                    text:
                        "\(document.id) is \(document.state.rawValue) after \(Texts.duration(limit)); it stays on its "
                            + "way: "
                        + "peernode history shows it when it is final")
            }
            document = try await client.document(
                TransactionDocument.self,
                ClientRequest(
                    ClientRequest.path("v1", "transactions", document.id), query: [("wait", "10s"), ("until", "end")]),
                timeout: .seconds(20))
        }
        return document
    }

    /// E510, with how many seats answer.
    private func noQuorum(_ document: TransactionDocument) async -> Problem {
        let node = try? await client.document(NodeDocument.self, ClientRequest("/v1/node"))
        return Problem(
            .noQuorum, node?.reason?.value ?? "too few seats answer",
            why: "\(document.id) is \(document.state.rawValue) and stays on its way",
            fix: "wait until the missing seats are back (peernode seats names them); peernode history shows it then")
    }
}

/// `history [ACCT]`
struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Every change of an account, newest first.",
        discussion: "Example: peernode history --limit 20")

    @OptionGroup var common: CommonOptions
    @Option(help: "Only these kinds, by comma.") var kind: String?
    @Option(help: "Only since this time or this long ago.") var since: String?
    @Option(help: "At most so many.") var limit = 100
    @Flag(help: "Comma-separated values with a header.") var csv = false
    @Argument(help: "An account; by default this node's.") var account = "self"

    func run() async throws {
        var query: [(name: String, value: String)] = [("limit", String(min(limit, 500)))]
        if let kind { query.append(("kind", kind)) }
        if let since { query.append(("since", try Since.text(since))) }
        let client = try common.client()
        let page = try await client.document(
            Page<HistoryEntryDocument>.self,
            ClientRequest(ClientRequest.path("v1", "accounts", account, "history"), query: query),
            timeout: try common.limit())
        common.show(page) { page in
            if csv {
                Terminal.output("height,at,kind,amountMicro,availableAfterMicro,counterparty,job,tx")
                for one in page.items {
                    let cells = [
                        String(one.height), "\(one.at)", one.kind.rawValue, String(one.amountMicro.value),
                        String(one.availableAfterMicro.value), one.counterparty?.value ?? "", one.job?.value ?? "",
                        one.tx?.value ?? "",
                    ]
                    Terminal.output(cells.joined(separator: ","))
                }
            } else {
                Terminal.table(
                    ["height", "time", "kind", "amount", "after", "with"],
                    page.items.map {
                        [
                            String($0.height), Texts.time($0.at), $0.kind.rawValue, Texts.signed($0.amountMicro),
                            Texts.credit($0.availableAfterMicro),
                            Texts.short($0.counterparty?.value ?? $0.job?.value ?? ""),
                        ]
                    })
            }
        }
    }
}
