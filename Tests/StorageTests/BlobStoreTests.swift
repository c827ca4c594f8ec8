import Basis
import Glibc
import Records
import TestKit
import Testing
import Trust
import Wire

@testable import Storage

/// A blob store in a folder of its own, with a clock that tests set.
final class BlobBench {
    let scratch = Scratch()
    let time = Monitor<UInt64>(1_000_000)
    var store: Store
    var blobs: BlobStore
    let bytesMax: UInt64

    init(bytesMax: UInt64 = 1 << 30) throws {
        self.bytesMax = bytesMax
        (store, blobs) = try BlobBench.open(scratch, time, bytesMax)
    }

    deinit {
        blobs.close()
        store.close()
    }

    static func open(
        _ scratch: Scratch, _ time: Monitor<UInt64>, _ bytesMax: UInt64
    ) throws -> (Store, BlobStore) {
        let store = try Store(path: scratch.file("store"))
        let blobs = try BlobStore(
            path: scratch.file("blobs"), store: store, hashing: MixHashing(),
            settings: .init(bytesMax: bytesMax, freeBytesMin: 0), now: { time.withLock { $0 } })
        return (store, blobs)
    }

    func reopen() throws {
        blobs.close()
        store.close()
        (store, blobs) = try BlobBench.open(scratch, time, bytesMax)
    }

    func advance(_ milliseconds: UInt64) { time.withLock { $0 += milliseconds } }

    func path(_ id: BlobID) -> String {
        let name = TextID.base32(id.bytes)
        return scratch.file("blobs/\(name.prefix(2))/\(name.dropFirst(2))")
    }

    /// Random bytes, their id, leaves and root.
    func sample(_ count: Int, seed: UInt64) -> (
        bytes: [UInt8], id: BlobID, leaves: [Digest], root: Digest
    ) {
        var rng = SeededGenerator(seed: seed)
        let bytes = rng.bytes(count)
        let size = BlobTree.chunkBytes
        let leaves = (0..<BlobTree.chunkCount(length: UInt64(count))).map {
            BlobTree.leaf(
                $0, bytes[min($0 * size, count)..<min(count, ($0 + 1) * size)],
                hashing: MixHashing())
        }
        return (
            bytes, BlobTree.id(of: bytes, hashing: MixHashing()), leaves,
            BlobTree.root(leaves: leaves, hashing: MixHashing())
        )
    }

    func chunk(_ bytes: [UInt8], _ index: Int) -> [UInt8] {
        Array(bytes.dropFirst(index * BlobTree.chunkBytes).prefix(BlobTree.chunkBytes))
    }
}

@Suite struct BlobStoreTests {
    static let sizes = [0, 1, 4_096, 4_097, 262_143, 262_144, 262_145, 600_000]

    /// Shows that each way in gives the id of the bytes, and each way out the bytes, on both sides of every boundary:
    /// bytes, file, pieces of odd sizes; whole, ranges, chunks, export. It holds after opening anew.
    @Test(arguments: sizes) func everyWayInAndOutAgrees(_ size: Int) throws {
        let bench = try BlobBench()
        let sample = bench.sample(size, seed: UInt64(size))
        #expect(try !bench.blobs.holds(sample.id))
        #expect(try bench.blobs.put(sample.bytes) == sample.id)
        writeFile(bench.scratch.file("in"), sample.bytes)
        #expect(try bench.blobs.put(file: bench.scratch.file("in")) == sample.id)
        let writer = try bench.blobs.writer()
        for start in stride(from: 0, to: size, by: 99_991) {
            try writer.append(sample.bytes[start..<min(size, start + 99_991)])
        }
        #expect(try writer.finish(expecting: sample.id) == sample.id)
        #expect(bench.blobs.counts.blobs == 1)
        #expect(bench.blobs.counts.bytes == UInt64(size))
        #expect(bench.blobs.counts.reservedBytes == 0)
        #expect((access(bench.path(sample.id), F_OK) == 0) == (size > 4_096))
        if size > 4_096 {
            var status = stat()
            #expect(stat(bench.path(sample.id), &status) == 0 && status.st_mode & 0o777 == 0o444)
        }

        try bench.reopen()
        #expect(try bench.blobs.length(sample.id) == UInt64(size))
        #expect(try bench.blobs.info(sample.id)?.root == sample.root)
        #expect(try bench.blobs.leaves(sample.id) == sample.leaves)
        #expect(try bench.blobs.bytes(sample.id) == sample.bytes)
        try bench.blobs.verify(sample.id)
        var rng = SeededGenerator(seed: 1)
        for _ in 0..<4 {
            let from = Int.random(in: 0...size, using: &rng)
            let to = Int.random(in: from...size, using: &rng)
            #expect(
                try bench.blobs.read(sample.id, offset: UInt64(from), count: to - from)
                    == Array(sample.bytes[from..<to]))
        }
        #expect(
            failure { () throws(BlobError) in
                try bench.blobs.read(sample.id, offset: UInt64(size), count: 1)
            } == .outOfRange)
        for index in sample.leaves.indices {
            #expect(try bench.blobs.chunk(sample.id, index) == bench.chunk(sample.bytes, index))
        }
        let target = bench.scratch.file("out")
        try bench.blobs.export(sample.id, to: target)
        #expect(readFile(target) == sample.bytes)
        #expect(
            failure { () throws(BlobError) in try bench.blobs.export(sample.id, to: target) }
                == .exists(target))
        try bench.blobs.export(sample.id, to: target, isExecutable: true, force: true)
        #expect(access(target, X_OK) == 0)
        #expect(try bench.blobs.sweep() == BlobStore.Sweep())
    }

    /// Shows that other bytes than those expected are refused and leave nothing, as do too many and an early end.
    @Test func refusedWritersLeaveNothing() throws {
        let bench = try BlobBench()
        let (right, wrong) = (bench.sample(700_000, seed: 1), bench.sample(700_000, seed: 2))
        #expect(
            failure { () throws(BlobError) in try bench.blobs.put(wrong.bytes, expecting: right.id)
            }
                == .mismatch(wanted: right.id, found: wrong.id))
        let short = try bench.blobs.writer(length: 300_000)
        #expect(
            failure { () throws(BlobError) in try short.append(wrong.bytes) }
                == .tooLong(max: 300_000))
        let cancelled = try bench.blobs.writer()
        try cancelled.append(wrong.bytes)
        cancelled.cancel()
        #expect(
            failure { () throws(BlobError) in try bench.blobs.put(file: "/nowhere/x") }
                == .noSuchFile("/nowhere/x"))
        #expect(
            failure { () throws(BlobError) in try bench.blobs.put(file: "/dev/null") }
                == .notAFile("/dev/null"))
        #expect(bench.blobs.counts == BlobStore.Counts())
        #expect(
            bench.scratch.files(in: bench.scratch.file("blobs/tmp"), suffix: "").count == 2,
            "only . and ..")
    }

    /// Shows that damage is never returned: after one flipped bit, cut, or missing file, every way of reading the
    /// touched chunk throws, the file lies in `bad/`, and a pinned blob is wanted again; untouched chunks can be read.
    @Test(arguments: ["flip", "cut", "gone"]) func damagedBlobsAreTakenAway(_ kind: String) throws {
        let bench = try BlobBench()
        let sample = bench.sample(700_000, seed: 3)
        try bench.blobs.put(sample.bytes)
        try bench.blobs.pin(sample.id, .user, until: BlobStore.forever)
        let path = bench.path(sample.id)
        switch kind {
        case "flip": flipBit(path, at: 300_000)
        case "cut": writeFile(path, Array(sample.bytes[..<600_000]))
        default: unlink(path)
        }
        if kind != "gone" {
            #expect(try bench.blobs.chunk(sample.id, 0) == bench.chunk(sample.bytes, 0))
        }
        let error = failure { () throws(BlobError) in try bench.blobs.bytes(sample.id) }
        #expect(error == .damaged(sample.id, isPinned: true))
        #expect(try !bench.blobs.holds(sample.id))
        #expect(bench.blobs.counts.damaged == 1)
        #expect(bench.blobs.counts.bytes == 0)
        #expect(
            (access(bench.scratch.file("blobs/bad/") + TextID.base32(sample.id.bytes), F_OK) == 0)
                == (kind != "gone"))
        #expect(try bench.blobs.wanted(limit: 10) == [sample.id])
        // It can come again.
        try bench.blobs.put(sample.bytes)
        #expect(try bench.blobs.bytes(sample.id) == sample.bytes)
        #expect(try bench.blobs.wanted(limit: 10) == [])
    }

    /// Shows when a file is read again before it is bound: not while it is fresh and unchanged, but when it was
    /// changed, and after 24 h.
    @Test func filesAreCheckedBeforeTheyAreBound() throws {
        let bench = try BlobBench()
        let sample = bench.sample(300_000, seed: 4)
        try bench.blobs.put(sample.bytes)
        let began = bench.time.withLock { $0 }
        #expect(try bench.blobs.checkedPath(sample.id) == bench.path(sample.id))
        #expect(try bench.blobs.info(sample.id)?.lastCheck == began)
        bench.advance(BlobStore.checkMillisMax)
        _ = try bench.blobs.checkedPath(sample.id)
        #expect(try bench.blobs.info(sample.id)?.lastCheck == began + BlobStore.checkMillisMax)
        flipBit(bench.path(sample.id), at: 5)
        #expect(
            failure { () throws(BlobError) in try bench.blobs.checkedPath(sample.id) }
                == .damaged(sample.id, isPinned: false))
        #expect(
            try bench.blobs.checkedPath(bench.blobs.put([1, 2])) == nil, "small blobs have no file")
    }

    /// Shows E341: a blob that cannot fit is refused before a byte is written and nothing is collected for it; one
    /// that fits after a collection takes the place of the least recently used, never of a pinned or open one.
    @Test func theQuotaCollectsTheLeastRecentlyUsed() throws {
        let bench = try BlobBench(bytesMax: 1_000_000)
        var ids: [BlobID] = []
        for i in 0..<9 {
            ids.append(try bench.blobs.put(bench.sample(100_000, seed: UInt64(100 + i)).bytes))
            bench.advance(BlobStore.useMillisStep)
        }
        try bench.blobs.pin(ids[0], .lease(JobID(repeating: 1), index: 0), until: BlobStore.forever)
        let hold = try bench.blobs.hold(ids[1])
        try bench.blobs.touch(ids[2])
        let error = failure { () throws(BlobError) in try bench.blobs.writer(length: 850_000) }
        #expect(error == .full(used: 900_000, limit: 1_000_000, wanted: 850_000))
        #expect(error?.code == "E341")
        #expect(bench.blobs.counts.blobs == 9)

        let plan = try bench.blobs.collect(isDryRun: true)
        #expect(plan.blobs == [ids[3]], "900,000 to 850,000 bytes")
        try bench.blobs.put(bench.sample(200_000, seed: 200).bytes)
        #expect(
            try ids.map { try bench.blobs.holds($0) } == [
                true, true, true, false, true, true, true, true, true,
            ])
        #expect(bench.blobs.counts.bytes == 1_000_000)
        #expect(bench.blobs.usePermille == 1_000)
        withExtendedLifetime(hold) {}
    }

    /// Shows that the count of bytes survives opening anew and that quota holds for writers of unknown length: they
    /// stop within one chunk, and what they wrote is gone.
    @Test func writersOfUnknownLengthStopAtTheQuota() throws {
        let bench = try BlobBench(bytesMax: 600_000)
        try bench.blobs.put(bench.sample(10_000, seed: 1).bytes)
        try bench.reopen()
        #expect(bench.blobs.counts.bytes == 10_000)
        let writer = try bench.blobs.writer()
        var taken = 0
        var error: BlobError?
        while error == nil {
            error = failure { () throws(BlobError) in
                try writer.append([UInt8](repeating: 1, count: 50_000))
            }
            taken += 50_000
        }
        #expect(error?.code == "E341")
        #expect(taken <= 600_000 + BlobTree.chunkBytes)
        #expect(bench.blobs.counts.reservedBytes == 0)
    }

    /// Shows pins: they lapse, are replaced by reason, are listed, and keep a blob until the last is gone.
    @Test func pinsKeepUntilTheLastIsGone() throws {
        let bench = try BlobBench(bytesMax: 1_000_000)
        let id = try bench.blobs.put(bench.sample(900_000, seed: 1).bytes)
        let (lease, claim) = (
            BlobPinReason.lease(JobID(repeating: 1), index: 7),
            BlobPinReason.claim(JobID(repeating: 2), index: 0)
        )
        try bench.blobs.pin(id, lease, until: 1_000_500)
        try bench.blobs.pin(id, lease, until: 1_001_000)
        try bench.blobs.pin(id, claim, until: BlobStore.forever)
        try bench.blobs.pin(id, .runtime("python-3.12"), until: 1_000_100)
        #expect(
            Set(try bench.blobs.pins(id).map(\.reason)) == [lease, claim, .runtime("python-3.12")])
        bench.advance(999)
        #expect(try bench.blobs.pins(id).map(\.reason) == [lease, claim])
        #expect(try !bench.blobs.remove(id))
        try bench.blobs.unpin(id, claim)
        #expect(try bench.blobs.collect().blobs == [])
        bench.advance(1)
        try bench.blobs.removeLapsedPins()
        #expect(try bench.store.scan(.blobs, prefix: [3]).isEmpty)
        #expect(try bench.blobs.collect().blobs == [id])
        #expect(access(bench.path(id), F_OK) != 0)
    }

    /// Shows what a sweep puts right: files without record, records without file, and nothing else.
    @Test func sweepsRemoveHalves() throws {
        let bench = try BlobBench()
        let (kept, lost) = (bench.sample(300_000, seed: 1), bench.sample(300_000, seed: 2))
        try bench.blobs.put(kept.bytes)
        try bench.blobs.put(lost.bytes)
        try bench.blobs.put([1, 2, 3])
        unlink(bench.path(lost.id))
        let stray = bench.scratch.file("blobs/ab")
        mkdir(stray, 0o700)
        writeFile(stray + "/cdef", [1])
        writeFile(bench.scratch.file("blobs/partial/xyz"), [1])
        writeFile(bench.scratch.file("blobs/tmp/1-1"), [1])
        try bench.reopen()
        #expect(try bench.blobs.sweep() == BlobStore.Sweep(files: 1, records: 1, fetches: 1))
        #expect(try bench.blobs.holds(kept.id) && !bench.blobs.holds(lost.id))
        #expect(bench.blobs.counts.blobs == 2)
        #expect(access(stray + "/cdef", F_OK) != 0)
        #expect(access(bench.scratch.file("blobs/tmp/1-1"), F_OK) != 0)
        #expect(try bench.blobs.sweep() == BlobStore.Sweep())
    }

    /// Shows that work handed to the store's thread is done in order, off the caller's thread, and its errors arrive.
    @Test func asyncCallsRunOnTheStoresThread() async throws {
        let bench = try BlobBench()
        let blobs = bench.blobs
        let id = try await blobs.perform { (blobs) throws(BlobError) in try blobs.put([1, 2, 3]) }
        #expect(
            try await blobs.perform { (blobs) throws(BlobError) in try blobs.bytes(id) } == [
                1, 2, 3,
            ])
        await #expect(throws: BlobError.notFound(.zero)) {
            try await blobs.perform { (blobs) throws(BlobError) in try blobs.bytes(.zero) }
        }
    }
}
