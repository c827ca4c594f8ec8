public import API
import Basis
public import Gossip
public import Records
import Trust
import Wire

/// Where to join, as people pass it on (`gossip.md` 10.1): `host:port,…#netid`, or
/// `peernode://host:port,…/netid?peer=id&invite=token`.
public struct SeedText: Sendable {
    public static let portDefault: UInt16 = 7717
    static let scheme = "peernode://"
    static let seedsMax = 16

    public var target: JoinTarget
    public var invite: InviteToken?

    /// - Throws: E611 with what is wrong with the text.
    public init(_ text: String) throws(Problem) {
        var rest = text[...]
        var network: Substring?
        target = JoinTarget(seeds: [])
        if rest.hasPrefix(SeedText.scheme) {
            rest = rest.dropFirst(SeedText.scheme.count)
            if let mark = rest.firstIndex(of: "?") {
                try takeOptions(rest[rest.index(after: mark)...], text)
                rest = rest[..<mark]
            }
            if let slash = rest.firstIndex(of: "/") {
                network = rest[rest.index(after: slash)...]
                rest = rest[..<slash]
            }
        } else if let mark = rest.firstIndex(of: "#") {
            network = rest[rest.index(after: mark)...]
            rest = rest[..<mark]
        }
        if var network, !network.isEmpty {
            if network.hasPrefix("net_") { network = network.dropFirst(4) }
            guard (20...52).contains(network.utf8.count), TextID.prefixIsBase32(network) else {
                throw SeedText.wrong(text, "the network \(network) is not 20 to 52 characters of a network's id")
            }
            target.networkPrefix = String(network)
        }
        for host in rest.split(separator: ",", omittingEmptySubsequences: false) {
            target.seeds.append(try SeedText.seed(host, text))
        }
        if target.seeds.count > SeedText.seedsMax { throw SeedText.wrong(text, "it names more than 16 hosts") }
    }

    private mutating func takeOptions(_ options: Substring, _ text: String) throws(Problem) {
        for option in options.split(separator: "&") {
            let parts = option.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else { throw SeedText.wrong(text, "\(option) has no value") }
            switch parts[0] {
            case "peer":
                guard let raw = TextID.parse(.peer, String(parts[1])) else {
                    throw SeedText.wrong(text, "\(parts[1]) is no peer's id")
                }
                target.peer = PeerID(raw)
            case "invite":
                guard let token = SeedText.invite(parts[1]) else {
                    throw SeedText.wrong(text, "the invite is not one; was it copied whole?")
                }
                invite = token
            default: throw SeedText.wrong(text, "\(parts[0]) is not an option; there are peer and invite")
            }
        }
    }

    /// The token that base32 text holds.
    public static func invite(_ text: some StringProtocol) -> InviteToken? {
        TextID.bytes(base32: text).flatMap { try? InviteToken(decoding: $0) }
    }

    static func seed(_ part: Substring, _ text: String) throws(Problem) -> Seed {
        var host = part
        var port: UInt16 = portDefault
        if host.hasPrefix("[") {
            guard let end = host.firstIndex(of: "]") else { throw wrong(text, "\(part) lacks a ]") }
            let after = host[host.index(after: end)...]
            host = host[host.index(after: host.startIndex)..<end]
            if !after.isEmpty {
                guard after.hasPrefix(":"), let number = UInt16(after.dropFirst()), number > 0 else {
                    throw wrong(text, "\(after) is not a port")
                }
                port = number
            }
        } else if let colon = host.firstIndex(of: ":") {
            guard let number = UInt16(host[host.index(after: colon)...]), number > 0 else {
                throw wrong(text, "\(part) has no port from 1 to 65535; IPv6 stands in brackets")
            }
            port = number
            host = host[..<colon]
        }
        if host.isEmpty || host.utf8.count > 253 { throw wrong(text, "a host is missing") }
        return Seed(host: String(host), port: port)
    }

    static func wrong(_ text: String, _ why: String) -> Problem {
        Problem(
            .badParameter, "\(VisibleText.escape(text, limit: 120)) is not a seed: \(why)",
            fix: "a seed is host:port, or the peernode:// text that 'peernode init' printed")
    }
}

extension TextID {
    /// Whether all characters are of lower-case base32.
    static func prefixIsBase32(_ text: Substring) -> Bool {
        text.utf8.allSatisfy { (0x61...0x7a).contains($0) || (0x32...0x37).contains($0) }
    }
}

extension JoinTarget {
    /// Several targets of one command line as one: all their seeds are dialled in one round. Nil if there is none.
    ///
    /// - Throws: E611 if they name different networks, or more seeds than one target may.
    public static func merged(_ targets: [JoinTarget]) throws(Problem) -> JoinTarget? {
        guard var all = targets.first else { return nil }
        for next in targets.dropFirst() {
            for seed in next.seeds where !all.seeds.contains(seed) { all.seeds.append(seed) }
            guard let prefix = next.networkPrefix else { continue }
            let known = all.networkPrefix ?? prefix
            guard known.hasPrefix(prefix) || prefix.hasPrefix(known) else {
                throw Problem(
                    .badParameter, "the seeds are of different networks: \(known) and \(prefix)",
                    fix: "give seeds of one network, and another --home for the other")
            }
            all.networkPrefix = known.utf8.count >= prefix.utf8.count ? known : prefix
        }
        if all.seeds.count > SeedText.seedsMax {
            throw Problem(
                .badParameter, "\(all.seeds.count) seeds are given", fix: "give at most \(SeedText.seedsMax)")
        }
        return all
    }
}
