public import Compute

/// A manifest on its way from a person's folder to a node: the files that it names become content ids.
///
/// The problem: a daemon opens no path that a request names, and positions of mistakes mean the author's file. The
/// idea: the client reads and checks the manifest where it lies, uploads each file, and sends the same tree with ids in
/// their place. Pure: reading and sending is the caller's.
public struct LocalManifest: Sendable {
    /// A file or folder that must be uploaded.
    public struct Source: Sendable, Equatable {
        /// Where the path stands in the manifest.
        public let pointer: String
        public let line: Int
        public let column: Int
        /// As written.
        public let path: String
        public let isFolder: Bool
    }

    public private(set) var node: ManifestNode

    public init(_ node: ManifestNode) { self.node = node }

    /// What `manifest`, read from this tree, takes from disk; each place once.
    public static func sources(_ manifest: Manifest) -> [Source] {
        manifest.sources.compactMap { source in
            switch source.kind {
            case .file(let path):
                Source(
                    pointer: source.pointer, line: source.line, column: source.column, path: path, isFolder: false)
            case .folder(let path):
                Source(pointer: source.pointer, line: source.line, column: source.column, path: path, isFolder: true)
            default: nil
            }
        }
    }

    /// Puts a value in the place of a declared input's. False if the manifest declares no such input.
    public mutating func set(input name: String, to value: ManifestNode) -> Bool {
        guard let inputs = node["inputs"], case .mapping(var entries) = inputs.content,
            let index = entries.firstIndex(where: { $0.key == name }),
            case .mapping(let old) = entries[index].value.content
        else { return false }
        var kept = old.filter { !LocalManifest.inputKinds.contains($0.key) }
        kept.append(.init(key: "value", line: value.line, column: value.column, value: value))
        entries[index].value.content = .mapping(kept)
        var changed = inputs
        changed.content = .mapping(entries)
        put("inputs", changed, into: &node)
        return true
    }

    /// Names what the file's name said: the job, and the runtime that its suffix implies.
    public mutating func complete(name: String, runtime: String) {
        if node["name"] == nil { put("name", LocalManifest.text(name), into: &node) }
        guard var run = node["run"], run["runtime"] == nil else { return }
        put("runtime", LocalManifest.text(runtime), into: &run)
        put("run", run, into: &node)
    }

    /// Sets fields of one section, such as `cost.max`: flags of `submit` win over the file.
    public mutating func set(_ section: String, _ field: String, to text: String) {
        var part = node[section] ?? ManifestNode(.mapping([]), line: 0, column: 0, pointer: "/" + section)
        put(field, LocalManifest.text(text), into: &part)
        put(section, part, into: &node)
    }

    /// Names a file in the place of whatever a section's source was: `--code FILE`.
    public mutating func set(_ section: String, _ field: String, file path: String) {
        var part = node[section] ?? ManifestNode(.mapping([]), line: 0, column: 0, pointer: "/" + section)
        let pointer = "/\(section)/\(field)"
        let value = ManifestNode(.scalar(path, isPlain: false), line: 0, column: 0, pointer: pointer + "/file")
        let source = ManifestNode(
            .mapping([.init(key: "file", line: 0, column: 0, value: value)]), line: 0, column: 0, pointer: pointer)
        put(field, source, into: &part)
        put(section, part, into: &node)
    }

    /// Puts ids in the place of paths: by pointer, `blob_…` for files and `tree_…` for folders.
    public mutating func replace(_ ids: [String: String]) { node = LocalManifest.replaced(node, ids) }

    // MARK: below their use

    static let inputKinds = ["value", "file", "dir", "blob", "tree", "url", "default", "sha256"]

    static func text(_ text: String) -> ManifestNode {
        ManifestNode(.scalar(text, isPlain: false), line: 0, column: 0, pointer: "")
    }

    private func put(_ key: String, _ value: ManifestNode, into node: inout ManifestNode) {
        guard case .mapping(var entries) = node.content else { return }
        if let index = entries.firstIndex(where: { $0.key == key }) {
            entries[index].value = value
        } else {
            entries.append(.init(key: key, line: 0, column: 0, value: value))
        }
        node.content = .mapping(entries)
    }

    static func replaced(_ node: ManifestNode, _ ids: [String: String]) -> ManifestNode {
        var node = node
        switch node.content {
        case .scalar: break
        case .sequence(let items): node.content = .sequence(items.map { replaced($0, ids) })
        case .mapping(let entries):
            node.content = .mapping(
                entries.map { entry in
                    var entry = entry
                    if let id = ids[entry.value.pointer], entry.key == "file" || entry.key == "dir" {
                        entry.key = entry.key == "file" ? "blob" : "tree"
                        entry.value = text(id)
                    } else {
                        entry.value = replaced(entry.value, ids)
                    }
                    return entry
                })
        }
        return node
    }
}
