import Basis
import Glibc
import Records
import TestKit
import Testing
import Trust

@testable import Storage

@Suite struct BlobFetchTests {
    /// Shows a fetch: chunks in any order with proofs make the blob; a wrong chunk, proof, index or length is refused
    /// and stores nothing. For blobs of one to four chunks; `BlobProofTests` has the larger trees.
    @Test(arguments: [0, 3_000, 262_144, 262_145, 800_000])
    func chunksInAnyOrderMakeTheBlob(_ size: Int) throws {
        let bench = try BlobBench()
        let sample = bench.sample(size, seed: UInt64(size) + 1)
        let levels = BlobTree.Levels(leaves: sample.leaves, hashing: MixHashing())
        let fetch = try bench.blobs.fetch(sample.id, length: UInt64(size), root: sample.root)
        var rng = SeededGenerator(seed: 8)
        for index in sample.leaves.indices.shuffled(using: &rng) {
            let (chunk, proof) = (bench.chunk(sample.bytes, index), levels.proof(of: index))
            var wrong: [(Int, [UInt8], [Digest])] = [
                (index, chunk + [0], proof), (index, chunk, proof + [.zero]), (-1, chunk, proof),
                (sample.leaves.count, chunk, proof),
            ]
            if !chunk.isEmpty { wrong.append((index, chunk.dropLast() + [chunk.last! ^ 1], proof)) }
            if !proof.isEmpty { wrong.append((index, chunk, Array(proof.dropLast()))) }
            if sample.leaves.count > 1 { wrong.append((index ^ 1, chunk, proof)) }
            for (i, bytes, path) in wrong {
                #expect(
                    failure { () throws(BlobError) in try fetch.add(i, bytes, proof: path) }
                        == .badChunk(index: i))
            }
            #expect(!fetch.has(index))
            #expect(try fetch.add(index, chunk, proof: proof))
            #expect(try !fetch.add(index, chunk, proof: proof), "the second time it is not new")
        }
        #expect(fetch.missingCount == 0)
        try fetch.finish()
        #expect(try bench.blobs.bytes(sample.id) == sample.bytes)
        #expect(bench.blobs.counts.reservedBytes == 0)
        #expect(bench.blobs.counts.bytes == UInt64(size))
        #expect(try bench.blobs.fetches() == [])
        #expect(try bench.store.scan(.blobs, prefix: [6]).isEmpty)
        #expect(try bench.blobs.sweep() == BlobStore.Sweep())
    }

    /// Shows that a fetch goes on after a restart with the chunks it had, but for those whose bytes the disk lost or
    /// changed meanwhile: they count as missing.
    @Test func verifiedChunksSurviveARestart() throws {
        let bench = try BlobBench()
        let sample = bench.sample(1_500_000, seed: 5)
        let levels = BlobTree.Levels(leaves: sample.leaves, hashing: MixHashing())
        do {
            let fetch = try bench.blobs.fetch(sample.id, length: 1_500_000, root: sample.root)
            for index in [0, 2, 3, 5] {
                try fetch.add(
                    index, bench.chunk(sample.bytes, index), proof: levels.proof(of: index))
            }
            #expect(
                failure { () throws(BlobError) in
                    try bench.blobs.fetch(sample.id, length: 1_500_000, root: sample.root)
                }
                    == .exists(TextID.text(.blob, sample.id.raw)))
        }
        try bench.reopen()
        flipBit(
            bench.scratch.file("blobs/partial/") + TextID.base32(sample.id.bytes),
            at: 2 * 262_144 + 9)
        #expect(try bench.blobs.sweep() == BlobStore.Sweep(), "a fetch that goes on is no leftover")
        #expect(try bench.blobs.fetches() == [sample.id])
        let fetch = try #require(try bench.blobs.resumeFetch(sample.id))
        #expect(fetch.missing() == [1, 2, 4])
        #expect(bench.blobs.counts.reservedBytes == 1_500_000)
        for index in fetch.missing() {
            try fetch.add(index, bench.chunk(sample.bytes, index), proof: levels.proof(of: index))
        }
        try fetch.finish()
        #expect(try bench.blobs.bytes(sample.id) == sample.bytes)
    }

    /// Shows what is refused before anything is written: a length or root that does not give the id, and too much.
    @Test func fetchesThatCannotBeAreRefused() throws {
        let bench = try BlobBench(bytesMax: 1_000_000)
        let sample = bench.sample(900_000, seed: 6)
        guard
            case .mismatch = failure({ () throws(BlobError) in
                try bench.blobs.fetch(sample.id, length: 900_001, root: sample.root)
            }),
            case .tooLong = failure({ () throws(BlobError) in
                try bench.blobs.fetch(sample.id, length: .max, root: sample.root)
            })
        else {
            Issue.record("accepted")
            return
        }
        let fetch = try bench.blobs.fetch(sample.id, length: 900_000, root: sample.root)
        let other = bench.sample(200_000, seed: 7)
        #expect(
            failure { () throws(BlobError) in
                try bench.blobs.fetch(other.id, length: 200_000, root: other.root)
            }?.code
                == "E341", "what is announced counts")
        try fetch.abandon()
        #expect(bench.blobs.counts.reservedBytes == 0)
        #expect(try bench.blobs.fetches() == [])
        _ = try bench.blobs.fetch(other.id, length: 200_000, root: other.root)
    }
}

@Suite struct FolderTests {
    /// Shows that a folder that goes in comes out the same: bytes, executable bits, empty folders; `.git`, links and
    /// pipes stay out and are named.
    @Test func foldersComeOutAsTheyWentIn() throws {
        let bench = try BlobBench()
        let source = bench.scratch.file("source")
        for folder in ["", "/a", "/a/b", "/empty", "/.git"] { mkdir(source + folder, 0o755) }
        writeFile(source + "/a/b/large", bench.sample(600_000, seed: 1).bytes)
        writeFile(source + "/a/run.sh", Array("#!/bin/sh\n".utf8), mode: 0o755)
        writeFile(source + "/a-b", [1])
        writeFile(source + "/ünï", [])
        writeFile(source + "/.git/config", [1])
        symlink("/etc/passwd", source + "/link")
        mkfifo(source + "/pipe", 0o600)
        let folder = try bench.blobs.put(folder: source)
        #expect(
            folder.tree.entries.map(\.path) == [
                "a", "a-b", "a/b", "a/b/large", "a/run.sh", "empty", "ünï",
            ])
        #expect(folder.skipped == ["link", "pipe"])
        #expect(try bench.blobs.tree(folder.id) == folder.tree)
        #expect(folder.tree.length == 600_011)

        let target = bench.scratch.file("target/deep")
        try bench.blobs.export(tree: folder.id, to: target)
        #expect(try bench.blobs.put(folder: target).id == folder.id)
        #expect(readFile(target + "/a/b/large") == bench.sample(600_000, seed: 1).bytes)
        #expect(
            failure { () throws(BlobError) in try bench.blobs.export(tree: folder.id, to: target) }
                == .exists(target))
        writeFile(target + "/a-b", [9])
        try bench.blobs.export(tree: folder.id, to: target, force: true)
        #expect(readFile(target + "/a-b") == [1])
    }

    /// Shows that an export follows no link out of its target: a folder that is a link stops it, and a file that is a
    /// link is replaced, not written through.
    @Test func exportsStayInTheirTarget() throws {
        let bench = try BlobBench()
        let id = try bench.blobs.put([6])
        let tree = try FolderTree([
            .init(path: "f/x", content: .file(id, length: 1, isExecutable: false))
        ])
        let treeID = try bench.blobs.put(tree)
        let (target, outside) = (bench.scratch.file("target"), bench.scratch.file("outside"))
        mkdir(target, 0o755)
        mkdir(outside, 0o755)
        symlink(outside, target + "/f")
        #expect(
            failure { () throws(BlobError) in
                try bench.blobs.export(tree: treeID, to: target, force: true)
            } != nil)
        #expect(access(outside + "/x", F_OK) != 0)

        unlink(target + "/f")
        mkdir(target + "/f", 0o755)
        writeFile(outside + "/precious", [1])
        symlink(outside + "/precious", target + "/f/x")
        try bench.blobs.export(tree: treeID, to: target, force: true)
        #expect(readFile(outside + "/precious") == [1])
        #expect(readFile(target + "/f/x") == [6])
    }

    /// Shows that a pinned tree keeps its files, and that `unpin` lets them go.
    @Test func aPinnedTreeKeepsItsFiles() throws {
        let bench = try BlobBench(bytesMax: 400_000)
        let file = try bench.blobs.put(bench.sample(390_000, seed: 1).bytes)
        let tree = try bench.blobs.put(
            try FolderTree([
                .init(path: "x", content: .file(file, length: 390_000, isExecutable: false))
            ]))
        try bench.blobs.pin(tree, .user, until: BlobStore.forever, isTree: true)
        #expect(try bench.blobs.collect().blobs == [])
        try bench.blobs.unpin(tree, .user, isTree: true)
        #expect(try bench.blobs.collect().blobs.contains(file))
    }
}
