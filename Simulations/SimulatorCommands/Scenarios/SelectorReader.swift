import Basis
import Simulator

/// What a selector may speak of, known once the peers, groups and coalitions of a file are read.
struct Cast {
    var peers = 0
    var seats = 0
    var regions = 0
    var regionNames: [String] = []
    var groups: [String] = []
    var adversaries: [String] = []
}

extension FieldReader {
    static let selectorForms = [
        "peer:7", "peers:0-31", "random:3", "random:20%", "seat:2", "leader", "worker:1", "seats", "observers",
        "submitters", "region:eu", "nat:symmetric", "group:a", "adversary:ring", "rest", "all",
    ]

    /// A selector, or a list of numbers, ranges and selectors. `isEarly`: the plan must know who it is.
    mutating func selector(_ node: Document, _ cast: Cast, isEarly: Bool, takesRest: Bool) -> Selector? {
        let selector: Selector
        switch node.content {
        case .scalar(let text, _):
            guard let one = parsed(text, at: node, cast) else { return nil }
            selector = one
        case .list(let items):
            var peers: [Int] = []
            var parts: [Selector] = []
            for item in items {
                guard let text = text(item, "a peer") else { return nil }
                if let range = Self.range(text) {
                    if !check(range, at: item, cast) { return nil }
                    peers += Array(range)
                } else if let part = parsed(text, at: item, cast) {
                    parts.append(part)
                } else {
                    return nil
                }
            }
            let listed = Selector.peers(Self.ascending(peers))
            selector = parts.isEmpty ? listed : .union(peers.isEmpty ? parts : [listed] + parts)
        case .mapping:
            report(
                node, "a selector is text or a list of numbers, found a mapping", why: "it names peers",
                fix: "write \"random:3\", or [0, 4, 8-15]")
            return nil
        }
        if selector == .rest, !takesRest {
            report(
                node, "\"rest\" has nothing to be the rest of",
                why: "it is what the other side or the other groups of the same fault leave", fix: "write \"all\"")
            return nil
        }
        if case .union(let parts) = selector, parts.contains(where: { $0.isDecidedLate }) {
            report(
                node, "a list cannot hold \"leader\" or \"worker:n\"", why: "only the moment tells who they are",
                fix: "write them as a fault of their own")
            return nil
        }
        if isEarly, selector.isDecidedLate {
            report(
                node, "\"\(selector.text)\" cannot stand here", why: "only the moment tells who that is, and this "
                    + "part of a plan must be known before the run", fix: "name peers, or draw them: \"random:1\"")
            return nil
        }
        return selector
    }

    static func ascending(_ peers: [Int]) -> [Int] {
        var out: [Int] = []
        for peer in peers.sorted() where peer != out.last { out.append(peer) }
        return out
    }

    /// `7` or `0-31`
    static func range(_ text: String) -> ClosedRange<Int>? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Scalar.digits($0) }
        guard ends.count <= 2, let first = ends.first ?? nil, let last = ends.last ?? nil, first <= last,
            last <= 10_000_000
        else { return nil }
        return Int(first)...Int(last)
    }

    mutating func check(_ range: ClosedRange<Int>, at node: Document, _ cast: Cast) -> Bool {
        if range.upperBound < cast.peers { return true }
        report(
            node, "peer \(range.upperBound) does not exist; peers are 0 to \(cast.peers - 1)",
            why: "a fault on nobody would quietly do nothing", fix: "name a peer that exists, or raise \"peers\"")
        return false
    }

    mutating func parsed(_ text: String, at node: Document, _ cast: Cast) -> Selector? {
        switch text {
        case "leader": return .leader
        case "seats": return .everySeat
        case "observers": return .observers
        case "submitters": return .submitters
        case "rest": return .rest
        case "all": return .all
        default: break
        }
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return refuse(text, at: node) }
        let rest = parts[1]
        switch parts[0] {
        case "peer", "peers": return peers(rest, text, at: node, cast)
        case "random": return random(rest, text, at: node, cast)
        case "seat":
            guard let count = Scalar.digits(rest[...]), count > 0 else { return refuse(text, at: node) }
            if count > cast.seats {
                report(
                    node, "\"\(text)\" asks for \(count) seats, but there are \(cast.seats)",
                    why: "seat:2 means two seats, drawn when the fault begins",
                    fix: "ask for fewer, or raise \"seats\"")
                return nil
            }
            return .seats(Int(count))
        case "worker":
            guard let count = Scalar.digits(rest[...]), count > 0, count <= cast.peers else {
                return refuse(text, at: node)
            }
            return .workers(Int(count))
        case "region":
            let names = cast.regionNames.isEmpty ? (0..<cast.regions).map(String.init) : cast.regionNames
            return known(rest, "region", names, at: node) ? .region(rest) : nil
        case "nat":
            guard let kind = NATKind(rawValue: rest) else {
                unknown(node, rest, "kind of NAT", NATKind.allCases.map(\.rawValue))
                return nil
            }
            return .nat(kind)
        case "group": return known(rest, "group", cast.groups, at: node) ? .group(rest) : nil
        case "adversary": return known(rest, "adversary", cast.adversaries, at: node) ? .adversary(rest) : nil
        default: return refuse(text, at: node)
        }
    }

    mutating func known(_ name: String, _ what: String, _ names: [String], at node: Document) -> Bool {
        if names.contains(name) { return true }
        let near = Suggestion.nearest(to: name, in: names)
        report(
            node, "there is no \(what) \"\(name)\"", why: "a selector names what the same file defines",
            fix: near.map { "did you mean \"\($0)\"?" }
                ?? (names.isEmpty ? "define it first" : "defined are: \(names.joined(separator: ", "))"))
        return false
    }

    mutating func peers(_ rest: String, _ text: String, at node: Document, _ cast: Cast) -> Selector? {
        var peers: [Int] = []
        for part in rest.split(separator: ",", omittingEmptySubsequences: false) {
            guard let range = Self.range(String(part)) else { return refuse(text, at: node) }
            if !check(range, at: node, cast) { return nil }
            peers += Array(range)
        }
        return .peers(Self.ascending(peers))
    }

    /// `3`, `20%` or `20% of observers`
    mutating func random(_ rest: String, _ text: String, at node: Document, _ cast: Cast) -> Selector? {
        var amountText = rest
        var pool = Selector.all
        if let space = rest.firstIndex(of: " ") {
            amountText = String(rest[..<space])
            let tail = rest[space...]
            guard tail.hasPrefix(" of ") else { return refuse(text, at: node) }
            guard let inner = parsed(String(tail.dropFirst(4)), at: node, cast) else { return nil }
            pool = inner
        }
        if let count = Scalar.digits(amountText[...]) {
            if count == 0 { return refuse(text, at: node) }
            if count > cast.peers {
                report(
                    node, "\"\(text)\" asks for \(count) peers, but there are \(cast.peers)",
                    why: "a fault meets peers that exist", fix: "ask for fewer, or write \"all\"")
                return nil
            }
            return .random(.count(Int(count)), of: pool)
        }
        do throws(Wrong) {
            return .random(.share(try Scalar.chance(amountText)), of: pool)
        } catch {
            report(node, error.message, why: error.why, fix: error.fix)
            return nil
        }
    }

    mutating func refuse(_ text: String, at node: Document) -> Selector? {
        let near = Suggestion.nearest(to: text, in: Self.selectorForms)
        report(
            node, "\"\(text)\" is not a selector", why: "a selector says whom a fault or coalition meets",
            fix: (near.map { "did you mean \"\($0)\"? " } ?? "")
                + "there are: \(Self.selectorForms.joined(separator: ", "))")
        return nil
    }
}
