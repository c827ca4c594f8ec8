import NIOConcurrencyHelpers

/// What the API counts about itself (`surfaces.md` 10.1). Labels come from the table of routes, never from requests.
///
/// A class because all requests share it; a lock guards its state.
final class APIMetrics: Sendable {
    private struct Request: Hashable {
        var route: String
        var method: String
        var status: Int
    }

    private struct Histogram {
        var buckets = [Int](repeating: 0, count: APIMetrics.bounds.count)
        var sum = 0.0
        var count = 0
    }

    private struct State {
        var requests: [Request: Int] = [:]
        var durations: [String: Histogram] = [:]
    }

    /// Seconds; a request crosses to the node once, some 0.1 ms, and waits at most 60 s.
    private static let bounds: [Double] = [
        0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 60,
    ]

    private let limiter: RateLimiter
    private let state = NIOLockedValueBox(State())

    init(limiter: RateLimiter) { self.limiter = limiter }

    /// - Parameter route: the row's name; nil where none was found.
    func note(route: String?, method: String, status: Int, seconds: Double) {
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].contains(method)
        let request = Request(
            route: route ?? "none", method: known ? method : "other", status: status)
        state.withLockedValue { state in
            state.requests[request, default: 0] += 1
            var histogram = state.durations[request.route] ?? Histogram()
            for (index, bound) in APIMetrics.bounds.enumerated() where seconds <= bound {
                histogram.buckets[index] += 1
            }
            histogram.sum += seconds
            histogram.count += 1
            state.durations[request.route] = histogram
        }
    }

    func families() -> [MetricFamily] {
        let state = state.withLockedValue { $0 }
        let requests = state.requests.sorted {
            ($0.key.route, $0.key.method, $0.key.status) < (
                $1.key.route, $1.key.method, $1.key.status
            )
        }
        var durations: [MetricFamily.Sample] = []
        for (route, histogram) in state.durations.sorted(by: { $0.key < $1.key }) {
            let label = ("route", route)
            for (bound, count) in zip(APIMetrics.bounds, histogram.buckets) {
                durations.append(
                    .init(Double(count), labels: [label, ("le", "\(bound)")], suffix: "_bucket"))
            }
            durations.append(
                .init(Double(histogram.count), labels: [label, ("le", "+Inf")], suffix: "_bucket"))
            durations.append(.init(histogram.sum, labels: [label], suffix: "_sum"))
            durations.append(.init(Double(histogram.count), labels: [label], suffix: "_count"))
        }
        return [
            MetricFamily(
                name: "peernode_api_requests_total", kind: .counter, help: "Requests answered.",
                samples: requests.map { key, count in
                    .init(
                        Double(count),
                        labels: [
                            ("route", key.route), ("method", key.method),
                            ("status", String(key.status)),
                        ])
                }),
            MetricFamily(
                name: "peernode_api_request_seconds", kind: .histogram,
                help: "Time until the answer was ready.",
                samples: durations),
            MetricFamily(
                name: "peernode_api_streams", kind: .gauge, help: "Event streams that are open.",
                samples: [.init(Double(limiter.occupied("streams")), labels: [("kind", "events")])]),
        ]
    }
}
