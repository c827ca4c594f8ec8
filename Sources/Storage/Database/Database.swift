import Basis
import CRocksDB
import Records

/// RocksDB behind types of our own: no C type leaves this folder.
///
/// A class, since readers on several threads and the writer share one handle; RocksDB itself is safe for that.
/// `@unchecked Sendable`: all fields are written in `init` only.
final class Database: @unchecked Sendable {
    private let options: DatabaseOptions
    private let handle: OpaquePointer
    /// In the order of `Family.allCases`; the last one is RocksDB's own `default`, which stays empty.
    private let families: [OpaquePointer]
    private let readOptions: OpaquePointer
    private let syncedWrite: OpaquePointer
    private let unsyncedWrite: OpaquePointer

    /// Opens or makes the database in folder `path`, which exists.
    init(path: String, writeBufferBytes: Int, cacheBytes: Int) throws(StoreError) {
        let options = DatabaseOptions(writeBufferBytes: writeBufferBytes, cacheBytes: cacheBytes)
        let (looked, appended) = (options.looked, options.appended)
        let names = Family.allCases.map(\.rawValue) + ["default"]
        let choices: [OpaquePointer?] =
            Family.allCases.map {
                Database.isAppended($0) ? appended : looked
            } + [looked]
        var handles = [OpaquePointer?](repeating: nil, count: names.count)
        let opened = try Database.checked { error in
            Database.withCStrings(names) { pointers in
                rocksdb_open_column_families(
                    looked, path, Int32(names.count), pointers, choices, &handles, error)
            }
        }
        guard let opened else { throw .ioError("cannot open \(path)") }
        self.options = options
        handle = opened
        families = handles.map { $0! }
        readOptions = rocksdb_readoptions_create()
        rocksdb_readoptions_set_verify_checksums(readOptions, 1)
        syncedWrite = rocksdb_writeoptions_create()
        rocksdb_writeoptions_set_sync(syncedWrite, 1)
        unsyncedWrite = rocksdb_writeoptions_create()
    }

    deinit {
        rocksdb_cancel_all_background_work(handle, 1)
        rocksdb_readoptions_destroy(readOptions)
        rocksdb_writeoptions_destroy(syncedWrite)
        rocksdb_writeoptions_destroy(unsyncedWrite)
        for family in families { rocksdb_column_family_handle_destroy(family) }
        rocksdb_close(handle)
    }

    /// The families of the database in `path`; empty if there is none. Writes nothing.
    static func familyNames(path: String) -> [String] {
        let options = rocksdb_options_create()
        defer { rocksdb_options_destroy(options) }
        var count = 0
        var error: UnsafeMutablePointer<CChar>?
        guard let names = rocksdb_list_column_families(options, path, &count, &error) else {
            rocksdb_free(error)
            return []
        }
        defer { rocksdb_list_column_families_destroy(names, count) }
        if let error {
            rocksdb_free(error)
            return []
        }
        return (0..<count).map { String(cString: names[$0]!) }
    }

    func get(_ family: Family, _ key: [UInt8]) throws(StoreError) -> [UInt8]? {
        let slice = try Database.checked { error in
            Database.withBytes(key) {
                rocksdb_get_pinned_cf(handle, readOptions, column(family), $0, $1, error)
            }
        }
        guard let slice else { return nil }
        defer { rocksdb_pinnableslice_destroy(slice) }
        var count = 0
        guard let start = rocksdb_pinnableslice_value(slice, &count) else { return [] }
        return Array(UnsafeRawBufferPointer(start: start, count: count))
    }

    /// Writes all of `batches` at once or nothing. With `isSynced` it is on the disk when this returns.
    func write(_ batches: [StoreBatch], isSynced: Bool) throws(StoreError) {
        let rows = WriteRows()
        for batch in batches {
            for operation in batch.operations { rows.add(operation, column) }
        }
        try Database.checked { error in
            rocksdb_write(handle, isSynced ? syncedWrite : unsyncedWrite, rows.handle, error)
        }
    }

    /// Writes the buffers out and makes `path`, which must not exist, a copy that can be opened (hard links).
    func checkpoint(to path: String) throws(StoreError) {
        let maker = try Database.checked { rocksdb_checkpoint_object_create(handle, $0) }
        defer { rocksdb_checkpoint_object_destroy(maker) }
        try Database.checked { rocksdb_checkpoint_create(maker, path, 0, $0) }
    }

    /// Writes every write buffer of `family` to a file.
    func flush(_ family: Family) throws(StoreError) {
        let options = rocksdb_flushoptions_create()
        defer { rocksdb_flushoptions_destroy(options) }
        try Database.checked { rocksdb_flush_cf(handle, options, column(family), $0) }
    }

    func syncLog() throws(StoreError) {
        try Database.checked { rocksdb_flush_wal(handle, 1, $0) }
    }

    func cursor(_ family: Family, from: [UInt8]?, to: [UInt8]?, isBulk: Bool) -> Cursor {
        Cursor(handle, column(family), from: from, to: to, isBulk: isBulk)
    }

    /// A figure that RocksDB keeps of the whole database; nil if it does not know `name`.
    func figure(_ name: String) -> UInt64? {
        var total: UInt64 = 0
        for family in families {
            var value: UInt64 = 0
            if rocksdb_property_int_cf(handle, family, name, &value) != 0 { return nil }
            total += value
        }
        return total
    }

    /// Bytes in the block cache, which all families share.
    var cacheBytesUsed: UInt64 {
        var value: UInt64 = 0
        rocksdb_property_int_cf(handle, families[0], "rocksdb.block-cache-usage", &value)
        return value
    }

    // MARK: below their use

    private func column(_ family: Family) -> OpaquePointer {
        families[Family.allCases.firstIndex(of: family)!]
    }

    static func isAppended(_ family: Family) -> Bool {
        switch family {
        case .blocks, .events, .packed: true
        default: false
        }
    }

    /// Calls C with a place for an error text, and throws that text as what it means.
    static func checked<R>(
        _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> R
    ) throws(StoreError) -> R {
        var error: UnsafeMutablePointer<CChar>?
        let result = body(&error)
        guard let error else { return result }
        let text = String(cString: error)
        rocksdb_free(error)
        throw StoreError(databaseText: text)
    }

    static func withBytes<R>(
        _ bytes: [UInt8], _ body: (UnsafePointer<CChar>?, Int) -> R
    ) -> R {
        bytes.withUnsafeBytes {
            body($0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
        }
    }

    private static func withCStrings<R>(
        _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> R
    ) -> R {
        let copies = strings.map { text -> UnsafeMutablePointer<CChar> in
            let bytes = Array(text.utf8CString)
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
            copy.initialize(from: bytes, count: bytes.count)
            return copy
        }
        defer { for copy in copies { copy.deallocate() } }
        return copies.map { UnsafePointer($0) as UnsafePointer<CChar>? }.withUnsafeBufferPointer {
            body($0.baseAddress!)
        }
    }
}

extension StoreError {
    /// RocksDB gives errors as texts that begin with their kind; the disk's own reason stands inside.
    init(databaseText text: String) {
        if text.contains("No space left") || text.contains("Disk quota") {
            self = .diskFull
        } else if text.hasPrefix("Corruption") {
            self = .corrupt(text)
        } else if text.contains("lock hold by current process")
            || text.contains("While lock file")
        {
            self = .locked(text)
        } else {
            self = .ioError(text)
        }
    }
}
