import Basis
import Records
public import Trust
import Wire

extension BlobStore {
    /// `until` of a pin that does not lapse.
    public static let forever = UInt64.max

    /// Keeps `id` from collection until `until` (milliseconds since 1970). It need not be here yet. A later pin for the
    /// same reason replaces the time. If it is a tree that is here, its files are pinned with it.
    public func pin(
        _ id: BlobID, _ reason: BlobPinReason, until: UInt64, isTree: Bool = false
    ) throws(BlobError) {
        let members = isTree ? try tree(id).blobs : []
        var batch = StoreBatch(isSynced: true)
        let value = StoreKey().u64(until).bytes
        batch.put(.blobs, BlobKey.pin(id, via: .zero, reason), value)
        for member in members {
            batch.put(.blobs, BlobKey.pin(member, via: id, reason), value)
        }
        try state.withLock { (_) throws(BlobError) in try write(batch) }
    }

    /// Takes a pin back, with those of the files of a tree. A pin that is not there is no error.
    public func unpin(
        _ id: BlobID, _ reason: BlobPinReason, isTree: Bool = false
    ) throws(BlobError) {
        var batch = StoreBatch(isSynced: true)
        batch.delete(.blobs, BlobKey.pin(id, via: .zero, reason))
        if isTree, try holds(id) {
            for member in try tree(id).blobs {
                batch.delete(.blobs, BlobKey.pin(member, via: id, reason))
            }
        }
        try state.withLock { (_) throws(BlobError) in try write(batch) }
    }

    /// Why `id` is kept, with the times until when; lapsed pins are not listed.
    public func pins(_ id: BlobID) throws(BlobError) -> [(reason: BlobPinReason, until: UInt64)] {
        let moment = now()
        var pins: [(reason: BlobPinReason, until: UInt64)] = []
        for row in try pinRows(BlobKey.pins(id)) {
            guard let reason = try? BlobPinReason(decoding: Array(row.key.dropFirst(65))) else {
                throw damagedRow("pin")
            }
            if let until = BlobStore.until(row), until > moment { pins.append((reason, until)) }
        }
        return pins
    }

    func isPinned(_ id: BlobID) throws(BlobError) -> Bool {
        let moment = now()
        return try pinRows(BlobKey.pins(id)).contains { (BlobStore.until($0) ?? .max) > moment }
    }

    /// Pinned blobs that are not here, ascending: damaged, lost, or never fetched. What should be fetched.
    public func wanted(limit: Int) throws(BlobError) -> [BlobID] {
        let moment = now()
        var ids: [BlobID] = []
        for row in try pinRows([3]) where (BlobStore.until(row) ?? 0) > moment {
            guard let id = BlobID(row.key[1..<33]) else { throw damagedRow("pin") }
            if ids.last == id { continue }
            if try !holds(id) { ids.append(id) }
            if ids.count == limit { break }
        }
        return ids
    }

    /// Removes pins whose time is over. The owner calls it now and then, with `collect`.
    public func removeLapsedPins() throws(BlobError) {
        let moment = now()
        var batch = StoreBatch(isSynced: false)
        for row in try pinRows([3]) where (BlobStore.until(row) ?? .max) <= moment {
            batch.delete(.blobs, row.key)
        }
        if !batch.isEmpty { try write(batch) }
    }

    private func pinRows(_ prefix: [UInt8]) throws(BlobError) -> [StoreRow] {
        try BlobError.store { () throws(StoreError) in try store.scan(.blobs, prefix: prefix) }
    }

    private static func until(_ row: StoreRow) -> UInt64? {
        row.value.count == 8 ? row.value.reduce(0) { $0 << 8 | UInt64($1) } : nil
    }
}
