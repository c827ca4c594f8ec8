import Basis
import Sodium
import Testing
import Trust
import Wire

/// Shows that our trees over libsodium's BLAKE2b give the digests of `ledger.md` Appendix A, which any other
/// implementation can recompute.
@Suite struct HashingTests {
    let hashing = SodiumHashing()

    @Test func merkleRoots() {
        let none = MerkleTree.root(leafTag: "peernode/leaf/v1", items: [], hashing: hashing)
        #expect(none.hex == "787dc4573f91f0cd7df6cf057f90d6127ab5a76529c44f89aecfa6b0609d54de")
        let items = ["a", "b", "c"].map { Array($0.utf8) }
        let tree = MerkleTree(leafTag: "peernode/leaf/v1", items: items, hashing: hashing)
        let root = tree.root(hashing: hashing)
        #expect(root.hex == "64ee672eb0c786d321b4118cbd7fab14bab90e19d1d0f297de2ae559ef0afed3")
        for (i, item) in items.enumerated() {
            #expect(
                tree.path(of: i).proves(
                    item, at: i, of: 3, root: root, leafTag: "peernode/leaf/v1", hashing: hashing))
        }
    }

    @Test(arguments: [
        ([UInt8](), "ae900ffa24d2511efa5d191c4aafbdce45cebdbc7dc9fad3ed4edeb20ad407e1"),
        (Array("2".utf8), "06ca29bb11242bbd3eb4aae0294cbee2287bcfd98614f65f427708a8a129db0f"),
        (
            [UInt8](repeating: 0, count: 262_145),
            "a2fcc61728aaee7c9970a392cdfcbfdc43e4f4fe49cd0ca248da6beea82b7991"
        ),
    ])
    func contentHashes(_ bytes: [UInt8], _ id: String) {
        #expect(BlobTree.id(of: bytes, hashing: hashing).hex == id)
    }

    @Test func drawDigest() {
        let digest = hashing.hash("peernode/draw/v1") {
            $0.bytes32(Bytes32(repeating: 0x11))
            $0.bytes32(Bytes32(repeating: 0x22))
            $0.u32(1)
            $0.u32(0)
        }
        #expect(digest.hex == "a64b3f3fe752912da49fa697a8194addc8aaaf5abe6aef7aae0e72de5a377afa")
    }

    @Test func compareHash() {
        let digest = hashing.hash("peernode/compare/v1") {
            $0.u8(0)
            $0.i32(0)
            $0.fixed(Array("[1,2]".utf8))
        }
        #expect(digest.hex == "1ff72fa1cc29131f260de5622b800d1a4fc9c835ae5dce73f590ca88b4080571")
    }

    /// Shows the keyed hash against a vector of Python's `hashlib.blake2b(digest_size=32, key=…)`.
    @Test func keyed() {
        let digest = hashing.keyed(Bytes32(repeating: 0x42), Array("peernode/seal/v1".utf8) + [0])
        #expect(digest.hex == "13b6ac8bddd89bad432149eda21a9fbc42b144b9795a945effecb79a0f018892")
    }
}
