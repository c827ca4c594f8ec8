import CRocksDB
import Records

/// A batch in the form that RocksDB takes. Freed with its value.
struct WriteRows: ~Copyable {
    let handle: OpaquePointer

    init() { handle = rocksdb_writebatch_create() }

    deinit { rocksdb_writebatch_destroy(handle) }

    func add(_ operation: StoreBatch.Operation, _ column: (Family) -> OpaquePointer) {
        switch operation {
        case .put(let family, let key, let value):
            Database.withBytes(key) { keyStart, keyCount in
                Database.withBytes(value) { valueStart, valueCount in
                    rocksdb_writebatch_put_cf(
                        handle, column(family), keyStart, keyCount, valueStart, valueCount)
                }
            }
        case .delete(let family, let key):
            Database.withBytes(key) {
                rocksdb_writebatch_delete_cf(handle, column(family), $0, $1)
            }
        case .deleteRange(let family, let from, let to):
            // RocksDB refuses a range that runs backwards, and with it the whole batch.
            guard from.lexicographicallyPrecedes(to) else { return }
            Database.withBytes(from) { fromStart, fromCount in
                Database.withBytes(to) { toStart, toCount in
                    rocksdb_writebatch_delete_range_cf(
                        handle, column(family), fromStart, fromCount, toStart, toCount)
                }
            }
        }
    }
}
