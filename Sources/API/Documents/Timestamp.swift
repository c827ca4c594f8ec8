/// A moment as milliseconds of Unix time, in JSON as RFC 3339, UTC, with milliseconds: `2026-11-20T10:15:02.123Z`.
public struct Timestamp: Codable, Sendable, Hashable, Comparable {
    /// Milliseconds since 1970; years 0 … 9999 can be written.
    public var unixMilliseconds: Int64

    /// Clamped to the years that RFC 3339 can write.
    public init(unixMilliseconds: Int64) {
        self.unixMilliseconds = min(max(unixMilliseconds, -62_167_219_200_000), 253_402_300_799_999)
    }

    public static func < (a: Timestamp, b: Timestamp) -> Bool {
        a.unixMilliseconds < b.unixMilliseconds
    }

    /// `2026-11-20T10:15:02.123Z`.
    public var text: String {
        let seconds = floorDivide(unixMilliseconds, 1000)
        let day = floorDivide(seconds, 86_400)
        let inDay = seconds - day * 86_400
        let (year, month, date) = Timestamp.civil(day)
        return pad(year, 4) + "-" + pad(month, 2) + "-" + pad(date, 2) + "T" + pad(inDay / 3600, 2)
            + ":"
            + pad(inDay / 60 % 60, 2) + ":" + pad(inDay % 60, 2) + "."
            + pad(unixMilliseconds - seconds * 1000, 3) + "Z"
    }

    /// The moment that `text` spells: a date, `T`, a time with at most nine decimals, and `Z` or an offset. Nil for
    /// anything else, a day that does not exist included.
    public init?(text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes.count <= 40, bytes[4] == 0x2d, bytes[7] == 0x2d,
            bytes[10] == 0x54 || bytes[10] == 0x74, bytes[13] == 0x3a, bytes[16] == 0x3a,
            let year = Timestamp.number(bytes[0..<4]), let month = Timestamp.number(bytes[5..<7]),
            let day = Timestamp.number(bytes[8..<10]), let hour = Timestamp.number(bytes[11..<13]),
            let minute = Timestamp.number(bytes[14..<16]),
            let second = Timestamp.number(bytes[17..<19]),
            (1...12).contains(month), day >= 1, hour < 24, minute < 60, second < 60
        else { return nil }
        let days = Timestamp.days(year, month, day)
        guard Timestamp.civil(days) == (year, month, day) else { return nil }
        var index = 19
        var fraction: Int64 = 0
        if bytes[index] == 0x2e {
            let end = bytes[20...].firstIndex { !(0x30...0x39).contains($0) } ?? bytes.count
            guard end > 20, end <= 29, end < bytes.count else { return nil }
            let digits = bytes[20..<end].prefix(3)
            fraction = Timestamp.number(digits) ?? 0
            for _ in digits.count..<3 { fraction *= 10 }
            index = end
        }
        guard let offset = Timestamp.offset(bytes[index...]) else { return nil }
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset
        self.init(unixMilliseconds: seconds * 1000 + fraction)
    }

    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let time = Timestamp(text: text) else {
            throw DocumentError(
                "\"\(text.prefix(40))\" is not a time like 2026-11-20T10:15:02.123Z")
        }
        self = time
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int64? {
        var value: Int64 = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            value = value * 10 + Int64(digit - 0x30)
        }
        return value
    }

    /// Seconds east of Greenwich of `Z`, `+hh:mm` or `-hh:mm`.
    private static func offset(_ bytes: ArraySlice<UInt8>) -> Int64? {
        let rest = Array(bytes)
        if rest == [0x5a] || rest == [0x7a] { return 0 }
        guard rest.count == 6, rest[0] == 0x2b || rest[0] == 0x2d, rest[3] == 0x3a,
            let hours = number(rest[1..<3]), let minutes = number(rest[4..<6]), hours < 24,
            minutes < 60
        else { return nil }
        return (rest[0] == 0x2b ? 1 : -1) * (hours * 3600 + minutes * 60)
    }

    /// Days since 1970-01-01 of a date of the Gregorian calendar, and back: the months are counted from March, so
    /// that the leap day is the last of its year, in eras of 400 years.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let y = month <= 2 ? year - 1 : year
        let era = floorDivide(y, 400)
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
            - 719_468
    }

    private static func civil(_ days: Int64) -> (Int64, Int64, Int64) {
        let z = days + 719_468
        let era = floorDivide(z, 146_097)
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (
            yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month,
            dayOfYear - (153 * shifted + 2) / 5 + 1
        )
    }
}

extension Timestamp: CustomStringConvertible {
    public var description: String { text }
}

private func floorDivide(_ a: Int64, _ b: Int64) -> Int64 {
    a >= 0 ? a / b : -((-a + b - 1) / b)
}

private func pad(_ value: Int64, _ width: Int) -> String {
    let text = String(value)
    return String(repeating: "0", count: max(0, width - text.count)) + text
}
