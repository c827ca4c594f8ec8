/// Percent-coding of paths and queries, strict: what is not UTF-8 or not well formed is refused.
enum PercentCoding {
    /// The text that `coded` stands for; nil if an escape is broken, hides a zero byte, or the bytes are not UTF-8.
    ///
    /// - Parameter isQuery: `+` is a blank there.
    static func decode(_ coded: some StringProtocol, isQuery: Bool) -> String? {
        var out: [UInt8] = []
        var bytes = coded.utf8.makeIterator()
        while let byte = bytes.next() {
            switch byte {
            case 0x25:
                guard let high = bytes.next().flatMap(digit), let low = bytes.next().flatMap(digit)
                else { return nil }
                out.append(high << 4 | low)
            case 0x2b where isQuery: out.append(0x20)
            default: out.append(byte)
            }
        }
        if out.contains(0) { return nil }
        return String(validating: out, as: UTF8.self)
    }

    /// `text` with everything but letters, digits and `-._~` escaped.
    static func encode(_ text: String) -> String {
        var out = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e:
                out.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let hex = String(byte, radix: 16, uppercase: true)
                out += "%" + (hex.count == 1 ? "0" : "") + hex
            }
        }
        return out
    }

    /// The pairs of a query; nil if a part is not well formed.
    static func pairs(_ query: some StringProtocol) -> [(name: String, value: String)]? {
        var out: [(name: String, value: String)] = []
        for part in query.split(separator: "&", omittingEmptySubsequences: true) {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = decode(halves[0], isQuery: true),
                let value = decode(halves.count == 2 ? halves[1] : "", isQuery: true)
            else { return nil }
            out.append((name, value))
        }
        return out
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}
