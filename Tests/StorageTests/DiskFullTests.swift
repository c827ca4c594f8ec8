import Basis
import Glibc
import Records
import TestKit
import Testing
import Trust

@testable import Storage

/// A small file system of its own: needs root.
final class SmallDisk {
    let path: String
    private let scratch = Scratch()

    init?(megabytes: Int) {
        path = scratch.file("disk")
        mkdir(path, 0o700)
        guard getuid() == 0,
            Child.run("mount", ["-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", path])
        else { return nil }
    }

    deinit { _ = Child.run("umount", ["-l", path]) }

    static let isThere = SmallDisk(megabytes: 1) != nil
}

@Suite(
    .serialized,
    .enabled(if: SmallDisk.isThere, "SKIPPED: a tmpfs cannot be mounted here (needs root)"))
struct DiskFullTests {
    /// Shows the reserve: with less space than `freeBytesMin` a write fails with `diskFull` before anything is
    /// written, reads go on, deletes pass, and after `resume` writing goes on. `resume` fails while the disk is full.
    @Test func belowTheReserveNothingIsWritten() throws {
        let disk = try #require(SmallDisk(megabytes: 64))
        let store = try Store(path: disk.path + "/store")
        defer { store.close() }
        try store.writeAndWait(put(.state, [1], [1]))
        let free = try #require(Paths.freeBytes(disk.path))
        writeFile(disk.path + "/filler", Array(repeating: 1, count: Int(free) - 30_000_000))

        #expect(
            failure { () throws(StoreError) in try store.writeAndWait(put(.state, [2], [2])) }
                == .diskFull)
        #expect(StoreError.diskFull.code == "E341")
        #expect(failure { () throws(StoreError) in try store.resumeAndWait() } == .diskFull)
        #expect(try store.get(.state, [1]) == [1])
        #expect(try store.get(.state, [2]) == nil)

        unlink(disk.path + "/filler")
        // Still refused: who lost a batch has to know before others are written.
        #expect(
            failure { () throws(StoreError) in try store.writeAndWait(put(.state, [3], [3])) }
                == .diskFull)
        try store.resumeAndWait()
        try store.writeAndWait(put(.state, [3], [3]))
        #expect(try store.scan(.state).map(\.key) == [[1], [3]])
    }

    /// Shows that deletes pass below the reserve, so that a full disk can be emptied.
    @Test func deletesPassBelowTheReserve() throws {
        let disk = try #require(SmallDisk(megabytes: 64))
        let store = try Store(path: disk.path + "/store")
        defer { store.close() }
        try store.writeAndWait(put(.state, [1], [1]))
        let free = try #require(Paths.freeBytes(disk.path))
        writeFile(disk.path + "/filler", Array(repeating: 1, count: Int(free) - 30_000_000))
        var removal = StoreBatch(isSynced: true)
        removal.delete(.state, [1])
        try store.writeAndWait(removal)
        #expect(try store.get(.state, [1]) == nil)
    }

    /// Shows the end of the disk itself, without a reserve: the write fails with `diskFull`, everything acknowledged
    /// can be read then, after `resume`, and after opening anew; writing goes on when there is space.
    @Test func theRealEndOfTheDiskLosesNothingAcknowledged() throws {
        let disk = try #require(SmallDisk(megabytes: 24))
        var settings = Store.Settings()
        settings.freeBytesMin = 0
        settings.writeBufferBytes = 2_097_152
        var store = try Store(path: disk.path + "/store", settings: settings)
        let filler = disk.path + "/filler"
        writeFile(filler, Array(repeating: 1, count: 12_582_912))
        var rng = SeededGenerator(seed: 4)
        var acknowledged: [[UInt8]] = []
        var error: StoreError?
        while error == nil && acknowledged.count < 3_000 {
            let value = rng.bytes(20_000)
            error = failure { () throws(StoreError) in
                try store.writeAndWait(
                    put(.state, StoreKey().u32(UInt32(acknowledged.count)).bytes, value))
            }
            if error == nil { acknowledged.append(value) }
        }
        #expect(error == .diskFull)
        #expect(acknowledged.count > 50)
        func check() throws {
            for (i, value) in acknowledged.enumerated() {
                #expect(try store.get(.state, StoreKey().u32(UInt32(i)).bytes) == value)
            }
        }
        try check()
        #expect(
            failure { () throws(StoreError) in try store.writeAndWait(put(.meta, [1], [1])) } != nil
        )
        unlink(filler)
        try store.resumeAndWait()
        try check()
        try store.writeAndWait(put(.meta, [1], [1]))
        store.close()
        store = try Store(path: disk.path + "/store", settings: settings)
        try check()
        #expect(try store.get(.meta, [1]) == [1])
        store.close()
    }

    /// Shows a blob that meets the end of the disk: the writer fails, its file is gone, other blobs can be read.
    @Test func aBlobThatDoesNotFitLeavesNothing() throws {
        let disk = try #require(SmallDisk(megabytes: 24))
        var settings = Store.Settings()
        settings.freeBytesMin = 0
        let store = try Store(path: disk.path + "/store", settings: settings)
        defer { store.close() }
        let blobs = try BlobStore(
            path: disk.path + "/blobs", store: store, hashing: MixHashing(),
            settings: .init(bytesMax: 1 << 40, freeBytesMin: 4_194_304))
        defer { blobs.close() }
        let small = try blobs.put(Array(repeating: 7, count: 300_000))
        let pinned = try blobs.put(Array(repeating: 8, count: 300_000))
        try blobs.pin(pinned, .user, until: BlobStore.forever)
        // Announced: refused before a byte is written.
        guard
            case .full = failure({ () throws(BlobError) in try blobs.writer(length: 100_000_000) })
        else {
            Issue.record("100 MB were accepted on a disk of 24")
            return
        }
        #expect(try blobs.holds(small), "nothing is collected in vain")
        let writer = try blobs.writer()
        let chunk = [UInt8](repeating: 1, count: BlobTree.chunkBytes)
        var error: BlobError?
        while error == nil { error = failure { () throws(BlobError) in try writer.append(chunk) } }
        #expect(error?.code == "E341")
        #expect(try blobs.bytes(pinned) == Array(repeating: 8, count: 300_000))
        #expect(blobs.counts.reservedBytes == 0)
        #expect(try #require(Paths.freeBytes(disk.path)) > 10_000_000)
    }
}
