import Basis
import Wire

/// The content id of `compute.md` 6.1: chunks of 256 KiB, leaves bound to their index, the length bound in the id.
public enum BlobTree {
    public static let chunkBytes = 262_144

    /// How many chunks a blob of this length has; an empty blob is one empty chunk.
    public static func chunkCount(length: UInt64) -> Int {
        max(1, Int((length + UInt64(chunkBytes) - 1) / UInt64(chunkBytes)))
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
        while level.count > 1 {
            var next: [Digest] = []
            var i = 0
            while i + 1 < level.count {
                next.append(node(level[i], level[i + 1], hashing: hashing))
                i += 2
            }
            if i < level.count { next.append(level[i]) }
            level = next
        }
        return level[0]
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
}

extension BlobTree {
    /// The siblings of leaf `index`, bottom up; their sides follow from index and count (`gossip.md` 12.5).
    public static func proof(of index: Int, leaves: [Digest], hashing: some Hashing) -> [Digest] {
        invariant(index >= 0 && index < leaves.count, "leaf \(index) of \(leaves.count)")
        var proof: [Digest] = []
        var level = leaves
        var i = index
        while level.count > 1 {
            let sibling = i ^ 1
            if sibling < level.count { proof.append(level[sibling]) }
            var next: [Digest] = []
            var j = 0
            while j + 1 < level.count {
                next.append(node(level[j], level[j + 1], hashing: hashing))
                j += 2
            }
            if j < level.count { next.append(level[j]) }
            level = next
            i /= 2
        }
        return proof
    }

    /// The root that leaf `index` of `count` leaves proves; nil if the proof has another shape. O(log count).
    public static func root(
        leaf: Digest, index: Int, count: Int, proof: [Digest], hashing: some Hashing
    ) -> Digest? {
        guard index >= 0, index < count else { return nil }
        var top = leaf
        var i = index
        var width = count
        var used = 0
        while width > 1 {
            let sibling = i ^ 1
            if sibling < width {
                guard used < proof.count else { return nil }
                top =
                    sibling < i
                    ? node(proof[used], top, hashing: hashing) : node(top, proof[used], hashing: hashing)
                used += 1
            }
            i /= 2
            width = (width + 1) / 2
        }
        return used == proof.count ? top : nil
    }

    /// The exact size of chunk `index` of a blob of `length` bytes.
    public static func chunkSize(_ index: Int, length: UInt64) -> Int {
        let start = UInt64(index) * UInt64(chunkBytes)
        return start >= length ? 0 : Int(min(UInt64(chunkBytes), length - start))
    }

    /// `H("peernode/blob/v1", u64 length, root)`.
    public static func id(length: UInt64, root: Digest, hashing: some Hashing) -> BlobID {
        BlobID(
            hashing.hash("peernode/blob/v1") {
                $0.u64(length)
                $0.value(root)
            }.raw)
    }

    static func node(_ left: Digest, _ right: Digest, hashing: some Hashing) -> Digest {
        hashing.hash("peernode/blob-node/v1") {
            $0.value(left)
            $0.value(right)
        }
    }
}
