import Basis
import Records
import Testing
import Trust
import Wire

@Suite struct FolderTreeTests {
    static func file(_ path: String, _ byte: UInt8 = 1) -> FolderTree.Entry {
        .init(
            path: path, content: .file(BlobID(repeating: byte), length: 5, isExecutable: byte == 2))
    }

    /// Shows that the order in which files are given does not matter and that folders are added.
    @Test func oneTreeForOneContent() throws {
        let a = try FolderTree([Self.file("b/c/d"), Self.file("b-"), Self.file("a", 2)])
        let b = try FolderTree([
            Self.file("a", 2), .init(path: "b", content: .folder), Self.file("b-"),
            Self.file("b/c/d"),
        ])
        #expect(a == b)
        #expect(a.entries.map(\.path) == ["a", "b", "b-", "b/c", "b/c/d"])
        #expect(a.blobs == [BlobID(repeating: 1), BlobID(repeating: 2)])
        #expect(a.length == 15)
        #expect(try FolderTree(decoding: a.encoded) == a)
    }

    /// Shows each refusal by the entries that cause it.
    @Test func refusalsAreTyped() {
        func fault(_ entries: [FolderTree.Entry]) -> FolderTree.Fault? {
            do throws(FolderTree.Fault) {
                _ = try FolderTree(entries)
                return nil
            } catch { return error }
        }
        let long = String(repeating: "x", count: FolderTree.pathBytesMax + 1)
        for path in ["", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a/..", "a\u{0}b", long] {
            #expect(fault([Self.file(path)]) == .badPath(path))
        }
        #expect(fault([Self.file("a.."), Self.file("...")]) == nil)
        #expect(fault([Self.file("a"), Self.file("a")]) == .duplicate("a"))
        #expect(fault([Self.file("a"), Self.file("a/b")]) == .belowFile("a/b"))
        #expect(fault([Self.file("a/b"), Self.file("a")]) == .duplicate("a"))
        let large = FolderTree.Entry(
            path: "l", content: .file(.zero, length: FolderTree.bytesMax, isExecutable: false))
        #expect(fault([large]) == nil)
        #expect(fault([large, Self.file("m")]) == .tooManyBytes)
        // Two spellings of one accent are two names, as on the disk.
        #expect(fault([Self.file("\u{e9}"), Self.file("e\u{301}")]) == nil)
    }

    /// Shows the layout by its bytes.
    @Test func layout() throws {
        let tree = try FolderTree([Self.file("a/b", 2)])
        #expect(
            tree.encoded.hex == "02000000" + "01000000" + "61" + "01" + "00" + "0000000000000000"
                + String(repeating: "00", count: 32) + "03000000" + "612f62" + "00" + "01"
                + "0500000000000000"
                + String(repeating: "02", count: 32))
    }

    /// Shows that no bytes trap the decoder, that what it accepts encodes to itself, and that paths outside cannot come
    /// in: seeded mutations.
    @Test func acceptedMutationsEncodeToThemselves() throws {
        var rng = SeededGenerator(seed: 5)
        let tree = try FolderTree([
            Self.file("a/b", 2), Self.file("a/c"), Self.file("d/e/f"), Self.file("g"),
        ])
        var accepted = 0
        for _ in 0..<5_000 {
            var bytes = tree.encoded
            for _ in 0..<Int.random(in: 1...2, using: &rng) {
                let values: [UInt8] = [
                    0x2e, 0x2f, 0, 1, 0x61, 0xff, UInt8.random(in: 0...255, using: &rng),
                ]
                bytes[Int.random(in: 0..<bytes.count, using: &rng)] = values.randomElement(
                    using: &rng)!
            }
            guard let other = try? FolderTree(decoding: bytes) else { continue }
            accepted += 1
            #expect(other.encoded == bytes)
            for entry in other.entries {
                #expect(
                    !entry.path.split(separator: "/", omittingEmptySubsequences: false).contains {
                        ["", ".", ".."].contains($0)
                    })
            }
        }
        #expect(accepted > 500)
    }
}
