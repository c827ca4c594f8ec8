import Verdict

extension ManifestNode {
    /// The tree as a JSON manifest: what a client sends after it put content ids in the place of files. Positions are
    /// lost, everything else is read back as it was.
    public var json: String {
        switch content {
        case .scalar(let text, let isPlain):
            if isPlain, case .value(let value) = PlainScalar.read(text) { return CanonicalJSON.text(value) }
            return CanonicalJSON.text(.string(text))
        case .sequence(let items): return "[" + items.map(\.json).joined(separator: ",") + "]"
        case .mapping(let entries):
            let members = entries.map { CanonicalJSON.text(.string($0.key)) + ":" + $0.value.json }
            return "{" + members.joined(separator: ",") + "}"
        }
    }
}
