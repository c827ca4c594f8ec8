/// Keys of the journal family (`ledger.md` 14.2), big-endian.
public enum JournalKey {
    public static func mark(epoch: UInt64, view: UInt64, kind: VoteKind) -> [UInt8] {
        StoreKey([1]).u64(epoch).u64(view).u8(kind.rawValue).bytes
    }
    public static func ownBlock(epoch: UInt64, view: UInt64) -> [UInt8] {
        StoreKey([2]).u64(epoch).u64(view).bytes
    }
    /// The certificate of `kind` that ended `view`.
    public static func ended(epoch: UInt64, view: UInt64, kind: VoteKind) -> [UInt8] {
        StoreKey([3]).u64(epoch).u64(view).u8(kind.rawValue).bytes
    }
    /// Voting secret, beacon seed and chain length of an epoch; 2⁶⁴ − 1 is the next one.
    public static func votingSecret(epoch: UInt64) -> [UInt8] { StoreKey([4]).u64(epoch).bytes }
    public static func epochState(epoch: UInt64) -> [UInt8] { StoreKey([5]).u64(epoch).bytes }

    /// Key in family `pending`: unexecuted blocks.
    public static func pending(epoch: UInt64, view: UInt64, hash: [UInt8]) -> [UInt8] {
        StoreKey().u64(epoch).u64(view).raw(hash).bytes
    }
    /// Key in family `certs`.
    public static func certificate(_ kind: VoteKind, epoch: UInt64, view: UInt64) -> [UInt8] {
        StoreKey([kind.rawValue]).u64(epoch).u64(view).bytes
    }
    /// Key in families `blocks` and `proofs`.
    public static func height(_ height: UInt64) -> [UInt8] { StoreKey().u64(height).bytes }
}
