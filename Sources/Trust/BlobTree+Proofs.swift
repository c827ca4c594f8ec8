import Wire

/// Proofs that a chunk belongs to a root (`gossip.md` 12.5): siblings bottom up; on which side each stands follows from
/// the index and the number of chunks, so a proof of another shape proves nothing.
extension BlobTree {
    /// 65,536 chunks of the largest blob make 16 levels.
    public static let proofStepsMax = 16

    /// All levels above the leaves and the leaves themselves, so that proofs of many chunks cost one tree. O(n).
    public struct Levels: Sendable {
        let levels: [[Digest]]

        /// `leaves` is not empty.
        public init(leaves: [Digest], hashing: some Hashing) {
            var all = [leaves]
            while let level = all.last, level.count > 1 {
                all.append(BlobTree.parents(of: level, hashing: hashing))
            }
            levels = all
        }

        public var root: Digest { levels[levels.count - 1][0] }

        /// The siblings of leaf `index`, which exists.
        public func proof(of index: Int) -> [Digest] {
            var siblings: [Digest] = []
            var i = index
            for level in levels.dropLast() {
                if i ^ 1 < level.count { siblings.append(level[i ^ 1]) }
                i /= 2
            }
            return siblings
        }
    }

    /// Whether `leaf` is leaf `index` of the `count` under `root`. False for every proof of a wrong length.
    public static func proves(
        leaf: Digest, at index: Int, of count: Int, proof: [Digest], root: Digest,
        hashing: some Hashing
    ) -> Bool {
        guard index >= 0, index < count, proof.count <= proofStepsMax else { return false }
        var node = leaf
        var i = index
        var width = count
        var used = 0
        while width > 1 {
            if i ^ 1 < width {
                guard used < proof.count else { return false }
                let sibling = proof[used]
                used += 1
                node =
                    i & 1 == 1
                    ? BlobTree.node(sibling, node, hashing: hashing)
                    : BlobTree.node(node, sibling, hashing: hashing)
            }
            i /= 2
            width = (width + 1) / 2
        }
        return used == proof.count && node == root
    }

    /// The id that a length and a root give: `H("peernode/blob/v1", u64 length, root)`.
    public static func id(length: UInt64, root: Digest, hashing: some Hashing) -> BlobID {
        BlobID(
            hashing.hash("peernode/blob/v1") {
                $0.u64(length)
                $0.value(root)
            }.raw)
    }
}
