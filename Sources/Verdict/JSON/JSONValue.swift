/// A JSON value with exact numbers; objects hold their members ascending by the UTF-8 bytes of the key.
public enum JSONValue: Sendable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    case object([JSONMember])

    /// An object of these members, sorted; of members with the same key the last one counts.
    public static func object(sorting members: [(String, JSONValue)]) -> JSONValue {
        var sorted: [JSONMember] = []
        let order = members.indices.sorted {
            let order = members[$0].0.byteOrder(members[$1].0)
            return order == .same ? $0 < $1 : order == .before
        }
        for i in order {
            if let last = sorted.last, last.key.isSameBytes(as: members[i].0) {
                sorted.removeLast()
            }
            sorted.append(JSONMember(key: members[i].0, value: members[i].1))
        }
        return .object(sorted)
    }

    /// The member of that key; nil if this is no object or has none. O(members).
    public subscript(_ key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key.isSameBytes(as: key) }?.value
    }
}

/// One member of an object.
public struct JSONMember: Sendable, Equatable {
    public var key: String
    public var value: JSONValue

    public init(key: String, value: JSONValue) {
        self.key = key
        self.value = value
    }

    public static func == (a: JSONMember, b: JSONMember) -> Bool {
        a.key.isSameBytes(as: b.key) && a.value == b.value
    }
}

extension JSONValue: Equatable {
    /// Equal canonical texts.
    public static func == (a: JSONValue, b: JSONValue) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.bool(let x), .bool(let y)): x == y
        case (.number(let x), .number(let y)): x == y
        case (.string(let x), .string(let y)): x.isSameBytes(as: y)
        case (.array(let x), .array(let y)): x == y
        case (.object(let x), .object(let y)): x == y
        default: false
        }
    }
}

extension JSONValue: JSONTree {
    public static func scalar(_ scalar: JSONScalar, at offset: Int) -> JSONValue {
        switch scalar {
        case .null: .null
        case .bool(let value): .bool(value)
        case .number(let value, _): .number(value)
        case .string(let value): .string(value)
        }
    }
    public static func array(_ items: [JSONValue], at offset: Int) -> JSONValue { .array(items) }
    public static func object(
        _ members: [(key: String, offset: Int, value: JSONValue)], at offset: Int
    ) -> JSONValue {
        .object(
            members.map { JSONMember(key: $0.key, value: $0.value) }
                .sorted { $0.key.byteOrder($1.key) == .before })
    }
}

/// The one text of a value (`ledger.md` 9.3): what is hashed and what is delivered.
public enum CanonicalJSON {
    /// Nesting of arrays and objects.
    public static let depthMax = 64

    /// Parses by the rules of 9.3; throws without effect.
    public static func parse(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
        try JSONParser<JSONValue>.parse(bytes)
    }

    /// The canonical bytes of `value`.
    public static func bytes(_ value: JSONValue) -> [UInt8] {
        var out: [UInt8] = []
        append(value, to: &out)
        return out
    }

    /// The canonical text of `value`.
    public static func text(_ value: JSONValue) -> String {
        String(decoding: bytes(value), as: UTF8.self)
    }

    /// The canonical form of `bytes`.
    public static func canonical(_ bytes: [UInt8]) throws(JSONError) -> [UInt8] {
        CanonicalJSON.bytes(try parse(bytes))
    }

    /// Whether `bytes` are their own canonical form.
    public static func isCanonical(_ bytes: [UInt8]) -> Bool { (try? canonical(bytes)) == bytes }

    // MARK: below their use

    static func append(_ value: JSONValue, to out: inout [UInt8]) {
        switch value {
        case .null: out += Array("null".utf8)
        case .bool(let flag): out += Array((flag ? "true" : "false").utf8)
        case .number(let number): out += Array(number.text.utf8)
        case .string(let text): append(string: text, to: &out)
        case .array(let items):
            out.append(0x5b)
            for (i, item) in items.enumerated() {
                if i > 0 { out.append(0x2c) }
                append(item, to: &out)
            }
            out.append(0x5d)
        case .object(let members):
            out.append(0x7b)
            for (i, member) in members.enumerated() {
                if i > 0 { out.append(0x2c) }
                append(string: member.key, to: &out)
                out.append(0x3a)
                append(member.value, to: &out)
            }
            out.append(0x7d)
        }
    }

    static func append(string: String, to out: inout [UInt8]) {
        let hex = Array("0123456789abcdef".utf8)
        out.append(0x22)
        for byte in string.utf8 {
            switch byte {
            case 0x22, 0x5c: out += [0x5c, byte]
            case 0x08: out += [0x5c, 0x62]
            case 0x09: out += [0x5c, 0x74]
            case 0x0a: out += [0x5c, 0x6e]
            case 0x0c: out += [0x5c, 0x66]
            case 0x0d: out += [0x5c, 0x72]
            case 0..<0x20:
                out += [0x5c, 0x75, 0x30, 0x30, hex[Int(byte >> 4)], hex[Int(byte & 15)]]
            default: out.append(byte)
            }
        }
        out.append(0x22)
    }
}
