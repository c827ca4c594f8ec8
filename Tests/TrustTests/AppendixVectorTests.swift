import Basis
import TestKit
import Testing
import Trust

/// The vectors of `ledger.md` Appendix A that need only Trust, with the real hash.
@Suite struct AppendixVectorTests {
    let hashing = Blake2bHashing()

    /// Shows that the hash of the tests is BLAKE2b-256: RFC 7693's message and the block edges against known digests.
    @Test func blake2b() {
        #expect(
            hashing.digest([]).hex
                == "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8")
        #expect(
            hashing.digest(Array("abc".utf8)).hex
                == "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319")
    }

    /// Shows content ids of the appendix: empty, one byte, and one byte more than a chunk.
    @Test func contentHashes() {
        func id(_ bytes: [UInt8]) -> String { BlobTree.id(of: bytes, hashing: hashing).hex }
        #expect(id([]) == "ae900ffa24d2511efa5d191c4aafbdce45cebdbc7dc9fad3ed4edeb20ad407e1")
        #expect(id([0x32]) == "06ca29bb11242bbd3eb4aae0294cbee2287bcfd98614f65f427708a8a129db0f")
        #expect(
            id([UInt8](repeating: 0, count: 262_145))
                == "a2fcc61728aaee7c9970a392cdfcbfdc43e4f4fe49cd0ca248da6beea82b7991")
    }

    /// Shows the Merkle roots of the appendix.
    @Test func merkleRoots() {
        func root(_ items: [String]) -> String {
            MerkleTree.root(
                leafTag: "peernode/leaf/v1", items: items.map { Array($0.utf8) }, hashing: hashing
            ).hex
        }
        #expect(root([]) == "787dc4573f91f0cd7df6cf057f90d6127ab5a76529c44f89aecfa6b0609d54de")
        #expect(
            root(["a", "b", "c"])
                == "64ee672eb0c786d321b4118cbd7fab14bab90e19d1d0f297de2ae559ef0afed3")
    }
}
