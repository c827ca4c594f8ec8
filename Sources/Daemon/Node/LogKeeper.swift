public import Basis
public import Consensus
public import Credits
public import NodeCore
public import Records
import Sodium
public import Storage
import Trust
import Wire

/// Reads a log out of the store at start, and blocks out of it later.
public struct LogKeeper: Sendable {
    public enum Failure: Error, Sendable {
        case store(StoreError)
        case corrupt(LogImage.Corruption)
    }

    let store: Store

    public init(store: Store) { self.store = store }

    /// The log as the store holds it; a new store gets the records of height 0 first. Blocking: before the loop turns.
    public func load(identity: LogNode.Identity, now: Instant) throws(Failure) -> LogNode {
        let first = LogNode.firstWrites(image: try image(), genesis: identity.genesis, hashing: SodiumHashing())
        do throws(StoreError) {
            if !first.isEmpty { try store.writeAndWait(first) }
        } catch {
            throw .store(error)
        }
        let image = try image()
        var tip: LogImage.Tip?
        if image.executedHeight > 0 {
            guard let stored = stored(image.executedHeight), let link = link(image.executedHeight) else {
                throw .corrupt(.blockMismatch(height: image.executedHeight))
            }
            tip = .init(block: stored.block, link: link)
        }
        do throws(LogImage.Corruption) {
            return try LogNode(
                identity: identity, image: image, tip: tip, limits: .production, hashing: SodiumHashing(),
                verifying: SodiumVerifier(), generator: SeededGenerator(seed: LogKeeper.seed()), now: now)
        } catch {
            throw .corrupt(error)
        }
    }

    func image() throws(Failure) -> LogImage {
        var image = LogImage()
        for family in LogImage.families + [.meta] { try add(family, prefix: [], to: &image) }
        try add(.local, prefix: LogImage.outboxPrefix, to: &image)
        // Certificates have keys of 8 bytes, digest links of 9 that begin with 2: the newest certificate is the last
        // key below that.
        let newest: [StoreRow]
        do throws(StoreError) {
            newest = try store.scan(.proofs, from: [], to: [2], reverse: true, limit: 1)
        } catch {
            throw .store(error)
        }
        try add(.proofs, newest, to: &image)
        return image
    }

    func add(_ family: Family, prefix: [UInt8], to image: inout LogImage) throws(Failure) {
        let rows: [StoreRow]
        do throws(StoreError) {
            rows = try store.scan(family, prefix: prefix)
        } catch {
            throw .store(error)
        }
        try add(family, rows, to: &image)
    }

    func add(_ family: Family, _ rows: [StoreRow], to image: inout LogImage) throws(Failure) {
        for row in rows {
            do throws(LogImage.Corruption) {
                try image.add(family, key: row.key, value: row.value)
            } catch {
                throw .corrupt(error)
            }
        }
    }

    static func seed() -> UInt64 { randomBytes(8).reduce(0) { $0 << 8 | UInt64($1) } }

    public func stored(_ height: UInt64) -> StoredBlock? {
        guard let row = try? store.get(.blocks, JournalKey.height(height)) else { return nil }
        return try? StoredBlock(decoding: row)
    }

    public func link(_ height: UInt64) -> DigestLink? {
        guard let row = try? store.get(.proofs, DigestStep.key(height)) else { return nil }
        return try? DigestStep(decoding: row).link
    }
}

extension LogKeeper: BlockStoreReading {
    public func block(at height: UInt64) -> Block? { stored(height)?.block }
    public func finalizeCertificate(at height: UInt64) -> Certificate? { stored(height)?.finalizeCertificate }
    public func stateCertificate(at height: UInt64) -> StateCertificate? {
        guard let row = try? store.get(.proofs, JournalKey.height(height)) else { return nil }
        return try? StateCertificate(decoding: row)
    }
}
