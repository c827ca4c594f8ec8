/// Where two answers begin to differ, for people who look for the cause (`surfaces.md` E320). Nothing is decided by it.
public enum FirstDifference: Sendable, Equatable, CustomStringConvertible {
    /// The answers are equal up to here; nil: that one ends.
    case byte(offset: Int, UInt8?, UInt8?)
    /// RFC 6901 pointer of the first value that differs, in the order of the first answer's members.
    case field(pointer: String, String, String)

    /// Values are cut to so many characters.
    static let shownMax = 40

    /// nil if the bytes are equal. Two JSON texts are compared value by value. O(length).
    public static func between(_ a: [UInt8], _ b: [UInt8]) -> FirstDifference? {
        if a == b { return nil }
        if let x = try? CanonicalJSON.parse(a), let y = try? CanonicalJSON.parse(b), x.isComposite || y.isComposite,
            let found = fields(x, y, at: "")
        {
            return found
        }
        let offset = zip(a, b).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? min(a.count, b.count)
        return .byte(
            offset: offset, offset < a.count ? a[offset] : nil, offset < b.count ? b[offset] : nil)
    }

    public var description: String {
        switch self {
        case .byte(let offset, let a, let b):
            "byte \(offset): \(Self.text(a)) and \(Self.text(b))"
        case .field(let pointer, let a, let b):
            "\(pointer.isEmpty ? "the whole value" : pointer): \(a) and \(b)"
        }
    }

    private static func text(_ byte: UInt8?) -> String {
        guard let byte else { return "the end" }
        if (0x21...0x7e).contains(byte) { return "\"\(Character(UnicodeScalar(byte)))\"" }
        let digits = String(byte, radix: 16)
        return "0x" + (digits.utf8.count == 1 ? "0" : "") + digits
    }

    private static func fields(_ a: JSONValue, _ b: JSONValue, at pointer: String) -> FirstDifference? {
        switch (a, b) {
        case (.array(let x), .array(let y)):
            for i in 0..<max(x.count, y.count) {
                let place = "\(pointer)/\(i)"
                guard i < x.count, i < y.count else {
                    return .field(pointer: place, shown(i < x.count ? x[i] : nil), shown(i < y.count ? y[i] : nil))
                }
                if let found = fields(x[i], y[i], at: place) { return found }
            }
            return nil
        case (.object(let x), .object(let y)):
            for member in x {
                let place = pointer + "/" + escaped(member.key)
                guard let other = y.first(where: { $0.key.isSameBytes(as: member.key) }) else {
                    return .field(pointer: place, shown(member.value), shown(nil))
                }
                if let found = fields(member.value, other.value, at: place) { return found }
            }
            let extra = y.first { member in !x.contains { $0.key.isSameBytes(as: member.key) } }
            return extra.map { .field(pointer: pointer + "/" + escaped($0.key), shown(nil), shown($0.value)) }
        default:
            return a == b ? nil : .field(pointer: pointer, shown(a), shown(b))
        }
    }

    /// RFC 6901, section 3: `~` and `/` of a key.
    private static func escaped(_ key: String) -> String {
        key.reduce(into: "") { text, character in
            switch character {
            case "~": text += "~0"
            case "/": text += "~1"
            default: text.append(character)
            }
        }
    }

    private static func shown(_ value: JSONValue?) -> String {
        guard let value else { return "nothing" }
        let text = String(decoding: CanonicalJSON.bytes(value), as: UTF8.self)
        return text.count > shownMax ? text.prefix(shownMax) + "…" : text
    }
}

extension JSONValue {
    var isComposite: Bool {
        switch self {
        case .array, .object: true
        default: false
        }
    }
}
