import Verdict

/// Unquoted scalars where any JSON value may stand: YAML 1.2 core, without `.nan` and `.inf` (`compute.md` 1.1).
enum PlainScalar {
    enum Reading {
        case value(JSONValue)
        /// `.nan` and `.inf`, or a number beyond the limits of canonical JSON.
        case refused
    }

    static func read(_ text: String) -> Reading {
        switch text {
        case "null", "~", "": return .value(.null)
        case "true": return .value(.bool(true))
        case "false": return .value(.bool(false))
        default: break
        }
        let bytes = Array(text.utf8)
        if isNotFinite(bytes) { return .refused }
        if let source = decimal(bytes) ?? radix(bytes) {
            guard let number = JSONNumber(source) else { return .refused }
            return .value(.number(number))
        }
        return .value(.string(text))
    }

    /// The word for messages.
    static func kind(_ text: String) -> String {
        switch read(text) {
        case .refused, .value(.number): "number"
        case .value(.bool): "boolean"
        case .value(.null): "null"
        default: "text"
        }
    }

    static func isNotFinite(_ bytes: [UInt8]) -> Bool {
        var body = bytes[...]
        if let first = body.first, first == 0x2b || first == 0x2d { body = body.dropFirst() }
        return [".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"].contains {
            Array($0.utf8) == Array(body)
        }
    }

    /// JSON spelling of `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`; nil if it is not that.
    static func decimal(_ bytes: [UInt8]) -> [UInt8]? {
        var i = 0
        var out: [UInt8] = []
        func digits() -> ArraySlice<UInt8> { bytes[i...].prefix { (0x30...0x39).contains($0) } }
        if i < bytes.count, bytes[i] == 0x2b || bytes[i] == 0x2d {
            if bytes[i] == 0x2d { out.append(0x2d) }
            i += 1
        }
        let whole = digits()
        i += whole.count
        let significant = whole.drop { $0 == 0x30 }
        out += significant.isEmpty ? [0x30] : Array(significant)
        var fractionCount = 0
        if i < bytes.count, bytes[i] == 0x2e {
            i += 1
            let fraction = digits()
            fractionCount = fraction.count
            i += fractionCount
            if fractionCount > 0 { out += [0x2e] + fraction }
        }
        if whole.isEmpty && fractionCount == 0 { return nil }
        if i < bytes.count, bytes[i] == 0x65 || bytes[i] == 0x45 {
            out.append(0x65)
            i += 1
            if i < bytes.count, bytes[i] == 0x2b || bytes[i] == 0x2d {
                out.append(bytes[i])
                i += 1
            }
            let exponent = digits()
            if exponent.isEmpty { return nil }
            out += exponent
            i += exponent.count
        }
        return i == bytes.count ? out : nil
    }

    /// Decimal digits of `0x…` and `0o…`; nil if it is neither. Longer than 4,096 digits is no number.
    static func radix(_ bytes: [UInt8]) -> [UInt8]? {
        guard bytes.count > 2, bytes.count <= 4_098, bytes[0] == 0x30 else { return nil }
        let base: UInt64
        switch bytes[1] {
        case 0x78: base = 16
        case 0x6f: base = 8
        default: return nil
        }
        // Limbs of nine decimal digits, least first.
        var limbs: [UInt64] = [0]
        for byte in bytes[2...] {
            var carry: UInt64
            switch byte {
            case 0x30...0x39: carry = UInt64(byte - 0x30)
            case 0x61...0x66: carry = UInt64(byte - 0x61 + 10)
            case 0x41...0x46: carry = UInt64(byte - 0x41 + 10)
            default: return nil
            }
            if carry >= base { return nil }
            for i in limbs.indices {
                let value = limbs[i] * base + carry
                limbs[i] = value % 1_000_000_000
                carry = value / 1_000_000_000
            }
            if carry > 0 { limbs.append(carry) }
        }
        var out = Array(String(limbs[limbs.count - 1]).utf8)
        for limb in limbs.dropLast().reversed() {
            let text = Array(String(limb).utf8)
            out += [UInt8](repeating: 0x30, count: 9 - text.count) + text
        }
        return out
    }
}

extension ManifestNode {
    /// The JSON value that this node spells; nil with the node at fault where a scalar is refused.
    func jsonValue() -> Result<JSONValue, Refused> {
        switch content {
        case .scalar(let text, let isPlain):
            if !isPlain { return .success(.string(text)) }
            switch PlainScalar.read(text) {
            case .value(let value): return .success(value)
            case .refused: return .failure(Refused(node: self))
            }
        case .sequence(let items):
            var values: [JSONValue] = []
            for item in items {
                switch item.jsonValue() {
                case .success(let value): values.append(value)
                case .failure(let refused): return .failure(refused)
                }
            }
            return .success(.array(values))
        case .mapping(let entries):
            var members: [(String, JSONValue)] = []
            for entry in entries {
                switch entry.value.jsonValue() {
                case .success(let value): members.append((entry.key, value))
                case .failure(let refused): return .failure(refused)
                }
            }
            return .success(.object(sorting: members))
        }
    }

    struct Refused: Error {
        var node: ManifestNode
    }
}
