import Records

extension LogNode {
    /// The nonce of the next own wallet entry: after what was executed and what waits here.
    public var nextWalletNonce: UInt64 { freeNonce(.wallet) }
    /// How long own entries may take, in milliseconds beyond the wall clock.
    public static var entryMillisMax: UInt64 { entryLifeMillis }
}
