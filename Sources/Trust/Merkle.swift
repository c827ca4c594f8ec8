import Basis
public import Wire

/// The Merkle tree of `ledger.md` 1.2: an odd last node is promoted unchanged, the root binds the count.
public struct MerkleTree: Sendable {
    /// levels[0] are the leaves, the last level is the top.
    let levels: [[Digest]]
    public let count: Int
    let top: Digest

    /// Made once: a tag checks its text when it is made, and a block has thousands of nodes.
    static let nodeTag: HashTag = "peernode/node/v1"

    /// Hashes `items` (raw bytes of each) into a tree. O(n).
    public init(leafTag: HashTag, items: [[UInt8]], hashing: some Hashing) {
        count = items.count
        var level = items.map { hashing.hash(leafTag, $0) }
        if level.isEmpty {
            levels = []
            top = hashing.hash("peernode/empty/v1", [])
            return
        }
        var all = [level]
        while level.count > 1 {
            level = MerkleTree.parents(of: level, hashing: hashing)
            all.append(level)
        }
        levels = all
        top = level[0]
    }

    static func parents(of level: [Digest], hashing: some Hashing) -> [Digest] {
        var next: [Digest] = []
        next.reserveCapacity((level.count + 1) / 2)
        var i = 0
        while i + 1 < level.count {
            next.append(MerkleTree.node(level[i], level[i + 1], hashing: hashing))
            i += 2
        }
        if i < level.count { next.append(level[i]) }
        return next
    }

    static func node(_ left: Digest, _ right: Digest, hashing: some Hashing) -> Digest {
        hashing.hash(nodeTag) {
            $0.value(left)
            $0.value(right)
        }
    }

    /// `H("peernode/root/v1", u64 count, top)`.
    public func root(hashing: some Hashing) -> Digest {
        MerkleTree.root(count: count, top: top, hashing: hashing)
    }

    static func root(count: Int, top: Digest, hashing: some Hashing) -> Digest {
        hashing.hash("peernode/root/v1") {
            $0.u64(UInt64(count))
            $0.value(top)
        }
    }

    /// The siblings from leaf `index` up.
    public func path(of index: Int) -> MerklePath {
        invariant(index >= 0 && index < count, "leaf \(index) of \(count)")
        var steps: [MerklePath.Step] = []
        var i = index
        for level in levels.dropLast() {
            let sibling = i ^ 1
            if sibling < level.count {
                steps.append(.init(isLeft: sibling < i, sibling: level[sibling]))
            }
            i /= 2
        }
        return MerklePath(steps: steps)
    }

    /// Root of items without keeping the tree.
    public static func root(leafTag: HashTag, items: [[UInt8]], hashing: some Hashing) -> Digest {
        MerkleTree(leafTag: leafTag, items: items, hashing: hashing).root(hashing: hashing)
    }
}

/// A path of (side, sibling) from a leaf up, at most 40 steps.
public struct MerklePath: Sendable, Hashable, WireEncodable, WireDecodable {
    public struct Step: Sendable, Hashable {
        /// Whether the sibling stands to the left.
        public let isLeft: Bool
        public let sibling: Digest

        public init(isLeft: Bool, sibling: Digest) {
            self.isLeft = isLeft
            self.sibling = sibling
        }
    }

    /// 2⁴⁰ leaves are more than any list holds.
    public static let stepsMax = 40

    public let steps: [Step]

    public init(steps: [Step]) { self.steps = steps }

    /// Whether `item` is leaf `index` of the `count` leaves under `root`. The shape is recomputed from (index, count);
    /// a path of any other shape is refused.
    public func proves(
        _ item: [UInt8], at index: Int, of count: Int, root: Digest, leafTag: HashTag,
        hashing: some Hashing
    ) -> Bool {
        guard index >= 0, index < count, steps.count <= MerklePath.stepsMax else { return false }
        var node = hashing.hash(leafTag, item)
        var i = index
        var width = count
        var next = 0
        while width > 1 {
            let sibling = i ^ 1
            if sibling < width {
                guard next < steps.count, steps[next].isLeft == (sibling < i) else { return false }
                let other = steps[next].sibling
                node =
                    steps[next].isLeft
                    ? MerkleTree.node(other, node, hashing: hashing)
                    : MerkleTree.node(node, other, hashing: hashing)
                next += 1
            }
            i /= 2
            width = (width + 1) / 2
        }
        return next == steps.count
            && MerkleTree.root(count: count, top: node, hashing: hashing) == root
    }

    public func encode(to writer: inout WireWriter) {
        writer.list(steps) {
            $0.bool($1.isLeft)
            $0.value($1.sibling)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        steps = try reader.list(max: MerklePath.stepsMax, itemBytesMin: 33) {
            (r) throws(WireError) in
            Step(isLeft: try r.bool(), sibling: try r.value())
        }
    }
}
