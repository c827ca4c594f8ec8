/// All rows, and how a path finds its row.
struct RouteTable: Sendable {
    /// What a path led to.
    enum Match: Sendable {
        case route(Route, [String: String])
        /// The path is there, but not with this method.
        case otherMethod([String])
        case nothing
    }

    let routes: [Route]
    private let bySegments: [Int: [(segments: [String], routes: [Route])]]

    /// The routes of this version.
    static let shared = RouteTable(
        Routes.own + Routes.node + Routes.jobs + Routes.jobData + Routes.blobs + Routes.ledger
            + Routes.credit)

    init(_ routes: [Route]) {
        self.routes = routes
        var patterns: [(segments: [String], routes: [Route])] = []
        for route in routes {
            if let index = patterns.firstIndex(where: { $0.segments == route.segments }) {
                patterns[index].routes.append(route)
            } else {
                patterns.append((route.segments, [route]))
            }
        }
        bySegments = Dictionary(grouping: patterns) { $0.segments.count }
    }

    /// The row of a path, given by its decoded segments. Where several patterns fit, the one with the earliest literal
    /// segment counts, so that `/v1/jobs/stats` is not a job.
    func match(_ method: String, _ path: [String]) -> Match {
        var best: (segments: [String], routes: [Route])?
        for candidate in bySegments[path.count] ?? [] where fits(candidate.segments, path) {
            guard let current = best else {
                best = candidate
                continue
            }
            let literal = candidate.segments.map { !$0.hasPrefix("{") }
            let currentLiteral = current.segments.map { !$0.hasPrefix("{") }
            for (a, b) in zip(literal, currentLiteral) where a != b {
                if a { best = candidate }
                break
            }
        }
        guard let best else { return .nothing }
        let wanted = method == "HEAD" ? "GET" : method
        guard let route = best.routes.first(where: { $0.method == wanted }) else {
            return .otherMethod(
                best.routes.flatMap { $0.method == "GET" ? ["GET", "HEAD"] : [$0.method] })
        }
        var values: [String: String] = [:]
        for (segment, value) in zip(best.segments, path) where segment.hasPrefix("{") {
            values[String(segment.dropFirst().dropLast())] = value
        }
        return .route(route, values)
    }

    private func fits(_ segments: [String], _ path: [String]) -> Bool {
        zip(segments, path).allSatisfy { segment, value in
            segment.hasPrefix("{") ? !value.isEmpty && value.utf8.count <= 256 : segment == value
        }
    }

    /// Paths that belong to later versions, so that a 404 can say so: prefixes of the path and what they are.
    static let later: [(prefix: String, what: String)] = [
        ("/v1/session", "signing in to the dashboard"), ("/ui", "the dashboard"),
        ("/v1/node/pause", "pausing"), ("/v1/node/resume", "pausing"),
        ("/v1/node/drain", "draining"),
        ("/v1/node/reasons", "explanations"), ("/v1/node/config", "reading the configuration"),
        ("/v1/node/policy", "changing the policy"), ("/v1/jobs/plan", "planning"),
        ("/v1/jobs/check", "checking"),
        ("/v1/checks", "checking"), ("/v1/arrays", "arrays"), ("/v1/audit", "auditing over HTTP"),
        ("/v1/stream", "WebSocket"), ("/v1/workflows", "workflows"),
        ("/v1/kv", "the key-value store"),
        ("/v1/series", "series"), ("/v1/topics", "topics"), ("/v1/providers", "providers"),
        ("/ga4gh", "the task execution standard"), ("/openai", "the inference standard"),
    ]

    /// The 404 of a path without a row.
    static func notFound(_ path: String) -> Problem {
        let shown = VisibleText.escape(path, limit: 100)
        let fix = "see /openapi.json for what is there"
        if path == "/" {
            return Problem(.notFound, "the dashboard is not part of this version", fix: fix)
        }
        for (prefix, what) in later where path == prefix || path.hasPrefix(prefix + "/") {
            return Problem(.notFound, "\(what) is not part of this version (\(shown))", fix: fix)
        }
        return Problem(.notFound, "there is no path \(shown)", fix: fix)
    }
}

/// The namespace of the rows; each group stands in a file of its own.
enum Routes {}
