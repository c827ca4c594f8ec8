import Basis
import Records
import Simulator

/// Why the text of one value was refused.
struct Wrong: Error {
    var message: String
    var why: String
    var fix: String
}

/// Strict parsers of single values, and how they are written back (`simulation.md` 13).
///
/// YAML's own ideas of numbers, booleans and times play no part here.
enum Scalar {
    static func whole(_ range: ClosedRange<Int>) -> (String) throws(Wrong) -> Int {
        { (text) throws(Wrong) in
            guard let digits = Scalar.digits(text.hasPrefix("-") ? text.dropFirst() : text[...]), digits <= Int64.max
            else {
                throw Wrong(
                    message: "\"\(text)\" is not a whole number", why: "this field counts things",
                    fix: "write digits only, such as \(max(1, range.lowerBound)), without a leading zero")
            }
            let value = text.hasPrefix("-") ? -Int(digits) : Int(digits)
            if !range.contains(value) {
                throw Wrong(
                    message: "\(value) is out of range; from \(range.lowerBound) to \(range.upperBound) is allowed",
                    why: "beyond it the run would not mean anything", fix: "choose a value in that range")
            }
            return value
        }
    }

    /// 64 bits, decimal or `0x` and hexadecimal digits.
    static func word(_ text: String) throws(Wrong) -> UInt64 {
        if text.hasPrefix("0x"), let value = UInt64(text.dropFirst(2), radix: 16) { return value }
        if let value = digits(text[...]) { return value }
        throw Wrong(
            message: "\"\(text)\" is not a 64-bit number", why: "it names one run or one trace",
            fix: "write 42 or 0x2a")
    }

    /// Decimal digits without a leading zero.
    static func digits(_ text: Substring) -> UInt64? {
        if text.isEmpty || !text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) { return nil }
        if text.utf8.count > 1, text.utf8.first == 0x30 { return nil }
        return UInt64(text)
    }

    static func flag(_ text: String) throws(Wrong) -> Bool {
        switch text {
        case "true": return true
        case "false": return false
        default:
            throw Wrong(
                message: "\"\(text)\" is neither true nor false",
                why: "yes, on and 1 mean different things to different readers", fix: "write true or false")
        }
    }

    // MARK: time

    static let units: [(name: String, nanoseconds: Int64)] = [
        ("h", 3_600_000_000_000), ("min", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000),
        ("ns", 1),
    ]

    /// At most 1,000 hours.
    static func duration(_ text: String) throws(Wrong) -> Interval {
        let value = try signedDuration(text)
        if value < .zero {
            throw Wrong(
                message: "\"\(text)\" is negative", why: "time does not run backwards here", fix: "leave out the minus")
        }
        return value
    }

    static func positiveDuration(_ text: String) throws(Wrong) -> Interval {
        let value = try duration(text)
        if value == .zero {
            throw Wrong(message: "\"\(text)\" is no time at all", why: "this field needs one", fix: "write 1s or more")
        }
        return value
    }

    /// `250ms`, `1.5s`, `-2h`.
    static func signedDuration(_ text: String) throws(Wrong) -> Interval {
        let isNegative = text.hasPrefix("-")
        let body = isNegative ? text.dropFirst() : text[...]
        let number = body.prefix { $0.isASCII && $0.isNumber || $0 == "." }
        let unit = body.dropFirst(number.count)
        if !number.isEmpty, unit.isEmpty {
            throw Wrong(
                message: "\"\(text)\" has no unit; write \(text)s, \(text)ms or \(text)min",
                why: "a bare number could mean any of them", fix: "add the unit: ns, us, ms, s, min or h")
        }
        guard let scale = units.first(where: { $0.name == unit })?.nanoseconds,
            let value = scaled(number, by: scale), value <= 3_600_000_000_000_000
        else {
            throw Wrong(
                message: "\"\(text)\" is not a duration",
                why: "durations are a number and a unit, at most 1000h", fix: "write 250ms, 12s, 30min or 2h")
        }
        return Interval(nanoseconds: isNegative ? -value : value)
    }

    /// Digits with an optional fraction, times a scale; nil if that is no whole number.
    static func scaled(_ number: Substring, by scale: Int64) -> Int64? {
        let parts = number.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, let whole = digits(parts[0]) else { return nil }
        let (product, isTooLarge) = Int64(clamping: whole).multipliedReportingOverflow(by: scale)
        if isTooLarge { return nil }
        if parts.count == 1 { return product }
        var unit = scale
        var sum = product
        if parts[1].isEmpty { return nil }
        for digit in parts[1].utf8 {
            guard (0x30...0x39).contains(digit), unit % 10 == 0 else { return nil }
            unit /= 10
            sum += unit * Int64(digit - 0x30)
        }
        return sum
    }

    static func text(_ time: Interval) -> String {
        let magnitude = time.nanoseconds.magnitude
        let sign = time < .zero ? "-" : ""
        if magnitude == 0 { return "0s" }
        for unit in units where magnitude % UInt64(unit.nanoseconds) == 0 {
            return sign + "\(magnitude / UInt64(unit.nanoseconds))" + unit.name
        }
        return sign + "\(magnitude)ns"
    }

    // MARK: chances

    /// `1/100`, `20%`, `0.5%`.
    static func chance(_ text: String) throws(Wrong) -> Chance {
        var over: (UInt64, UInt64)?
        if text.hasSuffix("%") {
            let parts = text.dropLast().split(separator: ".", omittingEmptySubsequences: false)
            if parts.count == 1, let percent = digits(parts[0]) {
                over = (percent, 100)
            } else if parts.count == 2, parts[1].utf8.count <= 4, let percent = scaled(text.dropLast(), by: 10_000) {
                over = (UInt64(percent), 1_000_000)
            }
        } else {
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            if parts.count == 2, let above = digits(parts[0]), let below = digits(parts[1]), below > 0 {
                over = (above, below)
            }
        }
        guard let over, over.1 <= UInt64(UInt32.max) else {
            throw Wrong(
                message: "\"\(text)\" is not a ratio", why: "ratios are exact, so they are not written as 0.2",
                fix: "write 1/100 or 20%")
        }
        if over.0 > over.1 {
            throw Wrong(
                message: "\"\(text)\" is more than all", why: "a ratio lies between 0 and 1",
                fix: "write 100% for always")
        }
        return Chance(UInt32(over.0), in: UInt32(over.1))
    }

    // MARK: amounts

    static let sizes: [(name: String, bytes: Int64)] = [
        ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1),
    ]

    /// `64KiB`, `1232B`; at most 1 TiB.
    static func size(_ text: String) throws(Wrong) -> Int {
        let number = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(number.count)
        if !number.isEmpty, unit.isEmpty {
            throw Wrong(
                message: "\"\(text)\" has no unit; write \(text)B or \(text)KiB",
                why: "a bare number could mean either", fix: "add the unit: B, KiB, MiB or GiB")
        }
        guard let scale = sizes.first(where: { $0.name == unit })?.bytes, let value = scaled(number, by: scale),
            value <= 1 << 40
        else {
            throw Wrong(
                message: "\"\(text)\" is not a size", why: "sizes are a whole number and a unit",
                fix: "write 1200B, 64KiB or 10MiB")
        }
        return Int(value)
    }

    static func text(bytes: Int) -> String {
        for unit in sizes where bytes != 0 && Int64(bytes) % unit.bytes == 0 {
            return "\(Int64(bytes) / unit.bytes)\(unit.name)"
        }
        return "\(bytes)B"
    }

    static let bitUnits: [(name: String, bits: Int64)] = [
        ("Gbit/s", 1_000_000_000), ("Mbit/s", 1_000_000), ("kbit/s", 1_000), ("bit/s", 1),
    ]

    /// Bits a second: `20Mbit/s`; `unlimited` is 0.
    static func bits(_ text: String) throws(Wrong) -> UInt64 {
        if text == "unlimited" { return 0 }
        let number = text.prefix { $0.isASCII && $0.isNumber || $0 == "." }
        let unit = text.dropFirst(number.count)
        guard let scale = bitUnits.first(where: { $0.name == unit })?.bits, let value = scaled(number, by: scale)
        else {
            throw Wrong(
                message: "\"\(text)\" is not a bandwidth", why: "bandwidths are bits a second, with their unit",
                fix: "write 20Mbit/s, 500kbit/s or unlimited")
        }
        return UInt64(value)
    }

    static func text(bits: UInt64) -> String {
        if bits == 0 { return "unlimited" }
        for unit in bitUnits where bits % UInt64(unit.bits) == 0 { return "\(bits / UInt64(unit.bits))\(unit.name)" }
        return "\(bits)bit/s"
    }

    /// `2/s`, `30/min`.
    static func rate(_ text: String) throws(Wrong) -> WorkloadSpec.Rate {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let count = digits(parts[0]), count <= 1_000_000,
            let unit = units.first(where: { $0.name == parts[1] })
        else {
            throw Wrong(
                message: "\"\(text)\" is not a rate", why: "rates are so many in a unit of time",
                fix: "write 2/s, 30/min or 5/h")
        }
        return WorkloadSpec.Rate(count, per: Interval(nanoseconds: unit.nanoseconds))
    }

    // MARK: addresses

    /// `81.2.3.4:7717`
    static func address(_ text: String) throws(Wrong) -> SocketAddress {
        let halves = text.split(separator: ":", omittingEmptySubsequences: false)
        let parts = (halves.first ?? "").split(separator: ".", omittingEmptySubsequences: false)
        let bytes = parts.compactMap { digits($0) }
        guard halves.count == 2, let port = digits(halves[1]), (1...65_535).contains(port), bytes.count == 4,
            bytes.allSatisfy({ $0 <= 255 })
        else {
            throw Wrong(
                message: "\"\(text)\" is not an address with a port", why: "simulated peers listen on IPv4",
                fix: "write it as 81.2.3.4:7717")
        }
        return SocketAddress(v4: bytes.reduce(0) { $0 << 8 | UInt32($1) }, port: UInt16(port))
    }

    static func text(_ address: SocketAddress) -> String {
        address.addressBytes.map { String($0) }.joined(separator: ".") + ":\(address.port)"
    }
}
