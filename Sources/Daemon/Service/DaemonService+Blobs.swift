public import API
import Basis
import NodeCore
import Records
import Storage
import Trust

extension DaemonService {
    public func putBlob(
        expected: String?, _ body: UploadBody
    ) async throws(Problem) -> (blob: BlobDocument, isNew: Bool) {
        let wanted = try expected.map { (text) throws(Problem) in try IDs.blob(text) }
        let length = body.declaredBytes
        let writer = try await onDisk { (blobs) throws(BlobError) in try blobs.writer(length: length) }
        do {
            for try await piece in body {
                _ = try await onDisk { (_) throws(BlobError) in try writer.append(piece) }
            }
        } catch {
            _ = parts.blobs.enqueue { _ in writer.cancel() }
            throw error as? Problem ?? Problem(.badParameter, "the body broke off")
        }
        let before = try await onDisk { (blobs) throws(BlobError) in blobs.counts.blobs }
        let id = try await onDisk { (_) throws(BlobError) in try writer.finish(expecting: wanted) }
        let after = try await onDisk { (blobs) throws(BlobError) in blobs.counts.blobs }
        events.publish(.blobAdded, subject: IDs.blob(id))
        return (try await document(of: id), after > before)
    }

    public func blob(_ id: String) async throws(Problem) -> any ByteSource {
        let blob = try IDs.blob(id)
        if try await onDisk({ (blobs) throws(BlobError) in try blobs.holds(blob) }) { return try await source(blob) }
        let peers = await node.linkedPeers()
        guard await node.fetch(blob, from: peers) else {
            throw Problem(
                .notFound, "blob \(IDs.blob(blob)) is neither here nor at the \(peers.count) linked peers")
        }
        return try await source(blob)
    }

    // MARK: below their use

    func source(_ blob: BlobID) async throws(Problem) -> BlobSource {
        guard let length = try await onDisk({ (blobs) throws(BlobError) in try blobs.length(blob) }) else {
            throw IDs.notFound("blob", IDs.blob(blob))
        }
        let hold = try await onDisk { (blobs) throws(BlobError) in try blobs.hold(blob) }
        return BlobSource(blob: blob, count: length, hold: hold, service: self)
    }

    func document(of id: BlobID) async throws(Problem) -> BlobDocument {
        let info = try await onDisk { (blobs) throws(BlobError) in try blobs.info(id) }
        let pins = try await onDisk { (blobs) throws(BlobError) in try blobs.pins(id) }
        guard let info else { throw IDs.notFound("blob", IDs.blob(id)) }
        let until = pins.map(\.until).max()
        let expiry = until.flatMap { $0 == BlobStore.forever ? nil : IDs.time($0) }
        return BlobDocument(
            id: IDs.blob(id), bytes: Int64(clamping: info.length), pinned: !pins.isEmpty, expiresAt: Known(expiry))
    }

    /// Runs file work on the blob store's thread.
    func onDisk<T: Sendable>(
        _ body: @escaping @Sendable (BlobStore) throws(BlobError) -> T
    ) async throws(Problem) -> T {
        do throws(BlobError) {
            return try await parts.blobs.perform(body)
        } catch {
            throw Problem(code: error.code ?? "E902", "\(error)")
        }
    }
}

extension NodeActor {
    func linkedPeers() -> [PeerID] { core.linked.keys.map { $0 } }
}

/// A blob that is read in pieces; it stays as long as somebody reads.
struct BlobSource: ByteSource {
    let blob: BlobID
    let count: UInt64
    let hold: BlobHold
    let service: DaemonService

    var id: String? { IDs.blob(blob) }

    func read(offset: UInt64, length: Int) async throws(Problem) -> [UInt8] {
        if offset >= count || length <= 0 { return [] }
        let most = Int(min(UInt64(length), count - offset))
        return try await service.onDisk { (blobs) throws(BlobError) in
            try blobs.read(blob, offset: offset, count: most)
        }
    }
}
