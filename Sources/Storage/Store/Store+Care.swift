import Basis
import Glibc
public import Records

/// What `peernode doctor store` found.
public struct StoreReport: Sendable, Hashable {
    public struct Part: Sendable, Hashable {
        public let family: Family
        public let rows: UInt64
        /// Bytes of keys and values before compression.
        public let bytes: UInt64
        /// What ended the walk over this family, if it was not its end.
        public let damage: String?
    }

    public let parts: [Part]
    public var isSound: Bool { parts.allSatisfy { $0.damage == nil } }
}

extension Store {
    /// Reads every row of every family, so that each block on the disk is checked against its checksum. Takes as long
    /// as reading the store does (about 1 s a gigabyte); other reads and writes go on.
    public func verify() throws(StoreError) -> StoreReport {
        var parts: [StoreReport.Part] = []
        for family in Family.allCases {
            var rows: UInt64 = 0
            var bytes: UInt64 = 0
            var damage: String?
            do throws(StoreError) {
                try forEach(family, isBulk: true) { key, value in
                    rows += 1
                    bytes += UInt64(key.count + value.count)
                    return true
                }
            } catch {
                if error == .closed { throw error }
                damage = error.description
            }
            parts.append(.init(family: family, rows: rows, bytes: bytes, damage: damage))
        }
        return StoreReport(parts: parts)
    }

    /// Makes folder `target`, which must not exist, a store of its own with all that is written by now. Costs little:
    /// files are linked where the file system is the same.
    public func checkpoint(to target: String) throws(StoreError) {
        do throws(FileError) {
            if mkdir(target, 0o700) != 0 { throw FileError("cannot make folder \(target)") }
            let file = try OpenFile(target + "/FORMAT", O_WRONLY | O_CREAT | O_EXCL)
            try file.write(Array("\(format)\n".utf8), at: 0)
            try file.sync()
        } catch {
            throw StoreError(error)
        }
        try reading { (database) throws(StoreError) in try database.checkpoint(to: target + "/db") }
    }

    /// Writes the buffers of `family` to a file, so that the log can be dropped and tests find rows there.
    public func flush(_ family: Family) throws(StoreError) {
        try reading { (database) throws(StoreError) in try database.flush(family) }
    }

    /// Bytes of the store's files and of its memory, for metrics; 0 if closed.
    public var usage: (fileBytes: UInt64, memoryBytes: UInt64) {
        let figures = try? reading { (database) throws(StoreError) in
            (
                (database.figure("rocksdb.total-sst-files-size") ?? 0)
                    + (database.figure("rocksdb.cur-size-all-mem-tables") ?? 0),
                (database.figure("rocksdb.cur-size-all-mem-tables") ?? 0)
                    + (database.figure("rocksdb.estimate-table-readers-mem") ?? 0)
                    + (database.cacheBytesUsed)
            )
        }
        return figures ?? (0, 0)
    }
}
