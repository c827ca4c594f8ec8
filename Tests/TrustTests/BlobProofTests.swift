import Basis
import TestKit
import Testing
import Trust

@Suite struct BlobProofTests {
    /// Shows that each leaf of every tree up to 40 chunks is proven by its siblings, and by nothing else: another
    /// leaf, index, count, root, a longer, shorter or changed proof are all refused.
    @Test func siblingsProveOneLeafAtOnePlace() {
        let hashing = MixHashing()
        for count in 1...40 {
            let leaves = (0..<count).map {
                BlobTree.leaf($0, [UInt8($0), UInt8(count)], hashing: hashing)
            }
            let levels = BlobTree.Levels(leaves: leaves, hashing: hashing)
            let root = BlobTree.root(leaves: leaves, hashing: hashing)
            #expect(levels.root == root)
            func proves(
                _ leaf: Digest, _ index: Int, _ count: Int, _ proof: [Digest], _ root: Digest
            ) -> Bool {
                BlobTree.proves(
                    leaf: leaf, at: index, of: count, proof: proof, root: root, hashing: hashing)
            }
            for index in 0..<count {
                let proof = levels.proof(of: index)
                #expect(proves(leaves[index], index, count, proof, root))
                #expect(
                    !proves(leaves[(index + 1) % count], index, count, proof, root) || count == 1)
                for other in -1...count where other != index {
                    #expect(!proves(leaves[index], other, count, proof, root))
                }
                #expect(!proves(leaves[index], index, count, proof + [.zero], root))
                #expect(!proves(leaves[index], index, count, proof, Digest(repeating: 1)))
                if !proof.isEmpty {
                    #expect(!proves(leaves[index], index, count, Array(proof.dropLast()), root))
                    #expect(!proves(leaves[index], index, count, [.zero] + proof.dropFirst(), root))
                }
            }
        }
    }

    /// Shows that a length near 2⁶⁴, which a peer may announce, has a number of chunks and does not trap.
    @Test func chunkCounts() {
        #expect(
            [0, 1, 262_144, 262_145, 524_288].map { BlobTree.chunkCount(length: $0) } == [
                1, 1, 1, 2, 2,
            ])
        #expect(BlobTree.chunkCount(length: .max) == 1 << 46)
    }
}
