import CRocksDB

/// A place in one family, within bounds, on one state of the database: later writes are not seen.
struct Cursor: ~Copyable {
    private let handle: OpaquePointer
    private let options: OpaquePointer
    /// RocksDB keeps pointers to the bounds, so they live as long as the cursor.
    private let bounds: [UnsafeMutableRawPointer]

    init(
        _ database: OpaquePointer, _ column: OpaquePointer, from: [UInt8]?, to: [UInt8]?,
        isBulk: Bool
    ) {
        options = rocksdb_readoptions_create()
        rocksdb_readoptions_set_verify_checksums(options, 1)
        // A walk over everything must not push out what is looked up often.
        if isBulk { rocksdb_readoptions_set_fill_cache(options, 0) }
        var kept: [UnsafeMutableRawPointer] = []
        func keep(_ bytes: [UInt8]) -> UnsafePointer<CChar> {
            let copy = UnsafeMutableRawPointer.allocate(byteCount: bytes.count + 1, alignment: 1)
            bytes.withUnsafeBytes {
                if let start = $0.baseAddress { copy.copyMemory(from: start, byteCount: $0.count) }
            }
            kept.append(copy)
            return UnsafePointer(copy.assumingMemoryBound(to: CChar.self))
        }
        if let from {
            rocksdb_readoptions_set_iterate_lower_bound(options, keep(from), from.count)
        }
        if let to { rocksdb_readoptions_set_iterate_upper_bound(options, keep(to), to.count) }
        bounds = kept
        handle = rocksdb_create_iterator_cf(database, options, column)
    }

    deinit {
        rocksdb_iter_destroy(handle)
        rocksdb_readoptions_destroy(options)
        for bound in bounds { bound.deallocate() }
    }

    func seekToFirst() { rocksdb_iter_seek_to_first(handle) }
    func seekToLast() { rocksdb_iter_seek_to_last(handle) }
    func next() { rocksdb_iter_next(handle) }
    func previous() { rocksdb_iter_prev(handle) }
    var isValid: Bool { rocksdb_iter_valid(handle) != 0 }

    var key: [UInt8] { copy(rocksdb_iter_key) }
    var value: [UInt8] { copy(rocksdb_iter_value) }
    var valueCount: Int {
        var count = 0
        _ = rocksdb_iter_value(handle, &count)
        return count
    }

    /// Throws what ended the walk, if it was damage and not the bound.
    func check() throws(StoreError) {
        try Database.checked { rocksdb_iter_get_error(handle, $0) }
    }

    private func copy(
        _ read: (OpaquePointer?, UnsafeMutablePointer<Int>?) -> UnsafePointer<CChar>?
    ) -> [UInt8] {
        var count = 0
        guard let start = read(handle, &count) else { return [] }
        return Array(UnsafeRawBufferPointer(start: start, count: count))
    }
}
