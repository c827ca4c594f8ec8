import Basis
import Simulator

/// The fields of one mapping, by name.
struct Fields {
    /// Where the mapping begins.
    var node: Document
    var entries: [Document.Entry]

    subscript(_ name: String) -> Document? { entries.first { $0.key == name }?.value }
    /// Where the name of a field stands.
    func key(_ name: String) -> Document? {
        entries.first { $0.key == name }.map {
            Document(content: .scalar($0.key, isPlain: true), line: $0.line, column: $0.column)
        }
    }
}

/// Gives values their types, one field at a time, and collects what is wrong instead of stopping.
struct FieldReader {
    var mistakes: [Mistake] = []

    mutating func report(_ node: Document, _ message: String, why: String, fix: String) {
        mistakes.append(
            Mistake(
                line: node.line, column: node.column, length: node.length, message: message, why: why, fix: fix))
    }

    /// The fields of a mapping; those that are not allowed are mistakes, and so is what is no mapping.
    ///
    /// `later` names what the design has and this stage does not.
    mutating func fields(
        _ node: Document, of what: String, _ allowed: [String], later: [String] = []
    ) -> Fields? {
        guard case .mapping(let entries) = node.content else {
            report(
                node, "\(what) is a mapping, found \(node.kind)", why: "its fields have names",
                fix: "write {\(allowed.first ?? "name"): …}")
            return nil
        }
        for entry in entries where !allowed.contains(entry.key) {
            let place = Document(
                content: .scalar(entry.key, isPlain: true), line: entry.line, column: entry.column)
            if later.contains(entry.key) {
                report(
                    place, "field \"\(entry.key)\" belongs to a later stage", why: "it would do nothing in this build",
                    fix: "leave it out")
                continue
            }
            let near = Suggestion.nearest(to: entry.key, in: allowed)
            report(
                place, "unknown field \"\(entry.key)\"" + (near.map { "; did you mean \"\($0)\"?" } ?? ""),
                why: "a misspelt field must not quietly do nothing",
                fix: near.map { "write \"\($0)\", or leave it out" }
                    ?? "\(what) has: \(allowed.joined(separator: ", "))")
        }
        return Fields(node: node, entries: entries.filter { allowed.contains($0.key) })
    }

    mutating func items(_ node: Document?, _ what: String) -> [Document] {
        guard let node else { return [] }
        guard case .list(let items) = node.content else {
            report(
                node, "\(what) is a list, found \(node.kind)", why: "there can be several of them",
                fix: "write [ … ], or one \"- …\" a line")
            return []
        }
        return items
    }

    mutating func text(_ node: Document?, _ what: String) -> String? {
        guard let node else { return nil }
        guard case .scalar(let text, _) = node.content else {
            report(node, "\(what) is one value, found \(node.kind)", why: "it has no parts", fix: "write one value")
            return nil
        }
        return text
    }

    /// A value by its parser; nil, with a mistake, if it is refused, and without one if it is absent.
    mutating func value<T>(_ fields: Fields, _ name: String, _ parse: (String) throws(Wrong) -> T) -> T? {
        guard let node = fields[name], let text = text(node, "\"\(name)\"") else { return nil }
        do throws(Wrong) {
            return try parse(text)
        } catch {
            report(node, error.message, why: error.why, fix: error.fix)
            return nil
        }
    }

    /// As `value`, but absence is a mistake.
    mutating func needed<T>(_ fields: Fields, _ name: String, of what: String, _ parse: (String) throws(Wrong) -> T)
        -> T?
    {
        if fields[name] == nil { missing(name, in: fields, of: what) }
        return value(fields, name, parse)
    }

    mutating func missing(_ name: String, in fields: Fields, of what: String) {
        report(
            fields.node, "\"\(name)\" is missing", why: "\(what) needs it, and no value would suit everyone",
            fix: "add \"\(name): …\"")
    }

    /// One of a closed list.
    mutating func choice<T: RawRepresentable & CaseIterable>(
        _ fields: Fields, _ name: String, _ what: String, list: String? = nil, as type: T.Type = T.self
    ) -> T? where T.RawValue == String {
        guard let node = fields[name], let text = text(node, "\"\(name)\"") else { return nil }
        if let value = T(rawValue: text) { return value }
        unknown(node, text, what, T.allCases.map(\.rawValue), list: list)
        return nil
    }

    /// `list`: what `peersim list` calls them.
    mutating func unknown(
        _ node: Document, _ text: String, _ what: String, _ all: [String], list: String? = nil, why: String? = nil
    ) {
        let near = Suggestion.nearest(to: text, in: all)
        let listing =
            list.map { "`peersim list \($0)` prints all of them" } ?? "allowed: \(all.joined(separator: ", "))"
        report(
            node, "unknown \(what) \"\(text)\"",
            why: why ?? "these are a closed list, so that a misspelt one cannot quietly do nothing",
            fix: near.map { "did you mean \"\($0)\"? " + listing } ?? listing)
    }
}
