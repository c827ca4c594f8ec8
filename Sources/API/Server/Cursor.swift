import Trust

/// The place in a list where a reader stopped: opaque, bound to the list and its filter, valid for an hour.
enum Cursor {
    static let secondsMax: Int64 = 3_600

    /// - Parameters:
    ///   - after: the service's key of the last item.
    ///   - list: route and filter, in one canonical text.
    static func make(after: String, list: String, now: Timestamp) -> String {
        let text = "1|\(fingerprint(list))|\(now.unixMilliseconds / 1000)|\(after)"
        return TextID.base32(Array(text.utf8))
    }

    /// The service's key; E610 if the cursor is of another list, expired, or none.
    static func open(_ cursor: String, list: String, now: Timestamp) throws(Problem) -> String {
        guard cursor.utf8.count <= 1_024, let bytes = TextID.bytes(base32: cursor),
            let text = String(validating: bytes, as: UTF8.self)
        else { throw Problem(.badCursor, "the cursor is not one of ours") }
        let parts = text.split(separator: "|", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "1", let made = Int64(parts[2]) else {
            throw Problem(.badCursor, "the cursor is not one of ours")
        }
        guard parts[1] == fingerprint(list) else {
            throw Problem(.badCursor, "the cursor is of another list or filter")
        }
        let age = (now.unixMilliseconds / 1000).subtractingReportingOverflow(made)
        guard !age.overflow, age.partialValue <= secondsMax else {
            throw Problem(.badCursor, "the cursor is older than 1 h")
        }
        return String(parts[3])
    }

    /// FNV-1a of 64 bits: it tells lists apart, it is no protection, and needs none: a cursor opens nothing.
    private static func fingerprint(_ list: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in list.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return String(hash, radix: 36)
    }
}
