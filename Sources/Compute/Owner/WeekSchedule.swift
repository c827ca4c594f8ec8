/// Minutes of the week in which the owner lends the machine: `["mon-fri 18:00-08:00", "sat,sun all"]`.
///
/// Data, never code. Ranges may cross midnight and then end on the next day.
public struct WeekSchedule: Sendable, Hashable {
    public static let minutesPerWeek = 7 * 1_440

    /// Ranges of minutes since Monday 00:00 local time; the end is excluded and may pass the week's end.
    var ranges: [Range<Int>]

    /// Always.
    public static let always = WeekSchedule(ranges: [0..<minutesPerWeek])

    init(ranges: [Range<Int>]) { self.ranges = ranges }

    static let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

    /// Nil if a rule cannot be read. No rule at all means never.
    public init?(_ rules: [String]) {
        ranges = []
        for rule in rules {
            let words = rule.split(separator: " ").map(String.init)
            guard words.count == 2, let days = WeekSchedule.days(words[0]),
                let span = WeekSchedule.span(words[1])
            else { return nil }
            for day in days {
                ranges.append((day * 1_440 + span.lowerBound)..<(day * 1_440 + span.upperBound))
            }
        }
    }

    /// Whether work is allowed at this minute of the week, 0 = Monday 00:00.
    public func allows(minute: Int) -> Bool {
        ranges.contains { $0.contains(minute) || $0.contains(minute + Self.minutesPerWeek) }
    }

    /// `mon-fri` or `sat,sun`, ascending.
    static func days(_ text: String) -> [Int]? {
        var all: [Int] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
            guard let first = ends.first.flatMap({ days.firstIndex(of: $0) }), ends.count <= 2
            else { return nil }
            guard ends.count == 2 else {
                all.append(first)
                continue
            }
            guard let last = days.firstIndex(of: ends[1]) else { return nil }
            var day = first
            while true {
                all.append(day)
                if day == last { break }
                day = (day + 1) % 7
            }
        }
        return all
    }

    /// Minutes of `18:00-08:00`; an end that is not after the start lies on the next day.
    static func span(_ text: String) -> Range<Int>? {
        if text == "all" { return 0..<1_440 }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard ends.count == 2, let from = minute(ends[0]), let to = minute(ends[1]) else {
            return nil
        }
        return from..<(to > from ? to : to + 1_440)
    }

    static func minute(_ text: String) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2,
            parts.allSatisfy({ $0.utf8.count == 2 && $0.utf8.allSatisfy(ManifestNames.isDigit) }),
            let hour = Int(parts[0]), let minute = Int(parts[1]), hour <= 24, minute < 60,
            hour * 60 + minute <= 1_440
        else { return nil }
        return hour * 60 + minute
    }
}
