/// `Range: bytes=…` with one range.
enum ByteRange {
    /// The range that `header` asks for in content of `count` bytes, or nil for all of it: without the header, with
    /// another unit, or with several ranges, which we may ignore (RFC 9110 14.2).
    ///
    /// - Throws: E614 if it begins behind the end or is empty.
    static func parse(_ header: String?, count: UInt64) throws(Problem) -> Range<UInt64>? {
        guard let header, header.lowercased().hasPrefix("bytes="), !header.contains(",") else {
            return nil
        }
        let spec = header.dropFirst(6).trimmed()
        guard let dash = spec.firstIndex(of: "-") else { return nil }
        let first = spec[..<dash]
        let last = spec[spec.index(after: dash)...]
        if first.isEmpty {
            guard let length = UInt64(last) else { return nil }
            guard length > 0, count > 0 else { throw outside(header, count) }
            return (count - min(length, count))..<count
        }
        guard let start = UInt64(first) else { return nil }
        let end: UInt64
        if last.isEmpty {
            end = count
        } else {
            guard let final = UInt64(last), final >= start else { return nil }
            end = final >= count ? count : final + 1
        }
        guard start < count else { throw outside(header, count) }
        return start..<end
    }

    private static func outside(_ header: String, _ count: UInt64) -> Problem {
        Problem(.range, "\(VisibleText.escape(header, limit: 60)) is outside; the size is \(count)")
    }
}
