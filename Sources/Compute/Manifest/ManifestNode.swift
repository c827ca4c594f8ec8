import Verdict

/// A manifest as text with positions, before any field has given a scalar its type (`compute.md` 1.1).
///
/// JSON and YAML both become this tree: JSON here, YAML in the shell. A scalar keeps its text, and the *field* decides
/// what it is, so `1.0` is the text `1.0` in a text field and the number in a number field.
public struct ManifestNode: Sendable {
    public enum Content: Sendable {
        /// `isPlain`: written without quotes, so that where any value may stand it is read as null, boolean or number.
        case scalar(String, isPlain: Bool)
        case sequence([ManifestNode])
        case mapping([Entry])
    }
    public struct Entry: Sendable {
        public var key: String
        /// Position of the key, from 1.
        public var line: Int
        public var column: Int
        public var value: ManifestNode

        public init(key: String, line: Int, column: Int, value: ManifestNode) {
            self.key = key
            self.line = line
            self.column = column
            self.value = value
        }
    }

    public var content: Content
    /// From 1; columns count Unicode scalars.
    public var line: Int
    public var column: Int
    /// JSON pointer in the author's file; empty for the whole.
    public var pointer: String

    public init(_ content: Content, line: Int, column: Int, pointer: String) {
        self.content = content
        self.line = line
        self.column = column
        self.pointer = pointer
    }

    /// The member of that key, if this is a mapping and has it.
    public subscript(_ key: String) -> ManifestNode? {
        guard case .mapping(let entries) = content else { return nil }
        return entries.first { $0.key.isSameBytes(as: key) }?.value
    }

    var place: Place { Place(pointer: pointer, line: line, column: column) }

    /// The node at a pointer below this one, or the nearest that exists.
    func node(at pointer: [String]) -> ManifestNode {
        var node = self
        for key in pointer {
            switch node.content {
            case .mapping:
                guard let next = node[key] else { return node }
                node = next
            case .sequence(let items):
                guard let i = Int(key), items.indices.contains(i) else { return node }
                node = items[i]
            case .scalar: return node
            }
        }
        return node
    }

    /// How deep mappings and sequences are nested here, and how many nodes there are.
    var extent: (depth: Int, nodes: Int) {
        let children: [ManifestNode]
        switch content {
        case .scalar: return (0, 1)
        case .sequence(let items): children = items
        case .mapping(let entries): children = entries.map(\.value)
        }
        var extent = (depth: 1, nodes: 1)
        for child in children {
            let inner = child.extent
            extent.depth = max(extent.depth, 1 + inner.depth)
            extent.nodes += inner.nodes
        }
        return extent
    }

    /// `pointer` and one more segment, escaped.
    public static func pointer(_ parent: String, _ segment: String) -> String {
        var out = Array(parent.utf8)
        out.append(0x2f)
        for byte in segment.utf8 {
            switch byte {
            case 0x7e: out += [0x7e, 0x30]
            case 0x2f: out += [0x7e, 0x31]
            default: out.append(byte)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}

/// Where an issue stands.
struct Place {
    var pointer: String
    var line: Int
    var column: Int
}

/// JSON text with byte offsets, before offsets become lines and columns.
private struct OffsetNode: JSONTree {
    enum Content {
        case scalar(String, isPlain: Bool)
        case sequence([OffsetNode])
        case mapping([(key: String, offset: Int, value: OffsetNode)])
    }
    var content: Content
    var offset: Int

    static func scalar(_ scalar: JSONScalar, at offset: Int) -> OffsetNode {
        switch scalar {
        case .null: OffsetNode(content: .scalar("null", isPlain: true), offset: offset)
        case .bool(let flag):
            OffsetNode(content: .scalar(flag ? "true" : "false", isPlain: true), offset: offset)
        case .number(_, let text): OffsetNode(content: .scalar(text, isPlain: true), offset: offset)
        case .string(let text): OffsetNode(content: .scalar(text, isPlain: false), offset: offset)
        }
    }
    static func array(_ items: [OffsetNode], at offset: Int) -> OffsetNode {
        OffsetNode(content: .sequence(items), offset: offset)
    }
    static func object(
        _ members: [(key: String, offset: Int, value: OffsetNode)], at offset: Int
    ) -> OffsetNode {
        OffsetNode(content: .mapping(members), offset: offset)
    }

    func node(_ lines: LineTable, pointer: String) -> ManifestNode {
        let (line, column) = lines.position(offset)
        let content: ManifestNode.Content
        switch self.content {
        case .scalar(let text, let isPlain): content = .scalar(text, isPlain: isPlain)
        case .sequence(let items):
            content = .sequence(
                items.enumerated().map {
                    $1.node(lines, pointer: ManifestNode.pointer(pointer, String($0)))
                })
        case .mapping(let members):
            content = .mapping(
                members.map {
                    let (line, column) = lines.position($0.offset)
                    let value = $0.value.node(lines, pointer: ManifestNode.pointer(pointer, $0.key))
                    return .init(key: $0.key, line: line, column: column, value: value)
                })
        }
        return ManifestNode(content, line: line, column: column, pointer: pointer)
    }
}

/// Turns byte offsets into lines and columns.
struct LineTable {
    let bytes: [UInt8]
    /// Offset of the first byte of each line.
    let starts: [Int]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        starts = [0] + bytes.indices.filter { bytes[$0] == 0x0a }.map { $0 + 1 }
    }

    /// Line and column from 1; a column is a Unicode scalar.
    func position(_ offset: Int) -> (Int, Int) {
        var low = 0
        var high = starts.count
        while low + 1 < high {
            let middle = (low + high) / 2
            if starts[middle] <= offset { low = middle } else { high = middle }
        }
        let before = bytes[starts[low]..<min(offset, bytes.count)]
        return (low + 1, 1 + before.reduce(0) { $0 + ($1 & 0xc0 == 0x80 ? 0 : 1) })
    }
}

extension ManifestNode {
    /// Reads a manifest in JSON. Fails with E103 or E104; nothing else was looked at then.
    public static func json(_ bytes: [UInt8]) -> Result<ManifestNode, ManifestIssues> {
        if bytes.count > ComputeLimits.manifestBytesMax {
            return .failure(ManifestIssues([.tooLarge(bytes.count)]))
        }
        let lines = LineTable(bytes)
        do throws(JSONError) {
            let tree = try JSONParser<OffsetNode>.parse(bytes)
            let node = tree.node(lines, pointer: "")
            let issues = node.extentIssues
            return issues.isEmpty ? .success(node) : .failure(ManifestIssues(issues))
        } catch {
            return .failure(ManifestIssues([.unreadable(error, bytes: bytes, lines: lines)]))
        }
    }

    /// E104 where the tree is deeper or larger than a manifest may be. For trees made elsewhere, too.
    public var extentIssues: [ManifestIssue] {
        let (depth, nodes) = extent
        var issues: [ManifestIssue] = []
        if depth > ComputeLimits.manifestDepthMax {
            issues.append(
                .outOfRange(
                    place, "nesting depth", "\(depth)", "1", "\(ComputeLimits.manifestDepthMax)"))
        }
        if nodes > ComputeLimits.manifestNodesMax {
            issues.append(
                .outOfRange(
                    place, "number of values", "\(nodes)", "1", "\(ComputeLimits.manifestNodesMax)")
            )
        }
        return issues
    }
}
