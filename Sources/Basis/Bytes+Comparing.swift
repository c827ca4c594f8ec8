extension [UInt8] {
    /// Whether both hold the same bytes: `==` by words.
    public func isSame(as other: [UInt8]) -> Bool {
        if count != other.count { return false }
        return unsafe withUnsafeBytes { a in
            unsafe other.withUnsafeBytes { b in
                var at = 0
                while at + 8 <= count {
                    let x = unsafe a.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                    let y = unsafe b.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                    if x != y { return false }
                    at += 8
                }
                while at < count {
                    if unsafe a[at] != b[at] { return false }
                    at += 1
                }
                return true
            }
        }
    }
}
