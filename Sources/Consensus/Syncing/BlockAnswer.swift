import Basis
public import Records
public import Trust

/// What a store must hold so that executed blocks can be served from it.
public protocol BlockStoreReading {
    /// The executed block of a height.
    func block(at height: UInt64) -> Block?
    func finalizeCertificate(at height: UInt64) -> Certificate?
    func stateCertificate(at height: UInt64) -> StateCertificate?
}

/// Builds the answer to a request for executed blocks (`ledger.md` 4.3, 4.10).
public enum BlockAnswer {
    /// Bytes of blocks in one answer, so that it stays within 1.1 MiB with its links.
    public static let bytesMax = 1 << 20

    /// Consecutive blocks from the asked height, the headers up to the next proof, and that proof; nil if the
    /// height is not executed, the hash is another one, or no proof lies within `linksMax` headers.
    public static func answer(
        to request: FetchBlocks, executedHeight: UInt64, store: some BlockStoreReading,
        hashing: some Hashing
    ) -> Blocks? {
        guard request.from >= 1, request.from <= executedHeight,
            let first = store.block(at: request.from)
        else { return nil }
        if let hash = request.hash {
            guard first.hash(hashing: hashing) == hash else { return nil }
            return Blocks(
                blocks: [first], links: [], stateCertificate: nil, finalizeCertificate: nil)
        }
        var blocks = [first]
        var bytes = size(first)
        let last = min(executedHeight, request.from + UInt64(request.count) - 1)
        var height = request.from
        while height < last, let next = store.block(at: height + 1) {
            bytes += size(next)
            if bytes > bytesMax { break }
            blocks.append(next)
            height += 1
        }
        return proven(blocks, upTo: height, executedHeight: executedHeight, store: store)
    }

    private static func proven(
        _ blocks: [Block], upTo last: UInt64, executedHeight: UInt64, store: some BlockStoreReading
    ) -> Blocks? {
        var links: [BlockHeader] = []
        var height = last
        while true {
            let finalize = store.finalizeCertificate(at: height)
            let state = store.stateCertificate(at: height)
            if finalize != nil || state != nil {
                return Blocks(
                    blocks: blocks, links: links, stateCertificate: state,
                    finalizeCertificate: finalize)
            }
            height += 1
            guard height <= executedHeight, links.count < LedgerLimits.linksMax,
                let next = store.block(at: height)
            else { break }
            links.append(next.header)
        }
        // No proof above: show as many blocks as a proof below covers.
        var shown = blocks
        while shown.count > 1 {
            shown.removeLast()
            let height = shown[shown.count - 1].header.height
            let finalize = store.finalizeCertificate(at: height)
            let state = store.stateCertificate(at: height)
            if finalize != nil || state != nil {
                return Blocks(
                    blocks: shown, links: [], stateCertificate: state, finalizeCertificate: finalize)
            }
        }
        return nil
    }

    private static func size(_ block: Block) -> Int {
        224 + block.parentCertificate.count + block.entries.reduce(0) { $0 + $1.count + 4 }
    }
}
