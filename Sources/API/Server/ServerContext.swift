import Logging
import Trust

/// What every request needs besides itself.
struct ServerContext: Sendable {
    var node: any NodeService
    var access: AccessControl
    var limits: APILimits
    var limiter: RateLimiter
    var metrics: APIMetrics
    var idempotency: any IdempotencyStore
    var hashing: any Hashing
    var now: @Sendable () -> Timestamp
    var version: String
    /// Whether `/metrics` needs no token.
    var metricsAreOpen: Bool
    var logger: Logger
    /// The document of `/openapi.json`, made once.
    var openAPI: [UInt8]

    func scope(_ route: Route) -> Scope {
        route.name == "metrics" && metricsAreOpen ? .open : route.scope
    }
}
