/// Writes JSON text as a Python literal.
///
/// The harness imports nothing that the interpreter has not loaded, so it cannot read JSON (`json` alone costs 6 ms);
/// it evaluates a literal instead. Whatever is not JSON gives `nil`: the literal never holds anything but constants,
/// whoever wrote the job. Numbers keep their text, so integers keep every digit.
public struct PythonLiteral: Sendable {
    private let input: [UInt8]
    private var position = 0
    private var output: [UInt8] = []
    private static let depthMax = 64

    private init(_ input: [UInt8]) { self.input = input }

    /// The literal of one JSON value, or `nil` if `json` is not exactly one.
    public static func fromJSON(_ json: [UInt8]) -> [UInt8]? {
        var scanner = PythonLiteral(json)
        scanner.output.reserveCapacity(json.count + json.count / 8)
        guard scanner.value(depth: 0) else { return nil }
        scanner.skipBlanks()
        return scanner.position == json.count ? scanner.output : nil
    }

    /// The literal of a text: ASCII only, whatever it holds.
    public static func text(_ text: String) -> [UInt8] {
        var literal: [UInt8] = [quote]
        for scalar in text.unicodeScalars { append(scalar, to: &literal) }
        literal.append(quote)
        return literal
    }

    // MARK: below their use

    private static let quote = UInt8(ascii: "'")

    private mutating func value(depth: Int) -> Bool {
        if depth > PythonLiteral.depthMax { return false }
        skipBlanks()
        guard let first = peek else { return false }
        switch first {
        case UInt8(ascii: "{"): return object(depth)
        case UInt8(ascii: "["): return array(depth)
        case UInt8(ascii: "\""): return string()
        case UInt8(ascii: "t"): return word("true", "True")
        case UInt8(ascii: "f"): return word("false", "False")
        case UInt8(ascii: "n"): return word("null", "None")
        default: return number()
        }
    }

    private mutating func object(_ depth: Int) -> Bool {
        position += 1
        output.append(UInt8(ascii: "{"))
        skipBlanks()
        if take("}") {
            output.append(UInt8(ascii: "}"))
            return true
        }
        while true {
            skipBlanks()
            guard peek == UInt8(ascii: "\""), string() else { return false }
            skipBlanks()
            guard take(":") else { return false }
            output.append(UInt8(ascii: ":"))
            guard value(depth: depth + 1) else { return false }
            skipBlanks()
            if take("}") {
                output.append(UInt8(ascii: "}"))
                return true
            }
            guard take(",") else { return false }
            output.append(UInt8(ascii: ","))
        }
    }

    private mutating func array(_ depth: Int) -> Bool {
        position += 1
        output.append(UInt8(ascii: "["))
        skipBlanks()
        if take("]") {
            output.append(UInt8(ascii: "]"))
            return true
        }
        while true {
            guard value(depth: depth + 1) else { return false }
            skipBlanks()
            if take("]") {
                output.append(UInt8(ascii: "]"))
                return true
            }
            guard take(",") else { return false }
            output.append(UInt8(ascii: ","))
        }
    }

    private mutating func string() -> Bool {
        position += 1
        var scalars: [UInt8] = []
        while let byte = peek {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: scalars, as: UTF8.self) else { return false }
                output.append(contentsOf: PythonLiteral.text(text))
                return true
            case UInt8(ascii: "\\"):
                guard escape(into: &scalars) else { return false }
            case 0..<0x20: return false
            default: scalars.append(byte)
            }
        }
        return false
    }

    private mutating func escape(into bytes: inout [UInt8]) -> Bool {
        guard let byte = peek else { return false }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(byte)
        case UInt8(ascii: "b"): bytes.append(8)
        case UInt8(ascii: "t"): bytes.append(9)
        case UInt8(ascii: "n"): bytes.append(10)
        case UInt8(ascii: "f"): bytes.append(12)
        case UInt8(ascii: "r"): bytes.append(13)
        case UInt8(ascii: "u"):
            guard var code = hexadecimal() else { return false }
            if (0xd800..<0xdc00).contains(code) {
                guard take("\\"), take("u"), let low = hexadecimal(), (0xdc00..<0xe000).contains(low)
                else { return false }
                code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
            }
            guard let scalar = Unicode.Scalar(code) else { return false }
            bytes.append(contentsOf: Array(String(Character(scalar)).utf8))
        default: return false
        }
        return true
    }

    private mutating func hexadecimal() -> UInt32? {
        guard input.count - position >= 4 else { return nil }
        var value: UInt32 = 0
        for byte in input[position..<position + 4] {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt32(byte - 0x30)
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt32(byte - 0x57)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt32(byte - 0x37)
            default: return nil
            }
        }
        position += 4
        return value
    }

    private mutating func number() -> Bool {
        let start = position
        _ = take("-")
        if take("0") {
            // A leading zero stands alone.
        } else if !digits() {
            return false
        }
        if take("."), !digits() { return false }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            if !digits() { return false }
        }
        output.append(contentsOf: input[start..<position])
        return true
    }

    private mutating func digits() -> Bool {
        let start = position
        while let byte = peek, (0x30...0x39).contains(byte) { position += 1 }
        return position > start
    }

    private mutating func word(_ json: StaticString, _ python: StaticString) -> Bool {
        for byte in "\(json)".utf8 {
            if peek != byte { return false }
            position += 1
        }
        output.append(contentsOf: Array("\(python)".utf8))
        return true
    }

    private var peek: UInt8? { position < input.count ? input[position] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        if peek != UInt8(ascii: character) { return false }
        position += 1
        return true
    }

    private mutating func skipBlanks() {
        while let byte = peek, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 {
            position += 1
        }
    }

    private static func append(_ scalar: Unicode.Scalar, to literal: inout [UInt8]) {
        switch scalar {
        case "'", "\\":
            literal.append(UInt8(ascii: "\\"))
            literal.append(UInt8(scalar.value))
        case " "..."~": literal.append(UInt8(scalar.value))
        default:
            // \U takes eight digits, always.
            let digits = String(scalar.value, radix: 16)
            let zeros = String(repeating: "0", count: 8 - digits.count)
            literal.append(contentsOf: Array(("\\U" + zeros + digits).utf8))
        }
    }
}
