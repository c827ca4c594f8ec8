public import Records
import Wire

/// Reads what execution wrote. The shell's store conforms; nothing here writes.
public protocol StoreReading {
    /// The value of a key; nil if there is none.
    func value(_ family: Family, _ key: [UInt8]) -> [UInt8]?
    /// Up to `limit` rows whose key starts with `prefix`: from `start` (included) up, or from below `start` (excluded)
    /// down. Nil starts at the near end of the prefix.
    func rows(
        _ family: Family, prefix: [UInt8], from start: [UInt8]?, limit: Int, descending: Bool
    ) -> [(key: [UInt8], value: [UInt8])]
}

extension StoreReading {
    /// The block of a height. Its row may go on with the certificate that made it final.
    func block(_ height: UInt64) -> Block? {
        guard let bytes = value(.blocks, JournalKey.height(height)) else { return nil }
        var reader = WireReader(bytes)
        return try? reader.value()
    }
}
