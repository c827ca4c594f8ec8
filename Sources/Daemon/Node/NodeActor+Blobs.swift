import Loop
import Basis
import NodeCore
import Records
import Sodium
public import Storage
public import Trust

/// Blob fetches under way, and who waits for each.
struct BlobFetches {
    struct One {
        var fetch: BlobFetch?
        var waiting: [CheckedContinuation<Bool, Never>] = []
    }
    var all: [BlobID: One] = [:]
}

extension NodeActor {
    public nonisolated var blobs: BlobStore { parts.blobs }

    /// Gets a blob into the store, from `peers` if it is not there; false if none of them could give it.
    public func fetch(_ blob: BlobID, from peers: [PeerID]) async -> Bool {
        if (try? parts.blobs.holds(blob)) == true { return true }
        return await withCheckedContinuation { continuation in
            fetches.all[blob, default: .init()].waiting.append(continuation)
            if fetches.all[blob]?.waiting.count == 1 {
                let saved = (try? parts.blobs.resumeFetch(blob)).flatMap { $0 }
                fetches.all[blob]?.fetch = saved
                give(.exchange(.fetch(blob, from: peers, saved: saved.map(NodeActor.saved))))
            } else {
                give(.exchange(.holders(blob, peers)))
            }
        }
    }

    static func saved(_ fetch: BlobFetch) -> BlobExchange.Saved {
        let count = BlobTree.chunkCount(length: fetch.length)
        return .init(
            length: fetch.length, root: fetch.root,
            chunks: (0..<count).filter { fetch.has($0) }.map { UInt32($0) })
    }

    func carryOut(_ effect: BlobExchange.Effect) {
        switch effect {
        case .store(let blob, let chunk, let length, let root): store(chunk, of: blob, length, root)
        case .fetched(let blob): finish(blob)
        case .failed(let blob): end(blob, false)
        case .readInfo(let stream, let blob): readInfo(stream, blob)
        case .readChunks(let stream, let blob, let first, let count): readChunks(stream, blob, first, count)
        case .open, .write, .reset: break
        case .misbehaved(let peer): report(.fault(peer, "it served a damaged blob"))
        }
    }

    /// Writes a verified chunk on the blob store's own thread.
    func store(_ chunk: BlobChunk, of blob: BlobID, _ length: UInt64, _ root: Digest) {
        let known = fetches.all[blob]?.fetch
        let isTaken = parts.blobs.enqueue { [self] blobs in
            let fetch = known ?? (try? blobs.fetch(blob, length: length, root: root))
            let isStored = (try? fetch?.add(Int(chunk.index), chunk.data, proof: chunk.proof)) != nil
            self.post { node in
                if node.fetches.all[blob] != nil { node.fetches.all[blob]?.fetch = fetch }
                node.give(
                    .exchange(isStored ? .stored(blob, chunk: chunk.index) : .storeFailed(blob)))
            }
        }
        if !isTaken { give(.exchange(.storeFailed(blob))) }
    }

    func finish(_ blob: BlobID) {
        guard let fetch = fetches.all[blob]?.fetch else { return end(blob, (try? parts.blobs.holds(blob)) == true) }
        let isTaken = parts.blobs.enqueue { [self] _ in
            let isWhole = (try? fetch.finish()) != nil
            self.post { $0.end(blob, isWhole) }
        }
        if !isTaken { end(blob, false) }
    }

    func end(_ blob: BlobID, _ isHere: Bool) {
        for waiting in fetches.all.removeValue(forKey: blob)?.waiting ?? [] { waiting.resume(returning: isHere) }
    }

    func readInfo(_ stream: BlobExchange.Stream, _ blob: BlobID) {
        let isTaken = parts.blobs.enqueue { [self] blobs in
            let info = (try? blobs.info(blob)).flatMap { $0 }
            let summary = info.map {
                BlobSummary(
                    length: $0.length, root: $0.root,
                    runs: [.init(first: 0, count: UInt32(BlobTree.chunkCount(length: $0.length)))])
            }
            self.post { $0.give(.exchange(.info(stream, $0.isServed(blob) ? summary : nil))) }
        }
        if !isTaken { give(.exchange(.info(stream, nil))) }
    }

    func readChunks(_ stream: BlobExchange.Stream, _ blob: BlobID, _ first: UInt32, _ count: UInt16) {
        guard isServed(blob) else { return give(.exchange(.chunks(stream, nil))) }
        let isTaken = parts.blobs.enqueue { [self] blobs in
            var chunks: [BlobChunk]? = []
            if let leaves = try? blobs.leaves(blob), Int(first) < leaves.count {
                let levels = BlobTree.Levels(leaves: leaves, hashing: SodiumHashing())
                for index in Int(first)..<min(leaves.count, Int(first) + Int(count)) {
                    guard let data = try? blobs.chunk(blob, index) else {
                        chunks = nil
                        break
                    }
                    chunks?.append(BlobChunk(index: UInt32(index), proof: levels.proof(of: index), data: data))
                }
            } else {
                chunks = nil
            }
            let read = chunks
            self.post { $0.give(.exchange(.chunks(stream, read))) }
        }
        if !isTaken { give(.exchange(.chunks(stream, nil))) }
    }

    /// Whether peers may have this blob: all but outcomes that are not revealed yet (`compute.md` 5.5).
    func isServed(_ blob: BlobID) -> Bool { !sealed.contains(blob) }

    nonisolated func post(_ body: @escaping @Sendable (isolated NodeActor) -> Void) {
        loop.post { self.assumeIsolated { body($0) } }
    }
}
