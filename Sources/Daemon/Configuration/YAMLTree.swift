public import Compute
import Yams

/// Reads YAML into the positioned tree that manifests and configuration share (`compute.md` 1.1).
///
/// Yams parses and gives positions; what a scalar means is decided by its field, never here. Accepted: one document of
/// mappings, sequences and plain, quoted or block scalars. Everything that lets two texts mean the same thing in
/// hidden ways is refused: anchors, aliases, explicit tags, merge keys, duplicate keys, directives, a second document.
public enum YAMLTree {
    /// Why the text was refused, at its place. Nothing else was read.
    public struct Failure: Error, Sendable, Equatable {
        public let reason: String
        public let fix: String
        public let line: Int
        public let column: Int
        public let pointer: String
    }

    public static func read(_ text: String) throws(Failure) -> ManifestNode {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map {
            Array($0.unicodeScalars)
        }
        try refuseDirectives(lines)
        let root: Yams.Node?
        do {
            var nodes: [Yams.Node] = []
            let parser = try Parser(yaml: text, resolver: Resolver.basic, constructor: .default)
            while let node = try parser.nextRoot() { nodes.append(node) }
            if nodes.count > 1 {
                throw Failure(
                    reason: "a second document is not supported",
                    fix: "keep one document in a file",
                    line: nodes[1].mark?.line ?? 1, column: nodes[1].mark?.column ?? 1, pointer: "")
            }
            root = nodes.first
        } catch let error as Failure {
            throw error
        } catch {
            throw failure(error)
        }
        guard let root else {
            throw Failure(
                reason: "not valid YAML: the file is empty", fix: "correct the text at this place",
                line: 1, column: 1,
                pointer: "")
        }
        return try convert(root, lines, pointer: "", depth: 0)
    }

    // MARK: below their use

    static let depthMax = 64

    static func failure(_ error: any Error) -> Failure {
        var reason = "\(error)"
        var line = 1
        var column = 1
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            reason = problem
            line = mark.line
            column = mark.column
        case .reader(let problem, _, _, _): reason = problem
        case .duplicatedKeysInMapping(let keys, let context):
            let name = keys.first ?? ""
            return Failure(
                reason: "key \"\(name)\" appears twice, first on line \(context.mark.line)",
                fix: "keep one of them", line: context.mark.line,
                column: context.mark.column, pointer: "")
        default: break
        }
        if reason.contains("found undefined alias") {
            return Failure(
                reason: "alias is not supported", fix: "write the value out in full", line: line,
                column: column,
                pointer: "")
        }
        return Failure(
            reason: "not valid YAML: \(reason)", fix: "correct the text at this place", line: line,
            column: column,
            pointer: "")
    }

    /// A line that begins with `%` can only be a directive: content of a mapping or block is indented or a key.
    static func refuseDirectives(_ lines: [[Unicode.Scalar]]) throws(Failure) {
        for (number, line) in lines.enumerated() where line.first == "%" {
            throw unsupported("a directive", line: number + 1, column: 1, pointer: "")
        }
    }

    static func unsupported(_ what: String, line: Int, column: Int, pointer: String) -> Failure {
        Failure(
            reason: "\(what) is not supported", fix: "write the value out in full", line: line,
            column: column,
            pointer: pointer)
    }

    /// Anchors and tags stand where their node begins. An alias needs an anchor, which is found first.
    static func refuseDecoration(
        _ node: Yams.Node, _ lines: [[Unicode.Scalar]], line: Int, column: Int, pointer: String
    ) throws(Failure) {
        if node.anchor != nil {
            throw unsupported("an anchor", line: line, column: column, pointer: pointer)
        }
        guard lines.indices.contains(line - 1), lines[line - 1].indices.contains(column - 1) else {
            return
        }
        if lines[line - 1][column - 1] == "!" {
            throw unsupported("a tag", line: line, column: column, pointer: pointer)
        }
    }

    static func convert(
        _ node: Yams.Node, _ lines: [[Unicode.Scalar]], pointer: String, depth: Int
    ) throws(Failure) -> ManifestNode {
        let line = node.mark?.line ?? 1
        let column = node.mark?.column ?? 1
        if depth > depthMax {
            throw Failure(
                reason: "nested deeper than \(depthMax)", fix: "make it flatter", line: line,
                column: column,
                pointer: pointer)
        }
        try refuseDecoration(node, lines, line: line, column: column, pointer: pointer)
        switch node {
        case .scalar(let scalar):
            return ManifestNode(
                .scalar(scalar.string, isPlain: scalar.style == .plain || scalar.style == .any),
                line: line,
                column: column, pointer: pointer)
        case .sequence(let sequence):
            var items: [ManifestNode] = []
            for (index, item) in sequence.enumerated() {
                items.append(
                    try convert(item, lines, pointer: "\(pointer)/\(index)", depth: depth + 1))
            }
            return ManifestNode(.sequence(items), line: line, column: column, pointer: pointer)
        case .mapping(let mapping):
            var entries: [ManifestNode.Entry] = []
            var seen: [String: Int] = [:]
            for (key, value) in mapping {
                let at = (key.mark?.line ?? line, key.mark?.column ?? column)
                try refuseDecoration(key, lines, line: at.0, column: at.1, pointer: pointer)
                guard let name = key.scalar?.string else {
                    throw Failure(
                        reason: "a key that is not text is not supported",
                        fix: "write the value out in full",
                        line: at.0, column: at.1, pointer: pointer)
                }
                if let first = seen[name] {
                    throw Failure(
                        reason: "key \"\(name)\" appears twice, first on line \(first)",
                        fix: "keep one of them",
                        line: at.0, column: at.1, pointer: pointer)
                }
                if name == "<<" {
                    throw unsupported("a merge key", line: at.0, column: at.1, pointer: pointer)
                }
                seen[name] = at.0
                let escaped = name.replacing("~", with: "~0").replacing("/", with: "~1")
                let inner = try convert(
                    value, lines, pointer: "\(pointer)/\(escaped)", depth: depth + 1)
                entries.append(.init(key: name, line: at.0, column: at.1, value: inner))
            }
            return ManifestNode(.mapping(entries), line: line, column: column, pointer: pointer)
        case .alias:
            throw Failure(
                reason: "an alias is not supported", fix: "write the value out in full", line: line,
                column: column,
                pointer: pointer)
        }
    }
}
