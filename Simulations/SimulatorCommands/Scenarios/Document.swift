/// A file as text with positions, before any field has given a scalar its type (`simulation.md` 13).
///
/// YAML and JSON become the same tree. A scalar keeps its text, so `12:30`, `010` or `yes` stay what was written until
/// the field that holds them reads them, strictly.
struct Document: Sendable {
    enum Content: Sendable {
        /// `isPlain`: written without quotes.
        case scalar(String, isPlain: Bool)
        case list([Document])
        case mapping([Entry])
    }
    struct Entry: Sendable {
        var key: String
        var line: Int
        var column: Int
        var value: Document
    }

    var content: Content
    /// From 1; columns count Unicode scalars.
    var line: Int
    var column: Int

    /// How much of the line a caret marks.
    var length: Int {
        switch content {
        case .scalar(let text, let isPlain): max(1, text.unicodeScalars.count) + (isPlain ? 0 : 2)
        case .list, .mapping: 1
        }
    }

    /// As a sentence calls it.
    var kind: String {
        switch content {
        case .scalar(let text, _): "\"\(text)\""
        case .list(let items): "a list of \(items.count)"
        case .mapping: "a mapping"
        }
    }
}
