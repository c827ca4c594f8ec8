import Basis
import Records
import TestKit
import Testing
import Trust
import Wire

@testable import Storage

@Suite struct PackedLogTests {
    final class Bench {
        let scratch = Scratch()
        let acknowledged = Monitor<[UInt64]>([])
        var store: Store
        var log: PackedLog

        init() throws {
            store = try Store(path: scratch.file("store"))
            log = try Bench.open(store, acknowledged)
        }

        deinit {
            log.close()
            store.close()
        }

        static func open(_ store: Store, _ acknowledged: Monitor<[UInt64]>) throws -> PackedLog {
            var settings = PackedLog.Settings()
            settings.blockEventsMax = 20
            settings.blockBytesMax = 2_000
            return try PackedLog(
                store: store, network: NetworkID(repeating: 1), signer: MixSigner(seed: 1),
                verifier: MixVerifier(),
                hashing: MixHashing(), settings: settings,
                onDurable: { next in acknowledged.withLock { $0.append(next) } })
        }

        func reopen() throws {
            log.close()
            store.close()
            store = try Store(path: scratch.file("store"))
            log = try Bench.open(store, acknowledged)
        }

        /// Appends `count` events over three streams with times that sometimes stand still or go back.
        func fill(_ count: Int, seed: UInt64) throws -> [LogEvent] {
            var rng = SeededGenerator(seed: seed)
            var events: [LogEvent] = []
            var time: UInt64 = 1_000
            for _ in 0..<count {
                time += UInt64.random(in: 0...2, using: &rng)
                let given = Int.random(in: 0..<9, using: &rng) == 0 ? time - 5 : time
                let stream = LogStream(repeating: UInt8.random(in: 1...3, using: &rng))
                let bytes = rng.bytes(Int.random(in: 0...120, using: &rng))
                let sequence = try log.append(stream, time: given, bytes)
                let newest = max(given, events.last?.time ?? 0)
                events.append(
                    LogEvent(sequence: sequence, stream: stream, time: newest, bytes: bytes))
            }
            try log.sync()
            return events
        }
    }

    /// Shows that what was appended can be read by stream and range of time, against a plain filter, before and after
    /// opening anew; acknowledgements rise and reach the end.
    @Test func readsAgreeWithAFilter() throws {
        let bench = try Bench()
        let events = try bench.fill(700, seed: 1)
        #expect(bench.log.recovery == .clean)
        #expect(bench.log.durable == 700)
        let said = bench.acknowledged.withLock { $0 }
        #expect(said == said.sorted() && said.last == 700)
        for round in 0..<2 {
            if round == 1 { try bench.reopen() }
            #expect(bench.log.recovery == .clean)
            #expect(try bench.log.read() == events)
            #expect(try bench.log.verify() == 700)
            var rng = SeededGenerator(seed: 2)
            for _ in 0..<60 {
                let stream =
                    Bool.random(using: &rng)
                    ? LogStream(repeating: UInt8.random(in: 1...4, using: &rng)) : nil
                let from = UInt64.random(in: 990...1_750, using: &rng)
                let to = UInt64.random(in: 990...1_750, using: &rng)
                let after = Bool.random(using: &rng) ? UInt64.random(in: 0...700, using: &rng) : 0
                let limit = Int.random(in: 1...200, using: &rng)
                let want = events.filter {
                    (stream == nil || $0.stream == stream) && $0.time >= from && $0.time < to
                        && $0.sequence >= after
                }.prefix(limit)
                #expect(
                    try bench.log.read(stream, from: from, to: to, after: after, limit: limit)
                        == Array(want))
            }
        }
    }

    /// Shows that a block that was changed is never returned: each of 300 mutations of a stored block, among them of
    /// payload, time, stream, sequence, root and signature, is reported; so is a block under another key.
    @Test func changedBlocksAreReported() throws {
        let bench = try Bench()
        let events = try bench.fill(40, seed: 3)
        let rows = try bench.store.scan(.packed, prefix: [1])
        let row = try #require(rows.first)
        var rng = SeededGenerator(seed: 4)
        for i in 0..<300 {
            var bytes = row.value
            bytes[i < bytes.count ? i * bytes.count / 300 : 0] ^=
                1 << UInt8.random(in: 0..<8, using: &rng)
            try bench.store.writeAndWait(put(.packed, row.key, bytes, synced: false))
            guard
                case .damaged(0, _) = failure({ () throws(PackedLogError) in try bench.log.read() })
            else {
                Issue.record("a changed block was read: byte \(i * bytes.count / 300)")
                continue
            }
        }
        try bench.store.writeAndWait(put(.packed, row.key, row.value))
        #expect(try bench.log.read() == events)
        var moved = put(.packed, PackedLogReader.key(time: 1, sequence: 0), row.value)
        moved.delete(.packed, row.key)
        try bench.store.writeAndWait(moved)
        #expect(failure { () throws(PackedLogError) in try bench.log.verify() } != nil)
    }

    /// Shows that a block of another key, network or signer is refused, and that a missing block is a gap.
    @Test func foreignAndMissingBlocksAreReported() throws {
        let bench = try Bench()
        _ = try bench.fill(100, seed: 5)
        let rows = try bench.store.scan(.packed, prefix: [1])
        #expect(rows.count > 3)
        func open(_ signer: UInt64, _ network: UInt8) -> PackedBlock.Fault? {
            failure { () throws(PackedBlock.Fault) in
                try PackedBlock.open(
                    rows[0].value, signer: MixSigner(seed: signer).publicKey,
                    network: NetworkID(repeating: network),
                    verifier: MixVerifier(), hashing: MixHashing())
            }
        }
        #expect(open(1, 1) == nil)
        #expect(open(2, 1) == .wrongSignature)
        #expect(open(1, 2) == .wrongSignature)
        var removal = StoreBatch(isSynced: true)
        removal.delete(.packed, rows[1].key)
        try bench.store.writeAndWait(removal)
        let sequences = rows.map { PackedLogReader.sequence(inKey: $0.key) }
        #expect(
            failure { () throws(PackedLogError) in try bench.log.verify() }
                == .gap(expected: sequences[1], found: sequences[2]))
    }

    /// Shows that a damaged end is noticed when the log is opened, that new events do not reuse its sequences, and that
    /// the gap stays visible.
    @Test(arguments: ["missing", "changed", "tail"]) func aTornEndIsNoticed(_ kind: String) throws {
        let bench = try Bench()
        _ = try bench.fill(100, seed: 6)
        bench.log.close()
        let last = try #require(
            try bench.store.scan(.packed, prefix: [1], reverse: true, limit: 1).first)
        let begin = PackedLogReader.sequence(inKey: last.key)
        switch kind {
        case "missing":
            var removal = StoreBatch(isSynced: true)
            removal.delete(.packed, last.key)
            try bench.store.writeAndWait(removal)
        case "changed":
            try bench.store.writeAndWait(put(.packed, last.key, Array(last.value.dropLast(9))))
        default: try bench.store.writeAndWait(put(.meta, PackedLog.tailKey, [1, 2, 3]))
        }
        bench.log = try Bench.open(bench.store, bench.acknowledged)
        switch kind {
        case "missing": #expect(bench.log.recovery == .torn(expected: 100, found: begin))
        case "changed": #expect(bench.log.recovery == .torn(expected: 100, found: 0))
        default: #expect(bench.log.recovery == .torn(expected: 100, found: 100))
        }
        #expect(try bench.log.append(LogStream(repeating: 1), time: 1, [1]) == 100)
        try bench.log.sync()
        #expect(
            (failure { () throws(PackedLogError) in try bench.log.verify() } == nil)
                == (kind == "tail"))
    }

    /// Shows that old blocks are removed and what reaches beyond the edge stays.
    @Test func pruneKeepsWhatReachesBeyond() throws {
        let bench = try Bench()
        let events = try bench.fill(400, seed: 7)
        let edge = events[200].time
        try bench.log.prune(before: edge)
        let left = try bench.log.read()
        #expect(left.count < 230)
        #expect(left.filter { $0.time >= edge } == events.filter { $0.time >= edge })
        #expect(try bench.log.verify() == UInt64(left.count))
    }

    /// Shows the limits: a large event and a full queue are refused and take no sequence.
    @Test func limitsAreTyped() throws {
        let bench = try Bench()
        #expect(
            failure { () throws(PackedLogError) in
                try bench.log.append(
                    .zero, time: 1, Array(repeating: 0, count: PackedBlock.eventBytesMax + 1))
            } == .tooLong(PackedBlock.eventBytesMax + 1))
        #expect(try bench.log.append(.zero, time: 1, []) == 0)
        bench.log.close()
        #expect(
            failure { () throws(PackedLogError) in try bench.log.append(.zero, time: 1, []) }
                == .closed)
        bench.log = try Bench.open(bench.store, bench.acknowledged)
    }

    /// Shows the layout of a block by its bytes, and the decoder from seeds: each accepted mutation encodes to itself.
    @Test func blockLayout() throws {
        let block = PackedBlock(
            sealing: [
                LogEvent(
                    sequence: 7, stream: LogStream(repeating: 0xaa), time: 1_000, bytes: [1, 2, 3]),
                LogEvent(sequence: 8, stream: LogStream(repeating: 0xbb), time: 1_001, bytes: []),
                LogEvent(sequence: 9, stream: LogStream(repeating: 0xaa), time: 1_001, bytes: [4]),
            ], previous: Digest(repeating: 0x11), network: NetworkID(repeating: 1),
            signer: MixSigner(seed: 1),
            hashing: MixHashing())
        let text =
            "01" + "0700000000000000" + String(repeating: "11", count: 32) + "02000000"
            + String(repeating: "aa", count: 32) + String(repeating: "bb", count: 32) + "03000000"
            + "0000" + "e803000000000000" + "03000000" + "010203" + "0100" + "e903000000000000"
            + "00000000"
            + "0000" + "e903000000000000" + "01000000" + "04" + block.root.hex
            + block.signature.bytes.hex
        #expect(block.encoded.hex == text)
        #expect(try PackedBlock(decoding: block.encoded) == block)
        var rng = SeededGenerator(seed: 9)
        var accepted = 0
        for _ in 0..<4_000 {
            var bytes = block.encoded
            for _ in 0..<Int.random(in: 1...2, using: &rng) {
                bytes[Int.random(in: 0..<bytes.count, using: &rng)] = UInt8.random(
                    in: 0...255, using: &rng)
            }
            if Int.random(in: 0..<5, using: &rng) == 0 {
                bytes.removeLast(Int.random(in: 1..<bytes.count, using: &rng))
            }
            if let other = try? PackedBlock(decoding: bytes) {
                accepted += 1
                #expect(other.encoded == bytes)
            }
        }
        #expect(accepted > 100)
    }

    /// Shows that the fast root is that of `MerkleTree`, for every count up to 70, so that a path proves an event.
    @Test func rootsAreThoseOfTheMerkleTree() {
        var rng = SeededGenerator(seed: 10)
        for count in 1...70 {
            let events = (0..<count).map {
                LogEvent(
                    sequence: UInt64($0), stream: LogStream(Bytes32(rng.bytes(32))!),
                    time: rng.next(),
                    bytes: rng.bytes(Int.random(in: 0...40, using: &rng)))
            }
            let tree = MerkleTree(
                leafTag: PackedBlock.leafTag, items: events.map(\.leafItem), hashing: MixHashing())
            let root = PackedBytes.root(of: events, hashing: MixHashing())
            #expect(root == tree.root(hashing: MixHashing()))
            #expect(
                tree.path(of: count / 2).proves(
                    events[count / 2].leafItem, at: count / 2, of: count, root: root,
                    leafTag: PackedBlock.leafTag,
                    hashing: MixHashing()))
        }
    }

    /// Shows that a log whose store failed acknowledges nothing more, drops what was not acknowledged, and goes on
    /// without a gap after both were resumed.
    @Test(.enabled(if: SmallDisk.isThere, "SKIPPED: a tmpfs cannot be mounted here (needs root)"))
    func theLogGoesOnAfterAFullDisk() throws {
        let disk = try #require(SmallDisk(megabytes: 64))
        let store = try Store(path: disk.path + "/store")
        defer { store.close() }
        let acknowledged = Monitor<[UInt64]>([])
        let log = try Bench.open(store, acknowledged)
        defer { log.close() }
        for i in 0..<50 { try log.append(.zero, time: UInt64(i), [1]) }
        try log.sync()
        let free = try #require(Paths.freeBytes(disk.path))
        writeFile(disk.path + "/filler", Array(repeating: 1, count: Int(free) - 30_000_000))
        try log.append(.zero, time: 60, [2])
        #expect(failure { () throws(PackedLogError) in try log.sync() } == .store(.diskFull))
        #expect(
            failure { () throws(PackedLogError) in try log.append(.zero, time: 61, [3]) }
                == .store(.diskFull))
        #expect(try log.read().count == 50)
        Scratch.remove(disk.path + "/filler")
        try store.resumeAndWait()
        try log.resume()
        #expect(try log.append(.zero, time: 62, [4]) == 50)
        try log.sync()
        #expect(try log.verify() == 51)
        #expect(acknowledged.withLock { $0.last } == 51)
    }
}
