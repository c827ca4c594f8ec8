extension Routes {
    /// What the server answers about itself.
    static let own: [Route] = [
        Route(
            name: "health", method: "GET", pattern: "/healthz", scope: .open,
            summary: "Whether the process answers",
            answers: [.json(HealthDocument.self)],
            handler: { (_: Call) throws(Problem) in .document(HealthDocument(status: "ok")) }),
        Route(
            name: "readiness", method: "GET", pattern: "/readyz", scope: .open,
            summary: "Whether the node is ready, and what is not",
            answers: [.json(ReadinessDocument.self), .json(ReadinessDocument.self, status: 503)],
            handler: { (call: Call) throws(Problem) in
                let readiness = try await call.node.readiness()
                return .document(readiness, status: readiness.ready ? 200 : 503)
            }),
        Route(
            name: "metrics", method: "GET", pattern: "/metrics", scope: .read,
            summary: "Metrics in the text format of Prometheus",
            answers: [.bytes(MetricsText.mediaType)],
            handler: { (call: Call) throws(Problem) in
                let families = try await call.node.metrics() + call.server.metrics.families()
                let text = MetricsText.render(families)
                return Reply(mediaType: MetricsText.mediaType, body: .bytes(Array(text.utf8)))
            }),
        Route(
            name: "openapi", method: "GET", pattern: "/openapi.json", scope: .open,
            summary: "This interface as OpenAPI 3.1",
            answers: [
                Route.Answer(
                    status: 200, mediaType: Media.json, shape: .any)
            ], isResource: true,
            handler: { (call: Call) throws(Problem) in
                Reply(mediaType: Media.json, body: .bytes(call.server.openAPI))
            }),
        Route(
            name: "schemas", method: "GET", pattern: "/v1/schemas", scope: .open,
            summary: "The types of documents",
            answers: [.json(SchemaListDocument.self)], isResource: true,
            handler: { (_: Call) throws(Problem) in
                .document(SchemaListDocument(types: DocumentTypes.names))
            }),
        Route(
            name: "schema", method: "GET", pattern: "/v1/schemas/{type}", scope: .open,
            summary: "The JSON Schema of a type",
            answers: [Route.Answer(status: 200, mediaType: "application/schema+json", shape: .any)],
            errors: [404],
            isResource: true,
            handler: { (call: Call) throws(Problem) in
                let type = call.id("type")
                guard let schema = DocumentTypes.schema(type) else {
                    throw Problem(
                        .notFound, "there is no type \(VisibleText.escape(type, limit: 60))",
                        fix: DidYouMean.fix(for: type, among: DocumentTypes.names))
                }
                return Reply(
                    mediaType: "application/schema+json", body: .bytes(JSONText.encode(schema)))
            }),
        Route(
            name: "errorPage", method: "GET", pattern: "/errors/{code}", scope: .open,
            summary: "The page of an error",
            answers: [.bytes(Media.text), .json(ErrorPageDocument.self)], errors: [404],
            isResource: true,
            handler: { (call: Call) throws(Problem) in
                let code = call.id("code")
                guard let page = ErrorCatalogue.page(code),
                    let document = ErrorCatalogue.document(code)
                else {
                    throw Problem(
                        .notFound, "there is no error \(VisibleText.escape(code, limit: 20))")
                }
                if call.accepted == Media.json { return .document(document) }
                return Reply(mediaType: Media.text, body: .bytes(Array(page.utf8)))
            }),
    ]

    /// The node, its network, its peers.
    static let node: [Route] = [
        Route(
            name: "node", method: "GET", pattern: "/v1/node", scope: .read, isForPeers: true,
            summary: "This node",
            answers: [.json(NodeDocument.self)], isResource: true,
            handler: { (call: Call) throws(Problem) in .document(try await call.node.node()) }),
        Route(
            name: "leave", method: "POST", pattern: "/v1/node/leave", scope: .admin,
            summary: "Leave the network and stop",
            input: .optionalJSON(SchemaReflection.shape(of: LeaveRequest.self)),
            answers: [.json(NodeDocument.self, status: 202)], errors: [409, 413, 415],
            handler: { (call: Call) throws(Problem) in
                let request = try call.decode(LeaveRequest.self)
                return .document(try await call.node.leave(now: request.now ?? false), status: 202)
            }),
        Route(
            name: "network", method: "GET", pattern: "/v1/network", scope: .read, isForPeers: true,
            summary: "Counts, traffic, and who disagrees", answers: [.json(NetworkDocument.self)],
            isResource: true,
            handler: { (call: Call) throws(Problem) in .document(try await call.node.network()) }),
        Route(
            name: "graph", method: "GET", pattern: "/v1/network/graph", scope: .read,
            summary: "Peers and links known here, at most 5,000 of each",
            answers: [.json(GraphDocument.self)],
            isResource: true,
            handler: { (call: Call) throws(Problem) in .document(try await call.node.graph()) }),
        Route(
            name: "peers", method: "GET", pattern: "/v1/peers", scope: .read, isForPeers: true,
            summary: "Peers",
            query: [
                .init("state", .choice(PeerState.allCases.map(\.rawValue)), "only in this state"),
                .init("runtime", .text, "only those with this runtime"),
                .init("label", .label, "only those with this label"),
            ] + Route.paging,
            answers: [.json(Page<PeerDocument>.self)],
            handler: { (call: Call) throws(Problem) in
                let filter = PeerFilter(
                    state: call.query.text("state").flatMap(PeerState.init(rawValue:)),
                    runtime: call.query.text("runtime"), labels: call.query.labels)
                return call.reply(try await call.node.peers(filter, try call.slice()))
            }),
        Route(
            name: "peer", method: "GET", pattern: "/v1/peers/{id}", scope: .read, isForPeers: true,
            summary: "A peer, or self", answers: [.json(PeerDocument.self)], errors: [404, 409],
            isResource: true,
            handler: { (call: Call) throws(Problem) in
                .document(try await call.node.peer(call.id()))
            }),
        Route(
            name: "addPeer", method: "POST", pattern: "/v1/peers", scope: .admin,
            summary: "Link to a peer",
            input: .json(SchemaReflection.shape(of: AddPeerRequest.self)),
            answers: [Route.Answer(status: 202, mediaType: nil, shape: nil)],
            errors: [409, 413, 415, 422],
            handler: { (call: Call) throws(Problem) in
                try await call.node.addPeer(seed: try call.decode(AddPeerRequest.self).seed)
                return Reply(status: 202)
            }),
        Route(
            name: "offers", method: "GET", pattern: "/v1/offers", scope: .read, isForPeers: true,
            summary: "Standing offers",
            query: [.init("runtime", .text, "only those with this runtime")] + Route.paging,
            answers: [.json(Page<OfferDocument>.self)], isStated: true,
            handler: { (call: Call) throws(Problem) in
                call.reply(
                    try await call.node.offers(
                        runtime: call.query.text("runtime"), account: nil, try call.slice()))
            }),
        Route(
            name: "offersOfAccount", method: "GET", pattern: "/v1/offers/{acct}", scope: .read,
            isForPeers: true,
            summary: "The standing offers of an account", query: Route.paging,
            answers: [.json(Page<OfferDocument>.self)], errors: [404, 422], isStated: true,
            handler: { (call: Call) throws(Problem) in
                call.reply(
                    try await call.node.offers(
                        runtime: nil, account: call.id("acct"), try call.slice()))
            }),
        Route(
            name: "seats", method: "GET", pattern: "/v1/seats", scope: .read, isForPeers: true,
            summary: "Who orders the log",
            query: [.init("epoch", .integer(0...Int64.max), "of this epoch; default: now")],
            answers: [.json(SeatListDocument.self)], errors: [404], isStated: true,
            isResource: true,
            handler: { (call: Call) throws(Problem) in
                .stated(
                    try await call.node.seats(epoch: call.query.integer("epoch").map { UInt64($0) })
                )
            }),
        Route(
            name: "events", method: "GET", pattern: "/v1/events", scope: .read,
            summary: "Events as they come",
            query: [
                .init("types", .choices(EventType.allCases.map(\.rawValue)), "only these"),
                .init("since", .integer(0...Int64.max), "after this event"),
                .init("limit", .integer(1...500), "of a page; default 100"),
            ],
            answers: [.bytes(Media.events), .json(Page<EventDocument>.self)],
            handler: { (call: Call) throws(Problem) in try EventReplies.reply(call) }),
    ]
}
