import API
import ArgumentParser
import Daemon
import Foundation

/// `--since`: a moment, or how long ago.
enum Since {
    static func text(_ text: String) throws -> String {
        if let at = Timestamp(text: text) { return at.text }
        guard let millis = Quantity.milliseconds(text) else {
            throw ValidationError("--since is \"\(text)\"; write a duration such as 2h, or 2026-11-20T10:15:00Z")
        }
        let now = Int64(Date().timeIntervalSince1970 * 1_000)
        return Timestamp(unixMilliseconds: now - Int64(clamping: millis)).text
    }
}
