/// What to ask a node.
public struct ClientRequest: Sendable {
    /// What goes with it.
    public enum Body: Sendable {
        case none
        case bytes([UInt8], mediaType: String)
        /// Pieces as they are made; nil ends them. `count` is the whole length, if it is known before.
        case stream(count: UInt64?, mediaType: String, next: @Sendable () async throws -> [UInt8]?)
    }

    public var method: String
    /// The path, already escaped: build it with ``path(_:)``.
    public var path: String
    public var query: [(name: String, value: String)]
    public var headers: [(name: String, value: String)]
    public var body: Body

    public init(
        _ method: String = "GET", _ path: String, query: [(name: String, value: String)] = [],
        headers: [(name: String, value: String)] = [], body: Body = .none
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
    }

    /// `/` and the escaped segments.
    public static func path(_ segments: String...) -> String {
        "/" + segments.map { PercentCoding.encode($0) }.joined(separator: "/")
    }

    /// The path with its query.
    var target: String {
        if query.isEmpty { return path }
        let pairs = query.map {
            PercentCoding.encode($0.name) + "=" + PercentCoding.encode($0.value)
        }
        return path + "?" + pairs.joined(separator: "&")
    }

    /// What was asked, for messages.
    var shown: String { "\(method) \(path)" }
}

/// The head of an answer, and its body to be read once.
public struct ClientResponse: Sendable {
    public var status: Int
    /// Names in lower case; several fields of one name joined by commas.
    public var headers: [String: String]
    public var body: ClientBody

    /// The problem that the answer tells, or nil if it is a success. Reads the body if it is a problem.
    public func problem() async throws(Problem) -> Problem? {
        if (200..<400).contains(status) { return nil }
        let bytes = try await body.collect(limit: 1 << 20)
        if let problem = try? JSONText.decode(Problem.self, from: bytes) { return problem }
        return Problem(.bug, "the node answered with status \(status) and no explanation")
    }
}

/// The bytes of an answer, piece by piece, while its request is performed.
///
/// A class because the stream behind it is read once, by the task that performs the request; hence unchecked.
public final class ClientBody: AsyncSequence, @unchecked Sendable {
    private let read: @concurrent () async throws -> [UInt8]?

    init(read: @escaping @concurrent () async throws -> [UInt8]?) { self.read = read }

    /// The next piece; nil at the end.
    @concurrent public func next() async throws(Problem) -> [UInt8]? {
        do {
            return try await read()
        } catch let problem as Problem {
            throw problem
        } catch {
            throw Problem(
                .noNode, "the connection to the node broke off in the middle of an answer")
        }
    }

    /// The whole body; E606 if it is longer than `limit`.
    public func collect(limit: Int) async throws(Problem) -> [UInt8] {
        var out: [UInt8] = []
        while let piece = try await next() {
            if out.count + piece.count > limit {
                throw Problem(.tooLarge, "the answer has more than \(limit) bytes")
            }
            out += piece
        }
        return out
    }

    public func makeAsyncIterator() -> Iterator { Iterator(body: self) }

    public struct Iterator: AsyncIteratorProtocol {
        let body: ClientBody
        public mutating func next() async throws -> [UInt8]? { try await body.next() }
    }
}
