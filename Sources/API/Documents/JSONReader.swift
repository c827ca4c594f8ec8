/// Reads JSON of callers strictly: a name that appears twice, a number that is no whole number of 64 bits, more than
/// 64 levels and anything after the value are refused. In one pass, with memory in proportion to the text.
///
/// Foundation's decoder reads documents of nodes; it takes the last of two equal names, and its way of trying types
/// costs a thrown error per value.
struct JSONReader {
    static let depthMax = 64

    private let bytes: [UInt8]
    private var index = 0

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// - Throws: ``DocumentError`` with the reason and the place in bytes.
    static func read(_ bytes: [UInt8]) throws(DocumentError) -> JSONValue {
        var reader = JSONReader(bytes)
        let value = try reader.value(depth: 0)
        reader.skipBlanks()
        if reader.index < bytes.count { throw reader.error("something follows the value") }
        return value
    }

    private func error(_ reason: String) -> DocumentError {
        DocumentError("\(reason) at byte \(index)")
    }

    private var current: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipBlanks() {
        while let byte = current, byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d {
            index += 1
        }
    }

    private mutating func value(depth: Int) throws(DocumentError) -> JSONValue {
        if depth > JSONReader.depthMax { throw error("more than \(JSONReader.depthMax) levels") }
        skipBlanks()
        switch current {
        case UInt8(ascii: "{"): return try object(depth)
        case UInt8(ascii: "["): return try array(depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case nil: throw error("the text ends where a value is expected")
        default: return try number()
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(DocumentError)
        -> JSONValue
    {
        let expected = Array("\(word)".utf8)
        guard bytes[index...].starts(with: expected) else { throw error("a value is expected") }
        index += expected.count
        return value
    }

    private mutating func number() throws(DocumentError) -> JSONValue {
        let start = index
        if current == UInt8(ascii: "-") { index += 1 }
        while let byte = current, (0x30...0x39).contains(byte) { index += 1 }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        if let byte = current, [0x2e, 0x65, 0x45].contains(byte), !text.isEmpty {
            throw error("numbers are whole numbers")
        }
        // Leading zeros and "-0" are no JSON and no canonical number.
        guard let value = Int64(text), String(value) == text else {
            index = start
            throw error("a value is expected, numbers have 64 bits")
        }
        return .integer(value)
    }

    private mutating func array(_ depth: Int) throws(DocumentError) -> JSONValue {
        index += 1
        var elements: [JSONValue] = []
        skipBlanks()
        if current == UInt8(ascii: "]") {
            index += 1
            return .array([])
        }
        while true {
            elements.append(try value(depth: depth + 1))
            skipBlanks()
            switch current {
            case UInt8(ascii: ","): index += 1
            case UInt8(ascii: "]"):
                index += 1
                return .array(elements)
            default: throw error("\",\" or \"]\" is expected")
            }
        }
    }

    private mutating func object(_ depth: Int) throws(DocumentError) -> JSONValue {
        index += 1
        var members: [String: JSONValue] = [:]
        skipBlanks()
        if current == UInt8(ascii: "}") {
            index += 1
            return .object([:])
        }
        while true {
            skipBlanks()
            guard current == UInt8(ascii: "\"") else { throw error("a name is expected") }
            let name = try string()
            skipBlanks()
            guard current == UInt8(ascii: ":") else { throw error("\":\" is expected") }
            index += 1
            let value = try value(depth: depth + 1)
            if members.updateValue(value, forKey: name) != nil {
                throw error("\"\(VisibleText.escape(name, limit: 60))\" appears twice")
            }
            skipBlanks()
            switch current {
            case UInt8(ascii: ","): index += 1
            case UInt8(ascii: "}"):
                index += 1
                return .object(members)
            default: throw error("\",\" or \"}\" is expected")
            }
        }
    }

    private mutating func string() throws(DocumentError) -> String {
        index += 1
        var out: [UInt8] = []
        while let byte = current {
            index += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: out, as: UTF8.self) else {
                    throw error("text is not UTF-8")
                }
                return text
            case UInt8(ascii: "\\"): try escape(into: &out)
            case 0..<0x20: throw error("a control character stands in a text")
            default: out.append(byte)
            }
        }
        throw error("a text does not end")
    }

    private mutating func escape(into out: inout [UInt8]) throws(DocumentError) {
        guard let byte = current else { throw error("a text does not end") }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(byte)
        case UInt8(ascii: "b"): out.append(0x08)
        case UInt8(ascii: "f"): out.append(0x0c)
        case UInt8(ascii: "n"): out.append(0x0a)
        case UInt8(ascii: "r"): out.append(0x0d)
        case UInt8(ascii: "t"): out.append(0x09)
        case UInt8(ascii: "u"):
            var code = try unit()
            if (0xd800..<0xdc00).contains(code) {
                guard current == UInt8(ascii: "\\"), index + 1 < bytes.count,
                    bytes[index + 1] == UInt8(ascii: "u")
                else { throw error("half a surrogate pair") }
                index += 2
                let low = try unit()
                guard (0xdc00..<0xe000).contains(low) else { throw error("half a surrogate pair") }
                code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw error("half a surrogate pair") }
            out.append(contentsOf: Array(String(Character(scalar)).utf8))
        default: throw error("an unknown escape")
        }
    }

    private mutating func unit() throws(DocumentError) -> UInt32 {
        guard index + 4 <= bytes.count else { throw error("an escape does not end") }
        var value: UInt32 = 0
        for byte in bytes[index..<index + 4] {
            switch byte {
            case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
            case 0x41...0x46: value = value << 4 | UInt32(byte - 0x41 + 10)
            case 0x61...0x66: value = value << 4 | UInt32(byte - 0x61 + 10)
            default: throw error("an escape needs four hexadecimal digits")
            }
        }
        index += 4
        return value
    }
}
