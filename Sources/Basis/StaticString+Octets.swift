extension StaticString {
    /// Its bytes in UTF-8, without a string in between.
    public var octets: [UInt8] { withUTF8Buffer { unsafe Array($0) } }
}
