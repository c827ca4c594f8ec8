/// One row of the table of routes (`surfaces.md` 4.5): router, scope check and `openapi.json` are made from it, so
/// that they cannot differ.
struct Route: Sendable {
    /// What a query parameter may be.
    enum Form: Sendable, Equatable {
        /// At most 256 bytes.
        case text
        case integer(ClosedRange<Int64>)
        case choice([String])
        /// Some of these, separated by commas.
        case choices([String])
        case time
        /// A time with a unit, such as `30s`, up to this many milliseconds.
        case duration(Int64)
        /// Present, or `true` or `false`.
        case flag
        /// `name=value`, any number of times.
        case label
    }

    struct Parameter: Sendable, Equatable {
        var name: String
        var form: Form
        var help: String

        init(_ name: String, _ form: Form, _ help: String) {
            self.name = name
            self.form = form
            self.help = help
        }
    }

    /// What a request carries.
    enum Input: Sendable, Equatable {
        /// A JSON object of this shape, read strictly.
        case json(JSONShape)
        /// The body may be absent.
        case optionalJSON(JSONShape)
        case manifest
        case entry
        case receipt
        /// Streamed, any type.
        case blob

        var mediaTypes: [String] {
            switch self {
            case .json, .optionalJSON: [Media.json]
            case .manifest: [Media.json, Media.yaml]
            case .entry: [Media.entry, Media.octets]
            case .receipt: [Media.receipt, Media.octets]
            case .blob: []
            }
        }
    }

    /// One kind of success.
    struct Answer: Sendable {
        var status: Int
        var mediaType: String?
        var shape: JSONShape?

        static func json<D: Decodable>(_ type: D.Type, status: Int = 200) -> Answer {
            Answer(status: status, mediaType: Media.json, shape: SchemaReflection.shape(of: type))
        }
        static func bytes(_ mediaType: String, status: Int = 200) -> Answer {
            Answer(status: status, mediaType: mediaType, shape: nil)
        }
    }

    /// The operation's name in `openapi.json` and the label `route` of the metrics.
    var name: String
    var method: String
    /// Segments in braces are parameters.
    var pattern: String
    var scope: Scope
    /// Also answered to any peer over an encrypted link (`surfaces.md` 5).
    var isForPeers = false
    var summary: String
    var query: [Parameter] = []
    var input: Input?
    var answers: [Answer]
    /// Statuses of problems besides those that every route may answer.
    var errors: [Int] = []
    /// Takes `Idempotency-Key`.
    var creates = false
    /// Derived from the ledger: takes `minHeight` and carries `Peernode-Height`.
    var isStated = false
    /// A single resource, with an ETag.
    var isResource = false
    /// Bytes that others made: never shown as a page of ours.
    var isForeign = false
    var handler: @Sendable (Call) async throws(Problem) -> Reply

    var segments: [String] { Route.split(pattern) }

    /// The statuses that every route may answer with.
    static let commonErrors = [400, 401, 403, 405, 429, 500, 503]

    /// `/a/b` as its segments; `/` has none.
    static func split(_ path: some StringProtocol) -> [String] {
        if path == "/" { return [] }
        return String(path).split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(
            String.init)
    }

    /// Whether the caller changes something: counted with the writes.
    var isWrite: Bool { method != "GET" }

    /// All query parameters, those of lists and ledger facts included.
    var parameters: [Parameter] {
        isStated
            ? query + [
                Parameter("minHeight", .integer(0...Int64.max), "wait until this height is here")
            ] : query
    }

    /// The parameters of lists.
    static let paging = [
        Parameter("limit", .integer(1...500), "items at most, default 100"),
        Parameter("cursor", .text, "where the last part ended"),
    ]

    /// The parameters of waiting.
    static let waiting = [
        Parameter(
            "wait", .duration(60_000), "answer when the state is reached or the time is over"),
        Parameter("until", .text, "the state to wait for, or end"),
    ]
}

/// A request that passed all checks of its row.
struct Call: Sendable {
    var request: APIRequest
    /// Values of the pattern's parameters.
    var path: [String: String]
    var query: QueryValues
    /// The body, where the row's input is not a blob.
    var body: [UInt8]
    var route: Route
    var server: ServerContext

    var node: any NodeService { server.node }

    /// The value of a parameter of the pattern.
    func id(_ name: String = "id") -> String { path[name] ?? "" }

    /// The part of a list that is asked for.
    func slice() throws(Problem) -> Slice {
        let limit = query.integer("limit").map { Int($0) } ?? server.limits.pageDefault
        guard let cursor = query.text("cursor") else { return Slice(limit: limit) }
        return Slice(
            limit: limit, after: try Cursor.open(cursor, list: listName, now: server.now()))
    }

    /// A part of a list as a page, with the cursor of the next.
    func page<D: Document>(_ sliced: Sliced<D>) -> Page<D> {
        Page(
            items: sliced.items,
            next: sliced.next.map { Cursor.make(after: $0, list: listName, now: server.now()) })
    }

    func reply<D: Document>(_ sliced: Sliced<D>) -> Reply { .document(page(sliced)) }

    func reply<D: Document>(_ stated: Stated<Sliced<D>>) -> Reply {
        .stated(Stated(page(stated.value), height: stated.height))
    }

    /// Route, path and filter in one canonical text: what a cursor is bound to.
    private var listName: String {
        let filter = request.query.filter {
            $0.name != "limit" && $0.name != "cursor" && $0.name != "minHeight"
        }
        let texts = filter.map {
            PercentCoding.encode($0.name) + "=" + PercentCoding.encode($0.value)
        }.sorted()
        let places = path.map {
            PercentCoding.encode($0.key) + "=" + PercentCoding.encode($0.value)
        }.sorted()
        return ([route.name] + places + ["?"] + texts).joined(separator: "&")
    }

    /// What `wait` and `until` ask for; nil without `wait`.
    func wait(states: [String]) throws(Problem) -> Wait? {
        let until = query.text("until") ?? "end"
        guard until == "end" || states.contains(until) else {
            throw Problem(
                .badParameter, "until is \"\(VisibleText.escape(until, limit: 40))\"",
                fix: DidYouMean.fix(for: until, among: states + ["end"]))
        }
        return query.integer("wait").map { Wait(milliseconds: $0, until: until) }
    }

    /// The strictly checked body as `type`.
    func decode<T: RequestBody>(_ type: T.Type) throws(Problem) -> T {
        do {
            return try JSONText.decode(type, from: body.isEmpty ? Array("{}".utf8) : body)
        } catch {
            throw Problem(.badParameter, "the body is not as expected: \(error.description)")
        }
    }
}
