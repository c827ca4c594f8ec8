import Basis

/// Every error that a person or a program can meet, with its code, its HTTP status, its exit code and its page
/// (`surfaces.md` 3.6). Codes are never reused.
///
/// The catalogue holds what is always the same; what happened, with the values found, is the ``Problem``.
public enum ErrorCatalogue {
    /// One code and its page.
    public struct Entry: Sendable, Equatable {
        /// `E501`; warnings of manifests begin with `W`.
        public var code: String
        /// `insufficientCredit`.
        public var name: String
        /// The HTTP status; nil if the code never leaves a node as an answer of its own.
        public var status: Int?
        /// The exit code of the command line; 0 for warnings.
        public var exit: Int
        /// A few words, the same for every occurrence.
        public var title: String
        public var cause: String
        /// Empty where the cause already shows the wording.
        public var example: String
        public var remedy: String
    }

    /// All entries: manifests, jobs and credit, node.
    public static let all: [Entry] = manifestEntries + jobEntries + nodeEntries

    private static let byCode = Dictionary(
        all.map { ($0.code, $0) }, uniquingKeysWith: { first, _ in first })

    /// The entry of `code`, in either case; nil if there is none.
    public static func entry(_ code: String) -> Entry? { byCode[code.uppercased()] }

    /// The entry of a code of ours. A code without an entry is a bug.
    static func known(_ code: ProblemCode) -> Entry {
        let entry = byCode[code.rawValue]
        invariant(entry != nil, "\(code.rawValue) has no page")
        return entry!
    }

    /// The page of an error for terminals: `peernode help CODE`. Nil if the code is unknown.
    public static func page(_ code: String) -> String? {
        guard let entry = entry(code) else { return nil }
        var lines = ["\(entry.code) \(entry.name): \(entry.title)", ""]
        lines += wrapped(entry.cause)
        if !entry.example.isEmpty {
            lines += ["", "example:"] + wrapped(entry.example, indent: "  ")
        }
        lines += ["", "what to do:"] + wrapped(entry.remedy, indent: "  ")
        var facts = entry.exit == 0 ? "a warning" : "exit code \(entry.exit)"
        if let status = entry.status { facts += ", HTTP \(status)" }
        return (lines + ["", facts]).joined(separator: "\n") + "\n"
    }

    /// The page as a document.
    public static func document(_ code: String) -> ErrorPageDocument? {
        entry(code).map {
            ErrorPageDocument(
                code: $0.code, name: $0.name, title: $0.title, status: Known($0.status),
                exit: $0.exit,
                cause: $0.cause, example: $0.example, remedy: $0.remedy)
        }
    }

    /// `text` in lines of at most 80 columns.
    private static func wrapped(_ text: String, indent: String = "") -> [String] {
        var lines: [String] = []
        var line = indent
        for word in text.split(separator: " ") {
            if line.count > indent.count, line.count + 1 + word.count > 80 {
                lines.append(line)
                line = indent
            }
            line += (line.count > indent.count ? " " : "") + word
        }
        return lines + [line]
    }
}
