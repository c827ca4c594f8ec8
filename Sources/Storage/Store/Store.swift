import Basis
import Glibc
import Records

/// The one durable store of a node: the families of `ledger.md` 14.1 and of the other parts in one RocksDB.
///
/// **Problem.** A node may be killed at any instruction, and nothing that it acknowledged may be lost or half there;
/// the loop that talks to the network must never wait for a disk.
///
/// **Idea.** Cores emit `StoreBatch`es. They wait in a queue for one writer thread, which merges those that are there
/// into one atomic write with one sync (group commit) and answers each in order. So 1,000 batches that come together
/// cost one sync, and a batch that comes alone waits for nobody.
///
/// **After a failed write** (full disk, broken disk) reads go on, but every later batch is refused until `resume`
/// succeeds: otherwise a block could be stored whose parent was lost. Who resumes submits again what was refused.
///
/// **It does not** know what the rows mean, retry, or decide what is pruned.
///
/// A class: it owns a thread and file handles. `@unchecked Sendable`: mutable state is in `queue` and behind `gate`;
/// `failure` and
/// `mustReopen` belong to the writer thread.
public final class Store: @unchecked Sendable {
    /// The newest format that this program reads and writes.
    public static let formatNewest: UInt32 = 1

    /// Sizes of the store's memory and of its reserve on the disk.
    public struct Settings: Sendable {
        /// Write buffers of all families together, in bytes.
        public var writeBufferBytes = 16_777_216
        /// Blocks, indexes and filters that are kept in memory, in bytes.
        public var cacheBytes = 8_388_608
        /// With less space than this on the disk no batch that puts rows is written, so that RocksDB does not meet the
        /// end of the disk in the middle of its own work: one full set of write buffers and as much again for their
        /// compaction. Batches that only delete pass.
        public var freeBytesMin: UInt64 = 33_554_432
        /// Bytes of batches that may wait; a batch beyond is refused (`overloaded`). 64 blocks of 1 MiB.
        public var queueBytesMax = 67_108_864
        /// Bytes that one merged write may hold, so that its memory stays bounded.
        public var groupBytesMax = 8_388_608

        public init() {}
    }

    /// Answers a batch. Called on the writer thread, in the order of the batches: hop away, do not block.
    public typealias Completion = @Sendable (Result<Void, StoreError>) -> Void

    /// What the writer did since the store was opened.
    public struct Counts: Sendable, Hashable {
        /// Batches that were written.
        public var batches: UInt64 = 0
        /// Writes that carried them; with many batches at once it is much smaller.
        public var groups: UInt64 = 0
        public var syncs: UInt64 = 0
        /// Batches that failed or were refused.
        public var refused: UInt64 = 0
    }

    enum Request {
        case write(StoreBatch, Completion)
        /// A batch that found the queue full: answered at its place in the order, as a failed write.
        case refuse(Completion)
        case resume(Completion)
    }

    struct Queue {
        var requests: [Request] = []
        var bytes = 0
        var isClosing = false
        var counts = Counts()
    }

    public let path: String
    public let format: UInt32
    let settings: Settings
    let queue = Monitor(Queue())
    let gate: Gate<Database?>
    private(set) var writer: WorkerThread!
    /// The writer's: why it takes no more writes.
    var failure: StoreError?
    /// The writer's: a write failed inside RocksDB, so that `resume` must open it anew.
    var mustReopen = false

    /// Opens the store in folder `path`, or makes it with all families.
    ///
    /// - Parameter format: the newest format that the caller knows; a store of a newer one is refused and not touched.
    public init(
        path: String, format: UInt32 = Store.formatNewest, settings: Settings = Settings()
    ) throws(StoreError) {
        self.path = path
        self.settings = settings
        self.format = try Store.prepare(path, format)
        gate = Gate(
            try Database(
                path: path + "/db", writeBufferBytes: settings.writeBufferBytes,
                cacheBytes: settings.cacheBytes))
        writer = WorkerThread(name: "store-writer") { self.runWriter() }
    }

    /// Writes what is queued, syncs, and closes all files. The store must be closed by its owner, once, and not from a
    /// completion; calls after it answer `closed`.
    public func close() {
        let first = queue.withLock { state in
            defer { state.isClosing = true }
            return !state.isClosing
        }
        guard first else { return }
        queue.signal()
        writer.join()
        gate.write { database in
            try? database?.syncLog()
            database = nil
        }
    }

    /// What the writer did so far.
    public var counts: Counts { queue.withLock { $0.counts } }

    /// Checks the format before RocksDB touches anything; makes folder and format file of a new store.
    private static func prepare(_ path: String, _ known: UInt32) throws(StoreError) -> UInt32 {
        let formatFile = path + "/FORMAT"
        if Paths.exists(formatFile) {
            let found = try readFormat(formatFile)
            if found > known { throw .newerFormat(found: found, known: known) }
            let strange = Set(Database.familyNames(path: path + "/db"))
                .subtracting(Family.allCases.map(\.rawValue) + ["default"])
            if let name = strange.min() {
                throw .corrupt("unknown family \(name) in a store of format \(found)")
            }
            return found
        }
        do throws(FileError) {
            if Paths.exists(path + "/db") {
                throw FileError("\(formatFile) is missing beside a database", ENOENT)
            }
            try Paths.makeFolder(path)
            let file = try OpenFile(formatFile + ".new", O_WRONLY | O_CREAT | O_TRUNC)
            try file.write(Array("\(known)\n".utf8), at: 0)
            try file.sync()
            try Paths.rename(formatFile + ".new", formatFile)
            try Paths.syncFolder(path)
            return known
        } catch {
            if error.isMissing { throw .corrupt(error.text) }
            throw StoreError(error)
        }
    }

    private static func readFormat(_ file: String) throws(StoreError) -> UInt32 {
        do throws(FileError) {
            let bytes = try OpenFile(file, O_RDONLY).read(at: 0, count: 64)
            let text = String(decoding: bytes, as: UTF8.self)
            guard text.hasSuffix("\n"), let found = UInt32(text.dropLast()), found > 0 else {
                throw FileError("\(file) holds no format number", EINVAL)
            }
            return found
        } catch {
            throw error.code == EINVAL ? .corrupt(error.text) : StoreError(error)
        }
    }
}
