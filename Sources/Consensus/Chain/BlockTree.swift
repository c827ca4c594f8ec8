import Basis
import Records
import Trust

/// A block held in memory, hashed once.
struct HeldBlock: Sendable {
    let block: Block
    let hash: Digest
    let entryHashes: [Digest]

    var header: BlockHeader { block.header }
}

/// Blocks that are not executed yet, by hash and by view. At most one proposal per view enters, besides blocks that
/// were asked for by hash.
struct BlockTree: Sendable {
    private struct Key: Comparable, Sendable {
        let view: UInt64
        let hash: Digest
        static func < (a: Key, b: Key) -> Bool { a.view != b.view ? a.view < b.view : a.hash < b.hash }
    }

    private var byHash: [Digest: HeldBlock] = [:]
    private var order = SortedMap<Key, Bool>()

    var count: Int { order.count }

    subscript(hash: Digest) -> HeldBlock? { byHash[hash] }

    mutating func insert(_ held: HeldBlock) {
        if byHash.updateValue(held, forKey: held.hash) == nil {
            order.insert(true, for: Key(view: held.header.view, hash: held.hash))
        }
    }

    /// Forgets the blocks of views below `view`.
    mutating func removeBelow(_ view: UInt64) {
        while let first = order.first?.key, first.view < view {
            order.popFirst()
            byHash[first.hash] = nil
        }
    }
}

/// Whether a block's chain reaches the executed tip.
enum ChainCheck: Sendable, Hashable {
    case complete
    /// This ancestor is not held.
    case missing(Digest)
    /// It branches off below the executed tip: it can never be final.
    case conflicting
}
