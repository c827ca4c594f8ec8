/// What a caller may do; each includes the ones before (`surfaces.md` 4.2).
public enum Scope: Int, Sendable, Comparable, CaseIterable {
    /// No token needed.
    case open
    case read
    /// Jobs, transfers and uploads with this node's owner key.
    case submit
    /// Peers and life-cycle.
    case admin

    public static func < (a: Scope, b: Scope) -> Bool { a.rawValue < b.rawValue }

    /// The word of documents and messages.
    public var name: String {
        switch self {
        case .open: "open"
        case .read: "read"
        case .submit: "submit"
        case .admin: "admin"
        }
    }
}

/// Who asks.
public struct Caller: Sendable, Equatable {
    /// The way in: limits are per token, and the socket has none.
    public enum Way: Sendable, Equatable {
        /// The Unix socket, by our own user or root.
        case socket
        /// TCP with the token of this name; nil: an open route without a token.
        case token(String?)
    }
    public var way: Way
    public var scope: Scope

    /// What idempotency keys and rates are counted under.
    var account: String {
        switch way {
        case .socket: "socket"
        case .token(let name): "token/" + (name ?? "")
        }
    }
}

/// A token of the TCP side.
public struct AccessToken: Sendable {
    /// Appears in no answer; tells tokens apart in limits.
    public var name: String
    public var scope: Scope
    /// `pnt_` and 43 characters of base64url.
    public var secret: String

    public init(name: String, scope: Scope, secret: String) {
        self.name = name
        self.scope = scope
        self.secret = secret
    }

    /// A new secret of 256 random bits of the system.
    public static func makeSecret() -> String {
        var random = SystemRandomNumberGenerator()
        let alphabet = Array(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        // 43 characters hold 258 bits.
        let characters = (0..<43).map { _ in alphabet[Int(random.next() & 63)] }
        return "pnt_" + String(decoding: characters, as: UTF8.self)
    }
}

/// Decides who a TCP caller is, and whether a request comes from where it should: before routing, for every path.
struct AccessControl: Sendable {
    var tokens: [AccessToken]
    /// Names and addresses that a `Host` may carry besides loopback, as `api.hosts` lists them.
    var hosts: [String]
    /// Origins that may ask, as `api.origins` lists them.
    var origins: [String]

    /// The token that `authorization` carries: nil if it is wrong. Takes the same time for every wrong one.
    func token(_ authorization: String) -> AccessToken? {
        guard authorization.count > 7, authorization.prefix(7).lowercased() == "bearer " else {
            return nil
        }
        let given = Array(authorization.dropFirst(7).utf8)
        var found: AccessToken?
        for token in tokens where AccessControl.equal(Array(token.secret.utf8), given) {
            found = token
        }
        return found
    }

    /// Compares in a time that depends on the lengths only.
    static func equal(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        if a.count != b.count { return false }
        var difference: UInt8 = 0
        for index in a.indices { difference |= a[index] ^ b[index] }
        return difference == 0
    }

    /// Checks `Host`, `Origin` and `Sec-Fetch-Site` of a TCP request.
    ///
    /// - Parameter port: the port that we listen on.
    /// - Returns: the problem, or nil if the request may go on.
    func refusal(host: String?, origin: String?, fetchSite: String?, port: Int) -> Problem? {
        guard let host, isOurs(host, port) else {
            let found = host.map { VisibleText.escape($0, limit: 80) } ?? "none"
            return Problem(
                .badHost,
                "the Host header is \(found), allowed are localhost:\(port), 127.0.0.1:\(port)"
                    + ", [::1]:\(port) and api.hosts")
        }
        return refusal(origin: origin, fetchSite: fetchSite, host: host)
    }

    /// Checks `Origin` and `Sec-Fetch-Site`. On the socket there is no host to compare with, so that only listed
    /// origins pass.
    func refusal(origin: String?, fetchSite: String?, host: String?) -> Problem? {
        if let origin {
            let isOwn = host.map { origin.lowercased() == "http://" + $0.lowercased() } ?? false
            if !isOwn && !origins.contains(origin) {
                return Problem(
                    .badOrigin,
                    "the Origin is \(VisibleText.escape(origin, limit: 80)), allowed are this node's"
                        + " own and api.origins")
            }
            return nil
        }
        if fetchSite?.lowercased() == "cross-site" {
            return Problem(
                .badOrigin, "the request comes from a page of another site (Sec-Fetch-Site)")
        }
        return nil
    }

    private func isOurs(_ host: String, _ port: Int) -> Bool {
        let host = host.lowercased()
        for name in ["localhost", "127.0.0.1", "[::1]"] {
            if host == "\(name):\(port)" || (port == 80 && host == name) { return true }
        }
        return hosts.contains { $0.lowercased() == host || "\($0.lowercased()):\(port)" == host }
    }
}
