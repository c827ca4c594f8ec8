import Basis
import Wire

/// The content id of `compute.md` 6.1: chunks of 256 KiB, leaves bound to their index, the length bound in the id.
public enum BlobTree {
    public static let chunkBytes = 262_144

    /// How many chunks a blob of this length has; an empty blob is one empty chunk.
    public static func chunkCount(length: UInt64) -> Int {
        max(1, Int(length / UInt64(chunkBytes)) + (length % UInt64(chunkBytes) == 0 ? 0 : 1))
    }

    /// `H("peernode/blob-leaf/v1", u64 i, chunk)`.
    public static func leaf(_ index: Int, _ chunk: some Collection<UInt8>, hashing: some Hashing)
        -> Digest
    {
        hashing.hash("peernode/blob-leaf/v1") {
            $0.u64(UInt64(index))
            $0.fixed(chunk)
        }
    }

    /// The top of the leaves; `leaves` is not empty.
    public static func root(leaves: [Digest], hashing: some Hashing) -> Digest {
        invariant(!leaves.isEmpty, "a blob has at least one chunk")
        var level = leaves
        while level.count > 1 { level = parents(of: level, hashing: hashing) }
        return level[0]
    }

    static func parents(of level: [Digest], hashing: some Hashing) -> [Digest] {
        var next: [Digest] = []
        next.reserveCapacity((level.count + 1) / 2)
        var i = 0
        while i + 1 < level.count {
            next.append(node(level[i], level[i + 1], hashing: hashing))
            i += 2
        }
        if i < level.count { next.append(level[i]) }
        return next
    }

    static func node(_ left: Digest, _ right: Digest, hashing: some Hashing) -> Digest {
        hashing.hash("peernode/blob-node/v1") {
            $0.value(left)
            $0.value(right)
        }
    }

    /// `H("peernode/blob/v1", u64 length, root)`.
    public static func id(length: UInt64, leaves: [Digest], hashing: some Hashing) -> BlobID {
        id(length: length, root: root(leaves: leaves, hashing: hashing), hashing: hashing)
    }

    /// The id of bytes at hand. O(n).
    public static func id(of bytes: [UInt8], hashing: some Hashing) -> BlobID {
        var leaves: [Digest] = []
        var start = 0
        repeat {
            let end = min(start + chunkBytes, bytes.count)
            leaves.append(leaf(leaves.count, bytes[start..<end], hashing: hashing))
            start = end
        } while start < bytes.count
        return id(length: UInt64(bytes.count), leaves: leaves, hashing: hashing)
    }

    /// The exact size of chunk `index` of a blob of `length` bytes.
    public static func chunkSize(_ index: Int, length: UInt64) -> Int {
        let start = UInt64(index) * UInt64(chunkBytes)
        return start >= length ? 0 : Int(min(UInt64(chunkBytes), length - start))
    }
}
