import NIOCore

/// A request after the HTTP library: what the routes see.
struct APIRequest: Sendable {
    var method: String
    /// Percent-decoded segments of the path.
    var path: [String]
    /// The path as it came, for messages.
    var pathText: String
    /// Percent-decoded pairs in their order.
    var query: [(name: String, value: String)]
    /// Names in lower case; several fields of one name joined by commas.
    var headers: [String: String]
    var body: BodyReader
    var caller: Caller
    var id: String
}

/// Reads a body once, piece by piece.
///
/// A class because the rest of a refused body is drained after the handler. Only the task that answers the request
/// uses it, or one that this task awaits; hence unchecked.
final class BodyReader: @unchecked Sendable {
    private let read: @concurrent () async throws -> ByteBuffer?
    private(set) var isAtEnd = false
    private(set) var bytesRead: UInt64 = 0
    /// False while the client waits for `100 Continue` and has sent nothing.
    var isInvited = true
    /// From `Content-Length`.
    let declaredBytes: UInt64?

    init(declaredBytes: UInt64?, read: @escaping @concurrent () async throws -> ByteBuffer?) {
        self.declaredBytes = declaredBytes
        self.read = read
    }

    /// The next piece; nil at the end. A connection that broke off throws ``Problem``: what came is not the body.
    @concurrent func next() async throws(Problem) -> ByteBuffer? {
        if isAtEnd { return nil }
        let piece: ByteBuffer?
        do {
            piece = try await read()
        } catch {
            isAtEnd = true
            throw Problem(.badParameter, "the body broke off after \(bytesRead) bytes")
        }
        guard let piece else {
            isAtEnd = true
            if let declaredBytes, declaredBytes != bytesRead {
                throw Problem(
                    .badParameter, "the body broke off after \(bytesRead) of \(declaredBytes) bytes"
                )
            }
            return nil
        }
        bytesRead += UInt64(piece.readableBytes)
        return piece
    }

    /// The whole body, at most `limit` bytes; E606 above.
    func collect(limit: Int, what: String) async throws(Problem) -> [UInt8] {
        if let declaredBytes, declaredBytes > UInt64(limit) {
            throw BodyReader.tooLarge(declaredBytes, limit, what)
        }
        var out: [UInt8] = []
        while let piece = try await next() {
            if out.count + piece.readableBytes > limit {
                throw BodyReader.tooLarge(bytesRead, limit, what)
            }
            out.append(contentsOf: piece.readableBytesView)
        }
        return out
    }

    /// The body as a stream of at most `limit` bytes.
    func upload(limit: UInt64) throws(Problem) -> UploadBody {
        if let declaredBytes, declaredBytes > limit {
            throw Problem(.tooLarge, "the blob has \(declaredBytes) bytes, allowed are \(limit)")
        }
        return UploadBody(declaredBytes: declaredBytes) {
            guard let piece = try await self.next() else { return nil }
            if self.bytesRead > limit {
                throw Problem(.tooLarge, "the blob has more than \(limit) bytes")
            }
            return Array(piece.readableBytesView)
        }
    }

    private static func tooLarge(_ size: UInt64, _ limit: Int, _ what: String) -> Problem {
        Problem(.tooLarge, "\(what) has \(size) bytes or more, allowed are \(limit)")
    }
}

/// An answer before it becomes HTTP.
struct Reply: Sendable {
    /// What follows the head.
    enum Body: Sendable {
        case empty
        case bytes([UInt8])
        /// Written as it is made. `count` is the length if it is known.
        case stream(count: UInt64?, @concurrent @Sendable (_ write: Write) async throws -> Void)
        /// Written as events come, until the reader goes away: then `end` is called, and must let the writer return.
        case endless(
            end: @Sendable () -> Void, @concurrent @Sendable (_ write: Write) async throws -> Void)
        /// Writes a piece; waits while the client does not take it.
        typealias Write = @concurrent (ByteBuffer) async throws -> Void
    }

    var status: Int
    var mediaType: String?
    var headers: [(name: String, value: String)]
    var body: Body

    init(
        status: Int = 200, mediaType: String? = nil, headers: [(name: String, value: String)] = [],
        body: Body = .empty
    ) {
        self.status = status
        self.mediaType = mediaType
        self.headers = headers
        self.body = body
    }

    /// A document as JSON.
    static func document(_ document: some Document, status: Int = 200) -> Reply {
        Reply(status: status, mediaType: Media.json, body: .bytes(document.json()))
    }

    /// A fact of the ledger as JSON, with its height.
    static func stated<D: Document>(_ stated: Stated<D>, status: Int = 200) -> Reply {
        var reply = Reply.document(stated.value, status: status)
        reply.headers.append(("Peernode-Height", String(stated.height)))
        return reply
    }

    static func problem(_ problem: Problem) -> Reply {
        var headers: [(name: String, value: String)] = []
        if let seconds = problem.retryAfterSeconds {
            headers.append(("Retry-After", String(seconds)))
        }
        if let allowed = problem.allowedMethods {
            headers.append(("Allow", allowed.joined(separator: ", ")))
        }
        if problem.status == 401 { headers.append(("WWW-Authenticate", "Bearer")) }
        return Reply(
            status: problem.status, mediaType: Media.problem, headers: headers,
            body: .bytes(problem.json()))
    }
}

/// Media types that we read or write.
enum Media {
    static let json = "application/json"
    static let yaml = "application/yaml"
    static let problem = "application/problem+json"
    static let octets = "application/octet-stream"
    static let text = "text/plain; charset=utf-8"
    static let jsonLines = "application/jsonl"
    static let events = "text/event-stream"
    static let receipt = "application/vnd.peernode.receipt"
    static let entry = "application/vnd.peernode.entry"
    static let evidence = "application/vnd.peernode.evidence"

    /// The type without parameters, in lower case.
    static func essence(_ type: String) -> String {
        let end = type.firstIndex(of: ";") ?? type.endIndex
        return type[..<end].trimmed().lowercased()
    }

    /// The offered type that `accept` prefers; the first if it names none of them (`surfaces.md` 4.5).
    static func negotiate(_ accept: String?, _ offered: [String]) -> String {
        guard let accept, offered.count > 1 else { return offered[0] }
        var best: (type: String, quality: Double, exactness: Int)?
        for range in accept.split(separator: ",").prefix(32) {
            let parts = range.split(separator: ";").map { $0.trimmed().lowercased() }
            guard let pattern = parts.first else { continue }
            let quality =
                parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) }
                ?? 1
            guard quality > 0 else { continue }
            for type in offered {
                let essence = essence(type)
                let group = essence.prefix { $0 != "/" } + "/*"
                let exactness =
                    pattern == essence ? 2 : pattern == group ? 1 : pattern == "*/*" ? 0 : -1
                if exactness < 0 { continue }
                if best.map({ (quality, exactness) > ($0.quality, $0.exactness) }) ?? true {
                    best = (type, quality, exactness)
                }
            }
        }
        return best?.type ?? offered[0]
    }
}

extension StringProtocol {
    /// Without blanks and tabs at both ends.
    func trimmed() -> String {
        let kept = drop { $0 == " " || $0 == "\t" }
        let end = kept.lastIndex { $0 != " " && $0 != "\t" }
        return end.map { String(kept[...$0]) } ?? ""
    }
}
