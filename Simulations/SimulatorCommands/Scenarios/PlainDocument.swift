/// A document to be written: as YAML, or as JSON with the same content.
///
/// Numbers and names stand plain, all other text is quoted, so that any reader of YAML or JSON sees what was meant.
enum PlainDocument {
    case text(String)
    case digits(String)
    case flag(Bool)
    case list([PlainDocument])
    /// As many keys as values; made by `mapping`.
    case fields(keys: [String], values: [PlainDocument])

    static func mapping(_ fields: [(key: String, value: PlainDocument)]) -> PlainDocument {
        .fields(keys: fields.map(\.key), values: fields.map(\.value))
    }
    static func number(_ value: some BinaryInteger) -> PlainDocument { .digits(String(value)) }

    /// Top fields a line each; items of lists a line each; what is in them within the line.
    var yaml: String {
        guard case .fields(let keys, let values) = self else { return flow + "\n" }
        var out = ""
        for (key, value) in zip(keys, values) {
            switch value {
            case .list(let items) where items.contains { $0.isNested }:
                out += "\(key):\n"
                for item in items { out += "  - \(item.flow)\n" }
            default: out += "\(key): \(value.flow)\n"
            }
        }
        return out
    }

    var json: String {
        switch self {
        case .text(let text): return PlainDocument.quoted(text)
        case .digits(let text): return text
        case .flag(let flag): return flag ? "true" : "false"
        case .list(let items): return "[" + items.map(\.json).joined(separator: ", ") + "]"
        case .fields(let keys, let values):
            let texts = zip(keys, values).map { PlainDocument.quoted($0) + ": " + $1.json }
            return "{" + texts.joined(separator: ", ") + "}"
        }
    }

    // MARK: below their use

    var isNested: Bool {
        switch self {
        case .text, .digits, .flag: false
        case .list, .fields: true
        }
    }

    var flow: String {
        switch self {
        case .text(let text): PlainDocument.isPlain(text) ? text : PlainDocument.quoted(text)
        case .digits(let text): text
        case .flag(let flag): flag ? "true" : "false"
        case .list(let items): "[" + items.map(\.flow).joined(separator: ", ") + "]"
        case .fields(let keys, let values):
            "{" + zip(keys, values).map { $0 + ": " + $1.flow }.joined(separator: ", ") + "}"
        }
    }

    /// A word that no YAML reader takes for something else: letters, digits, `_`, `-`, `/` and `.`, with a letter
    /// first, or a number with a unit.
    static func isPlain(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, let last = bytes.last else { return false }
        func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte | 0x20) }
        func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
        let isWord = bytes.allSatisfy { isLetter($0) || isDigit($0) || $0 == 0x5f || $0 == 0x2d || $0 == 0x2f }
        let reserved = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
        if !isWord || reserved.contains(text.lowercased()) { return false }
        if isLetter(first) { return true }
        return isDigit(first) && isLetter(last) && !text.hasPrefix("0x") && !bytes.contains(0x2d)
            && !text.contains("e") || isRatio(bytes)
    }

    /// `1/200`
    static func isRatio(_ bytes: [UInt8]) -> Bool {
        let parts = bytes.split(separator: 0x2f, omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy { (0x30...0x39).contains($0) } }
    }

    static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\t": out += "\\t"
            case "\r": out += "\\r"
            default:
                if scalar.value < 0x20 || scalar.value == 0x7f || (0x80..<0xa0).contains(scalar.value)
                    || scalar.value == 0x2028 || scalar.value == 0x2029 || scalar.value == 0xfeff
                {
                    let digits = String(scalar.value, radix: 16)
                    out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                } else {
                    out.unicodeScalars.append(scalar)
                }
            }
        }
        return out + "\""
    }
}
