extension Routes {
    /// Content by its hash.
    static let blobs: [Route] = [
        Route(
            name: "postBlob", method: "POST", pattern: "/v1/blobs", scope: .submit,
            summary: "Store a blob",
            input: .blob,
            answers: [.json(BlobDocument.self, status: 201), .json(BlobDocument.self)],
            errors: [413, 422, 507],
            handler: { (call: Call) throws(Problem) in
                try await ContentReplies.store(call, expected: nil)
            }),
        Route(
            name: "putBlob", method: "PUT", pattern: "/v1/blobs/{id}", scope: .submit,
            summary: "Store a blob of this id", input: .blob,
            answers: [.json(BlobDocument.self, status: 201), .json(BlobDocument.self)],
            errors: [413, 422, 507],
            handler: { (call: Call) throws(Problem) in
                try await ContentReplies.store(call, expected: call.id())
            }),
        Route(
            name: "blob", method: "GET", pattern: "/v1/blobs/{id}", scope: .read, isForPeers: true,
            summary: "The bytes of a blob; fetched from its holders if not here",
            answers: [.bytes(Media.octets), .bytes(Media.octets, status: 206)],
            errors: [404, 409, 416, 504],
            isForeign: true,
            handler: { (call: Call) throws(Problem) in
                let source = try await call.node.blob(call.id())
                return try ContentReplies.reply(call, source, Media.octets, isImmutable: true)
            }),
    ]

    /// The log and receipts.
    static let ledger: [Route] = [
        Route(
            name: "ledger", method: "GET", pattern: "/v1/ledger", scope: .read, isForPeers: true,
            summary: "The head of the log and the supply", answers: [.json(LedgerDocument.self)],
            isStated: true,
            isResource: true,
            handler: { (call: Call) throws(Problem) in
                let ledger = try await call.node.ledger()
                return .stated(Stated(ledger, height: ledger.height))
            }),
        Route(
            name: "blocks", method: "GET", pattern: "/v1/ledger/blocks", scope: .read,
            isForPeers: true,
            summary: "Final blocks",
            query: [
                .init(
                    "from", .integer(0...Int64.max), "upwards from this height; default: the newest"
                )
            ]
                + Route.paging,
            answers: [.json(Page<BlockDocument>.self)], errors: [404, 410], isStated: true,
            handler: { (call: Call) throws(Problem) in
                let from = call.query.integer("from").map { UInt64($0) }
                return call.reply(try await call.node.blocks(from: from, try call.slice()))
            }),
        Route(
            name: "block", method: "GET", pattern: "/v1/ledger/blocks/{height}", scope: .read,
            isForPeers: true,
            summary: "A final block", answers: [.json(BlockDocument.self)], errors: [404, 410],
            isStated: true,
            isResource: true,
            handler: { (call: Call) throws(Problem) in
                guard let height = UInt64(call.id("height")) else {
                    throw Problem(
                        .badParameter,
                        "\"\(VisibleText.escape(call.id("height"), limit: 40))\" is not a height",
                        fix: "give a whole number")
                }
                return .stated(try await call.node.block(height))
            }),
        Route(
            name: "alarms", method: "GET", pattern: "/v1/ledger/alarms", scope: .read,
            summary: "Conflicting certificates and failed invariants; empty when well",
            answers: [.json(Page<AlarmDocument>.self)], isResource: true,
            handler: { (call: Call) throws(Problem) in
                .document(Page(items: try await call.node.alarms()))
            }),
        Route(
            name: "receipts", method: "GET", pattern: "/v1/receipts", scope: .read,
            isForPeers: true,
            summary: "Receipts kept here",
            query: [
                .init("job", .text, "only of this job"), .init("since", .time, "only later ones"),
            ] + Route.paging,
            answers: [.json(Page<ReceiptDocument>.self)], errors: [404, 409],
            handler: { (call: Call) throws(Problem) in
                call.reply(
                    try await call.node.receipts(
                        job: call.query.text("job"), since: call.query.time("since"),
                        try call.slice()))
            }),
        Route(
            name: "receipt", method: "GET", pattern: "/v1/receipts/{id}", scope: .read,
            isForPeers: true,
            summary: "A receipt, as its file or rendered",
            answers: [.bytes(Media.receipt), .json(ReceiptDocument.self)], errors: [404, 409],
            isResource: true,
            handler: { (call: Call) throws(Problem) in
                ContentReplies.reply(call, try await call.node.receipt(call.id()))
            }),
        Route(
            name: "verifyReceipt", method: "POST", pattern: "/v1/receipts/verify", scope: .read,
            summary: "Check a receipt", input: .receipt,
            answers: [.json(ReceiptVerdictDocument.self)],
            errors: [413, 415, 422],
            handler: { (call: Call) throws(Problem) in
                .document(try await call.node.verifyReceipt(call.body))
            }),
    ]

    /// Accounts and entries.
    static let credit: [Route] = [
        Route(
            name: "account", method: "GET", pattern: "/v1/accounts/{acct}", scope: .read,
            isForPeers: true,
            summary: "An account, or self", answers: [.json(AccountDocument.self)],
            errors: [404, 409, 422],
            isStated: true, isResource: true,
            handler: { (call: Call) throws(Problem) in
                .stated(try await call.node.account(call.id("acct")))
            }),
        Route(
            name: "holds", method: "GET", pattern: "/v1/accounts/{acct}/holds", scope: .read,
            isForPeers: true,
            summary: "Credit held for jobs", query: Route.paging,
            answers: [.json(Page<HoldDocument>.self)],
            errors: [404, 409, 422], isStated: true,
            handler: { (call: Call) throws(Problem) in
                call.reply(try await call.node.holds(call.id("acct"), try call.slice()))
            }),
        Route(
            name: "history", method: "GET", pattern: "/v1/accounts/{acct}/history", scope: .read,
            isForPeers: true,
            summary: "Every change of an account, newest first",
            query: [
                .init(
                    "kind", .choices(HistoryKind.allCases.map(\.rawValue)), "only of these kinds"),
                .init("since", .time, "only later ones"),
            ] + Route.paging,
            answers: [.json(Page<HistoryEntryDocument>.self)], errors: [404, 409, 422],
            isStated: true,
            handler: { (call: Call) throws(Problem) in
                let filter = HistoryFilter(
                    kinds: call.query.list("kind").compactMap(HistoryKind.init(rawValue:)),
                    since: call.query.time("since"))
                return call.reply(
                    try await call.node.history(call.id("acct"), filter, try call.slice()))
            }),
        Route(
            name: "transfer", method: "POST", pattern: "/v1/transfers", scope: .submit,
            summary: "Send credit",
            input: .json(SchemaReflection.shape(of: TransferRequest.self)),
            answers: [.json(TransactionDocument.self, status: 202)],
            errors: [402, 409, 413, 415, 422], creates: true,
            handler: { (call: Call) throws(Problem) in
                let request = try call.decode(TransferRequest.self)
                guard (1...256).contains(request.to.count) else {
                    throw Problem(
                        .badParameter, "/to has \(request.to.count) payees, allowed are 1 to 256",
                        fix: "split it into several transfers")
                }
                let entry = try await call.node.transfer(
                    request, idempotencyKey: call.request.headers["idempotency-key"])
                var reply = Reply.document(entry, status: 202)
                reply.headers.append(("Location", "/v1/transactions/" + entry.id))
                return reply
            }),
        Route(
            name: "nextTransaction", method: "GET", pattern: "/v1/transactions/next", scope: .read,
            isForPeers: true,
            summary: "What a client that signs needs to know",
            query: [.init("account", .text, "default: this node's owner")],
            answers: [.json(NextTransactionDocument.self)], errors: [404, 422], isStated: true,
            isResource: true,
            handler: { (call: Call) throws(Problem) in
                .stated(try await call.node.nextTransaction(account: call.query.text("account")))
            }),
        Route(
            name: "submitTransaction", method: "POST", pattern: "/v1/transactions", scope: .submit,
            isForPeers: true,
            summary: "Pass on an owner-signed entry", input: .entry,
            answers: [.json(TransactionDocument.self, status: 202)],
            errors: [402, 409, 413, 415, 422], creates: true,
            handler: { (call: Call) throws(Problem) in
                let entry = try await call.node.submitTransaction(call.body)
                var reply = Reply.document(entry, status: 202)
                reply.headers.append(("Location", "/v1/transactions/" + entry.id))
                return reply
            }),
        Route(
            name: "transaction", method: "GET", pattern: "/v1/transactions/{id}", scope: .read,
            isForPeers: true,
            summary: "An entry of the log", query: Route.waiting,
            answers: [.json(TransactionDocument.self)],
            errors: [404, 409], isStated: true, isResource: true,
            handler: { (call: Call) throws(Problem) in
                let wait = try call.wait(states: TransactionState.allCases.map(\.rawValue))
                return .stated(try await call.node.transaction(call.id(), wait: wait))
            }),
    ]
}

extension Call {
    /// How the manifest in the body is written.
    var manifestForm: ManifestForm {
        Media.essence(request.headers["content-type"] ?? Media.json) == Media.yaml ? .yaml : .json
    }

    /// The type of the row's answers that the request prefers.
    var accepted: String {
        var types: [String] = []
        for answer in route.answers where answer.status == 200 {
            if let type = answer.mediaType, !types.contains(type) { types.append(type) }
        }
        return Media.negotiate(request.headers["accept"], types)
    }
}
