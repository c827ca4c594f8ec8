import API
import Basis
import Daemon
import Foundation

/// How facts read for people.
enum Texts {
    static func credit(_ micro: Micro) -> String { CreditText.format(micro.amount) }

    static func signed(_ micro: SignedMicro) -> String {
        let text = CreditText.format(CreditAmount(micro: micro.value.magnitude))
        return (micro.value < 0 ? "-" : "+") + text
    }

    /// `job_7ppdq3ka…`.
    static func short(_ id: String) -> String {
        guard let mark = id.firstIndex(of: "_") else { return id }
        let end = id.index(mark, offsetBy: 9, limitedBy: id.endIndex) ?? id.endIndex
        return end == id.endIndex ? id : String(id[..<end]) + "…"
    }

    /// `job_7ppdq3ka`: short, and still an id that can be typed.
    static func typed(_ id: String) -> String {
        let text = short(id)
        return text.hasSuffix("…") ? String(text.dropLast()) : text
    }

    static func time(_ at: Timestamp) -> String {
        let date = Date(timeIntervalSince1970: Double(at.unixMilliseconds) / 1_000)
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.dateFormat = "yyyy-MM-dd HH:mm:ss"
        return format.string(from: date)
    }

    static func duration(_ duration: Duration) -> String {
        let parts = duration.components
        let millis =
            UInt64(clamping: parts.seconds) * 1_000 + UInt64(clamping: parts.attoseconds / 1_000_000_000_000_000)
        return Quantity.text(milliseconds: millis)
    }

    static func bytes(_ count: Int64) -> String { Quantity.text(bytes: UInt64(clamping: count)) }
}
