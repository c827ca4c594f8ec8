import Yams

/// Reads YAML, and JSON with it, into a `Document`.
///
/// One document of mappings, lists and scalars. What lets two texts mean the same in hidden ways is refused: anchors,
/// aliases, tags, merge keys, keys set twice, a second document.
enum DocumentReader {
    static let depthMax = 16

    static func read(_ text: String) throws(Mistake) -> Document {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let root: Yams.Node
        do {
            let parser = try Parser(yaml: text, resolver: Resolver.basic, constructor: .default)
            guard let first = try parser.nextRoot() else {
                throw unreadable("the file is empty", line: 1, column: 1, fix: "write at least \"why\"")
            }
            if let second = try parser.nextRoot() {
                throw unreadable(
                    "a second document begins", line: second.mark?.line ?? 1, column: 1,
                    fix: "keep one document in a file")
            }
            root = first
        } catch let mistake as Mistake {
            throw mistake
        } catch {
            throw explain(error, lines)
        }
        let scalars = lines.map { Array($0.unicodeScalars) }
        return try convert(root, scalars, line: 1, column: 1, depth: 0)
    }

    // MARK: below their use

    static func unreadable(_ problem: String, line: Int, column: Int, fix: String) -> Mistake {
        Mistake(
            line: max(1, line), column: max(1, column), length: 1, message: "not readable as YAML: \(problem)",
            why: "nothing else in the file could be looked at", fix: fix)
    }

    static func explain(_ error: any Error, _ lines: [Substring]) -> Mistake {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            // The scanner complains at the tab or, where it took it for a continuation, some lines further down.
            let near = lines.indices.filter { $0 < mark.line && lines[$0].hasPrefix("\t") }.last
            if let near {
                return unreadable(
                    "a tab starts the line; indent with spaces", line: near + 1, column: 1,
                    fix: "replace the tab by spaces")
            }
            let fix =
                problem.contains("alias") || problem.contains("anchor")
                ? "write the value out in full"
                : "look at this place and the line above; a colon, bracket or quote may be missing"
            return unreadable(problem, line: mark.line, column: mark.column, fix: fix)
        case .duplicatedKeysInMapping(let keys, let context):
            return twice(keys.first ?? "", first: context.mark, lines)
        case .reader(let problem, _, _, _):
            return unreadable(problem, line: 1, column: 1, fix: "save the file as UTF-8 text")
        default:
            return unreadable("\(error)", line: 1, column: 1, fix: "look for a missing colon, bracket or quote")
        }
    }

    /// The parser tells where a key stands first; where it stands again is found in the text.
    static func twice(_ key: String, first: Mark, _ lines: [Substring]) -> Mistake {
        var line = first.line
        var column = first.column
        for number in first.line..<max(first.line, lines.count) {
            let scalars = Array(lines[number].unicodeScalars)
            let rest = scalars.dropFirst(first.column - 1)
            if scalars.prefix(first.column - 1).allSatisfy({ $0 == " " || $0 == "-" }),
                String(String.UnicodeScalarView(rest)).hasPrefix(key + ":")
            {
                (line, column) = (number + 1, first.column)
                break
            }
        }
        if line == first.line, lines.indices.contains(line - 1) {
            let scalars = Array(lines[line - 1].unicodeScalars)
            let sought = Array((key + ":").unicodeScalars)
            for start in scalars.indices where start >= first.column && start + sought.count <= scalars.count {
                if Array(scalars[start..<start + sought.count]) == sought {
                    column = start + 1
                    break
                }
            }
        }
        return Mistake(
            line: line, column: column, length: max(1, key.unicodeScalars.count),
            message: "\"\(key)\" is set twice, first in line \(first.line)",
            why: "one of the two would quietly win", fix: "keep one of them")
    }

    /// Anchors and tags stand where their node begins.
    static func refuseDecoration(_ lines: [[Unicode.Scalar]], line: Int, column: Int) throws(Mistake) {
        guard lines.indices.contains(line - 1), lines[line - 1].indices.contains(column - 1) else { return }
        let names: [(Unicode.Scalar, String)] = [("&", "an anchor"), ("*", "an alias"), ("!", "a tag")]
        let first = lines[line - 1][column - 1]
        guard let name = names.first(where: { $0.0 == first })?.1 else { return }
        throw unreadable(
            "\(name) is not supported", line: line, column: column, fix: "write the value out in full")
    }

    static func convert(
        _ node: Yams.Node, _ lines: [[Unicode.Scalar]], line: Int, column: Int, depth: Int
    ) throws(Mistake) -> Document {
        let line = node.mark?.line ?? line
        let column = node.mark?.column ?? column
        if depth > depthMax {
            throw unreadable("nested too deeply", line: line, column: column, fix: "make it flatter")
        }
        try refuseDecoration(lines, line: line, column: column)
        switch node {
        case .scalar(let scalar):
            let isPlain = scalar.style == .plain || scalar.style == .any
            return Document(content: .scalar(scalar.string, isPlain: isPlain), line: line, column: column)
        case .sequence(let sequence):
            var items: [Document] = []
            items.reserveCapacity(sequence.count)
            for item in sequence {
                items.append(try convert(item, lines, line: line, column: column, depth: depth + 1))
            }
            return Document(content: .list(items), line: line, column: column)
        case .mapping(let mapping):
            var entries: [Document.Entry] = []
            entries.reserveCapacity(mapping.count)
            for (key, value) in mapping {
                let at = (key.mark?.line ?? line, key.mark?.column ?? column)
                guard let name = key.scalar?.string, name != "<<" else {
                    throw unreadable(
                        "a key that is not a name", line: at.0, column: at.1, fix: "write \"name: value\"")
                }
                let inner = try convert(value, lines, line: at.0, column: at.1, depth: depth + 1)
                entries.append(.init(key: name, line: at.0, column: at.1, value: inner))
            }
            return Document(content: .mapping(entries), line: line, column: column)
        case .alias:
            throw unreadable(
                "an alias is not supported", line: line, column: column, fix: "write the value out in full")
        }
    }
}
