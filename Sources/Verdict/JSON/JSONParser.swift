/// Why text was refused as JSON. `at` is the offset of the byte where it was noticed.
public enum JSONError: Error, Hashable, Sendable {
    /// Another byte, or the end, where a value or a sign of punctuation must stand.
    case unexpected(at: Int)
    /// Bytes after the value.
    case trailing(at: Int)
    /// Deeper than the limit.
    case tooDeep(at: Int)
    /// A number that is ill-formed, or has too many digits or too large an exponent.
    case badNumber(at: Int)
    /// Ill-formed UTF-8, a control character, a bad escape, or half of a surrogate pair.
    case badString(at: Int)
    /// A key that the object has already, compared after unescaping.
    case duplicateKey(String, at: Int, first: Int)

    public var offset: Int {
        switch self {
        case .unexpected(let at), .trailing(let at), .tooDeep(let at), .badNumber(let at),
            .badString(let at), .duplicateKey(_, let at, _):
            at
        }
    }
}

/// A value without parts, as the parser found it.
public enum JSONScalar: Sendable {
    case null
    case bool(Bool)
    /// `text` is the number as it was written.
    case number(JSONNumber, text: String)
    case string(String)
}

/// What the parser builds: values for results, nodes with positions for manifests. Offsets are byte offsets.
public protocol JSONTree {
    static func scalar(_ scalar: JSONScalar, at offset: Int) -> Self
    static func array(_ items: [Self], at offset: Int) -> Self
    /// Members in the order of the text, without duplicate keys.
    static func object(_ members: [(key: String, offset: Int, value: Self)], at offset: Int) -> Self
}

/// Reads exactly the JSON of `ledger.md` 9.3: RFC 8259 in valid UTF-8 without byte order mark, limited depth, exact
/// numbers, no duplicate keys, no lone surrogates, nothing after the value.
public struct JSONParser<Tree: JSONTree> {
    let bytes: [UInt8]
    let depthMax: Int
    var position = 0
    var depth = 0

    init(_ bytes: [UInt8], depthMax: Int) {
        self.bytes = bytes
        self.depthMax = depthMax
    }

    /// Parses one document. O(n log n) for the duplicate check, memory within a small multiple of the input.
    public static func parse(
        _ bytes: [UInt8], depthMax: Int = CanonicalJSON.depthMax
    ) throws(JSONError) -> Tree {
        var parser = JSONParser(bytes, depthMax: depthMax)
        parser.skipBlanks()
        let value = try parser.value()
        parser.skipBlanks()
        if parser.position < bytes.count { throw .trailing(at: parser.position) }
        return value
    }

    // MARK: below their use

    func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func skipBlanks() {
        while let byte = peek(), byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d {
            position += 1
        }
    }

    mutating func value() throws(JSONError) -> Tree {
        guard let byte = peek() else { throw .unexpected(at: position) }
        let start = position
        switch byte {
        case 0x7b: return try object()
        case 0x5b: return try array()
        case 0x22: return .scalar(.string(try string()), at: start)
        case 0x2d, 0x30...0x39: return try number()
        case 0x74: return try word("true", .bool(true))
        case 0x66: return try word("false", .bool(false))
        case 0x6e: return try word("null", .null)
        default: throw .unexpected(at: start)
        }
    }

    mutating func word(_ text: StaticString, _ scalar: JSONScalar) throws(JSONError) -> Tree {
        let start = position
        for byte in "\(text)".utf8 {
            if peek() != byte { throw .unexpected(at: position) }
            position += 1
        }
        return .scalar(scalar, at: start)
    }

    mutating func number() throws(JSONError) -> Tree {
        let start = position
        while let byte = peek(),
            (0x30...0x39).contains(byte) || byte == 0x2d || byte == 0x2b || byte == 0x2e
                || byte == 0x65 || byte == 0x45
        {
            position += 1
        }
        let source = bytes[start..<position]
        guard let number = JSONNumber(source) else { throw .badNumber(at: start) }
        return .scalar(.number(number, text: String(decoding: source, as: UTF8.self)), at: start)
    }

    mutating func enter() throws(JSONError) {
        depth += 1
        if depth > depthMax { throw .tooDeep(at: position) }
        position += 1
        skipBlanks()
    }

    mutating func array() throws(JSONError) -> Tree {
        let start = position
        try enter()
        var items: [Tree] = []
        if peek() == 0x5d {
            position += 1
        } else {
            while true {
                items.append(try value())
                skipBlanks()
                if try isClosed(by: 0x5d) { break }
            }
        }
        depth -= 1
        return .array(items, at: start)
    }

    mutating func object() throws(JSONError) -> Tree {
        let start = position
        try enter()
        var members: [(key: String, offset: Int, value: Tree)] = []
        if peek() == 0x7d {
            position += 1
        } else {
            while true {
                let at = position
                if peek() != 0x22 { throw .unexpected(at: at) }
                let key = try string()
                skipBlanks()
                if peek() != 0x3a { throw .unexpected(at: position) }
                position += 1
                skipBlanks()
                members.append((key, at, try value()))
                skipBlanks()
                if try isClosed(by: 0x7d) { break }
            }
        }
        try refuseDuplicates(members)
        depth -= 1
        return .object(members, at: start)
    }

    /// Passes a comma and the blanks behind it, or the closing sign.
    mutating func isClosed(by sign: UInt8) throws(JSONError) -> Bool {
        if peek() == sign {
            position += 1
            return true
        }
        if peek() != 0x2c { throw .unexpected(at: position) }
        position += 1
        skipBlanks()
        return false
    }

    /// Throws for the earliest key that repeats an earlier one.
    func refuseDuplicates(
        _ members: [(key: String, offset: Int, value: Tree)]
    ) throws(JSONError) {
        if members.count < 2 { return }
        let order = members.indices.sorted {
            switch members[$0].key.byteOrder(members[$1].key) {
            case .before: true
            case .after: false
            case .same: $0 < $1
            }
        }
        var found: (second: Int, first: Int)?
        var first = order[0]
        for index in order.dropFirst() {
            if members[index].key.byteOrder(members[first].key) != .same {
                first = index
            } else if found.map({ index < $0.second }) ?? true {
                found = (index, first)
            }
        }
        if let (second, first) = found {
            throw .duplicateKey(
                members[second].key, at: members[second].offset, first: members[first].offset)
        }
    }
}

/// Strings.
extension JSONParser {
    mutating func string() throws(JSONError) -> String {
        let start = position
        position += 1
        var end = position
        // The common case, a string without escapes, is decoded in one piece.
        while end < bytes.count, bytes[end] != 0x22, bytes[end] != 0x5c, bytes[end] >= 0x20 {
            end += 1
        }
        if end < bytes.count, bytes[end] == 0x22 {
            let slice = bytes[position..<end]
            position = end + 1
            guard let text = String(validating: slice, as: UTF8.self) else {
                throw .badString(at: start)
            }
            return text
        }
        var out: [UInt8] = []
        while let byte = peek() {
            position += 1
            switch byte {
            case 0x22:
                guard let text = String(validating: out, as: UTF8.self) else {
                    throw .badString(at: start)
                }
                return text
            case 0x5c: try escape(into: &out)
            case 0..<0x20: throw .badString(at: position - 1)
            default: out.append(byte)
            }
        }
        throw .unexpected(at: position)
    }

    mutating func escape(into out: inout [UInt8]) throws(JSONError) {
        let at = position - 1
        guard let byte = peek() else { throw .unexpected(at: position) }
        position += 1
        switch byte {
        case 0x22, 0x5c, 0x2f: out.append(byte)
        case 0x62: out.append(0x08)
        case 0x66: out.append(0x0c)
        case 0x6e: out.append(0x0a)
        case 0x72: out.append(0x0d)
        case 0x74: out.append(0x09)
        case 0x75: try unicodeEscape(at: at, into: &out)
        default: throw .badString(at: at)
        }
    }

    mutating func unicodeEscape(at: Int, into out: inout [UInt8]) throws(JSONError) {
        let unit = try fourDigits(at: at)
        var code = UInt32(unit)
        switch unit {
        case 0xd800...0xdbff:
            guard peek() == 0x5c, position + 1 < bytes.count, bytes[position + 1] == 0x75 else {
                throw .badString(at: at)
            }
            position += 2
            let low = try fourDigits(at: at)
            guard (0xdc00...0xdfff).contains(low) else { throw .badString(at: at) }
            code = 0x10000 + (UInt32(unit) - 0xd800) << 10 + (UInt32(low) - 0xdc00)
        case 0xdc00...0xdfff: throw .badString(at: at)
        default: break
        }
        guard let scalar = Unicode.Scalar(code) else { throw .badString(at: at) }
        out.append(contentsOf: Array(UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter))
    }

    mutating func fourDigits(at: Int) throws(JSONError) -> UInt16 {
        guard position + 4 <= bytes.count else { throw .badString(at: at) }
        var value: UInt16 = 0
        for byte in bytes[position..<position + 4] {
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x61...0x66: digit = byte - 0x61 + 10
            case 0x41...0x46: digit = byte - 0x41 + 10
            default: throw .badString(at: at)
            }
            value = value << 4 | UInt16(digit)
        }
        position += 4
        return value
    }
}

/// How two texts are ordered by their UTF-8 bytes.
public enum ByteOrder: Sendable {
    case before, same, after
}

extension String {
    /// Compares UTF-8 bytes. `String`'s own `==` takes canonically equivalent texts for equal, which two machines
    /// with different Unicode tables might not do alike; nothing that is hashed may depend on it.
    public func byteOrder(_ other: String) -> ByteOrder {
        var a = utf8.makeIterator()
        var b = other.utf8.makeIterator()
        while true {
            switch (a.next(), b.next()) {
            case (nil, nil): return .same
            case (nil, _): return .before
            case (_, nil): return .after
            case (let x?, let y?): if x != y { return x < y ? .before : .after }
            }
        }
    }

    /// Equal bytes.
    public func isSameBytes(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
