import Basis
import Glibc
import Records
public import Trust
import Wire

/// The content of a node: inputs, programs, results, logs, each named by the hash of its bytes (`compute.md` 6).
///
/// **Problem.** Bytes come from strangers, from crashing processes and over broken links, and are later run or paid
/// for: what is read must be what was named, whatever happened in between, within a quota.
///
/// **Idea.** A blob is written under a temporary name, hashed on the way, synced, and only then renamed to its id and
/// recorded; so under an id there is the whole blob or nothing. Each chunk of 256 KiB is checked against its leaf hash
/// when it is read; damage moves the file to `bad/`. Blobs of at most 4 KiB live in the database alone. When the quota
/// is reached, the least recently used blobs that nobody pinned or holds open go.
///
/// **It does not** talk to peers: a fetch is fed chunk by chunk (`BlobFetch`).
///
/// Its methods block: call them on a thread of your own, or through `perform`, which uses the store's.
///
/// `@unchecked Sendable`: all mutable state is in `state`, and rows and files change only while its lock is held, but
/// for temporary files, which belong to one writer each.
public final class BlobStore: @unchecked Sendable {
    /// Blobs up to this length are rows of the database, without a file.
    public static let inlineBytesMax = 4_096
    /// `blobBytesMax` (`gossip.md`, limits).
    public static let blobBytesMax: UInt64 = 17_179_869_184
    /// A file that is to be run or bound is read again when its last check is older (`compute.md` 6.2).
    public static let checkMillisMax: UInt64 = 86_400_000
    /// The last use is written at most this often, so that reading does not become writing.
    static let useMillisStep: UInt64 = 60_000

    public struct Settings: Sendable {
        /// `blobs.max`: bytes of all blobs together.
        public var bytesMax: UInt64
        /// `blobs.minFree`: bytes that stay free on the disk.
        public var freeBytesMin: UInt64

        public init(bytesMax: UInt64, freeBytesMin: UInt64 = 67_108_864) {
            self.bytesMax = bytesMax
            self.freeBytesMin = freeBytesMin
        }
    }

    /// Figures for metrics and `blob ls`.
    public struct Counts: Sendable, Hashable {
        public var blobs: UInt64 = 0
        public var bytes: UInt64 = 0
        /// Bytes that writers and fetches have announced or written and not finished.
        public var reservedBytes: UInt64 = 0
        /// Damaged blobs found since the start.
        public var damaged: UInt64 = 0
        /// Blobs collected since the start.
        public var collected: UInt64 = 0
    }

    struct State {
        var counts = Counts()
        /// How many hold a blob open.
        var open: [BlobID: Int] = [:]
        var fetching: Set<BlobID> = []
        var serial: UInt64 = 0
        var bytesMax: UInt64
    }

    public let path: String
    let store: Store
    let hashing: any Hashing
    let settings: Settings
    let now: @Sendable () -> UInt64
    let state: Monitor<State>
    let thread = SerialThread(name: "blobs")

    /// Opens the blobs in folder `path`, whose rows are in `store`. Leftovers of writers are removed.
    ///
    /// - Parameter now: milliseconds since 1970; tests give their own.
    public init(
        path: String, store: Store, hashing: any Hashing, settings: Settings,
        now: (@Sendable () -> UInt64)? = nil
    ) throws(BlobError) {
        self.path = path
        self.store = store
        self.hashing = hashing
        self.settings = settings
        self.now = now ?? { Clock.wallMilliseconds() }
        state = Monitor(State(bytesMax: settings.bytesMax))
        for folder in ["tmp", "partial", "bad"] {
            try BlobError.file { () throws(FileError) in try Paths.makeFolder(path + "/" + folder) }
        }
        // A writer's file that outlived its process can never be finished.
        try BlobError.file { () throws(FileError) in
            for name in try Paths.names(in: path + "/tmp") {
                try Paths.remove(path + "/tmp/" + name)
            }
        }
        try count()
    }

    /// Ends the store's thread after the work that it was given.
    public func close() { thread.stop() }

    // MARK: what is there

    public var counts: Counts { state.withLock { $0.counts } }

    /// The share of `blobs.max` in use, in thousandths: at 900 new leases are declined (`compute.md` 5.7).
    public var usePermille: Int {
        state.withLock { state in
            let used = state.counts.bytes + state.counts.reservedBytes
            return state.bytesMax == 0
                ? 1_000 : Int(min(used, state.bytesMax * 2) * 1_000 / state.bytesMax)
        }
    }

    /// Changes `blobs.max`, as SIGHUP does; what is too much goes with the next collection.
    public func setBytesMax(_ bytes: UInt64) { state.withLock { $0.bytesMax = bytes } }

    public func holds(_ id: BlobID) throws(BlobError) -> Bool { try record(id) != nil }

    public func length(_ id: BlobID) throws(BlobError) -> UInt64? { try record(id)?.length }

    public func info(_ id: BlobID) throws(BlobError) -> BlobInfo? {
        guard let record = try record(id) else { return nil }
        return try info(id, record)
    }

    /// Blobs by ascending id, after `after`.
    public func list(after: BlobID? = nil, limit: Int) throws(BlobError) -> [BlobInfo] {
        let rows = try BlobError.store { () throws(StoreError) in
            try store.scan(
                .blobs, prefix: [1], from: after.map { BlobKey.record($0) + [0] }, limit: limit)
        }
        var list: [BlobInfo] = []
        for row in rows {
            guard let id = BlobID(row.key.dropFirst()) else { throw damagedRow("key") }
            list.append(try info(id, try decode(row.value)))
        }
        return list
    }

    /// The hashes of all chunks, from which a server makes proofs (`gossip.md` 12.5).
    public func leaves(_ id: BlobID) throws(BlobError) -> [Digest] {
        guard let record = try record(id) else { throw .notFound(id) }
        return try leaves(id, record)
    }

    // MARK: off the loop

    /// Runs `body` on the store's own thread, after what was asked before.
    public func perform<T: Sendable>(
        _ body: @escaping @Sendable (BlobStore) throws(BlobError) -> T
    ) async throws(BlobError) -> T {
        let result: Result<T, BlobError> = await withCheckedContinuation { continuation in
            let isTaken = thread.enqueue {
                continuation.resume(
                    returning: Result { () throws(BlobError) in try body(self) })
            }
            if !isTaken { continuation.resume(returning: .failure(.store(.closed))) }
        }
        return try result.get()
    }

    /// Runs `work` on the store's own thread; false after `close`.
    @discardableResult
    public func enqueue(_ work: @escaping @Sendable (BlobStore) -> Void) -> Bool {
        thread.enqueue { work(self) }
    }

    // MARK: below their use

    private func count() throws(BlobError) {
        var (blobs, bytes): (UInt64, UInt64) = (0, 0)
        var fault: BlobError?
        try BlobError.store { () throws(StoreError) in
            try store.forEach(.blobs, prefix: [1], isBulk: true) { _, value in
                do throws(BlobError) {
                    bytes += try decode(value).length
                    blobs += 1
                    return true
                } catch {
                    fault = error
                    return false
                }
            }
        }
        if let fault { throw fault }
        state.withLock {
            $0.counts.blobs = blobs
            $0.counts.bytes = bytes
        }
    }

    func record(_ id: BlobID) throws(BlobError) -> BlobRecord? {
        let row = try BlobError.store { () throws(StoreError) in
            try store.get(.blobs, BlobKey.record(id))
        }
        return try row.map { (bytes) throws(BlobError) in try decode(bytes) }
    }

    func decode(_ bytes: [UInt8]) throws(BlobError) -> BlobRecord {
        guard let record = try? BlobRecord(decoding: bytes) else { throw damagedRow("record") }
        return record
    }

    func damagedRow(_ what: String) -> BlobError {
        .store(.corrupt("a \(what) in family blobs is not what was written"))
    }

    func leaves(_ id: BlobID, _ record: BlobRecord) throws(BlobError) -> [Digest] {
        if case .inline(let bytes) = record.place {
            return [BlobTree.leaf(0, bytes, hashing: hashing)]
        }
        let row = try BlobError.store { () throws(StoreError) in
            try store.get(.blobs, BlobKey.leaves(id))
        }
        guard let row, row.count == 32 * BlobTree.chunkCount(length: record.length) else {
            throw damagedRow("list of leaves")
        }
        return stride(from: 0, to: row.count, by: 32).map { Digest(row[$0..<$0 + 32])! }
    }

    func write(_ batch: StoreBatch) throws(BlobError) {
        try BlobError.store { () throws(StoreError) in try store.writeAndWait(batch) }
    }

    private func info(_ id: BlobID, _ record: BlobRecord) throws(BlobError) -> BlobInfo {
        BlobInfo(
            id: id, length: record.length, root: record.root, createdAt: record.createdAt,
            lastUse: record.lastUse, lastCheck: record.lastCheck, isPinned: try isPinned(id))
    }

    /// `blobs/<2>/<50>` of the text id.
    func file(_ id: BlobID) -> String {
        let name = TextID.base32(id.bytes)
        return "\(path)/\(name.prefix(2))/\(name.dropFirst(2))"
    }

    func partialFile(_ id: BlobID) -> String { path + "/partial/" + TextID.base32(id.bytes) }
}
