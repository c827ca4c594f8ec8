import Basis
import Glibc
import Records
import TestKit
import Testing
import Trust

@testable import Storage

/// What the copies of this program do that `CrashTests` kills. In an ordinary run there is nothing to do here.
@Suite struct CrashChild {
    @Test(.enabled(if: getenv("PEERNODE_CRASH_MODE") != nil, "only in the children of CrashTests"))
    func workUntilKilled() throws {
        let mode = String(cString: getenv("PEERNODE_CRASH_MODE"))
        let folder = String(cString: getenv("PEERNODE_CRASH_FOLDER"))
        let store = try Store(path: folder + "/store")
        switch mode {
        case "store": try CrashChild.writeBatches(store)
        case "log": try CrashChild.appendEvents(store)
        case "blobs": try CrashChild.putBlobs(store, folder)
        default: Issue.record("mode \(mode)")
        }
    }

    /// Batch i has one row in each of three families and one that all batches overwrite; it says i when acknowledged.
    static func batch(_ i: UInt64) -> StoreBatch {
        let key = StoreKey().u64(i).bytes
        var batch = StoreBatch(isSynced: true)
        batch.put(.state, key, Array(repeating: UInt8(truncatingIfNeeded: i), count: 700))
        batch.put(.blocks, key, Array(repeating: UInt8(truncatingIfNeeded: i &* 3), count: 300))
        batch.put(.events, key, key)
        batch.put(.meta, [1], key)
        if i >= 10 { batch.delete(.index, StoreKey().u64(i - 10).bytes) }
        batch.put(.index, key, [])
        return batch
    }

    static func writeBatches(_ store: Store) throws {
        let start = try store.get(.meta, [1]).map { $0.reduce(0) { $0 << 8 | UInt64($1) } + 1 } ?? 0
        let waiting = Monitor(0)
        for i in start... {
            // A handful at once, so that groups of several batches are cut too.
            waiting.wait { $0 < 7 ? .done($0 += 1) : .again }
            store.write(batch(i)) { result in
                if case .success = result { Child.say("\(i)") }
                waiting.withLock { $0 -= 1 }
                waiting.signal()
            }
        }
    }

    static func appendEvents(_ store: Store) throws {
        var settings = PackedLog.Settings()
        settings.blockEventsMax = 50
        settings.pendingBytesMax = 100_000
        let log = try PackedLog(
            store: store, network: .zero, signer: MixSigner(seed: 5), verifier: MixVerifier(),
            hashing: MixHashing(), settings: settings, onDurable: { Child.say("\($0)") })
        var i = log.durable
        while true {
            do throws(PackedLogError) {
                try log.append(
                    LogStream(repeating: UInt8(i % 5)), time: 1_000 + i / 10,
                    StoreKey().u64(i).bytes)
                i += 1
            } catch {
                guard error == .busy else { throw error }
                log.waitForRoom()
            }
        }
    }

    static func putBlobs(_ store: Store, _ folder: String) throws {
        let blobs = try BlobStore(
            path: folder + "/blobs", store: store, hashing: MixHashing(),
            settings: .init(bytesMax: 1 << 40, freeBytesMin: 0))
        var rng = SeededGenerator(seed: UInt64(getpid()))
        while true {
            let sizes = [0, 100, 4_096, 4_097, 70_000, 262_144, 262_145, 600_000]
            let bytes = rng.bytes(sizes.randomElement(using: &rng)!)
            Child.say(try blobs.put(bytes).hex)
        }
    }
}

@Suite(.serialized) struct CrashTests {
    /// Shows the write rule under kill -9: a child writes batches and is killed at random moments, eight times over
    /// the same store. Each acknowledged batch is there whole; each batch that is there at all is there whole.
    @Test func acknowledgedBatchesSurviveKills() throws {
        let scratch = Scratch()
        var rng = SeededGenerator(seed: 21)
        var acknowledged: UInt64 = 0
        for _ in 0..<8 {
            let lines = Child.linesUntilKilled(
                mode: "store", folder: scratch.path, lines: Int.random(in: 1...150, using: &rng))
            let newest = try #require(
                lines.compactMap { UInt64($0) }.max(), "the child wrote nothing")
            #expect(newest >= acknowledged)
            acknowledged = newest
            let store = try Store(path: scratch.file("store"))
            defer { store.close() }
            let there = try store.scan(.state).count
            #expect(UInt64(there) > acknowledged)
            for i in 0..<UInt64(there) {
                for case .put(let family, let key, let value) in CrashChild.batch(i).operations
                where family != .meta && (family != .index || i + 10 >= there) {
                    #expect(try store.get(family, key) == value, "batch \(i), \(family)")
                }
            }
            #expect(try store.scan(.blocks).count == there)
            #expect(try store.scan(.events).count == there)
            #expect(try store.scan(.index).count == min(there, 10))
            #expect(try store.get(.meta, [1]) == StoreKey().u64(UInt64(there) - 1).bytes)
        }
    }

    /// Shows the same for the packed log: every acknowledged event is there, the chain of blocks is whole, and the
    /// log says that it was not closed.
    @Test func acknowledgedEventsSurviveKills() throws {
        let scratch = Scratch()
        var rng = SeededGenerator(seed: 22)
        for _ in 0..<4 {
            let lines = Child.linesUntilKilled(
                mode: "log", folder: scratch.path, lines: Int.random(in: 1...15, using: &rng))
            let acknowledged = try #require(
                lines.compactMap { UInt64($0) }.max(), "nothing acknowledged")
            let store = try Store(path: scratch.file("store"))
            defer { store.close() }
            let log = try PackedLog(
                store: store, network: .zero, signer: MixSigner(seed: 5), verifier: MixVerifier(),
                hashing: MixHashing())
            defer { log.close() }
            #expect(log.recovery == .unclean(next: log.durable))
            #expect(log.durable >= acknowledged)
            #expect(try log.verify() == log.durable)
            let newest = try log.read(after: acknowledged - 1, limit: 1)
            #expect(newest.first?.bytes == StoreKey().u64(acknowledged - 1).bytes)
        }
    }

    /// Shows the same for blobs: every acknowledged blob is whole, and after a sweep there is a file for each record
    /// and a record for each file.
    @Test func acknowledgedBlobsSurviveKills() throws {
        let scratch = Scratch()
        var rng = SeededGenerator(seed: 23)
        var acknowledged: Set<String> = []
        for _ in 0..<5 {
            let lines = Child.linesUntilKilled(
                mode: "blobs", folder: scratch.path, lines: Int.random(in: 1...25, using: &rng))
            #expect(!lines.isEmpty)
            acknowledged.formUnion(lines)
            let store = try Store(path: scratch.file("store"))
            defer { store.close() }
            let blobs = try BlobStore(
                path: scratch.file("blobs"), store: store, hashing: MixHashing(),
                settings: .init(bytesMax: 1 << 40, freeBytesMin: 0))
            defer { blobs.close() }
            _ = try blobs.sweep()
            #expect(
                scratch.files(in: scratch.file("blobs/tmp"), suffix: "").filter {
                    !$0.hasSuffix(".")
                } == [])
            for hex in acknowledged { try blobs.verify(BlobID(hex: hex)!) }
            #expect(try blobs.sweep() == BlobStore.Sweep())
            for info in try blobs.list(limit: .max) { try blobs.verify(info.id) }
        }
    }
}
