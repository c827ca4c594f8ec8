import Basis
import Glibc
import Records
import Synchronization
import Testing

@testable import Storage

@Suite struct StoreTests {
    /// Shows that rows of every family survive closing and opening, by writing one to each.
    @Test func rowsSurviveReopening() throws {
        let scratch = Scratch()
        let store = try Store(path: scratch.file("store"))
        for family in Family.allCases {
            try store.writeAndWait(put(family, [1, 2], Array(family.rawValue.utf8)))
        }
        #expect(try store.get(.state, [9]) == nil)
        store.close()
        #expect(failure { () throws(StoreError) in try store.get(.state, [1, 2]) } == .closed)
        #expect(
            failure { () throws(StoreError) in try store.writeAndWait(put(.state, [1], [])) }
                == .closed)

        let again = try Store(path: scratch.file("store"))
        defer { again.close() }
        for family in Family.allCases {
            #expect(try again.get(family, [1, 2]) == Array(family.rawValue.utf8))
        }
    }

    /// Shows each form of scan against a sorted array, from seeds: prefix, bounds, direction, limit.
    @Test func scansAgreeWithASortedArray() throws {
        let scratch = Scratch()
        let store = try Store(path: scratch.file("store"))
        defer { store.close() }
        var rng = SeededGenerator(seed: 11)
        func key() -> [UInt8] {
            (0..<Int.random(in: 1...3, using: &rng)).map { _ in
                [0, 1, 7, 255].randomElement(using: &rng)!
            }
        }
        var rows: [[UInt8]: [UInt8]] = [:]
        var batch = StoreBatch(isSynced: false)
        for _ in 0..<60 {
            let (k, v) = (key(), rng.bytes(4))
            rows[k] = v
            batch.put(.state, k, v)
        }
        for _ in 0..<8 {
            let k = key()
            rows[k] = nil
            batch.delete(.state, k)
        }
        try store.writeAndWait(batch)
        let sorted = rows.keys.sorted { $0.lexicographicallyPrecedes($1) }
        for _ in 0..<400 {
            let prefix = Bool.random(using: &rng) ? key() : []
            let from = Bool.random(using: &rng) ? key() : nil
            let to = Bool.random(using: &rng) ? key() : nil
            let reverse = Bool.random(using: &rng)
            let limit = Int.random(in: 0...12, using: &rng)
            var want = sorted.filter { k in
                k.starts(with: prefix) && (from.map { !k.lexicographicallyPrecedes($0) } ?? true)
                    && (to.map { k.lexicographicallyPrecedes($0) } ?? true)
            }
            if reverse { want.reverse() }
            let got = try store.scan(
                .state, prefix: prefix, from: from, to: to, reverse: reverse, limit: limit)
            #expect(got == want.prefix(limit).map { StoreRow(key: $0, value: rows[$0]!) })
        }
    }

    /// Shows that a range is deleted from its start up to, not with, its end, and that a range that runs backwards
    /// deletes nothing and does not fail the batch.
    @Test func deleteRange() throws {
        let scratch = Scratch()
        let store = try Store(path: scratch.file("store"))
        defer { store.close() }
        var batch = StoreBatch(isSynced: false)
        for i in 0..<10 { batch.put(.index, [UInt8(i)], [1]) }
        try store.writeAndWait(batch)
        var removal = StoreBatch(isSynced: true)
        removal.deleteRange(.index, from: [3], to: [7])
        removal.deleteRange(.index, from: [9], to: [8])
        removal.delete(.index, [200])
        try store.writeAndWait(removal)
        #expect(try store.scan(.index).map(\.key) == [[0], [1], [2], [7], [8], [9]])
    }

    /// Shows group commit: while the first write is answered, 200 batches queue up; they are answered in the order in
    /// which they came, with far fewer writes and syncs than batches.
    @Test func queuedBatchesShareOneSync() throws {
        let scratch = Scratch()
        let store = try Store(path: scratch.file("store"))
        defer { store.close() }
        let gate = Monitor(false)
        let answers = Monitor<[Int]>([])
        store.write(put(.meta, [0], [0])) { _ in gate.wait { $0 ? .done(()) : .again } }
        for i in 0..<200 {
            store.write(put(.events, [UInt8(i)], [1], synced: i % 3 == 0)) { result in
                if case .success = result { answers.withLock { $0.append(i) } }
                answers.signal()
            }
        }
        gate.withLock { $0 = true }
        gate.signal()
        let order: [Int] = answers.wait { $0.count == 200 ? .done($0) : .again }
        #expect(order == Array(0..<200))
        #expect(store.counts.batches == 201)
        #expect(store.counts.groups <= 3)
        #expect(try store.scan(.events).count == 200)
    }

    /// Shows that a queue over its limit refuses, that everything after the refused batch is refused too (a block must
    /// not be stored whose parent was lost), and that `resume` ends that.
    @Test func aFullQueueStopsTheStoreUntilResume() throws {
        let scratch = Scratch()
        var settings = Store.Settings()
        settings.queueBytesMax = 2_000
        let store = try Store(path: scratch.file("store"), settings: settings)
        defer { store.close() }
        let gate = Monitor(false)
        let answers = Monitor<[StoreError?]>([])
        store.write(put(.meta, [0], [0])) { _ in gate.wait { $0 ? .done(()) : .again } }
        for i in 1...4 {
            let size = i == 3 ? 1_900 : 400
            store.write(put(.meta, [UInt8(i)], Array(repeating: 1, count: size))) { result in
                answers.withLock {
                    if case .failure(let error) = result {
                        $0.append(error)
                    } else {
                        $0.append(nil)
                    }
                }
                answers.signal()
            }
        }
        gate.withLock { $0 = true }
        gate.signal()
        let results: [StoreError?] = answers.wait { $0.count == 4 ? .done($0) : .again }
        #expect(results == [nil, nil, .overloaded, .overloaded])
        #expect(try store.get(.meta, [4]) == nil)
        try store.resumeAndWait()
        try store.writeAndWait(put(.meta, [4], [4]))
        #expect(try store.get(.meta, [4]) == [4])
    }

    /// Shows E707: a store with a higher format is refused, and not a byte of it changes.
    @Test func aNewerFormatIsRefusedUntouched() throws {
        let scratch = Scratch()
        let path = scratch.file("store")
        let store = try Store(path: path, format: 1)
        try store.writeAndWait(put(.meta, [1], [1]))
        store.close()
        writeFile(path + "/FORMAT", Array("2\n".utf8))
        let before = scratch.files(in: path + "/db", suffix: "").map {
            $0 + "\(readFile($0)?.count ?? -1)"
        }
        let error = failure { () throws(StoreError) in try Store(path: path, format: 1) }
        #expect(error == .newerFormat(found: 2, known: 1))
        #expect(error?.code == "E707")
        #expect(
            scratch.files(in: path + "/db", suffix: "").map { $0 + "\(readFile($0)?.count ?? -1)" }
                == before)
        let newer = try Store(path: path, format: 2)
        defer { newer.close() }
        #expect(try newer.get(.meta, [1]) == [1])
    }

    /// Shows that a second opening is refused as `locked`, and that the first goes on.
    @Test func oneStoreOneOwner() throws {
        let scratch = Scratch()
        let store = try Store(path: scratch.file("store"))
        defer { store.close() }
        guard
            case .locked = failure({ () throws(StoreError) in try Store(path: scratch.file("store"))
                })
        else {
            Issue.record("a second store was opened, or refused for another reason")
            return
        }
        try store.writeAndWait(put(.meta, [1], [1]))
    }

    /// Shows that damage is reported, not used: each bit flip in the data of a table file makes `get` throw `corrupt`
    /// or changes nothing, and `verify` names the family.
    @Test func flippedBitsAreReported() throws {
        let scratch = Scratch()
        let path = scratch.file("store")
        var rng = SeededGenerator(seed: 3)
        let value = rng.bytes(3_000)
        let store = try Store(path: path)
        var batch = StoreBatch(isSynced: true)
        for i in 0..<64 { batch.put(.state, [UInt8(i)], value) }
        try store.writeAndWait(batch)
        try store.flush(.state)
        #expect(try store.verify().isSound)
        store.close()
        let table = try #require(scratch.files(in: path + "/db", suffix: ".sst").first)
        flipBit(table, at: 10_000)

        let damaged = try Store(path: path)
        defer { damaged.close() }
        var wrong = 0
        for i in 0..<64 {
            do throws(StoreError) {
                #expect(try damaged.get(.state, [UInt8(i)]) == value)
            } catch {
                guard case .corrupt = error else { throw error }
                wrong += 1
            }
        }
        #expect(wrong > 0, "the flipped bit lies in some row")
        let report = try damaged.verify()
        #expect(!report.isSound)
        #expect(report.parts.filter { $0.damage != nil }.map(\.family) == [.state])
    }

    /// Shows that a flipped bit in the middle of the log is an error at open: rows after it were acknowledged, and
    /// must not be dropped silently.
    @Test func aDamagedLogIsReported() throws {
        let scratch = Scratch()
        let path = scratch.file("store")
        let store = try Store(path: path)
        for i in 0..<20 {
            try store.writeAndWait(put(.state, [UInt8(i)], Array(repeating: 7, count: 500)))
        }
        // A copy of the files as a crash would leave them: no orderly close.
        let copy = scratch.file("copy")
        mkdir(copy, 0o700)
        mkdir(copy + "/db", 0o700)
        writeFile(copy + "/FORMAT", readFile(path + "/FORMAT")!)
        for file in scratch.files(in: path + "/db", suffix: "")
        where !file.hasSuffix("/.") && !file.hasSuffix("/..") {
            writeFile(copy + "/db/" + file.split(separator: "/").last!, readFile(file)!)
        }
        store.close()
        let log = try #require(scratch.files(in: copy + "/db", suffix: ".log").last)
        flipBit(log, at: 3_000)
        guard case .corrupt = failure({ () throws(StoreError) in try Store(path: copy) }) else {
            Issue.record("a damaged log was opened")
            return
        }
    }

    /// Shows that a checkpoint is a store of its own with everything that was written.
    @Test func checkpointsOpenAlone() throws {
        let scratch = Scratch()
        let store = try Store(path: scratch.file("store"))
        defer { store.close() }
        try store.writeAndWait(put(.state, [1], [1]))
        try store.checkpoint(to: scratch.file("copy"))
        try store.writeAndWait(put(.state, [2], [2]))
        let copy = try Store(path: scratch.file("copy"))
        defer { copy.close() }
        #expect(try copy.scan(.state).map(\.key) == [[1]])
        #expect(
            failure { () throws(StoreError) in try store.checkpoint(to: scratch.file("copy")) }
                != nil)
    }

    /// Shows that the memory of an open, idle store stays small: write buffers and tables together.
    @Test func anIdleStoreIsSmall() throws {
        let scratch = Scratch()
        let store = try Store(path: scratch.file("store"))
        defer { store.close() }
        try store.writeAndWait(put(.state, [1], [1]))
        #expect(store.usage.memoryBytes < 2_097_152, "\(store.usage)")
    }
}
