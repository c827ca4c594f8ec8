import Basis
import TestKit
import Testing
import Trust

@Suite struct TextIDTests {
    let hashing = MixHashing()

    /// Shows that ids survive text, that foreign and non-canonical text is refused, and that hexadecimal is read.
    @Test func roundTrips() {
        var rng = SeededGenerator(seed: 3)
        for _ in 0..<200 {
            let raw = Bytes32(rng.bytes(32))!
            let text = TextID.text(.job, raw)
            #expect(text.utf8.count == 4 + 52)
            #expect(TextID.parse(.job, text) == raw)
            #expect(TextID.parse(.job, String(text.dropFirst(4))) == raw)
            #expect(TextID.parse(.job, raw.hex) == raw)
            #expect(TextID.parse(.blob, "blob:" + raw.hex) == raw)
            #expect(TextID.parse(.peer, text) == nil)
        }
        #expect(TextID.bytes(base32: "ab1") == nil)
        #expect(TextID.bytes(base32: "ab") == nil, "an unused bit is set")
        #expect(TextID.base32([0xff, 0x00]) == "74aa")
    }

    /// Shows that one wrong character of an account is noticed.
    @Test func accountsHaveCheckCharacters() {
        let key = PublicKey(repeating: 9)
        let text = TextID.account(key, hashing: hashing)
        #expect(TextID.account(text, hashing: hashing) == key)
        var noticed = 0
        for position in 5..<text.utf8.count {
            var bytes = Array(text.utf8)
            bytes[position] = bytes[position] == 0x61 ? 0x62 : 0x61
            let changed = String(decoding: bytes, as: UTF8.self)
            if TextID.account(changed, hashing: hashing) != key { noticed += 1 }
        }
        #expect(noticed == text.utf8.count - 5)
    }
}

@Suite struct MerkleTests {
    let hashing = MixHashing()

    /// Shows that each leaf proves itself, and that another index, count, item, shape or root is refused.
    @Test func pathsProveExactlyTheirLeaf() {
        for count in 1...17 {
            let items = (0..<count).map { [UInt8($0), 1, 2] }
            let tree = MerkleTree(leafTag: "peernode/leaf/v1", items: items, hashing: hashing)
            let root = tree.root(hashing: hashing)
            for index in 0..<count {
                let path = tree.path(of: index)
                func proves(_ item: [UInt8], _ i: Int, _ n: Int, _ p: MerklePath, _ r: Digest) -> Bool {
                    p.proves(item, at: i, of: n, root: r, leafTag: "peernode/leaf/v1", hashing: hashing)
                }
                #expect(proves(items[index], index, count, path, root))
                #expect(!proves(items[index], index, count + 1, path, root))
                #expect(!proves(items[index], (index + 1) % (count + 1), count, path, root))
                #expect(!proves([99], index, count, path, root))
                #expect(!proves(items[index], index, count, path, .zero))
                let longer = MerklePath(steps: path.steps + [.init(isLeft: true, sibling: .zero)])
                #expect(!proves(items[index], index, count, longer, root))
            }
        }
    }
}
